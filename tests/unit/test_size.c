#include "store/size.h"

#include "support/guard.h"
#include "support/row.h"

static void test_put(void **state) {
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {
        {0, "0 B"},
        {1, "1 B"},
        {999, "999 B"},
        {1000, "1.0 kB"},
        {1049, "1.0 kB"},
        {1050, "1.1 kB"},
        {9949, "9.9 kB"},
        {9950, "10 kB"},
        {10499, "10 kB"},
        {10500, "11 kB"},
        {999499, "999 kB"},
        {999500, "1.0 MB"},
        {1234567, "1.2 MB"},
        {999500000, "1.0 GB"},
        {7516192768, "7.5 GB"},
        {1500000000000, "1.5 TB"},
        {2000000000000000, "2.0 PB"},
        {INT64_MAX, "9.2 EB"},
        {UINT64_MAX, "18 EB"},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char *room = guard_room(SIZE_TEXT_MAX);
        struct buf buf = BUF_INIT(room, SIZE_TEXT_MAX);
        size_put(&buf, rows[i].bytes);
        row_assert(rows[i].text, !buf.overflow);
        row_assert_slice(rows[i].text, buf_slice(&buf), slice_of_text(rows[i].text));
        guard_free(room, SIZE_TEXT_MAX);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_put)};
    return cmocka_run_group_tests_name("size", tests, NULL, NULL);
}
