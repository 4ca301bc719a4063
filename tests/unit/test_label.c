#include "conf/label.h"

#include "support/row.h"

#include <errno.h>
#include <string.h>

#define LETTERS_28 "abcdefghijklmnopqrstuvwxyz01"

static const struct {
    const char *text;
    const char *label; /* NULL: none */
} good[] = {
    {"pronto", "pronto"},
    {"a", "a"},
    {"Photos-2026", "Photos-2026"},
    {"3com", "3com"}, /* RFC 1123 §2.1 */
    {"xn--mnchen-3ya", "xn--mnchen-3ya"},
    {LETTERS_28 LETTERS_28, LETTERS_28 LETTERS_28},
    {"on", LABEL_STANDARD},
    {"off", NULL},
};

static const char *const bad[] = {
    "",
    "-",
    "-a",
    "a-",
    "a.local",
    "a b",
    "m\xc3\xbcnchen",
    "a_b",
    "a\n",
    LETTERS_28 LETTERS_28 "2",
};

static void test_good(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(good); i++) {
        const char *label = "unset";
        struct err err = ERR_INIT;
        row_assert_number(good[i].text, label_parse(good[i].text, &label, &err), 0);
        row_assert_number(good[i].text, label == NULL, good[i].label == NULL);
        if (good[i].label != NULL)
            row_assert_slice(good[i].text, slice_of_text(label), slice_of_text(good[i].label));
    }
}

static void test_bad(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(bad); i++) {
        const char *label = "unset";
        struct err err = ERR_INIT;
        row_assert_number(bad[i], label_parse(bad[i], &label, &err), -EINVAL);
        row_assert(bad[i], strcmp(label, "unset") == 0);
        row_assert(bad[i], strstr(err.text, "cannot be a name of a host") != NULL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
    };
    return cmocka_run_group_tests_name("label", tests, NULL, NULL);
}
