/* A temporary directory with the files of a test. Functions fail the test where they can't do their
 * work. Names are relative to the tree; directories on their way are made. */
#pragma once

#include <limits.h>
#include <stdint.h>

struct tree {
    char path[256]; /* absolute; empty: there is none */
};

#define TREE_INIT \
    { "" }

/* Makes an empty directory in $TMPDIR or /tmp, which every user may read. */
void tree_make(struct tree *tree);

/* Removes the directory and all in it. Does nothing where there is none. */
void tree_remove(struct tree *tree);

/* The absolute path of `name`, which stays valid until this has been called eight times more. */
const char *tree_path(const struct tree *tree, const char *name);

/* Writes a file anew, in place: `size` bytes of the content of `seed`, or a text. */
void tree_file(const struct tree *tree, const char *name, uint64_t seed, uint64_t size);
void tree_text(const struct tree *tree, const char *name, const char *text);

void tree_directory(const struct tree *tree, const char *name);

/* A directory with `count` empty files, file-000000.txt and so on, made as fast as can be. */
void tree_many(const struct tree *tree, const char *name, unsigned count);

void tree_link(const struct tree *tree, const char *name, const char *target);
void tree_mode(const struct tree *tree, const char *name, unsigned mode);
