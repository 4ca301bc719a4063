/* Sizes as people read them. */
#pragma once

#include "base/buf.h"

#include <stdint.h>

enum { SIZE_TEXT_MAX = 6 }; /* "999 kB" */

/* Writes a number of bytes to two or three digits, "999 B", "1.2 kB", "34 MB", rounded to the
 * nearest; 1 kB is 1000 bytes. */
void size_put(struct buf *buf, uint64_t bytes);
