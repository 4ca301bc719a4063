/* A cache changes nothing but what an answer costs; and what changes is answered with at once. */
#include "serve/exchange.h"

#include "support/stage.h"
#include "support/still.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static int open_error;   /* errno of the next openat2(); 0: none */
static const char *lose; /* what is removed before it; NULL: nothing */
static bool listing;     /* directories are read anew for each */

long __real_syscall(long number, ...);
long __wrap_syscall(long number, int fd, const char *path, const void *how, size_t size);

long __wrap_syscall(long number, int fd, const char *path, const void *how, size_t size) {
    if (lose != NULL)
        (void)unlink(lose);
    lose = NULL;
    if (open_error == 0)
        return __real_syscall(number, fd, path, how, size);
    errno = open_error;
    return -1;
}

enum { CACHE_BYTES = 1024 * 1024 };

static struct stage stage;
static struct visitor visitor;

static int setup(void **state) {
    (void)state;
    open_error = 0;
    listing = false;
    stage.cache_size = CACHE_BYTES;
    stage_open(&stage);
    tree_text(&stage.tree, "coded", "plain");
    tree_text(&stage.tree, "coded.gz", "gzip");
    tree_text(&stage.tree, "coded.br", "br");
    tree_text(&stage.tree, "with/index.html", "index");
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

/* Another server of the same tree. */
static void serve_anew(uint64_t cache_size) {
    visitor_leave(&visitor);
    stage.options.cache_size = cache_size;
    stage_serve_anew(&stage);
    stage.server.listing = listing;
}

/* The answer to a request on a connection of its own. */
static struct slice answer(const char *text) {
    return stage_ask_anew(&stage, &visitor, text);
}

static void assert_starts(const char *row, const char *text) {
    row_assert(row, slice_starts_with(slice_of(visitor.bytes, visitor.len), slice_of_text(text)));
}

#define HOST              " HTTP/1.1\r\nHost: a\r\n"
#define GET(path, fields) "GET " path HOST fields "\r\n"
#define T32               "12345678901234567890123456789012"
#define T256              T32 T32 T32 T32 T32 T32 T32 T32
#define T1024             T256 T256 T256 T256

static const struct {
    const char *name;
    const char *text;
    const char *start; /* of the answer */
} rows[] = {
    {"file", GET("/small", ""), "HTTP/1.1 200 "},
    {"large file", GET("/big", ""), "HTTP/1.1 200 "},
    {"HEAD", "HEAD /small" HOST "\r\n", "HTTP/1.1 200 "},
    {"HTTP/1.0", "GET /small HTTP/1.0\r\n\r\n", "HTTP/1.1 200 "},
    {"close", GET("/small", "Connection: close\r\n"), "HTTP/1.1 200 "},
    {"query", GET("/small?q", ""), "HTTP/1.1 200 "},
    {"empty query", GET("/small?", ""), "HTTP/1.1 200 "},
    {"query with a question mark", GET("/small??", ""), "HTTP/1.1 200 "},
    {"rfc9112-3.2.1 fragment", GET("/small#f", ""), "HTTP/1.1 400 "},
    {"rfc9112-3.2.1 fragment in a query", GET("/small?q#f", ""), "HTTP/1.1 400 "},
    {"fragment in a query, at its end", GET("/small?#", ""), "HTTP/1.1 400 "},
    {"absolute form", GET("http://b/small", ""), "HTTP/1.1 200 "},
    {"absolute form without a path", GET("http://b?q", ""), "HTTP/1.1 403 "},
    {"encoded", GET("/%73mall", ""), "HTTP/1.1 200 "},
    {"dot segments", GET("/directory/../small", ""), "HTTP/1.1 200 "},
    {"dot segments that lead out", GET("/../small", ""), "HTTP/1.1 400 "},
    {"slash behind", GET("/small/", ""), "HTTP/1.1 404 "},
    {"nothing", GET("/nothing", ""), "HTTP/1.1 404 "},
    {"encoded slash", GET("/directory%2finner", ""), "HTTP/1.1 404 "},
    {"index", GET("/with/", ""), "HTTP/1.1 200 "},
    {"directory", GET("/directory/", ""), "HTTP/1.1 403 "},
    {"redirect", GET("/directory", ""), "HTTP/1.1 301 "},
    {"redirect with a query", GET("/directory?q=1", ""), "HTTP/1.1 301 "},
    {"redirect with another query", GET("/directory?q=2", ""), "HTTP/1.1 301 "},
    {"redirect with a fragment", GET("/directory?q#f", ""), "HTTP/1.1 400 "},
    {"redirect of an absolute form", GET("http://b/directory?q", ""), "HTTP/1.1 301 "},
    {"range", GET("/small", "Range: bytes=1-2\r\n"), "HTTP/1.1 206 "},
    {"ranges", GET("/middle", "Range: bytes=1-2,5-6\r\n"), "HTTP/1.1 206 "},
    {"unsatisfiable range", GET("/small", "Range: bytes=100-\r\n"), "HTTP/1.1 416 "},
    {"not modified", GET("/small", "If-None-Match: *\r\n"), "HTTP/1.1 304 "},
    {"precondition", GET("/small", "If-Match: \"x\"\r\n"), "HTTP/1.1 412 "},
    {"gzip", GET("/coded", "Accept-Encoding: gzip\r\n"), "HTTP/1.1 200 "},
    {"br", GET("/coded", "Accept-Encoding: gzip, br\r\n"), "HTTP/1.1 200 "},
    {"identity", GET("/coded", ""), "HTTP/1.1 200 "},
    {"coding that there is not", GET("/coded", "Accept-Encoding: zstd\r\n"), "HTTP/1.1 200 "},
    {"range of a coding", GET("/coded", "Accept-Encoding: gzip\r\nRange: bytes=0-0\r\n"),
     "HTTP/1.1 206 "},
    {"not modified coding", GET("/coded", "Accept-Encoding: gzip\r\nIf-None-Match: *\r\n"),
     "HTTP/1.1 304 "},
    {"precondition of a coding", GET("/coded", "Accept-Encoding: gzip\r\nIf-Match: \"x\"\r\n"),
     "HTTP/1.1 412 "},
    {"rfc9110-15.5.7 none acceptable", GET("/small", "Accept-Encoding: identity;q=0\r\n"),
     "HTTP/1.1 406 "},
    {"rfc9110-15.5.7 none of several", GET("/coded", "Accept-Encoding: *;q=0\r\n"),
     "HTTP/1.1 406 "},
    {"none acceptable of nothing", GET("/nothing", "Accept-Encoding: *;q=0\r\n"), "HTTP/1.1 404 "},
    {"OPTIONS", "OPTIONS /small" HOST "\r\n", "HTTP/1.1 204 "},
    {"POST", "POST /small" HOST "Content-Length: 0\r\n\r\n", "HTTP/1.1 405 "},
    {"unknown method", "BREW /small" HOST "\r\n", "HTTP/1.1 501 "},
    {"CONNECT", "CONNECT /small" HOST "\r\n", NULL},
    {"another expectation", GET("/small", "Expect: tea\r\n"), "HTTP/1.1 417 "},
    {"no host", "GET /small HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
    {"asterisk", GET("*", ""), "HTTP/1.1 400 "},
};

/* All that is asked for is in the cache before. */
static void warm_up(void) {
    static const char *const texts[] = {
        GET("/small", ""),     GET("/big", ""),
        GET("/directory", ""), GET("http://b/directory", ""),
        GET("/coded", ""),     GET("/coded", "Accept-Encoding: gzip\r\n"),
        GET("/nothing", ""),
    };
    for (size_t i = 0; i < ROWS_COUNT(texts); i++)
        (void)answer(texts[i]);
}

static size_t count_kept(void) {
    return stage.server.store.cache.by_key.count;
}

static void test_answers_are_the_same(void **state) {
    (void)state;
    static char want[STAGE_BIG + 1024];
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const char *name = rows[i].name;
        serve_anew(0);
        size_t len = answer(rows[i].text).len;
        row_assert(name, len > 0 && len < sizeof want);
        memcpy(want, visitor.bytes, len);
        if (rows[i].start != NULL)
            assert_starts(name, rows[i].start);
        serve_anew(CACHE_BYTES);
        row_assert_slice(name, answer(rows[i].text), slice_of(want, len));
        warm_up();
        row_assert_slice(name, answer(rows[i].text), slice_of(want, len));
        size_t kept = count_kept();
        open_error = EIO; /* nothing is looked up any more */
        row_assert_slice(name, answer(rows[i].text), slice_of(want, len));
        open_error = 0;
        row_assert_number(name, count_kept(), kept);
    }
}

/* Whoever asked before, in whatever words. */
static void test_answers_are_the_same_after_any_other(void **state) {
    (void)state;
    static struct {
        size_t len;
        char bytes[STAGE_BIG + 1024];
    } want[ROWS_COUNT(rows)];
    serve_anew(0);
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        want[i].len = answer(rows[i].text).len;
        memcpy(want[i].bytes, visitor.bytes, want[i].len);
    }
    serve_anew(CACHE_BYTES);
    for (size_t i = 0; i < ROWS_COUNT(rows) * ROWS_COUNT(rows); i++) {
        size_t row = i % ROWS_COUNT(rows);
        (void)answer(rows[i / ROWS_COUNT(rows)].text);
        row_assert_slice(rows[row].name, answer(rows[row].text),
                         slice_of(want[row].bytes, want[row].len));
    }
}

/* What is known of a path, of which nothing has changed. */
static struct resource *resource_at(const char *path) {
    struct store *store = &stage.server.store;
    struct resource *resource = store_recall(store, slice_of_text(path), stage.loop.now_ms);
    assert_non_null(resource);
    store_release(store, resource);
    return resource;
}

/* The entry of what has just been answered with. */
static struct entry *entry_at(const char *path) {
    return resource_at(path)->entries[CODING_IDENTITY];
}

/* Who asks in the same words gets what is remembered, were it forged; and nobody else does. */
static void test_asked_in_the_same_words(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *path;
        const char *first;
        const char *second;
        bool same;
    } pairs[] = {
        {"the same", "/small", GET("/small", ""), GET("/small", ""), true},
        {"another query", "/small", GET("/small?a", ""), GET("/small?b", ""), true},
        {"any fields", "/small", GET("/small", "A: b\r\nAccept-Encoding: gzip\r\n"),
         GET("/small", "A: b\r\nAccept-Encoding: gzip\r\n"), true},
        {"the last one", "/small", GET("/small", "Connection: close\r\n"),
         GET("/small", "Connection: close\r\n"), true},
        {"more fields than are remembered", "/small", GET("/small", "A: " T1024 "\r\n"),
         GET("/small", "A: " T1024 "\r\n"), false},
        {"other fields", "/small", GET("/small", ""), GET("/small", "A: b\r\n"), false},
        {"another method", "/small", GET("/small", ""), "HEAD /small" HOST "\r\n", false},
        {"another version", "/small", GET("/small", ""), "GET /small HTTP/1.0\r\nHost: a\r\n\r\n",
         false},
        {"an older version", "/small", "GET /small HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
         "GET /small HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false},
        {"a part", "/small", GET("/small", "Range: bytes=0-1\r\n"),
         GET("/small", "Range: bytes=0-1\r\n"), false},
        {"another part than there is", "/small", GET("/small", "Range: pages=0-1\r\n"),
         GET("/small", "Range: pages=0-1\r\n"), false},
        {"unless changed since", "/small",
         GET("/small", "If-Modified-Since: Sun, 06 Nov 1994 08:49:38 GMT\r\n"),
         GET("/small", "If-Modified-Since: Sun, 06 Nov 1994 08:49:38 GMT\r\n"), false},
        {"a file that is sent by sendfile", "/big", GET("/big", ""), GET("/big", ""), true},
        {"nothing", "/nothing", GET("/nothing", ""), GET("/nothing", ""), false},
    };
    for (size_t i = 0; i < ROWS_COUNT(pairs); i++) {
        serve_anew(CACHE_BYTES);
        (void)answer(GET("/middle", "B: c\r\n"));
        struct entry *forged = entry_at("/middle");
        (void)answer(pairs[i].first);
        struct resource *asked = resource_at(pairs[i].path);
        if (asked->usual != NULL)
            asked->usual = forged;
        (void)answer(pairs[i].second);
        row_assert_number(pairs[i].name, strstr(visitor.bytes, "Content-Length: 5000\r\n") != NULL,
                          pairs[i].same);
    }
}

/* What a directory is, is kept; what is in it is looked at each time. */
static void test_what_is_made_is_the_same(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        const char *start;
    } made_rows[] = {
        {"listing", GET("/directory/", ""), "HTTP/1.1 200 "},
        {"listing of the root", GET("/", ""), "HTTP/1.1 200 "},
        {"listing, absolute form", GET("http://b/directory/", ""), "HTTP/1.1 200 "},
        {"listing, absolute form without a path", GET("http://b?format=text", ""), "HTTP/1.1 200 "},
        {"listing, encoded", GET("/direct%6Fry/?format=json", ""), "HTTP/1.1 200 "},
        {"HEAD of a listing", "HEAD /directory/" HOST "\r\n", "HTTP/1.1 200 "},
        {"archive", GET("/directory/?archive=tar", ""), "HTTP/1.1 200 "},
        {"archive of the root", GET("/?archive=tar", ""), "HTTP/1.1 200 "},
        {"range of an archive", GET("/?archive=tar", "Range: bytes=5-9\r\n"), "HTTP/1.1 206 "},
        {"HEAD of an archive", "HEAD /directory/?archive=tar" HOST "\r\n", "HTTP/1.1 200 "},
    };
    static char want[sizeof visitor.bytes];
    listing = true;
    for (size_t i = 0; i < ROWS_COUNT(made_rows); i++) {
        serve_anew(0);
        size_t len = answer(made_rows[i].text).len;
        memcpy(want, visitor.bytes, len);
        assert_starts(made_rows[i].name, made_rows[i].start);
        serve_anew(CACHE_BYTES);
        for (int again = 0; again < 3; again++)
            row_assert_slice(made_rows[i].name, answer(made_rows[i].text), slice_of(want, len));
        row_assert_number(made_rows[i].name, stage.server.deliveries, 0);
    }
}

/* One answer to a connection that stays, whose content is `text`. */
static void expect_content(const char *row, const char *text) {
    visitor_forget(&visitor);
    stage_ask(&stage, &visitor, GET("/file", ""));
    const char *content = strstr(visitor.bytes, "\r\n\r\n");
    row_assert(row, content != NULL);
    if (content != NULL)
        row_assert_slice(row, slice_of_text(content + 4), slice_of_text(text));
}

static const char *const contents[] = {"one", "two"};

/* Has the file in the cache, with the content that it is to lose. */
static void keep(size_t i) {
    tree_text(&stage.tree, "file", contents[i % 2]);
    expect_content("made", contents[i % 2]);
    expect_content("looked up", contents[i % 2]);
    open_error = EIO;
    expect_content("recalled", contents[i % 2]);
    open_error = 0;
}

static void change(size_t i) {
    tree_text(&stage.tree, "file", contents[(i + 1) % 2]);
}

static void test_changes_on_a_connection_that_stays(void **state) {
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        keep(i);
        change(i);
        expect_content(row_at("changed", i), contents[(i + 1) % 2]);
    }
}

/* epoll tells of the connection first, and of the change behind it. */
static void test_changes_in_the_middle_of_a_request(void **state) {
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        keep(i);
        visitor_send_text(&visitor, "GET /fi");
        change(i);
        visitor_forget(&visitor);
        stage_ask(&stage, &visitor, "le" HOST "\r\n");
        row_assert(row_at("changed", i), strstr(visitor.bytes, contents[(i + 1) % 2]) != NULL);
    }
}

/* What comes with the connection is read at once, and epoll has told of nothing yet. */
static void test_changes_before_a_new_connection(void **state) {
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        keep(i);
        visitor_leave(&visitor);
        visitor_connect(&visitor);
        change(i);
        visitor_send_text(&visitor, GET("/file", ""));
        visitor_enter(&stage, &visitor);
        stage_settle(&stage, &visitor);
        row_assert(row_at("changed", i), strstr(visitor.bytes, contents[(i + 1) % 2]) != NULL);
    }
}

#define DATED(seconds) "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:" seconds " GMT\r\n"

static void expect_start(const char *row, const char *text) {
    visitor_forget(&visitor);
    stage_ask(&stage, &visitor, GET("/small", ""));
    assert_starts(row, text);
}

/* An answer says when it was made, also while another one, of an earlier second, is being sent from
 * the same entry. */
static void test_dates(void **state) {
    (void)state;
    static const struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    const time_t before_s = still_s;
    /* A file that has just been written to is read anew after a second. */
    assert_int_equal(utimensat(AT_FDCWD, tree_path(&stage.tree, "small"), long_ago, 0), 0);
    expect_start("first", DATED("37"));
    expect_start("the same second", DATED("37"));
    still_s++;
    expect_start("the next second", DATED("38"));
    struct entry *entry = entry_ref(entry_at("/small"));
    still_s++;
    expect_start("while it is being sent", DATED("39"));
    assert_int_equal(entry->opened_s, 784111778);
    entry_unref(entry);
    expect_start("when it has been sent", DATED("39"));
    assert_int_equal(entry->opened_s, 784111779);
    still_s = before_s;
}

/* What is queued of the answer to a request, behind those of before. */
static void queue_answer(const char *text, struct delivery **delivery,
                         enum exchange_outcome outcome) {
    struct request request;
    assert_int_equal(
        request_parse_with(&stage.server.memo, slice_of_text(text), REQUEST_TARGET_MAX, &request),
        REQUEST_WHOLE);
    assert_int_equal(exchange_answer(&stage.server, &request, true, delivery), outcome);
}

/* The first answer is its entry's, whether it is the last or not, and small ones behind it are one
 * piece together: when they are decided anew, and when they are not. */
static void test_pieces(void **state) {
    (void)state;
    enum { BEHIND = 3 };
    struct outq *output = &stage.server.output;
    struct delivery *delivery = NULL;
    for (int again = 0; again < 2; again++) {
        queue_answer(GET("/small", ""), &delivery, EXCHANGE_PERSISTS);
        assert_int_equal(output->count, 1);
        assert_ptr_equal(output->segments[0].entry, entry_at("/small"));
        assert_int_equal(output->bytes.len, 0);
        for (int i = 0; i < BEHIND; i++)
            queue_answer(GET("/small", ""), &delivery, EXCHANGE_PERSISTS);
        assert_int_equal(output->count, 2);
        assert_int_equal(output->segments[1].len, BEHIND * output->segments[0].len);
        outq_clear(output);
        assert_int_equal(entry_at("/small")->references, 1);
        queue_answer(GET("/small", "Connection: close\r\n"), &delivery, EXCHANGE_CLOSES);
        assert_int_equal(output->count, 1);
        assert_ptr_equal(output->segments[0].entry, entry_at("/small"));
        assert_int_equal(output->bytes.len, 0);
        outq_clear(output);
    }
}

/* What was held open to be sent by sendfile(2) is closed, while it is still known what was found.
 */
static void test_asked_again_when_it_has_been_closed(void **state) {
    (void)state;
    static char want[STAGE_BIG + 1024];
    stage.options.live = true;
    serve_anew(CACHE_BYTES);
    size_t len = answer(GET("/big", "")).len;
    memcpy(want, visitor.bytes, len);
    stage.server.store.fds_max = 0;
    for (int i = 0; i < 3; i++) {
        row_assert_slice("again", answer(GET("/big", "")), slice_of(want, len));
        row_assert_number("held open", stage.server.store.fds, 0);
        row_assert("known", resource_at("/big")->entries[CODING_IDENTITY] == NULL);
    }
    stage.options.live = false;
}

/* When a request was put off there was a directory, of which something was prepared; by now there
 * is a file, which others have asked for. */
static void test_asked_again_when_it_was_put_off(void **state) {
    (void)state;
    struct delivery *delivery = NULL;
    struct delivery *other = NULL;
    stage.server.listing = true;
    queue_answer(GET("/directory/?archive=tar", ""), &delivery, EXCHANGE_LATER);
    assert_non_null(delivery);
    queue_answer(GET("/small", ""), &other, EXCHANGE_PERSISTS);
    queue_answer(GET("/small", ""), &delivery, EXCHANGE_PERSISTS);
    assert_null(delivery);
    assert_int_equal(stage.server.deliveries, 0);
    outq_clear(&stage.server.output);
}

/* From now on every answer says that it is the last. */
static void test_draining(void **state) {
    (void)state;
    for (int again = 0; again < 2; again++) {
        (void)answer(GET("/small", ""));
        row_assert("before", strstr(visitor.bytes, "Connection: close") == NULL);
    }
    stage.server.draining = true;
    (void)answer(GET("/small", ""));
    row_assert("while draining", strstr(visitor.bytes, "\r\nConnection: close\r\n") != NULL);
    row_assert("while draining", visitor.ended);
}

static const struct {
    const char *name;
    const char *text;
    const char *vanishes;
    const char *content;
} vanishing_rows[] = {
    {"the next best",
     GET("/coded", "Accept-Encoding: br, gzip"
                   "\r\n"),
     "coded.br", "gzip"},
    {"the plain file", GET("/coded", "Accept-Encoding: gzip\r\n"), "coded.gz", "plain"},
    {"none", GET("/coded", "Accept-Encoding: gzip, *;q=0\r\n"), "coded.gz", "406"},
};

/* A sibling that is known but gone is no loss for those who take another coding. */
static void test_a_sibling_vanishes(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(vanishing_rows); i++) {
        const char *name = vanishing_rows[i].name;
        serve_anew(CACHE_BYTES);
        tree_text(&stage.tree, "coded.br", "br");
        tree_text(&stage.tree, "coded.gz", "gzip");
        (void)answer(GET("/coded", "")); /* knows of the siblings, and has read none */
        lose = tree_path(&stage.tree, vanishing_rows[i].vanishes);
        (void)answer(vanishing_rows[i].text);
        row_assert(name, lose == NULL);
        row_assert(name, strstr(visitor.bytes, vanishing_rows[i].content) != NULL);
    }
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_answers_are_the_same),
        test(test_answers_are_the_same_after_any_other),
        test(test_asked_in_the_same_words),
        test(test_what_is_made_is_the_same),
        test(test_changes_on_a_connection_that_stays),
        test(test_changes_in_the_middle_of_a_request),
        test(test_changes_before_a_new_connection),
        test(test_dates),
        test(test_pieces),
        test(test_asked_again_when_it_has_been_closed),
        test(test_asked_again_when_it_was_put_off),
        test(test_draining),
        test(test_a_sibling_vanishes),
    };
    return cmocka_run_group_tests_name("exchange, cached", tests, NULL, NULL);
}
