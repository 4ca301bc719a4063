/* What is still to be sent on a connection: bytes of its own (heads), memory of entries, and
 * stretches of files. */
#pragma once

#include "base/buf.h"
#include "http/range.h"
#include "store/entry.h"
#include "store/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OUTQ_SEGMENTS = 64,
    OUTQ_BYTES = 64 * 1024,
    /* Then there is room for no more responses: entries stay in memory, kept or not, as long as a
       client does not take them. */
    OUTQ_HELD_BYTES = 256 * 1024,
    /* What one response may add at most: a redirect to a target of which each byte becomes three.
     */
    OUTQ_RESPONSE_BYTES = 36 * 1024,
    /* What the heads of its parts may need of that. */
    OUTQ_PARTS_BYTES = 8 * 1024,
    OUTQ_RESPONSE_SEGMENTS = 2 * RANGE_MAX + 1, /* a part's head and content, and the end */
};

struct segment {
    uint64_t len; /* bytes left, more than 0 */
    union {
        const char *ptr; /* memory of the queue or of the entry */
        uint64_t offset; /* in the entry's file */
    };
    struct entry *entry; /* a reference is held; NULL: the queue's own bytes */
    bool is_file;
};

/* A queue is either a worker's scratch, which is filled and flushed within a turn, or what
 * outq_detach() made of it: the unsent rest, owned by a connection that waits for its client. */
struct outq {
    struct segment *segments;
    size_t first;
    size_t count;  /* from `first` on */
    bool has_file; /* a stretch of a file has been queued: whose client is slow is to hold one open,
                      not many */
    uint64_t held_bytes; /* of entries, queued since the queue was empty */
    uint64_t cost_bytes; /* of a detached queue only: its memory, and its share of the entries' */
    /* Of a scratch queue only: */
    uint64_t queued_bytes; /* since it was empty */
    uint64_t head_end;     /* of these, up to the end of the last head */
    struct buf bytes;
    unsigned answers; /* whose last byte is queued */
    int64_t begun_ns; /* with `answers`: when the first of them was, on the loop's clock */
};

enum outq_outcome {
    OUTQ_SENT,         /* everything */
    OUTQ_BLOCKED,      /* the socket takes no more now */
    OUTQ_PAUSED,       /* the budget is used up */
    OUTQ_PEER_GONE,    /* the client will take no more ever */
    OUTQ_FILE_CHANGED, /* a file is shorter than was announced */
    OUTQ_FAULT,        /* the file could not be read */
};

/* An empty scratch queue. Returns 0 or -ENOMEM. */
int outq_init(struct outq *queue);

/* Drops what is left in a scratch queue, and frees it. Idempotent. */
void outq_deinit(struct outq *queue);

/* Whether there is room for any one more response. */
bool outq_has_room(const struct outq *queue);

static inline bool outq_is_empty(const struct outq *queue) {
    return queue->count == 0;
}

/* The memory that is sent first: the first head is at its start. SLICE_NONE: there is none. */
static inline struct slice outq_front(const struct outq *queue) {
    const struct segment *first = &queue->segments[queue->first];
    return queue->count > 0 && !first->is_file ? slice_of(first->ptr, (size_t)first->len)
                                               : SLICE_NONE;
}

/* To write bytes of the queue's own: write to queue->bytes, then push what has been written since
 * it had `start` bytes. */
void outq_push_bytes(struct outq *queue, size_t start);

/* The same; what is pushed behind it is content. */
void outq_push_head(struct outq *queue, size_t start);

/* The same where what has been written is the start of the head of a 200, and the rest of it, with
 * the content, is the entry's. Returns false, and does nothing, where that is not worth copying. */
bool outq_push_rest(struct outq *queue, size_t start, const struct entry *entry);

/* Queues a whole answer, which entry_answer() gave. With nothing queued before it, it is sent from
 * where it is, and the queue takes a reference of its own; behind another one, a copy costs less
 * than one more piece. Returns false, and does nothing, where it is not worth copying, either. */
bool outq_push_answer(struct outq *queue, struct entry *entry, struct slice answer);

/* Queues an entry's content from `offset` on, `len` bytes, and takes a reference of its own if it
 * needs one. */
void outq_push_content(struct outq *queue, struct entry *entry, uint64_t offset, uint64_t len);

/* Queues a stretch of a file, whose descriptor it takes over in any case. Returns false where there
 * is no memory. */
bool outq_push_stretch(struct outq *queue, const struct stretch *stretch);

/* What has been queued up to here ends an answer that was begun at `begun_ns`. */
static inline void outq_note_end(struct outq *queue, int64_t begun_ns) {
    if (queue->answers++ == 0)
        queue->begun_ns = begun_ns;
}

/* Drops what is queued. */
void outq_clear(struct outq *queue);

/* Moves what is left in a scratch queue into one of its own, made as small as it can be, and
 * empties the scratch queue in any case. Free it with outq_free(). NULL: out of memory. */
struct outq *outq_detach(struct outq *scratch);

/* NULL is allowed. */
void outq_free(struct outq *detached);

/* Sends from the front, about `budget` bytes at most (at least one piece), and adds the bytes sent
 * to `sent`. */
enum outq_outcome outq_flush(struct outq *queue, int fd, uint64_t budget, uint64_t *sent);
