/* Files of src/ that are part of the program: scripts as they are, and style sheets behind
 * src/page.css (src/embed.sh prints how). src/store/listing.css is called listing_css. */
#pragma once

#include "base/slice.h"

#include <stdint.h>

enum { EMBEDDED_SHA256_LEN = 44 };

/* Declares what the two below name. */
#define EMBEDDED_DECLARE(name)                   \
    extern const char embedded_##name[];         \
    extern const uint64_t embedded_##name##_len; \
    extern const char embedded_##name##_sha256[EMBEDDED_SHA256_LEN]

/* The bytes, and their SHA-256 in base64, as slices. */
#define EMBEDDED(name)        slice_of(embedded_##name, (size_t)embedded_##name##_len)
#define EMBEDDED_SHA256(name) slice_of(embedded_##name##_sha256, EMBEDDED_SHA256_LEN)
