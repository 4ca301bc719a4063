/* A kernel that watches nothing, or says that a file system is remote, as the test says in the
 * variables here.
 *
 * For one test program, which includes this itself: that makes the linker put the functions in
 * place. */
#pragma once

#include <errno.h>
#include <stdint.h>
#include <sys/inotify.h>
#include <sys/vfs.h>

static int init_error; /* errno of inotify_init1(); 0: none */
static int add_error;  /* the same of inotify_add_watch() */
static int stat_error; /* the same of fstatfs() */
static long type;      /* of every file system; 0: what it is */

enum { TYPE_NFS = 0x6969 };

int __real_inotify_init1(int flags);
int __wrap_inotify_init1(int flags);
int __real_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __real_fstatfs(int fd, struct statfs *statfs);
int __wrap_fstatfs(int fd, struct statfs *statfs);

static inline int deny(int error) {
    errno = error;
    return -1;
}

int __wrap_inotify_init1(int flags) {
    return init_error != 0 ? deny(init_error) : __real_inotify_init1(flags);
}

int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask) {
    return add_error != 0 ? deny(add_error) : __real_inotify_add_watch(fd, path, mask);
}

int __wrap_fstatfs(int fd, struct statfs *statfs) {
    if (stat_error != 0)
        return deny(stat_error);
    int result = __real_fstatfs(fd, statfs);
    if (type != 0)
        statfs->f_type = type;
    return result;
}

/* Everything as usual. */
static inline void watchable(void) {
    init_error = 0;
    add_error = 0;
    stat_error = 0;
    type = 0;
}
