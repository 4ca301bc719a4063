/* The chunked transfer coding, as it is sent (RFC 9112 §7.1). */
#pragma once

#include "base/buf.h"

#include <stddef.h>

enum { CHUNK_OVERHEAD = 12, CHUNK_LAST_LEN = 5 };

/* Starts a chunk: what is put into `buf` from now on is its data. Returns the place to be given to
 * chunk_finish(). Of CHUNK_OVERHEAD bytes, most stand before the data and the rest behind it. */
size_t chunk_start(struct buf *buf);

/* Ends the chunk that was started there; one without data is taken back. */
void chunk_finish(struct buf *buf, size_t start);

/* The last chunk, CHUNK_LAST_LEN bytes, without trailer fields. */
void chunk_last(struct buf *buf);
