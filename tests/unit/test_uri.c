#include "http/uri.h"

#include "support/row.h"

static void test_rfc3986_2_1_escapes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int byte;
    } rows[] = {
        {"%41", 0x41}, {"%00", 0}, {"%ff", 0xff}, {"%Fa2", 0xfa}, {"%4", -1},   {"%", -1},
        {"", -1},      {"41", -1}, {"%4g", -1},   {"%g4", -1},    {"a%41", -1}, {"% 1", -1},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        row_assert_number(rows[i].text, uri_escaped_byte(slice_of_text(rows[i].text)),
                          rows[i].byte);
}

/* Each byte, alone. */
static void test_rfc3986_2_3_what_stays(void **state) {
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        const char *name = row_at("byte", byte);
        const char c = (char)byte;
        bool stays = byte != 0 && strchr(unreserved, c) != NULL;
        char memory[3];
        struct buf buf = BUF_INIT(memory, sizeof memory);
        uri_write_encoded(&buf, slice_of(&c, 1), uri_is_unreserved_char);
        row_assert_number(name, buf.len, stays ? 1 : 3);
        row_assert(name, stays ? memory[0] == c : uri_escaped_byte(buf_slice(&buf)) == (int)byte);
        row_assert(name, !buf.overflow);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc3986_2_1_escapes),
        cmocka_unit_test(test_rfc3986_2_3_what_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
