#include "base/err.h"

#include "support/row.h"

#include <errno.h>
#include <string.h>

static void test_set(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    assert_string_equal(err.text, "");
    assert_int_equal(err_set(&err, ENOENT, "%s: cannot be opened (%d)", "/srv", 7), -ENOENT);
    assert_string_equal(err.text, "/srv: cannot be opened (7)");
    assert_int_equal(err_set(&err, EINVAL, "short"), -EINVAL);
    assert_string_equal(err.text, "short");
}

static void test_cut_to_its_room(void **state) {
    (void)state;
    struct {
        struct err err;
        char behind;
    } place = {.err = ERR_INIT, .behind = 'x'};
    char text[2 * sizeof place.err.text];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(err_set(&place.err, EIO, "%s", text), -EIO);
    assert_int_equal(strlen(place.err.text), sizeof place.err.text - 1);
    assert_int_equal(place.behind, 'x');
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_cut_to_its_room),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
