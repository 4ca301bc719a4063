/* A clock that stands still, so that Date and what is made from times is known: it is always Sun,
 * 06 Nov 1994 08:49:37 GMT.
 *
 * For one test program, which includes this itself: that makes the linker put it in place. */
#pragma once

#include <time.h>

int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time) {
    (void)clock;
    *time = (struct timespec){.tv_sec = 784111777};
    return 0;
}
