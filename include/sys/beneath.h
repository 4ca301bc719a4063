/* Opening files that lie beneath a directory, and no others: openat2(2) does it in one call; where
 * there is none, every name is a step (sys/walk). */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

enum beneath_links {
    BENEATH_LINKS_INSIDE, /* symbolic links are followed where they end beneath the directory */
    BENEATH_LINKS_NONE,   /* a symbolic link anywhere on the path is refused */
};

enum beneath_way {
    BENEATH_AT_ONCE, /* openat2(2), which Linux has from 5.6 on */
    BENEATH_STEPS,   /* takes a system call for each name, and has the same results */
};

/* The directory, and how to go from there. */
struct beneath {
    int fd; /* O_PATH; owned by whoever has the struct; -1: none */
    enum beneath_links links;
    enum beneath_way way;
};

/* Which way can be gone: a kernel may be too old for openat2(2), or a container's filter, made when
 * there was none, may refuse it. */
enum beneath_way beneath_probe(void);

/* Opens `path`, relative and without "..", for reading beneath the directory; "" is the directory
 * itself. Does not block, and whatever links and renames do meanwhile, what it opens lies beneath
 * the root. A FIFO or a device may be opened: look before reading. Sets `linked` where there is a
 * symbolic link on the path. Returns a descriptor, owned by the caller, or -errno: -EXDEV where the
 * path leads out, -ELOOP where it has a link that is not to be followed. */
int beneath_open(const struct beneath *root, const char *path, bool *linked);

/* Fills in what stat(2) says of what beneath_open() would open, but opens nothing, so that it may
 * be a FIFO or unreadable: 0 or -errno. */
int beneath_stat(const struct beneath *root, const char *path, struct stat *stat);

/* Opens the directory `path` in the same way, but without following any link: -ELOOP or -ENOTDIR
 * where there is one. */
int beneath_open_directory(const struct beneath *root, const char *path);
