/* Streams of events: answers that wait until something happens. */
#include "serve/connections.h"

#include "support/stage.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define LISTEN    GET("/.pronto/live")

static struct stage stage;
static struct visitor visitor;
static struct visitor other;

static int setup(void **state) {
    (void)state;
    visitor.fd = -1;
    other.fd = -1;
    stage.cache_size = 1 << 20;
    stage.live = true;
    stage_open(&stage);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    visitor_leave(&visitor);
    visitor_leave(&other);
    stage_close(&stage);
    assert_int_equal(stage.server.deliveries, 0);
    return 0;
}

static void listen_for_news(struct visitor *guest) {
    stage_invite(&stage, guest);
    stage_ask(&stage, guest, LISTEN);
    assert_int_equal(visitor_count(guest, "Content-Type: text/event-stream\r\n"), 1);
    assert_int_equal(visitor_count(guest, "data: "), 1);
    visitor_forget(guest);
}

/* The clock of the loop goes on by itself; here it goes further. */
static void pass(int64_t ms) {
    stage.loop.now_ms += ms;
    connections_expire(&stage.server);
}

static void test_it_waits_without_a_turn(void **state) {
    (void)state;
    listen_for_news(&visitor);
    assert_false(loop_is_busy(&stage.loop));
    assert_in_range(server_wait_ms(&stage.server), LIVE_BEAT_MS / 2, LIVE_BEAT_MS);
    stage_assert_none_closed(&stage, "waits");
}

static void test_all_are_told_once_it_is_quiet(void **state) {
    (void)state;
    listen_for_news(&visitor);
    listen_for_news(&other);
    tree_text(&stage.tree, "page.html", "old");
    struct visitor reader = {.fd = -1};
    stage_invite(&stage, &reader);
    stage_ask(&stage, &reader, GET("/page.html"));
    assert_int_equal(visitor_count(&reader, "old<script async src=\"/.pronto/live.js\"></script>"),
                     1);
    tree_text(&stage.tree, "page.html", "new");
    stage_turn(&stage);
    assert_in_range(server_wait_ms(&stage.server), 1, CHANGES_QUIET_MS);
    pass(CHANGES_PUT_OFF_MS);
    stage_settle(&stage, &visitor);
    stage_settle(&stage, &other);
    assert_int_equal(visitor_count(&visitor, "\"/page.html\",\"text/html"), 1);
    assert_int_equal(visitor_count(&other, "\"/page.html\",\"text/html"), 1);
    assert_int_equal(visitor_count(&visitor, "data: "), 1);
    assert_false(loop_is_busy(&stage.loop));
    visitor_leave(&reader);
}

static void test_a_beat_finds_who_has_gone(void **state) {
    (void)state;
    listen_for_news(&visitor);
    pass(LIVE_BEAT_MS + 1);
    stage_settle(&stage, &visitor);
    assert_int_equal(visitor_count(&visitor, ":\n\n"), 1);
    stage_assert_none_closed(&stage, "beats");
    assert_int_equal(stage.server.live.streams, 1);
}

static void test_who_leaves_is_closed_at_once(void **state) {
    static const struct {
        const char *name;
        bool half;
    } rows[] = {{"gone", false}, {"shut", true}};
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        listen_for_news(&visitor);
        if (rows[i].half)
            visitor_half_close(&visitor);
        else
            visitor_leave(&visitor);
        stage_settle(&stage, &visitor);
        stage_assert_closed(&stage, rows[i].name, CLOSE_PEER_CLOSED);
        row_assert_number(rows[i].name, stage.server.live.streams, 0);
        visitor_leave(&visitor);
    }
}

/* Nothing is read while it waits, so nobody can keep the loop busy. */
static void test_what_is_asked_meanwhile_is_not_answered(void **state) {
    (void)state;
    listen_for_news(&visitor);
    stage_ask(&stage, &visitor, GET("/small"));
    assert_int_equal(visitor.len, 0);
    assert_false(loop_is_busy(&stage.loop));
    stage_assert_none_closed(&stage, "asked");
}

static void test_they_end_when_the_server_drains(void **state) {
    (void)state;
    listen_for_news(&visitor);
    stage.server.draining = true;
    connections_close_idle(&stage.server);
    for (int i = 0; i < 3; i++)
        stage_turn(&stage);
    connections_close_idle(&stage.server);
    stage_settle(&stage, &visitor);
    assert_int_equal(visitor_count(&visitor, "0\r\n\r\n"), 1); /* as a whole answer */
    assert_true(visitor.ended);
    assert_int_equal(stage.server.live.streams, 0);
    stage_assert_closed(&stage, "drained", CLOSE_DRAINED);
}

static void test_methods_and_versions(void **state) {
    (void)state;
    stage_invite(&stage, &visitor);
    stage_ask(&stage, &visitor, "HEAD /.pronto/live HTTP/1.1\r\nHost: a\r\n\r\n" GET("/small"));
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 200 OK"), 2);
    stage_ask(&stage, &visitor, "POST /.pronto/live HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 405 "), 1);
    (void)stage_ask_anew(&stage, &visitor, "GET /.pronto/live HTTP/1.0\r\n\r\n");
    assert_int_equal(visitor_count(&visitor, "Transfer-Encoding"), 0);
    assert_int_equal(visitor_count(&visitor, "\r\n\r\ndata: "), 1);
    assert_false(visitor.ended);
}

static void test_there_are_too_many(void **state) {
    (void)state;
    stage.server.live.streams += LIVE_STREAMS_MAX;
    stage_invite(&stage, &visitor);
    stage_ask(&stage, &visitor, LISTEN);
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 503 "), 1);
    stage.server.live.streams -= LIVE_STREAMS_MAX;
}

static void test_the_script(void **state) {
    (void)state;
    char request[512];
    stage_invite(&stage, &visitor);
    stage_ask(&stage, &visitor, GET("/.pronto/live.js?a"));
    assert_int_equal(visitor_count(&visitor, "Content-Type: text/javascript; charset=utf-8\r\n"),
                     1);
    assert_int_equal(visitor_count(&visitor, "new EventSource("), 1);
    const char *etag = strstr(visitor.bytes, "ETag: ");
    assert_non_null(etag);
    (void)snprintf(request, sizeof request,
                   "GET /.pronto/live.js HTTP/1.1\r\nHost: a\r\nIf-None-Match: %.*s\r\n\r\n",
                   (int)strcspn(etag + 6, "\r"), etag + 6);
    visitor_forget(&visitor);
    stage_ask(&stage, &visitor, request);
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 304 "), 1);
}

/* The built-in pages of errors, and listings, have it too; and what is made of a page's parts. */
static void test_other_pages(void **state) {
    (void)state;
    static const struct {
        const char *request;
        const char *has;
        size_t count;
    } rows[] = {
        {GET("/absent"), "</html>\n<script async ", 1},
        {GET("/directory/"), "<script async src=\"/.pronto/live.js\">", 1},
        {GET("/directory/"), "script-src 'self' 'sha256-", 1},
        {GET("/directory/?format=json"), "<script", 0},
        {GET("/directory/?archive=tar"), "<script", 0},
        {GET("/small"), "<script", 0},
        {"HEAD /page.html HTTP/1.1\r\nHost: a\r\n\r\n", "Content-Length: 50\r\n", 1},
        {"GET /page.html HTTP/1.1\r\nHost: a\r\nRange: bytes=2-9\r\n\r\n", "\r\n\r\nd<script", 1},
        {"GET /page.html HTTP/1.1\r\nHost: a\r\nRange: bytes=2-9\r\n\r\n", "bytes 2-9/50\r\n", 1},
        {"GET /page.html HTTP/1.1\r\nHost: a\r\nRange: bytes=50-\r\n\r\n", "bytes */50\r\n", 1},
    };
    tree_text(&stage.tree, "page.html", "old");
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        stage_invite(&stage, &visitor);
        stage_ask(&stage, &visitor, rows[i].request);
        row_assert(rows[i].request, visitor.len > 0);
        row_assert_number(rows[i].request, visitor_count(&visitor, rows[i].has), rows[i].count);
        visitor_leave(&visitor);
        stage_settle(&stage, &visitor);
    }
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(test_it_waits_without_a_turn),
        test(test_all_are_told_once_it_is_quiet),
        test(test_a_beat_finds_who_has_gone),
        test(test_who_leaves_is_closed_at_once),
        test(test_what_is_asked_meanwhile_is_not_answered),
        test(test_they_end_when_the_server_drains),
        test(test_methods_and_versions),
        test(test_there_are_too_many),
        test(test_the_script),
        test(test_other_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
