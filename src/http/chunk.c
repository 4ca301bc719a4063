#include "http/chunk.h"

/* The size is written when it is known, into the place that is kept for it: with zeros before it,
 * which 1*HEXDIG allows. */
enum { SIZE_DIGITS = 8, HEAD_LEN = SIZE_DIGITS + 2 };

size_t chunk_start(struct buf *buf) {
    size_t start = buf->len;
    (void)buf_claim(buf, HEAD_LEN);
    return start;
}

void chunk_finish(struct buf *buf, size_t start) {
    if (buf->overflow) /* there may not even be a place for the size */
        return;
    size_t len = buf->len - start - HEAD_LEN;
    if (len == 0) {
        buf->len = start;
        return;
    }
    struct buf head = BUF_INIT(buf->ptr + start, HEAD_LEN);
    for (unsigned i = SIZE_DIGITS; i-- > 0;)
        buf_put_hex(&head, (unsigned)(len >> (4 * i)) & 15);
    buf_put(&head, SLICE("\r\n"));
    buf_put(buf, SLICE("\r\n"));
}

void chunk_last(struct buf *buf) {
    buf_put(buf, SLICE("0\r\n\r\n"));
}
