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
    uint64_t sent;
    size_t unacked;
    bool near;
    bool is_over;
} ends[] = {
    {"far, all taken", 1000, 0, false, true},
    {"far, a byte is not", 1000, 1, false, false},
    {"near, few bytes", 16384, 16384, true, true},
    {"near, one more", 16385, 1, true, false},
    {"near, many, all taken", 1 << 20, 0, true, true},
};

static void test_is_over(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(ends); i++) {
        struct taking taking = {.bytes = 0};
        taking_add(&taking, ends[i].sent);
        unacked = ends[i].unacked;
        row_assert_number(ends[i].name, taking_is_over(&taking, 5, ends[i].near), ends[i].is_over);
    }
}

static const struct {
    const char *name;
    uint64_t rate; /* --min-rate */
    int64_t waited_ms;
    uint64_t least;
} rates[] = {
    {"default", 256, 30000, 7680},
    {"a part of the time", 256, 2000, 512},
    {"less than a second", 256, 500, 128},
    {"rounded down", 3, 1999, 5},
    {"less than a byte", 256, 3, 0},
    {"any byte will do", 0, 30000, 0},
    {"no time", 256, 0, 0},
    {"most that options allow", 16 << 20, 86400000, 1449551462400},
};

static void test_least(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rates); i++)
        row_assert_number(rates[i].name, taking_least_bytes(rates[i].rate, rates[i].waited_ms),
                          rates[i].least);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_is_over),
        cmocka_unit_test(test_least),
    };
    return cmocka_run_group_tests_name("taking", tests, NULL, NULL);
}
