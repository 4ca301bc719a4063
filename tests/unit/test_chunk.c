#include "http/chunk.h"

#include "http/body.h"
#include "support/guard.h"
#include "support/row.h"

#include <string.h>

enum { LARGEST = 64 * 1024 };

/* Puts a chunk of `len` bytes behind what is there. */
static void put_chunk(struct buf *buf, size_t len) {
    size_t start = chunk_start(buf);
    char *data = buf_claim(buf, len);
    if (data != NULL)
        memset(data, 'x', len);
    chunk_finish(buf, start);
}

static void test_rfc9112_7_1_size_and_data(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t len;
        const char *head;
    } rows[] = {
        {"a byte", 1, "00000001\r\n"},           {"the last digit", 15, "0000000f\r\n"},
        {"two digits", 16, "00000010\r\n"},      {"both of them", 0xa5, "000000a5\r\n"},
        {"three digits", 256, "00000100\r\n"},   {"a piece", 16384, "00004000\r\n"},
        {"most digits", 0xfedc, "0000fedc\r\n"},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        size_t room = rows[i].len + CHUNK_OVERHEAD; /* to the byte */
        size_t head_len = strlen(rows[i].head);
        char *memory = guard_room(room);
        struct buf buf = BUF_INIT(memory, room);
        put_chunk(&buf, rows[i].len);
        row_assert(rows[i].name, !buf.overflow);
        row_assert_number(rows[i].name, buf.len, room);
        row_assert_slice(rows[i].name, slice_of(memory, head_len), slice_of_text(rows[i].head));
        for (size_t at = 0; at < rows[i].len; at++)
            row_assert(rows[i].name, memory[head_len + at] == 'x');
        row_assert_slice(rows[i].name, slice_of(memory + room - 2, 2), SLICE("\r\n"));
        guard_free(memory, room);
    }
}

/* It would be the last one. */
static void test_rfc9112_7_1_an_empty_chunk_is_taken_back(void **state) {
    (void)state;
    char memory[64];
    struct buf buf = BUF_INIT(memory, sizeof memory);
    buf_put(&buf, SLICE("head"));
    put_chunk(&buf, 0);
    row_assert_slice("none", buf_slice(&buf), SLICE("head"));
    put_chunk(&buf, 1);
    put_chunk(&buf, 0);
    chunk_last(&buf);
    row_assert_slice("one", buf_slice(&buf), SLICE("head00000001\r\nx\r\n0\r\n\r\n"));
}

static void test_rfc9112_7_1_the_last_chunk(void **state) {
    (void)state;
    char *memory = guard_room(CHUNK_LAST_LEN);
    struct buf buf = BUF_INIT(memory, CHUNK_LAST_LEN);
    chunk_last(&buf);
    assert_false(buf.overflow);
    row_assert_slice("last", buf_slice(&buf), SLICE("0\r\n\r\n"));
    guard_free(memory, CHUNK_LAST_LEN);
}

/* Where there is less room than a chunk needs, nothing is written behind the end, and it is told.
 */
static void test_every_lack_of_room_is_told(void **state) {
    (void)state;
    enum { DATA = 5 };
    for (size_t room = 0; room < DATA + CHUNK_OVERHEAD; room++) {
        char *memory = guard_room(room);
        struct buf buf = BUF_INIT(memory, room);
        put_chunk(&buf, DATA);
        row_assert(row_at("room", room), buf.overflow);
        guard_free(memory, room);
    }
}

/* What is written is what the parser of requests' content takes, of any size, to the byte. */
static void test_rfc9112_7_1_it_can_be_read(void **state) {
    (void)state;
    static char memory[2 * LARGEST];
    for (size_t len = 1; len < LARGEST; len += len < 300 ? 1 : 997) {
        const char *row = row_at("length", len);
        struct buf buf = BUF_INIT(memory, sizeof memory);
        struct body body;
        size_t consumed;
        put_chunk(&buf, len);
        put_chunk(&buf, 0);
        put_chunk(&buf, 17);
        chunk_last(&buf);
        row_assert(row, !buf.overflow);
        body_start(&body, BODY_CHUNKED, 0, len + 17);
        row_assert_number(row, body_consume(&body, buf_slice(&buf), &consumed), BODY_DONE);
        row_assert_number(row, consumed, buf.len);
        body_start(&body, BODY_CHUNKED, 0, len + 16);
        row_assert_number(row, body_consume(&body, buf_slice(&buf), &consumed), BODY_TOO_LARGE);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc9112_7_1_size_and_data),
        cmocka_unit_test(test_rfc9112_7_1_an_empty_chunk_is_taken_back),
        cmocka_unit_test(test_rfc9112_7_1_the_last_chunk),
        cmocka_unit_test(test_every_lack_of_room_is_told),
        cmocka_unit_test(test_rfc9112_7_1_it_can_be_read),
    };
    return cmocka_run_group_tests_name("chunk", tests, NULL, NULL);
}
