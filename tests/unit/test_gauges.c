#include "serve/gauges.h"

#include "support/stage.h"
#include "sys/socket.h"

#include <time.h>

static int64_t now_ns; /* of the monotonic clock; it stands still but for the test */
static unsigned looks; /* at accept queues */

int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time) {
    (void)clock;
    *time = (struct timespec){.tv_sec = now_ns / 1000000000, .tv_nsec = now_ns % 1000000000};
    return 0;
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len) {
    looks++;
    return __real_getsockopt(fd, level, name, value, len);
}

static struct stage stage = {.cache_size = 1 << 20};
static struct listener listener;
static struct gauges gauges;
static struct address address;
static int guests[8];

static int setup(void **state) {
    struct err err = ERR_INIT;
    (void)state;
    now_ns = 1000000000000;
    looks = 0;
    stage_open(&stage);
    assert_int_equal(address_parse("127.0.0.1:0", &address, &err), 0);
    int fd = socket_listen(&address, SOCKET_FIRST, &err);
    assert_true(fd >= 0);
    assert_int_equal(listener_init(&listener, &stage.server, fd, false), 0);
    gauges_init(&gauges, &stage.server, &listener, 1, true);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    (void)close(listener.source.fd);
    stage_close(&stage);
    return 0;
}

/* A turn of the loop that takes so long. */
static void turn(int64_t duration_ns) {
    stage_turn(&stage);
    now_ns += duration_ns;
    gauges_note(&gauges);
}

static void test_turns_have_their_length(void **state) {
    const struct tally *tally = stage.server.tally;
    (void)state;
    turn(15000);
    turn(15000);
    turn(3000000);
    turn(400);
    assert_int_equal(histogram_count(&tally->turn_times), 4);
    assert_int_equal(tally->turn_times.counts[1], 2);
    assert_int_equal(tally->turn_times.sum_ns, 3030400);
    assert_int_equal(tally->longest_turn, 3000000);
}

static void test_what_the_store_counted_is_taken_once(void **state) {
    const struct tally *tally = stage.server.tally;
    struct visitor visitor;
    (void)state;
    stage_invite(&stage, &visitor);
    stage_ask(&stage, &visitor, "GET /small HTTP/1.1\r\nHost: x\r\n\r\n");
    stage_ask(&stage, &visitor, "GET /small HTTP/1.1\r\nHost: x\r\n\r\n");
    stage_ask(&stage, &visitor, "GET /small HTTP/1.1\r\nHost: x\r\n\r\n");
    stage_ask(&stage, &visitor, "GET /none HTTP/1.1\r\nHost: x\r\n\r\n");
    turn(0);
    uint64_t misses = tally->cache_misses;
    assert_int_equal(tally->cache_hits, 2);
    assert_in_range(misses, 2,
                    3); /* a page of the site's for what there is not is looked for, too */
    assert_in_range(tally->cache_entries, 2, 3);
    assert_in_range(tally->cache_bytes, STAGE_SMALL, 10000);
    turn(0);
    assert_int_equal(tally->cache_hits, 2);
    assert_int_equal(tally->cache_misses, misses);
    tree_text(&stage.tree, "small", "changed");
    stage_ask(&stage, &visitor, "GET /small HTTP/1.1\r\nHost: x\r\n\r\n");
    turn(0);
    assert_int_equal(tally->cache_hits, 2);
    assert_int_equal(tally->cache_misses, misses + 1);
    assert_int_equal(tally->cache_invalidations, 1);
    visitor_leave(&visitor);
    stage_settle(&stage, &visitor);
}

static void connect_guests(size_t count) {
    for (size_t i = 0; i < count; i++) {
        guests[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(guests[i], &address.socket.any, address_len(&address)), 0);
        assert_int_equal(write(guests[i], "G", 1),
                         1); /* the socket hands over who has said something */
    }
}

static void test_the_accept_queue(void **state) {
    enum { WAITING = 5 };
    const struct tally *tally = stage.server.tally;
    (void)state;
    assert_int_equal(tally->queue_length, 0);
    assert_true(tally->queue_limit > 0);
    unsigned before = looks;
    connect_guests(WAITING);
    now_ns += 1000000000;
    stage.loop.now_ms = now_ns / 1000000;
    gauges_note(&gauges);
    assert_int_equal(tally->queue_length, WAITING);
    assert_int_equal(looks, before + 1);
    turn(0); /* they are accepted; it is looked again at once, as there was something */
    assert_int_equal(tally->queue_length, 0);
    assert_int_equal(stage.server.connections, WAITING);
    before = looks;
    for (int i = 0; i < 100; i++)
        turn(9000000);
    assert_int_equal(looks, before);
    turn(200000000);
    turn(0);
    assert_int_equal(looks, before + 1);
    for (size_t i = 0; i < WAITING; i++)
        (void)close(guests[i]);
    for (int i = 0; i < 100 && stage.server.connections > 0; i++)
        turn(1000000);
    assert_int_equal(stage.server.connections, 0);
}

/* One that stopped listening says nothing. */
static void test_without_listeners(void **state) {
    (void)state;
    gauges.listener_count = 0;
    now_ns += 2000000000;
    unsigned before = looks;
    turn(0);
    assert_int_equal(looks, before);
    assert_int_equal(stage.server.tally->queue_limit, 0);
}

static void test_without_a_cache(void **state) {
    (void)state;
    (void)teardown(NULL);
    stage.cache_size = 0;
    (void)setup(NULL);
    turn(0);
    assert_int_equal(stage.server.tally->cache_entries, 0);
    stage.cache_size = 1 << 20;
}

int main(void) {
#define gauges_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        gauges_test(test_turns_have_their_length),
        gauges_test(test_what_the_store_counted_is_taken_once),
        gauges_test(test_the_accept_queue),
        gauges_test(test_without_listeners),
        gauges_test(test_without_a_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
