#include "http/etag.h"

#include "support/guard.h"
#include "support/row.h"

#include <string.h>

static void test_write(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int64_t mtime_ns;
        uint64_t size_bytes;
        uint64_t inode;
        struct slice coding;
        struct slice text;
    } rows[] = {
        {"zeros", 0, 0, 0, {NULL, 0}, SLICE_INIT("\"0-0-0\"")},
        {"small", 0x12ab, 10, 255, {NULL, 0}, SLICE_INIT("\"12ab-a-ff\"")},
        {"before 1970", -1, 1, 2, {NULL, 0}, SLICE_INIT("\"ffffffffffffffff-1-2\"")},
        {"a coding", 1, 2, 3, SLICE_INIT("br"), SLICE_INIT("\"1-2-3-br\"")},
        {"the longest", -1, UINT64_MAX, UINT64_MAX, SLICE_INIT("zstd"),
         SLICE_INIT("\"ffffffffffffffff-ffffffffffffffff-ffffffffffffffff-zstd\"")},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char *room = guard_room(ETAG_MAX);
        struct buf buf = BUF_INIT(room, ETAG_MAX);
        etag_write(&buf, rows[i].mtime_ns, rows[i].size_bytes, rows[i].inode, rows[i].coding);
        row_assert_slice(rows[i].name, buf_slice(&buf), rows[i].text);
        row_assert(rows[i].name, !buf.overflow);
        guard_free(room, ETAG_MAX);
    }
}

/* etagc = %x21 / %x23-7E / obs-text */
static void test_rfc9110_8_8_3_written_is_an_entity_tag(void **state) {
    (void)state;
    for (uint64_t value = 1; value < UINT64_MAX / 3; value *= 3) {
        char memory[ETAG_MAX];
        struct buf buf = BUF_INIT(memory, sizeof memory);
        etag_write(&buf, (int64_t)value, value + 1, value + 2, SLICE_NONE);
        const struct slice text = buf_slice(&buf);
        row_assert("quotes", text.len > 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"');
        for (size_t i = 1; i < text.len - 1; i++)
            row_assert(row_at("etagc", i), text.ptr[i] > 0x20 && text.ptr[i] != '"');
        row_assert("matches itself", etag_list_matches(text, text, ETAG_STRONG));
    }
}

/* A change of any one of the three is another tag. */
static void test_tells_files_apart(void **state) {
    (void)state;
    static const uint64_t parts[][3] = {
        {1, 2, 3}, {2, 2, 3},    {1, 3, 3},    {1, 2, 4},
        {1, 3, 2}, {0x12, 3, 4}, {1, 0x23, 4}, {1, 2, 0x34},
    };
    char memory[ROWS_COUNT(parts)][ETAG_MAX];
    struct buf bufs[ROWS_COUNT(parts)];
    for (size_t i = 0; i < ROWS_COUNT(parts); i++) {
        bufs[i] = (struct buf)BUF_INIT(memory[i], ETAG_MAX);
        etag_write(&bufs[i], (int64_t)parts[i][0], parts[i][1], parts[i][2], SLICE_NONE);
        for (size_t j = 0; j < i; j++)
            row_assert(row_at("pair", i * 10 + j),
                       !slice_equal(buf_slice(&bufs[i]), buf_slice(&bufs[j])));
    }
}

/* Each row with the strong and with the weak comparison. */
static void test_rfc9110_8_8_3_2_lists(void **state) {
    (void)state;
    static const struct slice etag = SLICE_INIT("\"a\"");
    static const struct {
        const char *name;
        struct slice list;
        bool strong;
        bool weak;
    } rows[] = {
        {"the same", SLICE_INIT("\"a\""), true, true},
        {"the same, weak", SLICE_INIT("W/\"a\""), false, true},
        {"another", SLICE_INIT("\"b\""), false, false},
        {"another, weak", SLICE_INIT("W/\"b\""), false, false},
        {"other case", SLICE_INIT("\"A\""), false, false},
        {"longer", SLICE_INIT("\"ab\""), false, false},
        {"empty tag", SLICE_INIT("\"\""), false, false},
        {"anything", SLICE_INIT("*"), true, true},
        {"anything, with white space", SLICE_INIT(" *\t"), true, true},
        {"first of a list", SLICE_INIT("\"a\", \"b\""), true, true},
        {"last of a list", SLICE_INIT("\"b\", \"c\",\"a\""), true, true},
        {"weak in a list", SLICE_INIT("\"b\", W/\"a\", \"c\""), false, true},
        {"weak and strong in a list", SLICE_INIT("W/\"a\", \"a\""), true, true},
        {"not in a list", SLICE_INIT("\"b\", \"c\""), false, false},
        {"rfc9110-5.6.1.2 empty elements", SLICE_INIT(", ,\"b\",,\"a\","), true, true},
        {"in a tag with commas", SLICE_INIT("\"b,\"a\",c\""), false, false},
        {"behind a tag with a comma", SLICE_INIT("\"b, c\", \"a\""), true, true},
        {"rfc9110-8.8.3 behind a tag with a backslash", SLICE_INIT("\"b\\\", \"a\""), true, true},
        {"behind a weak tag with a backslash", SLICE_INIT("W/\"\\\\\\\", \"a\""), true, true},
        {"w/ is not W/", SLICE_INIT("w/\"a\""), false, false},
        {"white space behind W/", SLICE_INIT("W/ \"a\""), false, false},
        {"W/ twice", SLICE_INIT("W/W/\"a\""), false, false},
        {"no quotes", SLICE_INIT("a"), false, false},
        {"no closing quote", SLICE_INIT("\"a"), false, false},
        {"no opening quote", SLICE_INIT("a\""), false, false},
        {"something behind it", SLICE_INIT("\"a\"b"), false, false},
        {"something before it", SLICE_INIT("b\"a\""), false, false},
        {"a parameter", SLICE_INIT("\"a\";q=1"), false, false},
        {"a valid one behind one that is none", SLICE_INIT("b, \"a\""), true, true},
        {"a star in a tag", SLICE_INIT("\"*\""), false, false},
        {"a weak star", SLICE_INIT("W/*"), false, false},
        {"empty", SLICE_INIT(""), false, false},
        {"only W/", SLICE_INIT("W/"), false, false},
        {"only W", SLICE_INIT("W"), false, false},
        {"only white space", SLICE_INIT(" \t"), false, false},
        {"only commas", SLICE_INIT(",,"), false, false},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char *copy = guard_copy(rows[i].list);
        const struct slice list = slice_of(copy, rows[i].list.len);
        row_assert_number(rows[i].name, etag_list_matches(list, etag, ETAG_STRONG), rows[i].strong);
        row_assert_number(rows[i].name, etag_list_matches(list, etag, ETAG_WEAK), rows[i].weak);
        guard_free(copy, rows[i].list.len);
    }
}

/* A representation without a tag is matched by "*" only. */
static void test_no_etag(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice list;
        bool matches;
    } rows[] = {
        {"anything", SLICE_INIT("*"), true},
        {"a tag", SLICE_INIT("\"a\""), false},
        {"an empty tag", SLICE_INIT("\"\""), false},
        {"only W/", SLICE_INIT("W/"), false},
        {"W/ in a list", SLICE_INIT("\"a\", W/, \"b\""), false},
        {"empty", SLICE_INIT(""), false},
        {"only commas", SLICE_INIT(",,"), false},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        row_assert_number(rows[i].name, etag_list_matches(rows[i].list, SLICE_NONE, ETAG_STRONG),
                          rows[i].matches);
        row_assert_number(rows[i].name, etag_list_matches(rows[i].list, SLICE_NONE, ETAG_WEAK),
                          rows[i].matches);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_rfc9110_8_8_3_written_is_an_entity_tag),
        cmocka_unit_test(test_tells_files_apart),
        cmocka_unit_test(test_rfc9110_8_8_3_2_lists),
        cmocka_unit_test(test_no_etag),
    };
    return cmocka_run_group_tests_name("etag", tests, NULL, NULL);
}
