/* Content that is made while it is sent, a piece at a time: a listing, an archive. Who makes it
 * knows nothing of who it is for; who sends it knows nothing of what it is.
 *
 * A stream is embedded at the start of what makes it. It is asked for its next piece when the one
 * before has been sent, so it holds no more than it needs to go on. Each call does a bounded amount
 * of work. */
#pragma once

#include "base/buf.h"

#include <stdint.h>

enum stream_outcome {
    STREAM_BYTES, /* bytes were written to the buffer */
    STREAM_FILE,  /* a stretch of a file is next */
    STREAM_PAUSE, /* nothing yet: ask again in another turn, so that others have theirs */
    STREAM_WAIT,  /* nothing until something happens: ask again when it has */
    STREAM_END,   /* that was all */
    STREAM_FAULT, /* it cannot be gone on with: what was made so far is not the whole */
};

/* More than 0 bytes of an open file, of which it is sure that they are there unless somebody
 * truncates it. */
struct stretch {
    int fd; /* the receiver's from now on */
    uint64_t offset;
    uint64_t len;
};

/* The room that a piece needs at least in the buffer. */
enum { STREAM_PIECE_BYTES = 16 * 1024 };

struct stream;

struct stream_type {
    /* NULL: there is nothing to prepare. */
    enum stream_outcome (*prepare)(struct stream *stream);
    enum stream_outcome (*next)(struct stream *stream, struct buf *bytes, struct stretch *stretch);
    void (*free)(struct stream *stream);
};

struct stream {
    const struct stream_type *type;
};

/* Does a part of what must be known before the first piece. STREAM_PAUSE: call again in another
 * turn. STREAM_END: done, or it is known why it cannot be. */
static inline enum stream_outcome stream_prepare(struct stream *stream) {
    return stream->type->prepare != NULL ? stream->type->prepare(stream) : STREAM_END;
}

/* Makes the next piece. STREAM_BYTES: at least one byte was put behind what is in `bytes`, which
 * has room for STREAM_PIECE_BYTES. STREAM_FILE: `stretch` was filled in. After STREAM_END and
 * STREAM_FAULT, nothing but stream_free() may be called. */
static inline enum stream_outcome stream_next(struct stream *stream, struct buf *bytes,
                                              struct stretch *stretch) {
    return stream->type->next(stream, bytes, stretch);
}

/* NULL is allowed. */
static inline void stream_free(struct stream *stream) {
    if (stream != NULL)
        stream->type->free(stream);
}
