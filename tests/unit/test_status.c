#include "http/status.h"

#include "support/guard.h"
#include "support/row.h"

#include <stdio.h>
#include <string.h>

static bool contains(struct slice text, const char *part) {
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

/* The lines as they are to be on the wire, from the RFC and not from status.def. */
static void test_rfc9110_15_lines(void **state) {
    (void)state;
    static const struct {
        const char *line;
        unsigned code;
        enum status status;
    } rows[] = {
        {"HTTP/1.1 100 Continue\r\n", 100, STATUS_CONTINUE},
        {"HTTP/1.1 200 OK\r\n", 200, STATUS_OK},
        {"HTTP/1.1 204 No Content\r\n", 204, STATUS_NO_CONTENT},
        {"HTTP/1.1 301 Moved Permanently\r\n", 301, STATUS_MOVED_PERMANENTLY},
        {"HTTP/1.1 302 Found\r\n", 302, STATUS_FOUND},
        {"HTTP/1.1 303 See Other\r\n", 303, STATUS_SEE_OTHER},
        {"HTTP/1.1 304 Not Modified\r\n", 304, STATUS_NOT_MODIFIED},
        {"HTTP/1.1 307 Temporary Redirect\r\n", 307, STATUS_TEMPORARY_REDIRECT},
        {"HTTP/1.1 308 Permanent Redirect\r\n", 308, STATUS_PERMANENT_REDIRECT},
        {"HTTP/1.1 400 Bad Request\r\n", 400, STATUS_BAD_REQUEST},
        {"HTTP/1.1 403 Forbidden\r\n", 403, STATUS_FORBIDDEN},
        {"HTTP/1.1 404 Not Found\r\n", 404, STATUS_NOT_FOUND},
        {"HTTP/1.1 405 Method Not Allowed\r\n", 405, STATUS_METHOD_NOT_ALLOWED},
        {"HTTP/1.1 408 Request Timeout\r\n", 408, STATUS_REQUEST_TIMEOUT},
        {"HTTP/1.1 412 Precondition Failed\r\n", 412, STATUS_PRECONDITION_FAILED},
        {"HTTP/1.1 413 Content Too Large\r\n", 413, STATUS_CONTENT_TOO_LARGE},
        {"HTTP/1.1 414 URI Too Long\r\n", 414, STATUS_URI_TOO_LONG},
        {"HTTP/1.1 417 Expectation Failed\r\n", 417, STATUS_EXPECTATION_FAILED},
        {"HTTP/1.1 431 Request Header Fields Too Large\r\n", 431, STATUS_FIELDS_TOO_LARGE},
        {"HTTP/1.1 500 Internal Server Error\r\n", 500, STATUS_INTERNAL_ERROR},
        {"HTTP/1.1 501 Not Implemented\r\n", 501, STATUS_NOT_IMPLEMENTED},
        {"HTTP/1.1 503 Service Unavailable\r\n", 503, STATUS_UNAVAILABLE},
        {"HTTP/1.1 505 HTTP Version Not Supported\r\n", 505, STATUS_VERSION_NOT_SUPPORTED},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        row_assert_slice(rows[i].line, status_line(rows[i].status), slice_of_text(rows[i].line));
        row_assert_number(rows[i].line, status_code(rows[i].status), rows[i].code);
    }
}

/* Whatever rows there are: the line holds the code. */
static void test_rfc9112_4_every_line(void **state) {
    (void)state;
    for (unsigned i = 0; i < STATUS_COUNT; i++) {
        const enum status status = (enum status)i;
        const struct slice line = status_line(status);
        char start[32];
        (void)snprintf(start, sizeof start, "HTTP/1.1 %03u ", status_code(status));
        row_assert(start, slice_starts_with(line, slice_of_text(start)));
        row_assert(start, line.len > strlen(start) + 2);
        row_assert_number(start, slice_find(line, '\r'), line.len - 2);
        row_assert_number(start, slice_find(line, '\n'), line.len - 1);
    }
}

/* Each page names its status twice, says something, and closes what it opens. */
static void test_pages(void **state) {
    (void)state;
    for (unsigned i = 0; i < STATUS_COUNT; i++) {
        const enum status status = (enum status)i;
        const struct slice line = status_line(status);
        char memory[2048];
        char part[128];
        struct buf buf = BUF_INIT(memory, sizeof memory);
        if (status_code(status) < 400)
            continue;
        status_page(&buf, status);
        struct slice page = buf_slice(&buf);
        struct slice title = slice_after(line, sizeof "HTTP/1.1 " - 1);
        int title_len = (int)title.len - (int)(sizeof "\r\n" - 1);
        (void)snprintf(part, sizeof part, "<title>%.*s</title>", title_len, title.ptr);
        row_assert(part, !buf.overflow);
        row_assert(part, contains(page, part));
        (void)snprintf(part, sizeof part, "<h1>%.*s</h1>", title_len, title.ptr);
        row_assert(part, contains(page, part));
        row_assert(part, slice_starts_with(page, SLICE("<!DOCTYPE html>\n")));
        row_assert(part, !contains(page, "<p></p>"));
        row_assert(part, contains(page, "</p>\n</html>\n"));
    }
}

static void test_rfc9110_15_6_6_page_names_the_versions(void **state) {
    (void)state;
    char memory[2048];
    struct buf buf = BUF_INIT(memory, sizeof memory);
    status_page(&buf, STATUS_VERSION_NOT_SUPPORTED);
    assert_true(contains(buf_slice(&buf), "HTTP/1.0"));
    assert_true(contains(buf_slice(&buf), "HTTP/1.1"));
}

static void test_page_that_does_not_fit(void **state) {
    (void)state;
    char memory[2048];
    struct buf whole = BUF_INIT(memory, sizeof memory);
    status_page(&whole, STATUS_NOT_FOUND);
    for (size_t capacity = 0; capacity < whole.len; capacity++) {
        char *room = guard_room(capacity);
        struct buf buf = BUF_INIT(room, capacity);
        status_page(&buf, STATUS_NOT_FOUND);
        row_assert(row_at("capacity", capacity), buf.overflow);
        guard_free(room, capacity);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc9110_15_lines),
        cmocka_unit_test(test_rfc9112_4_every_line),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_rfc9110_15_6_6_page_names_the_versions),
        cmocka_unit_test(test_page_that_does_not_fit),
    };
    return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
