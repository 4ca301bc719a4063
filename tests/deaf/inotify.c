/* Stands before inotify(7) in a server for test_fresh. Every watch seems to succeed, and nothing is
 * watched; or, where the environment variable PRONTO_WATCHES is set, so many watches are real, and
 * then there are no more to be had (fs.inotify.max_user_watches). */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

int __real_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __real_inotify_rm_watch(int fd, int watch);
int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __wrap_inotify_rm_watch(int fd, int watch);

int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask) {
    static int watches;
    const char *limit = getenv("PRONTO_WATCHES");
    if (limit == NULL)
        return ++watches;
    if (watches == atoi(limit)) {
        errno = ENOSPC;
        return -1;
    }
    int watch = __real_inotify_add_watch(fd, path, mask);
    watches += watch >= 0;
    return watch;
}

int __wrap_inotify_rm_watch(int fd, int watch) {
    return getenv("PRONTO_WATCHES") == NULL ? 0 : __real_inotify_rm_watch(fd, watch);
}
