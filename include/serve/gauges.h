/* What a worker notes at the end of each turn for those who ask how it does: what is so now, beside
 * what is counted as it happens. Of no use where nobody can ask. */
#pragma once

#include "serve/listener.h"
#include "serve/server.h"

#include <stddef.h>
#include <stdint.h>

struct gauges {
    struct server *server;           /* borrowed */
    const struct listener *listeners; /* borrowed */
    size_t listener_count;
    uint32_t drops[OPTIONS_ADDRESSES_MAX]; /* of each listener's queue, when last looked at */
    int64_t looked_ms;                     /* when the queues were */
};

/* Starts: what the queues have dropped up to now was counted, or will not be. */
void gauges_init(struct gauges *gauges, struct server *server, const struct listener *listeners,
                 size_t listener_count);

/* To be called at the end of a turn. */
void gauges_note(struct gauges *gauges);
