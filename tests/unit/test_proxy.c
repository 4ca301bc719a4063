#include "http/proxy.h"

#include "support/guard.h"
#include "support/row.h"

#include <string.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4_BLOCK  "\xc0\0\x02\x01\xc6\x33\x64\x01\xdc\x04\x01\xbb" /* 192.0.2.1:56324 */
#define V6_BLOCK                                                                   \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0" \
    "\0\0\x02\xdc\x04\x01\xbb"
#define BYTES_27   "abcdefghijklmnopqrstuvwxyz0"
#define BYTES_108  BYTES_27 BYTES_27 BYTES_27 BYTES_27
#define UNIX_BLOCK BYTES_108 BYTES_108
#define BYTES_40   "0123456789012345678901234567890123456789"
#define BYTES_80   BYTES_40 BYTES_40
#define BYTES_520  BYTES_80 BYTES_80 BYTES_80 BYTES_80 BYTES_80 BYTES_80 BYTES_40

static const struct {
    const char *name;
    struct slice header;
    const char *ip; /* NULL: it speaks of nobody; "": by a unix socket */
    uint16_t port;
} good[] = {
    {"2.1 TCP4", SLICE_INIT("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"), "192.0.2.1", 56324},
    {"2.1 TCP4, least", SLICE_INIT("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"), "0.0.0.0", 0},
    {"2.1 TCP4, longest", SLICE_INIT("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
     "255.255.255.255", 65535},
    {"2.1 TCP6", SLICE_INIT("PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n"), "2001:db8::1",
     56324},
    {"2.1 TCP6, longest",
     SLICE_INIT("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535},
    {"2.1 TCP6 with IPv4 in it", SLICE_INIT("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 1 2\r\n"),
     "192.0.2.1", 1},
    {"2.1 UNKNOWN", SLICE_INIT("PROXY UNKNOWN\r\n"), NULL, 0},
    {"2.1 UNKNOWN, longest",
     SLICE_INIT("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
     NULL, 0},
    {"2.1 UNKNOWN and anything", SLICE_INIT("PROXY UNKNOWN x  y\r\n"), NULL, 0},
    {"2.2 TCP over IPv4", SLICE_INIT(SIGNATURE "\x21\x11\0\x0c" V4_BLOCK), "192.0.2.1", 56324},
    {"2.2 with TLVs", SLICE_INIT(SIGNATURE "\x21\x11\0\x13" V4_BLOCK "\x01\0\x04h2\r\n"),
     "192.0.2.1", 56324},
    {"2.2 TCP over IPv6", SLICE_INIT(SIGNATURE "\x21\x21\0\x24" V6_BLOCK), "2001:db8::1", 56324},
    {"2.2 a unix socket", SLICE_INIT(SIGNATURE "\x21\x31\0\xd8" UNIX_BLOCK), "", 0},
    {"2.2 UNSPEC", SLICE_INIT(SIGNATURE "\x21\0\0\0"), NULL, 0},
    {"2.2 UNSPEC with a block", SLICE_INIT(SIGNATURE "\x21\0\0\x0c" V4_BLOCK), NULL, 0},
    {"2.2 LOCAL", SLICE_INIT(SIGNATURE "\x20\0\0\0"), NULL, 0},
    {"2.2 LOCAL with a family", SLICE_INIT(SIGNATURE "\x20\x11\0\x0c" V4_BLOCK), NULL, 0},
    {"2.2 LOCAL with any family", SLICE_INIT(SIGNATURE "\x20\xff\0\0"), NULL, 0},
    {"2.2 the longest", SLICE_INIT(SIGNATURE "\x20\0\x02\x08" BYTES_520), NULL, 0},
};

static enum proxy_outcome parse(struct slice input, struct proxy *proxy) {
    char *copy = guard_copy(input);
    enum proxy_outcome outcome = proxy_parse(slice_of(copy, input.len), proxy);
    guard_free(copy, input.len);
    return outcome;
}

static void check_client(const char *row, const struct proxy *proxy, const char *ip,
                         uint16_t port) {
    struct ip expected = {.len = 0};
    if (ip != NULL && ip[0] != '\0')
        assert_true(ip_parse(slice_of_text(ip), &expected));
    row_assert_number(row, proxy->speaks_of, ip != NULL);
    row_assert(row, memcmp(&proxy->ip, &expected, sizeof expected) == 0);
    row_assert_number(row, proxy->port, port);
}

static void test_good(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(good); i++) {
        struct proxy proxy;
        row_assert_number(good[i].name, parse(good[i].header, &proxy), PROXY_WHOLE);
        row_assert_number(good[i].name, proxy.len, good[i].header.len);
        check_client(good[i].name, &proxy, good[i].ip, good[i].port);
    }
}

static void test_every_prefix_wants_more(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(good); i++) {
        struct proxy proxy;
        for (size_t len = 0; len < good[i].header.len; len++)
            row_assert_number(row_at(good[i].name, len),
                              parse(slice_of(good[i].header.ptr, len), &proxy), PROXY_MORE);
    }
}

static void test_what_follows_is_left(void **state) {
    (void)state;
    static const struct slice follows[] = {SLICE_INIT("GET / HTTP/1.1\r\n\r\n"), SLICE_INIT("\r\n"),
                                           SLICE_INIT("\0"), SLICE_INIT("PROXY UNKNOWN\r\n")};
    for (size_t i = 0; i < ROWS_COUNT(good); i++) {
        for (size_t j = 0; j < ROWS_COUNT(follows); j++) {
            char text[1024];
            struct proxy proxy;
            size_t len = good[i].header.len;
            memcpy(text, good[i].header.ptr, len);
            memcpy(text + len, follows[j].ptr, follows[j].len);
            row_assert_number(good[i].name, parse(slice_of(text, len + follows[j].len), &proxy),
                              PROXY_WHOLE);
            row_assert_number(good[i].name, proxy.len, len);
            check_client(good[i].name, &proxy, good[i].ip, good[i].port);
        }
    }
}

/* Each is bad from its byte `at` on, and before wants more. */
static const struct {
    const char *name;
    struct slice header;
    size_t at;
} bad[] = {
    {"a request", SLICE_INIT("GET / HTTP/1.1\r\n"), 1},
    {"a request that starts alike", SLICE_INIT("PROPFIND / HTTP/1.1\r\n"), 4},
    {"lower case", SLICE_INIT("proxy UNKNOWN\r\n"), 1},
    {"NUL", SLICE_INIT("\0"), 1},
    {"an empty line", SLICE_INIT("\r\nGET / HTTP/1.1\r\n"), 3},
    {"2.1 nothing", SLICE_INIT("PROXY \r\n"), 8},
    {"2.1 a line end at once", SLICE_INIT("PROXY\r\n"), 6},
    {"2.1 LF alone", SLICE_INIT("PROXY UNKNOWN\n"), 14},
    {"2.1 LF behind more", SLICE_INIT("PROXY UNKNOWN x\n"), 16},
    {"2.1 LF behind the start", SLICE_INIT("PROXY \n"), 7},
    {"2.1 an unknown family", SLICE_INIT("PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n"), 36},
    {"2.1 UNKNOWN and more letters", SLICE_INIT("PROXY UNKNOWNS\r\n"), 16},
    {"2.1 no addresses", SLICE_INIT("PROXY TCP4\r\n"), 12},
    {"2.1 no ports", SLICE_INIT("PROXY TCP4 192.0.2.1 192.0.2.2\r\n"), 32},
    {"2.1 one port", SLICE_INIT("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n"), 34},
    {"2.1 three ports", SLICE_INIT("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n"), 38},
    {"2.1 a blank too many", SLICE_INIT("PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n"), 37},
    {"2.1 a blank at the end", SLICE_INIT("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n"), 37},
    {"2.1 a tab", SLICE_INIT("PROXY TCP4\t192.0.2.1 192.0.2.2 1 2\r\n"), 36},
    {"2.1 a bad address", SLICE_INIT("PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n"), 38},
    {"2.1 a bad second address", SLICE_INIT("PROXY TCP4 192.0.2.1 x 1 2\r\n"), 28},
    {"2.1 the other family", SLICE_INIT("PROXY TCP4 ::1 ::2 1 2\r\n"), 24},
    {"2.1 the other family again", SLICE_INIT("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n"), 36},
    {"2.1 both families", SLICE_INIT("PROXY TCP6 ::1 192.0.2.2 1 2\r\n"), 30},
    {"2.1 a port too large", SLICE_INIT("PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n"), 40},
    {"2.1 a port with a zero", SLICE_INIT("PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n"), 37},
    {"2.1 a port with a sign", SLICE_INIT("PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n"), 37},
    {"2.1 a bad second port", SLICE_INIT("PROXY TCP4 192.0.2.1 192.0.2.2 1 x\r\n"), 36},
    {"2.1 a control character", SLICE_INIT("PROXY UNKNOWN \x01\r\n"), 17},
    {"2.1 CR twice", SLICE_INIT("PROXY UNKNOWN\r\r\n"), 16},
    {"2.1 NUL in an address", SLICE_INIT("PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n"), 37},
    {"2.1 too long", SLICE_INIT("PROXY UNKNOWN " BYTES_80 "0123456789abc\r\n"), 107},
    {"2.1 no end", SLICE_INIT("PROXY UNKNOWN " BYTES_80 BYTES_40), 107},
    {"2.2 another signature", SLICE_INIT("\r\n\r\n\0\r\nQUIT\r"), 12},
    {"2.2 version 1", SLICE_INIT(SIGNATURE "\x11\x11\0\x0c" V4_BLOCK), 13},
    {"2.2 version 3", SLICE_INIT(SIGNATURE "\x31\x11\0\x0c" V4_BLOCK), 13},
    {"2.2 an unknown command", SLICE_INIT(SIGNATURE "\x22\x11\0\x0c" V4_BLOCK), 13},
    {"2.2 an unknown family", SLICE_INIT(SIGNATURE "\x21\x41\0\x0c" V4_BLOCK), 28},
    {"2.2 an unknown transport", SLICE_INIT(SIGNATURE "\x21\x13\0\x0c" V4_BLOCK), 28},
    {"2.2 datagrams", SLICE_INIT(SIGNATURE "\x21\x12\0\x0c" V4_BLOCK), 28},
    {"2.2 IPv4 cut short", SLICE_INIT(SIGNATURE "\x21\x11\0\x0b" V4_BLOCK), 27},
    {"2.2 IPv6 cut short", SLICE_INIT(SIGNATURE "\x21\x21\0\x0c" V4_BLOCK), 28},
    {"2.2 no block", SLICE_INIT(SIGNATURE "\x21\x11\0\0"), 16},
    {"2.2 paths cut short", SLICE_INIT(SIGNATURE "\x21\x31\0\x6c" BYTES_108), 124},
    {"2.2 too long", SLICE_INIT(SIGNATURE "\x20\0\x02\x09" BYTES_520 "x"), 16},
    {"2.2 the greatest length", SLICE_INIT(SIGNATURE "\x21\x11\xff\xff" V4_BLOCK), 16},
};

static void test_bad(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(bad); i++) {
        struct proxy proxy;
        for (size_t len = 0; len <= bad[i].header.len; len++)
            row_assert_number(row_at(bad[i].name, len),
                              parse(slice_of(bad[i].header.ptr, len), &proxy),
                              len < bad[i].at ? PROXY_MORE : PROXY_BAD);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_every_prefix_wants_more),
        cmocka_unit_test(test_what_follows_is_left),
        cmocka_unit_test(test_bad),
    };
    return cmocka_run_group_tests_name("proxy", tests, NULL, NULL);
}
