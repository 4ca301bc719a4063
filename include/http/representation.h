/* What a response says about the bytes it carries (RFC 9110 §8). */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct representation {
    struct slice content_type;
    struct slice content_coding; /* SLICE_NONE: identity */
    bool negotiated;             /* another one may be chosen by Accept-Encoding */
    struct slice etag;           /* strong, with its quotes; SLICE_NONE: no validators */
    int64_t last_modified_s;     /* since the epoch; means something only with an etag */
    uint64_t length;             /* bytes */
};
