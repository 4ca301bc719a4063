/* Headers of a pax archive: what stands before a member's bytes (POSIX.1-2017, pax, "pax
 * Interchange Format" and "ustar Interchange Format"). Pure: facts in, bytes out. The same facts
 * give the same bytes. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    PAX_BLOCK_BYTES = 512,
    PAX_END_BYTES = 2 * PAX_BLOCK_BYTES,    /* zeros behind the last member */
    PAX_PATH_MAX = PATH_MAX + 1 + NAME_MAX, /* bytes of a member's path */
    /* Of a header: two blocks, and all records with the longest path. */
    PAX_HEADER_MAX = 2 * PAX_BLOCK_BYTES + (PAX_PATH_MAX / PAX_BLOCK_BYTES + 2) * PAX_BLOCK_BYTES,
};

struct pax_member {
    struct slice path; /* relative, of at most PAX_PATH_MAX bytes; a directory's ends in a slash */
    bool is_directory;
    unsigned mode; /* permission bits */
    uint64_t size_bytes;
    int64_t mtime_s;   /* since the epoch */
    uint32_t mtime_ns; /* added to it; less than a second */
};

/* Writes the header of a member, PAX_HEADER_MAX bytes at most and whole blocks. What the fields of
 * ustar do not hold stands in records before it: a path that is long or not ASCII, times that are
 * not whole seconds, sizes from 8 GiB on. */
void pax_write_header(struct buf *buf, const struct pax_member *member);

/* Writes one record of an extended header: "LEN KEY=VALUE\n", where LEN counts itself, too. */
void pax_write_record(struct buf *buf, struct slice key, struct slice value);

/* The bytes that content takes up in an archive: whole blocks. `size_bytes` is less than 2^63. */
static inline uint64_t pax_padded(uint64_t size_bytes) {
    return (size_bytes + PAX_BLOCK_BYTES - 1) & ~(uint64_t)(PAX_BLOCK_BYTES - 1);
}
