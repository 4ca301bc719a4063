/* Bytes that a file has at an offset, known without reading it: what arrives can be compared with
 * what was to arrive, and a piece that is missing, doubled or moved differs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes the bytes from `offset` on of the content that `seed` names. */
void content_fill(uint64_t seed, uint64_t offset, void *ptr, size_t len);

/* Fails the test, and says where they differ, unless `ptr` holds those bytes. */
void content_assert(uint64_t seed, uint64_t offset, const void *ptr, size_t len);
