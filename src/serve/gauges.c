#include "serve/gauges.h"

#include "sys/clock.h"
#include "sys/socket.h"

enum { LOOK_MS = 1000 };

static void note_turn(struct tally *tally, struct stopwatch *stopwatch, int64_t begun_ns) {
    int64_t now_ns = clock_now_ns();
    uint64_t duration_ns = (uint64_t)(now_ns - begun_ns);
    stopwatch_read(stopwatch, &tally->request_times, now_ns);
    histogram_observe(&tally->turn_times, duration_ns, 1);
    if (duration_ns > tally->longest_turn)
        counter_set(&tally->longest_turn, duration_ns);
}

static void note_store(struct tally *tally, struct store *store) {
    counter_add(&tally->cache_hits, store->counts.hits);
    counter_add(&tally->cache_misses, store->counts.misses);
    counter_add(&tally->cache_invalidations, store->counts.invalidations);
    store->counts = (struct store_counts){0};
    if (!store->keeps)
        return;
    counter_set(&tally->cache_entries, cache_count(&store->cache));
    counter_set(&tally->cache_bytes, cache_bytes(&store->cache));
}

static void note_log(struct gauges *gauges) {
    uint64_t lost = gauges->server->ledger.log.lost;
    counter_add(&gauges->server->tally->log_lines_lost, lost - gauges->log_lines_lost);
    gauges->log_lines_lost = lost;
}

/* A socket that cannot be looked at has nothing in its queue as far as one knows. */
static void note_queues(struct gauges *gauges) {
    struct tally *tally = gauges->server->tally;
    uint64_t length = 0;
    uint64_t limit = 0;
    for (size_t i = 0; i < gauges->listener_count; i++) {
        struct socket_queue queue = {0};
        if (gauges->listeners[i].shared && !gauges->sees_shared)
            continue;
        if (socket_look_at_queue(gauges->listeners[i].source.fd, &queue) < 0)
            continue;
        length += queue.length;
        limit += queue.limit;
    }
    counter_set(&tally->queue_length, length);
    counter_set(&tally->queue_limit, limit);
}

void gauges_init(struct gauges *gauges, struct server *server, const struct listener *listeners,
                 size_t listener_count, bool sees_shared) {
    *gauges = (struct gauges){.server = server,
                              .listeners = listeners,
                              .listener_count = listener_count,
                              .sees_shared = sees_shared};
    note_queues(gauges);
}

/* Queues are looked at once a second, and as long as there is something in them: so none is left
 * with a length that it had when the worker fell asleep. */
void gauges_note(struct gauges *gauges) {
    struct tally *tally = gauges->server->tally;
    const struct loop *loop = gauges->server->loop;
    note_turn(tally, &gauges->server->stopwatch, loop->now_ns);
    note_store(tally, &gauges->server->store);
    note_log(gauges);
    if (loop->now_ms - gauges->looked_ms >= LOOK_MS || tally->queue_length > 0) {
        gauges->looked_ms = loop->now_ms;
        note_queues(gauges);
    }
}
