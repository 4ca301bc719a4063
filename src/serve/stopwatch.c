#include "serve/stopwatch.h"

#include "sys/clock.h"

enum { SHARING_MAX = 8 };

void stopwatch_read(struct stopwatch *stopwatch, struct histogram *times, int64_t now_ns) {
    if (stopwatch->answers == 0)
        return;
    histogram_observe(times, (uint64_t)(now_ns - stopwatch->begun_ns), stopwatch->answers);
    stopwatch->answers = 0;
}

void stopwatch_add(struct stopwatch *stopwatch, struct histogram *times, unsigned answers,
                   int64_t begun_ns) {
    if (stopwatch->answers > 0 && stopwatch->begun_ns != begun_ns)
        stopwatch_read(stopwatch, times, clock_now_ns());
    stopwatch->begun_ns = begun_ns;
    stopwatch->answers += answers;
    if (stopwatch->answers >= SHARING_MAX)
        stopwatch_read(stopwatch, times, clock_now_ns());
}
