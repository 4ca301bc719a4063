/* SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"): who does not know the
 * key cannot choose input whose hashes collide. */
#pragma once

#include "base/slice.h"

#include <stdint.h>

struct hash_key {
    uint64_t words[2]; /* random, and secret */
};

uint64_t hash_bytes(const struct hash_key *key, struct slice bytes);
