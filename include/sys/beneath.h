/* Opening files that lie beneath a directory, and no others (openat2(2)). */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

enum beneath_links {
    BENEATH_LINKS_INSIDE, /* symbolic links are followed where they end beneath the directory */
    BENEATH_LINKS_NONE,   /* a symbolic link anywhere on the path is refused */
};

/* Opens `path`, relative and without "..", for reading beneath `root_fd`; "" is the directory
 * itself. Does not block, and whatever links and renames do meanwhile, what it opens lies beneath
 * the root. A FIFO or a device may be opened: look before reading. Sets `linked` where there is a
 * symbolic link on the path. Returns a descriptor, owned by the caller, or -errno: -EXDEV where the
 * path leads out, -ELOOP where it has a link that is not to be followed. */
int beneath_open(int root_fd, const char *path, enum beneath_links links, bool *linked);

/* Fills in what stat(2) says of what beneath_open() would open, but opens nothing, so that it may
 * be a FIFO or unreadable: 0 or -errno. */
int beneath_stat(int root_fd, const char *path, enum beneath_links links, struct stat *stat);

/* Opens the directory `path` in the same way, but without following any link: -ELOOP or -ENOTDIR
 * where there is one. */
int beneath_open_directory(int root_fd, const char *path);
