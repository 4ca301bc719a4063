#include "base/slice.h"

#include "support/guard.h"
#include "support/row.h"

static void test_equality(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice a;
        struct slice b;
        bool equal;
        bool equal_nocase;
    } rows[] = {
        {"same", SLICE_INIT("abc"), SLICE_INIT("abc"), true, true},
        {"other last byte", SLICE_INIT("abc"), SLICE_INIT("abd"), false, false},
        {"other first byte", SLICE_INIT("abc"), SLICE_INIT("xbc"), false, false},
        {"shorter", SLICE_INIT("abc"), SLICE_INIT("ab"), false, false},
        {"longer", SLICE_INIT("ab"), SLICE_INIT("abc"), false, false},
        {"both empty", SLICE_INIT(""), SLICE_INIT(""), true, true},
        {"empty and none", SLICE_INIT(""), {NULL, 0}, true, true},
        {"none and none", {NULL, 0}, {NULL, 0}, true, true},
        {"none and something", {NULL, 0}, SLICE_INIT("a"), false, false},
        {"NUL inside", SLICE_INIT("a\0b"), SLICE_INIT("a\0c"), false, false},
        {"other case", SLICE_INIT("Abc-Z"), SLICE_INIT("aBC-z"), false, true},
        {"@ and `", SLICE_INIT("@"), SLICE_INIT("`"), false, false},
        {"[ and {", SLICE_INIT("["), SLICE_INIT("{"), false, false},
        {"letters of ISO 8859-1", SLICE_INIT("\xc4"), SLICE_INIT("\xe4"), false, false},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        row_assert_number(rows[i].name, slice_equal(rows[i].a, rows[i].b), rows[i].equal);
        row_assert_number(rows[i].name, slice_equal_nocase(rows[i].a, rows[i].b),
                          rows[i].equal_nocase);
    }
}

/* Only the 26 letters have a case, whatever the locale. */
static void test_nocase_over_all_bytes(void **state) {
    (void)state;
    for (int a = 0; a < 256; a++) {
        for (int b = 0; b < 256; b++) {
            char text_a = (char)a;
            char text_b = (char)b;
            bool letters = (a >= 'a' && a <= 'z' && b == a - 'a' + 'A') ||
                           (a >= 'A' && a <= 'Z' && b == a - 'A' + 'a');
            row_assert_number(row_at("bytes", (size_t)(a * 256 + b)),
                              slice_equal_nocase(slice_of(&text_a, 1), slice_of(&text_b, 1)),
                              a == b || letters);
        }
    }
}

static void test_starts_with(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice slice;
        struct slice prefix;
        bool starts;
    } rows[] = {
        {"prefix", SLICE_INIT("W/\"a\""), SLICE_INIT("W/"), true},
        {"whole", SLICE_INIT("W/"), SLICE_INIT("W/"), true},
        {"prefix is longer", SLICE_INIT("W"), SLICE_INIT("W/"), false},
        {"other", SLICE_INIT("w/"), SLICE_INIT("W/"), false},
        {"in the middle", SLICE_INIT(" W/"), SLICE_INIT("W/"), false},
        {"empty prefix", SLICE_INIT("a"), SLICE_INIT(""), true},
        {"empty both", SLICE_INIT(""), SLICE_INIT(""), true},
        {"none has the empty prefix", {NULL, 0}, SLICE_INIT(""), true},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        row_assert_number(rows[i].name, slice_starts_with(rows[i].slice, rows[i].prefix),
                          rows[i].starts);
}

static void test_find(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice slice;
        size_t at;
    } rows[] = {
        {"first of two", SLICE_INIT("a?b?c"), 1},
        {"at the start", SLICE_INIT("?a"), 0},
        {"at the end", SLICE_INIT("ab?"), 2},
        {"absent", SLICE_INIT("abc"), 3},
        {"empty", SLICE_INIT(""), 0},
        {"none", {NULL, 0}, 0},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        row_assert_number(rows[i].name, slice_find(rows[i].slice, '?'), rows[i].at);
}

static void test_rfc9110_5_6_3_trim(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice slice;
        struct slice trimmed;
    } rows[] = {
        {"nothing to trim", SLICE_INIT("a b"), SLICE_INIT("a b")},
        {"before", SLICE_INIT(" \t a"), SLICE_INIT("a")},
        {"behind", SLICE_INIT("a\t \t"), SLICE_INIT("a")},
        {"both", SLICE_INIT("\t a \t b "), SLICE_INIT("a \t b")},
        {"only white space", SLICE_INIT(" \t "), SLICE_INIT("")},
        {"empty", SLICE_INIT(""), SLICE_INIT("")},
        {"CR, LF, VT, FF and NBSP are none", SLICE_INIT("\r\n\v\f\xa0"),
         SLICE_INIT("\r\n\v\f\xa0")},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char *copy = guard_copy(rows[i].slice);
        row_assert_slice(rows[i].name, slice_trim(slice_of(copy, rows[i].slice.len)),
                         rows[i].trimmed);
        guard_free(copy, rows[i].slice.len);
    }
    row_assert_slice("none stays none", slice_trim(SLICE_NONE), SLICE_NONE);
}

static void test_cut(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice text;
        size_t count;
        struct slice elements[4];
    } rows[] = {
        {"two", SLICE_INIT("a,b"), 2, {SLICE_INIT("a"), SLICE_INIT("b")}},
        {"separator at the end", SLICE_INIT("a,"), 2, {SLICE_INIT("a"), SLICE_INIT("")}},
        {"separator at the start", SLICE_INIT(",a"), 2, {SLICE_INIT(""), SLICE_INIT("a")}},
        {"only separators", SLICE_INIT(",,"), 3, {SLICE_INIT(""), SLICE_INIT(""), SLICE_INIT("")}},
        {"no separator", SLICE_INIT("abc"), 1, {SLICE_INIT("abc")}},
        {"empty is one", SLICE_INIT(""), 1, {SLICE_INIT("")}},
        {"none has none", {NULL, 0}, 0, {{NULL, 0}}},
        {"four",
         SLICE_INIT("a,bb,,c"),
         4,
         {SLICE_INIT("a"), SLICE_INIT("bb"), SLICE_INIT(""), SLICE_INIT("c")}},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char *copy = guard_copy(rows[i].text);
        struct slice rest =
            rows[i].text.ptr != NULL ? slice_of(copy, rows[i].text.len) : SLICE_NONE;
        struct slice element;
        size_t count = 0;
        while (slice_cut(&rest, ',', &element)) {
            row_assert(rows[i].name, count < rows[i].count);
            row_assert_slice(rows[i].name, element, rows[i].elements[count]);
            count++;
        }
        row_assert_number(rows[i].name, count, rows[i].count);
        row_assert_slice(rows[i].name, rest, SLICE_NONE);
        guard_free(copy, rows[i].text.len);
    }
}

static void test_literals(void **state) {
    (void)state;
    static const struct slice constant = SLICE_INIT("a\0b");
    assert_int_equal(constant.len, 3);
    assert_int_equal(SLICE("").len, 0);
    assert_non_null(SLICE("").ptr);
    assert_null(SLICE_NONE.ptr);
    row_assert_slice("text", slice_of_text("abc"), SLICE("abc"));
    row_assert_slice("after", slice_after(SLICE("abc"), 2), SLICE("c"));
    row_assert_slice("after all", slice_after(SLICE("abc"), 3), SLICE(""));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equality),           cmocka_unit_test(test_nocase_over_all_bytes),
        cmocka_unit_test(test_starts_with),        cmocka_unit_test(test_find),
        cmocka_unit_test(test_rfc9110_5_6_3_trim), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_literals),
    };
    return cmocka_run_group_tests_name("slice", tests, NULL, NULL);
}
