#include "http/sniff.h"

#include <stdbool.h>

/* The well-formed sequences of UTF-8 (The Unicode Standard, table 3-7): by their first byte, what
 * the second one may be, and how many there are. Bytes behind the second are 0x80 to 0xbf. */
static const struct sequence {
    unsigned char first_min, first_max;
    unsigned char second_min, second_max;
    unsigned char len;
} sequences[] = {
    {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

/* NULL: no sequence starts with that byte. */
static const struct sequence *sequence_of(unsigned char first) {
    for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++) {
        if (first >= sequences[i].first_min && first <= sequences[i].first_max)
            return &sequences[i];
    }
    return NULL;
}

/* A control character other than HTAB, LF, FF, CR and ESC; the last is in what terminals show. */
static bool is_binary(unsigned char c) {
    return c < 0x20 && c != '\t' && c != '\n' && c != '\f' && c != '\r' && c != 0x1b;
}

/* Whether the bytes are one character, or, where they are fewer than it has, the start of one. */
static bool is_character(const struct sequence *sequence, struct slice bytes) {
    for (size_t i = 1; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        if (c < (i == 1 ? sequence->second_min : 0x80) ||
            c > (i == 1 ? sequence->second_max : 0xbf))
            return false;
    }
    return true;
}

static bool is_text(struct slice sample) {
    bool is_cut = sample.len >= SNIFF_BYTES;
    while (sample.len > 0) {
        unsigned char first = (unsigned char)sample.ptr[0];
        const struct sequence *sequence = sequence_of(first);
        if (sequence == NULL || is_binary(first))
            return false;
        bool is_whole = sequence->len <= sample.len;
        size_t len = is_whole ? sequence->len : sample.len;
        if (!is_character(sequence, slice_of(sample.ptr, len)) || !(is_whole || is_cut))
            return false;
        sample = slice_after(sample, len);
    }
    return true;
}

struct slice sniff_type(struct slice sample) {
    return is_text(sample) ? SLICE("text/plain; charset=utf-8") : SLICE("application/octet-stream");
}
