#include "proc/poster.h"

/* Colours of the 256 that themes leave alone, unlike the first 16. */
static const struct slice black_on_white = SLICE_INIT("\x1b[38;5;16;48;5;231m");
static const struct slice plain = SLICE_INIT("\x1b[0m");

/* U+2580, U+2584, U+2588: which half of a character is in the colour of text, the upper in bit 1.
 */
static const struct slice blocks[] = {
    SLICE_INIT(" "),
    SLICE_INIT("\xe2\x96\x84"),
    SLICE_INIT("\xe2\x96\x80"),
    SLICE_INIT("\xe2\x96\x88"),
};

int poster_columns(const struct qr *qr) {
    return POSTER_INDENT + qr->size + 2 * QR_QUIET;
}

static void put_line(struct buf *buf, const struct qr *qr, int row, bool coloured) {
    for (int column = -QR_QUIET; column < qr->size + QR_QUIET; column++) {
        unsigned dark =
            (qr_is_dark(qr, row, column) ? 2u : 0u) | (qr_is_dark(qr, row + 1, column) ? 1u : 0u);
        buf_put(buf, blocks[coloured ? dark : 3 - dark]);
    }
}

/* The number of rows is odd; one more of the quiet zone makes it even. */
void poster_put(struct buf *buf, const struct qr *qr, bool coloured) {
    for (int row = -QR_QUIET; row < qr->size + QR_QUIET; row += 2) {
        for (int i = 0; i < POSTER_INDENT; i++)
            buf_put_char(buf, ' ');
        if (coloured)
            buf_put(buf, black_on_white);
        put_line(buf, qr, row, coloured);
        if (coloured)
            buf_put(buf, plain);
        buf_put_char(buf, '\n');
    }
}
