#include "serve/delivery.h"

#include "base/check.h"
#include "http/chunk.h"

#include <stdlib.h>

/* A piece, with what chunks need around it. */
enum { PIECE_BYTES = STREAM_PIECE_BYTES + CHUNK_OVERHEAD + CHUNK_LAST_LEN };

/* Bytes are made in a turn until there are this many: others wait meanwhile. */
enum { TURN_BYTES = STREAM_PIECE_BYTES / 4 };

struct delivery *delivery_new(struct stream *stream, size_t *live) {
    struct delivery *delivery = calloc(1, sizeof *delivery);
    if (delivery == NULL) {
        stream_free(stream);
        return NULL;
    }
    delivery->stream = stream;
    delivery->live = live;
    ++*live;
    return delivery;
}

void delivery_free(struct delivery *delivery) {
    if (delivery == NULL)
        return;
    --*delivery->live;
    stream_free(delivery->stream);
    free(delivery);
}

bool delivery_prepare(struct delivery *delivery) {
    delivery->preparing = stream_prepare(delivery->stream) == STREAM_PAUSE;
    return delivery->preparing;
}

/* Makes the next piece, with what stands behind the last one. */
static enum stream_outcome make_piece(struct delivery *delivery, struct buf *bytes,
                                      struct stretch *stretch) {
    enum stream_outcome outcome = stream_next(delivery->stream, bytes, stretch);
    if (outcome == STREAM_END)
        buf_put(bytes, delivery->appendix);
    return outcome;
}

/* Queues a piece of bytes, or a stretch of a file. */
static enum stream_outcome add_piece(struct delivery *delivery, struct outq *output,
                                     struct stretch *stretch) {
    struct buf *bytes = &output->bytes;
    size_t start = bytes->len;
    if (!delivery->chunked) {
        enum stream_outcome outcome = make_piece(delivery, bytes, stretch);
        outq_push_bytes(output, start);
        return outcome;
    }
    (void)chunk_start(bytes);
    enum stream_outcome outcome = make_piece(delivery, bytes, stretch);
    chunk_finish(bytes, start);
    if (outcome == STREAM_END)
        chunk_last(bytes);
    outq_push_bytes(output, start);
    return outcome;
}

enum delivery_outcome delivery_fill(struct delivery *delivery, struct outq *output) {
    const size_t start = output->bytes.len;
    struct stretch stretch;
    while (output->bytes.capacity - output->bytes.len >= PIECE_BYTES && !output->has_file &&
           output->bytes.len - start < TURN_BYTES) {
        switch (add_piece(delivery, output, &stretch)) {
        case STREAM_BYTES:
            break;
        case STREAM_FILE:
            CHECK(!delivery->chunked); /* what consists of files knows its length */
            if (!outq_push_stretch(output, &stretch))
                return DELIVERY_FAULT;
            break;
        case STREAM_PAUSE:
            return DELIVERY_MORE;
        case STREAM_WAIT:
            return DELIVERY_WAIT;
        case STREAM_END:
            return DELIVERY_DONE;
        case STREAM_FAULT:
            return DELIVERY_FILE_CHANGED;
        }
    }
    return DELIVERY_MORE;
}
