#include "conf/types.h"

#include "support/guard.h"
#include "support/row.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LETTERS_10 "abcdefghij"
#define LETTERS_50 LETTERS_10 LETTERS_10 LETTERS_10 LETTERS_10 LETTERS_10
/* With "a/b" before it, as long as a type may be. */
#define LONGEST ";" LETTERS_50 "=" LETTERS_50 LETTERS_50 LETTERS_50 LETTERS_50

static const struct {
    const char *name;
    const char *text;
    const char *extension;
    const char *type;
} good[] = {
    {"extension", "log=text/plain", "log", "text/plain"},
    {"with its dot", ".log=text/plain", "log", "text/plain"},
    {"two dots", "tar.gz=application/x-gtar", "tar.gz", "application/x-gtar"},
    {"capital letters", "LOG=Text/Plain", "LOG", "Text/Plain"},
    {"all that tokens are made of", "!#$%&'*+-.^_`|~09azAZ=a/!#$%&'*+-.^_`|~09azAZ",
     "!#$%&'*+-.^_`|~09azAZ", "a/!#$%&'*+-.^_`|~09azAZ"},
    {"parameter", "a=text/plain;charset=utf-8", "a", "text/plain;charset=utf-8"},
    {"parameter, blanks", "a=text/plain \t;  charset=utf-8", "a", "text/plain \t;  charset=utf-8"},
    {"parameters", "a=text/plain; charset=utf-8; format=flowed", "a",
     "text/plain; charset=utf-8; format=flowed"},
    {"quoted", "a=video/mp4; codecs=\"avc1.64001F, mp4a.40.2\"", "a",
     "video/mp4; codecs=\"avc1.64001F, mp4a.40.2\""},
    {"quoted, empty", "a=b/c;d=\"\"", "a", "b/c;d=\"\""},
    {"quoted quote and backslash", "a=b/c;d=\"\\\"\\\\\"", "a", "b/c;d=\"\\\"\\\\\""},
    {"quoted, HTAB and beyond ASCII", "a=b/c;d=\"\t\xc3\xa9\"", "a", "b/c;d=\"\t\xc3\xa9\""},
    {"the longest", "a=b/c" LONGEST, "a", "b/c" LONGEST},
};

static void test_good_ones(void **state) {
    (void)state;
    assert_int_equal(strlen("b/c" LONGEST), TYPES_LEN_MAX);
    for (size_t i = 0; i < ROWS_COUNT(good); i++) {
        struct types types = {.count = 0};
        struct err err = ERR_INIT;
        row_assert_number(good[i].name, types_add(&types, good[i].text, &err), 0);
        row_assert_number(good[i].name, types.count, 1);
        row_assert_slice(good[i].name, types.items[0].extension, slice_of_text(good[i].extension));
        row_assert_slice(good[i].name, types.items[0].type, slice_of_text(good[i].type));
    }
}

static const struct {
    const char *name;
    const char *text;
    const char *message;
} bad[] = {
    {"empty", "", "'' is not EXT=TYPE (as in log=text/plain)"},
    {"no type", "log", "'log' is not EXT=TYPE"},
    {"type alone", "text/plain", "'text/plain' is not EXT=TYPE"},
    {"no extension", "=text/plain", "is not EXT=TYPE"},
    {"a dot alone", ".=text/plain", "is not EXT=TYPE"},
    {"a blank in the extension", "a b=text/plain", "is not EXT=TYPE"},
    {"a slash in the extension", "a/b=text/plain", "is not EXT=TYPE"},
    {"an extension beyond ASCII", "\xc3\xa9=text/plain", "is not EXT=TYPE"},
    {"a colon", "log:text/plain", "is not EXT=TYPE"},
    {"an empty type", "log=", "'' is no media type (as in text/plain or text/html; charset=utf-8)"},
    {"no slash", "log=text", "'text' is no media type"},
    {"no subtype", "log=text/", "'text/' is no media type"},
    {"nothing before the slash", "log=/plain", "is no media type"},
    {"two slashes", "log=text/plain/x", "is no media type"},
    {"any", "log=*/*,", "is no media type"},
    {"a blank before", "log= text/plain", "is no media type"},
    {"a blank behind", "log=text/plain ", "is no media type"},
    {"two types", "log=text/plain, text/html", "is no media type"},
    {"a semicolon alone", "log=text/plain;", "is no media type"},
    {"an empty parameter", "log=text/plain;;a=b", "is no media type"},
    {"a parameter without a value", "log=text/plain; charset", "is no media type"},
    {"a parameter with an empty value", "log=text/plain; charset=", "is no media type"},
    {"a parameter without a name", "log=text/plain; =utf-8", "is no media type"},
    {"blanks around the equals sign", "log=text/plain; charset = utf-8", "is no media type"},
    {"a quote that does not end", "log=text/plain; a=\"b", "is no media type"},
    {"a quote that ends with a backslash", "log=text/plain; a=\"b\\", "is no media type"},
    {"a quote alone", "log=text/plain; a=\"", "is no media type"},
    {"something behind a quote", "log=text/plain; a=\"b\"c", "is no media type"},
    {"a line end", "log=text/plain\r\nX: y", "is no media type"},
    {"a line end in quotes", "log=text/plain; a=\"\r\n\"", "is no media type"},
    {"a control character behind a backslash", "log=text/plain; a=\"\\\x7f\"", "is no media type"},
    {"too long", "log=bb/c" LONGEST, "is longer than 255 bytes"},
};

static void test_bad_ones(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(bad); i++) {
        struct types types = {.count = 0};
        struct err err = ERR_INIT;
        row_assert_number(bad[i].name, types_add(&types, bad[i].text, &err), -EINVAL);
        row_assert_number(bad[i].name, types.count, 0);
        if (strstr(err.text, bad[i].message) == NULL)
            fail_msg("%s: '%s' is not in '%s'", bad[i].name, bad[i].message, err.text);
    }
}

static void test_names(void **state) {
    (void)state;
    static const char *const given[] = {
        "log=text/plain",  "LOG=text/x-log",   "gz=application/gzip",
        "tar.gz=test/tar", "c.gz=test/c",      ".c.gz=test/last",
        "sub=test/early",  "x.sub=test/early", "sub=test/late"};
    static const struct {
        const char *name;
        const char *type; /* NULL: none */
    } names[] = {
        {"a.log", "text/x-log"},
        {"a.LoG", "text/x-log"},
        {".log", "text/x-log"},
        {"a.html.log", "text/x-log"},
        {"a.gz", "application/gzip"},
        {"a.tar.gz", "test/tar"},
        {"tar.gz", "application/gzip"},
        {"a.c.gz", "test/last"},
        {"a.x.sub", "test/late"},
        {"log", NULL},
        {"alog", NULL},
        {"a.logs", NULL},
        {"a.log.", NULL},
        {"a.log.html", NULL},
        {"", NULL},
        {".", NULL},
        {"g", NULL},
    };
    struct types types = {.count = 0};
    struct err err = ERR_INIT;
    for (size_t i = 0; i < ROWS_COUNT(given); i++)
        row_assert_number(given[i], types_add(&types, given[i], &err), 0);
    for (size_t i = 0; i < ROWS_COUNT(names); i++) {
        size_t len = strlen(names[i].name);
        char *copy = guard_copy(slice_of_text(names[i].name));
        row_assert_slice(names[i].name, types_of_name(&types, slice_of(copy, len)),
                         names[i].type != NULL ? slice_of_text(names[i].type) : SLICE_NONE);
        guard_free(copy, len);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_ones),
        cmocka_unit_test(test_bad_ones),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("types", tests, NULL, NULL);
}
