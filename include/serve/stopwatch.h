/* How long answers take, with few looks at the clock, each of which costs as much as a hundredth of
 * a request: several answers that were begun together share one, at the latest the one at the end
 * of their turn. So a time may be too long by what the next few answers take, and where little is
 * going on it is exact. */
#pragma once

#include "base/histogram.h"

#include <stdint.h>

/* Answers that have ended and are not in the histogram yet. All zero: none. */
struct stopwatch {
    unsigned answers;
    int64_t begun_ns; /* all of them, on the monotonic clock */
};

/* That many answers have ended, which were begun at `begun_ns`. */
void stopwatch_add(struct stopwatch *stopwatch, struct histogram *times, unsigned answers,
                   int64_t begun_ns);

/* Puts those that have ended into the histogram. `now_ns` is on the monotonic clock. */
void stopwatch_read(struct stopwatch *stopwatch, struct histogram *times, int64_t now_ns);
