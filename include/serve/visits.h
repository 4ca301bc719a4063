/* Those who ask on --admin: their connections, a few dozen, of which most ask now and then and some
 * read events. Bounded in number, size and time; who is slow harms nobody else. */
#pragma once

#include "base/deadline.h"
#include "base/list.h"
#include "conf/options.h"
#include "serve/admin.h"
#include "sys/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    VISITS_MAX = 64, /* then the one idle longest gives way to a new one, or the new one goes */
    VISITS_STREAMS_MAX = 16, /* of events */
    VISITS_HEAD_MAX = 8192,  /* bytes of a request */
};

/* What a connection waits for. */
enum visits_deadline {
    VISITS_NOTHING, /* the next event to be sent */
    VISITS_IDLE,    /* a request */
    VISITS_HEAD,    /* the rest of one */
    VISITS_SEND,    /* the client to take some bytes */
    VISITS_LINGER,  /* the client to close */
    VISITS_DEADLINES,
};

struct visits_door {
    struct source source;
    struct visits *visits;
};

struct visits {
    struct loop *loop; /* borrowed */
    struct admin admin;
    struct visits_door doors[OPTIONS_ADDRESSES_MAX];
    size_t door_count;
    struct list all; /* connections */
    size_t count;
    size_t streams; /* that read events */
    struct deadline_queue deadlines[VISITS_DEADLINES];
    int64_t look_at_ms; /* when the next point of the trend is due */
    bool stopping;      /* no connection persists */
};

/* Accepts from `sockets`, which are borrowed, as are the loop and the metrics. Returns 0 or -errno.
 */
int visits_init(struct visits *visits, struct loop *loop, const struct metrics *metrics,
                const int *sockets, size_t socket_count);

/* Accepts no more, and ends the events: who is here may still ask once, and is answered. */
void visits_stop(struct visits *visits);

/* Closes all connections. Idempotent. */
void visits_deinit(struct visits *visits);

/* Does what is due: to be called after each turn of the loop. */
void visits_tick(struct visits *visits);

/* How long the loop may sleep, in milliseconds. */
int64_t visits_wait_ms(const struct visits *visits);
