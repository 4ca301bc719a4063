#include "proc/setup.h"

#include "support/row.h"

#define MIB(count) ((count)*UINT64_C(1048576))

static const struct {
    const char *name;
    uint64_t memory_bytes;
    size_t workers;
    uint64_t bytes;
} rows[] = {
    {"unknown", 0, 1, MIB(16)},
    {"512 MiB, one worker", MIB(512), 1, MIB(16)},
    {"1 GiB, one worker", MIB(1024), 1, MIB(32)},
    {"1 GiB, four workers", MIB(1024), 4, MIB(16)},
    {"8 GiB, four workers", MIB(8192), 4, MIB(64)},
    {"24 GiB, two workers", MIB(24576), 2, MIB(256)},
    {"all there could be", UINT64_MAX, 1024, MIB(256)},
};

static void test_cache_size(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        row_assert_number(rows[i].name, setup_cache_size(rows[i].memory_bytes, rows[i].workers),
                          rows[i].bytes);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cache_size),
    };
    return cmocka_run_group_tests_name("setup", tests, NULL, NULL);
}
