/* QR codes (ISO/IEC 18004): a text of bytes as a square of dark and light modules, at error
 * correction level M, of which 15 % may be unreadable. Versions 1 to 10: up to 213 bytes. Pure. */
#pragma once

#include "base/slice.h"

#include <stdbool.h>

enum {
    QR_VERSIONS = 10,
    QR_SIZE_MAX = 17 + 4 * QR_VERSIONS, /* modules on a side */
    QR_QUIET = 4, /* light modules that a reader expects around it (ISO/IEC 18004 §5.3.8) */
};

struct qr {
    int size;                             /* modules on a side, the quiet zone not among them */
    bool dark[QR_SIZE_MAX][QR_SIZE_MAX];  /* by row and column */
    bool fixed[QR_SIZE_MAX][QR_SIZE_MAX]; /* what is the same whatever the text says */
};

/* Makes the smallest code that holds `text`, with the mask that is easiest to read. Returns false
 * where the text is too long. */
bool qr_make(struct qr *qr, struct slice text);

/* Whether a module is dark; the quiet zone, and all beyond, is light. */
static inline bool qr_is_dark(const struct qr *qr, int row, int column) {
    return row >= 0 && column >= 0 && row < qr->size && column < qr->size && qr->dark[row][column];
}
