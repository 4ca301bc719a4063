#include "http/sniff.h"

#include "support/guard.h"
#include "support/row.h"

#include <string.h>

static void assert_text(const char *row, struct slice sample, bool is_text) {
    char *copy = guard_copy(sample);
    row_assert_slice(row, sniff_type(slice_of(copy, sample.len)),
                     is_text ? SLICE("text/plain; charset=utf-8")
                             : SLICE("application/octet-stream"));
    guard_free(copy, sample.len);
}

static const struct {
    const char *name;
    struct slice sample;
    bool is_text;
} rows[] = {
    {"empty", SLICE_INIT(""), true},
    {"words", SLICE_INIT("all: build\n\tmake -C src\r\n"), true},
    {"a page is text", SLICE_INIT("<!DOCTYPE html><script>alert(1)</script>"), true},
    {"a script is text", SLICE_INIT("#!/bin/sh\nexit 0\n"), true},
    {"form feed and escape", SLICE_INIT("\f\x1b[1mbold\x1b[0m"), true},
    {"DEL", SLICE_INIT("a\x7f"), true},
    {"two bytes", SLICE_INIT("caf\xc3\xa9"), true},
    {"three bytes", SLICE_INIT("\xe2\x82\xac"), true},
    {"four bytes", SLICE_INIT("\xf0\x9f\x99\x82"), true},
    {"a byte order mark", SLICE_INIT("\xef\xbb\xbftext"), true},
    {"the first of two bytes", SLICE_INIT("\xc2\x80"), true},
    {"the last of two bytes", SLICE_INIT("\xdf\xbf"), true},
    {"the first of three bytes", SLICE_INIT("\xe0\xa0\x80"), true},
    {"before the surrogates", SLICE_INIT("\xed\x9f\xbf"), true},
    {"behind the surrogates", SLICE_INIT("\xee\x80\x80"), true},
    {"the last of three bytes", SLICE_INIT("\xef\xbf\xbf"), true},
    {"the first of four bytes", SLICE_INIT("\xf0\x90\x80\x80"), true},
    {"the last of all", SLICE_INIT("\xf4\x8f\xbf\xbf"), true},
    {"NUL", SLICE_INIT("a\0b"), false},
    {"ELF",
     SLICE_INIT("\x7f"
                "ELF\x02\x01\x01"),
     false},
    {"gzip", SLICE_INIT("\x1f\x8b\x08"), false},
    {"PNG", SLICE_INIT("\x89PNG\r\n\x1a\n"), false},
    {"Latin 1", SLICE_INIT("caf\xe9 noir"), false},
    {"UTF-16",
     SLICE_INIT("\xff\xfe"
                "a\0b\0"),
     false},
    {"UTF-16, no mark", SLICE_INIT("a\0b\0"), false},
    {"a byte from the middle", SLICE_INIT("a\x80z"), false},
    {"overlong, two bytes", SLICE_INIT("\xc0\xaf"), false},
    {"overlong, two bytes, the last", SLICE_INIT("\xc1\xbf"), false},
    {"overlong, three bytes", SLICE_INIT("\xe0\x9f\xbf"), false},
    {"overlong, four bytes", SLICE_INIT("\xf0\x8f\xbf\xbf"), false},
    {"the first surrogate", SLICE_INIT("\xed\xa0\x80"), false},
    {"the last surrogate", SLICE_INIT("\xed\xbf\xbf"), false},
    {"behind the last of all", SLICE_INIT("\xf4\x90\x80\x80"), false},
    {"a first byte that there is not", SLICE_INIT("\xf5\x80\x80\x80"), false},
    {"0xff", SLICE_INIT("\xff"), false},
    {"the second byte is ASCII", SLICE_INIT("\xc3("), false},
    {"the third byte is ASCII", SLICE_INIT("\xe2\x82("), false},
    {"the third byte is a first one", SLICE_INIT("\xe2\x82\xc3\xa9"), false},
    {"the fourth byte is ASCII", SLICE_INIT("\xf0\x9f\x99("), false},
    {"ends within two bytes", SLICE_INIT("caf\xc3"), false},
    {"ends within three bytes", SLICE_INIT("\xe2\x82"), false},
    {"ends within four bytes", SLICE_INIT("\xf0\x9f\x99"), false},
};

static void test_samples(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        assert_text(rows[i].name, rows[i].sample, rows[i].is_text);
}

/* The binary data bytes of the WHATWG's MIME Sniffing, §3; above ASCII, no byte stands alone. */
static void test_every_byte_alone(void **state) {
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        const char c = (char)byte;
        bool binary = byte <= 0x08 || byte == 0x0b || (byte >= 0x0e && byte <= 0x1a) ||
                      (byte >= 0x1c && byte <= 0x1f);
        assert_text(row_at("byte", byte), slice_of(&c, 1), !binary && byte < 0x80);
    }
}

/* A sample that is not all there is may end within a character, if it is well-formed so far. */
static void test_a_sample_that_is_cut(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice end;
        bool is_text;
    } ends[] = {
        {"one of two bytes", SLICE_INIT("\xc3"), true},
        {"two of three bytes", SLICE_INIT("\xe2\x82"), true},
        {"one of four bytes", SLICE_INIT("\xf0"), true},
        {"three of four bytes", SLICE_INIT("\xf0\x9f\x99"), true},
        {"a whole one", SLICE_INIT("\xc3\xa9"), true},
        {"the start of none", SLICE_INIT("\xff"), false},
        {"the start of an overlong one", SLICE_INIT("\xe0\x9f"), false},
        {"the start of a surrogate", SLICE_INIT("\xed\xa0"), false},
        {"a byte from the middle", SLICE_INIT("\x80"), false},
        {"NUL", SLICE_INIT("\0"), false},
    };
    char sample[SNIFF_BYTES];
    for (size_t i = 0; i < ROWS_COUNT(ends); i++) {
        size_t at = sizeof sample - ends[i].end.len;
        memset(sample, 'a', at);
        memcpy(sample + at, ends[i].end.ptr, ends[i].end.len);
        assert_text(ends[i].name, slice_of(sample, sizeof sample), ends[i].is_text);
        /* A byte less, and it is all there is. */
        assert_text(ends[i].name, slice_of(sample + 1, sizeof sample - 1),
                    ends[i].is_text && ends[i].end.len == 2 && ends[i].end.ptr[0] == '\xc3');
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_every_byte_alone),
        cmocka_unit_test(test_a_sample_that_is_cut),
    };
    return cmocka_run_group_tests_name("sniff", tests, NULL, NULL);
}
