/* The content of a response that carries several ranges (multipart/byteranges, RFC 9110 §14.6). */
#pragma once

#include "base/buf.h"
#include "http/range.h"
#include "http/representation.h"

/* Longest head of a part: boundary, media type and three numbers. */
enum { MULTIPART_PART_MAX = 512, MULTIPART_BOUNDARY_LEN = 32 };

struct multipart {
    struct slice boundary; /* must not occur in the content */
    const struct representation *representation;
    const struct range_set *ranges;
};

/* The exact length of the whole content, in bytes. */
uint64_t multipart_length(const struct multipart *multipart);

/* Writes what stands before the bytes of range number `index`. */
void multipart_write_part(struct buf *buf, const struct multipart *multipart, size_t index);

/* Writes what stands behind the last one. */
void multipart_write_end(struct buf *buf, const struct multipart *multipart);
