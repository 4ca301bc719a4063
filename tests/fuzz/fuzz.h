/* What the fuzz targets share. libFuzzer makes up input; a target aborts with CHECK() where
 * something that holds for every input does not hold, and the sanitizers abort where memory is
 * misused. */
#pragma once

#include "base/check.h"
#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What libFuzzer calls, once at the start (where there is one) and for each input. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What it calls to change the `size` bytes of an input, which may become up to `max`, where the
 * target has one; and its own way to do that. Both return the new size. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

enum { FUZZ_COPY_LEAD = 16 };

/* A copy whose last byte is the last one of its heap block, also where it has none, so that the
 * address sanitizer sees a read of one byte too many. Freed with fuzz_free(). */
static inline struct slice fuzz_copy(struct slice text) {
    char *block = malloc(FUZZ_COPY_LEAD + text.len);
    CHECK(block != NULL);
    if (text.len > 0)
        memcpy(block + FUZZ_COPY_LEAD, text.ptr, text.len);
    return slice_of(block + FUZZ_COPY_LEAD, text.len);
}

static inline void fuzz_free(struct slice copy) {
    free((char *)copy.ptr - FUZZ_COPY_LEAD);
}

/* Whether `part` lies within `whole`. */
static inline bool fuzz_is_within(struct slice part, struct slice whole) {
    return part.ptr >= whole.ptr && part.len <= whole.len &&
           part.ptr + part.len <= whole.ptr + whole.len;
}

/* How far it is from one position in an input to the next one that is tried: short inputs are tried
 * everywhere, long ones at a sample and at their end. */
static inline size_t fuzz_step(size_t at, size_t len) {
    return at + 4 >= len ? 1 : 1 + len / 24;
}
