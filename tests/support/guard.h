/* Memory that ends at a page nobody may touch, so that reading or writing one byte too far is a
 * crash and not luck. */
#pragma once

#include "base/slice.h"

#include <stddef.h>

/* Room for `len` bytes, filled with 0xa5, of which the last is the last one before the guard page.
 * Never NULL, also for 0 bytes. Freed with guard_free(). */
char *guard_room(size_t len);

/* A copy of `text` in such a room. */
char *guard_copy(struct slice text);

/* `ptr` is what guard_room() or guard_copy() returned for `len` bytes. */
void guard_free(char *ptr, size_t len);
