/* Numbers in memory that processes share: each has one writer, and may be read by anybody at any
 * time. 64 bits are stored and loaded as a whole, so that nobody reads half of a number; no order
 * among several is promised. To the writer it costs what any addition to memory does: no bus lock,
 * no fence. */
#pragma once

#include <stdint.h>

static inline uint64_t counter_read(const uint64_t *counter) {
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* These two are for the writer alone.
 * What is written through is not const. NOLINTNEXTLINE(readability-non-const-parameter) */
static inline void counter_set(uint64_t *counter, uint64_t value) {
    __atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

static inline void counter_add(uint64_t *counter, uint64_t by) {
    counter_set(counter, *counter + by);
}
