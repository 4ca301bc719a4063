#include "conf/address.h"

#include "support/row.h"

#include <errno.h>
#include <stddef.h>

#define NO_ADDRESS "is no address to listen on"
/* 106 bytes, and 107. */
#define TEN          "0123456789"
#define LONGEST_NAME TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "012345"
#define LONGEST      "/" LONGEST_NAME

#define NO_PORT "has no port from 0 to 65535"

static const struct {
    const char *name;
    const char *text;
    const char *formatted;
    int family;
    uint16_t port;
    bool loopback;
    bool wildcard;
    bool both_families;
} good[] = {
    {"port alone", "8080", "127.0.0.1:8080", AF_INET, 8080, true, false, false},
    {"port 0", "0", "127.0.0.1:0", AF_INET, 0, true, false, false},
    {"largest port", "65535", "127.0.0.1:65535", AF_INET, 65535, true, false, false},
    {"leading zeros", "00080", "127.0.0.1:80", AF_INET, 80, true, false, false},
    {"IPv4", "192.0.2.7:81", "192.0.2.7:81", AF_INET, 81, false, false, false},
    {"IPv4 loopback, not .1", "127.255.3.4:1", "127.255.3.4:1", AF_INET, 1, true, false, false},
    {"IPv4 next to loopback", "128.0.0.1:1", "128.0.0.1:1", AF_INET, 1, false, false, false},
    {"IPv4 wildcard", "0.0.0.0:80", "0.0.0.0:80", AF_INET, 80, false, true, false},
    {"longest IPv4", "255.255.255.255:65535", "255.255.255.255:65535", AF_INET, 65535, false, false,
     false},
    {"localhost", "localhost:80", "127.0.0.1:80", AF_INET, 80, true, false, false},
    {"IPv6 loopback", "[::1]:8080", "[::1]:8080", AF_INET6, 8080, true, false, false},
    {"IPv4 loopback as IPv6", "[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1", AF_INET6, 1, true,
     false, false},
    {"IPv6 wildcard", "[::]:0", "[::]:0", AF_INET6, 0, false, true, false},
    {"IPv6", "[2001:db8::7]:443", "[2001:db8::7]:443", AF_INET6, 443, false, false, false},
    {"IPv6, canonical form", "[2001:DB8:0:0:0:0:0:7]:443", "[2001:db8::7]:443", AF_INET6, 443,
     false, false, false},
    {"IPv6, in full", "[2001:0db8:1111:2222:3333:4444:5555:6666]:65535",
     "[2001:db8:1111:2222:3333:4444:5555:6666]:65535", AF_INET6, 65535, false, false, false},
    {"IPv6, longest", "[0000:0000:0000:0000:0000:ffff:192.168.100.100]:65535",
     "[::ffff:192.168.100.100]:65535", AF_INET6, 65535, false, false, false},
    {"all", "*:80", "[::]:80", AF_INET6, 80, false, true, true},
    {"local", "unix:/run/pronto.sock", "unix:/run/pronto.sock", AF_UNIX, 0, true, false, false},
    {"local, relative, with colons", "unix:a:80", "unix:a:80", AF_UNIX, 0, true, false, false},
    {"local, abstract", "unix:@pronto", "unix:@pronto", AF_UNIX, 0, true, false, false},
    {"longest local", "unix:" LONGEST, "unix:" LONGEST, AF_UNIX, 0, true, false, false},
    {"longest abstract", "unix:@" LONGEST_NAME, "unix:@" LONGEST_NAME, AF_UNIX, 0, true, false,
     false},
};

/* That of a local address is up to the end of its name; a path has a NUL behind it, and an abstract
 * name one before it, for its "@" (unix(7)). */
static size_t len_of(int family, const char *text) {
    const char *name = text + strlen("unix:");
    if (family == AF_INET6)
        return sizeof(struct sockaddr_in6);
    if (family == AF_INET)
        return sizeof(struct sockaddr_in);
    return offsetof(struct sockaddr_un, sun_path) + strlen(name) + (name[0] != '@');
}

static void test_good(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(good); i++) {
        const char *row = good[i].name;
        struct address address;
        struct err err = ERR_INIT;
        char text[ADDRESS_TEXT_MAX];
        memset(&address, 0xa5, sizeof address);
        row_assert_number(row, address_parse(good[i].text, &address, &err), 0);
        row_assert_number(row, address.socket.any.sa_family, good[i].family);
        row_assert_number(row, address_port(&address), good[i].port);
        row_assert_number(row, address_is_loopback(&address), good[i].loopback);
        row_assert_number(row, address_is_wildcard(&address), good[i].wildcard);
        row_assert_number(row, address.both_families, good[i].both_families);
        row_assert_number(row, address.is_port, strchr(good[i].text, ':') == NULL);
        row_assert_number(row, address_len(&address), len_of(good[i].family, good[i].text));
        row_assert_number(row, address_is_local(&address), good[i].family == AF_UNIX);
        address_format(&address, text);
        row_assert_slice(row, slice_of_text(text), slice_of_text(good[i].formatted));
    }
}

/* What nobody set must be zero: bind(2) reads the scope and the flow of IPv6, too. */
static void test_the_rest_is_zero(void **state) {
    (void)state;
    struct address address;
    struct err err = ERR_INIT;
    memset(&address, 0xa5, sizeof address);
    assert_int_equal(address_parse("[::1]:80", &address, &err), 0);
    assert_int_equal(address.socket.v6.sin6_scope_id, 0);
    assert_int_equal(address.socket.v6.sin6_flowinfo, 0);
}

static const struct {
    const char *name;
    const char *text;
    const char *message;
} bad[] = {
    {"nothing", "", NO_PORT},
    {"a word", "http", NO_PORT},
    {"port too large", "65536", NO_PORT},
    {"port much too large", "99999999999999999999999", NO_PORT},
    {"signed port", "+80", NO_PORT},
    {"negative port", "-1", NO_PORT},
    {"blank before the port", "127.0.0.1: 80", NO_PORT},
    {"something behind the port", "127.0.0.1:80x", NO_PORT},
    {"no port", "127.0.0.1:", NO_PORT},
    {"IPv4 without a port", "127.0.0.1", NO_PORT},
    {"all without a port", "*", NO_PORT},
    {"no host", ":80", NO_ADDRESS},
    {"a name", "example.org:80", NO_ADDRESS},
    {"short IPv4", "127.1:80", NO_ADDRESS},
    {"IPv4 number too large", "127.0.0.256:80", NO_ADDRESS},
    {"IPv4 in brackets", "[127.0.0.1]:80", NO_ADDRESS},
    {"IPv6 without brackets", "::1:80", NO_ADDRESS},
    {"IPv6 without a port", "[::1]", NO_ADDRESS},
    {"IPv6 with an open bracket", "[::1:80", NO_ADDRESS},
    {"empty brackets", "[]:80", NO_ADDRESS},
    {"a bracket alone", "[:80", NO_ADDRESS},
    {"star in brackets", "[*]:80", NO_ADDRESS},
    {"two stars", "**:80", NO_ADDRESS},
    {"no path", "unix:", "names no socket"},
    {"no abstract name", "unix:@", "names no socket"},
    {"a capital", "Unix:/a", NO_ADDRESS},
    {"too long for an address", "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:80",
     NO_ADDRESS},
};

static void test_bad(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(bad); i++) {
        struct address address;
        struct err err = ERR_INIT;
        row_assert_number(bad[i].name, address_parse(bad[i].text, &address, &err), -EINVAL);
        row_assert(bad[i].name, strstr(err.text, bad[i].message) != NULL);
        row_assert(bad[i].name, strstr(err.text, bad[i].text) != NULL);
    }
}

static void test_a_path_that_is_too_long(void **state) {
    (void)state;
    static const char *const texts[] = {"unix:/" LONGEST, "unix:@" LONGEST};
    for (size_t i = 0; i < ROWS_COUNT(texts); i++) {
        struct address address;
        struct err err = ERR_INIT;
        row_assert_number(texts[i], address_parse(texts[i], &address, &err), -EINVAL);
        row_assert(texts[i], strstr(err.text, "longer than the 107 bytes") != NULL);
    }
}

static void test_path(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *path;
    } rows[] = {
        {"unix:/run/x", "/run/x"}, {"unix:x", "x"}, {"unix:@x", NULL}, {"127.0.0.1:80", NULL}};
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct address address;
        struct err err = ERR_INIT;
        row_assert_number(rows[i].text, address_parse(rows[i].text, &address, &err), 0);
        const char *path = address_path(&address);
        row_assert(rows[i].text, (path == NULL) == (rows[i].path == NULL));
        row_assert(rows[i].text, path == NULL || strcmp(path, rows[i].path) == 0);
    }
}

static void test_equal(void **state) {
    (void)state;
    static const char *const texts[] = {
        "127.0.0.1:80", "127.0.0.1:81", "127.0.0.2:80", "0.0.0.0:80", "[::1]:80",
        "[::1]:81",     "[::2]:80",     "[::]:80",      "*:80",       "unix:/a",
        "unix:/ab",     "unix:@/a",     "unix:a"};
    for (size_t i = 0; i < ROWS_COUNT(texts) * ROWS_COUNT(texts); i++) {
        const char *one = texts[i % ROWS_COUNT(texts)];
        const char *other = texts[i / ROWS_COUNT(texts)];
        struct address a;
        struct address b;
        struct err err = ERR_INIT;
        memset(&a, 0xa5, sizeof a);
        memset(&b, 0x5a, sizeof b);
        row_assert_number(one, address_parse(one, &a, &err), 0);
        row_assert_number(other, address_parse(other, &b, &err), 0);
        row_assert_number(one, address_equal(&a, &b), one == other);
    }
}

static void test_set_port(void **state) {
    (void)state;
    static const char *const texts[] = {"127.0.0.1:1", "[::1]:1"};
    for (size_t i = 0; i < ROWS_COUNT(texts); i++) {
        struct address address;
        struct err err = ERR_INIT;
        row_assert_number(texts[i], address_parse(texts[i], &address, &err), 0);
        address_set_port(&address, 65535);
        row_assert_number(texts[i], address_port(&address), 65535);
        address_set_port(&address, 258);
        row_assert_number(texts[i], address_port(&address), 258);
    }
}

static void test_covers(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *address;
        const char *host;
        bool covered;
    } rows[] = {
        {"IPv4, the same", "192.0.2.7:80", "192.0.2.7:0", true},
        {"IPv4, another", "192.0.2.7:80", "192.0.2.8:80", false},
        {"IPv6, the same", "[2001:db8::7]:80", "[2001:db8::7]:0", true},
        {"IPv6, another", "[2001:db8::7]:80", "[2001:db8::8]:80", false},
        {"IPv4 and IPv6", "192.0.2.7:80", "[2001:db8::7]:80", false},
        {"IPv6 and IPv4", "[2001:db8::7]:80", "192.0.2.7:80", false},
        {"wildcard of IPv4, IPv4", "0.0.0.0:80", "192.0.2.7:0", true},
        {"wildcard of IPv4, IPv6", "0.0.0.0:80", "[2001:db8::7]:0", false},
        {"wildcard of IPv6, IPv6", "[::]:80", "[2001:db8::7]:0", true},
        {"wildcard of IPv6, IPv4", "[::]:80", "192.0.2.7:0", false},
        {"all, IPv4", "*:80", "192.0.2.7:0", true},
        {"all, IPv6", "*:80", "[2001:db8::7]:0", true},
        {"local, the same", "unix:/a", "unix:/a", false},
        {"local, IPv4", "unix:/a", "192.0.2.7:0", false},
        {"all, local", "*:80", "unix:/a", false},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct address address;
        struct address host;
        struct err err = ERR_INIT;
        row_assert_number(rows[i].name, address_parse(rows[i].address, &address, &err), 0);
        row_assert_number(rows[i].name, address_parse(rows[i].host, &host, &err), 0);
        row_assert_number(rows[i].name, address_covers(&address, &host.socket.any),
                          rows[i].covered);
    }
}

static void test_covers_no_other_family(void **state) {
    (void)state;
    static const char *const texts[] = {"192.0.2.7:80", "[2001:db8::7]:80", "0.0.0.0:80", "*:80"};
    const struct sockaddr packet = {.sa_family = AF_PACKET};
    for (size_t i = 0; i < ROWS_COUNT(texts); i++) {
        struct address address;
        struct err err = ERR_INIT;
        row_assert_number(texts[i], address_parse(texts[i], &address, &err), 0);
        row_assert(texts[i], !address_covers(&address, &packet));
    }
}

static void test_widen(void **state) {
    (void)state;
    static const char *const texts[] = {"80", "127.0.0.1:80", "[2001:db8::7]:80", "*:80"};
    struct address all;
    struct err err = ERR_INIT;
    assert_int_equal(address_parse("*:80", &all, &err), 0);
    for (size_t i = 0; i < ROWS_COUNT(texts); i++) {
        struct address address;
        row_assert_number(texts[i], address_parse(texts[i], &address, &err), 0);
        address_widen(&address);
        row_assert(texts[i], memcmp(&address, &all, sizeof all) == 0);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),  cmocka_unit_test(test_the_rest_is_zero),
        cmocka_unit_test(test_bad),   cmocka_unit_test(test_set_port),
        cmocka_unit_test(test_path),  cmocka_unit_test(test_a_path_that_is_too_long),
        cmocka_unit_test(test_equal), cmocka_unit_test(test_covers),
        cmocka_unit_test(test_widen), cmocka_unit_test(test_covers_no_other_family),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
