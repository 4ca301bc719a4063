#include "http/forwarded.h"

#include "support/guard.h"
#include "support/row.h"

#include <string.h>

static const struct {
    const char *text;
    const char *ip; /* NULL: it is no address */
} elements[] = {
    {"192.0.2.1", "192.0.2.1"},
    {"192.0.2.1:80", "192.0.2.1"},
    {"192.0.2.1:65535", "192.0.2.1"},
    {"2001:db8::1", "2001:db8::1"},
    {"[2001:db8::1]", "2001:db8::1"},
    {"[2001:db8::1]:443", "2001:db8::1"},
    {"::ffff:192.0.2.1", "192.0.2.1"},
    {"[::ffff:192.0.2.1]:80", "192.0.2.1"},
    {"::1:80", "::1:80"}, /* without brackets, there is no port */
    {"", NULL},
    {"unknown", NULL},
    {"_hidden", NULL},
    {"\"192.0.2.1\"", NULL},
    {"192.0.2", NULL},
    {"192.0.2.1:", NULL},
    {"192.0.2.1:x", NULL},
    {"192.0.2.1:65536", NULL},
    {"192.0.2.1:80:80", NULL},
    {"192.0.2.1 80", NULL},
    {":80", NULL},
    {"[192.0.2.1]", NULL},
    {"[192.0.2.1]:80", NULL},
    {"[::1", NULL},
    {"[", NULL},
    {"[]", NULL},
    {"[]:80", NULL},
    {"::1]", NULL},
    {"[::1]80", NULL},
    {"[::1]:", NULL},
    {"[::1]:x", NULL},
    {"[[::1]]", NULL},
    {"for=192.0.2.1", NULL},
    {"fe80::1%eth0", NULL},
    {"1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1", NULL},
};

static void test_elements(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(elements); i++) {
        struct slice text = slice_of_text(elements[i].text);
        char *copy = guard_copy(text);
        struct ip ip;
        struct ip expected;
        bool parsed = forwarded_parse(slice_of(copy, text.len), &ip);
        row_assert_number(elements[i].text, parsed, elements[i].ip != NULL);
        if (parsed) {
            assert_true(ip_parse(slice_of_text(elements[i].ip), &expected));
            row_assert(elements[i].text, memcmp(&ip, &expected, sizeof ip) == 0);
        }
        guard_free(copy, text.len);
    }
}

static const struct {
    const char *name;
    const char *list;
    const char *elements[4];
} lists[] = {
    {"nothing", "", {NULL}},
    {"blanks", " \t", {NULL}},
    {"commas", ", ,,", {NULL}},
    {"one", "a", {"a"}},
    {"two", "a,b", {"a", "b"}},
    {"blanks around them", " a ,\tb c ", {"a", "b c"}},
    {"empty ones between them", ",a,,b,", {"a", "b"}},
    {"quotes", "\"a, b", {"\"a", "b"}},
    {"more quotes", "\"a, b\", c", {"\"a", "b\"", "c"}},
};

static void test_lists(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(lists); i++) {
        struct slice rest = slice_of_text(lists[i].list);
        struct slice element;
        for (size_t j = 0; lists[i].elements[j] != NULL; j++) {
            row_assert(lists[i].name, forwarded_next(&rest, &element));
            row_assert_slice(lists[i].name, element, slice_of_text(lists[i].elements[j]));
        }
        row_assert(lists[i].name, !forwarded_next(&rest, &element));
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elements),
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests_name("forwarded", tests, NULL, NULL);
}
