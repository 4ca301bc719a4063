/* What stands in for what there is not: clean URLs, an application's file, and a site's own pages
 * of errors, with a cache and without. */
#include "serve/exchange.h"

#include "support/stage.h"
#include "support/still.h"

#include <string.h>
#include <time.h>

static int open_error;        /* errno of the next openat2(); 0: none */
static const char *open_path; /* the path that has that error; NULL: all */
static const char *vanishing; /* what is removed before it; NULL: nothing */

long __real_syscall(long number, ...);
long __wrap_syscall(long number, int fd, const char *path, const void *how, size_t size);

long __wrap_syscall(long number, int fd, const char *path, const void *how, size_t size) {
    if (vanishing != NULL)
        (void)unlink(vanishing);
    vanishing = NULL;
    if (open_error == 0 || (open_path != NULL && strcmp(path, open_path) != 0))
        return __real_syscall(number, fd, path, how, size);
    errno = open_error;
    return -1;
}

enum { CACHE_BYTES = 1024 * 1024 };

static struct stage stage;
static struct visitor visitor = {.fd = -1};

/* Another server of the same tree. */
static void serve_anew(uint64_t cache_size) {
    visitor_leave(&visitor);
    stage.options.cache_size = cache_size;
    stage_serve_anew(&stage);
}

static int setup(void **state) {
    (void)state;
    open_error = 0;
    open_path = NULL;
    vanishing = NULL;
    stage_open(&stage);
    tree_text(&stage.tree, "about.html", "about");
    tree_text(&stage.tree, "about.html.gz", "about, gzip");
    tree_text(&stage.tree, "section/index.html", "section");
    tree_text(&stage.tree, "app/a%20b?.html", "application");
    tree_text(&stage.tree, "app/a%20b?.html.gz", "application, gzip");
    tree_text(&stage.tree, "404.html", "own 404");
    tree_text(&stage.tree, "404.html.gz", "own 404, gzip");
    tree_text(&stage.tree, "403.html", "own 403");
    tree_text(&stage.tree, "50x.html", "own 50x");
    stage.roots.items[0].clean_urls = true;
    stage.options.spa = SLICE("app/a%20b?.html");
    stage.options.listing = LISTING_OFF;
    serve_anew(CACHE_BYTES);
    stage_invite(&stage, &visitor);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    open_error = 0;
    visitor_leave(&visitor);
    stage_close(&stage);
    return 0;
}

/* The answer to a request on a connection of its own. */
static struct slice answer(const char *text) {
    return stage_ask_anew(&stage, &visitor, text);
}

static const char *content(void) {
    const char *end = strstr(visitor.bytes, "\r\n\r\n");
    row_assert("a whole head", end != NULL);
    return end + 4;
}

static bool has_line(const char *line) {
    const char *at = strstr(visitor.bytes, line);
    return at != NULL && at + 2 < content();
}

#define HOST               " HTTP/1.1\r\nHost: a\r\n"
#define GET(path, fields)  "GET " path HOST fields "\r\n"
#define HEAD(path, fields) "HEAD " path HOST fields "\r\n"
#define HTML               "Accept: text/html\r\n"
#define JSON               "Accept: application/json\r\n"
#define GZIP               "Accept-Encoding: gzip\r\n"
#define VARY               "\r\nVary: Accept\r\n"
#define CODED              "\r\nVary: Accept-Encoding\r\n"
#define BUILT_IN           NULL /* the page of pronto's own */

static const struct {
    const char *name;
    const char *text;
    const char *start;   /* of the answer */
    const char *content; /* all of it; BUILT_IN: it names the status */
    const char *has;     /* in the head; NULL: nothing in particular */
    const char *lacks;   /* the same, and not in it */
} rows[] = {
    {"clean URL", GET("/about", ""), "HTTP/1.1 200 ", "about",
     "\r\nContent-Type: text/html; charset=utf-8\r\n", VARY},
    {"clean URL with a query", GET("/about?a/b", ""), "HTTP/1.1 200 ", "about", NULL, NULL},
    {"clean URL, HEAD", HEAD("/about", ""), "HTTP/1.1 200 ", "", "\r\nContent-Length: 5\r\n", NULL},
    {"clean URL, gzip", GET("/about", GZIP), "HTTP/1.1 200 ", "about, gzip", CODED, NULL},
    {"clean URL, a range", GET("/about", "Range: bytes=1-2\r\n"), "HTTP/1.1 206 ", "bo", NULL,
     NULL},
    {"clean URL, not modified", GET("/about", "If-None-Match: *\r\n"), "HTTP/1.1 304 ", "",
     "\r\nETag: ", NULL},
    {"page by its name", GET("/about.html", ""), "HTTP/1.1 200 ", "about", NULL, NULL},
    {"clean URL of a directory", GET("/section", ""), "HTTP/1.1 200 ", "section", NULL, NULL},
    {"directory without an index", GET("/directory?q", ""), "HTTP/1.1 301 ", BUILT_IN,
     "\r\nLocation: /directory/?q\r\n", NULL},

    {"route", GET("/users/12", HTML), "HTTP/1.1 200 ", "application", VARY, NULL},
    {"route with a slash behind", GET("/users/", HTML), "HTTP/1.1 200 ", "application", VARY, NULL},
    {"page with a slash behind", GET("/about/", HTML), "HTTP/1.1 200 ", "application", VARY, NULL},
    {"route with an encoded slash", GET("/tag/a%2Fb", HTML), "HTTP/1.1 200 ", "application", VARY,
     NULL},
    {"route without an Accept field", GET("/users/12", ""), "HTTP/1.1 200 ", "application", VARY,
     NULL},
    {"route, HEAD", HEAD("/users/12", ""), "HTTP/1.1 200 ", "", "\r\nContent-Length: 11\r\n", NULL},
    {"route, gzip", GET("/users/12", GZIP), "HTTP/1.1 200 ", "application, gzip", VARY, NULL},
    {"rfc9110-12.5.5 route, gzip", GET("/users/12", GZIP), "HTTP/1.1 200 ", "application, gzip",
     CODED, NULL},
    {"route, a range", GET("/users/12", "Range: bytes=1-2\r\n"), "HTTP/1.1 206 ", "pp", VARY, NULL},
    {"route, an unsatisfiable range", GET("/users/12", "Range: bytes=99-\r\n"), "HTTP/1.1 416 ",
     BUILT_IN, "\r\nContent-Range: bytes */11\r\n", NULL},
    {"route, not modified", GET("/users/12", "If-None-Match: *\r\n"), "HTTP/1.1 304 ", "", VARY,
     NULL},
    {"route, a precondition", GET("/users/12", "If-Match: \"x\"\r\n"), "HTTP/1.1 412 ", BUILT_IN,
     VARY, NULL},
    {"rfc9110-15.5.7 route, none acceptable", GET("/users/12", "Accept-Encoding: *;q=0\r\n"),
     "HTTP/1.1 406 ", BUILT_IN, VARY, NULL},
    {"rfc9110-12.5.5 route, JSON", GET("/users/12", JSON), "HTTP/1.1 404 ", "own 404", VARY, NULL},
    {"the application's file by its name", GET("/app/a%2520b%3f.html", JSON), "HTTP/1.1 200 ",
     "application", CODED, VARY},
    {"POST to a route", "POST /users/12" HOST "Content-Length: 0\r\n\r\n", "HTTP/1.1 405 ",
     BUILT_IN, NULL, VARY},

    {"404", GET("/a.png", ""), "HTTP/1.1 404 ", "own 404",
     "\r\nContent-Type: text/html; charset=utf-8\r\n", VARY},
    {"404 with a query", GET("/a.png?q", ""), "HTTP/1.1 404 ", "own 404", NULL, NULL},
    {"404, HEAD", HEAD("/a.png", ""), "HTTP/1.1 404 ", "", "\r\nContent-Length: 7\r\n", NULL},
    {"404 has no entity tag", GET("/a.png", ""), "HTTP/1.1 404 ", "own 404", CODED, "\r\nETag: "},
    {"404 has no date", GET("/a.png", ""), "HTTP/1.1 404 ", "own 404", NULL, "\r\nLast-Modified: "},
    {"404 has no ranges", GET("/a.png", "Range: bytes=0-1\r\n"), "HTTP/1.1 404 ", "own 404", NULL,
     "\r\nAccept-Ranges: "},
    {"404 knows no preconditions", GET("/a.png", "If-None-Match: *\r\n"), "HTTP/1.1 404 ",
     "own 404", "\r\nCache-Control: no-cache\r\n", NULL},
    {"404, gzip", GET("/a.png", GZIP), "HTTP/1.1 404 ", "own 404, gzip",
     "\r\nContent-Encoding: gzip\r\n", NULL},
    {"404, none acceptable", GET("/a.png", "Accept-Encoding: *;q=0\r\n"), "HTTP/1.1 404 ", BUILT_IN,
     CODED, "\r\nContent-Encoding: "},
    {"404 for an encoded slash", GET("/directory%2Fa.png", ""), "HTTP/1.1 404 ", "own 404", NULL,
     NULL},
    {"404, HTTP/1.0", "GET /a.png HTTP/1.0\r\n\r\n", "HTTP/1.1 404 ", "own 404",
     "\r\nConnection: close\r\n", NULL},
    {"the 404 page by its name", GET("/404.html", ""), "HTTP/1.1 200 ", "own 404",
     "\r\nETag: ", NULL},
    {"403 for a directory", GET("/directory/", ""), "HTTP/1.1 403 ", "own 403", NULL, CODED},
    {"400", GET("/%zz", ""), "HTTP/1.1 400 ", BUILT_IN, NULL, NULL},
    {"405", "DELETE /a.png" HOST "\r\n", "HTTP/1.1 405 ", BUILT_IN, NULL, NULL},
    {"417", GET("/a.png", "Expect: tea\r\n"), "HTTP/1.1 417 ", BUILT_IN, NULL, NULL},
};

static void check(const char *name, size_t i) {
    row_assert(name, slice_starts_with(slice_of(visitor.bytes, visitor.len),
                                       slice_of_text(rows[i].start)));
    if (rows[i].content != BUILT_IN)
        row_assert_slice(name, slice_of_text(content()), slice_of_text(rows[i].content));
    else
        row_assert(name, memmem(content(), strlen(content()), rows[i].start + 9, 3) != NULL);
    row_assert(name, rows[i].has == NULL || has_line(rows[i].has));
    row_assert(name, rows[i].lacks == NULL || !has_line(rows[i].lacks));
}

/* Without a cache, for the first time, and from the cache alone. */
static void test_answers(void **state) {
    (void)state;
    static char want[4096];
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const char *name = rows[i].name;
        serve_anew(0);
        size_t len = answer(rows[i].text).len;
        row_assert(name, len < sizeof want);
        memcpy(want, visitor.bytes, len);
        check(name, i);
        serve_anew(CACHE_BYTES);
        row_assert_slice(name, answer(rows[i].text), slice_of(want, len));
        row_assert_slice(name, answer(rows[i].text), slice_of(want, len));
        open_error = EIO; /* nothing is looked up any more */
        row_assert_slice(name, answer(rows[i].text), slice_of(want, len));
        open_error = 0;
    }
}

/* One connection, on which all of it comes in one turn. */
static void test_answers_behind_each_other(void **state) {
    (void)state;
    (void)answer(GET("/a.png", "") GET("/users", "") GET("/directory/", "") GET("/about", ""));
    static const char *const contents[] = {"own 404", "application", "own 403", "about"};
    const char *at = visitor.bytes;
    for (size_t i = 0; i < ROWS_COUNT(contents); i++) {
        at = strstr(at, "\r\n\r\n");
        row_assert(contents[i], at != NULL && slice_starts_with(slice_of_text(at + 4),
                                                                slice_of_text(contents[i])));
        at += 4;
    }
}

static void expect(const char *row, const char *text, const char *start, const char *want) {
    (void)answer(text);
    row_assert(row, slice_starts_with(slice_of(visitor.bytes, visitor.len), slice_of_text(start)));
    row_assert(row, strstr(content(), want) != NULL);
}

static void remove_file(const char *name) {
    assert_int_equal(unlink(tree_path(&stage.tree, name)), 0);
}

static void test_error_pages_change(void **state) {
    (void)state;
    static const char request[] = GET("/a.png", "");
    expect("there", request, "HTTP/1.1 404 ", "own 404");
    tree_text(&stage.tree, "404.html", "new 404");
    expect("changed", request, "HTTP/1.1 404 ", "new 404");
    remove_file("404.html");
    expect("gone", request, "HTTP/1.1 404 ", "<title>404");
    expect("gone by its name, too", GET("/404.html", ""), "HTTP/1.1 404 ", "<title>404");
    tree_directory(&stage.tree, "404.html");
    expect("a directory", request, "HTTP/1.1 404 ", "<title>404");
    assert_int_equal(rmdir(tree_path(&stage.tree, "404.html")), 0);
    tree_text(&stage.tree, "404.html", "back");
    expect("back", request, "HTTP/1.1 404 ", "back");
    tree_text(&stage.tree, "a.png", "an image");
    expect("not absent any more", request, "HTTP/1.1 200 ", "an image");
}

static void test_the_application_changes(void **state) {
    (void)state;
    static const char request[] = GET("/users", HTML);
    expect("there", request, "HTTP/1.1 200 ", "application");
    tree_text(&stage.tree, "app/a%20b?.html", "new");
    expect("changed", request, "HTTP/1.1 200 ", "new");
    tree_text(&stage.tree, "users.html", "a page");
    expect("not absent any more", request, "HTTP/1.1 200 ", "a page");
    remove_file("users.html");
    expect("absent again", request, "HTTP/1.1 200 ", "new");
    remove_file("app/a%20b?.html");
    expect("gone", request, "HTTP/1.1 404 ", "own 404");
    row_assert("rfc9110-12.5.5", has_line(VARY));
    tree_directory(&stage.tree, "app/a%20b?.html");
    expect("a directory", request, "HTTP/1.1 404 ", "own 404");
    assert_int_equal(rmdir(tree_path(&stage.tree, "app/a%20b?.html")), 0);
    tree_text(&stage.tree, "app/a%20b?.html", "back");
    expect("back", request, "HTTP/1.1 200 ", "back");
}

/* A request for a file, which is not opened: another one stands in that can be, or cannot. */
static void test_failures(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int error;
        const char *path;
        const char *text;
        const char *start;
        const char *content;
    } failures[] = {
        {"500", EIO, "small", GET("/small", ""), "HTTP/1.1 500 ", "own 50x"},
        {"503", EMFILE, "small", GET("/small", ""), "HTTP/1.1 503 ", "own 50x"},
        {"403", EACCES, "small", GET("/small", ""), "HTTP/1.1 403 ", "own 403"},
        {"500, and of its page", EIO, NULL, GET("/small", ""), "HTTP/1.1 500 ", "<title>500"},
        {"503, and of its page", EMFILE, NULL, GET("/small", ""), "HTTP/1.1 503 ", "<title>503"},
        {"403, and of its page", EACCES, NULL, GET("/small", ""), "HTTP/1.1 403 ", "<title>403"},
        {"404 without a page", EACCES, "404.html", GET("/a.png", ""), "HTTP/1.1 404 ",
         "<title>404"},
        {"404 while its page cannot be opened", EMFILE, "404.html", GET("/a.png", ""),
         "HTTP/1.1 404 ", "<title>404"},
        {"application", EACCES, "app/a%20b?.html", GET("/users", ""), "HTTP/1.1 403 ", "own 403"},
        {"application that cannot be opened", EMFILE, "app/a%20b?.html", GET("/users", ""),
         "HTTP/1.1 503 ", "own 50x"},
    };
    for (size_t i = 0; i < ROWS_COUNT(failures); i++) {
        serve_anew(i % 2 == 0 ? CACHE_BYTES : 0);
        open_error = failures[i].error;
        open_path = failures[i].path;
        expect(failures[i].name, failures[i].text, failures[i].start, failures[i].content);
        open_error = 0;
        open_path = NULL;
        row_assert_number(failures[i].name, stage.server.store.opened.fd, -1);
    }
}

/* A file that vanishes between the look and its opening is absent, but its name is no route's. */
static void test_a_file_vanishes(void **state) {
    (void)state;
    tree_text(&stage.tree, "image.png", "an image");
    tree_text(&stage.tree, "image.png.gz", "an image, gzip");
    expect("known", HEAD("/image.png", GZIP), "HTTP/1.1 200 ", "");
    remove_file("image.png.gz");
    vanishing = tree_path(&stage.tree, "image.png");
    expect("vanished", GET("/image.png", ""), "HTTP/1.1 404 ", "own 404");
    row_assert("looked at", vanishing == NULL);
}

/* A page that is sent by sendfile(2). */
static void test_large_pages(void **state) {
    (void)state;
    tree_file(&stage.tree, "404.html", 3, STAGE_BIG);
    remove_file("404.html.gz");
    (void)answer(GET("/a.png", ""));
    row_assert("length", has_line("\r\nContent-Length: 33068\r\n"));
    assert_int_equal(visitor.len - (size_t)(content() - visitor.bytes), STAGE_BIG);
    (void)answer(HEAD("/a.png", ""));
    assert_int_equal(visitor.len - (size_t)(content() - visitor.bytes), 0);
}

/* Where nobody has asked for any of it. */
static void test_without_options(void **state) {
    (void)state;
    stage.roots.items[0].clean_urls = false;
    stage.options.spa = SLICE_NONE;
    serve_anew(CACHE_BYTES);
    expect("no clean URLs", GET("/about", ""), "HTTP/1.1 404 ", "own 404");
    expect("no clean URL of a directory", GET("/section", ""), "HTTP/1.1 301 ", "<title>301");
    expect("no application", GET("/users", HTML), "HTTP/1.1 404 ", "own 404");
    row_assert("nothing was chosen", !has_line(VARY));
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_answers),
        test(test_answers_behind_each_other),
        test(test_error_pages_change),
        test(test_the_application_changes),
        test(test_failures),
        test(test_a_file_vanishes),
        test(test_large_pages),
        test(test_without_options),
    };
    return cmocka_run_group_tests_name("exchange, routes", tests, NULL, NULL);
}
