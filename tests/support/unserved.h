/* A tree with much in it that must not be served, nor be told of: what is outside the root, links
 * there and to nothing, hidden names, a FIFO. */
#pragma once

#include "support/scene.h"

/* What unserved_serve() follows, and which names in /in/ are served then. */
struct unserved_row {
    const char *symlinks;
    const char *names; /* as the test has them told, each with a line end */
};

/* Makes it: the root is "root", and what is to be asked for "in" in it. There, "file" and the
 * directory "inner", with "deep" in it, are served, and with links that end inside also "to-file",
 * "to-inner", and "to-itself", which is "in" again. */
void unserved_make(const struct tree *tree);

/* Serves the root, and tells the shell (support/shell.h). */
void unserved_serve(struct scene *scene, const char *symlinks);

/* For each row, serves it, and fails unless the script says the names. */
void unserved_check(struct scene *scene, const struct unserved_row *rows, size_t count,
                    const char *script);
