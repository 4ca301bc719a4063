/* What answers look like by rules, in all the forms that answers have. */
#include "serve/exchange.h"

#include "support/stage.h"
#include "support/still.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CACHE_BYTES = 1024 * 1024 };

static struct stage stage;
static struct visitor visitor;

static int setup(void **state) {
    (void)state;
    stage.cache_size = CACHE_BYTES;
    stage_open(&stage);
    tree_text(&stage.tree, "page.html", "<p>page");
    tree_text(&stage.tree, "unnamed", "<!DOCTYPE html><p>html by its content");
    tree_text(&stage.tree, "coded.txt", "plain");
    tree_text(&stage.tree, "coded.txt.gz", "gzip");
    tree_text(&stage.tree, "with/index.html", "index");
    stage_invite(&stage, &visitor);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    visitor_leave(&visitor);
    stage_close(&stage);
    return 0;
}

/* Another server of the same tree. */
static void serve_anew(uint64_t cache_size, bool cors) {
    visitor_leave(&visitor);
    stage.options.cache_size = cache_size;
    stage.options.cors = cors;
    stage_serve_anew(&stage);
}

/* The answer to a request on a connection of its own. */
static const char *answer(const char *text) {
    (void)stage_ask_anew(&stage, &visitor, text);
    return visitor.bytes;
}

#define HOST               " HTTP/1.1\r\nHost: a\r\n"
#define GET(path, fields)  "GET " path HOST fields "\r\n"
#define HEAD(path, fields) "HEAD " path HOST fields "\r\n"
#define SHARED             "\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: *\r\n"
#define ORIGIN             "Access-Control-"

/* Redirects and fields for all rows but those that say otherwise. */
#define REDIRECTS                                                        \
    "/old /new\n/moved/* /to/:splat 302\n/own /new?own=1\n/drop /new?\n" \
    "/part /new#part\n/elsewhere/* https://b.example/:splat 307\n"       \
    "/app/* /page.html 200\n/coded/* /coded.txt 200\n/page.html /x 303!\n"
#define FIELDS "/*\n X-All: y\n"

static const struct {
    const char *name;
    const char *headers;
    bool cors;
    const char *request;
    const char *lines[6];  /* of the answer */
    const char *absent[4]; /* nowhere in it */
} rows[] = {
    {"200", FIELDS, false, GET("/small", ""), {"HTTP/1.1 200 ", "\r\nX-All: y\r\n"}, {NULL}},
    {"200 of a large file",
     FIELDS,
     false,
     GET("/big", ""),
     {"HTTP/1.1 200 ", "\r\nX-All: y\r\n"},
     {NULL}},
    {"HEAD", FIELDS, false, HEAD("/small", ""), {"HTTP/1.1 200 ", "\r\nX-All: y\r\n"}, {NULL}},
    {"206",
     FIELDS,
     false,
     GET("/small", "Range: bytes=0-1\r\n"),
     {"HTTP/1.1 206 ", "\r\nX-All: y\r\n", "\r\nContent-Range: bytes 0-1/100\r\n"},
     {NULL}},
    {"multipart",
     FIELDS,
     false,
     GET("/middle", "Range: bytes=0-1,5-6\r\n"),
     {"HTTP/1.1 206 ", "\r\nX-All: y\r\n", "\r\nContent-Type: multipart/byteranges; boundary="},
     {NULL}},
    {"304",
     FIELDS,
     false,
     GET("/small", "If-None-Match: *\r\n"),
     {"HTTP/1.1 304 ", "\r\nX-All: y\r\n", "\r\nETag: "},
     {NULL}},
    {"404",
     FIELDS,
     false,
     GET("/nothing", ""),
     {"HTTP/1.1 404 ", "\r\nX-All: y\r\n", "\r\nCache-Control: no-cache\r\n"},
     {NULL}},
    {"412",
     FIELDS,
     false,
     GET("/small", "If-Match: \"x\"\r\n"),
     {"HTTP/1.1 412 ", "\r\nX-All: y\r\n"},
     {NULL}},
    {"416",
     FIELDS,
     false,
     GET("/small", "Range: bytes=100-\r\n"),
     {"HTTP/1.1 416 ", "\r\nX-All: y\r\n"},
     {NULL}},
    {"redirect to a directory",
     FIELDS,
     false,
     GET("/directory?q", ""),
     {"HTTP/1.1 301 ", "\r\nX-All: y\r\n", "\r\nLocation: /directory/?q\r\n"},
     {NULL}},
    {"listing",
     FIELDS,
     false,
     GET("/directory/", ""),
     {"HTTP/1.1 200 ", "\r\nX-All: y\r\n", ">inner<"},
     {NULL}},
    {"listing as text",
     FIELDS,
     false,
     GET("/directory/", "Accept: text/plain\r\n"),
     {"HTTP/1.1 200 ", "\r\nX-All: y\r\n", "inner"},
     {NULL}},
    {"archive",
     FIELDS,
     false,
     HEAD("/directory/?archive=tar", ""),
     {"HTTP/1.1 200 ", "\r\nX-All: y\r\n", "application/x-tar"},
     {NULL}},
    {"listing of the root",
     FIELDS,
     false,
     GET("/", "Accept: text/plain\r\n"),
     {"HTTP/1.1 200 ", "small"},
     {"_redirects", "_headers"}},
    {"bad request", FIELDS, false, GET("/../x", ""), {"HTTP/1.1 400 "}, {"X-All"}},
    {"OPTIONS", FIELDS, false, "OPTIONS /small" HOST "\r\n", {"HTTP/1.1 204 "}, {"X-All", ORIGIN}},
    {"file of rules", FIELDS, false, GET("/_headers", ""), {"HTTP/1.1 404 "}, {"X-All: y\n"}},

    {"301",
     FIELDS,
     false,
     GET("/old", ""),
     {"HTTP/1.1 301 ", "\r\nLocation: /new\r\n", "\r\nX-All: y\r\n",
      "\r\nCache-Control: no-cache\r\n"},
     {NULL}},
    {"301, HEAD",
     FIELDS,
     false,
     HEAD("/old", ""),
     {"HTTP/1.1 301 ", "\r\nLocation: /new\r\n"},
     {"<"}},
    {"302 with a slash",
     "",
     false,
     GET("/moved/a/", ""),
     {"HTTP/1.1 302 ", "\r\nLocation: /to/a/\r\n"},
     {NULL}},
    {"303 by force",
     "",
     false,
     GET("/page.html", ""),
     {"HTTP/1.1 303 ", "\r\nLocation: /x\r\n"},
     {"page"}},
    {"307 elsewhere",
     "",
     false,
     GET("/elsewhere/a?q", ""),
     {"HTTP/1.1 307 ", "\r\nLocation: https://b.example/a?q\r\n"},
     {NULL}},
    {"query", "", false, GET("/old?a=b&c", ""), {"\r\nLocation: /new?a=b&c\r\n"}, {NULL}},
    {"another query", "", false, GET("/old?d", ""), {"\r\nLocation: /new?d\r\n"}, {NULL}},
    {"empty query", "", false, GET("/old?", ""), {"\r\nLocation: /new?\r\n"}, {NULL}},
    {"query of the rule's own",
     "",
     false,
     GET("/own?a", ""),
     {"\r\nLocation: /new?own=1\r\n"},
     {NULL}},
    {"dropped query", "", false, GET("/drop?a", ""), {"\r\nLocation: /new?\r\n"}, {NULL}},
    {"fragment", "", false, GET("/part?a", ""), {"\r\nLocation: /new?a#part\r\n"}, {NULL}},
    {"absolute form", "", false, GET("http://b/old?q", ""), {"\r\nLocation: /new?q\r\n"}, {NULL}},
    {"no new lines in a redirect",
     "",
     false,
     GET("/moved/%0d%0aSet-Cookie:%20a", ""),
     {"HTTP/1.1 302 ", "\r\nLocation: /to/%0D%0ASet-Cookie:%20a\r\n"},
     {"\nSet-Cookie"}},
    {"no other host in a redirect",
     "",
     false,
     GET("/moved/%5c%5cb.example/", ""),
     {"\r\nLocation: /to/%5C%5Cb.example/\r\n"},
     {NULL}},
    {"no new lines in a field",
     "/*\n X: :splat\n",
     false,
     GET("/%0d%0aSet-Cookie:%20a", ""),
     {"\r\nX: %0D%0ASet-Cookie%3A%20a\r\n"},
     {"\nSet-Cookie"}},
    {"conditions do not matter to a redirect",
     "",
     false,
     GET("/old", "If-None-Match: *\r\nRange: bytes=0-0\r\n"),
     {"HTTP/1.1 301 "},
     {NULL}},
    {"POST to a redirect",
     "",
     false,
     "POST /old" HOST "Content-Length: 0\r\n\r\n",
     {"HTTP/1.1 405 "},
     {"Location"}},

    {"rewrite",
     "/app/*\n X: :splat\n",
     false,
     GET("/app/a/b?q", ""),
     {"HTTP/1.1 200 ", "<p>page", "\r\nX: a/b\r\n",
      "\r\nContent-Type: text/html; charset=utf-8\r\n"},
     {NULL}},
    {"rewrite, HEAD",
     "",
     false,
     HEAD("/app/a", ""),
     {"HTTP/1.1 200 ", "\r\nContent-Length: 7\r\n"},
     {"<p>"}},
    {"rewrite, a range",
     "",
     false,
     GET("/app/a", "Range: bytes=0-1\r\n"),
     {"HTTP/1.1 206 ", "\r\n\r\n<p"},
     {"page"}},
    {"rewrite, not modified",
     "",
     false,
     GET("/app/a", "If-None-Match: *\r\n"),
     {"HTTP/1.1 304 "},
     {NULL}},
    {"rewrite, encoded",
     "",
     false,
     GET("/coded/a", "Accept-Encoding: gzip\r\n"),
     {"HTTP/1.1 200 ", "\r\nContent-Encoding: gzip\r\n", "\r\nVary: Accept-Encoding\r\n",
      "\r\n\r\ngzip"},
     {NULL}},

    {"type",
     "/unnamed\n Content-Type: text/x\n",
     false,
     GET("/unnamed", ""),
     {"HTTP/1.1 200 ", "\r\nContent-Type: text/x\r\n"},
     {"text/plain"}},
    {"type of an encoded file",
     "/coded.txt\n Content-Type: text/x\n",
     false,
     GET("/coded.txt", "Accept-Encoding: gzip\r\n"),
     {"\r\nContent-Type: text/x\r\n", "\r\nContent-Encoding: gzip\r\n"},
     {NULL}},
    {"type of parts",
     "/middle\n Content-Type: text/x\n",
     false,
     GET("/middle", "Range: bytes=0-1,5-6\r\n"),
     {"\r\nContent-Type: multipart/byteranges", "\r\n\r\n--bbb",
      "\nContent-Type: text/x\r\nContent-Range: bytes 5-6/5000\r\n"},
     {NULL}},
    {"type, but not of errors",
     "/*\n Content-Type: text/x\n",
     false,
     GET("/nothing", ""),
     {"HTTP/1.1 404 ", "\r\nContent-Type: text/html; charset=utf-8\r\n"},
     {"text/x"}},
    {"type by content without a rule",
     "",
     false,
     GET("/unnamed", ""),
     {"\r\nContent-Type: text/plain"},
     {NULL}},
    {"Cache-Control",
     "/*\n Cache-Control: max-age=7\n",
     false,
     GET("/small", ""),
     {"\r\nCache-Control: max-age=7\r\n"},
     {"no-cache"}},
    {"Cache-Control of what is not modified",
     "/*\n Cache-Control: max-age=7\n",
     false,
     GET("/small", "If-None-Match: *\r\n"),
     {"HTTP/1.1 304 ", "\r\nCache-Control: max-age=7\r\n"},
     {"no-cache"}},
    {"Cache-Control, but not of errors",
     "/*\n Cache-Control: max-age=7\n",
     false,
     GET("/nothing", ""),
     {"HTTP/1.1 404 ", "\r\nCache-Control: no-cache\r\n"},
     {"max-age"}},
    {"no Cache-Control",
     "/*\n ! Cache-Control\n",
     false,
     GET("/small", ""),
     {"HTTP/1.1 200 "},
     {"Cache-Control"}},
    {"no validators",
     "/*\n ! ETag\n ! Last-Modified\n ! Accept-Ranges\n",
     false,
     GET("/small", ""),
     {"HTTP/1.1 200 "},
     {"ETag", "Last-Modified", "Accept-Ranges"}},
    {"no validators, not modified",
     "/*\n ! ETag\n ! Last-Modified\n",
     false,
     GET("/small", "If-None-Match: *\r\n"),
     {"HTTP/1.1 304 "},
     {"ETag", "Last-Modified"}},
    {"nosniff once",
     "/*\n X-Content-Type-Options: nosniff\n",
     false,
     GET("/small", ""),
     {"\r\nX-Content-Type-Options: nosniff\r\n"},
     {NULL}},
    {"nosniff once, in an error",
     "/*\n X-Content-Type-Options: nosniff\n",
     false,
     GET("/nothing", ""),
     {"\r\nX-Content-Type-Options: nosniff\r\n"},
     {NULL}},
    {"no nosniff",
     "/*\n ! X-Content-Type-Options\n",
     false,
     GET("/nothing", ""),
     {"HTTP/1.1 404 "},
     {"nosniff"}},

    {"other origins", "", true, GET("/small", ""), {"HTTP/1.1 200 ", SHARED}, {NULL}},
    {"other origins, 206",
     "",
     true,
     GET("/small", "Range: bytes=0-0\r\n"),
     {"HTTP/1.1 206 ", SHARED},
     {NULL}},
    {"other origins, 304",
     "",
     true,
     GET("/small", "If-None-Match: *\r\n"),
     {"HTTP/1.1 304 ", SHARED},
     {NULL}},
    {"other origins, 404",
     "",
     true,
     GET("/nothing", ""),
     {"HTTP/1.1 404 ", SHARED},
     {"Access-Control-Allow-Methods"}},
    {"other origins, redirect", "", true, GET("/old", ""), {"HTTP/1.1 301 ", SHARED}, {NULL}},
    {"other origins, listing", "", true, GET("/directory/", ""), {"HTTP/1.1 200 ", SHARED}, {NULL}},
    {"other origins, 400", "", true, GET("/../x", ""), {"HTTP/1.1 400 ", SHARED}, {NULL}},
    {"other origins, 405",
     "",
     true,
     "POST /small" HOST "Content-Length: 0\r\n\r\n",
     {"HTTP/1.1 405 ", SHARED},
     {"Access-Control-Allow-Methods"}},
    {"preflight",
     "",
     true,
     "OPTIONS /small" HOST "Origin: http://b\r\nAccess-Control-Request-Method: GET\r\n\r\n",
     {"HTTP/1.1 204 ", SHARED, "\r\nAccess-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n",
      "\r\nAccess-Control-Allow-Headers: *\r\n", "\r\nAccess-Control-Max-Age: 86400\r\n"},
     {NULL}},
    {"other origins, as a rule says",
     "/*\n Access-Control-Allow-Origin: https://b\n",
     true,
     GET("/small", ""),
     {"\r\nAccess-Control-Allow-Origin: https://b\r\n"},
     {"Origin: *"}},
    {"other origins, as a rule says of what is absent",
     "/*\n Access-Control-Allow-Origin: https://b\n",
     true,
     GET("/nothing", ""),
     {"HTTP/1.1 404 ", "\r\nAccess-Control-Allow-Origin: https://b\r\n"},
     {"Origin: *"}},
    {"no other origins for some",
     "/small\n ! Access-Control-Allow-Origin\n",
     true,
     GET("/small", ""),
     {"HTTP/1.1 200 "},
     {ORIGIN}},
    {"no other origins",
     "",
     false,
     GET("/small", "Origin: http://b\r\n"),
     {"HTTP/1.1 200 "},
     {ORIGIN}},
};

static size_t count(const char *text) {
    return visitor_count(&visitor, text);
}

/* With a cache, the second answer comes from it. */
static void test_answers(void **state) {
    (void)state;
    tree_text(&stage.tree, "_redirects", REDIRECTS);
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        tree_text(&stage.tree, "_headers", rows[i].headers);
        for (int times = 0; times < 4; times++) {
            const char *name = row_at(rows[i].name, (size_t)times);
            if (times % 2 == 0)
                serve_anew(times == 0 ? CACHE_BYTES : 0, rows[i].cors);
            (void)answer(rows[i].request);
            for (size_t line = 0; line < ROWS_COUNT(rows[i].lines); line++) {
                const char *text = rows[i].lines[line];
                if (text != NULL && count(text) != 1)
                    fail_msg("%s: not once \"%s\" in:\n%s", name, text, visitor.bytes);
            }
            for (size_t line = 0; line < ROWS_COUNT(rows[i].absent); line++) {
                const char *text = rows[i].absent[line];
                if (text != NULL && count(text) > 0)
                    fail_msg("%s: \"%s\" in:\n%s", name, text, visitor.bytes);
            }
        }
    }
}

/* A target of `len` bytes that each become three in a Location. */
static void put_request(char **at, size_t len, const char *query) {
    *at += sprintf(*at, "GET /m/");
    memset(*at, '"', len - strlen("/m/"));
    *at += len - strlen("/m/");
    *at += sprintf(*at, "%s" HOST "\r\n", query);
}

/* The largest answers, one behind the other, as far as they fill what is sent at once. */
static void test_the_longest_redirects(void **state) {
    (void)state;
    static char headers[HEAD_POLICY_MAX + 256];
    static char text[32 * 1024];
    char *at = headers + sprintf(headers, "/*\n");
    for (unsigned i = 0; i < 2; i++) {
        at += sprintf(at, " X%u: ", i);
        memset(at, 'v', HEAD_POLICY_MAX / 2 - 6);
        at += HEAD_POLICY_MAX / 2 - 6;
        at += sprintf(at, "\n");
    }
    tree_text(&stage.tree, "_headers", headers);
    tree_text(&stage.tree, "_redirects", "/m/* /m/:splat/x 302");
    serve_anew(CACHE_BYTES, true);
    stage.server.max_head = 16 * 1024;
    for (size_t len = 6200; len < 6700; len += 20) {
        const char *row = row_at("length", len);
        at = text;
        put_request(&at, len, "");
        put_request(&at, 8180, "");
        (void)stage_ask_anew(&stage, &visitor, text);
        row_assert_number(row, count("HTTP/1.1 302 "), 2);
        row_assert_number(row, count("\r\nX1: "), 2);
    }
}

/* A rule that uses what was captured more than once. */
static void test_redirects_that_are_too_long(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t len;
        const char *start;
    } lengths[] = {
        {"short", 100, "HTTP/1.1 302 "},
        {"long", 4000, "HTTP/1.1 302 "},
        {"too long", 4500, "HTTP/1.1 414 "},
        {"much too long", 7000, "HTTP/1.1 414 "},
    };
    char text[16 * 1024];
    tree_text(&stage.tree, "_redirects", "/m/* /m/:splat?a=:splat 302");
    serve_anew(CACHE_BYTES, false);
    for (size_t i = 0; i < ROWS_COUNT(lengths) * 2; i++) {
        char *at = text;
        put_request(&at, lengths[i / 2].len, "");
        (void)answer(text);
        row_assert(lengths[i / 2].name,
                   strncmp(visitor.bytes, lengths[i / 2].start, strlen(lengths[i / 2].start)) == 0);
    }
    tree_text(&stage.tree, "_redirects", "/m/* /m/:splat/:splat 302");
    serve_anew(CACHE_BYTES, false);
    for (size_t i = 0; i < 2; i++) { /* with the query that is passed on */
        char query[4096] = "?";
        memset(query + 1, 'q', i == 0 ? 20 : 700);
        char *at = text;
        put_request(&at, 4000, query);
        (void)answer(text);
        row_assert_number(row_at("query", i), count(i == 0 ? "HTTP/1.1 302 " : "HTTP/1.1 414 "), 1);
    }
}

/* The most that rules may say, in every kind of head that an entry has. */
static void test_the_longest_fields(void **state) {
    (void)state;
    static char headers[HEAD_POLICY_MAX + 4096];
    static const char *const requests[] = {
        GET("/coded.txt", "Accept-Encoding: gzip\r\n"),
        GET("/coded.txt", "If-None-Match: *\r\n"),
        GET("/middle", "Range: bytes=0-1,5-6\r\n"),
        GET("/nothing", ""),
        GET("/directory/", ""),
    };
    for (size_t over = 0; over < 2; over++) {
        char *at = headers + sprintf(headers, "/*\n");
        for (unsigned i = 0; i < 2; i++) {
            size_t len = HEAD_POLICY_MAX / 2 - 6 + (i > 0 ? over : 0);
            at += sprintf(at, " X%u: ", i);
            memset(at, 'v', len);
            at += len;
            at += sprintf(at, "\n");
        }
        tree_text(&stage.tree, "_headers", headers);
        serve_anew(CACHE_BYTES, false);
        for (size_t i = 0; i < ROWS_COUNT(requests) * 2; i++) {
            (void)answer(requests[i / 2]);
            row_assert_number(requests[i / 2], count("\r\nX1: "), over == 0);
            row_assert_number(requests[i / 2], count("HTTP/1.1 503 "), over);
        }
    }
}

/* A rule that changes is in force for the next request on a connection that stays. */
static void test_changes_on_a_connection_that_stays(void **state) {
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        char rules[64];
        char want[64];
        (void)snprintf(rules, sizeof rules, "/a /b%u", i);
        (void)snprintf(want, sizeof want, "\r\nLocation: /b%u\r\n", i);
        tree_text(&stage.tree, "_redirects", rules);
        for (int times = 0; times < 2; times++) {
            visitor_forget(&visitor);
            stage_ask(&stage, &visitor, GET("/a", ""));
            row_assert_number(want, count(want), 1);
        }
    }
    (void)unlink(tree_path(&stage.tree, "_redirects"));
    visitor_forget(&visitor);
    stage_ask(&stage, &visitor, GET("/a", ""));
    assert_int_equal(count("HTTP/1.1 404 "), 1);
}

/* Rules change while a client takes its time with what it was sent by them. */
static void test_changes_while_an_answer_waits(void **state) {
    (void)state;
    static struct visitor other;
    tree_file(&stage.tree, "huge", 5, 8 * 1024 * 1024);
    tree_text(&stage.tree, "_redirects", "/a /huge 200");
    tree_text(&stage.tree, "_headers", "/*\n X: y\n Content-Type: text/x\n");
    serve_anew(CACHE_BYTES, false);
    visitor_leave(&visitor);
    stage_invite(&stage, &visitor);
    visitor_forget(&visitor);
    visitor_send_text(&visitor, GET("/a", "") GET("/middle", ""));
    stage_turn(&stage);
    tree_text(&stage.tree, "_redirects", "");
    tree_text(&stage.tree, "_headers", "");
    stage_turn(&stage);
    stage_invite(&stage, &other);
    stage_ask(&stage, &other, GET("/nothing", ""));
    assert_int_equal(visitor_count(&other, "HTTP/1.1 404 "), 1);
    assert_int_equal(stage.server.connections, 2);
    visitor_leave(&other);
    assert_int_equal(stage.server.store.cache.by_key.count, 2); /* nothing, and its page */
}

/* An error's page has the fields of the path that was asked for, and not those of its own name;
 * what
 * --spa serves is found instead, and has its own. */
static void test_fields_of_what_stands_in(void **state) {
    (void)state;
    tree_text(&stage.tree, "404.html", "own page");
    tree_text(&stage.tree, "_headers", "/404.html\n X-Page: y\n/a/*\n X-Asked: y\n");
    for (int times = 0; times < 2; times++) {
        assert_non_null(strstr(answer(GET("/nothing", "")), "own page"));
        assert_int_equal(count("X-Page"), 0);
        (void)answer(GET("/a/nothing", ""));
        assert_int_equal(count("\r\nX-Asked: y\r\n"), 1);
        assert_int_equal(count("X-Page"), 0);
        (void)answer(GET("/404.html", ""));
        assert_int_equal(count("\r\nX-Page: y\r\n"), 1);
    }
    stage.options.spa = SLICE("404.html");
    serve_anew(CACHE_BYTES, false);
    (void)answer(GET("/nothing", "Accept: text/html\r\n"));
    assert_int_equal(count("HTTP/1.1 200 "), 1);
    assert_int_equal(count("\r\nX-Page: y\r\n"), 1);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_answers),
        test(test_the_longest_redirects),
        test(test_redirects_that_are_too_long),
        test(test_the_longest_fields),
        test(test_fields_of_what_stands_in),
        test(test_changes_on_a_connection_that_stays),
        test(test_changes_while_an_answer_waits),
    };
    return cmocka_run_group_tests_name("exchange, rules", tests, NULL, NULL);
}
