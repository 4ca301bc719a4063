/* A bounded writer over memory that somebody else owns. Writing past the end writes nothing, sets
 * `overflow`, and makes every later write a no-op, so that a caller checks once, at the end. */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
    char *ptr; /* borrowed */
    size_t len;
    size_t capacity;
    bool overflow; /* sticky */
};

#define BUF_INIT(memory, size) \
    { .ptr = (memory), .capacity = (size) }

static inline struct slice buf_slice(const struct buf *buf) {
    return slice_of(buf->ptr, buf->len);
}

/* Makes room for `len` bytes and returns where they go, or NULL on overflow. */
static inline char *buf_claim(struct buf *buf, size_t len) {
    if (buf->overflow || len > buf->capacity - buf->len) {
        buf->overflow = true;
        return NULL;
    }
    buf->len += len;
    return buf->ptr + buf->len - len;
}

static inline void buf_put(struct buf *buf, struct slice slice) {
    char *to = buf_claim(buf, slice.len);
    if (to != NULL && slice.len > 0)
        memcpy(to, slice.ptr, slice.len);
}

static inline void buf_put_char(struct buf *buf, char c) {
    char *to = buf_claim(buf, 1);
    if (to != NULL)
        *to = c;
}

/* In decimal, without padding. */
void buf_put_number(struct buf *buf, uint64_t value);

/* In lower-case hexadecimal, without padding. */
void buf_put_hex(struct buf *buf, uint64_t value);

/* The same as two digits. */
void buf_put_hex_byte(struct buf *buf, unsigned char byte);
