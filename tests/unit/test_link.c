#include "mdns/link.h"

#include "support/row.h"

static struct ip ip(const char *text) {
    struct ip ip = {.len = 0};
    row_assert(text, ip_parse(slice_of_text(text), &ip));
    return ip;
}

static void add(struct links *links, unsigned index, const char *text, uint8_t prefix_bits) {
    const struct link_address address = {ip(text), prefix_bits, .is_served = true};
    links_add(links, index, &address);
}

static struct links two(void) {
    struct links links = {.count = 0};
    add(&links, 3, "192.0.2.1", 24);
    add(&links, 7, "2001:db8::1", 64);
    add(&links, 3, "fe80::1", 64);
    return links;
}

static void test_addresses_of_an_interface_are_together(void **state) {
    (void)state;
    struct links links = two();
    assert_int_equal(links.count, 2);
    assert_int_equal(links_find(&links, 3)->count, 2);
    assert_int_equal(links_find(&links, 7)->count, 1);
    assert_null(links_find(&links, 4));
    assert_true(link_has_family(links_find(&links, 3), IP_V4_LEN));
    assert_true(link_has_family(links_find(&links, 3), IP_V6_LEN));
    assert_false(link_has_family(links_find(&links, 7), IP_V4_LEN));
}

static void test_there_is_room_for_so_many(void **state) {
    (void)state;
    struct links links = {.count = 0};
    for (unsigned i = 0; i < LINKS_MAX + 2; i++)
        add(&links, i + 1, "192.0.2.1", 24);
    for (unsigned i = 0; i < LINK_ADDRESSES_MAX + 2; i++)
        add(&links, 1, "192.0.2.2", 24);
    assert_int_equal(links.count, LINKS_MAX);
    assert_int_equal(links_find(&links, 1)->count, LINK_ADDRESSES_MAX);
    assert_null(links_find(&links, LINKS_MAX + 1));
}

static void test_what_is_a_change(void **state) {
    (void)state;
    const struct links before = two();
    struct links links = two();
    assert_true(links_equal(&before, &links));
    links.items[1].addresses[0].is_served = false;
    assert_false(links_equal(&before, &links));
    links = two();
    links.items[0].addresses[0].prefix_bits = 16;
    assert_false(links_equal(&before, &links));
    links = two();
    links.items[0].addresses[0].ip.bytes[3] = 9;
    assert_false(links_equal(&before, &links));
    links = two();
    links.items[0].index = 9;
    assert_false(links_equal(&before, &links));
    links = two();
    links.items[0].count--;
    assert_false(links_equal(&before, &links));
    links = two();
    links.count--;
    assert_false(links_equal(&before, &links));
}

static const struct {
    const char *ip;
    bool reached;
} neighbours[] = {
    {"192.0.2.1", true},  {"192.0.2.255", true},    {"192.0.3.1", false},   {"198.51.100.1", false},
    {"fe80::77:1", true}, {"fe80:0:0:1::1", false}, {"2001:db8::2", false}, {"::", false},
};

static void test_rfc6762_11_who_is_on_the_link(void **state) {
    (void)state;
    const struct links links = two();
    for (size_t i = 0; i < ROWS_COUNT(neighbours); i++) {
        const struct ip from = ip(neighbours[i].ip);
        row_assert_number(neighbours[i].ip, link_reaches(links_find(&links, 3), &from),
                          neighbours[i].reached);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_of_an_interface_are_together),
        cmocka_unit_test(test_there_is_room_for_so_many),
        cmocka_unit_test(test_what_is_a_change),
        cmocka_unit_test(test_rfc6762_11_who_is_on_the_link),
    };
    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
