/* What is said of a listing and of an archive, and which parts of an archive are sent. */
#include "serve/folder.h"

#include "support/stage.h"
#include "support/still.h"

#include <stdlib.h>
#include <string.h>

#define DATE   "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define SERVER "Server: pronto\r\n"
#define HOST   " HTTP/1.1\r\nHost: a\r\n"

enum { LARGE = 40000, DEEP = 70 };

/* Calls of openat2() so far, and which one is to fail, and how; 0: none. */
static unsigned opens;
static unsigned open_that_fails;
static int open_error;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, int fd, const char *path, const void *how, size_t size);

long __wrap_syscall(long number, int fd, const char *path, const void *how, size_t size) {
    if (++opens != open_that_fails)
        return __real_syscall(number, fd, path, how, size);
    errno = open_error;
    return -1;
}

static struct stage stage;
static struct visitor visitor;
static struct visitor whole;

static int setup(void **state) {
    (void)state;
    open_that_fails = 0;
    stage_open(&stage);
    tree_file(&stage.tree, "tree/large", 4, LARGE);
    tree_text(&stage.tree, "tree/small", "small");
    tree_directory(&stage.tree, "tree/empty");
    visitor.fd = -1;
    whole.fd = -1;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    visitor_leave(&visitor);
    visitor_leave(&whole);
    stage_close(&stage);
    return 0;
}

/* Asks on a connection of its own. */
__attribute__((format(printf, 2, 3))) static void ask(struct visitor *guest, const char *format,
                                                      ...) {
    char text[2048];
    va_list more;
    va_start(more, format);
    int len = vsnprintf(text, sizeof text, format, more);
    va_end(more);
    assert_in_range(len, 1, sizeof text - 1);
    visitor_leave(guest);
    stage_invite(&stage, guest);
    stage_ask(&stage, guest, text);
}

static size_t head_len(const struct visitor *guest) {
    const char *end = strstr(guest->bytes, "\r\n\r\n");
    row_assert("a whole head", end != NULL);
    return (size_t)(end - guest->bytes) + 4;
}

static struct slice head(const struct visitor *guest) {
    return slice_of(guest->bytes, head_len(guest));
}

static struct slice content(const struct visitor *guest) {
    return slice_after(slice_of(guest->bytes, guest->len), head_len(guest));
}

/* The value of a field of the head; SLICE_NONE: it is not there. */
static struct slice field(const struct visitor *guest, const char *name) {
    char start[64];
    struct slice of = head(guest);
    (void)snprintf(start, sizeof start, "\r\n%s: ", name);
    const char *at = memmem(of.ptr, of.len, start, strlen(start));
    if (at == NULL)
        return SLICE_NONE;
    at += strlen(start);
    return slice_of(at, (size_t)(strstr(at, "\r\n") - at));
}

static void assert_status(const char *row, const struct visitor *guest, int status) {
    char start[32];
    (void)snprintf(start, sizeof start, "HTTP/1.1 %d ", status);
    row_assert_slice(row, slice_of(guest->bytes, strlen(start)), slice_of_text(start));
}

/* Takes the chunked coding off. */
static struct slice unchunked(const char *row, struct slice chunks) {
    static char bytes[sizeof visitor.bytes];
    struct buf buf = BUF_INIT(bytes, sizeof bytes);
    for (;;) {
        char *end;
        unsigned long len = strtoul(chunks.ptr, &end, 16);
        row_assert(row, end != chunks.ptr && memcmp(end, "\r\n", 2) == 0);
        chunks = slice_after(chunks, (size_t)(end - chunks.ptr) + 2);
        row_assert(row, chunks.len >= len + 2);
        buf_put(&buf, slice_of(chunks.ptr, len));
        row_assert(row, memcmp(chunks.ptr + len, "\r\n", 2) == 0);
        chunks = slice_after(chunks, len + 2);
        if (len == 0)
            break;
    }
    row_assert_number(row, chunks.len, 0);
    return buf_slice(&buf);
}

static void test_rfc9112_7_1_the_head_of_a_listing(void **state) {
    (void)state;
    ask(&visitor, "GET /tree/?format=text" HOST "\r\n");
    row_assert_slice("1.1", head(&visitor),
                     SLICE("HTTP/1.1 200 OK\r\n" DATE SERVER
                           "Content-Type: text/plain; charset=utf-8\r\n"
                           "X-Content-Type-Options: nosniff\r\nCache-Control: no-cache\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n"));
    assert_false(visitor.ended);
    struct slice text = unchunked("1.1", content(&visitor));
    assert_non_null(memmem(text.ptr, text.len, "  large\n", 8));
    ask(&whole, "GET /tree/?format=text HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    row_assert_slice("1.0", head(&whole),
                     SLICE("HTTP/1.1 200 OK\r\n" DATE SERVER "Connection: close\r\n"
                           "Content-Type: text/plain; charset=utf-8\r\n"
                           "X-Content-Type-Options: nosniff\r\nCache-Control: no-cache\r\n\r\n"));
    row_assert_slice("1.0", content(&whole), text);
    assert_true(whole.ended);
}

/* The head of HEAD is that of GET, also where the connection would have been the end of it. */
static void test_rfc9110_9_3_2_head(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *rest; /* of the request, behind its method */
        bool ends;
    } rows[] = {
        {"a page", " /tree/" HOST "\r\n", false},
        {"JSON", " /tree/?format=json" HOST "\r\n", false},
        {"1.0", " /tree/ HTTP/1.0\r\n\r\n", true},
        {"1.0, and to be kept", " /tree/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
        {"an archive", " /tree/?archive=tar" HOST "\r\n", false},
        {"an archive in 1.0, and to be kept",
         " /tree/?archive=tar HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false},
        {"not modified", " /tree/?archive=tar" HOST "If-None-Match: *\r\n\r\n", false},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        ask(&whole, "GET%s", rows[i].rest);
        ask(&visitor, "HEAD%s", rows[i].rest);
        row_assert_slice(rows[i].name, head(&visitor), head(&whole));
        row_assert_number(rows[i].name, content(&visitor).len, 0);
        row_assert_number(rows[i].name, visitor.ended, rows[i].ends);
        row_assert_number(rows[i].name, whole.ended, rows[i].ends);
        row_assert_number(rows[i].name, stage.server.deliveries, 0);
    }
}

/* Vary is said where another Accept could have got another answer, and the policy with what can
 * contain a script. */
static void test_rfc9110_12_5_1_formats(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *query;
        const char *fields;
        const char *type;
        bool vary;
        bool policy;
    } rows[] = {
        {"nothing is said", "", "", "text/html; charset=utf-8", true, true},
        {"JSON is liked best", "", "Accept: application/json, text/html;q=0.9\r\n",
         "application/json", true, false},
        {"text", "", "Accept: text/plain\r\n", "text/plain; charset=utf-8", true, false},
        {"nothing that there is", "", "Accept: image/png\r\n", "text/html; charset=utf-8", true,
         true},
        {"other words", "?sort=size&format=xml", "Accept: text/plain\r\n",
         "text/plain; charset=utf-8", true, false},
        {"HTML is asked for", "?format=html", "Accept: text/plain\r\n", "text/html; charset=utf-8",
         false, true},
        {"JSON is asked for", "?format=json", "", "application/json", false, false},
        {"text is asked for", "?format=text", "Accept: text/html\r\n", "text/plain; charset=utf-8",
         false, false},
        {"an archive", "?archive=tar&format=html", "Accept: text/html\r\n", "application/x-tar",
         false, false},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        ask(&visitor, "GET /tree/%s" HOST "%s\r\n", rows[i].query, rows[i].fields);
        assert_status(rows[i].name, &visitor, 200);
        row_assert_slice(rows[i].name, field(&visitor, "Content-Type"),
                         slice_of_text(rows[i].type));
        row_assert_slice(rows[i].name, field(&visitor, "Vary"),
                         rows[i].vary ? SLICE("Accept") : SLICE_NONE);
        row_assert_number(rows[i].name, field(&visitor, "Content-Security-Policy").ptr != NULL,
                          rows[i].policy);
    }
}

/* A listing has no validators, so that only the answer to "whatever it is" is a 304. */
static void test_rfc9110_13_1_preconditions_of_a_listing(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *fields;
        int status;
    } rows[] = {
        {"If-Match", "If-Match: \"x\"\r\n", 412},
        {"If-Match, any", "If-Match: *\r\n", 200},
        {"If-None-Match", "If-None-Match: \"x\"\r\n", 200},
        {"If-None-Match, any", "If-None-Match: *\r\n", 304},
        {"If-Modified-Since", "If-Modified-Since: Sun, 06 Nov 2050 08:49:37 GMT\r\n", 200},
        {"Range", "Range: bytes=0-1\r\n", 200},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        ask(&visitor, "GET /tree/?format=text" HOST "%s\r\n", rows[i].fields);
        assert_status(rows[i].name, &visitor, rows[i].status);
        row_assert(rows[i].name, field(&visitor, "ETag").ptr == NULL);
        row_assert(rows[i].name, field(&visitor, "Accept-Ranges").ptr == NULL);
        row_assert_number(rows[i].name, stage.server.deliveries, 0);
    }
}

static void test_the_head_of_an_archive(void **state) {
    (void)state;
    char want[512];
    ask(&visitor, "GET /tree/?archive=tar" HOST "\r\n");
    struct slice tag = field(&visitor, "ETag");
    (void)snprintf(want, sizeof want,
                   "HTTP/1.1 200 OK\r\n" DATE SERVER
                   "Content-Disposition: attachment; filename=\"tree.tar\"; "
                   "filename*=UTF-8''tree.tar\r\n"
                   "Content-Type: application/x-tar\r\nContent-Length: %zu\r\n"
                   "X-Content-Type-Options: nosniff\r\nAccept-Ranges: bytes\r\nETag: %.*s\r\n"
                   "Cache-Control: no-cache\r\n\r\n",
                   content(&visitor).len, (int)tag.len, tag.ptr);
    row_assert_slice("head", head(&visitor), slice_of_text(want));
    assert_true(tag.len > 4 && tag.ptr[0] == '"' && tag.ptr[tag.len - 1] == '"');
    assert_int_equal(content(&visitor).len % 512, 0);
    assert_in_range(content(&visitor).len, LARGE + 5 * 512, LARGE + 20 * 512);
    assert_false(visitor.ended);
}

/* RFC 8187 §3.2.1: whatever the name is, it neither ends its field nor names a directory. */
static void test_rfc8187_3_2_1_names_of_archives(void **state) {
    (void)state;
    static const struct {
        const char *name; /* of the directory */
        const char *path; /* as a target */
        const char *plain;
        const char *extended;
    } rows[] = {
        {"plain-1.0_x", "plain-1.0_x", "plain-1.0_x", "plain-1.0_x"},
        {"a/b/inner", "a/b/inner", "inner", "inner"},
        {"two words", "two%20words", "two_words", "two%20words"},
        {"quo\"te", "quo%22te", "quo_te", "quo%22te"},
        {"semi;colon, comma", "semi;colon,%20comma", "semi_colon__comma",
         "semi%3bcolon%2c%20comma"},
        {"100%", "100%25", "100_", "100%25"},
        {"apostrophe's", "apostrophe's", "apostrophe_s", "apostrophe%27s"},
        {"back\\slash", "back%5Cslash", "back_slash", "back%5cslash"},
        {"caf\xc3\xa9", "caf%C3%A9", "caf__", "caf%c3%a9"},
        {"\xff\xfe", "%FF%FE", "__", "%ff%fe"},
        {"line\r\nX: y", "line%0D%0AX:%20y", "line__X__y", "line%0d%0aX%3a%20y"},
        {"~*()!", "~*()!", "_____", "%7e%2a%28%29%21"},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char want[256];
        tree_directory(&stage.tree, rows[i].name);
        ask(&visitor, "HEAD /%s/?archive=tar" HOST "\r\n", rows[i].path);
        assert_status(rows[i].name, &visitor, 200);
        (void)snprintf(want, sizeof want,
                       "attachment; filename=\"%s.tar\"; filename*=UTF-8''%s.tar", rows[i].plain,
                       rows[i].extended);
        row_assert_slice(rows[i].name, field(&visitor, "Content-Disposition"), slice_of_text(want));
    }
    ask(&visitor, "HEAD /?archive=tar" HOST "\r\n");
    row_assert_slice("root", field(&visitor, "Content-Disposition"),
                     SLICE("attachment; filename=\"files.tar\"; filename*=UTF-8''files.tar"));
}

/* Parts are what they are in the whole, wherever they start: in a header, in a file that is sent by
 * sendfile(2), in the zeros behind it. */
static void test_rfc9110_14_ranges_of_an_archive(void **state) {
    (void)state;
    ask(&whole, "GET /tree/?archive=tar" HOST "\r\n");
    const size_t len = content(&whole).len;
    static const size_t lens[] = {1, 511, 512, 513, 20000, LARGE};
    for (size_t i = 0; i < ROWS_COUNT(lens); i++) {
        for (size_t first = 0; first < len; first += 509) {
            char want[64];
            const char *row = row_at("from", first);
            size_t last = first + lens[i] <= len ? first + lens[i] - 1 : len - 1;
            ask(&visitor, "GET /tree/?archive=tar" HOST "Range: bytes=%zu-%zu\r\n\r\n", first,
                first + lens[i] - 1);
            assert_status(row, &visitor, 206);
            (void)snprintf(want, sizeof want, "bytes %zu-%zu/%zu", first, last, len);
            row_assert_slice(row, field(&visitor, "Content-Range"), slice_of_text(want));
            row_assert_number(row, content(&visitor).len, last - first + 1);
            row_assert(row, memcmp(content(&visitor).ptr, content(&whole).ptr + first,
                                   last - first + 1) == 0);
            row_assert_slice(row, field(&visitor, "ETag"), field(&whole, "ETag"));
        }
    }
}

static void test_rfc9110_13_2_conditions_of_an_archive(void **state) {
    (void)state;
    enum { NOTHING, ALL, PART, PAGE };
    static const struct {
        const char *name;
        const char *fields; /* "%.*s" is the tag */
        int status;
        int sent;
    } rows[] = {
        {"rfc9110-13.1.2 what it has", "If-None-Match: %.*s\r\n", 304, NOTHING},
        {"rfc9110-13.1.1 what it has", "If-Match: %.*s\r\n", 200, ALL},
        {"rfc9110-13.1.5 the same", "Range: bytes=5-9\r\nIf-Range: %.*s\r\n", 206, PART},
        {"rfc9110-13.1.5 weak", "Range: bytes=5-9\r\nIf-Range: W/%.*s\r\n", 200, ALL},
        {"rfc9110-14.2 several", "X: %.*s\r\nRange: bytes=0-0,5-9\r\n", 200, ALL},
        {"rfc9110-14.2 several that are one", "X: %.*s\r\nRange: bytes=5-7,8-9\r\n", 206, PART},
        {"rfc9110-15.5.17 behind the end", "X: %.*s\r\nRange: bytes=9999999-\r\n", 416, PAGE},
    };
    ask(&whole, "GET /tree/?archive=tar" HOST "\r\n");
    struct slice tag = field(&whole, "ETag");
    struct slice all = content(&whole);
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char fields[256];
        char length[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(fields, sizeof fields, rows[i].fields, (int)tag.len, tag.ptr);
#pragma GCC diagnostic pop
        ask(&visitor, "GET /tree/?archive=tar" HOST "%s\r\n", fields);
        assert_status(rows[i].name, &visitor, rows[i].status);
        if (rows[i].sent == NOTHING)
            row_assert_number(rows[i].name, content(&visitor).len, 0);
        else if (rows[i].sent == ALL)
            row_assert_number(rows[i].name, content(&visitor).len, all.len);
        else if (rows[i].sent == PART)
            row_assert_slice(rows[i].name, content(&visitor), slice_of(all.ptr + 5, 5));
        (void)snprintf(length, sizeof length, "bytes */%zu", all.len);
        if (rows[i].status == 416)
            row_assert_slice(rows[i].name, field(&visitor, "Content-Range"), slice_of_text(length));
        row_assert_number(rows[i].name, stage.server.deliveries, 0);
    }
}

/* RFC 9110 §15.4.5: of the fields of a 200, a 304 has those that tell of what the client has. */
static void test_rfc9110_15_4_5_not_modified(void **state) {
    (void)state;
    static const char *const absent[] = {"Content-Length", "Content-Type", "Content-Disposition",
                                         "Content-Security-Policy", "Transfer-Encoding"};
    static const char *const targets[] = {"?archive=tar", ""};
    for (size_t target = 0; target < ROWS_COUNT(targets); target++) {
        ask(&visitor, "GET /tree/%s" HOST "If-None-Match: *\r\n\r\n", targets[target]);
        assert_status(targets[target], &visitor, 304);
        row_assert_slice(targets[target], field(&visitor, "Cache-Control"), SLICE("no-cache"));
        for (size_t i = 0; i < ROWS_COUNT(absent); i++)
            row_assert(absent[i], field(&visitor, absent[i]).ptr == NULL);
    }
    row_assert_slice("listing", field(&visitor, "Vary"), SLICE("Accept"));
}

/* What is too deep can be listed. */
static void test_too_large_for_an_archive(void **state) {
    (void)state;
    char path[2 * DEEP + 1] = "";
    for (int i = 0; i < DEEP; i++)
        strcat(path, i == 0 ? "d" : "/d");
    tree_directory(&stage.tree, path);
    ask(&visitor, "GET /d/?archive=tar" HOST "\r\n");
    assert_status("archive", &visitor, 403);
    assert_non_null(strstr(visitor.bytes, "more in this directory than one archive takes"));
    assert_int_equal(stage.server.deliveries, 0);
    ask(&visitor, "GET /d/" HOST "\r\n");
    assert_status("listing", &visitor, 200);
}

static void test_too_many_at_a_time(void **state) {
    (void)state;
    static const char *const targets[] = {"/tree/", "/tree/?archive=tar"};
    for (size_t i = 0; i < ROWS_COUNT(targets); i++) {
        stage.server.deliveries = FOLDER_STREAMS_MAX;
        ask(&visitor, "GET %s" HOST "\r\n", targets[i]);
        assert_status(targets[i], &visitor, 503);
        row_assert(targets[i], !visitor.ended);
        row_assert_number(targets[i], stage.server.deliveries, FOLDER_STREAMS_MAX);
        stage.server.deliveries = FOLDER_STREAMS_MAX - 1;
        visitor_forget(&visitor);
        ask(&visitor, "GET %s" HOST "\r\n", targets[i]);
        assert_status(targets[i], &visitor, 200);
        row_assert_number(targets[i], stage.server.deliveries, FOLDER_STREAMS_MAX - 1);
    }
    stage.server.deliveries = 0;
}

/* The directory was there when the target was looked up, and then cannot be opened. */
static void test_a_directory_cannot_be_opened(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int error;
        int status;
    } rows[] = {
        {"gone", ENOENT, 404},        {"a file now", ENOTDIR, 404}, {"not to be read", EACCES, 403},
        {"descriptors", EMFILE, 503}, {"memory", ENOMEM, 503},      {"a disk error", EIO, 500},
    };
    static const char *const targets[] = {"/directory/", "/directory/?archive=tar"};
    for (size_t target = 0; target < ROWS_COUNT(targets); target++) {
        open_that_fails = 0;
        ask(&visitor, "HEAD %s" HOST "\r\n", targets[target]); /* files of rules are opened, too */
        unsigned before = opens;
        ask(&visitor, "HEAD %s" HOST "\r\n", targets[target]);
        assert_status("undisturbed", &visitor, 200);
        unsigned count = opens - before;
        for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
            open_that_fails = opens + count;
            open_error = rows[i].error;
            ask(&visitor, "GET %s" HOST "\r\n", targets[target]);
            assert_status(rows[i].name, &visitor, rows[i].status);
            row_assert_number(rows[i].name, stage.server.deliveries, 0);
        }
    }
}

/* While it was planned, what the target names has become something else. */
static void test_the_directory_changes_while_it_is_prepared(void **state) {
    (void)state;
    enum { FILES = 300 };
    for (int i = 0; i < FILES; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "many/%03d", i);
        tree_text(&stage.tree, name, "");
    }
    stage_invite(&stage, &visitor);
    visitor_send_text(&visitor, "GET /many/?archive=tar" HOST "\r\n");
    stage_turn(&stage);
    assert_int_equal(stage.server.deliveries, 1);
    tree_text(&stage.tree, "many/index.html", "index");
    stage_settle(&stage, &visitor);
    row_assert_slice("index", content(&visitor), SLICE("index"));
    assert_int_equal(stage.server.deliveries, 0);

    assert_int_equal(unlink(tree_path(&stage.tree, "many/index.html")), 0);
    visitor_forget(&visitor);
    visitor_send_text(&visitor, "GET /many/?archive=tar" HOST "\r\n");
    stage_turn(&stage);
    assert_int_equal(stage.server.deliveries, 1);
    assert_int_equal(rename(tree_path(&stage.tree, "many"), tree_path(&stage.tree, "elsewhere")),
                     0);
    stage_settle(&stage, &visitor);
    assert_status("moved", &visitor, 404);
    assert_int_equal(stage.server.deliveries, 0);
    assert_false(visitor.ended);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_rfc9112_7_1_the_head_of_a_listing),
        test(test_rfc9110_9_3_2_head),
        test(test_rfc9110_12_5_1_formats),
        test(test_rfc9110_13_1_preconditions_of_a_listing),
        test(test_the_head_of_an_archive),
        test(test_rfc8187_3_2_1_names_of_archives),
        test(test_rfc9110_14_ranges_of_an_archive),
        test(test_rfc9110_13_2_conditions_of_an_archive),
        test(test_rfc9110_15_4_5_not_modified),
        test(test_too_large_for_an_archive),
        test(test_too_many_at_a_time),
        test(test_a_directory_cannot_be_opened),
        test(test_the_directory_changes_while_it_is_prepared),
    };
    return cmocka_run_group_tests_name("folder", tests, NULL, NULL);
}
