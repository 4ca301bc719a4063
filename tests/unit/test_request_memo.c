/* Heads whose fields may be those of the one before. What is made of them must not depend on it. */
#include "http/request.h"

#include "support/guard.h"
#include "support/row.h"
#include "support/same_request.h"

#include <string.h>

enum { MAX_HEAD = 16384 };

#define GET  "GET / HTTP/1.1\r\n"
#define HOST "Host: example.com\r\n"
#define T8   "12345678"
#define T64  T8 T8 T8 T8 T8 T8 T8 T8
#define T512 T64 T64 T64 T64 T64 T64 T64 T64
#define FULL HOST "X: " T512 T64 T64 T64 T64 T64 T64 T64 T8 T8 T8 T8 "123456"

_Static_assert(sizeof FULL "\r\n\r\n" - 1 == REQUEST_MEMO_MAX, "what is remembered at most");

static const struct {
    const char *name;
    struct slice head;
} rows[] = {
    {"one field", SLICE_INIT(GET HOST "\r\n")},
    {"the same behind another target", SLICE_INIT("GET /other?x HTTP/1.1\r\n" HOST "\r\n")},
    {"the same behind another method", SLICE_INIT("HEAD / HTTP/1.1\r\n" HOST "\r\n")},
    {"the same behind an unknown method", SLICE_INIT("BREW / HTTP/1.1\r\n" HOST "\r\n")},
    {"the same behind an empty line", SLICE_INIT("\r\n" GET HOST "\r\n")},
    {"the same, older", SLICE_INIT("GET / HTTP/1.0\r\n" HOST "\r\n")},
    {"the same, newer", SLICE_INIT("GET / HTTP/1.7\r\n" HOST "\r\n")},
    {"the same, and a request behind it", SLICE_INIT(GET HOST "\r\n" GET HOST "\r\n")},
    {"the same, of another protocol", SLICE_INIT("GET / HTTP/2.0\r\n" HOST "\r\n")},
    {"the same, not whole", SLICE_INIT(GET HOST)},
    {"the same but for its last byte", SLICE_INIT(GET HOST "\r\r")},
    {"no field", SLICE_INIT(GET "\r\n")},
    {"no field, older", SLICE_INIT("GET / HTTP/1.0\r\n\r\n")},
    {"the same and one more", SLICE_INIT(GET HOST "Range: bytes=0-1\r\n\r\n")},
    {"the same twice", SLICE_INIT(GET HOST HOST "\r\n")},
    {"as long, other", SLICE_INIT(GET "Host: example.org\r\n\r\n")},
    {"no host", SLICE_INIT(GET "Host: exa mple\r\n\r\n")},
    {"close", SLICE_INIT(GET HOST "Connection: close\r\n\r\n")},
    {"keep-alive, older", SLICE_INIT("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")},
    {"keep-alive, without a host", SLICE_INIT(GET "Connection: keep-alive\r\n\r\n")},
    {"content", SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 17\r\n\r\n")},
    {"chunks", SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n")},
    {"chunks, older", SLICE_INIT("POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n")},
    {"waits", SLICE_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n"
                         "Expect: 100-continue\r\n\r\n")},
    {"waits, older", SLICE_INIT("POST / HTTP/1.0\r\n" HOST "Content-Length: 1\r\n"
                                "Expect: 100-continue\r\n\r\n")},
    {"expects else", SLICE_INIT(GET HOST "Expect: else\r\n\r\n")},
    {"several lines of a field",
     SLICE_INIT(GET "If-Match: \"a\"\r\n" HOST "If-Match: \"b\"\r\nAccept: x/y\r\n\r\n")},
    {"as much as is remembered", SLICE_INIT(GET FULL "\r\n\r\n")},
    {"a byte more than that", SLICE_INIT(GET FULL "7\r\n\r\n")},
    {"much", SLICE_INIT(GET HOST "X: " T512 T512 "\r\n\r\n")},
};

static struct parsed parse(struct request_memo *memo, struct slice input, size_t max_head) {
    struct parsed parsed = {.input = slice_of(guard_copy(input), input.len)};
    memset(&parsed.request, 0xa5, sizeof parsed.request);
    parsed.outcome = memo != NULL
                         ? request_parse_with(memo, parsed.input, max_head, &parsed.request)
                         : request_parse(parsed.input, max_head, &parsed.request);
    return parsed;
}

/* The second after the first one, which is gone by then, with any bound. */
static void assert_same_after(const char *row, struct slice first, struct slice second) {
    for (size_t max_head = 1; max_head <= second.len + 1; max_head++) {
        struct request_memo memo = {0};
        struct parsed before = parse(&memo, first, MAX_HEAD);
        guard_free((char *)before.input.ptr, before.input.len);
        struct parsed alone = parse(NULL, second, max_head);
        struct parsed after = parse(&memo, second, max_head);
        row_assert(row, parsed_is_same(&alone, &after));
        guard_free((char *)alone.input.ptr, alone.input.len);
        guard_free((char *)after.input.ptr, after.input.len);
    }
}

static void test_each_after_each(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        for (size_t j = 0; j < ROWS_COUNT(rows); j++)
            assert_same_after(rows[j].name, rows[i].head, rows[j].head);
    }
}

/* What is read again is not what a forged memory says of it. */
static void test_what_is_remembered(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice head;
        bool remembered;
    } cases[] = {
        {"the same", SLICE_INIT("GET /other HTTP/1.1\r\n" HOST "\r\n"), true},
        {"more behind it", SLICE_INIT(GET HOST "\r\nmore"), true},
        {"another version", SLICE_INIT("GET / HTTP/1.0\r\n" HOST "\r\n"), false},
        {"another field", SLICE_INIT(GET HOST "A: b\r\n\r\n"), false},
    };
    for (size_t i = 0; i < ROWS_COUNT(cases); i++) {
        struct request_memo memo = {0};
        struct request request;
        assert_int_equal(request_parse_with(&memo, rows[0].head, MAX_HEAD, &request),
                         REQUEST_WHOLE);
        memo.request.content_length = 7;
        row_assert_number(cases[i].name,
                          request_parse_with(&memo, cases[i].head, MAX_HEAD, &request),
                          REQUEST_WHOLE);
        row_assert_number(cases[i].name, request.content_length, cases[i].remembered ? 7 : 0);
    }
}

/* Who asks in the same words has the same number, and nobody else has it, before or after. */
static void test_wording(void **state) {
    (void)state;
    uint64_t wordings[ROWS_COUNT(rows)];
    struct slice texts[ROWS_COUNT(rows)];
    struct request_memo memo = {0};
    struct request request;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const char *name = rows[i].name;
        enum request_outcome outcome = request_parse_with(&memo, rows[i].head, MAX_HEAD, &request);
        wordings[i] = request.wording;
        if (wordings[i] != 0)
            texts[i] = slice_of(request.head.ptr + request.head.len - memo.len, memo.len);
        row_assert_number(name, request_parse_with(&memo, rows[i].head, MAX_HEAD, &request),
                          outcome);
        row_assert_number(name, request.wording, wordings[i]);
        if (outcome != REQUEST_WHOLE)
            row_assert_number(name, wordings[i], 0);
        (void)request_parse(rows[i].head, MAX_HEAD, &request);
        row_assert_number(name, request.wording, 0);
    }
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        for (size_t j = 0; j < i; j++) {
            if (wordings[i] != 0 && wordings[i] == wordings[j])
                row_assert_slice(rows[i].name, texts[i], texts[j]);
        }
    }
}

/* A head that has too much for the memo, or is refused, leaves what is remembered. */
static void test_what_is_not_remembered(void **state) {
    (void)state;
    static const struct slice heads[] = {
        SLICE_INIT(GET FULL "7\r\n\r\n"),
        SLICE_INIT(GET HOST HOST "\r\n"),
        SLICE_INIT(GET "Host: exa mple\r\n\r\n"),
        SLICE_INIT(GET HOST),
    };
    for (size_t i = 0; i < ROWS_COUNT(heads); i++) {
        struct request_memo memo = {0};
        struct request request;
        (void)request_parse_with(&memo, heads[i], MAX_HEAD, &request);
        row_assert_number(row_at("head", i), memo.len, 0);
        (void)request_parse_with(&memo, rows[0].head, MAX_HEAD, &request);
        (void)request_parse_with(&memo, heads[i], MAX_HEAD, &request);
        row_assert_slice(row_at("head", i), slice_of(memo.text, memo.len), SLICE(HOST "\r\n"));
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_after_each),
        cmocka_unit_test(test_what_is_remembered),
        cmocka_unit_test(test_wording),
        cmocka_unit_test(test_what_is_not_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
