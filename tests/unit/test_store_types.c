/* Media types: by name, as the operator or the table has it, and else by content. */
#include "store/store.h"

#include "support/content.h"
#include "support/stock.h"

#define TEXT  "text/plain; charset=utf-8"
#define BYTES "application/octet-stream"

enum { BR = 1 << CODING_BR, GZIP = 1 << CODING_GZIP, PLAIN = 1 << CODING_IDENTITY };
enum { LARGE = 10 * STOCK_MEMORY_MAX };

static int setup(void **state) {
    (void)state;
    stock_make_tree();
    stock_write("README", "text");
    stock_write("README.gz", "\x1f\x8b\x08");
    stock_write("README.br", "\x01 brotli");
    stock_write("tool", "\x7f"
                        "ELF\x01");
    stock_write("tool.gz", "as it happens, letters");
    stock_write("empty", "");
    stock_write("page", "<!DOCTYPE html><p>text");
    stock_write("notes.unknown", "text");
    stock_write("blob.unknown", "\x01");
    stock_write("dir.html/LICENSE", "text");
    stock_write("text.png", "text, whatever its name");
    stock_write("bytes.txt", "\x01");
    tree_file(&stock.tree, "large", 1, LARGE);
    tree_text(&stock.tree, "letters", "");
    stock_open(1 << 20);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    stock_close();
    return 0;
}

static void expect_type(const char *path, enum coding coding, const char *type) {
    (void)stock_get_coded(path, coding);
    row_assert_slice(path, stock.type, slice_of_text(type));
    row_assert_slice(path, stock.coding,
                     coding == CODING_IDENTITY ? SLICE_NONE : coding_token(coding));
}

/* Fills "letters" with more text than is kept in memory; `end` comes behind it. */
static void write_letters(const char *end) {
    char text[LARGE + 1];
    memset(text, 'a', LARGE);
    text[LARGE] = '\0';
    memcpy(text + LARGE - strlen(end), end, strlen(end));
    stock_write("letters", text);
}

static void test_types(void **state) {
    (void)state;
    static const struct {
        const char *path;
        const char *type;
    } rows[] = {
        {"README", TEXT},
        {"tool", BYTES},
        {"empty", TEXT},
        {"page", TEXT}, /* never HTML: nobody said so */
        {"notes.unknown", TEXT},
        {"blob.unknown", BYTES},
        {"dir.html/LICENSE", TEXT},
        {"large", BYTES},
        {"letters", TEXT},
        {"text.png", "image/png"},
        {"bytes.txt", TEXT},
        {"README.gz", "application/gzip"},
    };
    write_letters("\x01"); /* far behind what is looked at */
    for (int times = 0; times < 2; times++) {
        for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
            store_notice(&stock.store);
            expect_type(rows[i].path, CODING_IDENTITY, rows[i].type);
        }
    }
    assert_true(stock.recalled);
}

static void text_becomes_bytes(void) {
    tree_text(&stock.tree, "README", "t\x01xt");
}

static void text_becomes_bytes_of_old(void) {
    stock_write("README", "t\x01xt");
}

static void bytes_replace_text(void) {
    stock_rename("tool", "README");
}

static void text_is_emptied(void) {
    stock_write("tool", "");
}

static void bytes_become_text(void) {
    stock_write("tool", "#!/bin/sh");
}

static void text_replaces_large(void) {
    stock_rename("README", "large");
}

static void test_changes(void **state) {
    static const struct {
        const char *name;
        const char *path;
        const char *before;
        void (*happens)(void);
        const char *after;
    } rows[] = {
        {"text becomes bytes", "README", TEXT, text_becomes_bytes, BYTES},
        {"the same, with the same time and length", "README", TEXT, text_becomes_bytes_of_old,
         BYTES},
        {"bytes replace text", "README", TEXT, bytes_replace_text, BYTES},
        {"bytes become text", "tool", BYTES, bytes_become_text, TEXT},
        {"nothing is left", "tool", BYTES, text_is_emptied, TEXT},
        {"text replaces a large file", "large", BYTES, text_replaces_large, TEXT},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        if (i > 0)
            assert_int_equal(setup(state), 0);
        store_notice(&stock.store);
        expect_type(rows[i].path, CODING_IDENTITY, rows[i].before);
        rows[i].happens();
        store_notice(&stock.store);
        (void)stock_get(rows[i].path);
        row_assert_slice(rows[i].name, stock.type, slice_of_text(rows[i].after));
        if (i < ROWS_COUNT(rows) - 1)
            (void)teardown(state);
    }
}

/* RFC 9110 §8.4: a coding does not change what it is. Whatever is asked for first. */
static void test_rfc9110_8_4_siblings_have_the_type_of_the_plain_file(void **state) {
    (void)state;
    store_notice(&stock.store);
    expect_type("README", CODING_GZIP, TEXT);
    assert_int_equal(stock.built, GZIP | PLAIN);
    expect_type("README", CODING_BR, TEXT);
    assert_true(stock.recalled);
    expect_type("README", CODING_IDENTITY, TEXT);
    assert_true(stock.recalled);
    expect_type("tool", CODING_IDENTITY, BYTES);
    expect_type("tool", CODING_GZIP, BYTES);
    assert_true(stock.recalled);
}

static void test_the_plain_file_changes_and_its_sibling_does_not(void **state) {
    (void)state;
    store_notice(&stock.store);
    expect_type("README", CODING_GZIP, TEXT);
    stock_write("README", "\x01");
    store_notice(&stock.store);
    expect_type("README", CODING_GZIP, BYTES);
    assert_false(stock.recalled);
}

/* Then there is nothing left to say what the sibling is, and it is no resource. */
static void test_the_plain_file_vanishes_before_its_sibling_is_read(void **state) {
    (void)state;
    store_notice(&stock.store);
    struct resource *resource = stock_borrow("README");
    stock_return(resource); /* nothing was read: there was nothing acceptable */
    stock_remove("README");
    assert_string_equal(stock_get_coded("README", CODING_GZIP), "ABSENT");
    assert_true(stock.recalled);
}

/* Nothing but the content tells, and it is read again until that is as good as certain. */
static void test_large_files_that_were_written_lately(void **state) {
    (void)state;
    static const struct {
        const char *path;
        bool recalled;
    } rows[] = {{"letters", false}, {"lately.unknown", false}, {"lately.txt", true}};
    write_letters("");
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        tree_file(&stock.tree, rows[i].path, 1, LARGE);
        store_notice(&stock.store);
        (void)stock_get(rows[i].path);
        stock.now_ms += STORE_CHECK_MS;
        (void)stock_get(rows[i].path);
        row_assert_number(rows[i].path, stock.recalled, rows[i].recalled);
    }
}

static void test_the_operator_goes_before_the_table(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    static const char *const given[] = {"PNG=test/picture", "unknown=test/unknown",
                                        "txt=text/plain; charset=latin1", "gz=test/gzip"};
    for (size_t i = 0; i < ROWS_COUNT(given); i++)
        assert_int_equal(types_add(&stock.options.mime, given[i], &err), 0);
    stock_write("text.png.gz", "gzip");
    expect_type("text.png", CODING_IDENTITY, "test/picture");
    expect_type("text.png", CODING_GZIP, "test/picture");
    expect_type("notes.unknown", CODING_IDENTITY, "test/unknown");
    expect_type("bytes.txt", CODING_IDENTITY, "text/plain; charset=latin1");
    expect_type("README.gz", CODING_IDENTITY, "test/gzip");
    expect_type("README", CODING_IDENTITY, TEXT);
    expect_type("README", CODING_GZIP, TEXT);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_types),
        test(test_changes),
        test(test_rfc9110_8_4_siblings_have_the_type_of_the_plain_file),
        test(test_the_plain_file_changes_and_its_sibling_does_not),
        test(test_the_plain_file_vanishes_before_its_sibling_is_read),
        test(test_large_files_that_were_written_lately),
        test(test_the_operator_goes_before_the_table),
    };
    return cmocka_run_group_tests_name("store, types", tests, NULL, NULL);
}
