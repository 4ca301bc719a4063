/* Classes of ASCII characters. <ctype.h> is not used: it depends on the locale, and is undefined
 * for negative char. */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool ascii_is_digit(char c) {
    return c >= '0' && c <= '9';
}

static inline bool ascii_is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* SP or HTAB. */
static inline bool ascii_is_blank(char c) {
    return c == ' ' || c == '\t';
}

/* A control character: C0 or DEL. */
static inline bool ascii_is_control(char c) {
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static inline char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline char ascii_upper(char c) {
    return c >= 'a' && c <= 'z' ? (char)(c & ~0x20) : c;
}

/* A character of a token, of which names in many protocols are made (RFC 9110 §5.6.2). */
static inline bool ascii_is_token(char c) {
    return ascii_is_alpha(c) || ascii_is_digit(c) ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* The value of a hexadecimal digit of either case, or -1. */
static inline int ascii_hex_value(char c) {
    if (ascii_is_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The first byte before `end` that is none of `lowest` to '~', or `end`; `lowest` is ' ' for what
 * is printable, and '!' for what is visible. Eight bytes are looked at together: one whose high bit
 * is set, or gets set as 1 is added or `lowest` taken away, is another. */
static inline const char *ascii_skip(const char *at, const char *end, char lowest) {
    const uint64_t ones = UINT64_MAX / UINT8_MAX;
    uint64_t word;
    while ((size_t)(end - at) >= sizeof word) {
        memcpy(&word, at, sizeof word);
        word = le64toh(word);
        uint64_t others = (word | (word + ones) | (word - ones * (uint8_t)lowest)) & ones << 7;
        if (others != 0)
            return at + __builtin_ctzll(others) / 8;
        at += sizeof word;
    }
    while (at < end && *at >= lowest && *at <= '~')
        at++;
    return at;
}
