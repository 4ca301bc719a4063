/* A file that says which process serves, for scripts that send it signals. */
#pragma once

#include "base/err.h"

/* Writes this process's id and a line end to `path`: to a file beside it, which then takes its
 * place, so that nobody reads half of it. Returns 0, or -errno and a message. */
int pidfile_write(const char *path, struct err *err);

/* Removes the file, unless it says another process by now. */
void pidfile_remove(const char *path);
