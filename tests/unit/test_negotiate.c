#include "http/negotiate.h"

#include "base/buf.h"
#include "support/guard.h"
#include "support/row.h"

#include <stdio.h>
#include <string.h>

enum { MAX_HEAD = 16384, ALL = (1 << CODING_COUNT) - 1, PLAIN = 1 << CODING_IDENTITY };

/* Weights in the order of `enum coding`: br, zstd, gzip, identity. */
struct row {
    const char *name;
    const char *fields;
    uint16_t weights[CODING_COUNT];
};

/* Parses a request with these fields, from memory that ends at a guard page; guard_free() it. */
static char *parse(const char *row, const char *fields, struct request *request) {
    char text[1024];
    int len = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);
    row_assert(row, len > 0 && (size_t)len < sizeof text);
    char *copy = guard_copy(slice_of(text, (size_t)len));
    row_assert_number(row, request_parse(slice_of(copy, (size_t)len), MAX_HEAD, request),
                      REQUEST_WHOLE);
    return copy;
}

static void negotiate(const char *row, const char *fields, struct codings *codings) {
    struct request request;
    char *copy = parse(row, fields, &request);
    negotiate_codings(&request, codings);
    guard_free(copy, request.head.len);
}

static void check(const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct codings codings;
        negotiate(rows[i].name, rows[i].fields, &codings);
        for (size_t j = 0; j < CODING_COUNT; j++)
            row_assert_number(row_at(rows[i].name, j), codings.weights[j], rows[i].weights[j]);
    }
}

#define ACCEPT "Accept-Encoding: "
#define END    "\r\n"

static void test_rfc9110_12_5_3_accept_encoding(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"no field", "", {0, 0, 0, 1}},
        {"rfc9110-12.5.3 empty", "Accept-Encoding:" END, {0, 0, 0, 1}},
        {"only commas", ACCEPT ", ,," END, {0, 0, 0, 1}},

        /* The examples of RFC 9110 §12.5.3. */
        {"compress, gzip", ACCEPT "compress, gzip" END, {0, 0, 1000, 1}},
        {"any", ACCEPT "*" END, {1000, 1000, 1000, 1000}},
        {"compress;q=0.5, gzip;q=1.0", ACCEPT "compress;q=0.5, gzip;q=1.0" END, {0, 0, 1000, 1}},
        {"gzip, identity, any other not",
         ACCEPT "gzip;q=1.0, identity; q=0.5, *;q=0" END,
         {0, 0, 1000, 500}},

        {"a browser", ACCEPT "gzip, deflate, br, zstd" END, {1000, 1000, 1000, 1}},
        {"br", ACCEPT "br" END, {1000, 0, 0, 1}},
        {"zstd", ACCEPT "zstd" END, {0, 1000, 0, 1}},
        {"unknown", ACCEPT "snappy, brotli" END, {0, 0, 0, 1}},
        {"starts the same", ACCEPT "gzipped, gzi" END, {0, 0, 0, 1}},
        {"capitals", ACCEPT "GZIP, Br;Q=0.5, IDENTITY;q=0.2" END, {500, 0, 1000, 200}},
        {"rfc9110-8.4.1.3 x-gzip", ACCEPT "x-gzip" END, {0, 0, 1000, 1}},
        {"rfc9110-8.4.1.3 X-GZip with a weight", ACCEPT "X-GZip;q=0.3" END, {0, 0, 300, 1}},
        {"x-br is nothing", ACCEPT "x-br" END, {0, 0, 0, 1}},

        {"rfc9110-12.5.3 not gzip", ACCEPT "gzip;q=0" END, {0, 0, 0, 1}},
        {"rfc9110-12.5.3 not identity", ACCEPT "identity;q=0" END, {0, 0, 0, 0}},
        {"rfc9110-12.5.3 gzip or nothing", ACCEPT "gzip, identity;q=0" END, {0, 0, 1000, 0}},
        {"rfc9110-12.5.3 nothing", ACCEPT "*;q=0" END, {0, 0, 0, 0}},
        {"rfc9110-12.5.3 nothing but identity", ACCEPT "identity, *;q=0" END, {0, 0, 0, 1000}},
        {"rfc9110-12.5.3 the same, the other way", ACCEPT "*;q=0, identity" END, {0, 0, 0, 1000}},
        {"any but gzip", ACCEPT "*, gzip;q=0" END, {1000, 1000, 0, 1000}},
        {"any, and br above", ACCEPT "br, *;q=0.1" END, {1000, 100, 100, 100}},
        {"any but identity", ACCEPT "*;q=0.4, identity;q=0" END, {400, 400, 400, 0}},
        {"identity above", ACCEPT "identity, gzip;q=0.5" END, {0, 0, 500, 1000}},

        {"given twice: the last", ACCEPT "gzip;q=0.1, gzip;q=0.7" END, {0, 0, 700, 1}},
        {"by both names: the last", ACCEPT "gzip;q=0.1, x-gzip;q=0.7" END, {0, 0, 700, 1}},
        {"any given twice: the last", ACCEPT "*;q=0.1, *;q=0.7" END, {700, 700, 700, 700}},
        {"rfc9110-5.3 two lines",
         ACCEPT "gzip" END "A: b" END "accept-encoding: br;q=0.5" END,
         {500, 0, 1000, 1}},
        {"rfc9110-5.3 three lines",
         ACCEPT "gzip;q=0.1" END ACCEPT "*;q=0.2" END ACCEPT "zstd" END,
         {200, 1000, 100, 200}},
        {"rfc9110-5.3 the second line is empty",
         ACCEPT "gzip" END "Accept-Encoding:" END,
         {0, 0, 1000, 1}},
        {"rfc9110-5.6.1 empty elements", ACCEPT ",gzip,, ,br," END, {1000, 0, 1000, 1}},
        {"rfc9110-5.6.3 white space", ACCEPT "\tgzip \t;\t q=0.5 \t,\tbr\t" END, {1000, 0, 500, 1}},
    };
    check(rows, ROWS_COUNT(rows));
}

/* The weight of "gzip" with that parameter, given again behind another one, which stays where the
 * second is passed over; what follows is read all the same. */
static void test_rfc9110_12_4_2_weights(void **state) {
    (void)state;
    enum { NONE = 444 };
    static const struct {
        const char *text;
        uint16_t weight;
    } weights[] = {
        {"", 1000},
        {";q=1", 1000},
        {";q=1.", 1000},
        {";q=1.0", 1000},
        {";q=1.00", 1000},
        {";q=1.000", 1000},
        {";q=0.999", 999},
        {";q=0.99", 990},
        {";q=0.5", 500},
        {";q=0.25", 250},
        {";q=0.123", 123},
        {";q=0.01", 10},
        {";q=0.001", 1},
        {";Q=0.5", 500},
        {" ; q=0.5", 500},
        {";q=0", 0},
        {";q=0.", 0},
        {";q=0.0", 0},
        {";q=0.000", 0},
        {";q=0,5", 0}, /* and a coding "5" */
        /* Not well-formed. */
        {";q=1.001", NONE},
        {";q=1.1", NONE},
        {";q=1.0000", NONE},
        {";q=0.1234", NONE},
        {";q=0.5000", NONE},
        {";q=2", NONE},
        {";q=9", NONE},
        {";q=10", NONE},
        {";q=00", NONE},
        {";q=01", NONE},
        {";q=-1", NONE},
        {";q=+1", NONE},
        {";q=.5", NONE},
        {";q=0.5.", NONE},
        {";q=0.x", NONE},
        {";q=0.5x", NONE},
        {";q=0. 5", NONE},
        {";q=\"0.5\"", NONE},
        {";q=", NONE},
        {";q", NONE},
        {";", NONE},
        {";=1", NONE},
        {";q:1", NONE},
        {";q =1", NONE},
        {";q= 1", NONE},
        {";r=1", NONE},
        {";qq=1", NONE},
        {";q=1;r=2", NONE},
        {";r=2;q=1", NONE},
        {" q=1", NONE},
    };
    for (size_t i = 0; i < ROWS_COUNT(weights); i++) {
        char fields[128];
        struct codings codings;
        (void)snprintf(fields, sizeof fields, ACCEPT "gzip;q=0.444, gzip%s, br;q=0.777" END,
                       weights[i].text);
        negotiate(fields, fields, &codings);
        row_assert_number(fields, codings.weights[CODING_GZIP], weights[i].weight);
        row_assert_number(fields, codings.weights[CODING_BR], 777);
        row_assert_number(fields, codings.weights[CODING_IDENTITY], 1);
    }
}

static void test_choose(void **state) {
    (void)state;
    enum { BR = 1 << CODING_BR, ZSTD = 1 << CODING_ZSTD, GZIP = 1 << CODING_GZIP };
    static const struct {
        const char *name;
        struct codings codings;
        unsigned available;
        enum coding coding;
    } rows[] = {
        {"only the plain file", {{1000, 1000, 1000, 1}}, PLAIN, CODING_IDENTITY},
        {"a tie of all", {{1000, 1000, 1000, 1000}}, ALL, CODING_BR},
        {"a tie without br", {{1000, 1000, 1000, 1000}}, ALL & ~BR, CODING_ZSTD},
        {"a tie of gzip and identity", {{7, 7, 7, 7}}, GZIP | PLAIN, CODING_GZIP},
        {"gzip preferred", {{999, 999, 1000, 1}}, ALL, CODING_GZIP},
        {"gzip preferred, but not there", {{998, 999, 1000, 1}}, ALL & ~GZIP, CODING_ZSTD},
        {"identity preferred", {{999, 999, 999, 1000}}, ALL, CODING_IDENTITY},
        {"little weight is more than none", {{0, 0, 1, 1}}, ALL, CODING_GZIP},
        {"identity for want of another", {{0, 0, 0, 1}}, ALL, CODING_IDENTITY},
        {"none is acceptable", {{0, 0, 0, 0}}, ALL, CODING_COUNT},
        {"what is acceptable is not there", {{1000, 1000, 0, 0}}, GZIP | PLAIN, CODING_COUNT},
        {"nothing is there", {{1000, 1000, 1000, 1000}}, 0, CODING_COUNT},
        {"zstd alone is there", {{1, 1, 1, 0}}, ZSTD, CODING_ZSTD},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        row_assert_number(rows[i].name, negotiate_choose(&rows[i].codings, rows[i].available),
                          rows[i].coding);
}

static void test_names(void **state) {
    (void)state;
    static const struct {
        enum coding coding;
        const char *token;
        const char *extension;
    } rows[] = {
        {CODING_BR, "br", ".br"}, {CODING_ZSTD, "zstd", ".zst"}, {CODING_GZIP, "gzip", ".gz"}};
    assert_int_equal(ROWS_COUNT(rows), CODING_IDENTITY);
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        row_assert_slice(rows[i].token, coding_token(rows[i].coding), slice_of_text(rows[i].token));
        row_assert_slice(rows[i].token, coding_extension(rows[i].coding),
                         slice_of_text(rows[i].extension));
    }
}

/* The same as parse() for Accept fields, which are separated by '|'. */
static char *parse_accept(const char *accept, struct request *request) {
    char fields[512] = "Accept: ";
    struct buf buf = {.ptr = fields, .len = strlen(fields), .capacity = sizeof fields - 1};
    for (const char *at = accept; *at != '\0'; at++)
        buf_put(&buf, *at == '|' ? SLICE("\r\nAccept:") : slice_of(at, 1));
    buf_put(&buf, SLICE("\r\n"));
    buf.ptr[buf.len] = '\0';
    return parse(accept, fields, request);
}

static void test_rfc9110_12_5_1_accept(void **state) {
    (void)state;
    enum { HTML, JSON, TEXT };
    static const struct slice types[] = {SLICE_INIT("text/html"), SLICE_INIT("application/json"),
                                         SLICE_INIT("text/plain")};
    static const struct {
        const char *accept; /* the fields are separated by '|' */
        size_t index;
    } rows[] = {
        {"", HTML},
        {",,", HTML},
        {"*/*", HTML},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML},
        {"application/json", JSON},
        {"APPLICATION/Json", JSON},
        {"text/plain", TEXT},
        {"text/*", HTML},
        {"text/*, text/html;q=0.5", TEXT},
        {"application/*", JSON},
        {"application/json;q=0.5, text/plain;q=0.7", TEXT},
        {"text/plain;q=0.7, application/json;q=0.5", TEXT},
        {"text/plain, application/json", JSON},
        {"application/json, text/plain, */*", JSON}, /* what is named goes before what is covered */
        {"*/*, text/plain", TEXT},
        {"*/*, text/html;q=0.9", JSON},
        {"text/*;q=0.3, */*;q=0.5", JSON},
        {"text/html;q=0, */*", JSON},
        {"text/html;q=0, application/json;q=0, */*;q=0.1", TEXT},
        {"application/json;charset=utf-8", JSON},
        {"application/json;charset=\"a,b\"", JSON},
        {"application/json;v=1;q=0.2, text/plain;q=0.1", JSON},
        {"application/json ; q=0.1 , text/plain\t;\tQ=0.2", TEXT},
        {"application/json;q=0", HTML}, /* there is nothing else */
        {"*/*;q=0", HTML},
        {"image/png", HTML},
        {"application/jsonp, application/jso, json, application, */json, text/", HTML},
        {"*, application/json;q=0.1", JSON}, /* "*" is no range */
        {"text/plain;q=1.1, application/json;q=0.1", JSON},
        {"text/plain;q=, application/json;q=0.1", JSON},
        {"text/plain;q=0.1|application/json;q=0.2", JSON},
        {"|text/plain", TEXT},
        {"text/plain;q=0.9, text/plain;q=0.1, application/json;q=0.5", JSON}, /* the last */
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct request request;
        char *copy = parse_accept(rows[i].accept, &request);
        row_assert_number(rows[i].accept, negotiate_type(&request, types, ROWS_COUNT(types)),
                          rows[i].index);
        guard_free(copy, request.head.len);
    }
    struct request request;
    char *copy = parse("no field", "", &request);
    assert_int_equal(negotiate_type(&request, types, ROWS_COUNT(types)), HTML);
    guard_free(copy, request.head.len);
}

static void test_rfc9110_12_5_1_what_is_asked_for(void **state) {
    (void)state;
    static const struct {
        const char *accept;
        bool asks; /* for text/html */
    } rows[] = {
        {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", true},
        {"text/html", true},
        {"Text/HTML;level=1", true},
        {"application/json, text/html;q=0.1", true}, /* what is named is taken, if not gladly */
        {"text/*", true},
        {"application/json, text/*;q=0.1", true},
        {"text/html;q=0", false},
        {"text/html;q=0, */*", false},
        {"text/*;q=0, */*", false},
        {"text/html, text/*;q=0", true},
        {"*/*", true}, /* curl, fetch(), those who make previews of links */
        {"*/*;q=0.1", true},
        {"*/*;q=0", false},
        {"*/*, image/png;q=0.9", true},
        {"*/*, image/png", false},
        {"application/json, text/plain, */*", false}, /* a program that hopes for JSON */
        {"image/avif,image/webp,image/svg+xml,image/*;q=0.8,*/*;q=0.5", false}, /* <img> */
        {"text/css,*/*;q=0.1", false},                                          /* <link> */
        {"application/json", false},
        {"text/plain", false},
        {"image/*", false},
        {"", true},
        {" , ,", true},
        {"text/html;q=2", true}, /* is passed over, and nothing is left */
        {"text/html;q=2, image/png", false},
        {"|*/*", true},
        {"*/*;q=0.9|application/json", false},
        {"application/json|text/html", true},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct request request;
        char *copy = parse_accept(rows[i].accept, &request);
        row_assert_number(rows[i].accept, negotiate_asks_for(&request, SLICE("text/html")),
                          rows[i].asks);
        guard_free(copy, request.head.len);
    }
    struct request request;
    char *copy = parse("no field", "", &request);
    assert_true(negotiate_asks_for(&request, SLICE("text/html")));
    guard_free(copy, request.head.len);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc9110_12_5_3_accept_encoding),
        cmocka_unit_test(test_rfc9110_12_4_2_weights),
        cmocka_unit_test(test_choose),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_rfc9110_12_5_1_accept),
        cmocka_unit_test(test_rfc9110_12_5_1_what_is_asked_for),
    };
    return cmocka_run_group_tests_name("negotiate", tests, NULL, NULL);
}
