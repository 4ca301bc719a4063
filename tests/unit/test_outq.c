#include "serve/outq.h"

#include "support/content.h"
#include "support/feint.h"
#include "support/no_memory.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    COPIED = 100,     /* an entry small enough to be copied behind its head */
    IN_MEMORY = 4200, /* one that is sent from where it is */
    IN_FILE = 150,    /* of which pieces are sent; small, so that every k can be tried */
    SEED_COPIED = 1,
    SEED_MEMORY = 2,
    SEED_FILE = 3,
    EXPECTED_MAX = 16 * 1024,
    BIG = 1 << 20, /* a budget that is none */
};

static struct feint output;
static int last_flags;      /* of sendmsg() */
static size_t calls;        /* of sendmsg() and sendfile() */
static ssize_t file_result; /* of the next sendfile(); 1: its own; else 0 or -errno */

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_send(int fd, const void *ptr, size_t len, int flags);
ssize_t __real_sendfile(int fd, int file_fd, off_t *offset, size_t len);
ssize_t __wrap_sendfile(int fd, int file_fd, off_t *offset, size_t len);

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags) {
    struct iovec parts[OUTQ_SEGMENTS];
    struct msghdr cut = {.msg_iov = parts};
    size_t total = feint_total(message->msg_iov, message->msg_iovlen);
    assert_true(total > 0 && message->msg_iovlen <= OUTQ_SEGMENTS);
    calls++;
    last_flags = flags;
    ssize_t allowed = feint_allow(&output, total);
    if (allowed < 0)
        return -1;
    cut.msg_iovlen = feint_cut(message->msg_iov, message->msg_iovlen, (size_t)allowed, parts);
    return feint_passed(&output, __real_sendmsg(fd, &cut, flags));
}

/* The same for one piece. */
ssize_t __wrap_send(int fd, const void *ptr, size_t len, int flags) {
    struct iovec part = {.iov_base = (void *)(uintptr_t)ptr, .iov_len = len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    return __wrap_sendmsg(fd, &message, flags);
}

ssize_t __wrap_sendfile(int fd, int file_fd, off_t *offset, size_t len) {
    calls++;
    if (file_result <= 0) {
        errno = (int)-file_result;
        return file_result < 0 ? -1 : 0;
    }
    ssize_t allowed = feint_allow(&output, len);
    if (allowed < 0)
        return -1;
    return feint_passed(&output, __real_sendfile(fd, file_fd, offset, (size_t)allowed));
}

static struct tree tree;
static struct outq queue;
static struct entry *copied;
static struct entry *in_memory;
static struct entry *in_file;
static int fds[2]; /* a connection: what is sent to [0] arrives at [1] */
static char expected[EXPECTED_MAX];
static size_t expected_len;
static char arrived[EXPECTED_MAX + 1];
static size_t arrived_len;

/* An entry of `size` bytes, in memory or in a file, whatever its size. */
static struct entry *entry_new(uint64_t seed, size_t size, bool is_file) {
    struct entry *entry = calloc(1, sizeof *entry + size);
    assert_non_null(entry);
    entry->references = 1;
    entry->representation.length = size;
    entry->size_bytes = sizeof *entry + size;
    entry->fd = -1;
    if (is_file) {
        tree_file(&tree, "file", seed, size);
        entry->fd = open(tree_path(&tree, "file"), O_RDONLY | O_CLOEXEC);
        assert_true(entry->fd >= 0);
    } else {
        content_fill(seed, 0, entry->bytes, size);
        entry->content = entry->bytes;
    }
    return entry;
}

static int group_setup(void **state) {
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN); /* as in a worker: sendfile(2) has no MSG_NOSIGNAL */
    tree_make(&tree);
    return 0;
}

static int group_teardown(void **state) {
    (void)state;
    tree_remove(&tree);
    return 0;
}

static void restart(void) {
    output = (struct feint){.step = 0};
    file_result = 1;
    calls = 0;
    last_flags = 0;
    expected_len = 0;
    arrived_len = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

static void hang_up(void) {
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static int setup(void **state) {
    (void)state;
    out_of_memory = false;
    copied = entry_new(SEED_COPIED, COPIED, false);
    in_memory = entry_new(SEED_MEMORY, IN_MEMORY, false);
    in_file = entry_new(SEED_FILE, IN_FILE, true);
    restart();
    return outq_init(&queue);
}

static int teardown(void **state) {
    (void)state;
    out_of_memory = false;
    hang_up();
    outq_deinit(&queue);
    outq_deinit(&queue); /* idempotent */
    assert_int_equal(copied->references, 1);
    assert_int_equal(in_memory->references, 1);
    assert_int_equal(in_file->references, 1);
    entry_unref(copied);
    entry_unref(in_memory);
    entry_unref(in_file);
    return 0;
}

static void push_text(const char *text) {
    size_t start = queue.bytes.len;
    buf_put(&queue.bytes, slice_of_text(text));
    outq_push_bytes(&queue, start);
    memcpy(expected + expected_len, text, strlen(text));
    expected_len += strlen(text);
}

static void push_content(struct entry *entry, uint64_t seed, uint64_t offset, size_t len) {
    outq_push_content(&queue, entry, offset, len);
    assert_true(expected_len + len <= EXPECTED_MAX);
    content_fill(seed, offset, expected + expected_len, len);
    expected_len += len;
}

/* All kinds, next to each other in every order that matters; a few hundred bytes, but for the
 * entry in memory, which must be larger than what is copied. */
static void push_mixture(void) {
    push_text("HTTP/1.1 200 OK\r\nA: head\r\n\r\n");
    push_content(copied, SEED_COPIED, 0, COPIED);
    push_text("a head behind copied content\r\n\r\n");
    push_content(in_file, SEED_FILE, 0, IN_FILE);
    push_content(in_file, SEED_FILE, 70, 33);
    push_text("a head behind a file\r\n\r\n");
    push_content(in_memory, SEED_MEMORY, 3, IN_MEMORY - 5);
    push_content(in_file, SEED_FILE, 1, IN_FILE - 1);
    push_content(in_memory, SEED_MEMORY, 0, IN_MEMORY);
    push_text("the end");
}

/* Takes what has arrived; whether there was anything. */
static bool collect(void) {
    size_t before = arrived_len;
    ssize_t part;
    while ((part = read(fds[1], arrived + arrived_len, sizeof arrived - arrived_len)) > 0)
        arrived_len += (size_t)part;
    return arrived_len > before;
}

/* Fails unless what arrived are the first `len` of the expected bytes. */
static void assert_arrived(const char *row, size_t len) {
    (void)collect();
    row_assert_number(row, arrived_len, len);
    row_assert(row, memcmp(arrived, expected, len) == 0);
}

/* Flushes as often as it says that there is something left; returns how often it was blocked. */
static size_t flush_all(const char *row, struct outq *from, uint64_t budget) {
    uint64_t sent = 0;
    size_t blocked = 0;
    enum outq_outcome outcome = OUTQ_BLOCKED;
    for (size_t turns = 0; outcome != OUTQ_SENT; turns++) {
        row_assert(row, turns < 4 * expected_len + 4);
        outcome = outq_flush(from, fds[0], budget, &sent);
        bool paused = feint_take_edge(&output);
        if (outcome == OUTQ_BLOCKED) /* or many small pieces have filled the socket */
            row_assert(row, collect() || paused);
        else if (outcome != OUTQ_SENT)
            row_assert_number(row, outcome, OUTQ_PAUSED);
        blocked += outcome == OUTQ_BLOCKED ? 1 : 0;
    }
    row_assert_number(row, sent, expected_len);
    row_assert(row, outq_is_empty(from));
    return blocked;
}

static void test_all_at_once(void **state) {
    (void)state;
    push_mixture();
    assert_int_equal(flush_all("at once", &queue, BIG), 0);
    assert_arrived("at once", expected_len);
    assert_true(calls <= 7);
    assert_int_equal(queue.bytes.len, 0);
}

static void test_k_bytes_at_a_time(void **state) {
    (void)state;
    for (size_t k = 1; k < 400; k++) {
        hang_up();
        restart();
        output.step = k;
        push_mixture();
        flush_all(row_at("step", k), &queue, BIG);
        assert_arrived(row_at("step", k), expected_len);
    }
}

static void test_eagain_after_every_k_bytes(void **state) {
    (void)state;
    for (size_t k = 1; k < 400; k++) {
        hang_up();
        restart();
        output.step = k;
        output.pauses = true;
        push_mixture();
        size_t blocked = flush_all(row_at("pause", k), &queue, BIG);
        row_assert(row_at("pause", k), blocked + 1 >= expected_len / k);
        assert_arrived(row_at("pause", k), expected_len);
    }
}

/* The same as after a turn: k bytes from the scratch, the rest from what was detached. */
static void test_detached_after_k_bytes(void **state) {
    (void)state;
    size_t len = 2; /* until the first turn has told */
    for (size_t k = 1; k < len; k += k < 700 ? 1 : 61) {
        uint64_t sent = 0;
        const char *row = row_at("detach", k);
        hang_up();
        restart();
        output.step = k;
        output.pauses = true;
        push_mixture();
        len = expected_len;
        while (sent < k) {
            row_assert_number(row, outq_flush(&queue, fds[0], BIG, &sent), OUTQ_BLOCKED);
            feint_take_edge(&output);
            output.step = k - (size_t)sent;
        }
        row_assert_number(row, sent, k);
        struct outq *rest = outq_detach(&queue);
        row_assert(row, rest != NULL && outq_is_empty(&queue) && outq_has_room(&queue));
        memset(queue.bytes.ptr, '?', queue.bytes.capacity); /* the scratch is used by others */
        output = (struct feint){.step = 97, .pauses = true};
        expected_len -= k;
        flush_all(row, rest, BIG);
        expected_len += k;
        assert_arrived(row, expected_len);
        outq_free(rest);
    }
}

static void test_every_budget(void **state) {
    (void)state;
    for (uint64_t budget = 1; budget < 400; budget++) {
        hang_up();
        restart();
        push_mixture();
        flush_all(row_at("budget", budget), &queue, budget);
        assert_arrived(row_at("budget", budget), expected_len);
    }
}

static void test_budget_bounds_files(void **state) {
    (void)state;
    uint64_t sent = 0;
    push_content(in_file, SEED_FILE, 0, IN_FILE);
    assert_int_equal(outq_flush(&queue, fds[0], 60, &sent), OUTQ_PAUSED);
    assert_int_equal(sent, 60);
    assert_int_equal(outq_flush(&queue, fds[0], 60, &sent), OUTQ_PAUSED);
    assert_int_equal(outq_flush(&queue, fds[0], 30, &sent), OUTQ_SENT);
    assert_int_equal(sent, IN_FILE);
    assert_arrived("budget", IN_FILE);
}

static void test_interrupted(void **state) {
    (void)state;
    output.step = 50;
    output.interrupts = true;
    push_mixture();
    flush_all("EINTR", &queue, BIG);
    assert_arrived("EINTR", expected_len);
}

static const struct {
    const char *name;
    int error;
} refusals[] = {
    {"EINVAL", EINVAL}, /* sendfile(2): a file that cannot be mapped */
    {"ENOSYS", ENOSYS},
};

/* Files that cannot be sent by sendfile(2) arrive all the same. */
static void test_copied_where_sendfile_refuses(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(refusals); i++) {
        for (size_t k = 1; k < 400; k += 7) {
            const char *row = row_at(refusals[i].name, k);
            hang_up();
            restart();
            output.step = k;
            output.pauses = true;
            file_result = -refusals[i].error;
            push_mixture();
            flush_all(row, &queue, BIG);
            assert_arrived(row, expected_len);
        }
    }
}

/* It ends as it does with sendfile(2) where the file has shrunk meanwhile. */
static void test_copied_file_that_shrinks(void **state) {
    (void)state;
    uint64_t sent = 0;
    file_result = -EINVAL;
    push_content(in_file, SEED_FILE, 0, IN_FILE);
    assert_int_equal(truncate(tree_path(&tree, "file"), 40), 0);
    assert_int_equal(outq_flush(&queue, fds[0], BIG, &sent), OUTQ_FILE_CHANGED);
    assert_int_equal(sent, 40);
    assert_arrived("shrunk", 40);
}

static const struct {
    const char *name;
    int error;
    enum outq_outcome outcome;
} errors[] = {
    {"EAGAIN", EAGAIN, OUTQ_BLOCKED},
    {"EPIPE", EPIPE, OUTQ_PEER_GONE},
    {"ECONNRESET", ECONNRESET, OUTQ_PEER_GONE},
    {"ETIMEDOUT", ETIMEDOUT, OUTQ_PEER_GONE},
    {"EHOSTUNREACH", EHOSTUNREACH, OUTQ_PEER_GONE},
    {"EIO", EIO, OUTQ_FAULT},
    {"ENOMEM", ENOMEM, OUTQ_FAULT},
    {"ESTALE", ESTALE, OUTQ_FAULT},
    {"EOVERFLOW", EOVERFLOW, OUTQ_FAULT},
};

/* Also that nothing is kept of what is not sent, and that the count is right. */
static void test_errors_after_k_bytes(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(errors); i++) {
        for (size_t k = 0; k < 600; k++) {
            uint64_t sent = 0;
            const char *row = row_at(errors[i].name, k);
            hang_up();
            restart();
            output.error = errors[i].error;
            output.error_after = k;
            push_mixture();
            row_assert_number(row, outq_flush(&queue, fds[0], BIG, &sent), errors[i].outcome);
            row_assert_number(row, sent, k);
            assert_arrived(row, k);
            outq_clear(&queue);
            row_assert(row, outq_is_empty(&queue));
        }
    }
}

static void test_errors_of_a_file(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(errors); i++) {
        uint64_t sent = 0;
        push_text("head");
        push_content(in_file, SEED_FILE, 0, IN_FILE);
        file_result = -errors[i].error;
        row_assert_number(errors[i].name, outq_flush(&queue, fds[0], BIG, &sent),
                          errors[i].outcome);
        row_assert_number(errors[i].name, sent, 4);
        outq_clear(&queue);
    }
}

static void test_the_peer_is_really_gone(void **state) {
    (void)state;
    uint64_t sent = 0;
    (void)close(fds[1]);
    fds[1] = -1;
    push_text("head");
    assert_int_equal(outq_flush(&queue, fds[0], BIG, &sent), OUTQ_PEER_GONE);
    outq_clear(&queue);
    push_content(in_file, SEED_FILE, 0, IN_FILE);
    assert_int_equal(outq_flush(&queue, fds[0], BIG, &sent), OUTQ_PEER_GONE);
    assert_int_equal(sent, 0);
}

static void test_the_file_became_shorter(void **state) {
    (void)state;
    uint64_t sent = 0;
    push_text("head");
    push_content(in_file, SEED_FILE, 0, IN_FILE);
    push_text("never sent");
    assert_int_equal(truncate(tree_path(&tree, "file"), IN_FILE - 1), 0);
    assert_int_equal(outq_flush(&queue, fds[0], BIG, &sent), OUTQ_FILE_CHANGED);
    assert_int_equal(sent, 4 + IN_FILE - 1);
    assert_arrived("shorter", 4 + IN_FILE - 1);
}

static void test_head_and_file_share_a_packet(void **state) {
    (void)state;
    uint64_t sent = 0;
    push_text("head");
    push_content(in_file, SEED_FILE, 0, IN_FILE);
    assert_int_equal(outq_flush(&queue, fds[0], BIG, &sent), OUTQ_SENT);
    assert_int_equal(last_flags, MSG_NOSIGNAL | MSG_MORE);
    push_content(in_file, SEED_FILE, 0, IN_FILE);
    push_text("head");
    assert_int_equal(outq_flush(&queue, fds[0], BIG, &sent), OUTQ_SENT);
    assert_int_equal(last_flags, MSG_NOSIGNAL);
    assert_int_equal(calls, 4);
}

static void test_heads_and_small_contents_are_one_piece(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        push_text("head");
        push_content(copied, SEED_COPIED, 0, COPIED);
    }
    assert_int_equal(queue.count, 1);
    assert_int_equal(copied->references, 1);
    flush_all("copied", &queue, BIG);
    assert_int_equal(calls, 1);
    assert_arrived("copied", expected_len);
}

static void test_nothing_is_no_piece(void **state) {
    (void)state;
    uint64_t sent = 0;
    push_text("");
    push_content(in_file, SEED_FILE, 0, 0);
    push_content(in_memory, SEED_MEMORY, 0, 0);
    assert_true(outq_is_empty(&queue));
    assert_int_equal(outq_flush(&queue, fds[0], BIG, &sent), OUTQ_SENT);
    assert_int_equal(calls, 0);
}

static void fill_response(size_t bytes) {
    size_t start = queue.bytes.len;
    assert_non_null(buf_claim(&queue.bytes, bytes));
    outq_push_bytes(&queue, start);
    outq_push_content(&queue, in_memory, 0, IN_MEMORY);
}

/* As long as it says that there is room, the largest response must fit, and its content with it. */
static void test_room(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 600, 5000, OUTQ_RESPONSE_BYTES};
    for (size_t i = 0; i < ROWS_COUNT(sizes); i++) {
        size_t count = 0;
        while (outq_has_room(&queue)) {
            row_assert(row_at("room", sizes[i]), count++ < OUTQ_SEGMENTS);
            fill_response(outq_has_room(&queue) && count % 2 == 0 ? OUTQ_RESPONSE_BYTES : sizes[i]);
        }
        row_assert(row_at("room", sizes[i]), count > 0 && !queue.bytes.overflow);
        outq_clear(&queue);
        row_assert(row_at("room", sizes[i]), outq_has_room(&queue));
        row_assert_number(row_at("room", sizes[i]), in_memory->references, 1);
    }
}

/* The response of the most pieces: as many parts as there can be, each a head and a content. */
static void fill_parts(void) {
    for (size_t i = 0; i <= RANGE_MAX; i++) {
        size_t start = queue.bytes.len;
        assert_non_null(buf_claim(&queue.bytes, 1));
        outq_push_bytes(&queue, start);
        if (i < RANGE_MAX)
            outq_push_content(&queue, in_file, i, 1);
    }
}

static void test_room_for_segments(void **state) {
    (void)state;
    size_t before = 0;
    for (; before <= OUTQ_SEGMENTS - OUTQ_RESPONSE_SEGMENTS; before++) {
        outq_clear(&queue);
        for (size_t i = 0; i < before; i++)
            outq_push_content(&queue, in_memory, 0, IN_MEMORY);
        row_assert(row_at("room", before), outq_has_room(&queue));
        fill_parts();
        row_assert_number(row_at("room", before), queue.count, before + OUTQ_RESPONSE_SEGMENTS);
    }
    outq_clear(&queue);
    for (size_t i = 0; i < before; i++)
        outq_push_content(&queue, in_memory, 0, IN_MEMORY);
    assert_false(outq_has_room(&queue));
}

/* A client that takes nothing must not make the server hold many files open. */
static void test_no_room_behind_a_file(void **state) {
    (void)state;
    outq_push_content(&queue, in_file, 0, IN_FILE);
    assert_false(outq_has_room(&queue));
    outq_clear(&queue);
    assert_true(outq_has_room(&queue));
}

/* Nor keep much in memory. */
static void test_no_room_behind_much_memory(void **state) {
    (void)state;
    static const char content[OUTQ_HELD_BYTES];
    struct entry entry = {.references = 1, .fd = -1, .content = content};
    outq_push_content(&queue, &entry, 0, OUTQ_HELD_BYTES - 1);
    assert_true(outq_has_room(&queue));
    outq_push_content(&queue, &entry, 0, 4097);
    assert_false(outq_has_room(&queue));
    outq_clear(&queue);
    assert_true(outq_has_room(&queue));
    assert_int_equal(entry.references, 1);
}

/* A small content does not fit behind what is there already: it is sent from where it is. */
static void test_no_room_to_copy(void **state) {
    (void)state;
    assert_non_null(buf_claim(&queue.bytes, OUTQ_BYTES - COPIED + 1));
    outq_push_bytes(&queue, 0);
    outq_push_content(&queue, copied, 0, COPIED);
    assert_false(queue.bytes.overflow);
    assert_int_equal(queue.count, 2);
    assert_int_equal(copied->references, 2);
}

static void test_detach_drops_when_out_of_memory(void **state) {
    (void)state;
    push_mixture();
    out_of_memory = true;
    assert_null(outq_detach(&queue));
    out_of_memory = false;
    assert_true(outq_is_empty(&queue) && queue.bytes.len == 0);
    assert_int_equal(in_memory->references, 1);
}

static void test_free_drops_what_is_left(void **state) {
    (void)state;
    push_mixture();
    struct outq *rest = outq_detach(&queue);
    assert_int_equal(in_file->references, 4);
    outq_free(rest);
    assert_int_equal(in_file->references, 1);
    outq_free(NULL);
    expected_len = 0;
    push_mixture(); /* and teardown looks what deinit dropped */
}

static void test_init_without_memory(void **state) {
    (void)state;
    struct outq other;
    out_of_memory = true;
    assert_int_equal(outq_init(&other), -ENOMEM);
    out_of_memory = false;
    outq_deinit(&other);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* The rest of a whole answer is copied behind its start where that is worth it, and else left
 * alone. */
static void test_rest(void **state) {
    (void)state;
    static const char end[] = "B: field\r\n\r\n";
    const size_t end_len = sizeof end - 1;
    char rest[sizeof end - 1 + COPIED];
    memcpy(rest, end, end_len);
    content_fill(SEED_COPIED, 0, rest + end_len, COPIED);
    copied->rest = slice_of(rest, sizeof rest);
    in_memory->rest = slice_of(in_memory->content, IN_MEMORY);
    buf_put(&queue.bytes, SLICE("HTTP/1.1 200 OK\r\n"));
    assert_false(outq_push_rest(&queue, 0, in_memory));
    assert_false(outq_push_rest(&queue, 0, in_file));
    assert_int_equal(queue.count, 0);
    assert_true(outq_push_rest(&queue, 0, copied));
    assert_int_equal(queue.count, 1);
    assert_int_equal(queue.queued_bytes, queue.bytes.len);
    assert_int_equal(queue.head_end, queue.bytes.len - COPIED);
    assert_memory_equal(queue.bytes.ptr + queue.bytes.len - sizeof rest, rest, sizeof rest);
    outq_clear(&queue);
}

/* A whole answer that the entry has is sent from there, whatever is queued behind it. */
static void test_answer(void **state) {
    (void)state;
    enum { HEAD = 100 };
    struct slice whole = slice_of(in_memory->content, IN_MEMORY);
    in_memory->representation.length = IN_MEMORY - HEAD;
    assert_true(outq_push_answer(&queue, in_memory, whole));
    assert_int_equal(queue.count, 1);
    assert_int_equal(queue.queued_bytes, whole.len);
    assert_int_equal(queue.head_end, HEAD);
    assert_int_equal(queue.held_bytes, whole.len);
    assert_int_equal(queue.bytes.len, 0);
    assert_ptr_equal(outq_front(&queue).ptr, whole.ptr);
    assert_int_equal(outq_front(&queue).len, whole.len);
    assert_int_equal(in_memory->references, 2);
    buf_put(&queue.bytes, SLICE("HTTP/1.1 200 OK\r\n"));
    outq_push_bytes(&queue, 0);
    assert_int_equal(queue.count, 2);
    struct outq *rest = outq_detach(&queue);
    assert_int_equal(in_memory->references, 2);
    assert_ptr_equal(rest->segments[0].ptr, whole.ptr);
    assert_int_equal(rest->cost_bytes, sizeof *rest + 2 * sizeof *rest->segments + rest->bytes.len +
                                           in_memory->size_bytes / 2);
    outq_free(rest);
    assert_int_equal(in_memory->references, 1);
}

/* Behind another one it is copied where that is worth it, and else left alone. */
static void test_answer_behind_another(void **state) {
    (void)state;
    struct slice large = slice_of(in_memory->content, IN_MEMORY);
    struct slice small = slice_of(copied->content, COPIED);
    assert_true(outq_push_answer(&queue, in_memory, large));
    assert_false(outq_push_answer(&queue, in_memory, large));
    assert_int_equal(queue.count, 1);
    assert_int_equal(queue.queued_bytes, IN_MEMORY);
    copied->representation.length = COPIED - 1;
    assert_true(outq_push_answer(&queue, copied, small));
    assert_true(outq_push_answer(&queue, copied, small));
    assert_int_equal(queue.count, 2);
    assert_int_equal(queue.bytes.len, 2 * COPIED);
    assert_memory_equal(queue.bytes.ptr + COPIED, small.ptr, COPIED);
    assert_int_equal(queue.queued_bytes, IN_MEMORY + 2 * COPIED);
    assert_int_equal(queue.head_end, queue.queued_bytes - (COPIED - 1));
    assert_int_equal(copied->references, 1);
    copied->representation.length = COPIED;
    outq_clear(&queue);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_all_at_once),
        test(test_k_bytes_at_a_time),
        test(test_eagain_after_every_k_bytes),
        test(test_detached_after_k_bytes),
        test(test_every_budget),
        test(test_budget_bounds_files),
        test(test_interrupted),
        test(test_copied_where_sendfile_refuses),
        test(test_copied_file_that_shrinks),
        test(test_errors_after_k_bytes),
        test(test_errors_of_a_file),
        test(test_the_peer_is_really_gone),
        test(test_the_file_became_shorter),
        test(test_head_and_file_share_a_packet),
        test(test_heads_and_small_contents_are_one_piece),
        test(test_nothing_is_no_piece),
        test(test_rest),
        test(test_answer),
        test(test_answer_behind_another),
        test(test_room),
        test(test_room_for_segments),
        test(test_no_room_behind_a_file),
        test(test_no_room_behind_much_memory),
        test(test_no_room_to_copy),
        test(test_detach_drops_when_out_of_memory),
        test(test_free_drops_what_is_left),
        test(test_init_without_memory),
    };
    return cmocka_run_group_tests_name("outq", tests, group_setup, group_teardown);
}
