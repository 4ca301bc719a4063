/* Range requests (RFC 9110 §14). */
#pragma once

#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

enum { RANGE_MAX = 16 };

/* A stretch of a representation; never empty, and within it. */
struct range {
    uint64_t first;
    uint64_t len;
};

struct range_set {
    struct range items[RANGE_MAX];
    size_t count;
};

enum range_outcome {
    RANGE_IGNORED, /* another unit, a syntax error or too many: as if there were no Range field */
    RANGE_SATISFIABLE,   /* `set` has at least one range */
    RANGE_UNSATISFIABLE, /* 416 */
};

/* Reads the value of a Range field against a representation of `length` bytes. Ranges that can't be
 * satisfied are left out, those that reach behind the end are cut, and those that overlap or adjoin
 * are merged; otherwise they stay in the order in which they were asked for (RFC 9110 §14.2). */
enum range_outcome range_parse(struct slice value, uint64_t length, struct range_set *set);
