#include "serve/outq.h"

#include "base/check.h"
#include "base/placement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    /* Content of up to this many bytes is copied behind its head: cheaper than one more piece for
       sendmsg(2). */
    COPY_MAX = 4096,
    /* Read at a time where a file has to be copied to its socket. */
    FILE_COPY_BYTES = 16 * 1024,
};

int outq_init(struct outq *queue) {
    *queue = (struct outq){.segments = calloc(OUTQ_SEGMENTS, sizeof *queue->segments),
                           .bytes = BUF_INIT(malloc(OUTQ_BYTES), OUTQ_BYTES)};
    if (queue->segments != NULL && queue->bytes.ptr != NULL)
        return 0;
    outq_deinit(queue);
    return -ENOMEM;
}

HOT void outq_clear(struct outq *queue) {
    for (size_t i = 0; i < queue->count; i++) {
        struct entry *entry = queue->segments[queue->first + i].entry;
        if (entry != NULL)
            entry_unref(entry);
    }
    queue->first = 0;
    queue->count = 0;
    queue->bytes.len = 0;
    queue->has_file = false;
    queue->held_bytes = 0;
    queue->queued_bytes = 0;
    queue->head_end = 0;
    queue->answers = 0;
}

void outq_deinit(struct outq *queue) {
    if (queue->segments != NULL)
        outq_clear(queue);
    free(queue->segments);
    free(queue->bytes.ptr);
    *queue = (struct outq){0};
}

bool outq_has_room(const struct outq *queue) {
    return !queue->has_file && queue->held_bytes < OUTQ_HELD_BYTES &&
           queue->first + queue->count + OUTQ_RESPONSE_SEGMENTS <= OUTQ_SEGMENTS &&
           queue->bytes.capacity - queue->bytes.len >= OUTQ_RESPONSE_BYTES;
}

static struct segment *push(struct outq *queue, uint64_t len, struct entry *entry) {
    CHECK(queue->first + queue->count < OUTQ_SEGMENTS);
    struct segment *segment = &queue->segments[queue->first + queue->count++];
    segment->len = len;
    segment->entry = entry;
    queue->queued_bytes += len;
    return segment;
}

static void push_memory(struct outq *queue, const char *ptr, uint64_t len, struct entry *entry) {
    struct segment *segment = push(queue, len, entry);
    segment->ptr = ptr;
    segment->is_file = false;
}

void outq_push_bytes(struct outq *queue, size_t start) {
    CHECK(!queue->bytes.overflow);
    const char *ptr = queue->bytes.ptr + start;
    size_t len = queue->bytes.len - start;
    if (queue->count > 0) {
        struct segment *last = &queue->segments[queue->first + queue->count - 1];
        if (last->entry == NULL && last->ptr + last->len == ptr) {
            last->len += len;
            queue->queued_bytes += len;
            return;
        }
    }
    if (len > 0)
        push_memory(queue, ptr, len, NULL);
}

void outq_push_head(struct outq *queue, size_t start) {
    outq_push_bytes(queue, start);
    queue->head_end = queue->queued_bytes;
}

static void push_file(struct outq *queue, struct entry *entry, uint64_t offset, uint64_t len) {
    struct segment *segment = push(queue, len, entry);
    segment->offset = offset;
    segment->is_file = true;
    queue->has_file = true;
}

bool outq_push_stretch(struct outq *queue, const struct stretch *stretch) {
    struct entry *entry = entry_of_fd(stretch->fd);
    if (entry != NULL)
        push_file(queue, entry, stretch->offset, stretch->len);
    return entry != NULL;
}

/* Whether content is worth being copied, and leaves room for what else its answer says. */
static bool is_copied(const struct outq *queue, uint64_t len) {
    return len <= COPY_MAX && len + OUTQ_PARTS_BYTES <= queue->bytes.capacity - queue->bytes.len;
}

bool outq_push_rest(struct outq *queue, size_t start, const struct entry *entry) {
    uint64_t len = entry->representation.length;
    if (entry->rest.ptr == NULL || !is_copied(queue, len))
        return false;
    buf_put(&queue->bytes, entry->rest);
    outq_push_bytes(queue, start);
    queue->head_end = queue->queued_bytes - len;
    return true;
}

bool outq_push_answer(struct outq *queue, struct entry *entry, struct slice answer) {
    if (outq_is_empty(queue)) {
        queue->held_bytes += answer.len;
        push_memory(queue, answer.ptr, answer.len, entry_ref(entry));
    } else if (is_copied(queue, answer.len)) {
        size_t start = queue->bytes.len;
        buf_put(&queue->bytes, answer);
        outq_push_bytes(queue, start);
    } else {
        return false;
    }
    queue->head_end = queue->queued_bytes - entry->representation.length;
    return true;
}

void outq_push_content(struct outq *queue, struct entry *entry, uint64_t offset, uint64_t len) {
    if (len == 0)
        return;
    if (entry->fd >= 0) {
        push_file(queue, entry_ref(entry), offset, len);
    } else if (is_copied(queue, len)) {
        size_t start = queue->bytes.len;
        buf_put(&queue->bytes, slice_of(entry->content + offset, (size_t)len));
        outq_push_bytes(queue, start);
    } else {
        queue->held_bytes += len;
        push_memory(queue, entry->content + offset, len, entry_ref(entry));
    }
}

/* Bytes of the queue's own that are still to be sent. */
static size_t own_bytes(const struct outq *queue) {
    size_t sum = 0;
    for (size_t i = 0; i < queue->count; i++) {
        const struct segment *segment = &queue->segments[queue->first + i];
        if (segment->entry == NULL)
            sum += (size_t)segment->len;
    }
    return sum;
}

/* What an entry in memory costs one of those that refer to it, however little of it is left to be
 * sent: the cache is another, as long as it keeps it. */
static uint64_t share_of(const struct segment *segment) {
    bool is_memory = segment->entry != NULL && !segment->is_file;
    return is_memory ? segment->entry->size_bytes / segment->entry->references : 0;
}

struct outq *outq_detach(struct outq *scratch) {
    size_t segments_size = scratch->count * sizeof *scratch->segments;
    size_t bytes_len = own_bytes(scratch);
    struct outq *queue = malloc(sizeof *queue + segments_size + bytes_len);
    if (queue == NULL) {
        outq_clear(scratch);
        return NULL;
    }
    *queue = (struct outq){.segments = (struct segment *)(void *)(queue + 1),
                           .has_file = scratch->has_file,
                           .cost_bytes = sizeof *queue + segments_size + bytes_len,
                           .answers = scratch->answers,
                           .begun_ns = scratch->begun_ns};
    queue->bytes = (struct buf)BUF_INIT((char *)(queue + 1) + segments_size, bytes_len);
    for (size_t i = 0; i < scratch->count; i++) {
        struct segment *segment = &queue->segments[queue->count++];
        *segment = scratch->segments[scratch->first + i];
        queue->cost_bytes += share_of(segment);
        if (segment->entry == NULL) {
            char *copy = buf_claim(&queue->bytes, (size_t)segment->len);
            memcpy(copy, segment->ptr, (size_t)segment->len);
            segment->ptr = copy;
        }
    }
    scratch->count = 0; /* the references have moved */
    outq_clear(scratch);
    return queue;
}

void outq_free(struct outq *detached) {
    if (detached == NULL)
        return;
    outq_clear(detached);
    free(detached);
}

/* Takes `len` sent bytes off the front. */
static void advance(struct outq *queue, uint64_t len) {
    while (len > 0) {
        struct segment *segment = &queue->segments[queue->first];
        uint64_t part = len < segment->len ? len : segment->len;
        if (segment->is_file)
            segment->offset += part;
        else
            segment->ptr += part;
        segment->len -= part;
        len -= part;
        if (segment->len == 0) {
            if (segment->entry != NULL)
                entry_unref(segment->entry);
            queue->first++;
            queue->count--;
        }
    }
}

static COLD enum outq_outcome outcome_of(int errnum) {
    switch (errnum) {
    case EAGAIN:
        return OUTQ_BLOCKED;
    case EIO:
    case ESTALE:
    case ENXIO:
    case EACCES:
    case ENOMEM:
    case ENOBUFS:
    case EINVAL:
    case EOVERFLOW:
        return OUTQ_FAULT;
    default: /* EPIPE, ECONNRESET, ETIMEDOUT and the other ways to lose a peer */
        return OUTQ_PEER_GONE;
    }
}

/* Sends the memory at the front in one call, up to the first file, whose bytes are to follow in the
 * same packets. Returns bytes, or -errno. */
static APART ssize_t send_pieces(const struct outq *queue, int fd) {
    struct iovec parts[OUTQ_SEGMENTS];
    size_t count = 0;
    while (count < queue->count && !queue->segments[queue->first + count].is_file) {
        const struct segment *segment = &queue->segments[queue->first + count];
        parts[count].iov_base =
            (void *)(uintptr_t)segment->ptr; /* sendmsg() does not write to it */
        parts[count].iov_len = (size_t)segment->len;
        count++;
    }
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    int flags = MSG_NOSIGNAL | (count < queue->count ? MSG_MORE : 0);
    ssize_t sent = sendmsg(fd, &message, flags);
    return sent < 0 ? -errno : sent;
}

/* The same; one piece is sent for a little less without a list. */
static ssize_t send_memory(const struct outq *queue, int fd) {
    const struct segment *segment = &queue->segments[queue->first];
    if (queue->count > 1)
        return send_pieces(queue, fd);
    ssize_t sent = send(fd, segment->ptr, (size_t)segment->len, MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

/* The same as sendfile(2), for files on file systems that cannot do that. */
static COLD ssize_t send_copy(int fd, int file_fd, off_t offset, size_t len) {
    char bytes[FILE_COPY_BYTES];
    ssize_t count = pread(file_fd, bytes, len < sizeof bytes ? len : sizeof bytes, offset);
    return count > 0 ? send(fd, bytes, (size_t)count, MSG_NOSIGNAL) : count;
}

/* Sends from the file at the front. Returns bytes, 0 at the end of the file, or -errno. */
static APART ssize_t send_file(const struct outq *queue, int fd, uint64_t budget) {
    const struct segment *segment = &queue->segments[queue->first];
    off_t offset = (off_t)segment->offset;
    size_t len = segment->len < budget ? (size_t)segment->len : (size_t)budget;
    ssize_t sent = sendfile(fd, segment->entry->fd, &offset, len);
    if (sent < 0 && (errno == EINVAL || errno == ENOSYS))
        sent = send_copy(fd, segment->entry->fd, offset, len);
    return sent < 0 ? -errno : sent;
}

enum outq_outcome outq_flush(struct outq *queue, int fd, uint64_t budget, uint64_t *sent) {
    uint64_t total = 0;
    enum outq_outcome outcome = OUTQ_SENT;
    while (queue->count > 0 && outcome == OUTQ_SENT) {
        bool is_file = queue->segments[queue->first].is_file;
        ssize_t len = is_file ? send_file(queue, fd, budget - total) : send_memory(queue, fd);
        if (len > 0) {
            advance(queue, (uint64_t)len);
            total += (uint64_t)len;
            if (total >= budget && queue->count > 0)
                outcome = OUTQ_PAUSED;
        } else if (len == 0) {
            outcome = is_file ? OUTQ_FILE_CHANGED : OUTQ_PEER_GONE;
        } else if (len != -EINTR) {
            outcome = outcome_of((int)-len);
        }
    }
    *sent += total;
    if (outcome == OUTQ_SENT)
        outq_clear(queue);
    return outcome;
}
