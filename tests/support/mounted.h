/* Mounts for unit tests: directories of a temporary tree.
 *
 * It is all in the header: it calls the conf floor, which system tests don't link. */
#pragma once

#include "conf/options.h"
#include "support/row.h"
#include "support/tree.h"

#include <stdio.h>

/* Adds --mount PATH=NAME, where NAME is in the tree. The words that the options borrow are static.
 */
static inline void mounted_add(struct options *options, const struct tree *tree, const char *path,
                               const char *name) {
    static char words[16][1024];
    struct err err = ERR_INIT;
    row_assert(path, options->mount.count < ROWS_COUNT(words));
    char *word = words[options->mount.count];
    (void)snprintf(word, sizeof words[0], "%s=%s/%s", path, tree->path, name);
    row_assert_number(path, mounts_add(&options->mount, word, &err), 0);
}
