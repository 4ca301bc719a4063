/* Requests, summed up: where their lines are too many to be shown, and at the end. A digest may be
 * in memory that others read meanwhile (base/counter.h). */
#pragma once

#include "base/buf.h"
#include "base/histogram.h"
#include "serve/logline.h"
#include "serve/tally.h"

#include <stdbool.h>
#include <stdint.h>

/* Nothing but numbers of 64 bits. All zero: of no request. */
struct digest {
    uint64_t requests;
    uint64_t errors; /* of them, answered with 4xx or 5xx */
    uint64_t bytes;
    struct histogram times;
};

/* The writer's: adds a request. */
void digest_add(struct digest *digest, const struct log_record *record);

/* Adds what another process writes to a sum of the caller's own. */
void digest_read(struct digest *sum, const struct digest *shared);

/* What has come to `sum` since it was `before`. */
struct digest digest_since(const struct digest *sum, const struct digest *before);

/* What a tally says of all requests. */
struct digest digest_of_tally(const struct tally *tally);

enum { DIGEST_TEXT_MAX = 200 }; /* bytes */

/* Writes "214 requests, 3.1 MB, 0 errors, p50 0.1 ms, p99 0.4 ms", with `kind` before "requests",
 * as in "more "; where it may be coloured, errors that there are are red. */
void digest_put(struct buf *buf, const struct digest *digest, struct slice kind, bool coloured);
