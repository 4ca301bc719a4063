/* Timeouts for many things at a cost of O(1). All members of a queue wait for the same duration, so
 * that the order in which they came is the order in which they are due, and starting again means
 * moving to the end. */
#pragma once

#include "base/list.h"

#include <stdint.h>

struct deadline {
    struct list link;
    int64_t due_ms; /* on the clock of the `now_ms` given to deadline_start() */
};

struct deadline_queue {
    struct list members; /* the one that is due first comes first */
    int64_t duration_ms;
};

void deadline_queue_init(struct deadline_queue *queue, int64_t duration_ms);

void deadline_init(struct deadline *deadline);

/* Starts the deadline, or starts it again, in any queue: it is due `queue->duration_ms` from now.
 * The queue borrows it until it is stopped, started elsewhere or expires. `now_ms` must never run
 * backwards. */
void deadline_start(struct deadline *deadline, struct deadline_queue *queue, int64_t now_ms);

/* Does nothing to a deadline that is not running. */
void deadline_stop(struct deadline *deadline);

/* Takes one deadline that is due out of the queue and returns it, or NULL where none is. */
struct deadline *deadline_expired(struct deadline_queue *queue, int64_t now_ms);

/* The one that is due first, or NULL; it stays in the queue. */
struct deadline *deadline_first(const struct deadline_queue *queue);

/* How long to sleep, in milliseconds: until `due_ms`, but no longer than `wait_ms` (negative:
 * forever); at least 0. */
int64_t deadline_sooner_ms(int64_t wait_ms, int64_t due_ms, int64_t now_ms);

/* The same for the queue's first deadline, if it has one. */
int64_t deadline_wait_ms(const struct deadline_queue *queue, int64_t now_ms, int64_t wait_ms);
