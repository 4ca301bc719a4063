#include "proc/announcement.h"

#include "support/row.h"
#include "sys/peer.h"

#include <stdio.h>

enum { LISTENED_MAX = 4 };

static const struct {
    const char *name;
    const char *announce; /* NULL: it is not asked for */
    const char *listened[LISTENED_MAX];
    bool made;
    uint16_t port; /* 0: nothing is announced */
    size_t addresses;
} rows[] = {
    {"not asked for", NULL, {"*:80"}, true, 0, 0},
    {"all", "p", {"*:80"}, true, 80, 1},
    {"one address", "p", {"192.0.2.1:80"}, true, 80, 1},
    {"one of IPv6", "p", {"[2001:db8::1]:80"}, true, 80, 1},
    {"this machine's alone", "p", {"127.0.0.1:80", "[::1]:80", "unix:/s"}, false, 0, 0},
    {"nothing", "p", {NULL}, false, 0, 0},
    {"what others reach", "p", {"127.0.0.1:80", "unix:/s", "192.0.2.1:81"}, true, 81, 1},
    {"the first port, with all its addresses",
     "p",
     {"192.0.2.1:80", "192.0.2.1:81", "[2001:db8::1]:80"},
     true,
     80,
     2},
};

static void listen_on(struct listeners *listeners, const char *const *texts) {
    *listeners = (struct listeners){.count = 0};
    for (size_t i = 0; i < LISTENED_MAX && texts[i] != NULL; i++) {
        struct err err = ERR_INIT;
        row_assert_number(texts[i], address_parse(texts[i], &listeners->items[i].address, &err), 0);
        listeners->count++;
    }
}

static void make(struct announcement *announcement, const char *name,
                 const char *const listened[LISTENED_MAX], bool made) {
    const struct options options = {.announce = name};
    struct listeners listeners;
    listen_on(&listeners, listened);
    memset(announcement, 0xa5, sizeof *announcement);
    assert_int_equal(announcement_make(announcement, &options, &listeners), made);
}

static void test_what_is_announced(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct announcement announcement;
        make(&announcement, rows[i].announce, rows[i].listened, rows[i].made);
        row_assert_number(rows[i].name, announcement.port, rows[i].port);
        row_assert_number(rows[i].name, announcement.count, rows[i].addresses);
        row_assert(rows[i].name, strcmp(announcement.name, rows[i].addresses > 0 ? "p" : "") == 0);
    }
}

static void test_what_is_a_change(void **state) {
    (void)state;
    static const char *const one[LISTENED_MAX] = {"192.0.2.1:80"};
    static const char *const port[LISTENED_MAX] = {"192.0.2.1:81"};
    static const char *const host[LISTENED_MAX] = {"192.0.2.2:80"};
    static const char *const two[LISTENED_MAX] = {"192.0.2.1:80", "192.0.2.2:80"};
    static const char *const beside[LISTENED_MAX] = {"127.0.0.1:80", "192.0.2.1:80", "unix:/s"};
    struct announcement a;
    struct announcement b;
    make(&a, "p", one, true);
    make(&b, "p", beside, true);
    assert_true(announcement_equal(&a, &b));
    make(&b, "q", one, true);
    assert_false(announcement_equal(&a, &b));
    make(&b, "p", port, true);
    assert_false(announcement_equal(&a, &b));
    make(&b, "p", host, true);
    assert_false(announcement_equal(&a, &b));
    make(&b, "p", two, true);
    assert_false(announcement_equal(&a, &b));
    make(&b, NULL, one, true);
    assert_false(announcement_equal(&a, &b));
}

/* Addresses of interfaces as "NUMBER ADDRESS", and on which links they are: "NUMBER: ADDRESS", a
 * "-" before those that are not named. */
static const struct {
    const char *name;
    const char *listened[LISTENED_MAX];
    const char *interfaces[LISTENED_MAX];
    const char *links;
} networks[] = {
    {"all", {"*:80"}, {"1 192.0.2.1", "2 198.51.100.1"}, "1: 192.0.2.1 2: 198.51.100.1 "},
    {"one of them", {"192.0.2.1:80"}, {"1 192.0.2.1", "2 198.51.100.1"}, "1: 192.0.2.1 "},
    {"one of two on a link",
     {"192.0.2.1:80"},
     {"1 192.0.2.1", "1 198.51.100.1"},
     "1: 192.0.2.1 -198.51.100.1 "},
    {"IPv4 alone", {"0.0.0.0:80"}, {"1 2001:db8::1", "2 192.0.2.1"}, "2: 192.0.2.1 "},
    {"IPv6 alone", {"[::]:80"}, {"1 2001:db8::1", "2 192.0.2.1"}, "1: 2001:db8::1 "},
    {"what needs a zone is not named beside others",
     {"*:80"},
     {"1 fe80::1", "1 192.0.2.1"},
     "1: -fe80::1 192.0.2.1 "},
    {"but alone", {"*:80"}, {"1 fe80::1"}, "1: fe80::1 "},
    {"nor is that of IPv6 of the host alone",
     {"*:80"},
     {"1 fe80::1", "1 2001:db8::1"},
     "1: -fe80::1 2001:db8::1 "},
    {"none", {"192.0.2.9:80"}, {"1 192.0.2.1"}, ""},
    {"no interface", {"*:80"}, {NULL}, ""},
};

static void put_address(struct buf *buf, const struct link_address *address) {
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    memcpy(&v6.sin6_addr, address->ip.bytes, IP_V6_LEN);
    memcpy(&v4.sin_addr, address->ip.bytes, IP_V4_LEN);
    const struct peer peer = peer_of_address(address->ip.len == IP_V4_LEN ? (struct sockaddr *)&v4
                                                                          : (struct sockaddr *)&v6);
    if (!address->is_served)
        buf_put_char(buf, '-');
    peer_put_address(buf, &peer);
    buf_put_char(buf, ' ');
}

static void put_links(struct buf *buf, const struct links *links) {
    for (size_t i = 0; i < links->count; i++) {
        buf_put_number(buf, links->items[i].index);
        buf_put(buf, SLICE(": "));
        for (size_t j = 0; j < links->items[i].count; j++)
            put_address(buf, &links->items[i].addresses[j]);
    }
}

static void test_on_which_links(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(networks); i++) {
        struct announcement announcement;
        struct interface_address addresses[LISTENED_MAX];
        struct links links;
        char memory[512];
        struct buf buf = BUF_INIT(memory, sizeof memory);
        size_t count = 0;
        make(&announcement, "p", networks[i].listened, true);
        for (; count < LISTENED_MAX && networks[i].interfaces[count] != NULL; count++) {
            const char *text = networks[i].interfaces[count];
            addresses[count].interface = (unsigned)(text[0] - '0');
            addresses[count].prefix_bits = 24;
            row_assert(text, ip_parse(slice_of_text(text + 2), &addresses[count].ip));
        }
        announcement_find_links(&announcement, addresses, count, &links);
        put_links(&buf, &links);
        row_assert_slice(networks[i].name, buf_slice(&buf), slice_of_text(networks[i].links));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_announced),
        cmocka_unit_test(test_what_is_a_change),
        cmocka_unit_test(test_on_which_links),
    };
    return cmocka_run_group_tests_name("announcement", tests, NULL, NULL);
}
