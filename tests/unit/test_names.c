#include "conf/names.h"

#include "support/row.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static void test_good_lists(void **state) {
    static const struct {
        const char *name;
        const char *list;
        const char *last;
        size_t count;
    } rows[] = {
        {"one", "index.html", "index.html", 1},
        {"two", "index.html,index.htm", "index.htm", 2},
        {"dots in names", "...,.a,a.", "a.", 3},
        {"blanks are part of names", "a b, c", " c", 2},
        {"as many as there may be", "a,b,c,d,e,f,g,h", "h", NAMES_MAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct names names;
        struct err err = ERR_INIT;
        row_assert_number(rows[i].name, names_parse(rows[i].list, &names, &err), 0);
        row_assert_number(rows[i].name, names.count, rows[i].count);
        row_assert_slice(rows[i].name, names.items[names.count - 1], slice_of_text(rows[i].last));
    }
}

static void test_bad_lists(void **state) {
    static const struct {
        const char *name;
        const char *list;
        const char *message;
    } rows[] = {
        {"empty", "", "'' is no list of file names"},
        {"comma alone", ",", "',' is no list"},
        {"empty name at the start", ",a", "is no list"},
        {"empty name at the end", "a,", "is no list"},
        {"empty name between", "a,,b", "is no list"},
        {"path", "a/b", "is no list"},
        {"absolute path", "/etc/passwd", "is no list"},
        {"dot", ".", "is no list"},
        {"two dots", "a,..", "is no list"},
        {"nine names", "a,b,c,d,e,f,g,h,i", "has more than 8 names"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct names names;
        struct err err = ERR_INIT;
        row_assert_number(rows[i].name, names_parse(rows[i].list, &names, &err), -EINVAL);
        row_assert(rows[i].name, strstr(err.text, rows[i].message) != NULL);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_lists),
        cmocka_unit_test(test_bad_lists),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
