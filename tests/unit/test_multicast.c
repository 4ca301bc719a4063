/* Between two hosts on a network of the test's own; by both protocols. */
#include "sys/multicast.h"

#include "support/network.h"
#include "support/note.h"
#include "support/row.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { PORT = 5399, WAIT_MS = 20000 };

static const char near_network[] = "set -e\n"
                                   "ip link set lo up\n"
                                   "ip link add near0 type veth peer name far0 netns \"$1\"\n"
                                   "ip address add 192.0.2.1/24 dev near0\n"
                                   "ip address add 2001:db8::1/64 dev near0 nodad\n"
                                   "ip link set near0 up\n";
static const char far_network[] = "set -e\n"
                                  "ip link set lo up\n"
                                  "ip address add 192.0.2.2/24 dev far0\n"
                                  "ip address add 2001:db8::2/64 dev far0 nodad\n"
                                  "ip link set far0 up\n";

static const struct {
    const char *name;
    const char *group;
    const char *other_group;
    const char *near;
    const char *far;
} rows[] = {
    {"IPv4", "224.0.0.251", "224.0.0.250", "192.0.2.1", "192.0.2.2"},
    {"IPv6", "ff02::fb", "ff02::fa", "2001:db8::1", "2001:db8::2"},
};

static bool has_network;

static int make_network(void **state) {
    (void)state;
    has_network = network_make() && network_run(NETWORK_NEAR, near_network) &&
                  network_run(NETWORK_FAR, far_network);
    return 0;
}

static struct ip ip(const char *text) {
    struct ip ip = {.len = 0};
    row_assert(text, ip_parse(slice_of_text(text), &ip));
    return ip;
}

static int open_at(enum network_host host, const struct multicast_group *group,
                   const char *interface, unsigned *index) {
    network_enter(host);
    *index = if_nametoindex(interface);
    int fd = multicast_open(group);
    assert_true(fd >= 0);
    assert_int_equal(multicast_join(fd, group, *index), 0);
    assert_int_equal(multicast_join(fd, group, *index), 0);
    network_enter(NETWORK_NEAR);
    return fd;
}

/* One of the group at each end. */
struct pair {
    int near;
    int far;
    unsigned near_index;
    unsigned far_index;
};

static struct pair open_pair(const struct multicast_group *group) {
    struct pair pair;
    pair.near = open_at(NETWORK_NEAR, group, "near0", &pair.near_index);
    pair.far = open_at(NETWORK_FAR, group, "far0", &pair.far_index);
    return pair;
}

static void close_pair(const struct pair *pair) {
    (void)close(pair->near);
    (void)close(pair->far);
}

/* IPv6 packets may be lost as long as the link is new. */
static ssize_t send_until_received(int from, unsigned interface, const struct ip *to, uint16_t port,
                                   int fd, const struct multicast_group *group, char *memory,
                                   size_t size, struct multicast_sender *sender) {
    int64_t end_ms = note_now_ms() + WAIT_MS;
    while (note_now_ms() < end_ms) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        (void)multicast_send(from, interface, to, port, SLICE("some text"));
        if (poll(&wait, 1, 100) == 1)
            return multicast_receive(fd, group, memory, size, sender);
    }
    return -ETIMEDOUT;
}

static void drain(int fd, const struct multicast_group *group) {
    struct multicast_sender sender;
    char memory[64];
    while (multicast_receive(fd, group, memory, sizeof memory, &sender) != -EAGAIN)
        continue;
}

static void test_to_the_group_and_to_one(void **state) {
    (void)state;
    if (!has_network) {
        note_cannot_test("multicast: %s", network_complaint());
        return;
    }
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const struct multicast_group group = {ip(rows[i].group), PORT};
        const struct ip targets[] = {ip(rows[i].group), ip(rows[i].near)};
        struct pair pair = open_pair(&group);
        for (size_t j = 0; j < ROWS_COUNT(targets); j++) {
            struct multicast_sender sender;
            char memory[64];
            ssize_t len = send_until_received(pair.far, pair.far_index, &targets[j], PORT,
                                              pair.near, &group, memory, sizeof memory, &sender);
            const struct ip from = ip(rows[i].far);
            row_assert_number(rows[i].name, len, sizeof "some text" - 1);
            row_assert(rows[i].name, memcmp(memory, "some text", (size_t)len) == 0);
            row_assert_number(rows[i].name, sender.interface, pair.near_index);
            row_assert_number(rows[i].name, sender.port, PORT);
            row_assert_number(rows[i].name, sender.to_group, j == 0);
            if (i == 0 || j == 1) /* to a group of the link goes what has an address of the link */
                row_assert(rows[i].name, memcmp(&sender.ip, &from, sizeof from) == 0);
            drain(pair.near, &group);
        }
        close_pair(&pair);
    }
}

static void test_a_packet_that_is_cut_is_none(void **state) {
    (void)state;
    if (!has_network)
        return; /* was told */
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const struct multicast_group group = {ip(rows[i].group), PORT};
        struct multicast_sender sender;
        struct pair pair = open_pair(&group);
        char memory[8];
        row_assert_number(rows[i].name,
                          send_until_received(pair.far, pair.far_index, &group.ip, PORT, pair.near,
                                              &group, memory, sizeof memory, &sender),
                          -EBADMSG);
        close_pair(&pair);
    }
}

/* Both hear what is sent to the group, also the one who sends. */
static void test_the_port_is_shared(void **state) {
    (void)state;
    if (!has_network)
        return; /* was told */
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const struct multicast_group group = {ip(rows[i].group), PORT};
        struct multicast_sender sender;
        unsigned index;
        char memory[64];
        int one = open_at(NETWORK_NEAR, &group, "near0", &index);
        int other = open_at(NETWORK_NEAR, &group, "near0", &index);
        row_assert(rows[i].name, send_until_received(one, index, &group.ip, PORT, other, &group,
                                                     memory, sizeof memory, &sender) > 0);
        row_assert(rows[i].name,
                   multicast_receive(one, &group, memory, sizeof memory, &sender) > 0);
        row_assert_number(rows[i].name, sender.interface, index);
        (void)close(one);
        (void)close(other);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_to_the_group_and_to_one),
        cmocka_unit_test(test_a_packet_that_is_cut_is_none),
        cmocka_unit_test(test_the_port_is_shared),
    };
    return cmocka_run_group_tests_name("multicast", tests, make_network, NULL);
}
