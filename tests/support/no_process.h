/* fork() that fails as long as the test says so.
 *
 * For one test program, which includes this itself: that makes the linker put the function in
 * place. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

static bool no_process;

pid_t __real_fork(void);
pid_t __wrap_fork(void);

pid_t __wrap_fork(void) {
    if (!no_process)
        return __real_fork();
    errno = EAGAIN;
    return -1;
}
