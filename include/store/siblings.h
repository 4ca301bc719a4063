/* The encoded siblings of a file: `name.gz` and the like beside `name`. */
#pragma once

#include "base/slice.h"
#include "http/negotiate.h"
#include "store/docroot.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct siblings {
    uint8_t available; /* bit 1 << coding */
    bool linked;       /* a symbolic link was followed, or what is not there may be behind one */
    bool unsettled;    /* the content of one may change without a trace (store/attributes) */
    bool unknown;      /* one could not be opened, for want of descriptors or by a fault */
};

/* Writes the path of the file at `path` in that coding, which for CODING_IDENTITY is the plain file
 * itself, NUL-terminated. Returns its length, 0 where it would be too long. */
size_t siblings_path(struct slice path, enum coding coding, char text[PATH_MAX]);

/* Finds those of the plain file at `path`, of which `plain` are the attributes. One that is older
 * was made of another content, and does not count. */
struct siblings siblings_find(const struct docroot *docroot, struct slice path,
                              const struct stat *plain);
