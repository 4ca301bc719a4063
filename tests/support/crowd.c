#include "support/crowd.h"

#include "support/note.h"

static size_t smallest_share(const struct crowd *crowd) {
    size_t shares[CROWD_WORKERS_MAX] = {0};
    for (size_t i = 0; i < crowd->count; i++)
        shares[crowd->worker[i]]++;
    size_t smallest = CROWD_MAX;
    for (size_t i = 0; i < crowd->workers; i++)
        smallest = shares[i] < smallest ? shares[i] : smallest;
    return smallest;
}

static void count_fds(const pid_t *workers, size_t count, size_t *fds) {
    for (size_t i = 0; i < count; i++)
        fds[i] = process_count_fds(workers[i]);
}

/* Opens a connection, and sees which worker has more fds than before. */
static void add_client(struct crowd *crowd, const struct server *server, const pid_t *workers) {
    size_t before[CROWD_WORKERS_MAX];
    size_t after[CROWD_WORKERS_MAX];
    struct response response;
    assert_in_range(crowd->count, 0, CROWD_MAX - 1);
    struct client *client = &crowd->clients[crowd->count];
    count_fds(workers, crowd->workers, before);
    client_open(client, server->port);
    client_get(client, "/", &response);
    response_deinit(&response);
    count_fds(workers, crowd->workers, after);
    size_t grown = 0;
    for (size_t i = 0; i < crowd->workers; i++) {
        if (after[i] > before[i]) {
            crowd->worker[crowd->count] = i;
            grown++;
        }
    }
    assert_int_equal(grown, 1);
    crowd->count++;
}

void crowd_open(struct crowd *crowd, const struct server *server, size_t each) {
    pid_t workers[SERVER_WORKERS_MAX];
    crowd->count = 0;
    crowd->workers = server_workers(server, workers);
    assert_in_range(crowd->workers, 1, CROWD_WORKERS_MAX);
    while (smallest_share(crowd) < each)
        add_client(crowd, server, workers);
}

struct client *crowd_pick(struct crowd *crowd, size_t worker, uint64_t random) {
    size_t at = random % crowd->count;
    while (crowd->worker[at] != worker)
        at = (at + 1) % crowd->count;
    return &crowd->clients[at];
}

void crowd_close(struct crowd *crowd) {
    for (size_t i = 0; i < crowd->count; i++)
        client_close(&crowd->clients[i]);
    crowd->count = 0;
}
