#include "base/ip.h"

#include "support/guard.h"
#include "support/row.h"

#include <string.h>

static const struct {
    const char *name;
    const char *text;
    uint8_t len; /* 0: it is no address */
    uint8_t bytes[IP_V6_LEN];
} texts[] = {
    {"IPv4", "192.0.2.1", 4, {192, 0, 2, 1}},
    {"the least", "0.0.0.0", 4, {0}},
    {"the greatest", "255.255.255.255", 4, {255, 255, 255, 255}},
    {"IPv6", "2001:db8::1", 16, {0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
    {"none of IPv6", "::", 16, {0}},
    {"capital letters", "2001:DB8::A", 16, {0x20, 0x01, 0x0d, 0xb8, [15] = 10}},
    {"rfc4291-2.5.5.2 IPv4 in IPv6", "::ffff:192.0.2.1", 4, {192, 0, 2, 1}},
    {"the same in hexadecimal", "::ffff:c000:201", 4, {192, 0, 2, 1}},
    {"IPv6 that ends like IPv4",
     "::fffe:192.0.2.1",
     16,
     {[10] = 0xff, [11] = 0xfe, [12] = 192, [14] = 2, [15] = 1}},
    {"the longest",
     "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.254",
     16,
     {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 254}},
    {"nothing", "", 0, {0}},
    {"three numbers", "192.0.2", 0, {0}},
    {"five numbers", "192.0.2.1.1", 0, {0}},
    {"a number too large", "192.0.2.256", 0, {0}},
    {"a leading zero", "192.0.2.01", 0, {0}},
    {"a blank before", " 192.0.2.1", 0, {0}},
    {"a blank behind", "192.0.2.1 ", 0, {0}},
    {"a port", "192.0.2.1:80", 0, {0}},
    {"a name", "localhost", 0, {0}},
    {"a colon", ":", 0, {0}},
    {"brackets", "[::1]", 0, {0}},
    {"a zone", "fe80::1%1", 0, {0}},
    {"too long", "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", 0, {0}},
};

static void test_texts(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(texts); i++) {
        struct slice text = slice_of_text(texts[i].text);
        char *copy = guard_copy(text);
        struct ip ip = {.len = 0};
        bool parsed = ip_parse(slice_of(copy, text.len), &ip);
        row_assert_number(texts[i].name, parsed, texts[i].len > 0);
        row_assert_number(texts[i].name, ip.len, texts[i].len);
        row_assert(texts[i].name, memcmp(ip.bytes, texts[i].bytes, sizeof ip.bytes) == 0);
        guard_free(copy, text.len);
    }
}

/* inet_pton(3) would see the end there. */
static void test_nul_in_a_text(void **state) {
    (void)state;
    struct ip ip;
    assert_false(ip_parse(SLICE("192.0.2.1\0"), &ip));
    assert_false(ip_parse(SLICE("::1\0garbage"), &ip));
}

static void test_bytes(void **state) {
    (void)state;
    static const uint8_t mapped[IP_V6_LEN] = {[10] = 0xff, 0xff, 192, 0, 2, 1};
    struct ip v4;
    assert_true(ip_parse(SLICE("192.0.2.1"), &v4));
    struct ip ip = ip_of_bytes(mapped, sizeof mapped);
    assert_memory_equal(&ip, &v4, sizeof ip);
    ip = ip_of_bytes(v4.bytes, IP_V4_LEN);
    assert_memory_equal(&ip, &v4, sizeof ip);
    ip = ip_of_bytes(mapped, 0);
    assert_int_equal(ip.len, 0);
}

static const struct {
    const char *name;
    const char *ip;
    const char *prefix;
    unsigned bits;
    bool has;
} prefixes[] = {
    {"all bits", "192.0.2.1", "192.0.2.1", 32, true},
    {"another", "192.0.2.1", "192.0.2.0", 32, false},
    {"all but the last", "192.0.2.1", "192.0.2.0", 31, true},
    {"whole bytes", "10.1.2.3", "10.0.0.0", 8, true},
    {"other bytes", "11.1.2.3", "10.0.0.0", 8, false},
    {"parts of bytes", "172.31.0.1", "172.16.0.0", 12, true},
    {"other parts", "172.32.0.1", "172.16.0.0", 12, false},
    {"no bits", "192.0.2.1", "0.0.0.0", 0, true},
    {"another family", "192.0.2.1", "::", 0, false},
    {"the other way round", "::1", "0.0.0.0", 0, false},
    {"IPv6, all bits", "2001:db8::1", "2001:db8::1", 128, true},
    {"IPv6, another", "2001:db8::1", "2001:db8::", 128, false},
    {"IPv6, 127 bits", "2001:db8::1", "2001:db8::", 127, true},
    {"IPv6, 33 bits", "2001:db8:8000::", "2001:db8::", 33, false},
    {"IPv6, 32 bits", "2001:db8:8000::", "2001:db8::", 32, true},
};

static void test_prefixes(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(prefixes); i++) {
        struct ip ip;
        struct ip prefix;
        assert_true(ip_parse(slice_of_text(prefixes[i].ip), &ip));
        assert_true(ip_parse(slice_of_text(prefixes[i].prefix), &prefix));
        row_assert_number(prefixes[i].name, ip_has_prefix(&ip, &prefix, prefixes[i].bits),
                          prefixes[i].has);
    }
}

static const struct {
    const char *ip;
    bool is_loopback;
} loopbacks[] = {
    {"127.0.0.1", true},
    {"127.255.255.255", true},
    {"::1", true},
    {"::ffff:127.0.0.1", true},
    {"126.255.255.255", false},
    {"128.0.0.0", false},
    {"192.0.2.7", false},
    {"::", false},
    {"::2", false},
    {"2001:db8::1", false},
    {"7f00::1", false},
    {"0.0.0.1", false},
};

static void test_loopback(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(loopbacks); i++) {
        struct ip ip;
        assert_true(ip_parse(slice_of_text(loopbacks[i].ip), &ip));
        row_assert_number(loopbacks[i].ip, ip_is_loopback(&ip), loopbacks[i].is_loopback);
    }
    const struct ip none = {.len = 0};
    assert_false(ip_is_loopback(&none));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),    cmocka_unit_test(test_nul_in_a_text),
        cmocka_unit_test(test_bytes),    cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_loopback),
    };
    return cmocka_run_group_tests_name("ip", tests, NULL, NULL);
}
