#include "base/utf8.h"

#include "support/guard.h"
#include "support/row.h"

static const struct {
    const char *name;
    struct slice text;
    size_t len; /* 0: no UTF-8 */
    uint32_t code;
} rows[] = {
    {"NUL", SLICE_INIT("\0"), 1, 0},
    {"letter", SLICE_INIT("az"), 1, 'a'},
    {"last of one byte", SLICE_INIT("\x7f"), 1, 0x7f},
    {"first of two bytes", SLICE_INIT("\xc2\x80"), 2, 0x80},
    {"two bytes, more behind", SLICE_INIT("\xc3\xa9x"), 2, 0xe9},
    {"last of two bytes", SLICE_INIT("\xdf\xbf"), 2, 0x7ff},
    {"first of three bytes", SLICE_INIT("\xe0\xa0\x80"), 3, 0x800},
    {"last before the surrogates", SLICE_INIT("\xed\x9f\xbf"), 3, 0xd7ff},
    {"first behind the surrogates", SLICE_INIT("\xee\x80\x80"), 3, 0xe000},
    {"last of three bytes", SLICE_INIT("\xef\xbf\xbf"), 3, 0xffff},
    {"first of four bytes", SLICE_INIT("\xf0\x90\x80\x80"), 4, 0x10000},
    {"last of all", SLICE_INIT("\xf4\x8f\xbf\xbf"), 4, 0x10ffff},
    {"rfc3629-3 beyond the last", SLICE_INIT("\xf4\x90\x80\x80"), 0, 0},
    {"rfc3629-3 five bytes", SLICE_INIT("\xf8\x88\x80\x80\x80"), 0, 0},
    {"rfc3629-3 surrogate", SLICE_INIT("\xed\xa0\x80"), 0, 0},
    {"rfc3629-3 last surrogate", SLICE_INIT("\xed\xbf\xbf"), 0, 0},
    {"rfc3629-3 overlong NUL", SLICE_INIT("\xc0\x80"), 0, 0},
    {"rfc3629-3 overlong slash", SLICE_INIT("\xe0\x80\xaf"), 0, 0},
    {"rfc3629-3 overlong in four", SLICE_INIT("\xf0\x8f\xbf\xbf"), 0, 0},
    {"continuation alone", SLICE_INIT("\x80"), 0, 0},
    {"lead alone", SLICE_INIT("\xc3"), 0, 0},
    {"cut", SLICE_INIT("\xf0\x9f\x98"), 0, 0},
    {"broken off", SLICE_INIT("\xe2\x82x"), 0, 0},
    {"no lead", SLICE_INIT("\xff"), 0, 0},
};

static void test_characters(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char *copy = guard_copy(rows[i].text);
        uint32_t code = 0;
        size_t len = utf8_read(slice_of(copy, rows[i].text.len), &code);
        row_assert_number(rows[i].name, len, rows[i].len);
        if (len > 0)
            row_assert_number(rows[i].name, code, rows[i].code);
        guard_free(copy, rows[i].text.len);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_characters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
