/* Numbers with units, as the operator writes them: "16K", "10s". */
#pragma once

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum quantity_kind {
    QUANTITY_COUNT,    /* without a unit */
    QUANTITY_SIZE,     /* in bytes: K, M or G of them */
    QUANTITY_DURATION, /* in milliseconds: ms, s, m or h, one of which has to be there */
};

/* Returns false, and leaves `value` alone, for what is none, or too large. */
bool quantity_parse(const char *text, enum quantity_kind kind, uint64_t *value);

/* Writes it in the largest unit of which it is a multiple. */
void quantity_put(struct buf *buf, uint64_t value, enum quantity_kind kind);
