/* Lines as they are written, byte by byte, and what no client can do to them. */
#include "serve/logline.h"

#include "support/guard.h"
#include "support/row.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <time.h>

enum { TARGET = 100, REFERER = 60, USER_AGENT = 50, LINE_MAX_LEN = LOGLINE_FRAME_MAX + 210 };

static const struct logline_limits limits = {TARGET, REFERER, USER_AGENT};
static struct peer peer; /* 192.0.2.7 */
static struct logline logline;

static int setup(void **state) {
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET};
    assert_int_equal(inet_pton(AF_INET, "192.0.2.7", &address.sin_addr), 1);
    peer = peer_of_address((const struct sockaddr *)&address);
    return setenv("TZ", "UTC", 1);
}

/* 2026-11-22T12:01:07.045Z */
enum { TIME_S = 1795348867, TIME_MS = 45 };

static struct log_record a_record(void) {
    return (struct log_record){
        .peer = &peer,
        .time_ms = (int64_t)TIME_S * 1000 + TIME_MS,
        .took_us = 123,
        .request = SLICE("GET /index.html HTTP/1.1"),
        .status = STATUS_OK,
        .content_bytes = 1234,
    };
}

/* The line of a record; its memory is static, and ends where it may at most. */
static struct slice line_of(enum option_log_format format, const struct log_record *record) {
    static char *room;
    guard_free(room, room != NULL ? LINE_MAX_LEN : 0);
    room = guard_room(LINE_MAX_LEN);
    struct buf buf = BUF_INIT(room, LINE_MAX_LEN);
    logline_init(&logline, format, false, &limits);
    logline_put(&logline, &buf, record);
    assert_false(buf.overflow);
    return buf_slice(&buf);
}

static void assert_line(const char *row, enum option_log_format format,
                        const struct log_record *record, const char *expected) {
    row_assert_slice(row, line_of(format, record), slice_of_text(expected));
}

static void test_formats(void **state) {
    (void)state;
    struct log_record record = a_record();
    assert_line("combined", LOG_FORMAT_COMBINED, &record,
                "192.0.2.7 - - [22/Nov/2026:12:01:07 +0000] \"GET /index.html HTTP/1.1\" 200 1234 "
                "\"-\" \"-\"\n");
    assert_line("json", LOG_FORMAT_JSON, &record,
                "{\"time\":\"2026-11-22T12:01:07.045Z\",\"remote\":\"192.0.2.7\",\"method\":"
                "\"GET\",\"target\":\"/index.html\",\"protocol\":\"HTTP/1.1\",\"status\":200,"
                "\"bytes\":1234,\"duration_us\":123}\n");
    assert_line(
        "short", LOG_FORMAT_SHORT, &record,
        "12:01:07  200  GET /index.html                       1.2 kB   0.1 ms  192.0.2.7\n");
    record.referer = SLICE("https://example.org/a");
    record.user_agent = SLICE("curl/7.64.1");
    record.content_bytes = 0;
    record.aborted = true;
    record.status = STATUS_INTERNAL_ERROR;
    assert_line("combined", LOG_FORMAT_COMBINED, &record,
                "192.0.2.7 - - [22/Nov/2026:12:01:07 +0000] \"GET /index.html HTTP/1.1\" 500 - "
                "\"https://example.org/a\" \"curl/7.64.1\"\n");
    assert_line("json", LOG_FORMAT_JSON, &record,
                "{\"time\":\"2026-11-22T12:01:07.045Z\",\"remote\":\"192.0.2.7\",\"method\":"
                "\"GET\",\"target\":\"/index.html\",\"protocol\":\"HTTP/1.1\",\"status\":500,"
                "\"bytes\":0,\"duration_us\":123,\"referer\":\"https://example.org/a\","
                "\"user_agent\":\"curl/7.64.1\",\"aborted\":true}\n");
    assert_line("short", LOG_FORMAT_SHORT, &record,
                "12:01:07  500  GET /index.html                          0 B   0.1 ms  192.0.2.7"
                "  aborted\n");
}

/* What is empty was sent; what is absent was not. */
static void test_empty_fields(void **state) {
    (void)state;
    struct log_record record = a_record();
    record.referer = SLICE("");
    record.user_agent = SLICE("");
    record.request = SLICE("");
    assert_line("combined", LOG_FORMAT_COMBINED, &record,
                "192.0.2.7 - - [22/Nov/2026:12:01:07 +0000] \"-\" 200 1234 \"\" \"\"\n");
    assert_line("json", LOG_FORMAT_JSON, &record,
                "{\"time\":\"2026-11-22T12:01:07.045Z\",\"remote\":\"192.0.2.7\",\"status\":200,"
                "\"bytes\":1234,\"duration_us\":123,\"referer\":\"\",\"user_agent\":\"\"}\n");
    assert_line(
        "short", LOG_FORMAT_SHORT, &record,
        "12:01:07  200  -                                     1.2 kB   0.1 ms  192.0.2.7\n");
}

/* Between the quotes of the request in a combined line, and from the status on back to the address
 * in a line of JSON. */
static struct slice combined_request(struct slice line) {
    static const size_t start = sizeof "192.0.2.7 - - [22/Nov/2026:12:01:07 +0000] \"" - 1;
    struct slice rest = slice_after(line, start);
    return slice_of(rest.ptr, slice_find(rest, '"'));
}

static struct slice json_request(struct slice line) {
    static const char before[] = "{\"time\":\"2026-11-22T12:01:07.045Z\",\"remote\":\"192.0.2.7\",";
    struct slice rest = slice_after(line, sizeof before - 1);
    const char *end = memmem(rest.ptr, rest.len, ",\"status\":", 10);
    assert_non_null(end);
    return slice_of(rest.ptr, (size_t)(end - rest.ptr));
}

static const struct {
    const char *name;
    struct slice request;
    const char *combined;
    const char *json;
} requests[] = {
    {"plain", SLICE_INIT("GET / HTTP/1.0"), "GET / HTTP/1.0",
     "\"method\":\"GET\",\"target\":\"/\",\"protocol\":\"HTTP/1.0\""},
    {"quote", SLICE_INIT("GET /a\"b HTTP/1.1"), "GET /a\\x22b HTTP/1.1",
     "\"method\":\"GET\",\"target\":\"/a\\\"b\",\"protocol\":\"HTTP/1.1\""},
    {"backslash", SLICE_INIT("GET /a\\\" HTTP/1.1"), "GET /a\\x5c\\x22 HTTP/1.1",
     "\"method\":\"GET\",\"target\":\"/a\\\\\\\"\",\"protocol\":\"HTTP/1.1\""},
    {"escape sequence", SLICE_INIT("GET /\x1b[31m\x07 HTTP/1.1"), "GET /\\x1b[31m\\x07 HTTP/1.1",
     "\"method\":\"GET\",\"target\":\"/\\u001b[31m\\u0007\",\"protocol\":\"HTTP/1.1\""},
    {"line end", SLICE_INIT("GET /\r\n127.0.0.1 HTTP/1.1"), "GET /\\x0d\\x0a127.0.0.1 HTTP/1.1",
     "\"method\":\"GET\",\"target\":\"/\\u000d\\u000a127.0.0.1\",\"protocol\":\"HTTP/1.1\""},
    {"NUL and DEL", SLICE_INIT("GET /\0\x7f HTTP/1.1"), "GET /\\x00\\x7f HTTP/1.1",
     "\"method\":\"GET\",\"target\":\"/\\u0000\\u007f\",\"protocol\":\"HTTP/1.1\""},
    {"UTF-8", SLICE_INIT("GET /\xc3\xa9\xf0\x9f\x98\x80 HTTP/1.1"),
     "GET /\\xc3\\xa9\\xf0\\x9f\\x98\\x80 HTTP/1.1",
     "\"method\":\"GET\",\"target\":\"/\xc3\xa9\xf0\x9f\x98\x80\",\"protocol\":\"HTTP/1.1\""},
    {"no UTF-8", SLICE_INIT("GET /\xc3(\xff HTTP/1.1"), "GET /\\xc3(\\xff HTTP/1.1",
     "\"method\":\"GET\",\"target\":\"/\xef\xbf\xbd(\xef\xbf\xbd\",\"protocol\":\"HTTP/1.1\""},
    {"C1 control",
     SLICE_INIT("GET /\xc2\x9b"
                "31m HTTP/1.1"),
     "GET /\\xc2\\x9b31m HTTP/1.1",
     "\"method\":\"GET\",\"target\":\"/\\u009b31m\",\"protocol\":\"HTTP/1.1\""},
    {"blanks in the target", SLICE_INIT("GET /a b c HTTP/1.1"), "GET /a b c HTTP/1.1",
     "\"method\":\"GET\",\"target\":\"/a b c\",\"protocol\":\"HTTP/1.1\""},
    {"two words", SLICE_INIT("GET /"), "GET /", "\"request\":\"GET /\""},
    {"one word", SLICE_INIT("hello"), "hello", "\"request\":\"hello\""},
    {"start of TLS", SLICE_INIT("\x16\x03\x01\x02"), "\\x16\\x03\\x01\\x02",
     "\"request\":\"\\u0016\\u0003\\u0001\\u0002\""},
    {"long method", SLICE_INIT("ABCDEFGHIJABCDEFGHIJABCDEFGHIJABC / HTTP/1.1"),
     "ABCDEFGHIJABCDEFGHIJABCDEFGHIJABC / HTTP/1.1",
     "\"request\":\"ABCDEFGHIJABCDEFGHIJABCDEFGHIJABC / HTTP/1.1\""},
    {"long protocol", SLICE_INIT("GET / 01234567890123456"), "GET / 01234567890123456",
     "\"request\":\"GET / 01234567890123456\""},
};

static void test_requests(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(requests); i++) {
        struct log_record record = a_record();
        record.request = requests[i].request;
        row_assert_slice(requests[i].name, combined_request(line_of(LOG_FORMAT_COMBINED, &record)),
                         slice_of_text(requests[i].combined));
        row_assert_slice(requests[i].name, json_request(line_of(LOG_FORMAT_JSON, &record)),
                         slice_of_text(requests[i].json));
    }
}

static bool is_printable_ascii(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < ' ' || text.ptr[i] > '~')
            return false;
    }
    return true;
}

/* Whatever a client sends, in every field: one line, and nothing in it that commands a terminal. */
static void test_every_byte_in_every_format(void **state) {
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        char text[] = "GET /a?b HTTP/1.1";
        text[6] = (char)byte;
        struct log_record record = a_record();
        record.request = slice_of_text("GET /a HTTP/1.1");
        record.request = slice_of(text, sizeof text - 1);
        record.referer = slice_of(text + 5, 3);
        record.user_agent = slice_of(text + 5, 3);
        for (unsigned format = LOG_FORMAT_COMBINED; format <= LOG_FORMAT_SHORT; format++) {
            struct slice line = line_of((enum option_log_format)format, &record);
            row_assert_number(row_at("line end", byte), slice_find(line, '\n'), line.len - 1);
            line.len--;
            if (format != LOG_FORMAT_JSON || byte < 0x80)
                row_assert(row_at("printable", byte), is_printable_ascii(line));
        }
    }
}

/* `count` times the same, behind a slash. */
static struct slice repeated(char *memory, const char *piece, size_t count) {
    size_t len = strlen(piece);
    memory[0] = '/';
    for (size_t i = 0; i < count; i++)
        memcpy(memory + 1 + i * len, piece, len);
    return slice_of(memory, 1 + count * len);
}

static const struct {
    const char *name;
    const char *piece;
    enum option_log_format format;
    size_t fits; /* pieces behind the slash that are written as they are, and when there are more */
    size_t kept;
    size_t width; /* of a piece as it is written */
} cuts[] = {
    {"plain", "a", LOG_FORMAT_COMBINED, TARGET - 1, TARGET - 4, 1},
    {"escaped", "\"", LOG_FORMAT_COMBINED, 24, 24, 4},
    {"plain in JSON", "a", LOG_FORMAT_JSON, TARGET - 1, TARGET - 4, 1},
    {"escaped in JSON", "\x01", LOG_FORMAT_JSON, 16, 16, 6},
    {"characters of two bytes", "\xc3\xa9", LOG_FORMAT_JSON, 49, 48, 2},
    {"characters of four bytes", "\xf0\x9f\x98\x80", LOG_FORMAT_JSON, 24, 24, 4},
    {"no UTF-8", "\xff", LOG_FORMAT_JSON, 33, 32, 3},
    {"mixed", "ab\"", LOG_FORMAT_COMBINED, 16, 16, 6},
};

static size_t count_in(struct slice text, const char *piece) {
    size_t count = 0;
    size_t len = strlen(piece);
    const char *end = text.ptr + text.len;
    for (const char *at = text.ptr; (at = memmem(at, (size_t)(end - at), piece, len)) != NULL;
         at += len)
        count++;
    return count;
}

/* How a piece is written: what stands between the slashes of "GET /x/ HTTP/1.1". */
static const char *written_as(const char *piece, enum option_log_format format) {
    static char text[64];
    char request[64];
    struct log_record record = a_record();
    int len = snprintf(request, sizeof request, "GET <%s> HTTP/1.1", piece);
    record.request = slice_of(request, (size_t)len);
    struct slice line = line_of(format, &record);
    const char *start = (const char *)memchr(line.ptr, '<', line.len) + 1;
    const char *end = memchr(start, '>', line.len - (size_t)(start - line.ptr));
    memcpy(text, start, (size_t)(end - start));
    text[end - start] = '\0';
    return text;
}

static struct slice line_of_target(enum option_log_format format, const char *piece, size_t count) {
    static char request[2048];
    char target[1024];
    struct log_record record = a_record();
    struct slice slice = repeated(target, piece, count);
    int len = snprintf(request, sizeof request, "GET %.*s HTTP/1.1", (int)slice.len, slice.ptr);
    record.request = slice_of(request, (size_t)len);
    return line_of(format, &record);
}

static void test_long_targets_are_cut_between_characters(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(cuts); i++) {
        const char *row = cuts[i].name;
        char written[64];
        strcpy(written, written_as(cuts[i].piece, cuts[i].format));
        row_assert_number(row, strlen(written), cuts[i].width);
        struct slice line = line_of_target(cuts[i].format, cuts[i].piece, cuts[i].fits);
        row_assert_number(row, count_in(line, "..."), 0);
        row_assert(row, count_in(line, written) >= cuts[i].fits);
        size_t others = count_in(line, written) - cuts[i].fits; /* elsewhere in the line */
        for (size_t more = 1; more < 5; more++) {
            line = line_of_target(cuts[i].format, cuts[i].piece, cuts[i].fits + more);
            row_assert_number(row_at(row, more), count_in(line, "..."), 1);
            row_assert_number(row_at(row, more), count_in(line, written), cuts[i].kept + others);
            row_assert_number(row_at(row, more), count_in(line, "HTTP/1.1"), 1);
        }
    }
}

static void test_long_fields_are_cut(void **state) {
    (void)state;
    char memory[1024];
    struct log_record record = a_record();
    record.referer = repeated(memory, "r", REFERER);
    record.user_agent = repeated(memory + 512, "u", USER_AGENT);
    struct slice line = line_of(LOG_FORMAT_COMBINED, &record);
    assert_int_equal(count_in(line, "r"), REFERER - 4);
    assert_int_equal(count_in(line, "u"), USER_AGENT - 4);
    record.referer.len--;
    record.user_agent.len--;
    line = line_of(LOG_FORMAT_COMBINED, &record);
    assert_int_equal(count_in(line, "r"), REFERER - 1);
    assert_int_equal(count_in(line, "u"), USER_AGENT - 1);
    assert_int_equal(count_in(line, "..."), 0);
}

/* The worst that may come keeps within what the header promises; line_of() has no more room. */
static void test_the_longest_line(void **state) {
    (void)state;
    char bad[1024];
    char request[1200];
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    assert_int_equal(
        inet_pton(AF_INET6, "2001:db8:1111:2222:3333:4444:5555:6666", &address.sin6_addr), 1);
    struct peer far = peer_of_address((const struct sockaddr *)&address);
    struct log_record record = a_record();
    memset(bad, '\x01', sizeof bad);
    memset(request, '\x01', sizeof request);
    request[32] = ' ';
    request[sizeof request - 17] = ' ';
    record.peer = &far;
    record.request = slice_of(request, sizeof request);
    record.referer = slice_of(bad, sizeof bad);
    record.user_agent = slice_of(bad, sizeof bad);
    record.content_bytes = UINT64_MAX;
    record.took_us = INT64_MAX;
    record.status = STATUS_INTERNAL_ERROR;
    record.aborted = true;
    for (unsigned format = LOG_FORMAT_COMBINED; format <= LOG_FORMAT_SHORT; format++) {
        char *room = guard_room(LINE_MAX_LEN);
        struct buf buf = BUF_INIT(room, LINE_MAX_LEN);
        logline_init(&logline, (enum option_log_format)format, true, &limits);
        memset(bad, 'h', sizeof bad);
        logline_add_syslog(&logline, slice_of(bad, sizeof bad), UINT64_MAX);
        memset(bad, '\x01', sizeof bad);
        logline_put(&logline, &buf, &record);
        row_assert(row_at("format", format), !buf.overflow && !logline.syslog.overflow);
        guard_free(room, LINE_MAX_LEN);
    }
}

static const struct {
    const char *name;
    int64_t took_us;
    uint64_t bytes;
    const char *columns;
} columns[] = {
    {"nothing", 0, 0, "   0 B  0.00 ms"},
    {"hardly anything", 44, 7, "   7 B  0.04 ms"},
    {"rounded up", 50, 999, " 999 B   0.1 ms"},
    {"ms", 12345, 1000, "1.0 kB  12.3 ms"},
    {"last tenth", 99949, 99499, " 99 kB  99.9 ms"},
    {"first whole", 99950, 999499, "999 kB   100 ms"},
    {"last ms", 999499, 1000000, "1.0 MB   999 ms"},
    {"first s", 999500, 12345678, " 12 MB    1.0 s"},
    {"s", 12345678, 999999999, "1.0 GB   12.3 s"},
    {"many s", 123456789, 1, "   1 B    123 s"},
};

static void test_columns(void **state) {
    (void)state;
    static const char before[] = "12:01:07  200  GET /index.html                       ";
    for (size_t i = 0; i < ROWS_COUNT(columns); i++) {
        char expected[128];
        struct log_record record = a_record();
        record.took_us = columns[i].took_us;
        record.content_bytes = columns[i].bytes;
        (void)snprintf(expected, sizeof expected, "%s%s  192.0.2.7\n", before, columns[i].columns);
        assert_line(columns[i].name, LOG_FORMAT_SHORT, &record, expected);
    }
}

static const struct {
    const char *name;
    enum status status;
    const char *start;
} colours[] = {
    {"2xx", STATUS_OK, "12:01:07  \x1b[32m200\x1b[0m  GET"},
    {"3xx", STATUS_NOT_MODIFIED, "12:01:07  \x1b[36m304\x1b[0m  GET"},
    {"4xx", STATUS_NOT_FOUND, "12:01:07  \x1b[33m404\x1b[0m  GET"},
    {"5xx", STATUS_INTERNAL_ERROR, "12:01:07  \x1b[31m500\x1b[0m  GET"},
};

static void test_colours(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(colours); i++) {
        char memory[LINE_MAX_LEN];
        struct buf buf = BUF_INIT(memory, sizeof memory);
        struct log_record record = a_record();
        record.status = colours[i].status;
        logline_init(&logline, LOG_FORMAT_SHORT, true, &limits);
        logline_put(&logline, &buf, &record);
        struct slice start = slice_of_text(colours[i].start);
        row_assert_slice(colours[i].name, slice_of(memory, start.len), start);
        row_assert_number(colours[i].name, count_in(buf_slice(&buf), "\x1b"), 2);
    }
}

static const struct {
    const char *name;
    enum status status;
    struct slice host;
    const char *start;
} messages[] = {
    {"rfc5424-6.2.1 informational", STATUS_OK, SLICE_INIT("web"),
     "<134>1 2026-11-22T12:01:07.045Z web pronto 17 access - 192.0.2.7 - - ["},
    {"rfc5424-6.2.1 redirect", STATUS_FOUND, SLICE_INIT("web"),
     "<134>1 2026-11-22T12:01:07.045Z web pronto 17 access - 192.0.2.7 - - ["},
    {"rfc5424-6.2.1 notice", STATUS_NOT_FOUND, SLICE_INIT("web"),
     "<133>1 2026-11-22T12:01:07.045Z web pronto 17 access - 192.0.2.7 - - ["},
    {"rfc5424-6.2.1 error", STATUS_INTERNAL_ERROR, SLICE_INIT("web"),
     "<131>1 2026-11-22T12:01:07.045Z web pronto 17 access - 192.0.2.7 - - ["},
    {"rfc5424-6.2.4 no name", STATUS_OK, SLICE_INIT(""),
     "<134>1 2026-11-22T12:01:07.045Z - pronto 17 access - 192.0.2.7 - - ["},
    {"rfc5424-6 what is no PRINTUSASCII", STATUS_OK, SLICE_INIT("a b\n\xc3\xa9"),
     "<134>1 2026-11-22T12:01:07.045Z a?b??? pronto 17 access - 192.0.2.7 - - ["},
};

static void test_syslog(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(messages); i++) {
        char memory[LINE_MAX_LEN];
        struct buf buf = BUF_INIT(memory, sizeof memory);
        struct log_record record = a_record();
        record.status = messages[i].status;
        logline_init(&logline, LOG_FORMAT_COMBINED, false, &limits);
        logline_add_syslog(&logline, messages[i].host, 17);
        logline_put(&logline, &buf, &record);
        struct slice start = slice_of_text(messages[i].start);
        row_assert_slice(messages[i].name, slice_of(memory, start.len), start);
    }
}

/* The time is written anew whenever it is another one, also an earlier one. */
static void test_time_goes_on(void **state) {
    (void)state;
    static const struct {
        int64_t time_ms;
        const char *stamp;
    } rows[] = {
        {(int64_t)TIME_S * 1000, "2026-11-22T12:01:07.000Z"},
        {(int64_t)TIME_S * 1000 + 999, "2026-11-22T12:01:07.999Z"},
        {(int64_t)TIME_S * 1000 + 1000, "2026-11-22T12:01:08.000Z"},
        {(int64_t)TIME_S * 1000 - 1, "2026-11-22T12:01:06.999Z"},
        {0, "1970-01-01T00:00:00.000Z"},
    };
    logline_init(&logline, LOG_FORMAT_JSON, false, &limits);
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char memory[LINE_MAX_LEN];
        struct buf buf = BUF_INIT(memory, sizeof memory);
        struct log_record record = a_record();
        record.time_ms = rows[i].time_ms;
        logline_put(&logline, &buf, &record);
        row_assert_slice(rows[i].stamp, slice_of(memory + 9, 24), slice_of_text(rows[i].stamp));
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_empty_fields),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_every_byte_in_every_format),
        cmocka_unit_test(test_long_targets_are_cut_between_characters),
        cmocka_unit_test(test_long_fields_are_cut),
        cmocka_unit_test(test_the_longest_line),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_colours),
        cmocka_unit_test(test_syslog),
        cmocka_unit_test(test_time_goes_on),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
