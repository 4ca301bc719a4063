/* Configuration files: lines of the form NAME = VALUE. '#' starts a comment at the start of a line
 * and behind white space. A value is taken as it stands, without white space around it, or between
 * double quotes, where \" \\ and \xHH stand for a quote, a backslash and the byte of that number.
 */
#pragma once

#include "base/err.h"
#include "base/slice.h"

#include <stddef.h>
#include <stdio.h>

enum { CONFIGFILE_MAX = 1024 * 1024 /* bytes */ };

struct configfile {
    char *rest; /* NULL: all is read; borrowed, and written to */
    size_t line;
};

/* `memory` ends with a NUL. */
#define CONFIGFILE_INIT(memory) \
    { .rest = (memory) }

struct configfile_item {
    struct slice name; /* not empty */
    const char *value; /* both are in the memory of the file */
    size_t line;       /* from 1 */
};

/* Reads a file. Returns its content, NUL-terminated, for the caller to free; or NULL and a message:
 * it cannot be read, is too large, or has a NUL. */
char *configfile_read(const char *path, struct err *err);

/* Reads on to the next line that says something. Returns 1, 0 at the end, or -EINVAL and what is
 * wrong with line `file->line`. */
int configfile_next(struct configfile *file, struct configfile_item *item, struct err *err);

/* Writes a line that is read as the same name and value, whatever the value. */
void configfile_put(FILE *stream, const char *name, struct slice value);
