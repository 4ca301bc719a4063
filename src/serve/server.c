#include "serve/server.h"

#include "http/head.h"
#include "http/request.h"
#include "http/target.h"
#include "sys/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* A client that was told why it is refused should close soon. */
enum { LINGER_MS = 2000 };

enum { STARVED_RETRY_MS = 100 };

/* Descriptors kept for files; and those that a worker opens for itself after its loop's. */
enum { RESERVE_MAX = 64, OWN_FDS = 4 };

/* What the descriptor limit allows, less some for files (one part in `share` of the reserve), those
 * that are kept open (`kept`), and what a worker has open anyway. */
static size_t affordable_connections(int last_fd, size_t kept, unsigned share) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return SIZE_MAX;
    rlim_t reserve = limit.rlim_cur / 4 < RESERVE_MAX ? limit.rlim_cur / 4 : RESERVE_MAX;
    rlim_t taken = reserve / share + kept + (rlim_t)last_fd + OWN_FDS;
    return limit.rlim_cur > taken ? limit.rlim_cur - taken : 1;
}

/* Those that come for one of the last descriptors would be answered with 503 for want of another
 * one: they wait. */
static void bound_connections(struct server *server) {
    int last_fd = server->loop->epoll_fd;
    size_t most = affordable_connections(last_fd, server->store.fds_max, 2);
    server->comfortable = affordable_connections(last_fd, server->store.fds_max, 1);
    if (server->max_connections > most)
        server->max_connections = most;
    if (server->comfortable > server->max_connections)
        server->comfortable = server->max_connections;
}

/* Files have changed: whoever is answered from now on is told the new state. */
static void on_changes(struct source *source) {
    struct server *server = list_entry(source, struct server, changes);
    store_notice(&server->store);
}

static int init_store(struct server *server, const struct roots *roots,
                      const struct options *options, struct err *err) {
    int result = store_init(&server->store, roots, options, err);
    source_init(&server->changes, store_fd(&server->store), on_changes);
    if (result < 0 || server->changes.fd < 0)
        return result;
    loop_set_first(server->loop, &server->changes);
    result = loop_add(server->loop, &server->changes, EPOLLIN);
    return result < 0
               ? err_set(err, -result, "cannot wait for changes of files: %s", strerror(-result))
               : 0;
}

/* Pages are told of changes (--live). */
static int go_live(struct server *server, struct err *err) {
    int result = live_init(&server->live, &server->loop->now_ms, err);
    if (result == 0)
        store_go_live(&server->store, &server->live.changes, live_appendix());
    return result;
}

_Static_assert(3 * OPTIONS_PATH_MAX < REQUEST_TARGET_MAX, "a path is a target, percent-encoded");

/* Keeps the target by which a request would ask for a path, so that both find the same in the
 * store.
 */
static int keep_target(struct buf *target, struct slice path, struct err *err) {
    size_t capacity = 1 + 3 * path.len;
    if (path.ptr == NULL)
        return 0;
    *target = (struct buf)BUF_INIT(malloc(capacity), capacity);
    if (target->ptr == NULL)
        return err_set(err, ENOMEM, "not enough memory");
    buf_put_char(target, '/');
    target_write_encoded(target, path);
    return 0;
}

int server_init(struct server *server, struct loop *loop, const struct roots *roots,
                const struct options *options, struct err *err) {
    *server = (struct server){
        .loop = loop,
        .store = STORE_INIT,
        .ledger = LEDGER_INIT,
        .cors = options->cors,
        .listing = options->listing == LISTING_ON,
        .max_head = options->max_head,
        .max_body = options->max_body,
        .max_connections = options->max_connections > 0 ? options->max_connections : SIZE_MAX,
        .send_rate = options->send_rate,
        .min_rate = options->min_rate,
        .held_max = options->buffer_size,
        .trusted = options->trust,
        .proxy_protocol = options->proxy_protocol,
        .quota = QUOTA_INIT,
        .opening = {.time_s = INT64_MIN},
        .input_capacity = options->max_head + SERVER_READ_BYTES,
    };
    server->tally = &server->own_tally;
    const int64_t durations_ms[DEADLINE_COUNT] = {
        [DEADLINE_IDLE] = options->idle_timeout, [DEADLINE_HEAD] = options->head_timeout,
        [DEADLINE_BODY] = options->idle_timeout, [DEADLINE_SEND] = options->send_timeout,
        [DEADLINE_LINGER] = LINGER_MS,           [DEADLINE_NEWS] = LIVE_BEAT_MS,
    };
    for (int i = 0; i < DEADLINE_COUNT; i++)
        deadline_queue_init(&server->deadlines[i], durations_ms[i]);
    list_init(&server->starved);
    int result = random_digits(server->boundary, sizeof server->boundary, err);
    if (result == 0)
        result = keep_target(&server->spa, options->spa, err);
    if (result == 0)
        result = quota_init(&server->quota, options->max_per_ip, err);
    if (result == 0)
        result = init_store(server, roots, options, err);
    if (result == 0 && options->live)
        result = go_live(server, err);
    if (result < 0)
        return result;
    bound_connections(server);
    server->input = malloc(server->input_capacity);
    server->path = malloc(REQUEST_TARGET_MAX);
    if (server->input == NULL || server->path == NULL || outq_init(&server->output) < 0) {
        server_deinit(server);
        return err_set(err, ENOMEM, "not enough memory");
    }
    return 0;
}

void server_deinit(struct server *server) {
    free(server->input);
    free(server->path);
    free(server->spa.ptr);
    outq_deinit(&server->output);
    ledger_deinit(&server->ledger);
    store_deinit(&server->store);
    live_deinit(&server->live);
    quota_deinit(&server->quota);
    server->input = NULL;
    server->path = NULL;
    server->spa = (struct buf){0};
}

const struct head_opening *server_opening(struct server *server) {
    if (server->loop->time_s != server->opening.time_s)
        head_open(&server->opening, server->loop->time_s);
    return &server->opening;
}

void server_starve(struct server *server, struct source *listener) {
    if (list_is_empty(&server->starved))
        server->starved_retry_ms = server->loop->now_ms + STARVED_RETRY_MS;
    list_remove(&listener->place);
    list_append(&server->starved, &listener->place);
}

void server_wake_starved(struct server *server) {
    list_splice(&server->loop->ready, &server->starved);
}

int64_t server_wait_ms(const struct server *server) {
    int64_t now_ms = server->loop->now_ms;
    int64_t wait_ms = -1;
    if (!list_is_empty(&server->starved))
        wait_ms = deadline_sooner_ms(wait_ms, server->starved_retry_ms, now_ms);
    for (unsigned i = 0; i < DEADLINE_COUNT; i++)
        wait_ms = deadline_wait_ms(&server->deadlines[i], now_ms, wait_ms);
    wait_ms = live_wait_ms(&server->live, wait_ms);
    return accesslog_wait_ms(&server->ledger.log, now_ms, wait_ms);
}
