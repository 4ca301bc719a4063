#include "base/hash.h"

#include <endian.h>
#include <string.h>

struct state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t word, unsigned bits) {
    return word << bits | word >> (64 - bits);
}

static inline void mix(struct state *state) {
    state->v0 += state->v1;
    state->v2 += state->v3;
    state->v1 = rotate(state->v1, 13) ^ state->v0;
    state->v3 = rotate(state->v3, 16) ^ state->v2;
    state->v0 = rotate(state->v0, 32);
    state->v2 += state->v1;
    state->v0 += state->v3;
    state->v1 = rotate(state->v1, 17) ^ state->v2;
    state->v3 = rotate(state->v3, 21) ^ state->v0;
    state->v2 = rotate(state->v2, 32);
}

static inline void take_word(struct state *state, uint64_t word) {
    state->v3 ^= word;
    mix(state);
    state->v0 ^= word;
}

/* Eight bytes as a little-endian number. */
static inline uint64_t word_at(const char *ptr) {
    uint64_t word;
    memcpy(&word, ptr, sizeof word);
    return le64toh(word);
}

/* The last bytes, fewer than eight, as a little-endian number. Where there are eight in all, they
 * are the upper ones of the last eight. */
static inline uint64_t last_word_of(struct slice bytes, size_t count) {
    uint64_t word = 0;
    if (count > 0 && bytes.len >= sizeof word)
        return word_at(bytes.ptr + bytes.len - sizeof word) >> 8 * (sizeof word - count);
    for (size_t i = 0; i < count; i++)
        word |= (uint64_t)(unsigned char)bytes.ptr[bytes.len - count + i] << 8 * i;
    return word;
}

uint64_t hash_bytes(const struct hash_key *key, struct slice bytes) {
    struct state state = {
        key->words[0] ^ 0x736f6d6570736575,
        key->words[1] ^ 0x646f72616e646f6d,
        key->words[0] ^ 0x6c7967656e657261,
        key->words[1] ^ 0x7465646279746573,
    };
    size_t whole = bytes.len & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8)
        take_word(&state, word_at(bytes.ptr + i));
    take_word(&state, (uint64_t)bytes.len << 56 | last_word_of(bytes, bytes.len - whole));
    state.v2 ^= 0xff;
    for (int i = 0; i < 3; i++)
        mix(&state);
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}
