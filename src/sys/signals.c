#include "sys/signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

int signals_open(const int *numbers, struct err *err) {
    sigset_t set;
    (void)sigemptyset(&set);
    for (; *numbers != 0; numbers++)
        (void)sigaddset(&set, *numbers);
    /* Replaces the mask, so that a child does not inherit what its parent waited for. */
    int fd = -1;
    if (sigprocmask(SIG_SETMASK, &set, NULL) == 0)
        fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return err_set(err, errno, "cannot wait for signals: %s", strerror(errno));
    return fd;
}

int signals_next_from(int fd, bool *kernel) {
    struct signalfd_siginfo info;
    ssize_t len;
    do
        len = read(fd, &info, sizeof info);
    while (len < 0 && errno == EINTR);
    if (len != (ssize_t)sizeof info)
        return 0;
    *kernel = info.ssi_code == SI_KERNEL;
    return (int)info.ssi_signo;
}

int signals_next(int fd) {
    bool kernel;
    return signals_next_from(fd, &kernel);
}
