/* A QR code as lines of a terminal, two rows of modules to a line (block elements, in UTF-8). */
#pragma once

#include "base/buf.h"
#include "base/qr.h"

#include <stdbool.h>

enum {
    POSTER_INDENT = 2, /* blanks before each line */
    POSTER_COLUMNS_MAX = POSTER_INDENT + QR_SIZE_MAX + 2 * QR_QUIET,
    POSTER_BYTES_MAX = (POSTER_COLUMNS_MAX * 3 + 40) * (POSTER_COLUMNS_MAX / 2 + 1),
};

/* The columns that it takes. */
int poster_columns(const struct qr *qr);

/* Writes the lines, with the quiet zone. With colours, it is black on white, whatever the terminal
 * has; without, light modules have the colour of text, so that it is right on a dark terminal. On
 * a light one it is reversed, which most readers take as well (ISO/IEC 18004:2015 §5.2). */
void poster_put(struct buf *buf, const struct qr *qr, bool coloured);
