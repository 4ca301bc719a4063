#include "http/precondition.h"

#include "base/buf.h"
#include "support/row.h"

enum { MAX_HEAD = 16384 };

#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define SAME   "Sun, 06 Nov 1994 08:49:37 GMT" /* the last modification */
#define AFTER  "Sun, 06 Nov 1994 08:49:38 GMT"

static const int64_t NOW_S = 1790000000; /* in 2026 */

static const struct representation tagged = {
    .content_type = SLICE_INIT("text/plain"),
    .etag = SLICE_INIT("\"a\""),
    .last_modified_s = 784111777,
    .length = 1,
};

/* Such as a listing, made anew for each request. */
static const struct representation undated = {
    .etag = SLICE_INIT("\"a\""),
    .last_modified_s = REPRESENTATION_UNDATED,
};

static const struct representation untagged = {
    .content_type = SLICE_INIT("text/html"),
    .length = 1,
};

/* A request with that method and these field lines; it points into static memory. */
static struct request request_of(const char *row, const char *method, const char *fields) {
    static char memory[1024];
    struct buf head = BUF_INIT(memory, sizeof memory);
    struct request request;
    buf_put(&head, slice_of_text(method));
    buf_put(&head, SLICE(" / HTTP/1.1\r\nHost: a\r\n"));
    buf_put(&head, slice_of_text(fields));
    buf_put(&head, SLICE("\r\n"));
    row_assert(row, !head.overflow);
    row_assert_number(row, request_parse(buf_slice(&head), MAX_HEAD, &request), REQUEST_WHOLE);
    return request;
}

static enum precondition_outcome evaluate(const char *row, const char *method, const char *fields,
                                          const struct representation *representation) {
    struct request request = request_of(row, method, fields);
    return precondition_evaluate(&request, representation, NOW_S);
}

struct row {
    const char *name;
    const char *fields;
    enum precondition_outcome outcome;
};

static void check(const struct row *rows, size_t count,
                  const struct representation *representation) {
    for (size_t i = 0; i < count; i++) {
        row_assert_number(rows[i].name,
                          evaluate(rows[i].name, "GET", rows[i].fields, representation),
                          rows[i].outcome);
        row_assert_number(rows[i].name,
                          evaluate(rows[i].name, "HEAD", rows[i].fields, representation),
                          rows[i].outcome);
    }
}

static void test_each_alone(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"none", "", PRECONDITION_PASSED},
        {"rfc9110-13.1.1 If-Match", "If-Match: \"a\"\r\n", PRECONDITION_PASSED},
        {"rfc9110-13.1.1 another", "If-Match: \"b\"\r\n", PRECONDITION_FAILED},
        {"rfc9110-13.1.1 any", "If-Match: *\r\n", PRECONDITION_PASSED},
        {"rfc9110-13.1.1 a weak tag never matches", "If-Match: W/\"a\"\r\n", PRECONDITION_FAILED},
        {"rfc9110-13.1.1 a list", "If-Match: \"b\", \"a\"\r\n", PRECONDITION_PASSED},
        {"rfc9110-13.1.1 two lines", "If-Match: \"b\"\r\nA: b\r\nIf-Match: \"a\"\r\n",
         PRECONDITION_PASSED},
        {"rfc9110-13.1.1 two lines of others", "If-Match: \"b\"\r\nIf-Match: \"c\"\r\n",
         PRECONDITION_FAILED},
        {"rfc9110-13.1.1 an empty list", "If-Match:\r\n", PRECONDITION_FAILED},
        {"rfc9110-13.1.1 no entity tag", "If-Match: a\r\n", PRECONDITION_FAILED},

        {"rfc9110-13.1.2 If-None-Match", "If-None-Match: \"a\"\r\n", PRECONDITION_NOT_MODIFIED},
        {"rfc9110-13.1.2 another", "If-None-Match: \"b\"\r\n", PRECONDITION_PASSED},
        {"rfc9110-13.1.2 any", "If-None-Match: *\r\n", PRECONDITION_NOT_MODIFIED},
        {"rfc9110-13.1.2 a weak tag matches", "If-None-Match: W/\"a\"\r\n",
         PRECONDITION_NOT_MODIFIED},
        {"rfc9110-13.1.2 a list", "If-None-Match: \"b\",W/\"a\"\r\n", PRECONDITION_NOT_MODIFIED},
        {"rfc9110-13.1.2 two lines", "If-None-Match: \"b\"\r\nIf-None-Match: \"a\"\r\n",
         PRECONDITION_NOT_MODIFIED},
        {"rfc9110-13.1.2 an empty list", "If-None-Match:\r\n", PRECONDITION_PASSED},
        {"rfc9110-13.1.2 no entity tag", "If-None-Match: a\r\n", PRECONDITION_PASSED},

        {"rfc9110-13.1.3 modified since", "If-Modified-Since: " BEFORE "\r\n", PRECONDITION_PASSED},
        {"rfc9110-13.1.3 the same date", "If-Modified-Since: " SAME "\r\n",
         PRECONDITION_NOT_MODIFIED},
        {"rfc9110-13.1.3 a later date", "If-Modified-Since: " AFTER "\r\n",
         PRECONDITION_NOT_MODIFIED},
        {"rfc9110-13.1.3 RFC 850", "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n",
         PRECONDITION_NOT_MODIFIED},
        {"rfc9110-13.1.3 asctime", "If-Modified-Since: Sun Nov  6 08:49:37 1994\r\n",
         PRECONDITION_NOT_MODIFIED},
        {"rfc9110-13.1.3 no date", "If-Modified-Since: yesterday\r\n", PRECONDITION_PASSED},
        {"rfc9110-13.1.3 empty", "If-Modified-Since:\r\n", PRECONDITION_PASSED},
        {"rfc9110-13.1.3 two dates", "If-Modified-Since: " SAME ", " SAME "\r\n",
         PRECONDITION_PASSED},
        {"rfc9110-13.1.3 two lines",
         "If-Modified-Since: " SAME "\r\nIf-Modified-Since: " SAME "\r\n", PRECONDITION_PASSED},

        {"rfc9110-13.1.4 modified since", "If-Unmodified-Since: " BEFORE "\r\n",
         PRECONDITION_FAILED},
        {"rfc9110-13.1.4 the same date", "If-Unmodified-Since: " SAME "\r\n", PRECONDITION_PASSED},
        {"rfc9110-13.1.4 a later date", "If-Unmodified-Since: " AFTER "\r\n", PRECONDITION_PASSED},
        {"rfc9110-13.1.4 RFC 850", "If-Unmodified-Since: Sunday, 06-Nov-94 08:49:36 GMT\r\n",
         PRECONDITION_FAILED},
        {"rfc9110-13.1.4 no date", "If-Unmodified-Since: 0\r\n", PRECONDITION_PASSED},
        {"rfc9110-13.1.4 two lines",
         "If-Unmodified-Since: " BEFORE "\r\nIf-Unmodified-Since: " BEFORE "\r\n",
         PRECONDITION_PASSED},
    };
    check(rows, ROWS_COUNT(rows), &tagged);
}

/* Steps 1 to 4: which of several is looked at, and which goes first. */
static void test_rfc9110_13_2_2_order(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"If-Match passes, so If-Unmodified-Since is not looked at",
         "If-Match: \"a\"\r\nIf-Unmodified-Since: " BEFORE "\r\n", PRECONDITION_PASSED},
        {"If-Match fails, whatever If-Unmodified-Since says",
         "If-Unmodified-Since: " AFTER "\r\nIf-Match: \"b\"\r\n", PRECONDITION_FAILED},
        {"an empty If-Match hides If-Unmodified-Since, too",
         "If-Match:\r\nIf-Unmodified-Since: " AFTER "\r\n", PRECONDITION_FAILED},
        {"If-None-Match passes, so If-Modified-Since is not looked at",
         "If-None-Match: \"b\"\r\nIf-Modified-Since: " AFTER "\r\n", PRECONDITION_PASSED},
        {"If-None-Match matches, whatever If-Modified-Since says",
         "If-Modified-Since: " BEFORE "\r\nIf-None-Match: \"a\"\r\n", PRECONDITION_NOT_MODIFIED},
        {"an empty If-None-Match hides If-Modified-Since, too",
         "If-None-Match:\r\nIf-Modified-Since: " AFTER "\r\n", PRECONDITION_PASSED},
        {"If-Match fails before If-None-Match matches",
         "If-None-Match: \"a\"\r\nIf-Match: \"b\"\r\n", PRECONDITION_FAILED},
        {"If-Match passes, then If-None-Match matches",
         "If-Match: \"a\"\r\nIf-None-Match: \"a\"\r\n", PRECONDITION_NOT_MODIFIED},
        {"If-Match passes, then If-None-Match passes",
         "If-Match: \"a\"\r\nIf-None-Match: \"b\"\r\n", PRECONDITION_PASSED},
        {"If-Match passes, then If-Modified-Since matches",
         "If-Match: *\r\nIf-Modified-Since: " SAME "\r\n", PRECONDITION_NOT_MODIFIED},
        {"If-Unmodified-Since fails before If-None-Match matches",
         "If-None-Match: \"a\"\r\nIf-Unmodified-Since: " BEFORE "\r\n", PRECONDITION_FAILED},
        {"If-Unmodified-Since fails before If-Modified-Since is looked at",
         "If-Modified-Since: " AFTER "\r\nIf-Unmodified-Since: " BEFORE "\r\n",
         PRECONDITION_FAILED},
        {"If-Unmodified-Since passes, then If-Modified-Since matches",
         "If-Modified-Since: " SAME "\r\nIf-Unmodified-Since: " SAME "\r\n",
         PRECONDITION_NOT_MODIFIED},
        {"If-Unmodified-Since is no date, then If-None-Match matches",
         "If-Unmodified-Since: x\r\nIf-None-Match: *\r\n", PRECONDITION_NOT_MODIFIED},
        {"all four, the first of each pair counts",
         "If-Match: \"a\"\r\nIf-Unmodified-Since: " BEFORE
         "\r\nIf-None-Match: \"b\"\r\nIf-Modified-Since: " AFTER "\r\n",
         PRECONDITION_PASSED},
    };
    check(rows, ROWS_COUNT(rows), &tagged);
}

/* A representation without validators has no date of modification, which would be 1970. */
static void test_no_validators(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"none", "", PRECONDITION_PASSED},
        {"rfc9110-13.1.1 any", "If-Match: *\r\n", PRECONDITION_PASSED},
        {"rfc9110-13.1.1 a tag", "If-Match: \"a\"\r\n", PRECONDITION_FAILED},
        {"rfc9110-13.1.2 any", "If-None-Match: *\r\n", PRECONDITION_NOT_MODIFIED},
        {"rfc9110-13.1.2 a tag", "If-None-Match: \"a\"\r\n", PRECONDITION_PASSED},
        {"rfc9110-13.1.2 no tag", "If-None-Match: W/\r\n", PRECONDITION_PASSED},
        {"rfc9110-13.1.3 no modification date", "If-Modified-Since: " AFTER "\r\n",
         PRECONDITION_PASSED},
        {"rfc9110-13.1.4 no modification date",
         "If-Unmodified-Since: Wed, 31 Dec 1969 23:59:59 GMT\r\n", PRECONDITION_PASSED},
    };
    check(rows, ROWS_COUNT(rows), &untagged);
}

static const struct {
    const char *name;
    const char *fields;
    int64_t age_s; /* since the last modification */
    bool applies;
} range_rows[] = {
    {"no If-Range", "", 0, true},
    {"entity tag", "If-Range: \"a\"\r\n", 0, true},
    {"entity tag with white space", "If-Range: \t \"a\" \r\n", 0, true},
    {"entity tag of another case", "If-Range: \"A\"\r\n", 1000, false},
    {"entity tag that starts the same", "If-Range: \"aa\"\r\n", 1000, false},
    {"another", "If-Range: \"b\"\r\n", 1000, false},
    {"weak", "If-Range: W/\"a\"\r\n", 1000, false},
    {"without quotes", "If-Range: a\r\n", 1000, false},
    {"any", "If-Range: *\r\n", 1000, false},
    {"a list", "If-Range: \"a\", \"a\"\r\n", 1000, false},
    {"empty", "If-Range:\r\n", 1000, false},
    {"two lines", "If-Range: \"a\"\r\nIf-Range: \"a\"\r\n", 1000, false},
    {"date", "If-Range: " SAME "\r\n", 1000, true},
    {"date, RFC 850", "If-Range: Sunday, 06-Nov-94 08:49:37 GMT\r\n", 1000, true},
    {"date, asctime", "If-Range: Sun Nov  6 08:49:37 1994\r\n", 1000, true},
    {"earlier date", "If-Range: " BEFORE "\r\n", 1000, false},
    {"later date", "If-Range: " AFTER "\r\n", 1000, false},
    {"two lines of dates", "If-Range: " SAME "\r\nIf-Range: " SAME "\r\n", 1000, false},
    {"no date", "If-Range: soon\r\n", 1000, false},
    {"rfc9110-8.8.2.2 date whose second is over", "If-Range: " SAME "\r\n", 1, true},
    {"rfc9110-8.8.2.2 date whose second is not over", "If-Range: " SAME "\r\n", 0, false},
    {"rfc9110-8.8.2.2 date in the future", "If-Range: " SAME "\r\n", -1, false},
    {"other preconditions don't matter", "If-Match: \"b\"\r\nIf-None-Match: *\r\n", 1000, true},
};

static void test_rfc9110_13_1_5_if_range(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(range_rows); i++) {
        const char *name = range_rows[i].name;
        struct request request = request_of(name, "GET", range_rows[i].fields);
        int64_t now_s = tagged.last_modified_s + range_rows[i].age_s;
        row_assert_number(name, precondition_range_applies(&request, &tagged, now_s),
                          range_rows[i].applies);
    }
}

/* Dates are not looked at where there is none to compare them with (RFC 9110 §13.1.3, §13.1.4). */
static void test_rfc9110_13_1_3_undated(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"since the beginning", "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n",
         PRECONDITION_PASSED},
        {"since lately", "If-Modified-Since: " AFTER "\r\n", PRECONDITION_PASSED},
        {"unmodified since the beginning", "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n",
         PRECONDITION_PASSED},
        {"its tag", "If-None-Match: \"a\"\r\n", PRECONDITION_NOT_MODIFIED},
    };
    check(rows, ROWS_COUNT(rows), &undated);
    struct request request = request_of("date", "GET", "If-Range: " SAME "\r\n");
    assert_false(precondition_range_applies(&request, &undated, NOW_S));
    request = request_of("tag", "GET", "If-Range: \"a\"\r\n");
    assert_true(precondition_range_applies(&request, &undated, NOW_S));
}

/* Without validators nothing matches, not even the date 0, which an untagged one has. */
static void test_rfc9110_13_1_5_if_range_without_validators(void **state) {
    (void)state;
    static const char *const fields[] = {"If-Range: \"a\"\r\n", "If-Range: \"\"\r\n",
                                         "If-Range:\r\n",
                                         "If-Range: Thu, 01 Jan 1970 00:00:00 GMT\r\n"};
    struct request request = request_of("none", "GET", "");
    assert_true(precondition_range_applies(&request, &untagged, NOW_S));
    for (size_t i = 0; i < ROWS_COUNT(fields); i++) {
        request = request_of(fields[i], "GET", fields[i]);
        row_assert(fields[i], !precondition_range_applies(&request, &untagged, NOW_S));
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_alone),
        cmocka_unit_test(test_rfc9110_13_2_2_order),
        cmocka_unit_test(test_no_validators),
        cmocka_unit_test(test_rfc9110_13_1_5_if_range),
        cmocka_unit_test(test_rfc9110_13_1_3_undated),
        cmocka_unit_test(test_rfc9110_13_1_5_if_range_without_validators),
    };
    return cmocka_run_group_tests_name("precondition", tests, NULL, NULL);
}
