/* Media types for names, as the operator gives them: "log=text/plain". */
#pragma once

#include "base/err.h"
#include "base/slice.h"

#include <stddef.h>

/* How many there may be, and how long a type may be, in bytes: heads have room for that. */
enum { TYPES_MAX = 64, TYPES_LEN_MAX = 255 };

struct types {
    /* In the order in which they were given; borrowed from the texts. */
    struct {
        struct slice extension; /* without its dot */
        struct slice type;
    } items[TYPES_MAX];
    size_t count;
};

/* Adds a text of the form EXT=TYPE: a token, after a dot or not, and a media type (RFC 9110
 * §8.3.1), perhaps with parameters. There is room for it. Returns 0, or -EINVAL and a message. */
int types_add(struct types *types, const char *text, struct err *err);

/* The type for a file of that name: of those whose dot and extension, in any case, the name ends
 * with, the one that was given last; as it was given. SLICE_NONE: there is none. */
struct slice types_of_name(const struct types *types, struct slice name);
