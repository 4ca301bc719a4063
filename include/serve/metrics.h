/* What can be known of a running server: the tallies of all workers that there are and were, in
 * memory that the processes share. The master makes it before it forks; each worker writes to a
 * slot of its own; whoever asks reads them all.
 *
 * A worker is known by its number, 0 and up, which its successors have, too. A slot belongs to a
 * number for good: the next worker with that number goes on with what the slot has, so that
 * counters grow over deaths and reloads. While one drains, its successor has another slot, and what
 * is known of the number is the sum of both. So nothing is ever moved from slot to slot, and no
 * reader sees something twice, or not at all. */
#pragma once

#include "base/err.h"
#include "serve/digest.h"
#include "serve/tally.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A worker that finds none free is not counted. */
enum { METRICS_SLOTS_MAX = 4096 };

enum metrics_phase { METRICS_STARTING, METRICS_SERVING, METRICS_DRAINING };

struct metrics_slot {
    uint64_t number; /* of the worker; set before the slot is counted in `slot_count` */
    uint64_t alive;  /* 1 from its start to its end */
    struct tally tally;
    struct digest withheld;      /* from a terminal */
} __attribute__((aligned(128))); /* of which processors fetch pairs of lines */

/* What is so of the server as a whole. */
struct metrics_state {
#define TALLIED(field, shape, kind, name, help)
#define STATED(field, kind, name, help) uint64_t field;
#include "serve/metric.def"
#undef TALLIED
#undef STATED
};

/* All of it but the tallies is written by the master alone. */
struct metrics {
    uint64_t phase; /* enum metrics_phase */
    uint64_t slot_count;
    struct metrics_state state;
    struct metrics_slot slots[METRICS_SLOTS_MAX];
};

/* A row of the table, for what prints the state. */
struct metrics_state_row {
    enum metric_kind kind;
    const char *name;
    const char *help;
    size_t offset; /* of its field in struct metrics_state, in bytes */
};

/* The rows of the state, ended by one without a name; static. */
const struct metrics_state_row *metrics_state_rows(void);

/* Makes the shared memory, of which only what is used takes any. `now_s` is the time of day.
 * Returns 0, or -errno and a message. */
int metrics_open(struct metrics **metrics, int64_t now_s, struct err *err);

/* NULL is allowed here, and wherever the master speaks of its workers below: then nobody asks. */
void metrics_close(struct metrics *metrics);

/* The master's part */

void metrics_set_phase(struct metrics *metrics, enum metrics_phase phase);

/* Workers will be started with another configuration. */
void metrics_next_generation(struct metrics *metrics);

/* A worker with that number starts; call it before fork(2). Returns its slot, or NULL where there
 * is none. */
struct metrics_slot *metrics_worker_starts(struct metrics *metrics, size_t number);

/* The worker of the slot has ended, and was waited for. `died`: without having been told to. The
 * connections that it had are counted as closed. NULL is allowed. */
void metrics_worker_ended(struct metrics *metrics, struct metrics_slot *slot, bool died);

/* For those who ask */

enum metrics_phase metrics_phase(const struct metrics *metrics);

void metrics_read_state(const struct metrics *metrics, struct metrics_state *state);

/* How many numbers workers have had: one more than the highest. */
size_t metrics_numbers(const struct metrics *metrics);

/* What the workers with that number have counted; and all of them. */
void metrics_read_worker(const struct metrics *metrics, size_t number, struct tally *tally);
void metrics_read_all(const struct metrics *metrics, struct tally *tally);

/* The requests of all workers whose lines were withheld. */
void metrics_read_withheld(const struct metrics *metrics, struct digest *withheld);
