#include "serve/quota.h"

#include "support/row.h"

#include <errno.h>
#include <string.h>

static bool no_memory;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_malloc(size_t size) {
    return no_memory ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return no_memory ? NULL : __real_calloc(count, size);
}

static struct quota quota;

static void begin(size_t max) {
    struct err err = ERR_INIT;
    no_memory = false;
    assert_int_equal(quota_init(&quota, max, &err), 0);
}

static struct peer peer_of_text(const char *ip, uint16_t port) {
    struct peer peer = {.port = port};
    if (strcmp(ip, "unix") != 0)
        row_assert(ip, ip_parse(slice_of_text(ip), &peer.ip));
    return peer;
}

static bool enter(const char *ip, uint16_t port) {
    struct peer peer = peer_of_text(ip, port);
    return quota_enter(&quota, &peer);
}

static void leave(const char *ip, uint16_t port) {
    struct peer peer = peer_of_text(ip, port);
    quota_leave(&quota, &peer);
}

/* Rows: a client that has all it may have, and whether another is another. */
static const struct {
    const char *name;
    const char *first;
    const char *second;
    bool other;
} pairs[] = {
    {"the same", "192.0.2.1", "192.0.2.1", false},
    {"another", "192.0.2.1", "192.0.2.2", true},
    {"IPv6, the same", "2001:db8::1", "2001:db8::1", false},
    {"IPv6, of one /64", "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", false},
    {"IPv6, of another /64", "2001:db8::1", "2001:db8:0:1::1", true},
    {"IPv6 of the same bytes", "192.0.2.1", "c000:0201::", true},
    {"unix", "unix", "unix", true},
};

static void test_clients(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(pairs); i++) {
        begin(2);
        row_assert(pairs[i].name, enter(pairs[i].first, 1));
        row_assert(pairs[i].name, enter(pairs[i].first, 2));
        row_assert_number(pairs[i].name, enter(pairs[i].second, 3), pairs[i].other);
        if (pairs[i].other)
            leave(pairs[i].second, 3);
        leave(pairs[i].first, 2);
        row_assert(pairs[i].name, enter(pairs[i].second, 4));
        leave(pairs[i].second, 4);
        leave(pairs[i].first, 1);
        row_assert_number(pairs[i].name, quota.counts.count, 0);
        quota_deinit(&quota);
    }
}

static void test_without_a_bound_nothing_is_kept(void **state) {
    (void)state;
    begin(0);
    no_memory = true;
    for (int i = 0; i < 1000; i++)
        assert_true(enter("192.0.2.1", 1));
    assert_int_equal(quota.counts.count, 0);
    assert_int_equal(quota.counts.capacity, 0);
    leave("192.0.2.1", 1);
    quota_deinit(&quota);
    quota_deinit(&quota);
}

static void test_many_clients(void **state) {
    (void)state;
    enum { CLIENTS = 2000 };
    begin(1);
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < CLIENTS; i++) {
            struct peer peer = {.ip = ip_of_bytes(&i, IP_V4_LEN)};
            assert_int_equal(quota_enter(&quota, &peer), round == 0);
        }
    }
    assert_int_equal(quota.counts.count, CLIENTS);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        struct peer peer = {.ip = ip_of_bytes(&i, IP_V4_LEN)};
        quota_leave(&quota, &peer);
    }
    assert_int_equal(quota.counts.count, 0);
    quota_deinit(&quota);
}

static void test_no_memory(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    begin(1);
    no_memory = true;
    assert_false(enter("192.0.2.1", 1));
    assert_int_equal(quota.counts.count, 0);
    quota_deinit(&quota);
    assert_int_equal(quota_init(&quota, 1, &err), -ENOMEM);
    assert_string_equal(err.text, "not enough memory");
    no_memory = false;
    quota_deinit(&quota);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clients),
        cmocka_unit_test(test_without_a_bound_nothing_is_kept),
        cmocka_unit_test(test_many_clients),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("quota", tests, NULL, NULL);
}
