/* All that is served: the root, and what is mounted beside it, each a docroot with a prefix of the
 * request paths. No path leads from one of them into another. */
#pragma once

#include "base/err.h"
#include "base/slice.h"
#include "conf/options.h"
#include "store/docroot.h"

#include <stddef.h>

enum { ROOTS_MAX = 1 + MOUNTS_MAX };

struct roots {
    struct docroot items[ROOTS_MAX]; /* the root, and the mounts in the order of the options */
    size_t count;
};

#define ROOTS_INIT \
    { .count = 0 }

/* Opens the root and the mounts that the options name. `options` is borrowed as long as the roots
 * are in use; they point into each other, so they stay where they are. Returns 0, or -errno and a
 * message. */
int roots_open(struct roots *roots, const struct options *options, struct err *err);

/* The path of number `index`, as the options have it. */
const char *roots_path(const struct options *options, size_t index);

/* Idempotent. */
void roots_deinit(struct roots *roots);

/* Which of them a decoded path, without slashes at its ends, leads to: the one with the longest
 * prefix that is a part of it, segment by segment. `rest` is set to what the path is in there, and
 * borrows from it. */
const struct docroot *roots_choose(const struct roots *roots, struct slice path,
                                   struct slice *rest);
