#include "store/attributes.h"

#include "sys/clock.h"

/* Times are as coarse as the kernel's clock tick. And the time of a write through a mapping is
 * noted only when the page was clean before, and pages may stay dirty for this long
 * (vm.dirty_expire_centisecs and dirty_writeback_centisecs: 30 s and 5 s), and longer where much is
 * being written. */
enum { SETTLED_S = 90 };

static bool is_same_time(struct timespec a, struct timespec b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool attributes_are_same(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           is_same_time(a->st_mtim, b->st_mtim) && is_same_time(a->st_ctim, b->st_ctim);
}

bool attributes_are_settled(const struct stat *stat) {
    return stat->st_mtim.tv_sec < clock_time_s() - SETTLED_S;
}

bool attributes_are_older(const struct stat *stat, const struct stat *other) {
    if (stat->st_mtim.tv_sec != other->st_mtim.tv_sec)
        return stat->st_mtim.tv_sec < other->st_mtim.tv_sec;
    return stat->st_mtim.tv_nsec < other->st_mtim.tv_nsec;
}
