/* What is kept, and that it is fresh after any change that is noticed. What no watch sees is in
 * test_store_checks.c, siblings are in test_store_siblings.c, bounds in test_store_bounds.c. */
#include "store/store.h"

#include "support/stock.h"

static int setup(void **state) {
    (void)state;
    stock_make_tree();
    stock_write("file", "old");
    stock_write("dir/file", "old");
    stock_write("dir/sub/deep", "old");
    stock_write("second/index.htm", "second");
    stock_write("both/index.htm", "second");
    stock_write("both/index.html", "first");
    stock_write("plain/x", "x");
    stock_write("outside", "new");
    tree_directory(&stock.tree, "other");
    stock_write("other/file", "other");
    stock_open(1 << 20);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    stock_close();
    return 0;
}

/* What happens */

static void nothing(void) {}

static void write_in_place(void) {
    tree_text(&stock.tree, "file", "new");
}

static void write_as_long_ago(void) {
    stock_write("file", "new");
}

static void empty(void) {
    assert_int_equal(truncate(tree_path(&stock.tree, "file"), 0), 0);
}

static void replace(void) {
    stock_rename("outside", "file");
}

static void remove_file(void) {
    stock_remove("file");
}

static void remove_and_make_again(void) {
    stock_remove("file");
    stock_write("file", "again");
}

static void file_becomes_directory(void) {
    stock_remove("file");
    tree_directory(&stock.tree, "file");
}

static void directory_becomes_file(void) {
    stock_rename("plain", "went");
    stock_write("plain", "new");
}

static void make_absent(void) {
    stock_write("absent", "new");
}

static void make_absent_parents(void) {
    stock_write("no/such/file", "new");
}

static void write_other(void) {
    stock_write("other/file", "changed");
}

static void rename_parent(void) {
    stock_rename("dir", "went");
}

static void replace_parent(void) {
    stock_rename("dir", "went");
    stock_rename("other", "dir");
}

static void rename_top(void) {
    stock_rename("dir/sub", "dir/went");
}

static void write_moved(void) {
    stock_rename("dir", "went");
    stock_write("went/file", "moved");
    stock_rename("went", "dir");
}

static void make_index(void) {
    stock_write("plain/index.html", "new");
}

static void make_second_index(void) {
    stock_write("plain/index.htm", "new");
}

static void make_better_index(void) {
    stock_write("second/index.html", "new");
}

static void remove_better_index(void) {
    stock_remove("both/index.html");
}

static void remove_index(void) {
    stock_remove("second/index.htm");
}

static void make_root_index(void) {
    stock_write("index.html", "new");
}

static const struct {
    const char *name;
    const char *path;
    const char *before;
    void (*happens)(void);
    const char *after;
    bool recalled; /* nothing happened to it */
} rows[] = {
    {"nothing", "file", "old", nothing, "old", true},
    {"something else", "file", "old", write_other, "old", true},
    {"write", "file", "old", write_in_place, "new", false},
    {"write, with the same time and length", "file", "old", write_as_long_ago, "new", false},
    {"truncate", "file", "old", empty, "", false},
    {"replace", "file", "old", replace, "new", false},
    {"remove", "file", "old", remove_file, "ABSENT", false},
    {"remove and make again", "file", "old", remove_and_make_again, "again", false},
    {"a file becomes a directory", "file", "old", file_becomes_directory, "SLASH", false},
    {"the same, with a slash", "file/", "ABSENT", file_becomes_directory, "DIRECTORY", false},
    {"a directory becomes a file", "plain", "SLASH", directory_becomes_file, "new", false},
    {"the same, with a slash", "plain/", "DIRECTORY", directory_becomes_file, "ABSENT", false},
    {"still absent", "absent", "ABSENT", write_other, "ABSENT", true},
    {"no longer absent", "absent", "ABSENT", make_absent, "new", false},
    {"no longer absent, with its directories", "no/such/file", "ABSENT", make_absent_parents, "new",
     false},
    {"the directory is renamed", "dir/file", "old", rename_parent, "ABSENT", false},
    {"the directory is replaced", "dir/file", "old", replace_parent, "other", false},
    {"the directory above is replaced", "dir/sub/deep", "old", replace_parent, "ABSENT", false},
    {"the directory above is renamed", "dir/sub/deep", "old", rename_top, "ABSENT", false},
    {"written to elsewhere, and back again", "dir/file", "old", write_moved, "moved", false},
    {"an index appears", "plain/", "DIRECTORY", make_index, "new", false},
    {"the second index appears", "plain/", "DIRECTORY", make_second_index, "new", false},
    {"a better index appears", "second/", "second", make_better_index, "new", false},
    {"the better index vanishes", "both/", "first", remove_better_index, "second", false},
    {"the index vanishes", "second/", "second", remove_index, "DIRECTORY", false},
    {"the root has an index", "", "DIRECTORY", make_root_index, "new", false},
    {"the directory of an index is needed", "second", "SLASH", nothing, "SLASH", true},
    {"hidden", ".git/config", "ABSENT", nothing, "ABSENT", true},
};

/* Without waiting, and without any look at what did not change. */
static void test_fresh_after_each_change(void **state) {
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        if (i > 0)
            assert_int_equal(setup(state), 0);
        stock_expect(rows[i].name, rows[i].path, rows[i].before, false);
        store_notice(&stock.store);
        stock_expect(rows[i].name, rows[i].path, rows[i].before, true);
        rows[i].happens();
        store_notice(&stock.store);
        stock_expect(rows[i].name, rows[i].path, rows[i].after, rows[i].recalled);
        store_notice(&stock.store);
        stock_expect(rows[i].name, rows[i].path, rows[i].after, true);
        if (i < ROWS_COUNT(rows) - 1)
            (void)teardown(state);
    }
}

/* What is borrowed while it changes stays as it is until it is returned. */
static void test_changes_while_it_is_borrowed(void **state) {
    (void)state;
    struct resource *resource = stock_borrow("file");
    assert_string_equal(stock_read(resource, CODING_IDENTITY), "old");
    write_in_place();
    store_notice(&stock.store);
    assert_string_equal(stock_read(resource, CODING_IDENTITY), "old");
    stock_return(resource);
    stock_expect("returned", "file", "new", false);
}

static void test_changes_while_an_absent_one_is_borrowed(void **state) {
    (void)state;
    struct resource *resource = stock_borrow("both/");
    stock_rename("both", "went"); /* on which both candidates depend */
    store_notice(&stock.store);
    stock_return(resource);
    stock_expect("returned", "both/", "ABSENT", false);
}

/* It is sent as long as somebody has something of it to send. */
static void test_an_entry_outlives_its_resource(void **state) {
    (void)state;
    struct entry *entry = NULL;
    struct resource *resource = stock_borrow("file");
    assert_int_equal(store_entry(&stock.store, resource, CODING_IDENTITY, STOCK_NOW_S, &entry),
                     DOCROOT_FILE);
    (void)entry_ref(entry);
    stock_return(resource);
    write_in_place();
    store_notice(&stock.store);
    stock_expect("changed", "file", "new", false);
    assert_string_equal(stock_content(entry), "old");
    entry_unref(entry);
}

/* It was there when it was looked up, and not when it was to be read. */
static void test_vanishes_before_it_is_read(void **state) {
    (void)state;
    struct resource *resource = stock_borrow("file");
    stock_return(resource); /* nothing was read: there was nothing acceptable */
    stock_remove("file");
    resource = stock_borrow("file");
    assert_true(stock.recalled);
    assert_string_equal(stock_read(resource, CODING_IDENTITY), "ABSENT");
    stock_return(resource);
    stock_expect("looked up again", "file", "ABSENT", false);
}

/* Targets are told apart by all of their bytes. */
static void test_many_keys_of_one_file(void **state) {
    (void)state;
    static const char *const keys[] = {"/file",      "/./file", "/f%69le", "http://a/file",
                                       "/x/../file", "/filE",   "/fil",    "/file "};
    for (size_t times = 0; times < 2; times++) {
        for (size_t i = 0; i < ROWS_COUNT(keys); i++) {
            struct resource *resource = stock_borrow_as(keys[i], "file");
            row_assert_number(keys[i], stock.recalled, times > 0);
            assert_string_equal(stock_read(resource, CODING_IDENTITY), "old");
            stock_return(resource);
        }
    }
    write_in_place();
    store_notice(&stock.store);
    for (size_t i = 0; i < ROWS_COUNT(keys); i++) {
        struct resource *resource = stock_borrow_as(keys[i], "file");
        row_assert(keys[i], !stock.recalled);
        assert_string_equal(stock_read(resource, CODING_IDENTITY), "new");
        stock_return(resource);
    }
}

static void test_one_file(void **state) {
    (void)state;
    stock_shut();
    stock_open_root(tree_path(&stock.tree, "dir/file"), BENEATH_LINKS_INSIDE, 1 << 20);
    stock_expect("the root", "", "old", false);
    stock_expect("its name", "file", "old", false);
    stock_expect("another name", "other", "ABSENT", false);
    stock_write("dir/file", "new");
    store_notice(&stock.store);
    stock_expect("the root, written to", "", "new", false);
    stock_expect("its name, written to", "file", "new", false);
    stock_expect("another name still", "other", "ABSENT", true);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_fresh_after_each_change),
        test(test_changes_while_it_is_borrowed),
        test(test_changes_while_an_absent_one_is_borrowed),
        test(test_an_entry_outlives_its_resource),
        test(test_vanishes_before_it_is_read),
        test(test_many_keys_of_one_file),
        test(test_one_file),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
