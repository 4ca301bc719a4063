#include "store/view.h"

#include "support/guard.h"
#include "support/row.h"

#include <stdio.h>
#include <string.h>

static struct view parse(const char *query) {
    size_t len = strlen(query);
    char *copy = guard_copy(slice_of(query, len));
    struct view view = view_parse(slice_of(copy, len));
    guard_free(copy, len);
    return view;
}

static void test_parse(void **state) {
    (void)state;
    static const struct {
        const char *query;
        struct view view;
    } rows[] = {
        {"", {VIEW_FORMATS, VIEW_BY_NAME, false, false}},
        {"sort=name", {VIEW_FORMATS, VIEW_BY_NAME, false, false}},
        {"sort=size", {VIEW_FORMATS, VIEW_BY_SIZE, false, false}},
        {"sort=time&order=desc", {VIEW_FORMATS, VIEW_BY_TIME, true, false}},
        {"order=desc&sort=time", {VIEW_FORMATS, VIEW_BY_TIME, true, false}},
        {"order=asc", {VIEW_FORMATS, VIEW_BY_NAME, false, false}},
        {"format=html", {VIEW_HTML, VIEW_BY_NAME, false, false}},
        {"format=json&sort=size", {VIEW_JSON, VIEW_BY_SIZE, false, false}},
        {"format=text", {VIEW_TEXT, VIEW_BY_NAME, false, false}},
        {"archive=tar", {VIEW_FORMATS, VIEW_BY_NAME, false, true}},
        {"&&archive=tar&x=y&", {VIEW_FORMATS, VIEW_BY_NAME, false, true}},
        {"sort=size&sort=time", {VIEW_FORMATS, VIEW_BY_TIME, false, false}},
        {"sort=size&sort=other", {VIEW_FORMATS, VIEW_BY_SIZE, false, false}},
        {"order=desc&order=asc", {VIEW_FORMATS, VIEW_BY_NAME, false, false}},
        /* What is unknown. */
        {"sort", {VIEW_FORMATS, VIEW_BY_NAME, false, false}},
        {"sort=", {VIEW_FORMATS, VIEW_BY_NAME, false, false}},
        {"sort=siz", {VIEW_FORMATS, VIEW_BY_NAME, false, false}},
        {"sort=sizes", {VIEW_FORMATS, VIEW_BY_NAME, false, false}},
        {"sort=SIZE", {VIEW_FORMATS, VIEW_BY_NAME, false, false}},
        {"sort=desc", {VIEW_FORMATS, VIEW_BY_NAME, false, false}},
        {"Sort=size", {VIEW_FORMATS, VIEW_BY_NAME, false, false}},
        {"sort=size=1", {VIEW_FORMATS, VIEW_BY_NAME, false, false}},
        {"sort=size;order=desc", {VIEW_FORMATS, VIEW_BY_NAME, false, false}},
        {"=size", {VIEW_FORMATS, VIEW_BY_NAME, false, false}},
        {"size", {VIEW_FORMATS, VIEW_BY_NAME, false, false}},
        {"format=xml&archive=zip&archive", {VIEW_FORMATS, VIEW_BY_NAME, false, false}},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct view view = parse(rows[i].query);
        row_assert_number(rows[i].query, view.format, rows[i].view.format);
        row_assert_number(rows[i].query, view.sort, rows[i].view.sort);
        row_assert_number(rows[i].query, view.descending, rows[i].view.descending);
        row_assert_number(rows[i].query, view.as_tar, rows[i].view.as_tar);
    }
    assert_int_equal(view_parse(SLICE_NONE).format, VIEW_FORMATS);
}

static enum view_format choose(const char *query, const char *accept) {
    char text[256];
    struct request request;
    struct view view = view_parse(slice_of_text(query));
    (void)snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s%s\r\n\r\n",
                   accept != NULL ? "Accept: " : "A: b", accept != NULL ? accept : "");
    assert_int_equal(request_parse(slice_of_text(text), sizeof text, &request), REQUEST_WHOLE);
    return view_choose_format(&view, &request);
}

static void test_choose_format(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *query;
        const char *accept;
        enum view_format format;
    } rows[] = {
        {"nothing said", "", NULL, VIEW_HTML},
        {"curl", "", "*/*", VIEW_HTML},
        {"a browser", "", "text/html,application/xhtml+xml,*/*;q=0.8", VIEW_HTML},
        {"a program", "", "application/json", VIEW_JSON},
        {"a program that takes all", "", "application/json, */*", VIEW_JSON},
        {"text", "", "text/plain", VIEW_TEXT},
        {"weights", "", "text/html;q=0.1, text/plain;q=0.2", VIEW_TEXT},
        {"the query goes first", "format=text", "application/json", VIEW_TEXT},
        {"the query of a browser", "format=json", "text/html,*/*;q=0.8", VIEW_JSON},
        {"an unknown word", "format=xml", "application/json", VIEW_JSON},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        row_assert_number(rows[i].name, choose(rows[i].query, rows[i].accept), rows[i].format);
}

static void test_words(void **state) {
    (void)state;
    static const char *const types[] = {"text/html; charset=utf-8", "application/json",
                                        "text/plain; charset=utf-8"};
    char query[64];
    for (unsigned i = 0; i < VIEW_FORMATS; i++) {
        struct slice word = view_format_word((enum view_format)i);
        row_assert_slice(types[i], view_content_type((enum view_format)i), slice_of_text(types[i]));
        (void)snprintf(query, sizeof query, "format=%.*s", (int)word.len, word.ptr);
        row_assert_number(query, parse(query).format, i);
    }
    for (unsigned i = 0; i < VIEW_SORTS; i++) {
        struct slice word = view_sort_word((enum view_sort)i);
        (void)snprintf(query, sizeof query, "sort=%.*s", (int)word.len, word.ptr);
        row_assert_number(query, parse(query).sort, i);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_choose_format),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
