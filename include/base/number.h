/* Decimal numbers from text, checked against overflow. */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* Reads 1*DIGIT that fill the whole of `text`, with a value of at most `max`. Returns false, and
 * leaves `value` alone, for anything else: a sign, a blank, an empty text, a value that is too
 * large. */
bool number_parse(struct slice text, uint64_t max, uint64_t *value);
