#include "base/buf.h"

static const char digits_of[] = "0123456789abcdef";

static void put_digits(struct buf *buf, uint64_t value, unsigned base) {
    char digits[20]; /* 2^64 - 1 has 20 decimal digits */
    size_t at = sizeof digits;
    do {
        digits[--at] = digits_of[value % base];
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

void buf_put_hex_byte(struct buf *buf, unsigned char byte) {
    buf_put_char(buf, digits_of[byte >> 4]);
    buf_put_char(buf, digits_of[byte & 15]);
}
