/* Stands before inotify(7) in a server for test_fresh: every watch seems to succeed, and nothing is
 * watched. */
#include <stdint.h>

int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __wrap_inotify_rm_watch(int fd, int watch);

int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask) {
    static int watch;
    (void)fd;
    (void)path;
    (void)mask;
    return ++watch;
}

int __wrap_inotify_rm_watch(int fd, int watch) {
    (void)fd;
    (void)watch;
    return 0;
}
