#include "store/pax.h"

#include "support/guard.h"
#include "support/row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char long_text[PAX_PATH_MAX + 1];

static int fill(void **state) {
    (void)state;
    memset(long_text, 'a', sizeof long_text);
    return 0;
}

/* The record, read back: what its length says, and what it is. A key of one byte and a value of
 * `value` bytes are 4 bytes without the digits. */
static const struct {
    const char *name;
    size_t value_len;
    size_t len;
} lengths[] = {
    {"empty value", 0, 5},
    {"the last of one digit", 4, 9},
    {"no length is 10", 5, 11},
    {"the last of two digits", 93, 99},
    {"no length is 100", 94, 101},
    {"the last of three digits", 992, 999},
    {"no length is 1000", 993, 1001},
    {"the next one", 994, 1002},
    {"a long path", 4096, 4104},
};

static void test_records_count_their_own_length(void **state) {
    (void)state;
    char memory[sizeof long_text + 16];
    for (size_t i = 0; i < ROWS_COUNT(lengths); i++) {
        struct buf buf = BUF_INIT(memory, sizeof memory);
        char start[16];
        (void)snprintf(start, sizeof start, "%zu k=", lengths[i].len);
        pax_write_record(&buf, SLICE("k"), slice_of(long_text, lengths[i].value_len));
        row_assert_number(lengths[i].name, buf.len, lengths[i].len);
        row_assert(lengths[i].name, slice_starts_with(buf_slice(&buf), slice_of_text(start)));
        row_assert_number(lengths[i].name, memory[buf.len - 1], '\n');
    }
}

static void test_every_record_length(void **state) {
    (void)state;
    char memory[sizeof long_text + 16];
    for (size_t len = 0; len < 4096; len++) {
        struct buf buf = BUF_INIT(memory, sizeof memory);
        pax_write_record(&buf, SLICE("path"), slice_of(long_text, len));
        row_assert_number(row_at("value", len), strtoul(memory, NULL, 10), buf.len);
    }
}

/* Headers */

static unsigned checksum_of(const char *block) {
    unsigned sum = 0;
    for (size_t i = 0; i < PAX_BLOCK_BYTES; i++)
        sum += i >= 148 && i < 156 ? ' ' : (unsigned char)block[i];
    return sum;
}

/* Fails unless it is a block that POSIX allows. */
static void check_block(const char *row, const char *block) {
    row_assert_slice(row, slice_of(block + 257, 8), SLICE("ustar\00000"));
    row_assert_number(row, strtoul(block + 148, NULL, 8), checksum_of(block));
    row_assert_slice(row, slice_of(block + 154, 2), SLICE("\0 "));
    row_assert_slice(row, slice_of(block + 108, 16),
                     SLICE("0000000\0"
                           "0000000\0")); /* uid, gid */
    for (size_t i = 265; i < 329; i++)
        row_assert_number(row, block[i], '\0'); /* names of users */
    for (size_t i = 157; i < 257; i++)
        row_assert_number(row, block[i], '\0'); /* target of a link */
}

static const struct {
    const char *name;
    struct pax_member member;
    const char *field_name;
    const char *mode;
    const char *size;
    const char *mtime;
    const char *records; /* NULL: no extended header */
} headers[] = {
    {"file",
     {SLICE_INIT("dir/file"), false, 0644, 5, 1000000000, 0},
     "dir/file",
     "0000644",
     "00000000005",
     "07346545000",
     NULL},
    {"directory",
     {SLICE_INIT("dir/"), true, 0755, 0, 0, 0},
     "dir/",
     "0000755",
     "00000000000",
     "00000000000",
     NULL},
    {"nanoseconds",
     {SLICE_INIT("f"), false, 0600, 0, 1, 1},
     "f",
     "0000600",
     "00000000000",
     "00000000001",
     "21 mtime=1.000000001\n"},
    {"tenths",
     {SLICE_INIT("f"), false, 0600, 0, 1, 500000000},
     "f",
     "0000600",
     "00000000000",
     "00000000001",
     "21 mtime=1.500000000\n"},
    {"a second before the epoch",
     {SLICE_INIT("f"), false, 0, 0, -1, 0},
     "f",
     "0000000",
     "00000000000",
     "00000000000",
     "12 mtime=-1\n"},
    {"half a second before the epoch",
     {SLICE_INIT("f"), false, 0, 0, -1, 500000000},
     "f",
     "0000000",
     "00000000000",
     "00000000000",
     "22 mtime=-0.500000000\n"},
    {"almost two seconds before the epoch",
     {SLICE_INIT("f"), false, 0, 0, -2, 1},
     "f",
     "0000000",
     "00000000000",
     "00000000000",
     "22 mtime=-1.999999999\n"},
    {"the first time there is",
     {SLICE_INIT("f"), false, 0, 0, INT64_MIN, 0},
     "f",
     "0000000",
     "00000000000",
     "00000000000",
     "30 mtime=-9223372036854775808\n"},
    {"the last time of a field",
     {SLICE_INIT("f"), false, 0, 0, 8589934591, 0},
     "f",
     "0000000",
     "00000000000",
     "77777777777",
     NULL},
    {"a second later",
     {SLICE_INIT("f"), false, 0, 0, 8589934592, 0},
     "f",
     "0000000",
     "00000000000",
     "77777777777",
     "20 mtime=8589934592\n"},
    {"the largest size of a field",
     {SLICE_INIT("f"), false, 0, 8589934591, 0, 0},
     "f",
     "0000000",
     "77777777777",
     "00000000000",
     NULL},
    {"8 GiB",
     {SLICE_INIT("f"), false, 0, 8589934592, 0, 0},
     "f",
     "0000000",
     "77777777777",
     "00000000000",
     "19 size=8589934592\n"},
    {"the largest size",
     {SLICE_INIT("f"), false, 0, INT64_MAX, 0, 0},
     "f",
     "0000000",
     "77777777777",
     "00000000000",
     "28 size=9223372036854775807\n"},
    {"UTF-8",
     {SLICE_INIT("\xc3\xa9"), false, 0, 0, 0, 0},
     "\xc3\xa9",
     "0000000",
     "00000000000",
     "00000000000",
     "11 path=\xc3\xa9\n"},
    {"Latin-1",
     {SLICE_INIT("\xe9"), false, 0, 0, 0, 0},
     "\xe9",
     "0000000",
     "00000000000",
     "00000000000",
     "21 hdrcharset=BINARY\n9 path=\xe9\n"},
    {"newline and equals sign",
     {SLICE_INIT("a\nb=c"), false, 0, 0, 0, 0},
     "a\nb=c",
     "0000000",
     "00000000000",
     "00000000000",
     NULL},
    {"all records",
     {SLICE_INIT("\xff/"), true, 07, 8589934592, 0, 999999999},
     "\xff/",
     "0000007",
     "77777777777",
     "00000000000",
     "21 hdrcharset=BINARY\n11 path=\xff/\n19 size=8589934592\n21 mtime=0.999999999\n"},
};

static void test_headers(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(headers); i++) {
        const char *row = headers[i].name;
        char memory[PAX_HEADER_MAX];
        struct buf buf = BUF_INIT(memory, sizeof memory);
        const char *block = memory;
        pax_write_header(&buf, &headers[i].member);
        if (headers[i].records != NULL) {
            size_t len = strlen(headers[i].records);
            check_block(row, memory);
            row_assert_number(row, memory[156], 'x');
            row_assert_number(row, strtoul(memory + 124, NULL, 8), len);
            row_assert_slice(row, slice_of(memory + 512, len), slice_of_text(headers[i].records));
            for (size_t at = 512 + len; at < 1024; at++)
                row_assert_number(row, memory[at], '\0');
            block += 1024;
        }
        row_assert_number(row, memory + buf.len - block, 512);
        check_block(row, block);
        row_assert_slice(row, slice_of_text(block), slice_of_text(headers[i].field_name));
        row_assert_slice(row, slice_of_text(block + 100), slice_of_text(headers[i].mode));
        row_assert_slice(row, slice_of_text(block + 124), slice_of_text(headers[i].size));
        row_assert_slice(row, slice_of_text(block + 136), slice_of_text(headers[i].mtime));
        row_assert_number(row, block[156], headers[i].member.is_directory ? '5' : '0');
        row_assert_number(row, block[345], '\0'); /* prefix */
    }
}

/* A path of `before` bytes, a slash, `after` bytes, and perhaps one more slash. */
static const struct {
    const char *name;
    size_t before; /* 0: no slash */
    size_t after;
    bool is_directory;
    size_t prefix; /* bytes */
    bool extended;
} splits[] = {
    {"100 bytes", 0, 100, false, 0, false},
    {"101 bytes", 0, 101, false, 0, true},
    {"a directory of 99 bytes", 0, 99, true, 0, false},
    {"a directory of 100 bytes", 0, 100, true, 0, true},
    {"100 bytes with a slash", 49, 50, false, 0, false},
    {"101 bytes with a slash", 50, 50, false, 50, false},
    {"a name of 100", 155, 100, false, 155, false},
    {"a name of 101", 155, 101, false, 0, true},
    {"a prefix of 156", 156, 100, false, 0, true},
    {"a prefix of 156, a short name", 156, 1, false, 0, true},
    {"the longest prefix, a short name", 155, 1, false, 155, false},
    {"a directory, 155 and 99", 155, 99, true, 155, false},
    {"a directory, 155 and 100", 155, 100, true, 0, true},
    {"a short prefix", 1, 100, false, 1, false},
    {"a slash in byte 100", 99, 200, false, 0, true},
};

static size_t make_path(size_t i, char *path) {
    size_t len = 0;
    if (splits[i].before > 0) {
        memset(path, 'p', splits[i].before);
        path[splits[i].before] = '/';
        len = splits[i].before + 1;
    }
    memset(path + len, 'n', splits[i].after);
    len += splits[i].after;
    if (splits[i].is_directory)
        path[len++] = '/';
    return len;
}

static void test_splits(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(splits); i++) {
        const char *row = splits[i].name;
        char path[512];
        char memory[PAX_HEADER_MAX];
        char joined[512];
        size_t len = make_path(i, path);
        struct buf buf = BUF_INIT(memory, sizeof memory);
        struct pax_member member = {slice_of(path, len), splits[i].is_directory, 0644, 0, 0, 0};
        pax_write_header(&buf, &member);
        row_assert_number(row, buf.len > 512, splits[i].extended);
        const char *block = memory + buf.len - 512;
        row_assert_number(row, strnlen(block + 345, 155), splits[i].prefix);
        if (splits[i].extended) {
            row_assert_slice(row, slice_of(block, 100), slice_of(path, 100));
            continue;
        }
        (void)snprintf(joined, sizeof joined, "%.155s%s%.100s", block + 345,
                       splits[i].prefix > 0 ? "/" : "", block);
        row_assert_slice(row, slice_of_text(joined), slice_of(path, len));
    }
}

/* Which paths are UTF-8: those that need no hdrcharset. */
static const struct {
    const char *name;
    struct slice path;
    bool is_utf8;
} paths[] = {
    {"two bytes, first", SLICE_INIT("\xc2\x80"), true},
    {"two bytes, last", SLICE_INIT("\xdf\xbf"), true},
    {"two bytes, too long", SLICE_INIT("\xc1\xbf"), false},
    {"three bytes, first", SLICE_INIT("\xe0\xa0\x80"), true},
    {"three bytes, too long", SLICE_INIT("\xe0\x9f\xbf"), false},
    {"before the surrogates", SLICE_INIT("\xed\x9f\xbf"), true},
    {"a surrogate", SLICE_INIT("\xed\xa0\x80"), false},
    {"behind the surrogates", SLICE_INIT("\xee\x80\x80"), true},
    {"four bytes, first", SLICE_INIT("\xf0\x90\x80\x80"), true},
    {"four bytes, too long", SLICE_INIT("\xf0\x8f\xbf\xbf"), false},
    {"the last character", SLICE_INIT("\xf4\x8f\xbf\xbf"), true},
    {"beyond Unicode", SLICE_INIT("\xf4\x90\x80\x80"), false},
    {"five bytes", SLICE_INIT("\xf8\x88\x80\x80\x80"), false},
    {"0xff", SLICE_INIT("\xff"), false},
    {"continuation alone", SLICE_INIT("\x80"), false},
    {"cut after one", SLICE_INIT("\xc3"), false},
    {"cut after two", SLICE_INIT("\xe2\x82"), false},
    {"cut after three", SLICE_INIT("\xf0\x9f\x98"), false},
    {"bad third byte", SLICE_INIT("\xe2\x82\x41"), false},
    {"bad fourth byte", SLICE_INIT("\xf0\x9f\x98\xc0"), false},
    {"good, then bad", SLICE_INIT("\xc3\xa9\xe9"), false},
    {"bad, then good", SLICE_INIT("\xe9-\xc3\xa9"), false},
};

static void test_utf8(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(paths); i++) {
        char memory[PAX_HEADER_MAX];
        struct buf buf = BUF_INIT(memory, sizeof memory);
        char *path = guard_copy(paths[i].path);
        struct pax_member member = {slice_of(path, paths[i].path.len), false, 0, 0, 0, 0};
        pax_write_header(&buf, &member);
        row_assert_number(paths[i].name, buf.len, 1536);
        row_assert_number(paths[i].name,
                          memmem(memory, buf.len, "hdrcharset", strlen("hdrcharset")) == NULL,
                          paths[i].is_utf8);
        guard_free(path, paths[i].path.len);
    }
}

/* The largest header fits into its bound; what is above is an overflow. */
static void test_bounds(void **state) {
    (void)state;
    char memory[PAX_HEADER_MAX];
    struct pax_member member = {
        slice_of(long_text, PAX_PATH_MAX), false, 0777, INT64_MAX, INT64_MIN, 999999999};
    struct buf buf = BUF_INIT(memory, sizeof memory);
    long_text[0] = '\xff';
    pax_write_header(&buf, &member);
    long_text[0] = 'a';
    assert_false(buf.overflow);
    assert_int_equal(buf.len % PAX_BLOCK_BYTES, 0);
    struct buf narrow = BUF_INIT(memory, buf.len - 1);
    pax_write_header(&narrow, &member);
    assert_true(narrow.overflow);
}

static void test_padded(void **state) {
    (void)state;
    static const uint64_t rows[][2] = {{0, 0},     {1, 512},    {511, 512},
                                       {512, 512}, {513, 1024}, {9663676416 + 1, 9663676416 + 512}};
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        row_assert_number(row_at("padded", i), pax_padded(rows[i][0]), rows[i][1]);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_count_their_own_length),
        cmocka_unit_test(test_every_record_length),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_padded),
    };
    return cmocka_run_group_tests_name("pax", tests, fill, NULL);
}
