/* What people type: lines for the shell, with curl, tar and python3 in them. They find the server's
 * root as $URL, without a slash at its end, and the tree as $TREE. */
#pragma once

#include "support/scene.h"

/* Tells the shell of the scene; call it when the server has been started. */
void shell_tell(const struct scene *scene);

/* Runs a script with sh, which stops at the first command that fails. Returns what it wrote to
 * stdout, which the caller frees. Fails the test, and shows its stderr, where it fails. */
char *shell_read(const char *script);

/* The same, with nothing to be read. */
void shell_run(const char *script);
