#include "conf/mounts.h"

#include "support/row.h"

#include <errno.h>
#include <string.h>

#define LETTERS_10 "abcdefghij"
#define LETTERS_50 LETTERS_10 LETTERS_10 LETTERS_10 LETTERS_10 LETTERS_10
/* As long as a path may be. */
#define LONGEST LETTERS_50 LETTERS_50 LETTERS_50 LETTERS_50 LETTERS_50 "abcde"

static const struct {
    const char *name;
    const char *text;
    const char *path;
    const char *directory;
} good[] = {
    {"a path", "/docs=/srv/docs", "docs", "/srv/docs"},
    {"a deep path", "/a/b/c=d", "a/b/c", "d"},
    {"a slash at the end", "/docs/=d", "docs", "d"},
    {"a deep path with a slash at the end", "/a/b/=d", "a/b", "d"},
    {"an equals sign in the directory", "/a=b=c", "a", "b=c"},
    {"a slash as the directory", "/a=/", "a", "/"},
    {"a blank", "/a b=c d", "a b", "c d"},
    {"beyond ASCII", "/\xc3\xa9=d", "\xc3\xa9", "d"},
    {"no UTF-8", "/\xff=d", "\xff", "d"},
    {"a percent sign", "/100%=d", "100%", "d"},
    {"a percent sign and one digit", "/%a=d", "%a", "d"},
    {"a percent sign and no digits", "/%no=d", "%no", "d"},
    {"a name that starts with a dot", "/.well-known=d", ".well-known", "d"},
    {"three dots", "/...=d", "...", "d"},
    {"names that start with two dots", "/..a/b..=d", "..a/b..", "d"},
    {"a question mark and a hash", "/a?b#c=d", "a?b#c", "d"},
    {"the longest", "/" LONGEST "=d", LONGEST, "d"},
    {"the longest, with a slash", "/" LONGEST "/=d", LONGEST, "d"},
};

static void test_good_ones(void **state) {
    (void)state;
    assert_int_equal(strlen(LONGEST), MOUNTS_PATH_MAX);
    for (size_t i = 0; i < ROWS_COUNT(good); i++) {
        struct mounts mounts = {.count = 0};
        struct err err = ERR_INIT;
        row_assert_number(good[i].name, mounts_add(&mounts, good[i].text, &err), 0);
        row_assert_number(good[i].name, mounts.count, 1);
        row_assert_slice(good[i].name, mounts.items[0].path, slice_of_text(good[i].path));
        row_assert_slice(good[i].name, slice_of_text(mounts.items[0].directory),
                         slice_of_text(good[i].directory));
    }
}

static const struct {
    const char *name;
    const char *text;
    const char *message;
} bad[] = {
    {"empty", "", "'' is not /PATH=DIR (as in /docs=/srv/docs)"},
    {"no directory", "/docs", "'/docs' is not /PATH=DIR"},
    {"an empty directory", "/docs=", "'/docs=' is not /PATH=DIR"},
    {"no path", "=/srv/docs", "is not /PATH=DIR"},
    {"directory alone", "srv/docs", "is not /PATH=DIR"},
    {"no slash before the path", "docs=/srv/docs", "is not /PATH=DIR"},
    {"the other way round", "./docs=/docs", "is not /PATH=DIR"},
    {"the root", "/=/srv", "'/=/srv': '/' is the root, which is named without an option"},
    {"only slashes", "//=d", "is the root"},
    {"two slashes before", "//a=d", "the path has an empty segment, '.' or '..'"},
    {"two slashes in the middle", "/a//b=d", "has an empty segment"},
    {"two slashes behind", "/a//=d", "has an empty segment"},
    {"a dot", "/.=d", "has an empty segment, '.' or '..'"},
    {"a dot in the middle", "/a/./b=d", "has an empty segment, '.' or '..'"},
    {"two dots", "/..=d", "has an empty segment, '.' or '..'"},
    {"two dots at the end", "/a/..=d", "has an empty segment, '.' or '..'"},
    {"two dots and a slash", "/a/../=d", "has an empty segment, '.' or '..'"},
    {"an escape", "/a%20b=d", "'/a%20b=d': the path is to be written without escapes"},
    {"an escape at the end", "/a%2F=d", "without escapes"},
    {"an escape behind another percent sign", "/%%41=d", "without escapes"},
    {"too long", "/" LONGEST "f=d", "the path is longer than 255 bytes"},
};

static void test_bad_ones(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(bad); i++) {
        struct mounts mounts = {.count = 0};
        struct err err = ERR_INIT;
        row_assert_number(bad[i].name, mounts_add(&mounts, bad[i].text, &err), -EINVAL);
        row_assert_number(bad[i].name, mounts.count, 0);
        if (strstr(err.text, bad[i].message) == NULL)
            fail_msg("%s: '%s' is not in '%s'", bad[i].name, bad[i].message, err.text);
    }
}

static void test_no_path_twice(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int result;
    } rows[] = {
        {"/a=d", 0},          {"/a=d", -EINVAL}, {"/a/=other", -EINVAL}, {"/a/b=d", 0},
        {"/a/b/=d", -EINVAL}, {"/A=d", 0},       {"/ab=d", 0},           {"/b=d", 0},
    };
    struct mounts mounts = {.count = 0};
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct err err = ERR_INIT;
        row_assert_number(row_at(rows[i].text, i), mounts_add(&mounts, rows[i].text, &err),
                          rows[i].result);
        row_assert(rows[i].text,
                   rows[i].result == 0 || strstr(err.text, "the path is there twice") != NULL);
    }
    assert_int_equal(mounts.count, 5);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_ones),
        cmocka_unit_test(test_bad_ones),
        cmocka_unit_test(test_no_path_twice),
    };
    return cmocka_run_group_tests_name("mounts", tests, NULL, NULL);
}
