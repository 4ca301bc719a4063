/* Random numbers from the kernel. */
#pragma once

#include "base/err.h"

#include <stddef.h>

/* Fills up to 256 bytes. Returns 0, or -errno and a message (getrandom(2)). */
int random_fill(void *bytes, size_t len, struct err *err);

/* The same with up to RANDOM_DIGITS_MAX hexadecimal digits, an even number: whoever has not seen
 * the text cannot know it. */
enum { RANDOM_DIGITS_MAX = 64 };
int random_digits(char *text, size_t len, struct err *err);
