/* A puppet of a stream, which does what its script says, on its way to a queue. */
#include "serve/delivery.h"

#include "http/chunk.h"
#include "support/process.h"
#include "support/row.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool out_of_memory;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size) {
    return out_of_memory ? NULL : __real_calloc(count, size);
}

/* Of a file, of which the puppet hands over a stretch. */
enum { OFFSET = 100, LEN = 50 };

/* The letters of a script, one for each call: 's' three bytes, 'L' a piece of the largest size, 'f'
 * a stretch of a file, 'p' a pause, 'e' the end, 'x' a fault. */
struct puppet {
    struct stream stream;
    const char *script;   /* what is left of it */
    unsigned preparation; /* pauses before it is prepared */
    bool freed;
};

static enum stream_outcome puppet_prepare(struct stream *stream) {
    struct puppet *puppet = (struct puppet *)stream;
    return puppet->preparation-- > 0 ? STREAM_PAUSE : STREAM_END;
}

static enum stream_outcome puppet_next(struct stream *stream, struct buf *bytes,
                                       struct stretch *stretch) {
    struct puppet *puppet = (struct puppet *)stream;
    assert_true(bytes->capacity - bytes->len >= STREAM_PIECE_BYTES);
    switch (*puppet->script++) {
    case 's':
        buf_put(bytes, SLICE("abc"));
        return STREAM_BYTES;
    case 'L':
        memset(buf_claim(bytes, STREAM_PIECE_BYTES), 'L', STREAM_PIECE_BYTES);
        return STREAM_BYTES;
    case 'f':
        *stretch = (struct stretch){open("/dev/null", O_RDONLY | O_CLOEXEC), OFFSET, LEN};
        return STREAM_FILE;
    case 'p':
        return STREAM_PAUSE;
    case 'w':
        return STREAM_WAIT;
    case 'e':
        return STREAM_END;
    default:
        return STREAM_FAULT;
    }
}

static void puppet_free(struct stream *stream) {
    struct puppet *puppet = (struct puppet *)stream;
    assert_false(puppet->freed);
    puppet->freed = true;
}

static const struct stream_type puppet_type = {puppet_prepare, puppet_next, puppet_free};

static struct puppet puppet;
static struct outq output;
static size_t live;
static size_t fds;

static int setup(void **state) {
    (void)state;
    out_of_memory = false;
    live = 0;
    fds = process_count_fds(getpid());
    return outq_init(&output);
}

static int teardown(void **state) {
    (void)state;
    out_of_memory = false;
    outq_deinit(&output);
    assert_int_equal(process_count_fds(getpid()), fds);
    return 0;
}

static struct delivery *deliver(const char *script) {
    puppet = (struct puppet){.stream = {&puppet_type}, .script = script};
    return delivery_new(&puppet.stream, &live);
}

/* Writes what is queued: bytes as they are, and "[file]" for the stretch; and empties the queue. */
static void take_queue(const char *row, struct buf *text) {
    for (size_t i = 0; i < output.count; i++) {
        const struct segment *segment = &output.segments[output.first + i];
        if (segment->is_file) {
            row_assert_number(row, segment->offset, OFFSET);
            row_assert_number(row, segment->len, LEN);
            buf_put(text, SLICE("[file]"));
        } else {
            buf_put(text, slice_of(segment->ptr, (size_t)segment->len));
        }
    }
    outq_clear(&output);
}

#define ABC  "00000003\r\nabc\r\n"
#define LAST "0\r\n\r\n"

static void test_turns(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *script;
        bool chunked;
        const char *turns; /* what is queued in each, ended by '|' */
        enum delivery_outcome outcome;
    } rows[] = {
        {"nothing", "e", false, "|", DELIVERY_DONE},
        {"bytes", "sse", false, "abcabc|", DELIVERY_DONE},
        {"pauses", "psppse", false, "|abc||abc|", DELIVERY_DONE},
        {"waits", "wswwse", false, "|abc||abc|", DELIVERY_DONE},
        {"a file", "fe", false, "[file]||", DELIVERY_DONE},
        {"a file ends a turn", "sfsffe", false, "abc[file]|abc[file]|[file]||", DELIVERY_DONE},
        {"a fault", "x", false, "|", DELIVERY_FILE_CHANGED},
        {"a fault behind bytes", "spsx", false, "abc|abc|", DELIVERY_FILE_CHANGED},
        {"rfc9112-7.1 nothing, chunked", "e", true, LAST "|", DELIVERY_DONE},
        {"rfc9112-7.1 chunks", "sse", true, ABC ABC LAST "|", DELIVERY_DONE},
        {"rfc9112-7.1 a pause is no chunk", "pspe", true, "|" ABC "|" LAST "|", DELIVERY_DONE},
        {"rfc9112-8 a fault has no last chunk", "sx", true, ABC "|", DELIVERY_FILE_CHANGED},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char memory[256];
        struct buf text = BUF_INIT(memory, sizeof memory);
        struct delivery *delivery = deliver(rows[i].script);
        row_assert(rows[i].name, delivery != NULL);
        delivery->chunked = rows[i].chunked;
        enum delivery_outcome outcome;
        do {
            outcome = delivery_fill(delivery, &output);
            take_queue(rows[i].name, &text);
            buf_put_char(&text, '|');
        } while (outcome == DELIVERY_MORE || outcome == DELIVERY_WAIT);
        row_assert_number(rows[i].name, outcome, rows[i].outcome);
        row_assert_slice(rows[i].name, buf_slice(&text), slice_of_text(rows[i].turns));
        row_assert_number(rows[i].name, *puppet.script, '\0');
        delivery_free(delivery);
        row_assert(rows[i].name, puppet.freed);
    }
}

/* Who waits is asked again when something has happened, and who pauses in the next turn. */
static void test_a_wait_is_no_pause(void **state) {
    (void)state;
    struct delivery *delivery = deliver("pswe");
    assert_non_null(delivery);
    assert_int_equal(delivery_fill(delivery, &output), DELIVERY_MORE);
    assert_int_equal(delivery_fill(delivery, &output), DELIVERY_WAIT);
    assert_int_equal(output.bytes.len, 3); /* what was made before is to be sent */
    outq_clear(&output);
    assert_int_equal(delivery_fill(delivery, &output), DELIVERY_DONE);
    delivery_free(delivery);
}

static void test_what_is_appended(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *script;
        bool chunked;
        const char *queued;
    } rows[] = {
        {"nothing before it", "e", false, "xyz"},
        {"behind bytes", "sse", false, "abcabcxyz"},
        {"behind chunks", "se", true, ABC "00000003\r\nxyz\r\n" LAST},
        {"not behind a fault", "sx", true, ABC},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char memory[256];
        struct buf text = BUF_INIT(memory, sizeof memory);
        struct delivery *delivery = deliver(rows[i].script);
        row_assert(rows[i].name, delivery != NULL);
        delivery->chunked = rows[i].chunked;
        delivery->appendix = SLICE("xyz");
        while (delivery_fill(delivery, &output) == DELIVERY_MORE)
            continue;
        take_queue(rows[i].name, &text);
        row_assert_slice(rows[i].name, buf_slice(&text), slice_of_text(rows[i].queued));
        delivery_free(delivery);
    }
}

/* A turn makes one large piece, or small ones as long as they are few bytes together. */
static void test_a_turn_is_bounded(void **state) {
    (void)state;
    for (int chunked = 0; chunked < 2; chunked++) {
        const size_t piece = STREAM_PIECE_BYTES + (chunked != 0 ? CHUNK_OVERHEAD : 0);
        struct delivery *delivery = deliver("LLLLLLLLLLLL");
        assert_non_null(delivery);
        delivery->chunked = chunked != 0;
        for (int turn = 0; turn < 3; turn++) {
            assert_int_equal(delivery_fill(delivery, &output), DELIVERY_MORE);
            assert_int_equal(output.bytes.len, piece);
            assert_int_equal(output.count, 1);
            outq_clear(&output);
        }
        delivery_free(delivery);
    }
}

static void test_no_memory_for_a_file(void **state) {
    (void)state;
    struct delivery *delivery = deliver("sf");
    assert_non_null(delivery);
    out_of_memory = true;
    assert_int_equal(delivery_fill(delivery, &output), DELIVERY_FAULT);
    outq_clear(&output);
    delivery_free(delivery);
    assert_true(puppet.freed);
}

static void test_no_memory_for_a_delivery(void **state) {
    (void)state;
    out_of_memory = true;
    assert_null(deliver("e"));
    assert_true(puppet.freed);
    assert_int_equal(live, 0);
}

static void test_live_counts_them(void **state) {
    (void)state;
    static struct puppet others[3];
    struct delivery *deliveries[3];
    for (size_t i = 0; i < 3; i++) {
        others[i] = (struct puppet){.stream = {&puppet_type}, .script = "e"};
        deliveries[i] = delivery_new(&others[i].stream, &live);
        assert_non_null(deliveries[i]);
        assert_int_equal(live, i + 1);
    }
    for (size_t i = 0; i < 3; i++) {
        delivery_free(deliveries[i]);
        assert_int_equal(live, 2 - i);
        assert_true(others[i].freed);
    }
    delivery_free(NULL);
    assert_int_equal(live, 0);
}

static void test_preparing(void **state) {
    (void)state;
    static const struct stream_type ready = {NULL, puppet_next, puppet_free};
    struct delivery *delivery = deliver("e");
    assert_non_null(delivery);
    assert_false(delivery->preparing);
    delivery->preparing = true;
    puppet.preparation = 2;
    assert_true(delivery_prepare(delivery) && delivery->preparing);
    assert_true(delivery_prepare(delivery) && delivery->preparing);
    assert_false(delivery_prepare(delivery) || delivery->preparing);
    puppet.stream.type = &ready;
    assert_false(delivery_prepare(delivery) || delivery->preparing);
    delivery_free(delivery);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_turns),
        test(test_a_wait_is_no_pause),
        test(test_what_is_appended),
        test(test_a_turn_is_bounded),
        test(test_no_memory_for_a_file),
        test(test_no_memory_for_a_delivery),
        test(test_live_counts_them),
        test(test_preparing),
    };
    return cmocka_run_group_tests_name("delivery", tests, NULL, NULL);
}
