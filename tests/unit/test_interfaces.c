/* On a network of the test's own. */
#include "sys/interfaces.h"

#include "support/network.h"
#include "support/note.h"
#include "support/row.h"

#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 20000 };

static const char network[] = "set -e\n"
                              "ip link set lo up\n"
                              "ip link add near0 type veth peer name far0\n"
                              "ip address add 192.0.2.1/24 dev near0\n"
                              "ip address add 2001:db8::1/64 dev near0 nodad\n"
                              "ip link set far0 up\n"
                              "ip link set near0 up\n";

static struct ip ip(const char *text) {
    struct ip ip = {.len = 0};
    row_assert(text, ip_parse(slice_of_text(text), &ip));
    return ip;
}

static bool has_address(const char *text, uint8_t prefix_bits) {
    struct interface_address addresses[32];
    const struct ip wanted = ip(text);
    ssize_t count = interfaces_list(addresses, ROWS_COUNT(addresses));
    assert_true(count >= 0);
    for (ssize_t i = 0; i < count; i++) {
        if (memcmp(&addresses[i].ip, &wanted, sizeof wanted) == 0) {
            assert_int_equal(addresses[i].prefix_bits, prefix_bits);
            assert_int_equal(addresses[i].interface, if_nametoindex("near0"));
            return true;
        }
    }
    return false;
}

static void test_addresses_as_they_change(void **state) {
    (void)state;
    if (!network_make() || !network_run(NETWORK_NEAR, network)) {
        note_cannot_test("interfaces: %s", network_complaint());
        return;
    }
    struct pollfd watch = {.fd = interfaces_watch(), .events = POLLIN};
    assert_true(watch.fd >= 0);
    assert_true(has_address("192.0.2.1", 24));
    assert_true(has_address("2001:db8::1", 64));
    assert_false(has_address("127.0.0.1", 8));
    assert_false(has_address("::1", 128));
    interfaces_drain(watch.fd);
    assert_true(network_run(NETWORK_NEAR, "ip address add 203.0.113.1/30 dev near0"));
    assert_int_equal(poll(&watch, 1, WAIT_MS), 1);
    interfaces_drain(watch.fd);
    assert_true(has_address("203.0.113.1", 30));
    struct interface_address one[1];
    assert_int_equal(interfaces_list(one, 1), 1);
    /* Nobody answers for it, but that takes a second to be known. */
    assert_true(network_run(NETWORK_NEAR, "echo 60 > /proc/sys/net/ipv6/conf/near0/dad_transmits\n"
                                          "ip address add 2001:db8::7/64 dev near0"));
    assert_false(has_address("2001:db8::7", 64));
    assert_true(network_run(NETWORK_NEAR, "ip link set near0 down"));
    assert_false(has_address("192.0.2.1", 24));
    (void)close(watch.fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_as_they_change),
    };
    return cmocka_run_group_tests_name("interfaces", tests, NULL, NULL);
}
