/* Lists of file names, as the operator writes them: "index.html,index.htm". */
#pragma once

#include "base/err.h"
#include "base/slice.h"

enum { NAMES_MAX = 8 };

struct names {
    struct slice
        items[NAMES_MAX]; /* in the order in which they were given; borrowed from the text */
    size_t count;
};

/* Reads a comma-separated list of names, none of them empty, a path, "." or "..". Returns 0, or
 * -EINVAL and a message. */
int names_parse(const char *text, struct names *names, struct err *err);
