/* Directories that are served beside the root, as the operator names them: "/docs=/srv/docs". */
#pragma once

#include "base/err.h"
#include "base/slice.h"

#include <stddef.h>

/* How many there may be, and how long a path may be, in bytes: it has room in a listing. */
enum { MOUNTS_MAX = 64, MOUNTS_PATH_MAX = 255 };

struct mounts {
    /* In the order in which they were given; borrowed from the texts. */
    struct {
        struct slice path;     /* of requests, as they are decoded: "a/b", never "" */
        const char *directory; /* or a file */
    } items[MOUNTS_MAX];
    size_t count;
};

/* Adds a text of the form /PATH=DIR, cut at the first '='. The path has no empty segments but one
 * behind a slash at its end, which is dropped, and none that are "." or ".."; it is written like
 * the name of a file, so an escape in it (%20) is refused as the mistake that it is. There is room
 * for it. Returns 0, or -EINVAL and a message. */
int mounts_add(struct mounts *mounts, const char *text, struct err *err);
