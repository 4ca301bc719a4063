/* What a worker notes at the end of each turn for those who ask how it does: what is so now, beside
 * what is counted as it happens. Of no use where nobody can ask. */
#pragma once

#include "serve/listener.h"
#include "serve/server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gauges {
    struct server *server;            /* borrowed */
    const struct listener *listeners; /* borrowed */
    size_t listener_count;
    bool sees_shared;        /* else another worker looks at the queues of shared sockets */
    int64_t looked_ms;       /* when the accept queues were looked at */
    uint64_t log_lines_lost; /* that have been counted */
};

void gauges_init(struct gauges *gauges, struct server *server, const struct listener *listeners,
                 size_t listener_count, bool sees_shared);

/* To be called at the end of a turn. */
void gauges_note(struct gauges *gauges);
