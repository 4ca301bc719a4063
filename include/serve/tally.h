/* What a worker counts, in memory that others may read meanwhile (base/counter.h). */
#pragma once

#include "base/counter.h"
#include "base/histogram.h"
#include "http/method.h"
#include "http/refusal.h"
#include "http/status.h"

#include <stddef.h>
#include <stdint.h>

enum close_reason {
#define CLOSE_REASON(name) CLOSE_##name,
#include "serve/close_reason.def"
#undef CLOSE_REASON
    CLOSE_REASON_COUNT,
};

#define TALLY_TYPE_PLAIN(field)    uint64_t field
#define TALLY_TYPE_SECONDS(field)  uint64_t field /* nanoseconds */
#define TALLY_TYPE_REASONS(field)  uint64_t field[CLOSE_REASON_COUNT]
#define TALLY_TYPE_REFUSALS(field) uint64_t field[REFUSAL_COUNT]
#define TALLY_TYPE_ANSWERS(field)  uint64_t field[METHOD_UNKNOWN + 1][STATUS_COUNT]
#define TALLY_TYPE_TIMES(field)    struct histogram field

/* Nothing but numbers of 64 bits. All zero: nothing has been counted. */
struct tally {
#define TALLIED(field, shape, kind, name, help) TALLY_TYPE_##shape(field);
#define STATED(field, kind, name, help)
#include "serve/metric.def"
#undef TALLIED
#undef STATED
};

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HIGHEST };

enum metric_shape {
    METRIC_PLAIN,
    METRIC_SECONDS,
    METRIC_REASONS,
    METRIC_REFUSALS,
    METRIC_ANSWERS,
    METRIC_TIMES,
};

/* A row of the table, for what reads and prints tallies. */
struct metric_row {
    enum metric_shape shape;
    enum metric_kind kind;
    const char *name;
    const char *help;
    size_t offset; /* of its field in struct tally, in bytes */
    size_t size;   /* of it, the same */
};

/* How many numbers a row's field has. */
static inline size_t tally_count(const struct metric_row *row) {
    return row->size / sizeof(uint64_t);
}

/* The rows of what is tallied, in the order of the table, ended by one without a name; static. */
const struct metric_row *tally_rows(void);

/* The first number of a row's field. */
static inline const uint64_t *tally_numbers(const struct tally *tally,
                                            const struct metric_row *row) {
    return (const uint64_t *)(const void *)((const char *)tally + row->offset);
}

/* Adds what another process counts, or has counted, to a tally of the caller's own, as its kind
 * says; `open` is what was accepted and not closed. */
void tally_read(struct tally *sum, const struct tally *shared);

/* Takes back what is so only as long as the worker lives: all but the counters. */
void tally_reset_gauges(struct tally *tally);

/* Connections that were accepted and not closed. */
uint64_t tally_open_connections(const struct tally *tally);

/* The name of a reason, as in close_reason.def; static. */
const char *tally_reason_name(enum close_reason reason);
