/* The content of a response that carries several ranges (multipart/byteranges, RFC 9110 §14.6). */
#pragma once

#include "base/buf.h"
#include "http/range.h"
#include "http/representation.h"

enum { MULTIPART_BOUNDARY_LEN = 32 };

/* The exact length of the whole content, in bytes. */
uint64_t multipart_length(const struct representation *representation,
                          const struct range_set *ranges);

/* Writes what stands before the bytes of range number `index`. The boundary has
 * MULTIPART_BOUNDARY_LEN bytes, and must not occur in the content. */
void multipart_write_part(struct buf *buf, struct slice boundary,
                          const struct representation *representation,
                          const struct range_set *ranges, size_t index);

/* Writes what stands behind the last one. */
void multipart_write_end(struct buf *buf, struct slice boundary);
