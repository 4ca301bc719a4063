/* Content that is made while it is sent, on its way to a connection's output. */
#pragma once

#include "serve/outq.h"
#include "store/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct delivery {
    struct stream *stream; /* owned */
    bool preparing;        /* the answer waits for the stream */
    struct slice appendix; /* what stands behind the stream's bytes; SLICE_NONE: nothing. Borrowed.
                            */
    bool chunked;          /* else the head has said how long it is, or the connection's end will;
                              only for streams that have no stretches of files */
    size_t *live;          /* counts deliveries */
    int64_t begun_ns;    /* when the request was there that waits for it (ledger.begun_ns); 0: none
                            has waited */
    int64_t answered_ns; /* when its answer was begun, on the loop's clock */
};

enum delivery_outcome {
    DELIVERY_MORE,         /* there will be more, after what was queued, which may be nothing */
    DELIVERY_WAIT,         /* the same, when something has happened that there is to tell of */
    DELIVERY_DONE,         /* what was queued is the last */
    DELIVERY_FILE_CHANGED, /* it cannot be gone on with */
    DELIVERY_FAULT,        /* no memory */
};

/* Makes a delivery of a stream, which it takes over in any case; `live` counts it until it is
 * freed. NULL: no memory. */
struct delivery *delivery_new(struct stream *stream, size_t *live);

/* NULL is allowed. */
void delivery_free(struct delivery *delivery);

/* Prepares the stream, as far as a turn goes. Whether it still is preparing. */
bool delivery_prepare(struct delivery *delivery);

/* Queues what comes next, as far as a turn goes; `output` is empty before. With other outcomes than
 * DELIVERY_MORE and DELIVERY_WAIT, only delivery_free() may be called. */
enum delivery_outcome delivery_fill(struct delivery *delivery, struct outq *output);
