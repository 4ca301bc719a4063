#include "http/request.h"

#include "base/buf.h"
#include "support/guard.h"
#include "support/row.h"

#include <string.h>

enum { MAX_HEAD = 16384 };

#define HOST "Host: example.com\r\n"
#define GET  "GET / HTTP/1.1\r\n" HOST

/* What comes behind a head on the wire, and must not change what is said about the head. */
static const struct slice others[] = {
    SLICE_INIT("GET / HTTP/1.1\r\n\r\n"),
    SLICE_INIT("\0"),
    SLICE_INIT(" "),
    SLICE_INIT("\r\n"),
    SLICE_INIT("\n"),
    SLICE_INIT("x: y\r\n\r\n"),
};

static enum request_outcome parse_copy(struct slice input, size_t max_head, char **copy,
                                       struct request *request) {
    *copy = guard_copy(input);
    return request_parse(slice_of(*copy, input.len), max_head, request);
}

/* Parses a guarded copy that is gone afterwards; for outcomes only. */
static enum request_outcome parse(struct slice input, size_t max_head, enum refusal *refusal) {
    struct request request;
    char *copy;
    enum request_outcome outcome = parse_copy(input, max_head, &copy, &request);
    guard_free(copy, input.len);
    *refusal = outcome == REQUEST_REFUSED ? request.refusal : REFUSAL_NONE;
    return outcome;
}

/* Every prefix of the input says "more", until one says `outcome`, and then all longer ones do;
 * with other bytes behind the input, too. */
static void assert_outcome(const char *row, struct slice input, size_t max_head,
                           enum request_outcome outcome, enum refusal refusal) {
    bool decided = false;
    enum refusal got;
    for (size_t len = 0; len <= input.len; len++) {
        const char *name = row_at(row, len);
        enum request_outcome prefix_outcome = parse(slice_of(input.ptr, len), max_head, &got);
        if (!decided && len < input.len && prefix_outcome == REQUEST_MORE)
            continue;
        row_assert_number(name, prefix_outcome, outcome);
        row_assert_number(name, got, refusal);
        row_assert(name, outcome == REQUEST_REFUSED || len == input.len);
        decided = true;
    }
    for (size_t i = 0; i < ROWS_COUNT(others); i++) {
        char memory[2 * MAX_HEAD];
        struct buf both = BUF_INIT(memory, sizeof memory);
        buf_put(&both, input);
        buf_put(&both, others[i]);
        row_assert(row, !both.overflow);
        row_assert_number(row, parse(buf_slice(&both), max_head, &got), outcome);
        row_assert_number(row, got, refusal);
    }
}

static void assert_refused(const char *row, struct slice input, enum refusal refusal) {
    assert_outcome(row, input, MAX_HEAD, REQUEST_REFUSED, refusal);
}

/* The request of a whole head, checked at every split, borrowing from `copy`. */
static struct request whole(const char *row, struct slice head, char **copy) {
    struct request request;
    assert_outcome(row, head, MAX_HEAD, REQUEST_WHOLE, REFUSAL_NONE);
    row_assert_number(row, parse_copy(head, MAX_HEAD, copy, &request), REQUEST_WHOLE);
    row_assert_slice(row, request.head, head);
    return request;
}

static void test_request_lines(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice head;
        enum method method;
        struct slice target;
        uint8_t minor_version;
    } rows[] = {
        {"the least of 1.1", SLICE_INIT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), METHOD_GET,
         SLICE_INIT("/"), 1},
        {"the least of 1.0", SLICE_INIT("GET / HTTP/1.0\r\n\r\n"), METHOD_GET, SLICE_INIT("/"), 0},
        {"rfc9112-2.1 example",
         SLICE_INIT("GET /hello.txt HTTP/1.1\r\nUser-Agent: curl/7.64.1\r\n"
                    "Host: www.example.com\r\nAccept-Language: en, mi\r\n\r\n"),
         METHOD_GET, SLICE_INIT("/hello.txt"), 1},
        {"rfc9112-2.2 an empty line before", SLICE_INIT("\r\n" GET "\r\n"), METHOD_GET,
         SLICE_INIT("/"), 1},
        {"two empty lines before", SLICE_INIT("\r\n\r\n" GET "\r\n"), METHOD_GET, SLICE_INIT("/"),
         1},
        {"rfc9110-2.5 1.2", SLICE_INIT("GET / HTTP/1.2\r\n" HOST "\r\n"), METHOD_GET,
         SLICE_INIT("/"), 1},
        {"rfc9110-2.5 1.9", SLICE_INIT("GET / HTTP/1.9\r\n" HOST "\r\n"), METHOD_GET,
         SLICE_INIT("/"), 1},
        {"HEAD", SLICE_INIT("HEAD /a?b HTTP/1.1\r\n" HOST "\r\n"), METHOD_HEAD, SLICE_INIT("/a?b"),
         1},
        {"POST", SLICE_INIT("POST / HTTP/1.1\r\n" HOST "\r\n"), METHOD_POST, SLICE_INIT("/"), 1},
        {"rfc9112-3.2.4 asterisk-form", SLICE_INIT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
         METHOD_OPTIONS, SLICE_INIT("*"), 1},
        {"rfc9112-3.2.3 authority-form",
         SLICE_INIT("CONNECT example.com:443 HTTP/1.1\r\n" HOST "\r\n"), METHOD_CONNECT,
         SLICE_INIT("example.com:443"), 1},
        {"rfc9112-3.2.2 absolute-form",
         SLICE_INIT("GET http://www.example.org/a HTTP/1.1\r\n" HOST "\r\n"), METHOD_GET,
         SLICE_INIT("http://www.example.org/a"), 1},
        {"rfc9110-9.1 a method in lower case", SLICE_INIT("get / HTTP/1.1\r\n" HOST "\r\n"),
         METHOD_UNKNOWN, SLICE_INIT("/"), 1},
        {"a method of all kinds of characters",
         SLICE_INIT("!#$%&'*+-.^_`|~09azAZ / HTTP/1.1\r\n" HOST "\r\n"), METHOD_UNKNOWN,
         SLICE_INIT("/"), 1},
        {"a target of all kinds of characters",
         SLICE_INIT("GET !\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~ HTTP/1.1\r\n" HOST "\r\n"),
         METHOD_GET, SLICE_INIT("!\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~"), 1},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char *copy;
        struct request request = whole(rows[i].name, rows[i].head, &copy);
        row_assert_number(rows[i].name, request.method, rows[i].method);
        row_assert_slice(rows[i].name, request.target, rows[i].target);
        row_assert_number(rows[i].name, request.minor_version, rows[i].minor_version);
        guard_free(copy, rows[i].head.len);
    }
}

static void test_values(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice head;
        struct slice host;
    } rows[] = {
        {"as usual", SLICE_INIT(GET "\r\n"), SLICE_INIT("example.com")},
        {"absent in 1.0", SLICE_INIT("GET / HTTP/1.0\r\n\r\n"), {NULL, 0}},
        {"there in 1.0", SLICE_INIT("GET / HTTP/1.0\r\n" HOST "\r\n"), SLICE_INIT("example.com")},
        {"rfc9112-3.2 empty", SLICE_INIT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), SLICE_INIT("")},
        {"rfc9112-3.2 an IPv6 address and a port",
         SLICE_INIT("GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n"),
         SLICE_INIT("[2001:db8::1]:8080")},
        {"rfc9110-5.1 a name of any case", SLICE_INIT("GET / HTTP/1.1\r\nhOST: a\r\n\r\n"),
         SLICE_INIT("a")},
        {"rfc9112-5.1 white space around the value",
         SLICE_INIT("GET / HTTP/1.1\r\nHost:\t \ta.example \t \r\n\r\n"), SLICE_INIT("a.example")},
        {"rfc9112-5.1 no white space", SLICE_INIT("GET / HTTP/1.1\r\nHost:a\r\n\r\n"),
         SLICE_INIT("a")},
        {"rfc9112-5.1 nothing but white space", SLICE_INIT("GET / HTTP/1.1\r\nHost: \t \r\n\r\n"),
         SLICE_INIT("")},
        {"rfc9110-5.5 obs-text, and HTAB in a value of another field",
         SLICE_INIT(GET "X: caf\xc3\xa9\tnoir \x80\xff\r\n\r\n"), SLICE_INIT("example.com")},
        {"names that only begin alike",
         SLICE_INIT(GET "Hos: x y\r\nHosts: z w\r\nContent-Length2: x\r\n\r\n"),
         SLICE_INIT("example.com")},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char *copy;
        struct request request = whole(rows[i].name, rows[i].head, &copy);
        row_assert_slice(rows[i].name, request.fields[FIELD_HOST], rows[i].host);
        guard_free(copy, rows[i].head.len);
    }
}

static void test_rfc9112_9_3_persistence(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice head;
        bool keep_alive;
    } rows[] = {
        {"1.1", SLICE_INIT(GET "\r\n"), true},
        {"1.0", SLICE_INIT("GET / HTTP/1.0\r\n\r\n"), false},
        {"close", SLICE_INIT(GET "Connection: close\r\n\r\n"), false},
        {"close, other case", SLICE_INIT(GET "connection: CLOSE\r\n\r\n"), false},
        {"close in a list", SLICE_INIT(GET "Connection: te ,\tClose , x\r\n\r\n"), false},
        {"close in a second line",
         SLICE_INIT(GET "Connection: te\r\nX: y\r\nConnection: close\r\n\r\n"), false},
        {"close in a third line",
         SLICE_INIT(GET "Connection:\r\nConnection: x\r\nCONNECTION:close\r\n\r\n"), false},
        {"close and keep-alive", SLICE_INIT(GET "Connection: close, keep-alive\r\n\r\n"), false},
        {"other options", SLICE_INIT(GET "Connection: closed, enclose, close=1\r\n\r\n"), true},
        {"close in another field", SLICE_INIT(GET "Proxy-Connection: close\r\n\r\n"), true},
        {"keep-alive in 1.1", SLICE_INIT(GET "Connection: keep-alive\r\n\r\n"), true},
        {"keep-alive in 1.0", SLICE_INIT("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), true},
        {"keep-alive and close in 1.0",
         SLICE_INIT("GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n"),
         false},
        {"something else in 1.0", SLICE_INIT("GET / HTTP/1.0\r\nConnection: te\r\n\r\n"), false},
        {"Keep-Alive is another field",
         SLICE_INIT("GET / HTTP/1.0\r\nKeep-Alive: timeout=5\r\n\r\n"), false},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char *copy;
        struct request request = whole(rows[i].name, rows[i].head, &copy);
        row_assert_number(rows[i].name, request.keep_alive, rows[i].keep_alive);
        guard_free(copy, rows[i].head.len);
    }
}

static void test_rfc9112_6_3_framing(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice head;
        enum body_framing framing;
        uint64_t length;
    } rows[] = {
        {"nothing", SLICE_INIT("POST / HTTP/1.1\r\n" HOST "\r\n"), BODY_NONE, 0},
        {"a length", SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 42\r\n\r\n"),
         BODY_LENGTH, 42},
        {"a length with GET", SLICE_INIT(GET "content-length:1\r\n\r\n"), BODY_LENGTH, 1},
        {"a length of zero", SLICE_INIT(GET "Content-Length: 0\r\n\r\n"), BODY_LENGTH, 0},
        {"a length with leading zeros", SLICE_INIT(GET "Content-Length: 007\r\n\r\n"), BODY_LENGTH,
         7},
        {"the largest length", SLICE_INIT(GET "Content-Length: 9223372036854775807\r\n\r\n"),
         BODY_LENGTH, INT64_MAX},
        {"a length in 1.0", SLICE_INIT("GET / HTTP/1.0\r\nContent-Length: 1\r\n\r\n"), BODY_LENGTH,
         1},
        {"chunked", SLICE_INIT(GET "Transfer-Encoding: chunked\r\n\r\n"), BODY_CHUNKED, 0},
        {"chunked, other case", SLICE_INIT(GET "transfer-encoding:  CHUNKED \r\n\r\n"),
         BODY_CHUNKED, 0},
        {"chunked in 1.2",
         SLICE_INIT("GET / HTTP/1.2\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"), BODY_CHUNKED,
         0},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char *copy;
        struct request request = whole(rows[i].name, rows[i].head, &copy);
        row_assert_number(rows[i].name, request.framing, rows[i].framing);
        row_assert_number(rows[i].name, request.content_length, rows[i].length);
        guard_free(copy, rows[i].head.len);
    }
}

static void test_rfc9110_10_1_1_expectations(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice head;
        bool expects_continue;
        bool expects_unknown;
    } rows[] = {
        {"none", SLICE_INIT(GET "\r\n"), false, false},
        {"100-continue", SLICE_INIT(GET "Expect: 100-continue\r\n\r\n"), true, false},
        {"100-continue, other case", SLICE_INIT(GET "Expect: 100-Continue\r\n\r\n"), true, false},
        {"something else", SLICE_INIT(GET "Expect: 200-ok\r\n\r\n"), false, true},
        {"a quoted 100-continue", SLICE_INIT(GET "Expect: \"100-continue\"\r\n\r\n"), false, true},
        {"both", SLICE_INIT(GET "Expect: 100-continue, a=\"b,c\"\r\n\r\n"), true, true},
        {"both, in two lines", SLICE_INIT(GET "Expect: x\r\nExpect: 100-continue\r\n\r\n"), true,
         true},
        {"an empty list", SLICE_INIT(GET "Expect: ,\r\n\r\n"), false, false},
        {"in 1.0 it is ignored", SLICE_INIT("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"),
         false, false},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char *copy;
        struct request request = whole(rows[i].name, rows[i].head, &copy);
        row_assert_number(rows[i].name, request.expects_continue, rows[i].expects_continue);
        row_assert_number(rows[i].name, request.expects_unknown, rows[i].expects_unknown);
        guard_free(copy, rows[i].head.len);
    }
}

/* What is behind the head belongs to the next one. */
static void test_head_ends_at_the_empty_line(void **state) {
    (void)state;
    const struct slice head = SLICE(GET "\r\n");
    struct request request;
    char *copy;
    const struct slice both = SLICE(GET "\r\nGET /next HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(parse_copy(both, MAX_HEAD, &copy, &request), REQUEST_WHOLE);
    row_assert_slice("first", request.head, head);
    guard_free(copy, both.len);
}

static const struct {
    const char *name;
    struct slice head;
    enum refusal refusal;
} refusals[] = {
    {"three empty lines before", SLICE_INIT("\r\n\r\n\r\n" GET "\r\n"), REFUSAL_BAD_REQUEST_LINE},
    {"an empty line of LF before", SLICE_INIT("\n" GET "\r\n"), REFUSAL_BAD_REQUEST_LINE},
    {"an empty line of CR before", SLICE_INIT("\r" GET "\r\n"), REFUSAL_BAD_REQUEST_LINE},
    {"a blank line before", SLICE_INIT(" \r\n" GET "\r\n"), REFUSAL_BAD_REQUEST_LINE},
    {"NUL before", SLICE_INIT("\0" GET "\r\n"), REFUSAL_BAD_REQUEST_LINE},
    {"a TLS hello", SLICE_INIT("\x16\x03\x01\x02\x00\x01"), REFUSAL_BAD_REQUEST_LINE},

    {"rfc9112-3 no method", SLICE_INIT(" / HTTP/1.1\r\n" HOST "\r\n"), REFUSAL_BAD_REQUEST_LINE},
    {"rfc9112-3 no target", SLICE_INIT("GET HTTP/1.1\r\n" HOST "\r\n"), REFUSAL_BAD_REQUEST_LINE},
    {"rfc9112-3 an empty target", SLICE_INIT("GET  HTTP/1.1\r\n" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},
    {"rfc9112-3 two spaces before the target", SLICE_INIT("GET  / HTTP/1.1\r\n" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},
    {"rfc9112-3 two spaces behind the target", SLICE_INIT("GET /  HTTP/1.1\r\n" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},
    {"rfc9112-3 a space behind the version", SLICE_INIT("GET / HTTP/1.1 \r\n" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},
    {"rfc9112-3.2 a space in the target", SLICE_INIT("GET /a b HTTP/1.1\r\n" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},
    {"HTAB behind the method", SLICE_INIT("GET\t/ HTTP/1.1\r\n" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},
    {"HTAB behind the target", SLICE_INIT("GET /\tHTTP/1.1\r\n" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},
    {"a method that is no token", SLICE_INIT("GE(T / HTTP/1.1\r\n" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},
    {"a method with a colon", SLICE_INIT("GET: / HTTP/1.1\r\n" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},
    {"NUL in the target", SLICE_INIT("GET /a\0b HTTP/1.1\r\n" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},
    {"DEL in the target", SLICE_INIT("GET /a\x7f HTTP/1.1\r\n" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},
    {"letters beyond ASCII in the target", SLICE_INIT("GET /caf\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},
    {"rfc9112-2.3 HTTP/0.9", SLICE_INIT("GET /\r\n"), REFUSAL_BAD_REQUEST_LINE},
    {"HTTP/0.9 with a space", SLICE_INIT("GET / \r\n"), REFUSAL_BAD_REQUEST_LINE},
    {"only a method", SLICE_INIT("GET\r\n"), REFUSAL_BAD_REQUEST_LINE},
    {"rfc9112-2.3 a version in lower case", SLICE_INIT("GET / http/1.1\r\n" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},
    {"a version of two digits", SLICE_INIT("GET / HTTP/1.10\r\n" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},
    {"a major version of two digits", SLICE_INIT("GET / HTTP/11.1\r\n" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},
    {"a version without a minor one", SLICE_INIT("GET / HTTP/1\r\n" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},
    {"a version with a comma", SLICE_INIT("GET / HTTP/1,1\r\n" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},
    {"a minor version of no digit", SLICE_INIT("GET / HTTP/1.x\r\n" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},
    {"another protocol", SLICE_INIT("GET / RTSP/1.0\r\n\r\n"), REFUSAL_BAD_REQUEST_LINE},
    {"rfc9112-2.2 the request line ends with LF", SLICE_INIT("GET / HTTP/1.1\n" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},
    {"rfc9112-2.2 the request line ends with CR", SLICE_INIT("GET / HTTP/1.1\r" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},
    {"the request line ends with CR CR LF", SLICE_INIT("GET / HTTP/1.1\r\r\n" HOST "\r\n"),
     REFUSAL_BAD_REQUEST_LINE},

    {"rfc9110-15.6.6 HTTP/2.0", SLICE_INIT("GET / HTTP/2.0\r\n" HOST "\r\n"), REFUSAL_BAD_VERSION},
    {"rfc9113-3.4 the preface of HTTP/2", SLICE_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
     REFUSAL_BAD_VERSION},
    {"HTTP/0.9 by name", SLICE_INIT("GET / HTTP/0.9\r\n" HOST "\r\n"), REFUSAL_BAD_VERSION},
    {"HTTP/9.9", SLICE_INIT("GET / HTTP/9.9\r\n" HOST "\r\n"), REFUSAL_BAD_VERSION},

    {"rfc9112-2.2 white space before the first field",
     SLICE_INIT("GET / HTTP/1.1\r\n " HOST "\r\n"), REFUSAL_BAD_FIELD_LINE},
    {"rfc9112-2.2 HTAB before the first field", SLICE_INIT("GET / HTTP/1.1\r\n\t" HOST "\r\n"),
     REFUSAL_BAD_FIELD_LINE},
    {"rfc9112-5.2 a folded line", SLICE_INIT(GET "A: b\r\n c\r\n\r\n"), REFUSAL_BAD_FIELD_LINE},
    {"rfc9112-5.2 a line folded by HTAB", SLICE_INIT(GET "A: b\r\n\tc\r\n\r\n"),
     REFUSAL_BAD_FIELD_LINE},
    {"rfc9112-5.2 a folded line of blanks", SLICE_INIT(GET "A: b\r\n \r\n\r\n"),
     REFUSAL_BAD_FIELD_LINE},
    {"rfc9112-5.1 a space before the colon", SLICE_INIT(GET "A : b\r\n\r\n"),
     REFUSAL_BAD_FIELD_LINE},
    {"rfc9112-5.1 HTAB before the colon", SLICE_INIT(GET "Content-Length\t: 5\r\n\r\n"),
     REFUSAL_BAD_FIELD_LINE},
    {"a space in a name", SLICE_INIT(GET "A b: c\r\n\r\n"), REFUSAL_BAD_FIELD_LINE},
    {"no name", SLICE_INIT(GET ": b\r\n\r\n"), REFUSAL_BAD_FIELD_LINE},
    {"no colon", SLICE_INIT(GET "A\r\n\r\n"), REFUSAL_BAD_FIELD_LINE},
    {"rfc9110-5.1 a name that is no token", SLICE_INIT(GET "A(b): c\r\n\r\n"),
     REFUSAL_BAD_FIELD_LINE},
    {"a name beyond ASCII", SLICE_INIT(GET "\xc3\xa9: c\r\n\r\n"), REFUSAL_BAD_FIELD_LINE},
    {"NUL in a name", SLICE_INIT(GET "A\0: c\r\n\r\n"), REFUSAL_BAD_FIELD_LINE},
    {"rfc9110-5.5 NUL in a value", SLICE_INIT(GET "A: b\0c\r\n\r\n"), REFUSAL_BAD_FIELD_LINE},
    {"rfc9110-5.5 CR in a value", SLICE_INIT(GET "A: b\rc\r\n\r\n"), REFUSAL_BAD_FIELD_LINE},
    {"rfc9110-5.5 LF in a value", SLICE_INIT(GET "A: b\nc: d\r\n\r\n"), REFUSAL_BAD_FIELD_LINE},
    {"VT in a value", SLICE_INIT(GET "A: b\vc\r\n\r\n"), REFUSAL_BAD_FIELD_LINE},
    {"DEL in a value", SLICE_INIT(GET "A: \x7f\r\n\r\n"), REFUSAL_BAD_FIELD_LINE},
    {"a control character before chunked",
     SLICE_INIT(GET "Transfer-Encoding: \x0b"
                    "chunked\r\n\r\n"),
     REFUSAL_BAD_FIELD_LINE},
    {"rfc9112-2.2 a field line ends with LF", SLICE_INIT(GET "A: b\n\r\n"), REFUSAL_BAD_FIELD_LINE},
    {"a field line ends with CR CR LF", SLICE_INIT(GET "A: b\r\r\n\r\n"), REFUSAL_BAD_FIELD_LINE},
    {"rfc9112-2.2 the head ends with LF", SLICE_INIT(GET "\n"), REFUSAL_BAD_FIELD_LINE},
    {"rfc9112-2.2 the head ends with CR", SLICE_INIT(GET "\rx"), REFUSAL_BAD_FIELD_LINE},
    {"another request line for a field", SLICE_INIT(GET "GET / HTTP/1.1\r\n\r\n"),
     REFUSAL_BAD_FIELD_LINE},

    {"rfc9112-3.2 no Host", SLICE_INIT("GET / HTTP/1.1\r\n\r\n"), REFUSAL_BAD_HOST},
    {"rfc9112-3.2 no Host in 1.5", SLICE_INIT("GET / HTTP/1.5\r\n\r\n"), REFUSAL_BAD_HOST},
    {"rfc9112-3.2 no Host with an absolute form",
     SLICE_INIT("GET http://example.com/ HTTP/1.1\r\n\r\n"), REFUSAL_BAD_HOST},
    {"rfc9112-3.2 two Hosts", SLICE_INIT(GET "Host: example.org\r\n\r\n"), REFUSAL_REPEATED_FIELD},
    {"rfc9112-3.2 the same Host twice", SLICE_INIT(GET "X: y\r\nhost: example.com\r\n\r\n"),
     REFUSAL_REPEATED_FIELD},
    {"rfc9112-3.2 an empty Host and another",
     SLICE_INIT("GET / HTTP/1.1\r\nHost:\r\nHost: a\r\n\r\n"), REFUSAL_REPEATED_FIELD},
    {"two Hosts in 1.0", SLICE_INIT("GET / HTTP/1.0\r\n" HOST HOST "\r\n"), REFUSAL_REPEATED_FIELD},
    {"rfc9112-3.2 a Host that is a list", SLICE_INIT("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
     REFUSAL_BAD_HOST},
    {"rfc9112-3.2 a Host with a path", SLICE_INIT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
     REFUSAL_BAD_HOST},
    {"rfc9112-3.2 a Host with a user", SLICE_INIT("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
     REFUSAL_BAD_HOST},
    {"a bad Host in 1.0", SLICE_INIT("GET / HTTP/1.0\r\nHost: a b\r\n\r\n"), REFUSAL_BAD_HOST},

    {"rfc9112-6.3 two Content-Lengths",
     SLICE_INIT(GET "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), REFUSAL_REPEATED_FIELD},
    {"rfc9112-6.3 the same Content-Length twice",
     SLICE_INIT(GET "Content-Length: 5\r\ncontent-length: 5\r\n\r\n"), REFUSAL_REPEATED_FIELD},
    {"rfc9112-6.3 a list of Content-Lengths", SLICE_INIT(GET "Content-Length: 5, 5\r\n\r\n"),
     REFUSAL_BAD_CONTENT_LENGTH},
    {"rfc9110-8.6 an empty Content-Length", SLICE_INIT(GET "Content-Length:\r\n\r\n"),
     REFUSAL_BAD_CONTENT_LENGTH},
    {"rfc9110-8.6 a Content-Length with a plus", SLICE_INIT(GET "Content-Length: +5\r\n\r\n"),
     REFUSAL_BAD_CONTENT_LENGTH},
    {"rfc9110-8.6 a negative Content-Length", SLICE_INIT(GET "Content-Length: -5\r\n\r\n"),
     REFUSAL_BAD_CONTENT_LENGTH},
    {"rfc9110-8.6 a hexadecimal Content-Length", SLICE_INIT(GET "Content-Length: 0x5\r\n\r\n"),
     REFUSAL_BAD_CONTENT_LENGTH},
    {"rfc9110-8.6 a Content-Length with a space in it",
     SLICE_INIT(GET "Content-Length: 5 5\r\n\r\n"), REFUSAL_BAD_CONTENT_LENGTH},
    {"rfc9110-8.6 a Content-Length of 2^63",
     SLICE_INIT(GET "Content-Length: 9223372036854775808\r\n\r\n"), REFUSAL_BAD_CONTENT_LENGTH},
    {"rfc9110-8.6 a Content-Length of 2^64 + 5",
     SLICE_INIT(GET "Content-Length: 18446744073709551621\r\n\r\n"), REFUSAL_BAD_CONTENT_LENGTH},

    {"rfc9112-6.1 Transfer-Encoding and Content-Length",
     SLICE_INIT(GET "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
     REFUSAL_BAD_TRANSFER_ENCODING},
    {"rfc9112-6.1 Content-Length and Transfer-Encoding",
     SLICE_INIT(GET "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
     REFUSAL_BAD_TRANSFER_ENCODING},
    {"an empty Content-Length and Transfer-Encoding",
     SLICE_INIT(GET "Content-Length:\r\nTransfer-Encoding: chunked\r\n\r\n"),
     REFUSAL_BAD_TRANSFER_ENCODING},
    {"rfc9112-6.1 Transfer-Encoding in 1.0",
     SLICE_INIT("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
     REFUSAL_BAD_TRANSFER_ENCODING},
    {"rfc9112-6.3 chunked is not last", SLICE_INIT(GET "Transfer-Encoding: chunked, gzip\r\n\r\n"),
     REFUSAL_BAD_TRANSFER_ENCODING},
    {"rfc9112-6.3 no chunked", SLICE_INIT(GET "Transfer-Encoding: gzip\r\n\r\n"),
     REFUSAL_BAD_TRANSFER_ENCODING},
    {"rfc9112-6.1 chunked twice", SLICE_INIT(GET "Transfer-Encoding: chunked, chunked\r\n\r\n"),
     REFUSAL_BAD_TRANSFER_ENCODING},
    {"chunked in two lines",
     SLICE_INIT(GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
     REFUSAL_REPEATED_FIELD},
    {"codings in two lines",
     SLICE_INIT(GET "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"),
     REFUSAL_REPEATED_FIELD},
    {"an empty Transfer-Encoding", SLICE_INIT(GET "Transfer-Encoding:\r\n\r\n"),
     REFUSAL_BAD_TRANSFER_ENCODING},
    {"an empty coding before chunked", SLICE_INIT(GET "Transfer-Encoding: , chunked\r\n\r\n"),
     REFUSAL_BAD_TRANSFER_ENCODING},
    {"an empty coding behind chunked", SLICE_INIT(GET "Transfer-Encoding: chunked,\r\n\r\n"),
     REFUSAL_BAD_TRANSFER_ENCODING},
    {"identity", SLICE_INIT(GET "Transfer-Encoding: identity\r\n\r\n"),
     REFUSAL_BAD_TRANSFER_ENCODING},
    {"a coding that only begins like chunked",
     SLICE_INIT(GET "Transfer-Encoding: chunkedx\r\n\r\n"), REFUSAL_BAD_TRANSFER_ENCODING},
    {"chunked in quotes", SLICE_INIT(GET "Transfer-Encoding: \"chunked\"\r\n\r\n"),
     REFUSAL_BAD_TRANSFER_ENCODING},
    {"rfc9112-7.1 chunked with a parameter",
     SLICE_INIT(GET "Transfer-Encoding: chunked;a=b\r\n\r\n"), REFUSAL_BAD_TRANSFER_ENCODING},
    {"rfc9112-6.1 a coding before chunked",
     SLICE_INIT(GET "Transfer-Encoding: gzip, chunked\r\n\r\n"), REFUSAL_UNKNOWN_TRANSFER_CODING},
    {"rfc9112-6.1 codings before chunked",
     SLICE_INIT(GET "Transfer-Encoding: deflate,gzip ,Chunked\r\n\r\n"),
     REFUSAL_UNKNOWN_TRANSFER_CODING},
};

static void test_refusals(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(refusals); i++)
        assert_refused(refusals[i].name, refusals[i].head, refusals[i].refusal);
}

enum place { IN_METHOD, IN_TARGET, IN_VERSION, IN_NAME, IN_VALUE, PLACES };

/* Whether `byte` between two letters of that part of a head leaves the head valid. */
static bool may_stand(enum place place, int byte) {
    switch (place) {
    case IN_METHOD:
        return field_is_token_char((char)byte);
    case IN_TARGET:
        return byte > 0x20 && byte < 0x7f;
    case IN_VERSION:
        return false;
    case IN_NAME: /* with a colon, the rest is the value */
        return field_is_token_char((char)byte) || byte == ':';
    case IN_VALUE:
        return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
    case PLACES:
        break;
    }
    return false;
}

/* All bytes in all places. */
static void test_every_byte_everywhere(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *before;
        const char *behind;
    } places[PLACES] = {
        [IN_METHOD] = {"method", "GE", "T / HTTP/1.1\r\n" HOST "\r\n"},
        [IN_TARGET] = {"target", "GET /a", "b HTTP/1.1\r\n" HOST "\r\n"},
        [IN_VERSION] = {"version", "GET / HTTP", "/1.1\r\n" HOST "\r\n"},
        [IN_NAME] = {"name", GET "A", "b: c\r\n\r\n"},
        [IN_VALUE] = {"value", GET "A: b", "c\r\n\r\n"},
    };
    for (unsigned place = 0; place < PLACES; place++) {
        for (int byte = 0; byte < 256; byte++) {
            const char *name = row_at(places[place].name, (size_t)byte);
            char memory[128];
            struct buf head = BUF_INIT(memory, sizeof memory);
            enum refusal refusal;
            buf_put(&head, slice_of_text(places[place].before));
            buf_put_char(&head, (char)byte);
            buf_put(&head, slice_of_text(places[place].behind));
            row_assert_number(name, parse(buf_slice(&head), MAX_HEAD, &refusal),
                              may_stand((enum place)place, byte) ? REQUEST_WHOLE : REQUEST_REFUSED);
        }
    }
}

/* Each byte of some heads is replaced, left out or doubled. Whatever comes of it: nothing is read
 * behind the end, and no prefix is judged in another way than what it becomes. */
static void assert_prefixes_agree(const char *row, struct slice input) {
    char *room = guard_room(input.len);
    enum request_outcome before = REQUEST_MORE;
    enum refusal before_refusal = REFUSAL_NONE;
    for (size_t len = 0; len <= input.len; len++) {
        char *at = room + input.len - len;
        struct request request;
        memcpy(at, input.ptr, len);
        enum request_outcome outcome = request_parse(slice_of(at, len), MAX_HEAD, &request);
        row_assert_number(row, outcome == REQUEST_REFUSED, request.refusal != REFUSAL_NONE);
        if (before != REQUEST_MORE) {
            row_assert_number(row, outcome, before);
            row_assert_number(row, request.refusal, before_refusal);
        }
        if (outcome == REQUEST_WHOLE)
            row_assert(row, request.head.ptr == at && request.head.len <= len);
        before = outcome;
        before_refusal = request.refusal;
    }
    guard_free(room, input.len);
}

static void test_damaged_heads(void **state) {
    (void)state;
    static const struct slice heads[] = {
        SLICE_INIT("\r\nGET /a?b HTTP/1.1\r\nHost: [::1]:80\r\nConnection: a, close\r\n"
                   "Connection: keep-alive\r\nExpect: \"a\\\"\", b\r\n\r\n"),
        SLICE_INIT("POST / HTTP/1.1\r\nhost: a%20b\r\nTransfer-Encoding: a, chunked\r\n\r\n"),
        SLICE_INIT("GET / HTTP/1.0\r\nContent-Length: 12\r\nIf-Match: \"a\", W/\"b\"\r\n\r\n"),
    };
    static const char bytes[] = "\0\t\n\r \"%,-./019:AHag\\[]\x7f\x80\xff";
    for (size_t i = 0; i < ROWS_COUNT(heads); i++) {
        for (size_t at = 0; at < heads[i].len; at++) {
            const char *name = row_at("position", i * 1000 + at);
            char memory[256];
            for (size_t b = 0; b < sizeof bytes - 1; b++) {
                struct buf head = BUF_INIT(memory, sizeof memory);
                buf_put(&head, slice_of(heads[i].ptr, at));
                buf_put_char(&head, bytes[b]);
                buf_put(&head, slice_after(heads[i], at + 1));
                assert_prefixes_agree(name, buf_slice(&head));
            }
            for (size_t times = 0; times <= 2; times += 2) {
                struct buf head = BUF_INIT(memory, sizeof memory);
                buf_put(&head, slice_of(heads[i].ptr, at));
                for (size_t n = 0; n < times; n++)
                    buf_put_char(&head, heads[i].ptr[at]);
                buf_put(&head, slice_after(heads[i], at + 1));
                assert_prefixes_agree(name, buf_slice(&head));
            }
        }
    }
}

static struct slice head_with_target(struct buf *buf, size_t target_len) {
    buf_put(buf, SLICE("GET /"));
    for (size_t i = 1; i < target_len; i++)
        buf_put_char(buf, 'a');
    buf_put(buf, SLICE(" HTTP/1.1\r\n" HOST "\r\n"));
    assert_false(buf->overflow);
    return buf_slice(buf);
}

static void test_rfc9112_3_target_length(void **state) {
    (void)state;
    char memory[MAX_HEAD];
    enum refusal refusal;
    struct buf most = BUF_INIT(memory, sizeof memory);
    head_with_target(&most, REQUEST_TARGET_MAX);
    assert_int_equal(parse(buf_slice(&most), MAX_HEAD, &refusal), REQUEST_WHOLE);

    struct buf buf = BUF_INIT(memory, sizeof memory);
    struct slice head = head_with_target(&buf, REQUEST_TARGET_MAX + 1);
    const size_t decided = sizeof "GET " - 1 + REQUEST_TARGET_MAX + 1;
    assert_int_equal(parse(slice_of(head.ptr, decided - 1), MAX_HEAD, &refusal), REQUEST_MORE);
    for (size_t len = decided; len <= head.len; len++) {
        row_assert_number(row_at("length", len), parse(slice_of(head.ptr, len), MAX_HEAD, &refusal),
                          REQUEST_REFUSED);
        row_assert_number(row_at("length", len), refusal, REFUSAL_TARGET_TOO_LONG);
    }
    /* A byte that may not stand there at all is worse than one too many. */
    memory[decided - 1] = '\n';
    assert_int_equal(parse(slice_of(head.ptr, decided), MAX_HEAD, &refusal), REQUEST_REFUSED);
    assert_int_equal(refusal, REFUSAL_BAD_REQUEST_LINE);
}

static struct slice head_with_fields(struct buf *buf, size_t count) {
    buf_put(buf, SLICE(GET));
    for (size_t i = 1; i < count; i++)
        buf_put(buf, SLICE("a:b\r\n"));
    buf_put(buf, SLICE("\r\n"));
    assert_false(buf->overflow);
    return buf_slice(buf);
}

/* Where a head may not even hold REQUEST_TARGET_MAX, a target that has no end within it. */
static void test_rfc9112_3_target_that_fills_the_head(void **state) {
    (void)state;
    enum { MAX = 512, METHOD_LEN = sizeof "GET " - 1 };
    char memory[2 * MAX];
    for (size_t len = MAX - METHOD_LEN - 1; len <= MAX - METHOD_LEN + 2; len++) {
        struct buf buf = BUF_INIT(memory, sizeof memory);
        assert_outcome(row_at("target", len), head_with_target(&buf, len), MAX, REQUEST_REFUSED,
                       len >= MAX - METHOD_LEN ? REFUSAL_TARGET_TOO_LONG : REFUSAL_HEAD_TOO_LARGE);
    }
}

static void test_rfc6585_5_field_count(void **state) {
    (void)state;
    char memory[MAX_HEAD];
    struct buf most = BUF_INIT(memory, sizeof memory);
    assert_outcome("the most", head_with_fields(&most, REQUEST_FIELDS_MAX), MAX_HEAD, REQUEST_WHOLE,
                   REFUSAL_NONE);
    struct buf more = BUF_INIT(memory, sizeof memory);
    assert_refused("one more", head_with_fields(&more, REQUEST_FIELDS_MAX + 1),
                   REFUSAL_HEAD_TOO_LARGE);
}

/* The limit counts from the first byte of the input to the last of the empty line. */
static void test_rfc6585_5_head_length(void **state) {
    (void)state;
    static const struct slice heads[] = {SLICE_INIT(GET "\r\n"), SLICE_INIT("\r\n\r\n" GET "\r\n"),
                                         SLICE_INIT(GET "Accept: a\r\nB: c\r\n\r\n")};
    for (size_t i = 0; i < ROWS_COUNT(heads); i++) {
        const struct slice head = heads[i];
        assert_outcome("exactly", head, head.len, REQUEST_WHOLE, REFUSAL_NONE);
        assert_outcome("room to spare", head, head.len + 1, REQUEST_WHOLE, REFUSAL_NONE);
        const size_t target = slice_starts_with(head, SLICE("\r\n\r\n")) ? 8 : 4;
        for (size_t max = 0; max < head.len; max++) {
            enum refusal refusal;
            assert_outcome(row_at("limit", max), head, max, REQUEST_REFUSED,
                           max == target || max == target + 1 ? REFUSAL_TARGET_TOO_LONG
                                                              : REFUSAL_HEAD_TOO_LARGE);
            /* Refused as soon as the limit is reached: a caller with room for no more would wait
             * forever. */
            assert_int_equal(parse(slice_of(head.ptr, max), max, &refusal), REQUEST_REFUSED);
            if (max > 0)
                assert_int_equal(parse(slice_of(head.ptr, max - 1), max, &refusal), REQUEST_MORE);
        }
    }
    /* What is behind the limit is not looked at, and what is wrong before it is said first. */
    assert_outcome("bad behind the limit", SLICE(GET " "), sizeof GET - 1, REQUEST_REFUSED,
                   REFUSAL_HEAD_TOO_LARGE);
    assert_outcome("bad before the limit", SLICE(GET " "), sizeof GET, REQUEST_REFUSED,
                   REFUSAL_BAD_FIELD_LINE);
}

/* A field or a method may be as long as the head may be. */
static void test_long_parts(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *before;
        const char *behind;
    } parts[] = {
        {"method", "", " / HTTP/1.1\r\n" HOST "\r\n"},
        {"name", GET, ": b\r\n\r\n"},
        {"value", GET "a:", "\r\n\r\n"},
    };
    for (size_t i = 0; i < ROWS_COUNT(parts); i++) {
        char memory[MAX_HEAD + 1];
        for (size_t total = MAX_HEAD; total <= MAX_HEAD + 1; total++) {
            struct buf head = BUF_INIT(memory, total);
            enum refusal refusal;
            buf_put(&head, slice_of_text(parts[i].before));
            while (head.len + strlen(parts[i].behind) < total)
                buf_put_char(&head, 'x');
            buf_put(&head, slice_of_text(parts[i].behind));
            row_assert(parts[i].name, !head.overflow);
            enum request_outcome outcome = parse(buf_slice(&head), MAX_HEAD, &refusal);
            row_assert_number(parts[i].name, outcome,
                              total <= MAX_HEAD ? REQUEST_WHOLE : REQUEST_REFUSED);
            row_assert_number(parts[i].name, refusal,
                              total <= MAX_HEAD ? REFUSAL_NONE : REFUSAL_HEAD_TOO_LARGE);
        }
    }
}

static void test_rfc9110_5_3_field_lines(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice fields;
        size_t count;
        struct slice values[4];
    } rows[] = {
        {"absent", SLICE_INIT(""), 0, {{NULL, 0}}},
        {"one", SLICE_INIT("If-Match: \"a\"\r\n"), 1, {SLICE_INIT("\"a\"")}},
        {"one, empty", SLICE_INIT("If-Match:\r\n"), 1, {SLICE_INIT("")}},
        {"one, between others",
         SLICE_INIT("A: b\r\nIf-Match:a \r\nIf-None-Match: c\r\n"),
         1,
         {SLICE_INIT("a")}},
        {"two",
         SLICE_INIT("If-Match: a\r\nIf-Match: b, c\r\n"),
         2,
         {SLICE_INIT("a"), SLICE_INIT("b, c")}},
        {"two, of other case",
         SLICE_INIT("if-match: a\r\nA: b\r\nIF-MATCH:\t b\t\r\n"),
         2,
         {SLICE_INIT("a"), SLICE_INIT("b")}},
        {"empty ones among them",
         SLICE_INIT("If-Match:\r\nIf-Match: a\r\nIf-Match: \t\r\nIf-Match: :\r\n"),
         4,
         {SLICE_INIT(""), SLICE_INIT("a"), SLICE_INIT(""), SLICE_INIT(":")}},
        {"names that contain it, and it in a value",
         SLICE_INIT("If-Match: a\r\nIf-Match-X: b\r\nXIf-Match: c\r\nD: If-Match: e\r\n"
                    "Match: f\r\nIf-Match: If-Match: g\r\n"),
         2,
         {SLICE_INIT("a"), SLICE_INIT("If-Match: g")}},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char memory[512];
        struct buf head = BUF_INIT(memory, sizeof memory);
        struct request request;
        struct slice value = SLICE_NONE;
        char *copy;
        size_t count = 0;
        buf_put(&head, SLICE(GET));
        buf_put(&head, rows[i].fields);
        buf_put(&head, SLICE("\r\n"));
        row_assert_number(rows[i].name, parse_copy(buf_slice(&head), MAX_HEAD, &copy, &request),
                          REQUEST_WHOLE);
        while (request_field_next(&request, FIELD_IF_MATCH, &value)) {
            row_assert(rows[i].name, count < rows[i].count);
            row_assert_slice(rows[i].name, value, rows[i].values[count]);
            count++;
        }
        row_assert_number(rows[i].name, count, rows[i].count);
        guard_free(copy, head.len);
    }
}

/* Lines that look like more of a field, but stand behind the head, are not read. */
static void test_field_lines_end_with_the_head(void **state) {
    (void)state;
    const struct slice input =
        SLICE(GET "If-Match: a\r\nIf-Match: b\r\n\r\nIf-Match: c\r\nIf-Match: d\r\n\r\n");
    struct request request;
    struct slice value = SLICE_NONE;
    size_t count = 0;
    assert_int_equal(request_parse(input, MAX_HEAD, &request), REQUEST_WHOLE);
    while (request_field_next(&request, FIELD_IF_MATCH, &value))
        count++;
    assert_int_equal(count, 2);
}

static void test_hints(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice head;
        struct slice value;
    } rows[] = {
        {"absent", SLICE_INIT(GET "\r\n"), {NULL, 0}},
        {"once", SLICE_INIT(GET "If-Modified-Since: a\r\n\r\n"), SLICE_INIT("a")},
        {"empty", SLICE_INIT(GET "If-Modified-Since:\r\n\r\n"), SLICE_INIT("")},
        {"twice is as if absent",
         SLICE_INIT(GET "If-Modified-Since: a\r\nif-modified-since: a\r\n\r\n"),
         {NULL, 0}},
        {"another twice",
         SLICE_INIT(GET "If-Modified-Since: a\r\nIf-Unmodified-Since: b\r\n"
                        "If-Unmodified-Since: c\r\n\r\n"),
         SLICE_INIT("a")},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct request request;
        row_assert_number(rows[i].name, request_parse(rows[i].head, MAX_HEAD, &request),
                          REQUEST_WHOLE);
        row_assert_slice(rows[i].name, request_hint(&request, FIELD_IF_MODIFIED_SINCE),
                         rows[i].value);
    }
}

/* A request that is filled in again keeps nothing of the one before. */
static void test_nothing_is_kept(void **state) {
    (void)state;
    struct request request;
    memset(&request, 0xa5, sizeof request);
    assert_int_equal(request_parse(SLICE("GET / HTTP/1.0\r\n\r\n"), MAX_HEAD, &request),
                     REQUEST_WHOLE);
    for (size_t i = 0; i < FIELD_COUNT; i++)
        row_assert(row_at("field", i), request.fields[i].ptr == NULL);
    assert_int_equal(request.repeated, 0);
    assert_int_equal(request.refusal, REFUSAL_NONE);
    assert_int_equal(request.framing, BODY_NONE);
    assert_int_equal(request.content_length, 0);
    assert_false(request.keep_alive || request.expects_continue || request.expects_unknown);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_lines),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_rfc9112_9_3_persistence),
        cmocka_unit_test(test_rfc9112_6_3_framing),
        cmocka_unit_test(test_rfc9110_10_1_1_expectations),
        cmocka_unit_test(test_head_ends_at_the_empty_line),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_every_byte_everywhere),
        cmocka_unit_test(test_damaged_heads),
        cmocka_unit_test(test_rfc9112_3_target_length),
        cmocka_unit_test(test_rfc9112_3_target_that_fills_the_head),
        cmocka_unit_test(test_rfc6585_5_field_count),
        cmocka_unit_test(test_rfc6585_5_head_length),
        cmocka_unit_test(test_long_parts),
        cmocka_unit_test(test_rfc9110_5_3_field_lines),
        cmocka_unit_test(test_field_lines_end_with_the_head),
        cmocka_unit_test(test_hints),
        cmocka_unit_test(test_nothing_is_kept),
    };
    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
