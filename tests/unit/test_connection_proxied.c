/* Connections that start with a PROXY header, and the bound on those of a client. */
#include "support/memory.h"
#include "support/stage.h"

#define ASK    "GET /small HTTP/1.1\r\nHost: a\r\n\r\n"
#define CLOSE  "GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
#define ONE    "PROXY TCP4 192.0.2.1 192.0.2.9 1 80\r\n"
#define TWO    "PROXY TCP4 192.0.2.2 192.0.2.9 1 80\r\n"
#define V2_ONE "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x09\0\x01\0\x50"
#define LOCAL  "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"

static struct stage stage;
static struct visitor visitors[3];

/* Visitors come by unix sockets, which are those of the proxy. */
static int setup(void **state) {
    struct err err = ERR_INIT;
    (void)state;
    stage_open(&stage);
    assert_int_equal(networks_add(&stage.server.trusted, "unix", &err), 0);
    stage.server.proxy_protocol = true;
    for (size_t i = 0; i < ROWS_COUNT(visitors); i++)
        visitors[i] = (struct visitor){.fd = -1};
    return 0;
}

static int teardown(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(visitors); i++)
        visitor_leave(&visitors[i]);
    stage_close(&stage);
    return 0;
}

static void limit_clients(size_t max) {
    struct err err = ERR_INIT;
    quota_deinit(&stage.server.quota);
    assert_int_equal(quota_init(&stage.server.quota, max, &err), 0);
}

static struct visitor *invite(size_t index) {
    stage_invite(&stage, &visitors[index]);
    return &visitors[index];
}

static void send_bytes(struct visitor *visitor, struct slice bytes) {
    assert_int_equal(visitor_send(visitor, bytes.ptr, bytes.len), bytes.len);
    stage_settle(&stage, visitor);
}

static const struct {
    const char *name;
    struct slice bytes;
} headers[] = {
    {"version 1", SLICE_INIT(ONE ASK ASK)},
    {"version 2", SLICE_INIT(V2_ONE ASK ASK)},
    {"LOCAL", SLICE_INIT(LOCAL ASK ASK)},
    {"UNKNOWN", SLICE_INIT("PROXY UNKNOWN\r\n" ASK ASK)},
};

static void test_requests_follow(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(headers); i++) {
        struct visitor *visitor = invite(0);
        send_bytes(visitor, headers[i].bytes);
        row_assert_number(headers[i].name, visitor_count(visitor, "HTTP/1.1 200 OK\r\n"), 2);
        stage_ask(&stage, visitor, CLOSE);
        row_assert_number(headers[i].name, visitor_count(visitor, "HTTP/1.1 200 OK\r\n"), 3);
        assert_true(visitor->ended);
        visitor_leave(visitor);
        stage_settle(&stage, visitor);
        stage_assert_closed(&stage, headers[i].name, CLOSE_ANSWERED);
    }
}

/* In two pieces, wherever they are divided. */
static void test_pieces(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(headers); i++) {
        for (size_t len = 1; len < headers[i].bytes.len; len++) {
            struct visitor *visitor = invite(0);
            send_bytes(visitor, slice_of(headers[i].bytes.ptr, len));
            send_bytes(visitor, slice_after(headers[i].bytes, len));
            row_assert_number(row_at(headers[i].name, len),
                              visitor_count(visitor, "HTTP/1.1 200 OK\r\n"), 2);
            assert_false(visitor->ended);
            visitor_leave(visitor);
            stage_settle(&stage, visitor);
        }
    }
}

static const struct {
    const char *name;
    struct slice bytes;
} bad[] = {
    {"a request without a header", SLICE_INIT(ASK)},
    {"a bad address", SLICE_INIT("PROXY TCP4 192.0.2.256 192.0.2.9 1 80\r\n" ASK)},
    {"another version", SLICE_INIT("\r\n\r\n\0\r\nQUIT\n\x31\0\0\0" ASK)},
    {"two headers", SLICE_INIT(ONE ONE ASK)},
};

static void test_bad_headers(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(bad); i++) {
        struct visitor *visitor = invite(0);
        send_bytes(visitor, bad[i].bytes);
        row_assert_number(bad[i].name, visitor_count(visitor, "HTTP/1.1 400 Bad Request\r\n"), 1);
        row_assert_number(bad[i].name, visitor_count(visitor, "200 OK"), 0);
        row_assert(bad[i].name, visitor->ended);
        visitor_leave(visitor);
        stage_settle(&stage, visitor);
        stage_assert_closed(&stage, bad[i].name, CLOSE_REFUSED);
    }
}

/* As checks of health do. */
static void test_ends(void **state) {
    (void)state;
    struct visitor *visitor = invite(0);
    visitor_leave(visitor);
    stage_settle(&stage, visitor);
    stage_assert_closed(&stage, "nothing", CLOSE_PEER_CLOSED);
    visitor = invite(0);
    visitor_send_text(visitor, ONE);
    visitor_leave(visitor);
    stage_settle(&stage, visitor);
    stage_assert_closed(&stage, "a header alone", CLOSE_PEER_CLOSED);
    visitor = invite(0);
    visitor_send_text(visitor, "PROXY TC");
    visitor_half_close(visitor);
    stage_settle(&stage, visitor);
    assert_int_equal(visitor_count(visitor, "HTTP/1.1 400 Bad Request\r\n"), 1);
    stage_assert_closed(&stage, "half a header", CLOSE_REFUSED);
}

static void test_header_takes_too_long(void **state) {
    (void)state;
    struct visitor *visitor = invite(0);
    visitor_send_text(visitor, "PROXY TCP4 ");
    stage_settle(&stage, visitor);
    stage.loop.now_ms += stage.options.head_timeout;
    connections_expire(&stage.server);
    stage_settle(&stage, visitor);
    assert_int_equal(visitor_count(visitor, "HTTP/1.1 408 "), 1);
    visitor_leave(visitor);
    stage_settle(&stage, visitor);
    stage_assert_closed(&stage, "a slow header", CLOSE_HEAD_TIMEOUT);
}

/* Who is not trusted speaks HTTP at once; to one that does not, the header is a bad request. */
static void test_those_who_are_not_trusted(void **state) {
    (void)state;
    stage.server.trusted.count = 0;
    struct visitor *visitor = invite(0);
    stage_ask(&stage, visitor, ASK);
    assert_int_equal(visitor_count(visitor, "200 OK"), 1);
    for (size_t i = 0; i < 2; i++) {
        struct visitor *liar = invite(1);
        send_bytes(liar, headers[i].bytes);
        row_assert_number(headers[i].name, visitor_count(liar, "HTTP/1.1 400 Bad Request\r\n"), 1);
        row_assert_number(headers[i].name, visitor_count(liar, "200 OK"), 0);
        visitor_leave(liar);
        stage_settle(&stage, liar);
    }
}

static void test_no_header_without_the_option(void **state) {
    (void)state;
    stage.server.proxy_protocol = false;
    struct visitor *visitor = invite(0);
    stage_ask(&stage, visitor, ASK);
    assert_int_equal(visitor_count(visitor, "200 OK"), 1);
}

/* Bounds */

static void test_proxied_clients_are_counted(void **state) {
    (void)state;
    limit_clients(1);
    struct visitor *first = invite(0);
    struct visitor *other = invite(1);
    stage_ask(&stage, first, ONE ASK);
    stage_ask(&stage, other, TWO ASK);
    assert_int_equal(visitor_count(first, "200 OK"), 1);
    assert_int_equal(visitor_count(other, "200 OK"), 1);
    struct visitor *second = invite(2);
    send_bytes(second, SLICE(V2_ONE ASK));
    assert_int_equal(visitor_count(second, "HTTP/1.1 503 Service Unavailable\r\n"), 1);
    assert_int_equal(visitor_count(second, "200 OK"), 0);
    assert_true(second->ended);
    visitor_leave(second);
    stage_settle(&stage, second);
    stage_assert_closed(&stage, "one too many", CLOSE_CROWDED);
    visitor_leave(first);
    stage_settle(&stage, first);
    stage_assert_closed(&stage, "the first", CLOSE_PEER_CLOSED);
    second = invite(2);
    stage_ask(&stage, second, ONE ASK);
    assert_int_equal(visitor_count(second, "200 OK"), 1);
}

static struct visitor *invite_from(size_t index, uint8_t last_of_ip) {
    visitors[index].peer =
        (struct peer){.ip = {{192, 0, 2, last_of_ip}, IP_V4_LEN}, .port = (uint16_t)index};
    return invite(index);
}

/* One that names nobody, or does so per request, may have any number. */
static void test_proxies_are_not_counted(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    limit_clients(1);
    stage.server.proxy_protocol = false;
    assert_int_equal(networks_add(&stage.server.trusted, "192.0.2.1", &err), 0);
    for (size_t i = 0; i < ROWS_COUNT(visitors); i++) {
        struct visitor *visitor = invite_from(i, 1);
        stage_ask(&stage, visitor, ASK);
        assert_int_equal(visitor_count(visitor, "200 OK"), 1);
    }
    assert_int_equal(stage.server.quota.counts.count, 0);
}

static void test_clients_are_counted(void **state) {
    (void)state;
    limit_clients(2);
    for (size_t i = 0; i < 2; i++) {
        struct visitor *visitor = invite_from(i, 1);
        stage_ask(&stage, visitor, ASK);
        assert_int_equal(visitor_count(visitor, "200 OK"), 1);
    }
    struct visitor *third = invite_from(2, 1);
    stage_settle(&stage, third);
    assert_true(third->ended);
    assert_int_equal(third->len, 0);
    stage_assert_closed(&stage, "one too many", CLOSE_CROWDED);
    assert_int_equal(stage.server.connections, 2);
    visitor_leave(third);
    third = invite_from(2, 2);
    stage_ask(&stage, third, ASK);
    assert_int_equal(visitor_count(third, "200 OK"), 1);
    visitor_leave(third);
    visitor_leave(&visitors[0]);
    stage_settle(&stage, third);
    assert_int_equal(stage.server.connections, 1);
    third = invite_from(2, 1);
    stage_ask(&stage, third, ASK);
    assert_int_equal(visitor_count(third, "200 OK"), 1);
}

/* One that is turned away does not push out others. */
static void test_the_crowded_do_not_shed(void **state) {
    (void)state;
    limit_clients(1);
    stage_ask(&stage, invite_from(0, 1), ASK);
    stage_ask(&stage, invite_from(1, 2), ASK);
    stage.server.comfortable = 2;
    struct visitor *third = invite_from(2, 1);
    stage_settle(&stage, third);
    stage_assert_closed(&stage, "one too many", CLOSE_CROWDED);
    assert_int_equal(stage.server.connections, 2);
}

static void test_no_memory_for_a_part_of_a_header(void **state) {
    (void)state;
    struct visitor *visitor = invite(0);
    allocations_until_failure = 0;
    send_bytes(visitor, SLICE("PROXY TCP4 "));
    allocations_until_failure = -1;
    stage_assert_closed(&stage, "no memory", CLOSE_FAULT);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_requests_follow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_header_takes_too_long, setup, teardown),
        cmocka_unit_test_setup_teardown(test_those_who_are_not_trusted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_header_without_the_option, setup, teardown),
        cmocka_unit_test_setup_teardown(test_proxied_clients_are_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_proxies_are_not_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clients_are_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_crowded_do_not_shed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory_for_a_part_of_a_header, setup, teardown),
    };
    return cmocka_run_group_tests_name("connection_proxied", tests, NULL, NULL);
}
