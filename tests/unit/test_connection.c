/* The heart of it: conversations that are disturbed at every byte, in every way that a network has,
 * must come to the same as undisturbed ones; or end, with the right reason and nothing left. */
#include "serve/connections.h"

#include "support/dialogue_tests.h"
#include "support/disturbed.h"
#include "support/memory.h"
#include "support/still.h"

static struct visitor other;

static int setup(void **state) {
    (void)state;
    undisturbed();
    visitor.fd = -1;
    other.fd = -1;
    stage_open(&stage);
    additions = 0; /* the loop's own */
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

#define GET(path) "GET /" path " HTTP/1.1\r\nHost: a\r\n\r\n"

static const struct dialogue dialogues[] = {
    {"nothing", "", CLOSE_PEER_CLOSED, ""},
    {"one request", GET("small"), CLOSE_PEER_CLOSED, "200 "},
    {"large file", GET("big"), CLOSE_PEER_CLOSED, "200 "},
    {"pipelined",
     GET("small") "HEAD /big HTTP/1.1\r\nHost: a\r\n\r\n" GET("nothing") GET("middle") GET(
         "directory") "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n" GET("small") GET("big") GET("small"),
     CLOSE_PEER_CLOSED, "200 200 404 200 301 204 200 200 200 "},
    {"rfc9112-9.6 close", "GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
     CLOSE_ANSWERED, "200 "},
    {"close with more behind",
     "GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("small") GET("big"),
     CLOSE_ANSWERED, "200 "},
    {"rfc9112-9.3 HTTP/1.0", "GET /small HTTP/1.0\r\n\r\n" GET("small"), CLOSE_ANSWERED, "200 "},
    {"HTTP/1.0 with keep-alive",
     "GET /small HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" GET("small"), CLOSE_PEER_CLOSED,
     "200 200 "},
    {"rfc9112-6.2 content",
     "GET /small HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789" GET("small"),
     CLOSE_PEER_CLOSED, "200 200 "},
    {"rfc9112-7.1 chunked content",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3;x=y\r\nabc\r\n0a\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n" GET("small"),
     CLOSE_PEER_CLOSED, "405 200 "},
    {"content again and again",
     "GET /small HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789"
     "GET /small HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n012"
     "GET /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET("small"),
     CLOSE_PEER_CLOSED, "200 200 200 200 "},
    {"refused", GET("small") "GET / HTTP/1.1\r\n\r\n" GET("small"), CLOSE_REFUSED, "200 400 "},
    {"bad chunk",
     "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" GET("small"),
     CLOSE_REFUSED, "400 "},
    {"content too large", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\nabc",
     CLOSE_REFUSED, "413 "},
    {"rfc9112-8 incomplete head", GET("small") "GET /small HTT", CLOSE_REFUSED, "200 400 "},
    {"rfc9112-8 incomplete content",
     "GET /small HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234", CLOSE_REFUSED, "400 "},
};

static struct dialogues all = {dialogues, ROWS_COUNT(dialogues)};

/* A visitor whose connection can be disturbed. */
static void invite_disturbed(struct visitor *guest) {
    visitor_connect(guest);
    disturbed_fd = guest->server_fd;
    visitor_enter(&stage, guest);
}

/* Registration */

static void test_a_last_request_is_not_registered(void **state) {
    (void)state;
    acknowledges = true;
    visitor_connect(&visitor);
    visitor_send_text(&visitor, "GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    visitor_enter(&stage, &visitor);
    stage_assert_closed(&stage, "close", CLOSE_ANSWERED);
    assert_int_equal(additions, 0);
}

static void test_registered_once_when_it_waits(void **state) {
    (void)state;
    visitor_connect(&visitor);
    visitor_send_text(&visitor, GET("small"));
    visitor_enter(&stage, &visitor);
    assert_int_equal(additions, 1);
    for (int i = 0; i < 5; i++)
        stage_ask(&stage, &visitor, GET("big") GET("small"));
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 200 OK"), 11);
    assert_int_equal(additions, 1);
}

static void test_registration_fails(void **state) {
    (void)state;
    add_error = ENOSPC;
    stage_invite(&stage, &visitor);
    stage_assert_closed(&stage, "ENOSPC", CLOSE_FAULT);
    assert_int_equal(stage.server.connections, 0);
}

static void test_shutdown_fails(void **state) {
    (void)state;
    invite_disturbed(&visitor);
    shutdown_error = ENOTCONN;
    stage_ask(&stage, &visitor, "bad\r\n\r\n");
    stage_assert_closed(&stage, "ENOTCONN", CLOSE_PEER_GONE);
}

/* Memory */

static void test_an_idle_connection_is_its_struct(void **state) {
    (void)state;
    long before = blocks;
    largest_block = 0;
    stage_invite(&stage, &visitor);
    assert_int_equal(blocks - before, 1);
    assert_in_range(largest_block, 1, 256);
    stage_ask(&stage, &visitor, GET("big") GET("small") "GET /");
    assert_int_equal(blocks - before, 2); /* the start of a head */
    stage_ask(&stage, &visitor, "small HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n123");
    assert_int_equal(blocks - before, 2); /* a head whose content is not complete */
    stage_ask(&stage, &visitor, "45");
    assert_int_equal(blocks - before, 1);
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 200 OK"), 3);
}

static void test_blocked_output_is_owned_until_it_is_sent(void **state) {
    (void)state;
    long before = blocks;
    invite_disturbed(&visitor);
    output = (struct feint){.step = 150, .pauses = true};
    no_edges = true;
    stage_ask(&stage, &visitor, GET("big"));
    assert_int_equal(blocks - before, 3); /* the queue, and the entry */
    no_edges = false;
    stage_settle(&stage, &visitor);
    assert_int_equal(blocks - before, 1);
    stage_assert_none_closed(&stage, "sent");
}

static void test_blocked_output_is_not_tried_in_vain(void **state) {
    (void)state;
    invite_disturbed(&visitor);
    output = (struct feint){.step = 150, .pauses = true};
    no_edges = true;
    stage_ask(&stage, &visitor, GET("big"));
    size_t before = sends;
    stage_ask(&stage, &visitor, GET("small"));
    assert_int_equal(sends, before);
    no_edges = false;
    stage_settle(&stage, &visitor);
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 200"), 2);
}

/* Also where the client has everything: what it sends would still reset the connection. */
static void test_rfc9112_9_6_lingers_while_input_may_come(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        enum close_reason reason;
    } rows[] = {
        {"refused", "bad\r\n\r\n", CLOSE_REFUSED},
        {"more input", "GET /small HTTP/1.0\r\n\r\nx", CLOSE_ANSWERED},
        {"content that is not read",
         "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
         CLOSE_ANSWERED},
    };
    acknowledges = true;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        stage_invite(&stage, &visitor);
        stage_ask(&stage, &visitor, rows[i].text);
        row_assert(rows[i].name, visitor.ended && visitor_is_heard(&visitor));
        stage_assert_none_closed(&stage, rows[i].name);
        visitor_leave(&visitor);
        stage_settle(&stage, &visitor);
        stage_assert_closed(&stage, rows[i].name, rows[i].reason);
    }
}

/* Nobody here has read when the server looks whether everything was taken, if it does. */
static void test_rfc9112_9_6_who_is_near_and_parts_is_not_looked_at(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        bool is_far;
        bool draining;
        bool lingers;
    } rows[] = {
        {"close", "GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false, false,
         false},
        {"HTTP/1.0", "GET /small HTTP/1.0\r\n\r\n", false, false, false},
        {"behind another", GET("small") "GET /small HTTP/1.0\r\n\r\n", false, false, false},
        {"far", "GET /small HTTP/1.0\r\n\r\n", true, false, true},
        {"many bytes", "GET /big HTTP/1.0\r\n\r\n", false, false, true},
        {"many bytes before", GET("big") "GET /small HTTP/1.0\r\n\r\n", false, false, true},
        {"more input", "GET /small HTTP/1.0\r\n\r\nx", false, false, true},
        {"it is the server that ends it", GET("small"), false, true, true},
        {"refused", "bad\r\n\r\n", false, false, true},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        stage.server.draining = rows[i].draining;
        visitor.is_far = rows[i].is_far;
        visitor_connect(&visitor);
        visitor_send_text(&visitor, rows[i].text);
        visitor_enter(&stage, &visitor);
        row_assert_number(rows[i].name, stage.server.connections, rows[i].lingers ? 1 : 0);
        stage_settle(&stage, &visitor);
        row_assert(rows[i].name, visitor.ended && visitor_count(&visitor, "HTTP/1.1 ") > 0);
        visitor_leave(&visitor);
        stage_settle(&stage, &visitor);
        row_assert_number(rows[i].name, stage.server.connections, 0);
    }
    visitor.is_far = false;
}

static void test_rfc9112_9_6_lingers_behind_408(void **state) {
    (void)state;
    acknowledges = true;
    stage_invite(&stage, &visitor);
    stage.loop.now_ms += stage.options.head_timeout;
    connections_expire(&stage.server);
    assert_true(visitor_receive(&visitor) && visitor.ended && visitor_is_heard(&visitor));
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 408 "), 1);
    stage_assert_none_closed(&stage, "408");
}

static void test_rfc9112_9_6_lingers_where_input_came_meanwhile(void **state) {
    (void)state;
    acknowledges = true;
    invite_disturbed(&visitor);
    output = (struct feint){.step = 150, .pauses = true};
    no_edges = true;
    stage_ask(&stage, &visitor, "GET /big HTTP/1.0\r\n\r\n");
    stage_ask(&stage, &visitor, "x");
    no_edges = false;
    stage_settle(&stage, &visitor);
    assert_true(visitor.ended && visitor_is_heard(&visitor));
    stage_assert_none_closed(&stage, "lingers");
}

/* Fairness */

#define OPTIONS "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"

/* Sends many small requests, and has some of them answered. */
static void ask_at_length(int count) {
    static char text[300 * sizeof OPTIONS];
    text[0] = '\0';
    for (int i = 0; i < count; i++)
        strcat(text, OPTIONS);
    visitor_connect(&visitor);
    visitor_send_text(&visitor, text);
    visitor_enter(&stage, &visitor);
    (void)visitor_receive(&visitor);
    assert_in_range(visitor_count(&visitor, "HTTP/1.1 204"), 1, 64);
}

/* Nothing is received meanwhile, so that no event comes: it goes on by itself, after the others. */
static void test_requests_per_turn_are_bounded(void **state) {
    (void)state;
    ask_at_length(300);
    stage_invite(&stage, &other);
    visitor_send_text(&other, GET("small"));
    stage_turn(&stage);
    (void)visitor_receive(&other);
    assert_int_equal(visitor_count(&other, "HTTP/1.1 200"), 1);
    for (int i = 0; i < 10; i++)
        stage_turn(&stage);
    (void)visitor_receive(&visitor);
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 204"), 300);
}

static void test_closed_while_it_has_more_to_do(void **state) {
    (void)state;
    ask_at_length(300);
    assert_false(list_is_empty(&stage.loop.ready));
    connections_close_all(&stage.server);
    stage_turn(&stage); /* there is nobody to run any more */
    stage_assert_closed(&stage, "close all", CLOSE_DRAINED);
}

/* Whoever looks at a process's descriptors has them open, too, for a moment. */
static void test_closed_while_another_process_has_it_open(void **state) {
    (void)state;
    stage_invite(&stage, &visitor);
    stage_ask(&stage, &visitor, GET("small") "GET");
    int copy = dup(visitor.server_fd);
    assert_true(copy >= 0);
    visitor_half_close(&visitor);
    stage_turn(&stage);
    stage_assert_closed(&stage, "half a request", CLOSE_REFUSED);
    visitor_leave(&visitor); /* the socket is told, and its connection is gone */
    stage_turn(&stage);
    assert_true(list_is_empty(&stage.loop.ready));
    stage_assert_none_closed(&stage, "once");
    (void)close(copy);
}

/* More answers than the queue has places for. */
static void test_many_answers_with_content(void **state) {
    (void)state;
    static char text[40 * sizeof GET("middle")];
    for (int i = 0; i < 40; i++)
        strcat(text, GET("middle"));
    stage_invite(&stage, &visitor);
    stage_ask(&stage, &visitor, text);
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 200"), 40);
    assert_true(visitor.len > 40 * STAGE_MIDDLE);
}

static void test_bytes_per_turn_are_bounded(void **state) {
    (void)state;
    enum { MIB = 1024 * 1024 };
    tree_text(&stage.tree, "huge", "");
    assert_int_equal(truncate(tree_path(&stage.tree, "huge"), 20 * MIB), 0);
    visitor_connect(&visitor);
    disturbed_fd = visitor.server_fd;
    swallows_files = true;
    visitor_send_text(&visitor, GET("huge"));
    visitor_enter(&stage, &visitor);
    assert_in_range(output.passed, 1, 2 * MIB);
    stage_settle(&stage, &visitor);
    assert_in_range(output.passed, 20 * MIB, 21 * MIB);
    stage_assert_none_closed(&stage, "sent");
}

static void test_the_file_shrinks_while_it_is_sent(void **state) {
    (void)state;
    invite_disturbed(&visitor);
    output = (struct feint){.step = 1000, .pauses = true};
    no_edges = true;
    stage_ask(&stage, &visitor, GET("big"));
    assert_int_equal(truncate(tree_path(&stage.tree, "big"), 2000), 0);
    no_edges = false;
    stage_settle(&stage, &visitor);
    assert_true(visitor.ended);
    stage_assert_closed(&stage, "shrunk", CLOSE_FILE_CHANGED);
}

/* What all of them hold */

enum { HELD_MAX = 20000 };

/* The start of a request, of `len` bytes. */
static const char *start_of_head(size_t len) {
    static char text[16 * 1024];
    static const char line[] = "GET /small HTTP/1.1\r\nHost: a\r\nX: ";
    assert_true(len >= strlen(line) && len < sizeof text);
    memset(text, 'a', len);
    memcpy(text, line, strlen(line));
    text[len] = '\0';
    return text;
}

/* Each may hold a little; who needs more finds room for it, or is closed. */
static void test_what_all_hold_is_bounded(void **state) {
    (void)state;
    static struct visitor visitors[8];
    stage.server.held_max = HELD_MAX;
    for (int i = 0; i < 8; i++) {
        stage_invite(&stage, &visitors[i]);
        stage_ask(&stage, &visitors[i], start_of_head(i < 2 ? 9000 : 3000));
        assert_false(visitors[i].ended);
    }
    assert_true(stage.server.held_bytes > HELD_MAX);
    stage_ask(&stage, &visitors[7], start_of_head(4000) + 2000); /* more of the last field */
    assert_true(visitors[7].ended);
    stage_assert_closed(&stage, "too much", CLOSE_BUFFERS_FULL);
    stage_ask(&stage, &visitors[0], "\r\n\r\n"); /* they go on with what they have */
    assert_int_equal(visitor_count(&visitors[0], "HTTP/1.1 200 OK"), 1);
    for (int i = 0; i < 8; i++) {
        visitor_leave(&visitors[i]);
        stage_settle(&stage, &visitors[i]);
    }
    assert_int_equal(stage.server.held_bytes, 0);
}

/* Answers that are not taken: those of memory, and less than 4096 bytes of a head with a file. */
static void test_what_is_not_taken_is_held(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *request;
        bool is_closed;
    } rows[] = {{"a file from memory", GET("middle") GET("middle") GET("middle"), true},
                {"a file by sendfile", GET("big"), false}};
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        stage.server.held_max = 0;
        invite_disturbed(&visitor);
        output = (struct feint){.step = 10, .pauses = true};
        no_edges = true;
        visitor_send_text(&visitor, rows[i].request);
        stage_turn(&stage);
        row_assert_number(rows[i].name, (long)stage.server.tally->closed[CLOSE_BUFFERS_FULL],
                          rows[i].is_closed);
        row_assert_number(rows[i].name, stage.server.held_bytes > 0, !rows[i].is_closed);
        no_edges = false;
        visitor_leave(&visitor);
        stage_settle(&stage, &visitor);
        row_assert_number(rows[i].name, (long)stage.server.held_bytes, 0);
        *stage.server.tally = (struct tally){0};
    }
}

/* Closing from outside */

static void test_shed_the_one_idle_longest(void **state) {
    (void)state;
    static struct visitor fresh;
    stage_invite(&stage, &fresh); /* its first request is still to come: not idle */
    stage_invite(&stage, &visitor);
    stage_invite(&stage, &other);
    stage_ask(&stage, &other, GET("small"));
    stage_ask(&stage, &visitor, GET("small"));
    stage_ask(&stage, &other, GET("small"));
    assert_true(connections_shed(&stage.server));
    stage_assert_closed(&stage, "first", CLOSE_SHED);
    assert_true(visitor_receive(&visitor) && visitor.ended);
    stage_ask(&stage, &other, "GET");
    assert_false(connections_shed(&stage.server)); /* the other one asks for something */
    stage_ask(&stage, &other, " /small HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(connections_shed(&stage.server));
    assert_false(connections_shed(&stage.server));
    assert_int_equal(stage.server.connections, 1);
    visitor_leave(&fresh);
    stage_settle(&stage, &fresh);
}

static void test_close_idle(void **state) {
    (void)state;
    static struct visitor visitors[4];
    for (int i = 0; i < 3; i++)
        stage_invite(&stage, &visitors[i]);
    invite_disturbed(&visitors[3]);
    stage_ask(&stage, &visitors[1], GET("small"));
    stage_ask(&stage, &visitors[2], GET("small") "GET");
    output = (struct feint){.step = 10, .pauses = true};
    no_edges = true;
    stage_ask(&stage, &visitors[3], GET("small"));
    connections_close_idle(&stage.server);
    assert_int_equal(stage.server.tally->closed[CLOSE_DRAINED], 2);
    for (int i = 0; i < 4; i++) {
        (void)visitor_receive(&visitors[i]);
        row_assert_number(row_at("visitor", (size_t)i), visitors[i].ended, i < 2);
    }
    connections_close_all(&stage.server);
    assert_int_equal(stage.server.tally->closed[CLOSE_DRAINED], 4);
    assert_int_equal(stage.server.connections, 0);
    for (int i = 0; i < 4; i++)
        visitor_leave(&visitors[i]);
}

#define test(f) cmocka_unit_test_prestate_setup_teardown(f, setup, teardown, &all)

int main(void) {
    static const struct CMUnitTest tests[] = {
        DIALOGUE_TESTS(test),
        test(test_a_last_request_is_not_registered),
        test(test_registered_once_when_it_waits),
        test(test_registration_fails),
        test(test_shutdown_fails),
        test(test_an_idle_connection_is_its_struct),
        test(test_blocked_output_is_owned_until_it_is_sent),
        test(test_blocked_output_is_not_tried_in_vain),
        test(test_rfc9112_9_6_lingers_while_input_may_come),
        test(test_rfc9112_9_6_who_is_near_and_parts_is_not_looked_at),
        test(test_rfc9112_9_6_lingers_behind_408),
        test(test_rfc9112_9_6_lingers_where_input_came_meanwhile),
        test(test_requests_per_turn_are_bounded),
        test(test_closed_while_it_has_more_to_do),
        test(test_closed_while_another_process_has_it_open),
        test(test_many_answers_with_content),
        test(test_bytes_per_turn_are_bounded),
        test(test_the_file_shrinks_while_it_is_sent),
        test(test_what_all_hold_is_bounded),
        test(test_what_is_not_taken_is_held),
        test(test_shed_the_one_idle_longest),
        test(test_close_idle),
    };
    return cmocka_run_group_tests_name("connection", tests, NULL, NULL);
}
