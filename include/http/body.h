/* The content of a request, which pronto reads only to find where the next request starts (RFC 9112
 * §6 and §7). */
#pragma once

#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

enum body_framing { BODY_NONE, BODY_LENGTH, BODY_CHUNKED };

enum body_outcome {
    BODY_DONE,
    BODY_MORE,      /* all input was consumed, and there is more to come */
    BODY_BAD,       /* not chunked as RFC 9112 §7.1 says */
    BODY_TOO_LARGE, /* more content than the limit */
};

/* Chunk extensions and trailer fields together, in bytes. */
enum { BODY_OVERHEAD_MAX = 4096 };

struct body {
    uint64_t remaining; /* bytes of content or of the chunk at hand still to come */
    uint64_t allowed;   /* bytes of content that may still come */
    uint16_t overhead;  /* bytes of extensions and trailers so far */
    uint8_t state;      /* enum body_state */
    uint8_t size_digits;
};

/* Starts on content with that framing; `content_length` matters for BODY_LENGTH only. More than
 * `max` bytes of it are too many. */
void body_start(struct body *body, enum body_framing framing, uint64_t content_length,
                uint64_t max);

/* Passes over the content at the start of `input` and says in `consumed` how many bytes of it
 * belong to it. With BODY_BAD and BODY_TOO_LARGE, `consumed` means nothing. May be called again
 * after BODY_MORE only. */
enum body_outcome body_consume(struct body *body, struct slice input, size_t *consumed);
