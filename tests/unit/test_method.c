#include "http/method.h"

#include "support/guard.h"
#include "support/row.h"

static void test_rfc9110_9_1_parse(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice text;
        enum method method;
        bool allowed;
    } rows[] = {
        {"GET", SLICE_INIT("GET"), METHOD_GET, true},
        {"HEAD", SLICE_INIT("HEAD"), METHOD_HEAD, true},
        {"OPTIONS", SLICE_INIT("OPTIONS"), METHOD_OPTIONS, true},
        {"POST", SLICE_INIT("POST"), METHOD_POST, false},
        {"PUT", SLICE_INIT("PUT"), METHOD_PUT, false},
        {"PATCH", SLICE_INIT("PATCH"), METHOD_PATCH, false},
        {"DELETE", SLICE_INIT("DELETE"), METHOD_DELETE, false},
        {"TRACE", SLICE_INIT("TRACE"), METHOD_TRACE, false},
        {"CONNECT", SLICE_INIT("CONNECT"), METHOD_CONNECT, false},
        {"lower case", SLICE_INIT("get"), METHOD_UNKNOWN, false},
        {"mixed case", SLICE_INIT("Get"), METHOD_UNKNOWN, false},
        {"shorter", SLICE_INIT("GE"), METHOD_UNKNOWN, false},
        {"longer", SLICE_INIT("GETS"), METHOD_UNKNOWN, false},
        {"NUL behind", SLICE_INIT("GET\0"), METHOD_UNKNOWN, false},
        {"another", SLICE_INIT("PROPFIND"), METHOD_UNKNOWN, false},
        {"empty", SLICE_INIT(""), METHOD_UNKNOWN, false},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char *copy = guard_copy(rows[i].text);
        enum method method = method_parse(slice_of(copy, rows[i].text.len));
        row_assert_number(rows[i].name, method, rows[i].method);
        row_assert_number(rows[i].name, method_is_allowed(method), rows[i].allowed);
        guard_free(copy, rows[i].text.len);
    }
}

static void test_each_name_is_that_of_its_method(void **state) {
    (void)state;
    for (unsigned i = 0; i < METHOD_UNKNOWN; i++)
        assert_int_equal(method_parse(method_name((enum method)i)), i);
}

static void test_rfc9110_10_2_1_allow(void **state) {
    (void)state;
    row_assert_slice("Allow", method_allow(), SLICE("GET, HEAD, OPTIONS"));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc9110_9_1_parse),
        cmocka_unit_test(test_each_name_is_that_of_its_method),
        cmocka_unit_test(test_rfc9110_10_2_1_allow),
    };
    return cmocka_run_group_tests_name("method", tests, NULL, NULL);
}
