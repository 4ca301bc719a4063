#include "http/rules.h"

#include "support/guard.h"
#include "support/row.h"

#include <stdlib.h>

/* The lines of a text, each with its number and a bar behind it, and so its faults. */
static void read_all(struct slice text, struct buf *lines, struct buf *mistakes) {
    struct rules_fault items[8];
    struct rules_faults faults = RULES_FAULTS_INIT(items, ROWS_COUNT(items));
    struct rules_reader reader;
    struct slice line;
    rules_start(&reader, text, &faults);
    while (rules_next(&reader, &line)) {
        buf_put_number(lines, reader.line);
        buf_put(lines, line);
        buf_put_char(lines, '|');
    }
    for (size_t i = 0; i < faults.count; i++) {
        rules_fault_write(mistakes, &items[i]);
        buf_put_char(mistakes, '|');
    }
}

#define CONTROL_TEXT                                                                             \
    ": the line holds a control character: write plain text, and in a path its escape, such as " \
    "%09|"

static void test_lines(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice text;
        const char *lines;
        const char *mistakes;
    } rows[] = {
        {"nothing", SLICE_INIT(""), "", ""},
        {"a line end", SLICE_INIT("\n"), "", ""},
        {"a line", SLICE_INIT("a\n"), "1a|", ""},
        {"no line end behind the last line", SLICE_INIT("a\nb"), "1a|2b|", ""},
        {"CRLF", SLICE_INIT("a\r\n\r\nb\r\n"), "1a|3b|", ""},
        {"CRLF and LF", SLICE_INIT("a\r\nb\n"), "1a|2b|", ""},
        {"CR at the very end", SLICE_INIT("a\r"), "1a|", ""},
        {"CR within a line", SLICE_INIT("a\rb\nc"), "2c|", "line 1" CONTROL_TEXT},
        {"two CRs", SLICE_INIT("a\r\r\nc"), "2c|", "line 1" CONTROL_TEXT},
        {"blank lines count", SLICE_INIT("\n \n\t\na"), "4a|", ""},
        {"comments count", SLICE_INIT("#x\n  # y\na"), "3a|", ""},
        {"a # behind text", SLICE_INIT("a #b"), "1a #b|", ""},
        {"blanks at the start stay", SLICE_INIT(" \ta b"), "1 \ta b|", ""},
        {"blanks at the end go", SLICE_INIT("a \t\r\n"), "1a|", ""},
        {"a byte order mark", SLICE_INIT("\xef\xbb\xbf/a"), "1/a|", ""},
        {"a byte order mark alone", SLICE_INIT("\xef\xbb\xbf"), "", ""},
        {"half a byte order mark", SLICE_INIT("\xef\xbb"), "1\xef\xbb|", ""},
        {"a byte order mark elsewhere", SLICE_INIT("a\n\xef\xbb\xbf"), "1a|2\xef\xbb\xbf|", ""},
        {"NUL", SLICE_INIT("a\n\0b\nc"), "1a|3c|", "line 2" CONTROL_TEXT},
        {"DEL", SLICE_INIT("a\x7f"), "", "line 1" CONTROL_TEXT},
        {"a control character in a comment", SLICE_INIT("#\x1b"), "", "line 1" CONTROL_TEXT},
        {"every fault", SLICE_INIT("\1\n\2\n"), "", "line 1" CONTROL_TEXT "line 2" CONTROL_TEXT},
        {"beyond ASCII", SLICE_INIT("/\xc3\xa9"), "1/\xc3\xa9|", ""},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char memory[2][512];
        struct buf lines = BUF_INIT(memory[0], sizeof memory[0]);
        struct buf mistakes = BUF_INIT(memory[1], sizeof memory[1]);
        char *text = guard_copy(rows[i].text);
        read_all(slice_of(text, rows[i].text.len), &lines, &mistakes);
        row_assert_slice(rows[i].name, buf_slice(&lines), slice_of_text(rows[i].lines));
        row_assert_slice(rows[i].name, buf_slice(&mistakes), slice_of_text(rows[i].mistakes));
        guard_free(text, rows[i].text.len);
    }
}

static void test_the_longest_line(void **state) {
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct rules_fault item;
        struct rules_faults faults = RULES_FAULTS_INIT(&item, 1);
        struct rules_reader reader;
        struct slice line;
        const size_t len = RULES_LINE_MAX + over;
        char *text = guard_room(len + 2);
        memset(text, 'a', len);
        memcpy(text + len, "\r\n", 2);
        rules_start(&reader, slice_of(text, len + 2), &faults);
        assert_int_equal(rules_next(&reader, &line), over == 0);
        assert_int_equal(faults.count, over);
        if (over == 0)
            assert_int_equal(line.len, len);
        else
            assert_int_equal(item.mistake, RULES_LINE_TOO_LONG);
        guard_free(text, len + 2);
    }
}

static void test_the_largest_text(void **state) {
    (void)state;
    char *text = calloc(1, RULES_TEXT_MAX + 1);
    assert_non_null(text);
    memset(text, '\n', RULES_TEXT_MAX + 1);
    memcpy(text + RULES_TEXT_MAX - 2, "/a", 2);
    for (size_t over = 0; over < 2; over++) {
        struct rules_fault item;
        struct rules_faults faults = RULES_FAULTS_INIT(&item, 1);
        struct rules_reader reader;
        struct slice line;
        rules_start(&reader, slice_of(text, RULES_TEXT_MAX + over), &faults);
        assert_int_equal(rules_next(&reader, &line), over == 0);
        assert_int_equal(faults.count, over);
    }
    free(text);
}

static void test_faults_beyond_the_room_are_counted(void **state) {
    (void)state;
    struct rules_fault item;
    struct rules_faults faults = RULES_FAULTS_INIT(&item, 1);
    rules_fault_add(&faults, 7, RULES_NO_SLASH, SLICE("a"));
    rules_fault_add(&faults, 8, RULES_NO_SLASH, SLICE("b"));
    assert_int_equal(faults.count, 2);
    assert_int_equal(item.line, 7);
}

static void test_messages(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct rules_fault fault;
        const char *text;
    } rows[] = {
        {"a part",
         {3, RULES_NO_SLASH, SLICE_INIT("a/b")},
         "line 3: 'a/b' is no path: write it with a slash at its start, as in /a/b"},
        {"a file", {0, RULES_TEXT_TOO_LARGE, {NULL, 0}}, "the file is larger than 1048576 bytes"},
        {"a line",
         {1, RULES_LINE_TOO_LONG, {NULL, 0}},
         "line 1: the line is longer than 4096 bytes"},
        {"what a terminal would obey",
         {1, RULES_NO_SLASH, SLICE_INIT("\x1b[2J\xff.")},
         "line 1: '?[2J?.' is no path: write it with a slash at its start, as in /a/b"},
        {"a long part",
         {1, RULES_NO_COLON,
          SLICE_INIT("0123456789012345678901234567890123456789012345678901234567890")},
         "line 1: '012345678901234567890123456789012345678901234567890123456789...' "
         "is no field: write Name: value, or '! Name' to remove one"},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char memory[512];
        struct buf buf = BUF_INIT(memory, sizeof memory);
        rules_fault_write(&buf, &rows[i].fault);
        row_assert_slice(rows[i].name, buf_slice(&buf), slice_of_text(rows[i].text));
    }
}

/* It says what is right, so there is something behind a colon; only sizes speak for themselves. */
static void test_every_message(void **state) {
    (void)state;
    for (unsigned i = RULES_OK + 1; i < RULES_MISTAKES_COUNT; i++) {
        const char *name = row_at("mistake", i);
        const struct rules_fault fault = {1, (enum rules_mistake)i, SLICE_NONE};
        char memory[512];
        struct buf buf = BUF_INIT(memory, sizeof memory);
        rules_fault_write(&buf, &fault);
        const struct slice said = slice_after(buf_slice(&buf), strlen("line 1: "));
        row_assert(name, !buf.overflow && said.len > 0);
        row_assert(name, slice_find(said, ':') < said.len || i == RULES_TEXT_TOO_LARGE ||
                             i == RULES_LINE_TOO_LONG);
    }
}

static void test_where_files_of_rules_are(void **state) {
    (void)state;
    static const struct {
        const char *path;
        bool are;
    } rows[] = {
        {"_redirects", true},      {"_headers", true},     {"_headers.gz", true},
        {"_redirects.br", true},   {"_headers.zst", true}, {"", false},
        {"_header", false},        {"_headersx", false},   {"_headers.", false},
        {"_headers.txt", false},   {"_headers/a", false},  {"a/_headers", false},
        {"_headers.gz.gz", false}, {"_Headers", false},    {"_redirects.gzip", false},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        row_assert_number(rows[i].path, rules_are_at(slice_of_text(rows[i].path)), rows[i].are);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_the_longest_line),
        cmocka_unit_test(test_the_largest_text),
        cmocka_unit_test(test_faults_beyond_the_room_are_counted),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_every_message),
        cmocka_unit_test(test_where_files_of_rules_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
