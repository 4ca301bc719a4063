/* RESOLVE_BENEATH refuses every absolute link, and every link that leaves the root on its way, even
 * one that comes back and ends inside. Such a link is followed by asking the kernel where the path
 * really ends, and opening that place by a path without links. The answer may be out of date, or a
 * lie of a racing rename; that is harmless, because it is only a proposal: the open is beneath the
 * root again. */
#include "sys/beneath.h"

#include "sys/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A rename during the resolution of ".." in a link makes openat2() say EAGAIN. */
enum { TRIES = 16 };

enum { READING = O_RDONLY | O_NONBLOCK | O_NOCTTY };

static int open_at_once(int root_fd, const char *path, __u64 flags, __u64 resolve) {
    struct open_how how = {
        .flags = flags | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve,
    };
    long fd = -1;
    for (int i = 0; i < TRIES; i++) {
        fd = syscall(SYS_openat2, root_fd, path[0] != '\0' ? path : ".", &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    return fd < 0 ? -errno : (int)fd;
}

static int open_beneath(const struct beneath *root, const char *path, int flags,
                        enum beneath_links links) {
    bool follows = links == BENEATH_LINKS_INSIDE;
    if (root->way == BENEATH_STEPS)
        return walk_open(root->fd, path, flags, follows);
    return open_at_once(root->fd, path, (__u64)flags, follows ? 0 : RESOLVE_NO_SYMLINKS);
}

enum beneath_way beneath_probe(void) {
    int fd = open_at_once(AT_FDCWD, "", O_PATH, 0);
    if (fd >= 0)
        (void)close(fd);
    return fd == -ENOSYS || fd == -EPERM ? BENEATH_STEPS : BENEATH_AT_ONCE;
}

/* The path of what a descriptor refers to, NUL-terminated; its length, or -1. */
static ssize_t real_path(int fd, char path[PATH_MAX]) {
    char link[32];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, PATH_MAX - 1);
    if (len >= 0)
        path[len] = '\0';
    return len;
}

/* The part of `path` that lies beneath `root`, or NULL. */
static const char *part_beneath(const char *path, const char *root, size_t root_len) {
    if (root_len == 1) /* "/" */
        return path + 1;
    if (strncmp(path, root, root_len) != 0 || (path[root_len] != '/' && path[root_len] != '\0'))
        return NULL;
    return path[root_len] == '/' ? path + root_len + 1 : "";
}

static int open_where_it_ends(const struct beneath *root, const char *path, int flags) {
    char top[PATH_MAX];
    char end[PATH_MAX];
    /* O_PATH: looks the path up, but opens nothing. */
    int fd = openat(root->fd, path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t end_len = real_path(fd, end);
    (void)close(fd);
    ssize_t top_len = real_path(root->fd, top);
    const char *part = end_len > 0 && top_len > 0 ? part_beneath(end, top, (size_t)top_len) : NULL;
    return part != NULL ? open_beneath(root, part, flags, BENEATH_LINKS_NONE) : -EXDEV;
}

static int open_with_links(const struct beneath *root, const char *path, int flags, bool *linked) {
    int fd = open_beneath(root, path, flags, BENEATH_LINKS_NONE);
    *linked = fd == -ELOOP;
    if (fd == -ELOOP && root->links == BENEATH_LINKS_INSIDE)
        fd = open_beneath(root, path, flags, BENEATH_LINKS_INSIDE);
    return fd == -EXDEV ? open_where_it_ends(root, path, flags) : fd;
}

int beneath_open(const struct beneath *root, const char *path, bool *linked) {
    return open_with_links(root, path, READING, linked);
}

int beneath_stat(const struct beneath *root, const char *path, struct stat *stat) {
    bool linked;
    int fd = open_with_links(root, path, O_PATH, &linked);
    if (fd < 0)
        return fd;
    int result = fstat(fd, stat) < 0 ? -errno : 0;
    (void)close(fd);
    return result;
}

int beneath_open_directory(const struct beneath *root, const char *path) {
    return open_beneath(root, path, READING | O_DIRECTORY, BENEATH_LINKS_NONE);
}
