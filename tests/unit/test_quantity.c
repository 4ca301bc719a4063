#include "conf/quantity.h"

#include "support/row.h"

static const struct {
    const char *text;
    enum quantity_kind kind;
    uint64_t value;
    const char *again; /* as it is written */
} good[] = {
    {"0", QUANTITY_COUNT, 0, "0"},
    {"1024", QUANTITY_COUNT, 1024, "1024"},
    {"18446744073709551615", QUANTITY_COUNT, UINT64_MAX, "18446744073709551615"},
    {"0", QUANTITY_SIZE, 0, "0"},
    {"0G", QUANTITY_SIZE, 0, "0"},
    {"1023", QUANTITY_SIZE, 1023, "1023"},
    {"1024", QUANTITY_SIZE, 1024, "1K"},
    {"1025", QUANTITY_SIZE, 1025, "1025"},
    {"2048K", QUANTITY_SIZE, 2 << 20, "2M"},
    {"3G", QUANTITY_SIZE, 3ull << 30, "3G"},
    {"17179869183G", QUANTITY_SIZE, 0xffffffffc0000000, "17179869183G"},
    {"0s", QUANTITY_DURATION, 0, "0ms"},
    {"999ms", QUANTITY_DURATION, 999, "999ms"},
    {"1000ms", QUANTITY_DURATION, 1000, "1s"},
    {"90s", QUANTITY_DURATION, 90000, "90s"},
    {"60s", QUANTITY_DURATION, 60000, "1m"},
    {"120m", QUANTITY_DURATION, 7200000, "2h"},
};

static void test_good(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(good); i++) {
        char memory[32];
        struct buf buf = BUF_INIT(memory, sizeof memory);
        uint64_t value = 4711;
        row_assert(good[i].text, quantity_parse(good[i].text, good[i].kind, &value));
        row_assert(good[i].text, value == good[i].value);
        quantity_put(&buf, value, good[i].kind);
        row_assert_slice(good[i].text, buf_slice(&buf), slice_of_text(good[i].again));
    }
}

static const struct {
    const char *text;
    enum quantity_kind kind;
} bad[] = {
    {"", QUANTITY_COUNT},
    {"-1", QUANTITY_COUNT},
    {"1K", QUANTITY_COUNT},
    {"1 ", QUANTITY_COUNT},
    {"18446744073709551616", QUANTITY_COUNT},
    {"K", QUANTITY_SIZE},
    {"1k", QUANTITY_SIZE},
    {"1KB", QUANTITY_SIZE},
    {"1 K", QUANTITY_SIZE},
    {"1s", QUANTITY_SIZE},
    {"17179869184G", QUANTITY_SIZE},
    {"1", QUANTITY_DURATION},
    {"1.5s", QUANTITY_DURATION},
    {"1M", QUANTITY_DURATION},
    {"5124095576030432h", QUANTITY_DURATION},
};

static void test_bad(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(bad); i++) {
        uint64_t value = 4711;
        row_assert(bad[i].text, !quantity_parse(bad[i].text, bad[i].kind, &value));
        row_assert_number(bad[i].text, value, 4711);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
    };
    return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}
