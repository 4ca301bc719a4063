/* The directory that is served, and what the paths beneath it name. */
#pragma once

#include "base/err.h"
#include "base/slice.h"
#include "conf/names.h"
#include "sys/beneath.h"

#include <stdbool.h>
#include <sys/stat.h>

enum docroot_outcome {
    DOCROOT_FILE,        /* found, and open */
    DOCROOT_DIRECTORY,   /* a directory without an index file */
    DOCROOT_NEEDS_SLASH, /* a directory, asked for without its trailing slash */
    DOCROOT_ABSENT,
    DOCROOT_FORBIDDEN, /* there, but not readable */
    DOCROOT_EXHAUSTED, /* no descriptors or memory left just now */
    DOCROOT_FAULT,     /* the file system failed */
};

struct docroot {
    int fd;            /* O_PATH */
    struct slice only; /* the one file that is served; SLICE_NONE: the whole directory. Points into
                          `name`. */
    char *name;        /* of the one file; owned */
    const struct names *index; /* the files that stand for their directory, in the order in which
                                  they are tried; borrowed */
    bool hidden;               /* names that start with a dot are served, too */
    enum beneath_links links;
};

#define DOCROOT_INIT \
    { .fd = -1 }

struct docroot_file {
    int fd; /* owned by the caller, once returned */
    struct stat stat;
    struct slice
        name; /* the file's, by which its media type goes; borrowed from the docroot or the path */
};

/* Opens `root`, a directory or a regular file. `index` is borrowed as long as the docroot is in
 * use. Returns 0, or -errno and a message. */
int docroot_open(struct docroot *docroot, const char *root, const struct names *index, bool hidden,
                 enum beneath_links links, struct err *err);

/* Idempotent. */
void docroot_deinit(struct docroot *docroot);

/* Looks up a decoded path without slashes at its ends ("" is the root); `as_directory` where the
 * target ended in a slash. With DOCROOT_FILE, fills in `file`, which is a regular file. Never
 * blocks on what it finds. */
enum docroot_outcome docroot_find(const struct docroot *docroot, struct slice path,
                                  bool as_directory, struct docroot_file *file);
