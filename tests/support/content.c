#include "support/content.h"

#include "support/note.h"

#include <string.h>

/* splitmix64: every word of 8 bytes is a hash of its place. */
static uint64_t word_at(uint64_t seed, uint64_t place) {
    uint64_t word = (seed + 1) * 0x9e3779b97f4a7c15u + place * 0xbf58476d1ce4e5b9u;
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9u;
    word = (word ^ word >> 27) * 0x94d049bb133111ebu;
    return word ^ word >> 31;
}

/* Copies what of the word at `offset` fits into `len` bytes, and returns how many those are. */
static size_t copy_part(uint64_t seed, uint64_t offset, char *to, size_t len) {
    uint64_t word = word_at(seed, offset / 8);
    size_t start = offset % 8;
    size_t count = len < 8 - start ? len : 8 - start;
    memcpy(to, (const char *)&word + start, count);
    return count;
}

void content_fill(uint64_t seed, uint64_t offset, void *ptr, size_t len) {
    char *to = ptr;
    while (len > 0) {
        size_t count = copy_part(seed, offset, to, len);
        to += count;
        offset += count;
        len -= count;
    }
}

void content_assert(uint64_t seed, uint64_t offset, const void *ptr, size_t len) {
    const char *at = ptr;
    char expected[8192];
    while (len > 0) {
        size_t count = len < sizeof expected ? len : sizeof expected;
        content_fill(seed, offset, expected, count);
        if (memcmp(at, expected, count) != 0)
            fail_msg("content %llu differs between byte %llu and byte %llu",
                     (unsigned long long)seed, (unsigned long long)offset,
                     (unsigned long long)(offset + count));
        at += count;
        offset += count;
        len -= count;
    }
}
