#include "base/buf.h"

static void put_digits(struct buf *buf, uint64_t value, unsigned base) {
    char digits[20]; /* 2^64 - 1 has 20 decimal digits */
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value > 0);
    buf_put(buf, slice_of(digits + at, sizeof digits - at));
}

void buf_put_number(struct buf *buf, uint64_t value) {
    put_digits(buf, value, 10);
}

void buf_put_hex(struct buf *buf, uint64_t value) {
    put_digits(buf, value, 16);
}
