#include "serve/exchange.h"

#include "support/content.h"
#include "support/no_memory.h"
#include "support/stage.h"
#include "support/still.h"

#include <string.h>
#include <time.h>

#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

/* errno of the next openat2(); 0: none. */
static int open_error;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, int fd, const char *path, const void *how, size_t size);

long __wrap_syscall(long number, int fd, const char *path, const void *how, size_t size) {
    if (open_error == 0)
        return __real_syscall(number, fd, path, how, size);
    errno = open_error;
    return -1;
}

static struct stage stage;
static struct visitor visitor;

static int setup(void **state) {
    (void)state;
    open_error = 0;
    out_of_memory = false;
    stage_open(&stage);
    stage_invite(&stage, &visitor);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    visitor_leave(&visitor);
    stage_close(&stage);
    return 0;
}

static void assert_starts(const char *row, const char *text) {
    row_assert_slice(
        row, slice_of(visitor.bytes, visitor.len < strlen(text) ? visitor.len : strlen(text)),
        slice_of_text(text));
}

static const char *content(void) {
    const char *end = strstr(visitor.bytes, "\r\n\r\n");
    row_assert("a whole head", end != NULL);
    return end + 4;
}

static size_t content_len(void) {
    return visitor.len - (size_t)(content() - visitor.bytes);
}

/* The head of what was received last contains the line. */
static bool has_line(const char *line) {
    const char *at = strstr(visitor.bytes, line);
    return at != NULL && at < content();
}

static void ask_anew(const char *text) {
    visitor_forget(&visitor);
    stage_ask(&stage, &visitor, text);
}

static void test_file(void **state) {
    (void)state;
    ask_anew("GET /small HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_starts("GET", "HTTP/1.1 200 OK\r\n" DATE "Server: pronto\r\nContent-Type: ");
    assert_true(has_line("\r\nContent-Length: 100\r\n"));
    assert_false(has_line("Connection"));
    assert_int_equal(content_len(), STAGE_SMALL);
    content_assert(1, 0, content(), STAGE_SMALL);
    ask_anew("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(content_len(), STAGE_BIG);
    content_assert(3, 0, content(), STAGE_BIG);
}

/* The head of HEAD is that of GET, and nothing follows it (RFC 9110 §9.3.2). */
static void test_rfc9110_9_3_2_head(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *path;
        const char *fields;
    } rows[] = {
        {"file", "/big", ""},
        {"nothing", "/nothing", ""},
        {"redirect", "/directory", ""},
        {"listing", "/directory/", ""},
        {"listing as text", "/directory/?format=text", "Accept: x/y\r\n"},
        {"archive", "/directory/?archive=tar", ""},
        {"archive, not modified", "/directory/?archive=tar", "If-None-Match: *\r\n"},
        {"expectation", "/small", "Expect: tea\r\n"},
        {"precondition", "/small", "If-Match: \"x\"\r\n"},
        {"not modified", "/small", "If-None-Match: *\r\n"},
        {"not modified, and a range", "/small", "If-None-Match: *\r\nRange: bytes=0-0\r\n"},
        {"bad target", "/%zz", ""},
        {"bad framing", "/", "Content-Length: x\r\n"},
        {"content too large", "/", "Content-Length: 99999999\r\n"},
        {"bad chunk", "/", "Transfer-Encoding: chunked\r\n\r\nx"},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        static char head[4096];
        char text[256];
        (void)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n", rows[i].path,
                       rows[i].fields);
        visitor_leave(&visitor);
        stage_invite(&stage, &visitor);
        ask_anew(text);
        size_t head_len = visitor.len - content_len();
        row_assert(rows[i].name, head_len > 0 && head_len < sizeof head);
        memcpy(head, visitor.bytes, head_len);
        (void)snprintf(text, sizeof text, "HEAD %s HTTP/1.1\r\nHost: a\r\n%s\r\n", rows[i].path,
                       rows[i].fields);
        visitor_leave(&visitor);
        stage_invite(&stage, &visitor);
        ask_anew(text);
        row_assert_slice(rows[i].name, slice_of(visitor.bytes, visitor.len),
                         slice_of(head, head_len));
    }
}

static void test_errors_have_a_page(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        const char *start;
        const char *line;
        int open_error;
    } rows[] = {
        {"404", "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 ", "\r\n", 0},
        {"403", "GET /directory/ HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 403 ", "\r\n", 0},
        {"rfc9110-15.5.6 405", "POST / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 ",
         "\r\nAllow: GET, HEAD, OPTIONS\r\n", 0},
        {"501", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 501 ", "\r\n", 0},
        {"301", "GET /directory?q HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 301 ",
         "\r\nLocation: /directory/?q\r\n", 0},
        {"503", "GET /small HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 503 ", "\r\n", EMFILE},
        {"500", "GET /small HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 500 ", "\r\n", EIO},
    };
    stage.server.listing = false;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char length[64];
        open_error = rows[i].open_error;
        ask_anew(rows[i].text);
        open_error = 0;
        assert_starts(rows[i].name, rows[i].start);
        (void)snprintf(length, sizeof length, "\r\nContent-Length: %zu\r\n", content_len());
        row_assert(rows[i].name, has_line(length) && has_line(rows[i].line));
        row_assert(rows[i].name, has_line("\r\nContent-Type: text/html; charset=utf-8\r\n"));
        row_assert(rows[i].name, !has_line("Connection: close") && !visitor.ended);
        row_assert(rows[i].name,
                   strstr(content(), rows[i].name + strlen(rows[i].name) - 3) != NULL);
    }
}

static void test_no_memory_for_the_file(void **state) {
    (void)state;
    out_of_memory = true;
    ask_anew("GET /small HTTP/1.1\r\nHost: a\r\n\r\n");
    out_of_memory = false;
    assert_starts("503", "HTTP/1.1 503 ");
    assert_false(visitor.ended);
}

static void test_rfc9110_15_4_5_not_modified(void **state) {
    (void)state;
    ask_anew("GET /small HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n");
    assert_starts("304", "HTTP/1.1 304 Not Modified\r\n" DATE);
    assert_true(has_line("\r\nETag: \"") && has_line("\r\nLast-Modified: "));
    assert_false(has_line("Content-Length") || has_line("Content-Type"));
    assert_int_equal(content_len(), 0);
}

static void test_rfc9110_15_3_7_one_range(void **state) {
    (void)state;
    ask_anew("GET /big HTTP/1.1\r\nHost: a\r\nRange: bytes=7-16\r\n\r\n");
    assert_starts("206", "HTTP/1.1 206 Partial Content\r\n" DATE);
    assert_true(has_line("\r\nContent-Range: bytes 7-16/33068\r\nAccept-Ranges: bytes\r\n"));
    assert_true(has_line("\r\nContent-Length: 10\r\n"));
    assert_int_equal(content_len(), 10);
    content_assert(3, 7, content(), 10);
}

static void test_rfc9110_15_3_7_2_several_ranges(void **state) {
    (void)state;
    char want[512];
    char boundary[MULTIPART_BOUNDARY_LEN + 1];
    ask_anew("GET /middle HTTP/1.1\r\nHost: a\r\nRange: bytes=0-0,-1\r\n\r\n");
    assert_starts("206", "HTTP/1.1 206 Partial Content\r\n" DATE);
    assert_false(has_line("\r\nContent-Range: "));
    (void)snprintf(boundary, sizeof boundary, "%.*s", MULTIPART_BOUNDARY_LEN,
                   stage.server.boundary);
    assert_int_equal(strspn(boundary, "0123456789abcdef"), MULTIPART_BOUNDARY_LEN);
    (void)snprintf(want, sizeof want, "\r\nContent-Type: multipart/byteranges; boundary=%s\r\n",
                   boundary);
    assert_true(has_line(want));
    char bytes[2];
    content_fill(2, 0, bytes, 1);
    content_fill(2, STAGE_MIDDLE - 1, bytes + 1, 1);
    int len = snprintf(want, sizeof want,
                       "--%s\r\nContent-Type: application/octet-stream\r\n"
                       "Content-Range: bytes 0-0/5000\r\n\r\n%c\r\n"
                       "--%s\r\nContent-Type: application/octet-stream\r\n"
                       "Content-Range: bytes 4999-4999/5000\r\n\r\n%c\r\n--%s--\r\n",
                       boundary, bytes[0], boundary, bytes[1], boundary);
    row_assert_slice("parts", slice_of(content(), content_len()), slice_of(want, (size_t)len));
    (void)snprintf(want, sizeof want, "\r\nContent-Length: %d\r\n", len);
    assert_true(has_line(want));
}

static void test_rfc9110_15_5_17_unsatisfiable(void **state) {
    (void)state;
    ask_anew("GET /small HTTP/1.1\r\nHost: a\r\nRange: bytes=100-\r\n\r\n");
    assert_starts("416", "HTTP/1.1 416 Range Not Satisfiable\r\n" DATE);
    assert_true(has_line("\r\nContent-Range: bytes */100\r\n"));
    assert_true(has_line("\r\nContent-Type: text/html; charset=utf-8\r\n"));
    assert_false(has_line("ETag") || has_line("Last-Modified") || visitor.ended);
}

/* RFC 9110 §14.2: HEAD answers as if there were no Range. */
static void test_rfc9110_14_2_head(void **state) {
    (void)state;
    static const char *const ranges[] = {"0-0", "0-0,-1", "100-"};
    for (size_t i = 0; i < ROWS_COUNT(ranges); i++) {
        char text[256];
        (void)snprintf(text, sizeof text,
                       "HEAD /small HTTP/1.1\r\nHost: a\r\nRange: bytes=%s\r\n\r\n", ranges[i]);
        ask_anew(text);
        assert_starts(ranges[i], "HTTP/1.1 200 OK\r\n");
        row_assert(ranges[i], has_line("\r\nContent-Length: 100\r\n"));
        row_assert(ranges[i], !has_line("\r\nContent-Range: "));
        row_assert_number(ranges[i], content_len(), 0);
    }
}

/* Every digit of a boundary is random: of many, no place has the same in all. */
static void test_boundaries_differ(void **state) {
    (void)state;
    enum { SERVERS = 40 };
    bool varies[MULTIPART_BOUNDARY_LEN] = {false};
    for (int i = 0; i < SERVERS; i++) {
        struct server other;
        struct err err = ERR_INIT;
        assert_int_equal(server_init(&other, &stage.loop, &stage.roots, &stage.options, &err), 0);
        for (size_t at = 0; at < MULTIPART_BOUNDARY_LEN; at++)
            varies[at] |= other.boundary[at] != stage.server.boundary[at];
        server_deinit(&other);
    }
    for (size_t at = 0; at < MULTIPART_BOUNDARY_LEN; at++)
        row_assert(row_at("boundary", at), varies[at]);
}

static void test_rfc9110_9_3_7_options(void **state) {
    (void)state;
    ask_anew("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_string_equal(visitor.bytes, "HTTP/1.1 204 No Content\r\n" DATE
                                       "Server: pronto\r\nAllow: GET, HEAD, OPTIONS\r\n\r\n");
}

/* What the answer says about the connection, and what then happens to it. */
static void test_rfc9112_9_3_persistence(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        bool draining;
        const char *line; /* NULL: nothing is said */
        bool closes;
    } rows[] = {
        {"1.1", "GET /small HTTP/1.1\r\nHost: a\r\n\r\n", false, NULL, false},
        {"1.1 with close", "GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false,
         "\r\nConnection: close\r\n", true},
        {"1.0", "GET /small HTTP/1.0\r\n\r\n", false, "\r\nConnection: close\r\n", true},
        {"1.0 with keep-alive", "GET /small HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false,
         "\r\nConnection: keep-alive\r\n", false},
        {"draining", "GET /small HTTP/1.1\r\nHost: a\r\n\r\n", true, "\r\nConnection: close\r\n",
         true},
        {"draining, 1.0", "GET /small HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true,
         "\r\nConnection: close\r\n", true},
        {"bad target", "GET /../x HTTP/1.1\r\nHost: a\r\n\r\n", false, "\r\nConnection: close\r\n",
         true},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        visitor_leave(&visitor);
        stage_invite(&stage, &visitor);
        stage.server.draining = rows[i].draining;
        ask_anew(rows[i].text);
        row_assert_number(rows[i].name, has_line("Connection:"), rows[i].line != NULL);
        row_assert(rows[i].name, rows[i].line == NULL || has_line(rows[i].line));
        row_assert_number(rows[i].name, visitor.ended, rows[i].closes);
    }
}

#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define GET  "GET /small HTTP/1.1\r\nHost: a\r\n"

/* A client that waits for a 100 before it sends the content. */
static void test_rfc9110_10_1_1_expect(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *head;
        const char *content;
        const char *first;  /* what is answered to the head */
        const char *second; /* to the content; NULL: the connection is closed before */
    } rows[] = {
        {"wanted", GET "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", "01234",
         "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 "},
        {"wanted, chunked", GET "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
         "0\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 "},
        {"the content comes along", GET "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n0",
         "1234", "", "HTTP/1.1 200 "},
        {"no content", GET "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n", "", "HTTP/1.1 200 ",
         ""},
        {"no length", GET "Expect: 100-continue\r\n\r\n", "", "HTTP/1.1 200 ", ""},
        {"rfc9110-10.1.1 HTTP/1.0",
         "GET /small HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n"
         "Content-Length: 5\r\n\r\n",
         "01234", "", "HTTP/1.1 200 "},
        {"not wanted", POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", "",
         "HTTP/1.1 405 ", NULL},
        {"too large", GET "Expect: 100-continue\r\nContent-Length: 1048577\r\n\r\n", "",
         "HTTP/1.1 413 ", NULL},
        {"too large and not wanted", POST "Expect: 100-continue\r\nContent-Length: 1048577\r\n\r\n",
         "", "HTTP/1.1 405 ", NULL},
        {"another expectation", GET "Expect: tea\r\nContent-Length: 5\r\n\r\n0", "1234", "",
         "HTTP/1.1 417 "},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        visitor_leave(&visitor);
        stage_invite(&stage, &visitor);
        ask_anew(rows[i].head);
        assert_starts(rows[i].name, rows[i].first);
        if (rows[i].first[0] == '\0' || strstr(rows[i].first, "100 ") != NULL)
            row_assert_number(rows[i].name, visitor.len, strlen(rows[i].first));
        row_assert_number(rows[i].name, visitor.ended, rows[i].second == NULL);
        if (rows[i].second != NULL) {
            ask_anew(rows[i].content);
            assert_starts(rows[i].name, rows[i].second);
            row_assert(rows[i].name, !visitor.ended);
        }
    }
}

static void test_content_up_to_the_limit(void **state) {
    (void)state;
    static char text[2000];
    stage.server.max_body = 1000;
    int len = snprintf(text, sizeof text, GET "Content-Length: 1000\r\n\r\n%01000d", 0);
    assert_true(len > 0 && (size_t)len < sizeof text);
    ask_anew(text);
    assert_starts("1000 bytes", "HTTP/1.1 200 ");
    assert_false(visitor.ended);
    ask_anew(GET "Content-Length: 1001\r\n\r\n");
    assert_starts("1001 bytes", "HTTP/1.1 413 ");
    assert_true(has_line("\r\nConnection: close\r\n"));
    assert_true(visitor.ended);
}

/* A redirect to the longest target of which each byte becomes three fits into what is kept free for
 * a response. */
static void test_the_largest_response_fits(void **state) {
    (void)state;
    enum { SEGMENT = 250, SEGMENTS = 15 };
    static char path[SEGMENT * SEGMENTS + SEGMENTS];
    static char text[REQUEST_TARGET_MAX + 64];
    static char target[REQUEST_TARGET_MAX + 1];
    memset(path, '"', sizeof path - 1);
    for (size_t i = SEGMENT; i < sizeof path - 1; i += SEGMENT + 1)
        path[i] = '/';
    tree_directory(&stage.tree, path);
    /* The rest of it is query, which is sent back as it is. */
    memset(target, 'q', sizeof target - 1);
    memcpy(target, "/", 1);
    memcpy(target + 1, path, sizeof path - 1);
    target[sizeof path] = '?';
    (void)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
    for (int i = 0; i < 5; i++)
        ask_anew(text);
    assert_starts("redirect", "HTTP/1.1 301 ");
    assert_int_equal(visitor_count(&visitor, "%22"), SEGMENT * SEGMENTS);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_file),
        test(test_rfc9110_9_3_2_head),
        test(test_errors_have_a_page),
        test(test_no_memory_for_the_file),
        test(test_rfc9110_15_4_5_not_modified),
        test(test_rfc9110_15_3_7_one_range),
        test(test_rfc9110_15_3_7_2_several_ranges),
        test(test_rfc9110_15_5_17_unsatisfiable),
        test(test_rfc9110_14_2_head),
        test(test_boundaries_differ),
        test(test_rfc9110_9_3_7_options),
        test(test_rfc9112_9_3_persistence),
        test(test_rfc9110_10_1_1_expect),
        test(test_content_up_to_the_limit),
        test(test_the_largest_response_fits),
    };
    return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
