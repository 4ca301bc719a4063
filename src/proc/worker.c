#include "proc/worker.h"

#include "base/diag.h"
#include "serve/connections.h"
#include "serve/gauges.h"
#include "serve/listener.h"
#include "serve/server.h"
#include "sys/channel.h"
#include "sys/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* When a worker stops, the listening sockets, and connections that nothing is asked on, are closed
 * after this long: a request that is on its way is still answered. Where another generation takes
 * its place, nobody waits for the end, and clients that are slow to ask get more time. */
enum { STOP_GRACE_MS = 250, RETIRE_GRACE_MS = 1000 };

/* Turns in a row that may leave events for the next one before deadlines are looked at all the
 * same. */
enum { CROWDED_TURNS_MAX = 64 };

struct worker {
    struct loop loop;
    struct server server;
    const struct listeners_socket *sockets; /* borrowed */
    struct listener *listeners;             /* one for each of them; owned */
    size_t listener_count;
    struct gauges gauges; /* with server.timed */
    struct source signals;
    struct source channel;
    int64_t drain_timeout_ms;
    int64_t accept_until_ms;  /* while server.draining */
    int64_t close_idle_at_ms; /* the same */
    int64_t give_up_at_ms;    /* the same */
    uint32_t alone;           /* addresses that nobody takes over, a bit for the place of each */
    bool retired;             /* it accepts no more, and has said so */
    bool orphaned;            /* the master is gone */
};

/* Returns 0 or -errno. */
static int tell(const struct worker *worker, enum worker_word word) {
    return channel_send(worker->channel.fd, (char)word, -1);
}

static void drain(struct worker *worker, int64_t idle_grace_ms) {
    if (worker->server.draining)
        return;
    worker->server.draining = true; /* before the last are accepted and answered */
    worker->accept_until_ms = worker->loop.now_ms + STOP_GRACE_MS;
    worker->close_idle_at_ms = worker->loop.now_ms + idle_grace_ms;
    worker->give_up_at_ms = worker->loop.now_ms + worker->drain_timeout_ms;
}

/* Stops accepting, but for the addresses in `alone`, a bit for the place of each. */
static void close_listeners(struct worker *worker, uint32_t alone) {
    for (size_t i = 0; i < worker->listener_count; i++) {
        struct source *source = &worker->listeners[i].source;
        if (source->fd < 0 || (alone >> worker->sockets[i].place & 1) != 0)
            continue;
        listener_stop(&worker->listeners[i]);
        source_close(source);
    }
    if (alone == 0 && !worker->retired) {
        worker->retired = true;
        (void)tell(worker, WORKER_RETIRED); /* the master sees it end, too, but later */
    }
}

static void on_signal(struct source *source) {
    struct worker *worker = list_entry(source, struct worker, signals);
    int number;
    source->ready = 0;
    while ((number = signals_next(source->fd)) != 0) {
        if (number == SIGTERM)
            drain(worker, STOP_GRACE_MS);
    }
}

static void obey(struct worker *worker, char order, int passed) {
    if (order == WORKER_LOG && passed >= 0) {
        accesslog_switch(&worker->server.ledger.log, passed);
        return;
    }
    if (passed >= 0)
        (void)close(passed);
    if (order >= WORKER_ALONE && order < WORKER_ALONE + OPTIONS_ADDRESSES_MAX)
        worker->alone |= 1u << (order - WORKER_ALONE);
    if (order == WORKER_RETIRE) {
        drain(worker, RETIRE_GRACE_MS);
        close_listeners(worker, worker->alone);
    }
}

static void on_channel(struct source *source) {
    struct worker *worker = list_entry(source, struct worker, channel);
    enum channel_outcome outcome;
    char byte;
    int passed;
    while ((outcome = channel_receive(source->fd, &byte, &passed)) == CHANNEL_BYTE)
        obey(worker, byte, passed);
    worker->orphaned = outcome == CHANNEL_END;
}

/* The master stops its workers itself, so that a Ctrl-C, which the terminal sends to all of them,
 * is not obeyed twice; and what is meant for the master, whoever has signalled all of pronto's
 * processes, must not end its workers. */
static void ignore_signals(void) {
    static const int numbers[] = {SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        (void)signal(numbers[i], SIG_IGN);
}

static void tell_what_is_unwatched(const struct worker *worker, const struct roots *roots) {
    for (size_t i = 0; i < roots->count; i++) {
        struct slice prefix = roots->items[i].prefix;
        if (store_is_watched(&worker->server.store, i))
            continue;
        diag_message("%s%.*s cannot be watched for changes, so its files are looked up anew, which "
                     "takes longer (see fs.inotify in sysctl, unless it is a remote file system)",
                     prefix.len > 0 ? "what is mounted at /" : "the root", (int)prefix.len,
                     prefix.len > 0 ? prefix.ptr : "");
    }
}

/* A root was opened by whoever started pronto; it is read as the user that the worker is. */
static int require_readable(const struct roots *roots, struct err *err) {
    for (size_t i = 0; i < roots->count; i++) {
        int result = docroot_try(&roots->items[i]);
        if (result < 0)
            return err_set(err, -result, "the user that workers run as (--user) cannot read %s: %s",
                           i == 0 ? "the root" : "what is mounted", strerror(-result));
    }
    return 0;
}

static void raise_walls(const struct worker_config *config) {
    int directories[ROOTS_MAX];
    for (size_t i = 0; i < config->roots->count; i++)
        directories[i] = config->roots->items[i].root.fd;
    sandbox_close(config->sandbox, SECCOMP_WORKER, directories, config->roots->count,
                  config->slot > 0);
}

/* Somebody can ask how the worker does. */
static void count_for_others(struct worker *worker, const struct worker_config *config) {
    worker->server.tally = config->tally;
    worker->server.timed = true;
    gauges_init(&worker->gauges, &worker->server, worker->listeners, worker->listener_count,
                config->slot == 0);
}

static int listen_on(struct worker *worker, const struct worker_config *config) {
    int result = 0;
    worker->listeners = calloc(config->socket_count, sizeof *worker->listeners);
    if (worker->listeners == NULL)
        return -ENOMEM;
    worker->sockets = config->sockets;
    for (size_t i = 0; i < config->socket_count && result == 0; i++) {
        result = listener_init(&worker->listeners[i], &worker->server, config->sockets[i].fd,
                               config->sockets[i].shared);
        worker->listener_count = i + 1;
    }
    return result;
}

static int init(struct worker *worker, const struct worker_config *config, struct err *err) {
    static const int numbers[] = {SIGTERM, 0};
    ignore_signals();
    int result = sandbox_step_down(config->sandbox, err);
    if (result == 0)
        result = require_readable(config->roots, err);
    if (result == 0)
        result = loop_init(&worker->loop, err);
    if (result < 0)
        return result;
    result = server_init(&worker->server, &worker->loop, config->roots, config->options, err);
    if (result < 0)
        return result;
    if (ledger_init(&worker->server.ledger, &worker->loop, config->options, config->log_fd) < 0)
        return err_set(err, ENOMEM, "not enough memory");
    result = signals_open(numbers, err);
    if (result < 0)
        return result;
    source_init(&worker->signals, result, on_signal);
    source_init(&worker->channel, config->channel, on_channel);
    result = loop_add(&worker->loop, &worker->signals, EPOLLIN);
    if (result == 0)
        result = loop_add(&worker->loop, &worker->channel, EPOLLIN | EPOLLRDHUP);
    if (result == 0)
        result = listen_on(worker, config);
    if (result < 0)
        return err_set(err, -result, "cannot wait for connections: %s", strerror(-result));
    if (config->tally != NULL)
        count_for_others(worker, config);
    accesslog_withhold(&worker->server.ledger.log, config->withheld);
    if (config->slot > 0)
        store_be_silent(&worker->server.store);
    worker->drain_timeout_ms = config->options->drain_timeout;
    if (config->options->cache_size > 0)
        tell_what_is_unwatched(worker, config->roots);
    raise_walls(config);
    return 0;
}

static void deinit(struct worker *worker) {
    for (size_t i = 0; i < worker->listener_count; i++) {
        if (worker->listeners[i].source.fd >= 0)
            (void)close(worker->listeners[i].source.fd);
    }
    free(worker->listeners);
    server_deinit(&worker->server);
    if (worker->signals.fd >= 0)
        (void)close(worker->signals.fd);
    loop_deinit(&worker->loop);
}

/* How long the next turn may sleep. */
static int64_t wait_ms(const struct worker *worker) {
    int64_t now_ms = worker->loop.now_ms;
    int64_t wait_ms = server_wait_ms(&worker->server);
    const int64_t deadlines_ms[] = {worker->accept_until_ms, worker->close_idle_at_ms};
    if (!worker->server.draining)
        return wait_ms;
    for (size_t i = 0; i < sizeof deadlines_ms / sizeof deadlines_ms[0]; i++) {
        if (now_ms < deadlines_ms[i])
            wait_ms = deadline_sooner_ms(wait_ms, deadlines_ms[i], now_ms);
    }
    return deadline_sooner_ms(wait_ms, worker->give_up_at_ms, now_ms);
}

/* Whether a worker that drains is done. At the end of the grace, connections that are still in the
 * kernel's hands have had time to come. */
static bool is_drained(struct worker *worker) {
    if (worker->loop.now_ms >= worker->give_up_at_ms)
        return true;
    if (worker->loop.now_ms < worker->accept_until_ms)
        return false;
    close_listeners(worker, 0);
    if (worker->loop.now_ms >= worker->close_idle_at_ms)
        connections_close_idle(&worker->server);
    return worker->server.connections == 0;
}

static int serve(struct worker *worker) {
    int status = EXIT_SUCCESS;
    unsigned crowded_turns = 0;
    while (!worker->orphaned) {
        int result = loop_turn(&worker->loop, wait_ms(worker));
        if (result < 0) {
            diag_message("a worker cannot wait for events: %s", strerror(-result));
            status = EXIT_FAILURE;
            break;
        }
        /* A client whose bytes have come is not late, so events come first; but not for ever. */
        crowded_turns = worker->loop.crowded ? crowded_turns + 1 : 0;
        if (crowded_turns % CROWDED_TURNS_MAX == 0)
            connections_expire(&worker->server);
        accesslog_flush_due(&worker->server.ledger.log, worker->loop.now_ms);
        if (pace_tell(&worker->server.ledger.log.pace))
            tell(worker, WORKER_POURS);
        if (worker->server.timed)
            gauges_note(&worker->gauges);
        if (worker->server.draining && is_drained(worker))
            break;
    }
    connections_close_all(&worker->server);
    return status;
}

int worker_run(const struct worker_config *config) {
    struct worker worker = {.loop = LOOP_INIT, .server = SERVER_INIT, .signals = {.fd = -1}};
    struct err err = ERR_INIT;
    int status = EXIT_FAILURE;
    int result = init(&worker, config, &err);
    if (result == 0) {
        result = tell(&worker, WORKER_READY);
        if (result < 0)
            (void)err_set(&err, -result, "a worker cannot say that it is ready: %s",
                          strerror(-result));
    }
    if (result < 0)
        diag_message("%s", err.text);
    else
        status = serve(&worker);
    deinit(&worker);
    return status;
}
