#include "serve/taking.h"

#include "support/row.h"

#include <stddef.h>

static size_t unacked;

size_t __wrap_socket_unacked_bytes(int fd);
size_t __wrap_socket_unacked_bytes(int fd) {
    assert_int_equal(fd, 5);
    return unacked;
}

static const struct {
    const char *name;
    size_t before; /* not acknowledged at the start */
    uint64_t sent; /* since */
    size_t after;  /* not acknowledged now */
    uint64_t least;
    enum taken taken;
} rows[] = {
    {"all", 100, 0, 0, 50, TAKEN_ALL},
    {"all, with what was sent since", 100, 900, 0, 2000, TAKEN_ALL},
    {"enough", 100, 0, 50, 50, TAKEN_ENOUGH},
    {"one byte too few", 100, 0, 51, 50, TAKEN_TOO_LITTLE},
    {"nothing", 100, 0, 100, 0, TAKEN_TOO_LITTLE},
    {"nothing, and more to take", 100, 900, 1000, 50, TAKEN_TOO_LITTLE},
    {"enough of more", 100, 900, 950, 50, TAKEN_ENOUGH},
    {"there was nothing", 0, 0, 0, 0, TAKEN_TOO_LITTLE},
    {"any is enough", 100, 0, 99, 0, TAKEN_ENOUGH},
};

static void test_judge(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct taking taking = {.bytes = 12345};
        unacked = rows[i].before;
        taking_start(&taking, 5);
        taking_add(&taking, rows[i].sent);
        unacked = rows[i].after;
        row_assert_number(rows[i].name, taking_judge(&taking, 5, rows[i].least), rows[i].taken);
    }
}

static const struct {
    const char *name;
    uint64_t bytes;
    int64_t whole_ms;
    int64_t part_ms;
    uint64_t least;
} parts[] = {
    {"all of the time", 7680, 30000, 30000, 7680},
    {"half of it", 7680, 30000, 15000, 3840},
    {"rounded down", 10, 3, 1, 3},
    {"less than a byte", 1, 30000, 29999, 0},
    {"none of it", 7680, 30000, 0, 0},
    {"nothing", 0, 30000, 30000, 0},
    {"16 MiB/s for a day", UINT64_C(16777216) * 86400, 86400000, 86399999, 1449551445622},
    {"all there could be", UINT64_MAX, 86400000, 86400000, UINT64_MAX},
};

static void test_least(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(parts); i++)
        row_assert_number(parts[i].name,
                          taking_least_bytes(parts[i].bytes, parts[i].whole_ms, parts[i].part_ms),
                          parts[i].least);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_least),
    };
    return cmocka_run_group_tests_name("taking", tests, NULL, NULL);
}
