/* What a response says about the bytes it carries (RFC 9110 §8). */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define REPRESENTATION_LENGTH_UNKNOWN UINT64_MAX

struct representation {
    struct slice content_type;
    struct slice content_coding; /* SLICE_NONE: identity */
    bool negotiated;             /* another one may be chosen by Accept-Encoding */
    struct slice etag;           /* strong, with its quotes; SLICE_NONE: no validators */
    int64_t last_modified_s;     /* since the epoch; means something only with an etag */
    uint64_t length;             /* bytes; REPRESENTATION_LENGTH_UNKNOWN before it has been made */
    bool sequential;             /* made from the front on: parts are sent one at a time */
};
