#include "base/number.h"

#include "support/guard.h"
#include "support/row.h"

#define UNTOUCHED 77777

static void test_parse(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice text;
        uint64_t max;
        bool parsed;
        uint64_t value;
    } rows[] = {
        {"zero", SLICE_INIT("0"), 10, true, 0},
        {"one digit", SLICE_INIT("7"), 10, true, 7},
        {"all digits", SLICE_INIT("1234567890"), UINT64_MAX, true, 1234567890},
        {"leading zeros", SLICE_INIT("0000000000000000000000000000042"), 42, true, 42},
        {"as large as allowed", SLICE_INIT("1000"), 1000, true, 1000},
        {"one too large", SLICE_INIT("1001"), 1000, false, 0},
        {"too large on the way", SLICE_INIT("10010"), 1000, false, 0},
        {"only zero is allowed", SLICE_INIT("0"), 0, true, 0},
        {"one where only zero is allowed", SLICE_INIT("1"), 0, false, 0},
        {"2^63 - 1", SLICE_INIT("9223372036854775807"), INT64_MAX, true, INT64_MAX},
        {"2^63", SLICE_INIT("9223372036854775808"), INT64_MAX, false, 0},
        {"2^64 - 1", SLICE_INIT("18446744073709551615"), UINT64_MAX, true, UINT64_MAX},
        {"2^64: the addition overflows", SLICE_INIT("18446744073709551616"), UINT64_MAX, false, 0},
        {"2^64 + 9", SLICE_INIT("18446744073709551625"), UINT64_MAX, false, 0},
        {"10 * 2^64: the multiplication overflows", SLICE_INIT("184467440737095516160"), UINT64_MAX,
         false, 0},
        {"a hundred nines",
         SLICE_INIT("99999999999999999999999999999999999999999999999999"
                    "99999999999999999999999999999999999999999999999999"),
         UINT64_MAX, false, 0},
        {"empty", SLICE_INIT(""), 10, false, 0},
        {"none", {NULL, 0}, 10, false, 0},
        {"plus", SLICE_INIT("+1"), 10, false, 0},
        {"minus", SLICE_INIT("-1"), 10, false, 0},
        {"blank before", SLICE_INIT(" 1"), 10, false, 0},
        {"blank behind", SLICE_INIT("1 "), 10, false, 0},
        {"hexadecimal", SLICE_INIT("0x1"), 10, false, 0},
        {"fraction", SLICE_INIT("1.0"), 10, false, 0},
        {"list", SLICE_INIT("1,1"), 10, false, 0},
        {"NUL behind", SLICE_INIT("1\0"), 10, false, 0},
        {"the byte before 0", SLICE_INIT("/"), 100, false, 0},
        {"the byte behind 9", SLICE_INIT(":"), 100, false, 0},
        {"a digit with the high bit", SLICE_INIT("\xb1"), 100, false, 0},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        uint64_t value = UNTOUCHED;
        char *copy = guard_copy(rows[i].text);
        bool parsed = number_parse(slice_of(copy, rows[i].text.len), rows[i].max, &value);
        row_assert_number(rows[i].name, parsed, rows[i].parsed);
        row_assert_number(rows[i].name, value, rows[i].parsed ? rows[i].value : UNTOUCHED);
        guard_free(copy, rows[i].text.len);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
    };
    return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
