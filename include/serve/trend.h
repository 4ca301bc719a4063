/* The last minutes, second by second: what the status page draws. Pure. */
#pragma once

#include "serve/tally.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TREND_POINTS = 120 };

/* What happened between two looks at the tallies. */
struct trend_point {
    double requests_per_s;
    double errors_per_s; /* answers with 5xx */
    double bytes_per_s;
    double hit_share;  /* of the cache; negative: nothing was looked up */
    uint64_t open;     /* connections, at the end */
    uint64_t requests; /* that the times below are of; 0: there are no times */
    uint64_t median_ns;
    uint64_t p90_ns;
    uint64_t p99_ns;
};

struct trend {
    struct trend_point points[TREND_POINTS];
    size_t count; /* of points that there ever were */
    bool started; /* there is a look to compare with */
    int64_t before_ns;
    struct tally before;
};

/* All zero: nothing has been looked at. Adds a point for the time since the last look; the first
 * one makes none. `now_ns` is on the monotonic clock, and later than before. */
void trend_add(struct trend *trend, const struct tally *now, int64_t now_ns);

/* How many points are kept, and the i-th of them; the last one comes last. */
size_t trend_length(const struct trend *trend);
const struct trend_point *trend_at(const struct trend *trend, size_t i);

/* Answers with a status of that class (2: 2xx), of all methods. */
uint64_t trend_count_class(const struct tally *tally, unsigned class);

/* All of them. */
uint64_t trend_count_answers(const struct tally *tally);
