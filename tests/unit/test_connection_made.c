/* Answers that are made while they are sent, of a directory: its listing, and an archive of it. */
#include "serve/connections.h"

#include "support/dialogue_tests.h"
#include "support/disturbed.h"
#include "support/memory.h"
#include "support/still.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static struct visitor other;

enum { MANY = 150 }; /* more than one turn is enough for */

/* Of a whole second: so each has but one block in an archive. */
static void make_many(void) {
    static const struct timespec times[2] = {{784111000, 0}, {784111000, 0}};
    for (int i = 0; i < MANY; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "many/%03d", i);
        tree_text(&stage.tree, name, "");
        assert_int_equal(utimensat(AT_FDCWD, tree_path(&stage.tree, name), times, 0), 0);
    }
}

static int setup(void **state) {
    (void)state;
    undisturbed();
    visitor.fd = -1;
    other.fd = -1;
    stage_open(&stage);
    tree_file(&stage.tree, "tree/large", 4, STREAM_PIECE_BYTES + 1000); /* by sendfile */
    tree_text(&stage.tree, "tree/small", "small");
    tree_directory(&stage.tree, "tree/empty");
    make_many();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    undisturbed();
    visitor_leave(&visitor);
    visitor_leave(&other);
    stage_close(&stage);
    return 0;
}

#define HOST      " HTTP/1.1\r\nHost: a\r\n"
#define GET(path) "GET /" path HOST "\r\n"
#define LISTING   "directory/?format=text"
#define ARCHIVE   "tree/?archive=tar"
#define PLAN      "HEAD /many/?archive=tar" HOST /* which takes several turns */
#define LENGTH    "Content-Length: 10\r\n\r\n0123456789"
#define CHUNKED   "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n02\r\nde\r\n0\r\nT: x\r\n\r\n"

static const struct dialogue dialogues[] = {
    {"a listing", GET("directory/"), CLOSE_PEER_CLOSED, "200 "},
    {"rfc9112-6.3 a listing in 1.0", "GET /" LISTING " HTTP/1.0\r\n\r\n", CLOSE_ANSWERED, "200 "},
    {"rfc9112-9.6 a listing, and close",
     "GET /" LISTING HOST "Connection: close\r\n\r\n" GET("small"), CLOSE_ANSWERED, "200 "},
    {"an archive", GET(ARCHIVE), CLOSE_PEER_CLOSED, "200 "},
    {"an archive in 1.0", "GET /" ARCHIVE " HTTP/1.0\r\n\r\n", CLOSE_ANSWERED, "200 "},
    {"a range of an archive", "GET /" ARCHIVE HOST "Range: bytes=1000-2999\r\n\r\n",
     CLOSE_PEER_CLOSED, "206 "},
    {"rfc9112-9.3.2 pipelined",
     GET("small") GET(LISTING) GET("middle") GET(ARCHIVE) PLAN "\r\n" GET(LISTING)
         GET(ARCHIVE) "HEAD /" LISTING HOST "\r\n" GET("nothing"),
     CLOSE_PEER_CLOSED, "200 200 200 200 200 200 200 200 404 "},
    {"rfc9112-6.2 content of a request that is put off", PLAN LENGTH GET("small"),
     CLOSE_PEER_CLOSED, "200 200 "},
    {"rfc9112-7.1 chunked content of a request that is put off", PLAN CHUNKED GET("small"),
     CLOSE_PEER_CLOSED, "200 200 "},
    {"content between archives", GET("small") PLAN LENGTH PLAN CHUNKED GET("small"),
     CLOSE_PEER_CLOSED, "200 200 200 200 "},
    {"refused behind an archive", GET(ARCHIVE) "GET / HTTP/1.1\r\n\r\n" GET("small"), CLOSE_REFUSED,
     "200 400 "},
    {"rfc9112-8 incomplete behind an archive", PLAN LENGTH "GET /small HTT", CLOSE_REFUSED,
     "200 400 "},
};

static struct dialogues all = {dialogues, ROWS_COUNT(dialogues)};

/* A visitor whose connection can be disturbed. */
static void invite_disturbed(void) {
    visitor_connect(&visitor);
    disturbed_fd = visitor.server_fd;
    visitor_enter(&stage, &visitor);
}

/* Others have their turns while there is more to find out, or to make; and none of it is done for a
 * client that takes nothing. */
static void test_others_are_answered_meanwhile(void **state) {
    (void)state;
    stage_invite(&stage, &visitor);
    stage_invite(&stage, &other);
    visitor_send_text(&visitor, PLAN "\r\n");
    visitor_send_text(&other, GET("small"));
    stage_turn(&stage);
    (void)visitor_receive(&visitor);
    (void)visitor_receive(&other);
    assert_int_equal(visitor.len, 0);
    assert_int_equal(visitor_count(&other, "HTTP/1.1 200 OK"), 1);
    assert_true(loop_is_busy(&stage.loop));
    stage_settle(&stage, &visitor);
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 200 OK"), 1);
    assert_false(loop_is_busy(&stage.loop));
}

static void test_nothing_is_made_that_is_not_taken(void **state) {
    (void)state;
    invite_disturbed();
    output = (struct feint){.step = 500, .pauses = true};
    no_edges = true;
    visitor_send_text(&visitor, GET("many/?archive=tar"));
    for (int i = 0; i < 20; i++)
        stage_turn(&stage);
    assert_false(loop_is_busy(&stage.loop));
    assert_int_equal(sends, 2); /* the second in vain */
    assert_int_equal(stage.server.deliveries, 1);
    no_edges = false;
    stage_settle(&stage, &visitor);
    assert_int_equal(stage.server.deliveries, 0);
    stage_assert_none_closed(&stage, "sent");
}

/* A client that takes nothing for too long; that it was being prepared before changes nothing. */
static void test_the_send_deadline_runs_while_nothing_is_taken(void **state) {
    (void)state;
    invite_disturbed();
    output = (struct feint){.step = 500, .pauses = true};
    no_edges = true;
    visitor_send_text(&visitor, GET("many/?archive=tar"));
    for (int i = 0; i < 20; i++)
        stage_turn(&stage);
    stage_assert_none_closed(&stage, "waits");
    stage.loop.now_ms += stage.options.send_timeout + 1;
    connections_expire(&stage.server);
    assert_int_equal(stage.server.tally->closed[CLOSE_SEND_TIMEOUT], 1);
    assert_int_equal(stage.server.deliveries, 0);
    stage.server.tally->closed[CLOSE_SEND_TIMEOUT] = 0;
}

/* The client leaves in the middle of the plan, with its request answered by nobody. */
static void test_closed_while_it_is_prepared(void **state) {
    (void)state;
    long before = blocks;
    stage_invite(&stage, &visitor);
    visitor_send_text(&visitor, PLAN LENGTH GET("small"));
    stage_turn(&stage);
    assert_int_equal(stage.server.deliveries, 1);
    connections_close_all(&stage.server);
    assert_int_equal(stage.server.deliveries, 0);
    assert_int_equal(blocks, before);
    stage_turn(&stage); /* there is nobody to run any more */
    stage_assert_closed(&stage, "close all", CLOSE_DRAINED);
}

static void test_the_client_leaves_while_it_is_prepared(void **state) {
    (void)state;
    long before = blocks;
    stage_invite(&stage, &visitor);
    visitor_send_text(&visitor, PLAN LENGTH GET("small"));
    stage_turn(&stage);
    assert_int_equal(stage.server.deliveries, 1);
    visitor_leave(&visitor);
    stage_settle(&stage, &visitor);
    assert_int_equal(stage.server.connections, 0);
    assert_int_equal(stage.server.deliveries, 0);
    assert_int_equal(blocks, before);
    stage_assert_closed(&stage, "left", CLOSE_PEER_GONE);
}

/* It takes many turns to find out what is in a large directory; none more is taken for a client
 * that has gone. */
static void test_nothing_more_is_prepared_for_who_has_gone(void **state) {
    (void)state;
    stage_invite(&stage, &visitor);
    visitor_send_text(&visitor, PLAN "\r\n");
    stage_turn(&stage);
    assert_int_equal(stage.server.deliveries, 1);
    visitor_leave(&visitor);
    stage_turn(&stage);
    assert_int_equal(stage.server.deliveries, 0);
    stage_assert_closed(&stage, "gone", CLOSE_PEER_GONE);
}

/* RFC 9112 §9.6: it has asked, and hears the answer. */
static void test_rfc9112_9_6_the_client_half_closes_while_it_is_prepared(void **state) {
    (void)state;
    stage_invite(&stage, &visitor);
    visitor_send_text(&visitor, PLAN LENGTH GET("small"));
    stage_turn(&stage);
    assert_int_equal(stage.server.deliveries, 1);
    visitor_half_close(&visitor);
    stage_settle(&stage, &visitor);
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 200 OK"), 2);
    assert_true(visitor.ended);
    stage_assert_closed(&stage, "half closed", CLOSE_PEER_CLOSED);
}

/* Draining has begun while it was prepared. */
static void test_rfc9112_9_6_the_last_answer_is_prepared(void **state) {
    (void)state;
    stage_invite(&stage, &visitor);
    visitor_send_text(&visitor, PLAN LENGTH GET("small"));
    stage_turn(&stage);
    stage.server.draining = true;
    connections_close_idle(&stage.server);
    stage_settle(&stage, &visitor);
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 200 OK"), 1);
    assert_int_equal(visitor_count(&visitor, "\r\nConnection: close\r\n"), 1);
    assert_true(visitor.ended);
}

/* The archive ends before its announced end, and the connection with it. */
static void test_a_file_changes_while_it_is_archived(void **state) {
    (void)state;
    invite_disturbed();
    output = (struct feint){.step = 500, .pauses = true};
    no_edges = true;
    stage_ask(&stage, &visitor, GET("many/?archive=tar"));
    tree_text(&stage.tree, "many/149", "changed");
    no_edges = false;
    stage_settle(&stage, &visitor);
    assert_true(visitor.ended);
    assert_int_equal(stage.server.deliveries, 0);
    stage_assert_closed(&stage, "changed", CLOSE_FILE_CHANGED);
    const char *content = strstr(visitor.bytes, "\r\n\r\n");
    assert_non_null(content);
    size_t len = visitor.len - (size_t)(content + 4 - visitor.bytes);
    assert_in_range(len, (MANY - 60) * 512, (MANY - 1 + 3) * 512); /* the directory has three */
}

#define test(f) cmocka_unit_test_prestate_setup_teardown(f, setup, teardown, &all)

int main(void) {
    static const struct CMUnitTest tests[] = {
        DIALOGUE_TESTS(test),
        test(test_others_are_answered_meanwhile),
        test(test_nothing_is_made_that_is_not_taken),
        test(test_the_send_deadline_runs_while_nothing_is_taken),
        test(test_closed_while_it_is_prepared),
        test(test_the_client_leaves_while_it_is_prepared),
        test(test_nothing_more_is_prepared_for_who_has_gone),
        test(test_rfc9112_9_6_the_client_half_closes_while_it_is_prepared),
        test(test_rfc9112_9_6_the_last_answer_is_prepared),
        test(test_a_file_changes_while_it_is_archived),
    };
    return cmocka_run_group_tests_name("connection_made", tests, NULL, NULL);
}
