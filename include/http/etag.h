/* Entity tags (RFC 9110 §8.8.3). */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum { ETAG_MAX = 2 + 3 * 16 + 2 + 5 }; /* bytes: quotes, three numbers, two separators, "-zstd" */

enum etag_comparison {
    ETAG_STRONG, /* equal, and neither is weak */
    ETAG_WEAK,   /* equal but for W/ */
};

/* Writes a strong entity tag, with its quotes, of what makes a file's content another one. Behind
 * it stands which of several representations of the same file it is: a content coding, for one (RFC
 * 9110 §8.8.3.3); SLICE_NONE: the file as it is. */
void etag_write(struct buf *buf, int64_t mtime_ns, uint64_t size_bytes, uint64_t inode,
                struct slice variant);

/* Whether the value of an If-Match or If-None-Match field, `*` or a list of entity tags, matches
 * `etag` (RFC 9110 §8.8.3.2, §13.1.1, §13.1.2). What is no entity tag matches nothing. */
bool etag_list_matches(struct slice list, struct slice etag, enum etag_comparison comparison);
