#include "base/buf.h"

#include "support/guard.h"
#include "support/row.h"

#include <inttypes.h>
#include <stdio.h>

static void test_put(void **state) {
    (void)state;
    char memory[16];
    struct buf buf = BUF_INIT(memory, sizeof memory);
    row_assert_slice("nothing yet", buf_slice(&buf), SLICE(""));
    buf_put(&buf, SLICE("ab"));
    buf_put(&buf, SLICE(""));
    buf_put(&buf, SLICE_NONE);
    buf_put_char(&buf, '\0');
    buf_put_number(&buf, 42);
    buf_put_hex(&buf, 0xaf);
    buf_put_hex_byte(&buf, 0x0e);
    row_assert_slice("all kinds", buf_slice(&buf),
                     SLICE("ab\0"
                           "42af0e"));
    assert_false(buf.overflow);
}

static void test_numbers(void **state) {
    (void)state;
    static const uint64_t values[] = {0,
                                      1,
                                      9,
                                      10,
                                      11,
                                      15,
                                      16,
                                      99,
                                      100,
                                      255,
                                      256,
                                      4294967295,
                                      4294967296,
                                      INT64_MAX,
                                      1ull << 63,
                                      UINT64_MAX,
                                      UINT64_MAX - 1,
                                      1000000000000000000,
                                      10000000000000000000ull};
    for (size_t i = 0; i < ROWS_COUNT(values); i++) {
        char memory[64];
        char expected[64];
        struct buf buf = BUF_INIT(memory, sizeof memory);
        buf_put_number(&buf, values[i]);
        buf_put_char(&buf, ' ');
        buf_put_hex(&buf, values[i]);
        (void)snprintf(expected, sizeof expected, "%" PRIu64 " %" PRIx64, values[i], values[i]);
        row_assert_slice(expected, buf_slice(&buf), slice_of_text(expected));
    }
}

static void put_everything(struct buf *buf) {
    buf_put(buf, SLICE("abc"));
    buf_put_char(buf, '-');
    buf_put_number(buf, 1234);
    buf_put_char(buf, '-');
    buf_put_hex(buf, 0xbeef);
}

/* Into every room that is too small: nothing is written past its end, what fits whole is there, and
 * nothing comes after what did not fit. */
static void test_overflow_at_every_capacity(void **state) {
    (void)state;
    const struct slice whole = SLICE("abc-1234-beef");
    static const size_t ends[] = {0, 3, 4, 8, 9, 13}; /* where the pieces end */
    for (size_t capacity = 0; capacity <= whole.len + 1; capacity++) {
        const char *name = row_at("capacity", capacity);
        char *room = guard_room(capacity);
        struct buf buf = BUF_INIT(room, capacity);
        put_everything(&buf);
        size_t fits = 0;
        for (size_t i = 0; i < ROWS_COUNT(ends); i++)
            fits = ends[i] <= capacity ? ends[i] : fits;
        row_assert_number(name, buf.overflow, capacity < whole.len);
        row_assert_slice(name, buf_slice(&buf), slice_of(whole.ptr, fits));
        guard_free(room, capacity);
    }
}

static void test_overflow_is_sticky(void **state) {
    (void)state;
    char memory[4];
    struct buf buf = BUF_INIT(memory, sizeof memory);
    buf_put(&buf, SLICE("12345"));
    assert_true(buf.overflow);
    buf_put_char(&buf, 'x');
    buf_put(&buf, SLICE(""));
    assert_null(buf_claim(&buf, 0));
    assert_int_equal(buf.len, 0);
    assert_true(buf.overflow);
}

static void test_claim(void **state) {
    (void)state;
    char memory[4] = "....";
    struct buf buf = BUF_INIT(memory, sizeof memory);
    assert_ptr_equal(buf_claim(&buf, 1), memory);
    assert_ptr_equal(buf_claim(&buf, 3), memory + 1);
    assert_ptr_equal(buf_claim(&buf, 0), memory + 4);
    assert_false(buf.overflow);
    assert_null(buf_claim(&buf, SIZE_MAX)); /* no sum that wraps around */
    assert_true(buf.overflow);
    assert_int_equal(buf.len, 4);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_overflow_at_every_capacity),
        cmocka_unit_test(test_overflow_is_sticky),
        cmocka_unit_test(test_claim),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
