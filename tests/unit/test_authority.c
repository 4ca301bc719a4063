#include "http/authority.h"

#include "support/guard.h"
#include "support/row.h"

#include <string.h>

static const struct {
    const char *name;
    struct slice text;
    bool valid;
} rows[] = {
    {"a name", SLICE_INIT("example.com"), true},
    {"a name and a port", SLICE_INIT("example.com:8080"), true},
    {"rfc3986-3.2.3 an empty port", SLICE_INIT("example.com:"), true},
    {"an IPv4 address", SLICE_INIT("127.0.0.1:80"), true},
    {"rfc9112-3.2 nothing", SLICE_INIT(""), true},
    {"rfc3986-3.2.2 an empty name and a port", SLICE_INIT(":80"), true},
    {"rfc3986-3.2.2 unreserved and sub-delims", SLICE_INIT("a-Z0._~!$&'()*+,;="), true},
    {"rfc3986-2.1 escapes of either case", SLICE_INIT("%c3%A9.example"), true},
    {"an escape at the end", SLICE_INIT("a%20"), true},
    {"an IPv4 address of too large numbers is a name", SLICE_INIT("999.999.999.999"), true},

    {"rfc3986-3.2.2 an IPv6 address", SLICE_INIT("[2001:db8::1]"), true},
    {"an IPv6 address and a port", SLICE_INIT("[::1]:8080"), true},
    {"an IPv6 address and an empty port", SLICE_INIT("[::1]:"), true},
    {"the unspecified address", SLICE_INIT("[::]"), true},
    {"all eight groups", SLICE_INIT("[1:2:3:4:5:6:7:8]"), true},
    {"an IPv4 address at its end", SLICE_INIT("[::ffff:192.0.2.1]"), true},
    {"letters of either case", SLICE_INIT("[ABCD:ef01::]"), true},
    {"rfc3986-3.2.2 IPvFuture", SLICE_INIT("[v1.a:b]"), true},
    {"IPvFuture, upper case", SLICE_INIT("[VF1.~!$&'()*+,;=]"), true},

    {"rfc9110-4.2.4 user information", SLICE_INIT("user@example.com"), false},
    {"user and password", SLICE_INIT("user:1@example.com"), false},
    {"white space", SLICE_INIT("exa mple.com"), false},
    {"HTAB", SLICE_INIT("exa\tmple.com"), false},
    {"a list", SLICE_INIT("a, b"), false},
    {"a path", SLICE_INIT("example.com/"), false},
    {"a query", SLICE_INIT("example.com?"), false},
    {"a fragment", SLICE_INIT("example.com#"), false},
    {"a backslash", SLICE_INIT("example.com\\"), false},
    {"a quote", SLICE_INIT("\"example.com\""), false},
    {"letters beyond ASCII", SLICE_INIT("caf\xc3\xa9.example"), false},
    {"NUL", SLICE_INIT("a\0b"), false},
    {"a scheme", SLICE_INIT("http://example.com"), false},
    {"two ports", SLICE_INIT("a:80:80"), false},
    {"a port that is no number", SLICE_INIT("a:http"), false},
    {"a port with a sign", SLICE_INIT("a:+80"), false},
    {"a port with white space", SLICE_INIT("a: 80"), false},
    {"a port with a letter behind", SLICE_INIT("a:80x"), false},
    {"an escape of no digits", SLICE_INIT("a%zz"), false},
    {"an escape with a bad second digit", SLICE_INIT("a%2x"), false},
    {"an escape cut short", SLICE_INIT("a%2"), false},
    {"a percent sign at the end", SLICE_INIT("a%"), false},

    {"an IPv6 address without brackets", SLICE_INIT("::1"), false},
    {"an opening bracket only", SLICE_INIT("[::1"), false},
    {"a bracket only", SLICE_INIT("["), false},
    {"a closing bracket only", SLICE_INIT("::1]"), false},
    {"empty brackets", SLICE_INIT("[]"), false},
    {"something behind the bracket", SLICE_INIT("[::1]x"), false},
    {"something before the bracket", SLICE_INIT("x[::1]"), false},
    {"rfc6874 a zone", SLICE_INIT("[fe80::1%25eth0]"), false},
    {"nested brackets", SLICE_INIT("[[::1]]"), false},
    {"a name in brackets", SLICE_INIT("[example.com]"), false},
    {"an IPv4 address in brackets", SLICE_INIT("[127.0.0.1]"), false},
    {"no hexadecimal digit", SLICE_INIT("[::g]"), false},
    {"five digits in a group", SLICE_INIT("[::12345]"), false},
    {"seven groups", SLICE_INIT("[1:2:3:4:5:6:7]"), false},
    {"nine groups", SLICE_INIT("[1:2:3:4:5:6:7:8:9]"), false},
    {"two gaps", SLICE_INIT("[1::2::3]"), false},
    {"three colons", SLICE_INIT("[:::]"), false},
    {"one colon at the start", SLICE_INIT("[:1::2]"), false},
    {"one colon at the end", SLICE_INIT("[1::2:]"), false},
    {"an IPv4 address in the middle", SLICE_INIT("[::192.0.2.1:1]"), false},
    {"a number too large in the IPv4 address", SLICE_INIT("[::192.0.2.256]"), false},
    {"longer than any IPv6 address",
     SLICE_INIT("[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]"), false},
    {"just longer than any IPv6 address",
     SLICE_INIT("[0000:0000:0000:0000:0000:0000:255.255.255.2555]"), false},
    {"NUL in brackets", SLICE_INIT("[::1\0]"), false},
    {"IPvFuture without a version", SLICE_INIT("[v.a]"), false},
    {"IPvFuture without a dot", SLICE_INIT("[v1]"), false},
    {"IPvFuture without an address", SLICE_INIT("[v1.]"), false},
    {"IPvFuture, not hexadecimal", SLICE_INIT("[vg.a]"), false},
    {"IPvFuture with an escape", SLICE_INIT("[v1.%41]"), false},
};

static void test_rfc9112_3_2_authority(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char *copy = guard_copy(rows[i].text);
        row_assert_number(rows[i].name, authority_is_valid(slice_of(copy, rows[i].text.len)),
                          rows[i].valid);
        guard_free(copy, rows[i].text.len);
    }
}

/* Every byte in the middle of a name, against the grammar written out. */
static void test_rfc3986_3_2_2_name_chars(void **state) {
    (void)state;
    const char *valid = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
                        "!$&'()*+,;=";
    for (int byte = 0; byte < 256; byte++) {
        char text[] = {'a', (char)byte, 'b'};
        row_assert_number(row_at("byte", (size_t)byte),
                          authority_is_valid(slice_of(text, sizeof text)),
                          byte != 0 && byte < 128 && strchr(valid, byte) != NULL);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc9112_3_2_authority),
        cmocka_unit_test(test_rfc3986_3_2_2_name_chars),
    };
    return cmocka_run_group_tests_name("authority", tests, NULL, NULL);
}
