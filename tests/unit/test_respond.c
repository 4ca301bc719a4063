#include "serve/respond.h"

#include "http/multipart.h"
#include "support/row.h"

#include <stdio.h>

enum { LENGTH = 1000 };

#define TIME      784111777
#define IN_TIME   "Sun, 06 Nov 1994 08:49:37 GMT"
#define EARLIER   "Sun, 06 Nov 1994 08:49:36 GMT"
#define MATCH     "If-Match: \"tag\"\r\n"
#define NO_MATCH  "If-Match: \"other\"\r\n"
#define NONE      "If-None-Match: \"tag\"\r\n"
#define NONE_WEAK "If-None-Match: W/\"tag\"\r\n"
#define OTHER     "If-None-Match: \"other\"\r\n"
#define SINCE     "If-Modified-Since: " IN_TIME "\r\n"
#define BEFORE    "If-Modified-Since: " EARLIER "\r\n"
#define UNTIL     "If-Unmodified-Since: " IN_TIME "\r\n"
#define NOT_UNTIL "If-Unmodified-Since: " EARLIER "\r\n"
#define RANGE     "Range: bytes=1-2\r\n"
#define TWO       "Range: bytes=1-2,5-9\r\n"
#define BEHIND    "Range: bytes=1000-\r\n"

static const struct representation representation = {
    .content_type = SLICE_INIT("text/plain; charset=utf-8"),
    .etag = SLICE_INIT("\"tag\""),
    .last_modified_s = TIME,
    .length = LENGTH,
};

/* A request with that method and these field lines; it points into static memory. */
static struct request request_of(const char *row, const char *method, const char *fields) {
    static char text[1024];
    struct request request;
    int len = snprintf(text, sizeof text, "%s /x HTTP/1.1\r\nHost: a\r\n%s\r\n", method, fields);
    row_assert(row, len > 0 && (size_t)len < sizeof text);
    row_assert_number(row, request_parse(slice_of(text, (size_t)len), 4096, &request),
                      REQUEST_WHOLE);
    return request;
}

struct row {
    const char *name;
    const char *method;
    const char *fields;
    enum target_outcome target;
    struct response response;
};

static void check(const char *row, struct response got, struct response want) {
    row_assert_number(row, got.content, want.content);
    if (want.content != RESPONSE_LOOK_UP)
        row_assert_number(row, status_code(got.status), status_code(want.status));
    row_assert_number(row, got.says, want.says);
    row_assert_number(row, got.close, want.close);
}

#define LOOK_UP \
    { .content = RESPONSE_LOOK_UP }
#define PAGE(name) \
    { .content = RESPONSE_PAGE, .status = STATUS_##name }
#define PAGE_ALLOW \
    { .content = RESPONSE_PAGE, .status = STATUS_METHOD_NOT_ALLOWED, .says = SAYS_ALLOW }
#define PAGE_CLOSE \
    { .content = RESPONSE_PAGE, .status = STATUS_BAD_REQUEST, .close = true }
#define OPTIONS                                                   \
    {                                                             \
        .content = RESPONSE_NOTHING, .status = STATUS_NO_CONTENT, \
        .says = SAYS_ALLOW | SAYS_PREFLIGHT                       \
    }

static const struct row rows[] = {
    {"GET", "GET", "", TARGET_PATH, LOOK_UP},
    {"HEAD", "HEAD", "", TARGET_PATH, LOOK_UP},
    {"rfc9110-9.3.7 OPTIONS", "OPTIONS", "", TARGET_PATH, OPTIONS},
    {"rfc9110-9.3.7 OPTIONS *", "OPTIONS", "", TARGET_ASTERISK, OPTIONS},
    {"OPTIONS of what can't be there", "OPTIONS", "", TARGET_ABSENT, OPTIONS},
    {"POST", "POST", "", TARGET_PATH, PAGE_ALLOW},
    {"PUT", "PUT", "", TARGET_PATH, PAGE_ALLOW},
    {"PATCH", "PATCH", "", TARGET_PATH, PAGE_ALLOW},
    {"DELETE", "DELETE", "", TARGET_PATH, PAGE_ALLOW},
    {"TRACE", "TRACE", "", TARGET_PATH, PAGE_ALLOW},
    {"CONNECT", "CONNECT", "", TARGET_AUTHORITY, PAGE_ALLOW},
    {"rfc9110-9.1 unknown method", "BREW", "", TARGET_PATH, PAGE(NOT_IMPLEMENTED)},
    {"rfc9110-9.1 methods have a case", "get", "", TARGET_PATH, PAGE(NOT_IMPLEMENTED)},
    {"encoded slash", "GET", "", TARGET_ABSENT, PAGE(NOT_FOUND)},
    {"encoded slash with HEAD", "HEAD", "", TARGET_ABSENT, PAGE(NOT_FOUND)},
    {"encoded slash with POST", "POST", "", TARGET_ABSENT, PAGE_ALLOW},
    {"bad target", "GET", "", TARGET_BAD, PAGE_CLOSE},
    {"bad target with POST", "POST", "", TARGET_BAD, PAGE_CLOSE},
    {"above the root", "GET", "", TARGET_ABOVE, PAGE_CLOSE},
    {"bad target with an unknown method", "BREW", "", TARGET_BAD, PAGE_CLOSE},
    {"bad target with an expectation", "GET", "Expect: tea\r\n", TARGET_BAD, PAGE_CLOSE},
    {"rfc9110-10.1.1 100-continue", "GET", "Expect: 100-continue\r\n", TARGET_PATH, LOOK_UP},
    {"rfc9110-10.1.1 another expectation", "GET", "Expect: tea\r\n", TARGET_PATH,
     PAGE(EXPECTATION_FAILED)},
    {"rfc9110-10.1.1 another with OPTIONS", "OPTIONS", "Expect: tea\r\n", TARGET_PATH,
     PAGE(EXPECTATION_FAILED)},
    {"rfc9110-10.1.1 one more expectation", "GET", "Expect: 100-continue, tea\r\n", TARGET_PATH,
     PAGE(EXPECTATION_FAILED)},
    {"precondition is for later", "GET", NONE, TARGET_PATH, LOOK_UP},
};

static void test_request(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct request request = request_of(rows[i].name, rows[i].method, rows[i].fields);
        check(rows[i].name, respond_request(&request, rows[i].target), rows[i].response);
    }
}

static const struct {
    const char *name;
    enum docroot_outcome outcome;
    struct response response; /* without preconditions, and with any if it is no file */
} outcomes[] = {
    {"file", DOCROOT_FILE, {.content = RESPONSE_FILE, .status = STATUS_OK}},
    {"directory", DOCROOT_DIRECTORY, PAGE(FORBIDDEN)},
    {"directory without its slash",
     DOCROOT_NEEDS_SLASH,
     {.content = RESPONSE_PAGE, .status = STATUS_MOVED_PERMANENTLY, .says = SAYS_LOCATION}},
    {"absent", DOCROOT_ABSENT, PAGE(NOT_FOUND)},
    {"forbidden", DOCROOT_FORBIDDEN, PAGE(FORBIDDEN)},
    {"exhausted", DOCROOT_EXHAUSTED, PAGE(UNAVAILABLE)},
    {"fault", DOCROOT_FAULT, PAGE(INTERNAL_ERROR)},
};

static const char *const methods[] = {"GET", "HEAD"};

static const struct {
    const char *name;
    const char *fields;
    enum status status; /* for a file */
} preconditions[] = {
    {"no precondition", "", STATUS_OK},
    {"rfc9110-13.1.1 match", MATCH, STATUS_OK},
    {"rfc9110-13.1.1 no match", NO_MATCH, STATUS_PRECONDITION_FAILED},
    {"rfc9110-13.1.1 any", "If-Match: *\r\n", STATUS_OK},
    {"rfc9110-13.1.1 weak", "If-Match: W/\"tag\"\r\n", STATUS_PRECONDITION_FAILED},
    {"rfc9110-13.1.2 matches", NONE, STATUS_NOT_MODIFIED},
    {"rfc9110-13.1.2 matches weakly", NONE_WEAK, STATUS_NOT_MODIFIED},
    {"rfc9110-13.1.2 does not match", OTHER, STATUS_OK},
    {"rfc9110-13.1.2 any", "If-None-Match: *\r\n", STATUS_NOT_MODIFIED},
    {"rfc9110-13.1.2 on the second line", OTHER NONE, STATUS_NOT_MODIFIED},
    {"rfc9110-13.1.3 not since", SINCE, STATUS_NOT_MODIFIED},
    {"rfc9110-13.1.3 since", BEFORE, STATUS_OK},
    {"rfc9110-13.1.3 no date", "If-Modified-Since: soon\r\n", STATUS_OK},
    {"rfc9110-13.1.3 twice", SINCE SINCE, STATUS_OK},
    {"rfc9110-13.1.4 not until", UNTIL, STATUS_OK},
    {"rfc9110-13.1.4 until", NOT_UNTIL, STATUS_PRECONDITION_FAILED},
    {"rfc9110-13.2.2 1 before 2", MATCH NOT_UNTIL, STATUS_OK},
    {"rfc9110-13.2.2 1, then 3", MATCH NONE, STATUS_NOT_MODIFIED},
    {"rfc9110-13.2.2 1 fails before 3", NO_MATCH NONE, STATUS_PRECONDITION_FAILED},
    {"rfc9110-13.2.2 2 fails before 4", NOT_UNTIL SINCE, STATUS_PRECONDITION_FAILED},
    {"rfc9110-13.2.2 2, then 4", UNTIL SINCE, STATUS_NOT_MODIFIED},
    {"rfc9110-13.2.2 3 before 4", OTHER SINCE, STATUS_OK},
    {"rfc9110-13.2.2 3 before 4, the other way", NONE BEFORE, STATUS_NOT_MODIFIED},
};

static enum response_content content_of(enum status status) {
    return status == STATUS_OK             ? RESPONSE_FILE
           : status == STATUS_NOT_MODIFIED ? RESPONSE_NOTHING
                                           : RESPONSE_PAGE;
}

/* Preconditions apply only where the answer would otherwise be 2xx (RFC 9110 §13.2.1). */
static struct response expected(size_t outcome, size_t precondition) {
    struct response response = outcomes[outcome].response;
    if (outcomes[outcome].outcome == DOCROOT_FILE) {
        response.status = preconditions[precondition].status;
        response.content = content_of(response.status);
    }
    return response;
}

static void check_found(size_t method, size_t outcome, size_t precondition) {
    char name[256];
    (void)snprintf(name, sizeof name, "%s, %s, %s", methods[method], outcomes[outcome].name,
                   preconditions[precondition].name);
    struct request request = request_of(name, methods[method], preconditions[precondition].fields);
    bool is_file = outcomes[outcome].outcome == DOCROOT_FILE;
    struct range_set ranges;
    struct response response =
        respond_found(&request, outcomes[outcome].outcome, is_file ? &representation : NULL,
                      TIME + 1000, &ranges);
    check(name, response, expected(outcome, precondition));
}

static void test_rfc9110_13_2_found(void **state) {
    (void)state;
    for (size_t method = 0; method < ROWS_COUNT(methods); method++) {
        for (size_t outcome = 0; outcome < ROWS_COUNT(outcomes); outcome++) {
            for (size_t i = 0; i < ROWS_COUNT(preconditions); i++)
                check_found(method, outcome, i);
        }
    }
}

#define WHOLE \
    { .content = RESPONSE_FILE, .status = STATUS_OK }
#define PARTIAL \
    { .content = RESPONSE_RANGES, .status = STATUS_PARTIAL_CONTENT }
#define NOT_MODIFIED \
    { .content = RESPONSE_NOTHING, .status = STATUS_NOT_MODIFIED }
#define UNSATISFIABLE                                                     \
    {                                                                     \
        .content = RESPONSE_PAGE, .status = STATUS_RANGE_NOT_SATISFIABLE, \
        .says = SAYS_COMPLETE_LENGTH                                      \
    }

static const struct {
    const char *name;
    const char *fields;
    int64_t age_s; /* of the file */
    struct response get;
    size_t count; /* of ranges */
} ranges_rows[] = {
    {"no range", "", 1000, WHOLE, 0},
    {"one", RANGE, 1000, PARTIAL, 1},
    {"all of it", "Range: bytes=0-999\r\n", 1000, PARTIAL, 1},
    {"two", TWO, 1000, PARTIAL, 2},
    {"two that become one", "Range: bytes=1-4,5-9\r\n", 1000, PARTIAL, 1},
    {"two, of which one can't be satisfied", "Range: bytes=1-4,1000-\r\n", 1000, PARTIAL, 1},
    {"rfc9110-14.2 twice", RANGE RANGE, 1000, WHOLE, 0},
    {"rfc9110-14.2 another unit", "Range: lines=1-2\r\n", 1000, WHOLE, 0},
    {"rfc9110-14.2 malformed", "Range: bytes=2-1\r\n", 1000, WHOLE, 0},
    {"two, and then malformed", "Range: bytes=1-2,5-9,x\r\n", 1000, WHOLE, 0},
    {"rfc9110-14.2 more than the whole", "Range: bytes=0-400,402-999\r\n", 1000, WHOLE, 0},
    {"rfc9110-15.5.17 behind the end", BEHIND, 1000, UNSATISFIABLE, 0},
    {"rfc9110-15.5.17 two behind the end", "Range: bytes=1000-,2000-2001\r\n", 1000, UNSATISFIABLE,
     0},

    {"rfc9110-13.1.5 without a range", "If-Range: \"tag\"\r\n", 1000, WHOLE, 0},
    {"rfc9110-13.1.5 entity tag", RANGE "If-Range: \"tag\"\r\n", 1000, PARTIAL, 1},
    {"rfc9110-13.1.5 entity tag of a new file", RANGE "If-Range: \"tag\"\r\n", 0, PARTIAL, 1},
    {"rfc9110-13.1.5 weak", RANGE "If-Range: W/\"tag\"\r\n", 1000, WHOLE, 0},
    {"rfc9110-13.1.5 another", RANGE "If-Range: \"other\"\r\n", 1000, WHOLE, 0},
    {"rfc9110-13.1.5 a list", RANGE "If-Range: \"other\", \"tag\"\r\n", 1000, WHOLE, 0},
    {"rfc9110-13.1.5 any", RANGE "If-Range: *\r\n", 1000, WHOLE, 0},
    {"rfc9110-13.1.5 date", RANGE "If-Range: " IN_TIME "\r\n", 1000, PARTIAL, 1},
    {"rfc9110-13.1.5 another date", RANGE "If-Range: " EARLIER "\r\n", 1000, WHOLE, 0},
    {"rfc9110-8.8.2.2 a second old", RANGE "If-Range: " IN_TIME "\r\n", 1, PARTIAL, 1},
    {"rfc9110-8.8.2.2 too young", RANGE "If-Range: " IN_TIME "\r\n", 0, WHOLE, 0},
    {"rfc9110-13.1.5 twice", RANGE "If-Range: \"tag\"\r\nIf-Range: \"tag\"\r\n", 1000, WHOLE, 0},
    {"rfc9110-13.1.5 another, behind the end", BEHIND "If-Range: \"other\"\r\n", 1000, WHOLE, 0},
    {"rfc9110-13.1.5 the same, behind the end", BEHIND "If-Range: \"tag\"\r\n", 1000, UNSATISFIABLE,
     0},

    {"rfc9110-13.2.2 1 before 5", RANGE NO_MATCH, 1000, PAGE(PRECONDITION_FAILED), 0},
    {"rfc9110-13.2.2 1, then 5", RANGE MATCH, 1000, PARTIAL, 1},
    {"rfc9110-13.2.2 2 before 5", RANGE NOT_UNTIL, 1000, PAGE(PRECONDITION_FAILED), 0},
    {"rfc9110-13.2.2 2, then 5", RANGE UNTIL, 1000, PARTIAL, 1},
    {"rfc9110-13.2.2 3 before 5", RANGE NONE "If-Range: \"tag\"\r\n", 1000, NOT_MODIFIED, 0},
    {"rfc9110-13.2.2 3, then 5", RANGE OTHER, 1000, PARTIAL, 1},
    {"rfc9110-13.2.2 4 before 5", RANGE SINCE, 1000, NOT_MODIFIED, 0},
    {"rfc9110-13.2.2 4, then 5", RANGE BEFORE, 1000, PARTIAL, 1},
    {"rfc9110-13.2.2 304 before 416", BEHIND NONE, 1000, NOT_MODIFIED, 0},
    {"rfc9110-13.2.2 412 before 416", BEHIND NO_MATCH, 1000, PAGE(PRECONDITION_FAILED), 0},
};

/* To HEAD a range means nothing (RFC 9110 §14.2); all else is as for GET. */
static void test_rfc9110_14_2_ranges(void **state) {
    (void)state;
    static const struct response whole = WHOLE;
    for (size_t i = 0; i < ROWS_COUNT(ranges_rows); i++) {
        const char *name = ranges_rows[i].name;
        struct response want = ranges_rows[i].get;
        struct range_set ranges;
        memset(&ranges, 0xa5, sizeof ranges);
        struct request request = request_of(name, "GET", ranges_rows[i].fields);
        int64_t now_s = TIME + ranges_rows[i].age_s;
        check(name, respond_found(&request, DOCROOT_FILE, &representation, now_s, &ranges), want);
        if (want.content == RESPONSE_RANGES)
            row_assert_number(name, ranges.count, ranges_rows[i].count);
        if (want.content == RESPONSE_RANGES || want.says == SAYS_COMPLETE_LENGTH)
            want = whole;
        request = request_of(name, "HEAD", ranges_rows[i].fields);
        check(name, respond_found(&request, DOCROOT_FILE, &representation, now_s, &ranges), want);
    }
}

/* Parts of encoded content would stand in something that is not encoded itself. */
static void test_rfc9110_14_2_several_ranges_of_encoded_content(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *fields;
        enum response_content content;
    } coded_rows[] = {
        {"one", "Range: bytes=0-0\r\n", RESPONSE_RANGES},
        {"two", "Range: bytes=0-0,5-6\r\n", RESPONSE_FILE},
        {"two that are one", "Range: bytes=0-4,5-6\r\n", RESPONSE_RANGES},
    };
    struct representation coded = representation;
    coded.length = 100000;
    for (size_t i = 0; i < ROWS_COUNT(coded_rows); i++) {
        struct range_set ranges;
        struct request request = request_of(coded_rows[i].name, "GET", coded_rows[i].fields);
        coded.content_coding = SLICE("gzip");
        row_assert_number(
            coded_rows[i].name,
            respond_found(&request, DOCROOT_FILE, &coded, TIME + 1000, &ranges).content,
            coded_rows[i].content);
        coded.content_coding = SLICE_NONE;
        row_assert_number(
            coded_rows[i].name,
            respond_found(&request, DOCROOT_FILE, &coded, TIME + 1000, &ranges).content,
            RESPONSE_RANGES);
    }
}

static void test_rfc9110_14_2_ranges_of_no_file(void **state) {
    (void)state;
    for (size_t i = 1; i < ROWS_COUNT(outcomes); i++) {
        struct range_set ranges;
        struct request request = request_of(outcomes[i].name, "GET", RANGE);
        check(outcomes[i].name,
              respond_found(&request, outcomes[i].outcome, NULL, TIME + 1000, &ranges),
              outcomes[i].response);
    }
}

/* Parts are sent where they are not longer than the whole, to the byte. */
static void test_rfc9110_14_2_parts_as_long_as_the_whole(void **state) {
    (void)state;
    struct representation file = representation;
    struct range_set ranges;
    struct request request = request_of("parts", "GET", "Range: bytes=0-0,2-3\r\n");
    assert_int_equal(range_parse(SLICE("bytes=0-0,2-3"), LENGTH, &ranges), RANGE_SATISFIABLE);
    file.length = multipart_length(&file, &ranges); /* which then names one of as many digits */
    row_assert("three digits", file.length > 100 && file.length < 1000);
    file.length = multipart_length(&file, &ranges);
    assert_int_equal(respond_found(&request, DOCROOT_FILE, &file, TIME + 1000, &ranges).content,
                     RESPONSE_RANGES);
    file.length--;
    assert_int_equal(respond_found(&request, DOCROOT_FILE, &file, TIME + 1000, &ranges).content,
                     RESPONSE_FILE);
}

static const struct {
    const char *name;
    enum folder_outcome outcome;
    struct response response;
} folder_rows[] = {
    {"ready", FOLDER_READY, WHOLE},
    {"too large", FOLDER_TOO_LARGE, PAGE(TOO_LARGE_TO_ARCHIVE)},
    {"absent", FOLDER_ABSENT, PAGE(NOT_FOUND)},
    {"forbidden", FOLDER_FORBIDDEN, PAGE(FORBIDDEN)},
    {"exhausted", FOLDER_EXHAUSTED, PAGE(UNAVAILABLE)},
    {"fault", FOLDER_FAULT, PAGE(INTERNAL_ERROR)},
};

static void test_folders(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(folder_rows); i++) {
        bool ready = folder_rows[i].outcome == FOLDER_READY;
        for (size_t method = 0; method < ROWS_COUNT(methods); method++) {
            struct range_set ranges;
            struct request request = request_of(folder_rows[i].name, methods[method], "");
            check(folder_rows[i].name,
                  respond_folder(&request, folder_rows[i].outcome, ready ? &representation : NULL,
                                 TIME + 1000, &ranges),
                  folder_rows[i].response);
        }
    }
}

/* What is there has a say over what is wanted of it; what is not there has not. */
static void test_rfc9110_13_2_folders(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(folder_rows); i++) {
        bool ready = folder_rows[i].outcome == FOLDER_READY;
        struct range_set ranges;
        struct request request = request_of(folder_rows[i].name, "GET", BEHIND NONE);
        struct response want = NOT_MODIFIED;
        check(folder_rows[i].name,
              respond_folder(&request, folder_rows[i].outcome, ready ? &representation : NULL,
                             TIME + 1000, &ranges),
              ready ? want : folder_rows[i].response);
    }
}

/* An archive can start anywhere, but not go back; the length of a listing is not known. */
static void test_rfc9110_14_2_ranges_of_what_is_made(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *fields;
        struct response archive;
    } made_rows[] = {
        {"one", RANGE, PARTIAL},
        {"several are the whole", TWO, WHOLE},
        {"several that are one", "Range: bytes=1-4,5-9\r\n", PARTIAL},
        {"behind the end", BEHIND, UNSATISFIABLE},
        {"if it is the same", RANGE "If-Range: \"tag\"\r\n", PARTIAL},
        {"if it were another", RANGE "If-Range: \"other\"\r\n", WHOLE},
    };
    static const struct response whole = WHOLE;
    struct representation archive = representation;
    const struct representation list = {.content_type = SLICE("text/html; charset=utf-8"),
                                        .length = REPRESENTATION_LENGTH_UNKNOWN,
                                        .sequential = true};
    archive.sequential = true;
    for (size_t i = 0; i < ROWS_COUNT(made_rows); i++) {
        const char *name = made_rows[i].name;
        struct range_set ranges;
        struct request request = request_of(name, "GET", made_rows[i].fields);
        check(name, respond_folder(&request, FOLDER_READY, &archive, TIME + 1000, &ranges),
              made_rows[i].archive);
        check(name, respond_folder(&request, FOLDER_READY, &list, TIME + 1000, &ranges), whole);
    }
}

enum { BR = 1 << CODING_BR, ZSTD = 1 << CODING_ZSTD, GZIP = 1 << CODING_GZIP };
enum { PLAIN = 1 << CODING_IDENTITY };

#define ACCEPT(value) "Accept-Encoding: " value "\r\n"

static const struct {
    const char *name;
    const char *fields;
    unsigned available;
    enum coding coding;
} codings_rows[] = {
    {"nothing is said", "", PLAIN | BR | GZIP, CODING_IDENTITY},
    {"one that there is", ACCEPT("gzip"), PLAIN | GZIP, CODING_GZIP},
    {"one that there is not", ACCEPT("gzip"), PLAIN | BR, CODING_IDENTITY},
    {"several", ACCEPT("gzip, br, zstd"), PLAIN | GZIP | ZSTD, CODING_ZSTD},
    {"all", ACCEPT("gzip, br, zstd"), PLAIN | GZIP | ZSTD | BR, CODING_BR},
    {"any", ACCEPT("*"), PLAIN | GZIP, CODING_GZIP},
    {"weights", ACCEPT("gzip;q=0.9, br;q=0.8"), PLAIN | GZIP | BR, CODING_GZIP},
    {"rfc9110-12.5.3 the plain one is preferred", ACCEPT("identity, gzip;q=0.5"), PLAIN | GZIP,
     CODING_IDENTITY},
    {"rfc9110-12.5.3 an empty field", ACCEPT(""), PLAIN | GZIP, CODING_IDENTITY},
    {"rfc9110-12.5.3 not the plain one", ACCEPT("identity;q=0"), PLAIN | GZIP, CODING_COUNT},
    {"rfc9110-12.5.3 none", ACCEPT("*;q=0"), PLAIN | GZIP, CODING_COUNT},
    {"rfc9110-12.5.3 none, but one", ACCEPT("*;q=0, gzip"), PLAIN | GZIP, CODING_GZIP},
    {"rfc9110-12.5.3 none, but one that there is not", ACCEPT("*;q=0, br"), PLAIN | GZIP,
     CODING_COUNT},
    {"on two lines", ACCEPT("br") ACCEPT("gzip"), PLAIN | GZIP, CODING_GZIP},
};

static void test_rfc9110_12_5_3_coding(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(codings_rows); i++) {
        struct request request = request_of(codings_rows[i].name, "GET", codings_rows[i].fields);
        row_assert_number(codings_rows[i].name, respond_coding(&request, codings_rows[i].available),
                          codings_rows[i].coding);
    }
}

static const struct {
    const char *name;
    const char *method;
    const char *fields;
    bool looked_up;
} look_up_rows[] = {
    {"GET", "GET", "", true},
    {"HEAD", "HEAD", "", true},
    {"with a precondition", "GET", NONE RANGE, true},
    {"100-continue", "GET", "Expect: 100-continue\r\n", true},
    {"another expectation", "GET", "Expect: tea\r\n", false},
    {"OPTIONS", "OPTIONS", "", false},
    {"POST", "POST", "", false},
    {"CONNECT", "CONNECT", "", false},
    {"unknown method", "BREW", "", false},
};

/* What is looked up, and so may be recalled. */
static void test_what_is_looked_up(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(look_up_rows); i++) {
        struct request request =
            request_of(look_up_rows[i].name, look_up_rows[i].method, look_up_rows[i].fields);
        row_assert_number(look_up_rows[i].name,
                          respond_request(&request, TARGET_PATH).content == RESPONSE_LOOK_UP,
                          look_up_rows[i].looked_up);
    }
}

static const struct {
    const char *name;
    const char *fields;
    bool acceptable;
    struct response response; /* where there are several to choose from */
} vary_rows[] = {
    {"rfc9110-15.5.7 none acceptable",
     "",
     false,
     {.content = RESPONSE_PAGE, .status = STATUS_NOT_ACCEPTABLE, .says = SAYS_VARY}},
    {"rfc9110-15.5.7 none acceptable, and a precondition",
     NONE,
     false,
     {.content = RESPONSE_PAGE, .status = STATUS_NOT_ACCEPTABLE, .says = SAYS_VARY}},
    {"whole", "", true, WHOLE}, /* its fields say so */
    {"range", RANGE, true, PARTIAL},
    {"not modified", NONE, true, NOT_MODIFIED},
    {"rfc9110-12.5.5 precondition failed",
     NO_MATCH,
     true,
     {.content = RESPONSE_PAGE, .status = STATUS_PRECONDITION_FAILED, .says = SAYS_VARY}},
    {"rfc9110-12.5.5 range not satisfiable",
     BEHIND,
     true,
     {.content = RESPONSE_PAGE,
      .status = STATUS_RANGE_NOT_SATISFIABLE,
      .says = SAYS_COMPLETE_LENGTH | SAYS_VARY}},
};

static void test_rfc9110_12_5_5_vary(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(vary_rows); i++) {
        struct representation file = representation;
        struct range_set ranges;
        const char *name = vary_rows[i].name;
        struct request request = request_of(name, "GET", vary_rows[i].fields);
        file.negotiated = true;
        check(name,
              respond_found(&request, DOCROOT_FILE, vary_rows[i].acceptable ? &file : NULL,
                            TIME + 1000, &ranges),
              vary_rows[i].response);
    }
}

static void test_every_refusal_closes(void **state) {
    (void)state;
    for (int refusal = REFUSAL_NONE + 1; refusal < REFUSAL_COUNT; refusal++) {
        const struct response want = {.content = RESPONSE_PAGE,
                                      .status = refusal_status((enum refusal)refusal),
                                      .close = true};
        check(row_at("refusal", (size_t)refusal), respond_refusal((enum refusal)refusal), want);
        assert_true(status_code(want.status) >= 400);
    }
}

static void test_redirects_by_rules(void **state) {
    (void)state;
    const struct response elsewhere = {
        .content = RESPONSE_PAGE, .status = STATUS_FOUND, .says = SAYS_LOCATION};
    const struct response too_long = {.content = RESPONSE_PAGE, .status = STATUS_URI_TOO_LONG};
    check("short", respond_redirect(STATUS_FOUND, 1), elsewhere);
    check("the longest", respond_redirect(STATUS_FOUND, RESPOND_LOCATION_MAX), elsewhere);
    check("too long", respond_redirect(STATUS_FOUND, RESPOND_LOCATION_MAX + 1), too_long);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_rfc9110_13_2_found),
        cmocka_unit_test(test_rfc9110_14_2_ranges),
        cmocka_unit_test(test_rfc9110_14_2_several_ranges_of_encoded_content),
        cmocka_unit_test(test_rfc9110_14_2_ranges_of_no_file),
        cmocka_unit_test(test_rfc9110_14_2_parts_as_long_as_the_whole),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_rfc9110_13_2_folders),
        cmocka_unit_test(test_rfc9110_14_2_ranges_of_what_is_made),
        cmocka_unit_test(test_rfc9110_12_5_3_coding),
        cmocka_unit_test(test_what_is_looked_up),
        cmocka_unit_test(test_rfc9110_12_5_5_vary),
        cmocka_unit_test(test_every_refusal_closes),
        cmocka_unit_test(test_redirects_by_rules),
    };
    return cmocka_run_group_tests_name("respond", tests, NULL, NULL);
}
