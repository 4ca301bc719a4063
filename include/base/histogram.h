/* How long things took: how many took up to 10 us, 20 us, 50 us, and so on up to 10 s, and how many
 * longer. One writer, read by anybody at any time (base/counter.h). */
#pragma once

#include <stdint.h>

enum { HISTOGRAM_BOUNDS = 19 };

/* Nothing but numbers of 64 bits. All zero: nothing has been observed. */
struct histogram {
    uint64_t counts[HISTOGRAM_BOUNDS + 1]; /* the last one: what took longer than the last bound */
    uint64_t sum_ns;                       /* of all */
};

/* The longest time that is counted in counts[i], i < HISTOGRAM_BOUNDS, in nanoseconds. */
uint64_t histogram_bound_ns(unsigned i);

/* Counts `times` things that took `duration_ns` each. */
void histogram_observe(struct histogram *histogram, uint64_t duration_ns, uint64_t times);

/* How many there are. */
uint64_t histogram_count(const struct histogram *histogram);

/* The time within which `permille` of 1000 of them were done, in nanoseconds; within a bucket as if
 * they were spread evenly over it, as far as their sum allows, which leaves little open where they
 * are few, and nothing of one; beyond the last bound that bound. 0 where there are none. */
uint64_t histogram_quantile_ns(const struct histogram *histogram, unsigned permille);
