/* Characters of URIs: their classes, and how the others are written (RFC 3986 §2). */
#pragma once

#include "base/ascii.h"
#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>

/* By character: whether it is unreserved or one of the sub-delims. */
extern const bool uri_plain_chars[256];

/* unreserved / sub-delims: what stands for itself in the name of a host and in a path. */
static inline bool uri_is_plain_char(char c) {
    return uri_plain_chars[(unsigned char)c];
}

/* unreserved: what means the same wherever it stands, in a path, a query or a field. */
static inline bool uri_is_unreserved_char(char c) {
    return ascii_is_alpha(c) || ascii_is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/* The byte that the escape at the start of `text` stands for, or -1 where there is none: "%41" is
 * 0x41 (RFC 3986 §2.1). */
static inline int uri_escaped_byte(struct slice text) {
    if (text.len < 3 || text.ptr[0] != '%')
        return -1;
    int high = ascii_hex_value(text.ptr[1]);
    int low = ascii_hex_value(text.ptr[2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Writes `text` with every byte percent-encoded for which `stays` is false. */
void uri_write_encoded(struct buf *buf, struct slice text, bool (*stays)(char c));
