/* UTF-8 (RFC 3629). */
#pragma once

#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

/* Reads the character at the start of `text`, which is not empty: its length in bytes, and its code
 * point; or 0 where it is no UTF-8: overlong, a surrogate, beyond U+10FFFF, or cut. */
size_t utf8_read(struct slice text, uint32_t *code);
