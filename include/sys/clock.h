/* The two clocks: one for durations, which never runs backwards, and the time of day. */
#pragma once

#include <stdint.h>
#include <time.h>

/* Nanoseconds, and milliseconds, on the monotonic clock (clock_gettime(2)). */
static inline int64_t clock_now_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t clock_now_ms(void) {
    return clock_now_ns() / 1000000;
}

/* Nanoseconds since the epoch. */
static inline int64_t clock_time_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Seconds since the epoch; may lag by a scheduler tick, in exchange for which it costs next to
 * nothing. */
static inline int64_t clock_time_s(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec;
}
