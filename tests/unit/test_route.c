#include "serve/route.h"

#include "support/guard.h"
#include "support/row.h"

#include <stdio.h>

enum { MAX_HEAD = 16384 };

#define BROWSER "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
#define PROGRAM "Accept: application/json, text/plain, */*\r\n"

static enum route_outcome find(const char *row, const char *path, const char *fields) {
    char text[256];
    struct request request;
    int len = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);
    row_assert(row, len > 0 && (size_t)len < sizeof text);
    row_assert_number(row, request_parse(slice_of(text, (size_t)len), MAX_HEAD, &request),
                      REQUEST_WHOLE);
    char *copy = guard_copy(slice_of_text(path));
    enum route_outcome outcome = route_find(&request, slice_of(copy, strlen(path)));
    guard_free(copy, strlen(path));
    return outcome;
}

static void test_routes(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *path;
        const char *fields;
        enum route_outcome outcome;
    } rows[] = {
        {"one segment", "settings", BROWSER, ROUTE_PAGE},
        {"several segments", "users/12/edit", BROWSER, ROUTE_PAGE},
        {"root", "", BROWSER, ROUTE_PAGE},
        {"a dot before the last segment", "v1.2/changes", BROWSER, ROUTE_PAGE},
        {"a name that is not ASCII", "caf\xc3\xa9", BROWSER, ROUTE_PAGE},
        {"file", "app.js", BROWSER, ROUTE_NONE},
        {"file in a directory", "static/app.js", BROWSER, ROUTE_NONE},
        {"dot at the end", "users/joe.", BROWSER, ROUTE_NONE},
        {"dotfile", ".env", BROWSER, ROUTE_NONE},
        {"file in a dot directory", ".git/config", BROWSER, ROUTE_NONE},
        {"dot directory in a directory", "a/.git/config", BROWSER, ROUTE_NONE},
        {"rfc8615-3 well-known", ".well-known/change-password", BROWSER, ROUTE_NONE},
        {"a program", "users/12", PROGRAM, ROUTE_OTHER},
        {"a program asks for a file", "users.json", PROGRAM, ROUTE_NONE},
        {"no Accept", "settings", "", ROUTE_PAGE},
        {"any type", "settings", "Accept: */*\r\n", ROUTE_PAGE},
        {"an image", "avatar/12", "Accept: image/avif,image/webp,*/*;q=0.8\r\n", ROUTE_OTHER},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        row_assert_number(rows[i].name, find(rows[i].name, rows[i].path, rows[i].fields),
                          rows[i].outcome);
}

static void test_error_pages(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum status status;
        struct slice target;
    } rows[] = {
        {"200", STATUS_OK, SLICE_INIT("")},
        {"301", STATUS_MOVED_PERMANENTLY, SLICE_INIT("")},
        {"400", STATUS_BAD_REQUEST, SLICE_INIT("")},
        {"403", STATUS_FORBIDDEN, SLICE_INIT("/403.html")},
        {"403 without an index", STATUS_NO_INDEX, SLICE_INIT("/403.html")},
        {"403 for an archive", STATUS_TOO_LARGE_TO_ARCHIVE, SLICE_INIT("/403.html")},
        {"404", STATUS_NOT_FOUND, SLICE_INIT("/404.html")},
        {"405", STATUS_METHOD_NOT_ALLOWED, SLICE_INIT("")},
        {"406", STATUS_NOT_ACCEPTABLE, SLICE_INIT("")},
        {"412", STATUS_PRECONDITION_FAILED, SLICE_INIT("")},
        {"416", STATUS_RANGE_NOT_SATISFIABLE, SLICE_INIT("")},
        {"500", STATUS_INTERNAL_ERROR, SLICE_INIT("/50x.html")},
        {"501", STATUS_NOT_IMPLEMENTED, SLICE_INIT("")},
        {"503", STATUS_UNAVAILABLE, SLICE_INIT("/50x.html")},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        bool has_none = rows[i].target.len == 0;
        row_assert_slice(rows[i].name, route_error_page(rows[i].status),
                         has_none ? SLICE_NONE : rows[i].target);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_error_pages),
    };
    return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
