#include "base/ascii.h"

#include "support/row.h"

#include <string.h>

/* Each class is written out here, and compared over all bytes. */
static bool is_one_of(const char *members, int byte) {
    return byte != 0 && strchr(members, byte) != NULL;
}

static void test_classes_over_all_bytes(void **state) {
    (void)state;
    const char *digits = "0123456789";
    const char *lower = "abcdefghijklmnopqrstuvwxyz";
    const char *upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const char *hex = "0123456789abcdef";
    const char *marks = "!#$%&'*+-.^_`|~";
    for (int byte = 0; byte < 256; byte++) {
        const char *name = row_at("byte", (size_t)byte);
        char c = (char)byte;
        bool is_upper = byte < 128 && is_one_of(upper, byte);
        bool is_lower = byte < 128 && is_one_of(lower, byte);
        char folded = is_upper ? lower[strchr(upper, byte) - upper] : c;
        char raised = is_lower ? upper[strchr(lower, byte) - lower] : c;
        const char *hex_at = byte < 128 && byte != 0 ? strchr(hex, folded) : NULL;
        row_assert_number(name, ascii_is_digit(c), byte < 128 && is_one_of(digits, byte));
        row_assert_number(name, ascii_is_alpha(c), is_upper || is_lower);
        row_assert_number(name, ascii_is_blank(c), byte == 32 || byte == 9);
        row_assert_number(name, ascii_is_control(c), byte <= 31 || byte == 127);
        row_assert_number(name, ascii_is_token(c),
                          is_upper || is_lower ||
                              (byte < 128 && (is_one_of(digits, byte) || is_one_of(marks, byte))));
        row_assert_number(name, ascii_lower(c), folded);
        row_assert_number(name, ascii_upper(c), raised);
        row_assert_number(name, ascii_hex_value(c), hex_at != NULL ? hex_at - hex : -1);
    }
}

/* A byte at any place among others that are passed over, with any number of them behind it. */
static void skip_to(unsigned char byte, size_t at, size_t behind, char lowest) {
    char bytes[32];
    size_t len = at + 1 + behind;
    memset(bytes, '~', sizeof bytes);
    bytes[at] = (char)byte;
    bytes[at + 1] = byte % 2 == 0 ? lowest : '\xff';
    bool is_passed = byte >= (unsigned char)lowest && byte <= '~';
    bool is_next_passed = behind == 0 || bytes[at + 1] == lowest;
    size_t end = !is_passed ? at : is_next_passed ? len : at + 1;
    row_assert_number(row_at("byte", byte), ascii_skip(bytes, bytes + len, lowest) - bytes, end);
}

static void test_skip_ends_where_a_byte_at_a_time_would(void **state) {
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t at = 0; at < 18; at++) {
            for (size_t behind = 0; behind < 10; behind++) {
                skip_to((unsigned char)byte, at, behind, '!');
                skip_to((unsigned char)byte, at, behind, ' ');
            }
        }
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes_over_all_bytes),
        cmocka_unit_test(test_skip_ends_where_a_byte_at_a_time_would),
    };
    return cmocka_run_group_tests_name("ascii", tests, NULL, NULL);
}
