#include "sys/peer.h"

#include "support/guard.h"
#include "support/row.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/un.h>

static const struct {
    const char *name;
    const char *ip;
    const char *text;
    size_t ip_len;
} rows[] = {
    {"IPv4", "192.0.2.7", "192.0.2.7", 4},
    {"shortest IPv4", "0.0.0.0", "0.0.0.0", 4},
    {"longest IPv4", "255.255.255.255", "255.255.255.255", 4},
    {"two digits", "10.20.30.40", "10.20.30.40", 4},
    {"IPv6", "2001:db8::7", "2001:db8::7", 16},
    {"rfc5952 canonical form", "2001:DB8:0:0:0:0:0:7", "2001:db8::7", 16},
    {"IPv6 loopback", "::1", "::1", 16},
    {"longest IPv6", "2001:db8:1111:2222:3333:4444:5555:6666",
     "2001:db8:1111:2222:3333:4444:5555:6666", 16},
    {"rfc4291-2.5.5.2 IPv4 in IPv6", "::ffff:192.0.2.7", "192.0.2.7", 4},
    {"IPv6 that only looks like it", "::fffe:192.0.2.7", "::fffe:c000:207", 16},
};

static struct peer peer_of_text(const char *ip, uint16_t port) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (inet_pton(AF_INET, ip, &v4.sin_addr) == 1)
        return peer_of_address((const struct sockaddr *)&v4);
    row_assert_number(ip, inet_pton(AF_INET6, ip, &v6.sin6_addr), 1);
    return peer_of_address((const struct sockaddr *)&v6);
}

static void test_addresses(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const char *row = rows[i].name;
        size_t len = strlen(rows[i].text);
        char *room = guard_room(len);
        struct buf buf = BUF_INIT(room, len);
        struct peer peer = peer_of_text(rows[i].ip, 54321);
        row_assert_number(row, peer.port, 54321);
        row_assert_number(row, peer.ip.len, rows[i].ip_len);
        peer_put_address(&buf, &peer);
        row_assert(row, !buf.overflow && len < PEER_TEXT_MAX);
        row_assert_slice(row, buf_slice(&buf), slice_of_text(rows[i].text));
        guard_free(room, len);
    }
}

/* The same client has the same address, however it came. */
static void test_equal_addresses_have_equal_bytes(void **state) {
    (void)state;
    struct peer plain = peer_of_text("192.0.2.7", 80);
    struct peer mapped = peer_of_text("::ffff:192.0.2.7", 80);
    struct peer other = peer_of_text("192.0.2.8", 80);
    assert_memory_equal(&plain.ip, &mapped.ip, sizeof plain.ip);
    assert_memory_not_equal(&plain.ip, &other.ip, sizeof plain.ip);
}

static void test_a_local_peer(void **state) {
    (void)state;
    static const struct peer zero;
    char memory[PEER_TEXT_MAX];
    struct buf buf = BUF_INIT(memory, sizeof memory);
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/nowhere"};
    struct peer peer = peer_of_address((const struct sockaddr *)&address);
    assert_memory_equal(&peer.ip, &zero.ip, sizeof peer.ip);
    assert_int_equal(peer.ip.len, 0);
    assert_int_equal(peer.port, 0);
    peer_put_address(&buf, &peer);
    row_assert_slice("unix", buf_slice(&buf), SLICE("unix"));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_equal_addresses_have_equal_bytes),
        cmocka_unit_test(test_a_local_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
