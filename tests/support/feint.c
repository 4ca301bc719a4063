#include "support/feint.h"

#include <errno.h>

static ssize_t say(int error) {
    errno = error;
    return -1;
}

ssize_t feint_allow(struct feint *feint, size_t wanted) {
    if (feint->is_paused)
        return say(EAGAIN);
    if (feint->interrupts && !feint->interrupted) {
        feint->interrupted = true;
        return say(EINTR);
    }
    feint->interrupted = false;
    if (feint->step > 0 && wanted > feint->step)
        wanted = feint->step;
    if (feint->error == 0)
        return (ssize_t)wanted;
    if (feint->passed >= feint->error_after)
        return say(feint->error);
    uint64_t left = feint->error_after - feint->passed;
    return (ssize_t)(wanted < left ? wanted : left);
}

ssize_t feint_passed(struct feint *feint, ssize_t moved) {
    if (moved > 0) {
        feint->passed += (uint64_t)moved;
        feint->is_paused = feint->pauses;
    }
    return moved;
}

bool feint_take_edge(struct feint *feint) {
    bool paused = feint->is_paused;
    feint->is_paused = false;
    return paused;
}

size_t feint_total(const struct iovec *parts, size_t count) {
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += parts[i].iov_len;
    return sum;
}

size_t feint_cut(const struct iovec *parts, size_t count, size_t len, struct iovec *cut) {
    size_t used = 0;
    for (; used < count && len > 0; used++) {
        cut[used] = parts[used];
        if (cut[used].iov_len > len)
            cut[used].iov_len = len;
        len -= cut[used].iov_len;
    }
    return used;
}
