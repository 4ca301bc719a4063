#include "http/body.h"

#include "base/buf.h"
#include "support/guard.h"
#include "support/row.h"

#include <stdlib.h>

static const struct row {
    const char *name;
    enum body_framing framing;
    uint64_t length;
    uint64_t max;
    struct slice input;
    enum body_outcome outcome;
    size_t consumed; /* with BODY_DONE; with BODY_MORE it is all */
} rows[] = {
    {"no content", BODY_NONE, 0, 0, SLICE_INIT(""), BODY_DONE, 0},
    {"no content, the next request", BODY_NONE, 0, 10, SLICE_INIT("GET /"), BODY_DONE, 0},
    {"no content, whatever the length", BODY_NONE, 5, 10, SLICE_INIT("GET /"), BODY_DONE, 0},

    {"rfc9112-6.2 empty", BODY_LENGTH, 0, 10, SLICE_INIT("GET /"), BODY_DONE, 0},
    {"rfc9112-6.2 empty, and nothing behind it", BODY_LENGTH, 0, 10, SLICE_INIT(""), BODY_DONE, 0},
    {"rfc9112-6.2 whole", BODY_LENGTH, 5, 10, SLICE_INIT("abcde"), BODY_DONE, 5},
    {"rfc9112-6.2 whole, and the next request", BODY_LENGTH, 5, 10, SLICE_INIT("abcdeGET /"),
     BODY_DONE, 5},
    {"rfc9112-6.2 nothing of it", BODY_LENGTH, 5, 10, SLICE_INIT(""), BODY_MORE, 0},
    {"rfc9112-6.2 a part", BODY_LENGTH, 5, 10, SLICE_INIT("abcd"), BODY_MORE, 0},
    {"rfc9112-6.2 any bytes", BODY_LENGTH, 8, 10, SLICE_INIT("0\r\n\r\n\0\xff\n"), BODY_DONE, 8},
    {"as much as allowed", BODY_LENGTH, 5, 5, SLICE_INIT("abcde"), BODY_DONE, 5},
    {"rfc9110-15.5.14 more than allowed", BODY_LENGTH, 6, 5, SLICE_INIT("abcdef"), BODY_TOO_LARGE,
     0},
    {"more than allowed, known at once", BODY_LENGTH, 6, 5, SLICE_INIT(""), BODY_TOO_LARGE, 0},
    {"the largest length", BODY_LENGTH, INT64_MAX, 5, SLICE_INIT("a"), BODY_TOO_LARGE, 0},
    {"the largest length, allowed", BODY_LENGTH, INT64_MAX, UINT64_MAX, SLICE_INIT("abc"),
     BODY_MORE, 0},
    {"nothing allowed and nothing there", BODY_LENGTH, 0, 0, SLICE_INIT("G"), BODY_DONE, 0},

    {"rfc9112-7.1 one chunk", BODY_CHUNKED, 0, 10, SLICE_INIT("3\r\nabc\r\n0\r\n\r\n"), BODY_DONE,
     13},
    {"rfc9112-7.1 and the next request", BODY_CHUNKED, 0, 10,
     SLICE_INIT("3\r\nabc\r\n0\r\n\r\nGET /"), BODY_DONE, 13},
    {"rfc9112-7.1 and an empty line", BODY_CHUNKED, 0, 10, SLICE_INIT("0\r\n\r\n\r\n"), BODY_DONE,
     5},
    {"rfc9112-7.1 no chunk but the last", BODY_CHUNKED, 0, 0, SLICE_INIT("0\r\n\r\n"), BODY_DONE,
     5},
    {"rfc9112-7.1 a last chunk of many zeros", BODY_CHUNKED, 0, 0, SLICE_INIT("000\r\n\r\n"),
     BODY_DONE, 7},
    {"rfc9112-7.1 three chunks", BODY_CHUNKED, 0, 10,
     SLICE_INIT("1\r\na\r\n2\r\nbc\r\n03\r\ndef\r\n0\r\n\r\nX"), BODY_DONE, 27},
    {"rfc9112-7.1 line ends in the data", BODY_CHUNKED, 0, 10,
     SLICE_INIT("7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n"), BODY_DONE, 17},
    {"rfc9112-7.1 hexadecimal, lower case", BODY_CHUNKED, 0, 20,
     SLICE_INIT("a\r\n0123456789\r\n0\r\n\r\n"), BODY_DONE, 20},
    {"rfc9112-7.1 hexadecimal, upper case", BODY_CHUNKED, 0, 20,
     SLICE_INIT("B\r\n0123456789a\r\n0\r\n\r\n"), BODY_DONE, 21},
    {"rfc9112-7.1 two digits", BODY_CHUNKED, 0, 20,
     SLICE_INIT("10\r\n0123456789abcdef\r\n0\r\n\r\n"), BODY_DONE, 27},
    {"chunks as much as allowed", BODY_CHUNKED, 0, 3, SLICE_INIT("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"),
     BODY_DONE, 18},
    {"rfc9110-15.5.14 chunks more than allowed", BODY_CHUNKED, 0, 2,
     SLICE_INIT("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"), BODY_TOO_LARGE, 0},
    {"a chunk more than allowed, known from its size", BODY_CHUNKED, 0, 2, SLICE_INIT("3\r\n"),
     BODY_TOO_LARGE, 0},
    {"a size of 64 bits", BODY_CHUNKED, 0, 10, SLICE_INIT("ffffffffffffffff\r\n"), BODY_TOO_LARGE,
     0},
    {"a size of 64 bits, allowed", BODY_CHUNKED, 0, UINT64_MAX,
     SLICE_INIT("ffffffffffffffff\r\nabc"), BODY_MORE, 0},
    {"two chunks that are too many by their sum", BODY_CHUNKED, 0, UINT64_MAX,
     SLICE_INIT("1\r\na\r\nffffffffffffffff\r\n"), BODY_TOO_LARGE, 0},
    {"rfc9112-7.1 a size that overflows", BODY_CHUNKED, 0, UINT64_MAX,
     SLICE_INIT("10000000000000000\r\n"), BODY_BAD, 0},
    {"a size that overflows to a small one", BODY_CHUNKED, 0, 10,
     SLICE_INIT("10000000000000001\r\na\r\n0\r\n\r\n"), BODY_BAD, 0},
    {"sizes of 16 digits, twice", BODY_CHUNKED, 0, 10,
     SLICE_INIT("0000000000000001\r\na\r\n0000000000000000\r\n\r\n"), BODY_DONE, 41},

    {"nothing yet", BODY_CHUNKED, 0, 10, SLICE_INIT(""), BODY_MORE, 0},
    {"a size without its end", BODY_CHUNKED, 0, 10, SLICE_INIT("3"), BODY_MORE, 0},
    {"no end of the data", BODY_CHUNKED, 0, 10, SLICE_INIT("3\r\nabc"), BODY_MORE, 0},
    {"no last chunk", BODY_CHUNKED, 0, 10, SLICE_INIT("3\r\nabc\r\n"), BODY_MORE, 0},
    {"no end of the trailer section", BODY_CHUNKED, 0, 10, SLICE_INIT("0\r\n"), BODY_MORE, 0},
    {"half of the last line end", BODY_CHUNKED, 0, 10, SLICE_INIT("0\r\n\r"), BODY_MORE, 0},
    {"a trailer without its end", BODY_CHUNKED, 0, 10, SLICE_INIT("0\r\na: b\r\n"), BODY_MORE, 0},

    {"rfc9112-7.1.1 extension", BODY_CHUNKED, 0, 10, SLICE_INIT("1;a=b\r\nx\r\n0\r\n\r\n"),
     BODY_DONE, 15},
    {"rfc9112-7.1.1 extension without a value", BODY_CHUNKED, 0, 10,
     SLICE_INIT("1;a\r\nx\r\n0\r\n\r\n"), BODY_DONE, 13},
    {"rfc9112-7.1.1 extensions, quoted", BODY_CHUNKED, 0, 10,
     SLICE_INIT("1;a=\"b;\\\" c\";d=e\r\nx\r\n0;f\r\n\r\n"), BODY_DONE, 28},
    {"rfc9112-7.1.1 white space before the semicolon", BODY_CHUNKED, 0, 10,
     SLICE_INIT("1 \t ; a = b\r\nx\r\n0\r\n\r\n"), BODY_DONE, 21},
    {"extension of the last chunk", BODY_CHUNKED, 0, 10, SLICE_INIT("0;a=b\r\n\r\n"), BODY_DONE, 9},
    {"LF in an extension", BODY_CHUNKED, 0, 10, SLICE_INIT("1;a\nx\r\n0\r\n\r\n"), BODY_BAD, 0},
    {"CR in an extension", BODY_CHUNKED, 0, 10, SLICE_INIT("1;a\rb\r\nx\r\n0\r\n\r\n"), BODY_BAD,
     0},
    {"NUL in an extension", BODY_CHUNKED, 0, 10, SLICE_INIT("1;a\0\r\nx\r\n0\r\n\r\n"), BODY_BAD,
     0},
    {"DEL in an extension", BODY_CHUNKED, 0, 10, SLICE_INIT("1;\x7f\r\nx\r\n0\r\n\r\n"), BODY_BAD,
     0},
    {"rfc9112-7.1.1 a line end in a quoted extension", BODY_CHUNKED, 0, 10,
     SLICE_INIT("1;a=\"\r\n\"\r\n0\r\n\r\n"), BODY_BAD, 0},
    {"rfc9112-7.1.1 a quoted line end in a quoted extension", BODY_CHUNKED, 0, 10,
     SLICE_INIT("1;a=\"\\\r\n\"\r\nx\r\n0\r\n\r\n"), BODY_BAD, 0},
    {"rfc9112-7.1.1 a quoted NUL in a quoted extension", BODY_CHUNKED, 0, 10,
     SLICE_INIT("1;a=\"\\\0\"\r\nx\r\n0\r\n\r\n"), BODY_BAD, 0},

    {"rfc9112-7.1.2 trailer", BODY_CHUNKED, 0, 10, SLICE_INIT("0\r\nA: b\r\n\r\nG"), BODY_DONE, 11},
    {"rfc9112-7.1.2 trailers", BODY_CHUNKED, 0, 10,
     SLICE_INIT("0\r\nA: b\r\nC:\r\nd:\t\xe9 \r\n\r\n"), BODY_DONE, 22},
    {"rfc9110-6.5.1 a trailer that frames is passed over", BODY_CHUNKED, 0, 10,
     SLICE_INIT("0\r\nContent-Length: 5\r\n\r\nabcde"), BODY_DONE, 24},
    {"trailer without a name", BODY_CHUNKED, 0, 10, SLICE_INIT("0\r\n: b\r\n\r\n"), BODY_BAD, 0},
    {"trailer without a name, and two colons", BODY_CHUNKED, 0, 10, SLICE_INIT("0\r\n::b\r\n\r\n"),
     BODY_BAD, 0},
    {"trailer that ends with CR and no LF", BODY_CHUNKED, 0, 10, SLICE_INIT("0\r\nA: b\rx\r\n"),
     BODY_BAD, 0},
    {"trailer without a colon", BODY_CHUNKED, 0, 10, SLICE_INIT("0\r\nA\r\n\r\n"), BODY_BAD, 0},
    {"rfc9112-5.1 white space before the colon", BODY_CHUNKED, 0, 10,
     SLICE_INIT("0\r\nA : b\r\n\r\n"), BODY_BAD, 0},
    {"rfc9112-5.2 folded trailer", BODY_CHUNKED, 0, 10, SLICE_INIT("0\r\nA: b\r\n c\r\n\r\n"),
     BODY_BAD, 0},
    {"trailer that ends with LF", BODY_CHUNKED, 0, 10, SLICE_INIT("0\r\nA: b\n\r\n"), BODY_BAD, 0},
    {"CR in a trailer", BODY_CHUNKED, 0, 10, SLICE_INIT("0\r\nA: b\rc\r\n\r\n"), BODY_BAD, 0},
    {"NUL in a trailer", BODY_CHUNKED, 0, 10, SLICE_INIT("0\r\nA: \0\r\n\r\n"), BODY_BAD, 0},
    {"the next request for a trailer", BODY_CHUNKED, 0, 10, SLICE_INIT("0\r\nGET / HTTP/1.1\r\n"),
     BODY_BAD, 0},

    {"no size", BODY_CHUNKED, 0, 10, SLICE_INIT("\r\nabc"), BODY_BAD, 0},
    {"no size but an extension", BODY_CHUNKED, 0, 10, SLICE_INIT(";a\r\n"), BODY_BAD, 0},
    {"no digit", BODY_CHUNKED, 0, 10, SLICE_INIT("g\r\n"), BODY_BAD, 0},
    {"no digit behind a digit", BODY_CHUNKED, 0, 10, SLICE_INIT("1g\r\na\r\n"), BODY_BAD, 0},
    {"0x", BODY_CHUNKED, 0, 10, SLICE_INIT("0x1\r\na\r\n0\r\n\r\n"), BODY_BAD, 0},
    {"plus", BODY_CHUNKED, 0, 10, SLICE_INIT("+1\r\na\r\n0\r\n\r\n"), BODY_BAD, 0},
    {"minus", BODY_CHUNKED, 0, 10, SLICE_INIT("-1\r\na\r\n0\r\n\r\n"), BODY_BAD, 0},
    {"white space before the size", BODY_CHUNKED, 0, 10, SLICE_INIT(" 1\r\na\r\n0\r\n\r\n"),
     BODY_BAD, 0},
    {"white space behind the size", BODY_CHUNKED, 0, 10, SLICE_INIT("1 \r\na\r\n0\r\n\r\n"),
     BODY_BAD, 0},
    {"white space in the size", BODY_CHUNKED, 0, 10, SLICE_INIT("1 1\r\na\r\n0\r\n\r\n"), BODY_BAD,
     0},
    {"a comma behind the size", BODY_CHUNKED, 0, 10, SLICE_INIT("1,\r\na\r\n0\r\n\r\n"), BODY_BAD,
     0},
    {"NUL behind the size", BODY_CHUNKED, 0, 10, SLICE_INIT("1\0\r\na\r\n0\r\n\r\n"), BODY_BAD, 0},
    {"the size ends with LF", BODY_CHUNKED, 0, 10, SLICE_INIT("1\na\r\n0\r\n\r\n"), BODY_BAD, 0},
    {"the size ends with CR", BODY_CHUNKED, 0, 10, SLICE_INIT("1\ra\r\n0\r\n\r\n"), BODY_BAD, 0},
    {"the size ends with CR and no LF", BODY_CHUNKED, 0, 10, SLICE_INIT("1\rxa\r\n0\r\n\r\n"),
     BODY_BAD, 0},
    {"the size ends with CR CR LF", BODY_CHUNKED, 0, 10, SLICE_INIT("1\r\r\na\r\n0\r\n\r\n"),
     BODY_BAD, 0},
    {"the data is longer than its size", BODY_CHUNKED, 0, 10, SLICE_INIT("1\r\nab\r\n0\r\n\r\n"),
     BODY_BAD, 0},
    {"the data is shorter than its size", BODY_CHUNKED, 0, 10, SLICE_INIT("4\r\nab\r\n0\r\n\r\n"),
     BODY_BAD, 0},
    {"the data ends with LF", BODY_CHUNKED, 0, 10, SLICE_INIT("1\r\na\n0\r\n\r\n"), BODY_BAD, 0},
    {"the data ends with CR", BODY_CHUNKED, 0, 10, SLICE_INIT("1\r\na\r0\r\n\r\n"), BODY_BAD, 0},
    {"the data ends with CR and no LF", BODY_CHUNKED, 0, 10, SLICE_INIT("1\r\na\rx0\r\n\r\n"),
     BODY_BAD, 0},
    {"the data ends with LF and no CR", BODY_CHUNKED, 0, 10, SLICE_INIT("1\r\nax\n0\r\n\r\n"),
     BODY_BAD, 0},
    {"no line end behind the data", BODY_CHUNKED, 0, 10, SLICE_INIT("1\r\na0\r\n\r\n"), BODY_BAD,
     0},
    {"the last line ends with LF", BODY_CHUNKED, 0, 10, SLICE_INIT("0\r\n\n"), BODY_BAD, 0},
    {"the last line ends with CR CR", BODY_CHUNKED, 0, 10, SLICE_INIT("0\r\n\r\r\n"), BODY_BAD, 0},
    {"the last line ends with CR and no LF", BODY_CHUNKED, 0, 10, SLICE_INIT("0\r\n\rx"), BODY_BAD,
     0},
    {"the last chunk ends with LF", BODY_CHUNKED, 0, 10, SLICE_INIT("0\n\r\n"), BODY_BAD, 0},
};

/* Feeds `part` from a guarded copy; adds what was consumed to `total`. */
static enum body_outcome feed(struct body *body, struct slice part, size_t *total) {
    size_t consumed = SIZE_MAX;
    char *copy = guard_copy(part);
    enum body_outcome outcome = body_consume(body, slice_of(copy, part.len), &consumed);
    guard_free(copy, part.len);
    if (outcome == BODY_DONE || outcome == BODY_MORE)
        *total += consumed;
    return outcome;
}

static void check(const char *name, const struct row *row, enum body_outcome outcome,
                  size_t total) {
    row_assert_number(name, outcome, row->outcome);
    if (outcome == BODY_DONE)
        row_assert_number(name, total, row->consumed);
    if (outcome == BODY_MORE)
        row_assert_number(name, total, row->input.len);
}

static void test_whole(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct body body;
        size_t total = 0;
        body_start(&body, rows[i].framing, rows[i].length, rows[i].max);
        enum body_outcome outcome = feed(&body, rows[i].input, &total);
        check(rows[i].name, &rows[i], outcome, total);
    }
}

/* Each part must be taken whole as long as there is more to come. */
static void test_at_every_split(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        for (size_t split = 0; split <= rows[i].input.len; split++) {
            const char *name = row_at(rows[i].name, split);
            struct body body;
            size_t total = 0;
            body_start(&body, rows[i].framing, rows[i].length, rows[i].max);
            enum body_outcome outcome = feed(&body, slice_of(rows[i].input.ptr, split), &total);
            if (outcome == BODY_MORE) {
                row_assert_number(name, total, split);
                outcome = feed(&body, slice_after(rows[i].input, split), &total);
            }
            check(name, &rows[i], outcome, total);
        }
    }
}

static void test_byte_by_byte(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct body body;
        size_t total = 0;
        body_start(&body, rows[i].framing, rows[i].length, rows[i].max);
        enum body_outcome outcome = feed(&body, SLICE(""), &total);
        for (size_t at = 0; at < rows[i].input.len && outcome == BODY_MORE; at++) {
            row_assert_number(row_at(rows[i].name, at), total, at);
            outcome = feed(&body, slice_of(rows[i].input.ptr + at, 1), &total);
        }
        check(rows[i].name, &rows[i], outcome, total);
    }
}

/* No prefix of a complete body is complete, and none of a good one is bad. */
static void test_prefixes_say_more(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        if (rows[i].outcome != BODY_DONE && rows[i].outcome != BODY_MORE)
            continue;
        size_t whole = rows[i].outcome == BODY_DONE ? rows[i].consumed : rows[i].input.len;
        for (size_t len = 0; len < whole; len++) {
            struct body body;
            size_t total = 0;
            body_start(&body, rows[i].framing, rows[i].length, rows[i].max);
            row_assert_number(row_at(rows[i].name, len),
                              feed(&body, slice_of(rows[i].input.ptr, len), &total), BODY_MORE);
        }
    }
}

/* Chunked content with so many bytes of an extension, its ';' with them, and of a trailer field,
 * its
 * ':' with them. */
static enum body_outcome consume_overhead(size_t extension, size_t trailer) {
    static char memory[1 << 17];
    struct buf text = BUF_INIT(memory, sizeof memory);
    buf_put_char(&text, '0');
    for (size_t i = 0; i < extension; i++)
        buf_put_char(&text, i == 0 ? ';' : 'x');
    buf_put(&text, SLICE("\r\n"));
    for (size_t i = 0; i < trailer; i++)
        buf_put_char(&text, i == 0 ? 'a' : i == 1 ? ':' : 'y');
    buf_put(&text, trailer > 0 ? SLICE("\r\n\r\n") : SLICE("\r\n"));
    assert_false(text.overflow);

    struct body body;
    size_t consumed;
    body_start(&body, BODY_CHUNKED, 0, 0);
    enum body_outcome outcome = body_consume(&body, buf_slice(&text), &consumed);
    if (outcome == BODY_DONE)
        assert_int_equal(consumed, text.len);
    return outcome;
}

static void test_overhead_is_bounded(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t extension;
        size_t trailer;
        enum body_outcome outcome;
    } bounds[] = {
        {"extension, the most", BODY_OVERHEAD_MAX, 0, BODY_DONE},
        {"extension, one more", BODY_OVERHEAD_MAX + 1, 0, BODY_BAD},
        {"trailer, the most", 0, BODY_OVERHEAD_MAX, BODY_DONE},
        {"trailer, one more", 0, BODY_OVERHEAD_MAX + 1, BODY_BAD},
        {"both, the most", 1000, BODY_OVERHEAD_MAX - 1000, BODY_DONE},
        {"both, one more", 1000, BODY_OVERHEAD_MAX - 999, BODY_BAD},
        {"extension, so many that 16 bits overflow", 65536 + 10, 0, BODY_BAD},
    };
    for (size_t i = 0; i < ROWS_COUNT(bounds); i++)
        row_assert_number(bounds[i].name, consume_overhead(bounds[i].extension, bounds[i].trailer),
                          bounds[i].outcome);
}

/* Feeds `unit` again and again; returns the number of the one that was too much, or `times`. */
static size_t feed_repeatedly(const char *start, const char *unit, size_t times) {
    struct body body;
    size_t total = 0;
    body_start(&body, BODY_CHUNKED, 0, UINT64_MAX);
    if (body_consume(&body, slice_of_text(start), &total) != BODY_MORE)
        return 0;
    for (size_t i = 0; i < times; i++) {
        if (body_consume(&body, slice_of_text(unit), &total) != BODY_MORE)
            return i;
    }
    return times;
}

/* However it is dressed up, what is no content ends; content does not count as such. */
static void test_endless_overhead_ends(void **state) {
    (void)state;
    assert_in_range(feed_repeatedly("", "1;\r\na\r\n", 10000), 1, BODY_OVERHEAD_MAX);
    assert_in_range(feed_repeatedly("1 ", " \t", 10000), 1, BODY_OVERHEAD_MAX);
    assert_in_range(feed_repeatedly("0\r\n", "a:\r\n", 10000), 1, BODY_OVERHEAD_MAX);
    assert_in_range(feed_repeatedly("0\r\n", "a", 10000), 1, BODY_OVERHEAD_MAX);
    assert_int_equal(feed_repeatedly("", "1\r\na\r\n", 10000), 10000);
}

/* Over 4 GiB, in steps: what remains is counted in 64 bits. */
static void test_content_over_4_gib(void **state) {
    (void)state;
    enum { STEP = 1 << 20 };
    const uint64_t length = (5ull << 30) + 7;
    char *step = calloc(1, STEP);
    assert_non_null(step);
    struct body body;
    body_start(&body, BODY_LENGTH, length, length);
    uint64_t total = 0;
    enum body_outcome outcome = BODY_MORE;
    while (outcome == BODY_MORE) {
        size_t consumed;
        outcome = body_consume(&body, slice_of(step, STEP), &consumed);
        total += consumed;
        assert_true(total <= length);
    }
    assert_int_equal(outcome, BODY_DONE);
    assert_true(total == length);
    free(step);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_at_every_split),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_prefixes_say_more),
        cmocka_unit_test(test_overhead_is_bounded),
        cmocka_unit_test(test_endless_overhead_ends),
        cmocka_unit_test(test_content_over_4_gib),
    };
    return cmocka_run_group_tests_name("body", tests, NULL, NULL);
}
