/* Metrics as text, in the exposition format of Prometheus, version 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats). Pure. */
#pragma once

#include "base/buf.h"
#include "serve/metrics.h"
#include "serve/tally.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The media type of the text. */
#define EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* All pointers are borrowed. */
struct exposition {
    const struct metrics_state *state;
    const struct tally *tallies; /* of each worker, by its number; or one of all */
    size_t count;
    bool per_worker; /* series have a label with the number of the worker */
};

void exposition_write(struct buf *buf, const struct exposition *exposition);

/* A time in seconds, exactly, without zeros at its end: 1500000 ns are "0.0015". */
void exposition_put_seconds(struct buf *buf, uint64_t duration_ns);
