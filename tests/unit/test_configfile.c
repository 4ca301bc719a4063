#include "conf/configfile.h"

#include "support/guard.h"
#include "support/row.h"
#include "support/tree.h"

#include <errno.h>
#include <stdlib.h>

/* A text to be read, which ends with a NUL before a guard page. */
static char *text_of(struct slice text) {
    char *room = guard_room(text.len + 1);
    memcpy(room, text.ptr, text.len);
    room[text.len] = '\0';
    return room;
}

static const struct {
    const char *name;
    const char *text;
    const char *option; /* NULL: nothing is said */
    const char *value;
    size_t line;
} lines[] = {
    {"a line", "a = b\n", "a", "b", 1},
    {"no line end", "a = b", "a", "b", 1},
    {"CRLF", "a = b\r\n", "a", "b", 1},
    {"no white space", "a=b\n", "a", "b", 1},
    {"white space everywhere", "\t a \t=\t b \t\n", "a", "b", 1},
    {"several words", "a = b  c\td \n", "a", "b  c\td", 1},
    {"a value with signs", "a = b = c\n", "a", "b = c", 1},
    {"an empty value", "a =\n", "a", "", 1},
    {"an empty value, and a comment", "a = # b\n", "a", "", 1},
    {"a comment", "a = b # c\n", "a", "b", 1},
    {"a comment behind a tab", "a = b\t#c\n", "a", "b", 1},
    {"no comment", "a = b#c\n", "a", "b#c", 1},
    {"no comment, and one", "a = b#c #d\n", "a", "b#c", 1},
    {"quotes in a value", "a = b\"c\"\n", "a", "b\"c\"", 1},
    {"a backslash in a value", "a = b\\x41\n", "a", "b\\x41", 1},
    {"bytes beyond ASCII", "a = \xc3\xa9\n", "a", "\xc3\xa9", 1},
    {"in quotes", "a = \"b\"\n", "a", "b", 1},
    {"nothing in quotes", "a = \"\"\n", "a", "", 1},
    {"white space in quotes", "a = \" b\t\"\n", "a", " b\t", 1},
    {"a number sign in quotes", "a = \" # b\"# c\n", "a", " # b", 1},
    {"a quote in quotes", "a = \"b\\\"c\" \n", "a", "b\"c", 1},
    {"a backslash in quotes", "a = \"b\\\\\"\r\n", "a", "b\\", 1},
    {"bytes in quotes", "a = \"\\x0a\\x41\\xfF\"\n", "a", "\nA\xff", 1},
    {"behind empty lines", "\n\r\n \t\n  a = b\n", "a", "b", 4},
    {"behind comments", "# c\n  # d = e\n#\na = b\n", "a", "b", 4},
    {"a name with dashes", "--a-b = c\n", "--a-b", "c", 1},
    {"nothing", "", NULL, NULL, 0},
    {"an empty line", "\n", NULL, NULL, 0},
    {"a comment alone", "#", NULL, NULL, 0},
};

static void test_lines(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(lines); i++) {
        struct slice text = slice_of_text(lines[i].text);
        char *memory = text_of(text);
        struct configfile file = CONFIGFILE_INIT(memory);
        struct configfile_item item = {.line = 0};
        struct err err = ERR_INIT;
        row_assert_number(lines[i].name, configfile_next(&file, &item, &err),
                          lines[i].option != NULL);
        if (lines[i].option != NULL) {
            row_assert_slice(lines[i].name, item.name, slice_of_text(lines[i].option));
            row_assert_slice(lines[i].name, slice_of_text(item.value),
                             slice_of_text(lines[i].value));
            row_assert_number(lines[i].name, item.line, lines[i].line);
            row_assert_number(lines[i].name, configfile_next(&file, &item, &err), 0);
        }
        guard_free(memory, text.len + 1);
    }
}

static const struct {
    const char *name;
    const char *text;
    const char *message; /* a part of it */
    size_t line;
} faults[] = {
    {"a word", "a\n", "this is not NAME = VALUE (as in max-head = 16K)", 1},
    {"no name", "= b\n", "this is not NAME = VALUE", 1},
    {"a comment before the sign", "\na # = b\n", "this is not NAME = VALUE", 2},
    {"an open quote", "a = \"b\n", "the closing quote is missing", 1},
    {"an open quote at the end", "a = \"", "the closing quote is missing", 1},
    {"only the closing quote is escaped", "a = \"b\\\"\n", "the closing quote is missing", 1},
    {"a backslash at the end", "a = \"b\\", "in quotes, a backslash stands before", 1},
    {"an unknown escape", "a = \"\\n\"\n", "in quotes, a backslash stands before", 1},
    {"half an escape", "a = \"\\x4\"\n", "in quotes, a backslash stands before", 1},
    {"NUL as an escape", "a = \"\\x00\"\n", "in quotes, a backslash stands before", 1},
    {"words behind a quote", "#\n\na = \"b\" c\n", "there is something behind the closing quote",
     3},
    {"a control character", "a = b\x01\n", "there is a control character", 1},
    {"a control character in a comment", "# \x7f\n", "there is a control character", 1},
    {"CR within a line", "a = b\rc\n", "there is a control character", 1},
};

static void test_faults(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(faults); i++) {
        struct slice text = slice_of_text(faults[i].text);
        char *memory = text_of(text);
        struct configfile file = CONFIGFILE_INIT(memory);
        struct configfile_item item;
        struct err err = ERR_INIT;
        row_assert_number(faults[i].name, configfile_next(&file, &item, &err), -EINVAL);
        row_assert_number(faults[i].name, file.line, faults[i].line);
        if (strstr(err.text, faults[i].message) == NULL)
            fail_msg("%s: '%s' is not in '%s'", faults[i].name, faults[i].message, err.text);
        guard_free(memory, text.len + 1);
    }
}

/* Whatever a value is, what is written is read as the same. */
static const char *const values[] = {
    "a",        "",       " ",     "a b",     " a",
    "a ",       "#",      "#a",    "a #b",    "a#b",
    "a# b",     "\"",     "\"a\"", "a\"",     "\\",
    "a\\x41",   "a\nb",   "\t",    "a\t#",    "a\rb\r",
    "\x01",     "\x7f\n", "é",     "a = \"b", "a=b; c=\"d e\"",
    "\\\"# \"",
};

static void test_written_values_are_read(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(values); i++) {
        char *text = NULL;
        size_t len = 0;
        FILE *stream = open_memstream(&text, &len);
        struct configfile_item item;
        struct err err = ERR_INIT;
        assert_non_null(stream);
        configfile_put(stream, "name", slice_of_text(values[i]));
        configfile_put(stream, "next", SLICE("b"));
        assert_int_equal(fclose(stream), 0);
        struct configfile file = CONFIGFILE_INIT(text);
        row_assert_number(values[i], configfile_next(&file, &item, &err), 1);
        row_assert_slice(values[i], item.name, SLICE("name"));
        row_assert_slice(values[i], slice_of_text(item.value), slice_of_text(values[i]));
        row_assert_number(values[i], configfile_next(&file, &item, &err), 1);
        row_assert_slice(values[i], item.name, SLICE("next"));
        free(text);
    }
}

static void test_plain_values_have_no_quotes(void **state) {
    (void)state;
    static const char *const plain[] = {"a", "a b", "a#b", "a\"b\"", "\\", "*:80"};
    for (size_t i = 0; i < ROWS_COUNT(plain); i++) {
        char *text = NULL;
        size_t len = 0;
        char expected[32];
        FILE *stream = open_memstream(&text, &len);
        assert_non_null(stream);
        configfile_put(stream, "n", slice_of_text(plain[i]));
        assert_int_equal(fclose(stream), 0);
        (void)snprintf(expected, sizeof expected, "n = %s\n", plain[i]);
        assert_string_equal(text, expected);
        free(text);
    }
}

/* Files */

static void write_bytes(const struct tree *tree, const char *name, char byte, size_t len) {
    FILE *stream = fopen(tree_path(tree, name), "w");
    assert_non_null(stream);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(fputc(byte, stream), (unsigned char)byte);
    assert_int_equal(fclose(stream), 0);
}

static void test_files_are_read(void **state) {
    (void)state;
    struct tree tree = TREE_INIT;
    struct err err = ERR_INIT;
    tree_make(&tree);
    write_bytes(&tree, "empty", 'a', 0);
    write_bytes(&tree, "largest", 'a', CONFIGFILE_MAX);
    tree_text(&tree, "small", "a = b\n");
    char *small = configfile_read(tree_path(&tree, "small"), &err);
    char *empty = configfile_read(tree_path(&tree, "empty"), &err);
    char *largest = configfile_read(tree_path(&tree, "largest"), &err);
    assert_string_equal(small, "a = b\n");
    assert_string_equal(empty, "");
    assert_int_equal(strlen(largest), CONFIGFILE_MAX);
    free(small);
    free(empty);
    free(largest);
    tree_remove(&tree);
}

static void expect_unread(const char *path, const char *reason) {
    struct err err = ERR_INIT;
    assert_null(configfile_read(path, &err));
    if (strstr(err.text, path) == NULL || strstr(err.text, reason) == NULL)
        fail_msg("'%s' does not say that %s: %s", err.text, path, reason);
}

static void test_files_that_cannot_be_read(void **state) {
    (void)state;
    struct tree tree = TREE_INIT;
    tree_make(&tree);
    write_bytes(&tree, "large", 'a', CONFIGFILE_MAX + 1);
    write_bytes(&tree, "nul", '\0', 3);
    expect_unread(tree_path(&tree, "large"), "it is larger than 1 MiB");
    expect_unread(tree_path(&tree, "nul"), "it has a NUL");
    expect_unread(tree_path(&tree, "absent"), "No such file or directory");
    expect_unread(tree.path, "Is a directory");
    tree_remove(&tree);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_written_values_are_read),
        cmocka_unit_test(test_plain_values_have_no_quotes),
        cmocka_unit_test(test_files_are_read),
        cmocka_unit_test(test_files_that_cannot_be_read),
    };
    return cmocka_run_group_tests_name("configfile", tests, NULL, NULL);
}
