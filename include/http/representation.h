/* What a response says about the bytes it carries (RFC 9110 §8). */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* All texts of a policy together, in bytes. */
enum { HEAD_POLICY_MAX = 8 * 1024 };

/* What heads say besides, as it was configured for all or for some paths. */
struct head_policy {
    struct slice content_type;  /* instead of the representation's own; SLICE_NONE: that one */
    struct slice cache_control; /* SLICE_NONE: not said */
    struct slice lines;         /* further field lines, whole */
    unsigned unsaid;            /* of the enum, bit 1 << i */
};

/* What a policy may have left out. */
enum head_unsaid {
    HEAD_NOSNIFF,
    HEAD_ACCEPT_RANGES,
    HEAD_ETAG,
    HEAD_LAST_MODIFIED,
};

#define REPRESENTATION_LENGTH_UNKNOWN UINT64_MAX
#define REPRESENTATION_UNDATED        INT64_MIN

struct representation {
    const struct head_policy *policy; /* borrowed, never NULL */
    struct slice content_type;
    struct slice content_coding; /* SLICE_NONE: identity */
    bool negotiated;             /* another one may be chosen by Accept-Encoding */
    struct slice etag;           /* strong, with its quotes; SLICE_NONE: no validators */
    int64_t last_modified_s;     /* since the epoch; REPRESENTATION_UNDATED: no date tells whether
                                    it has changed; means something only with an etag */
    uint64_t length;             /* bytes; REPRESENTATION_LENGTH_UNKNOWN before it has been made */
    bool sequential;             /* made from the front on: parts are sent one at a time */
};

static inline bool representation_is_dated(const struct representation *representation) {
    return representation->etag.ptr != NULL &&
           representation->last_modified_s != REPRESENTATION_UNDATED;
}
