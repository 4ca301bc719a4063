/* With clean URLs, what is kept is fresh, too, whichever of the files it stands for comes or goes.
 */
#include "store/store.h"

#include "support/stock.h"

static int setup(void **state) {
    (void)state;
    stock_make_tree();
    stock_open(1 << 20);
    stock.roots.items[0].clean_urls = true;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    stock_close();
    return 0;
}

static void do_nothing(void) {}

static void write_page(void) {
    stock_write("about.html", "page");
}

static void write_file(void) {
    stock_write("about", "file");
}

static void remove_file(void) {
    stock_remove("about");
}

static void remove_page(void) {
    stock_remove("about.html");
}

static void write_index(void) {
    stock_write("about/index.html", "index");
}

static void remove_index(void) {
    stock_remove("about/index.html");
}

static void write_other_index(void) {
    stock_write("about/index.htm", "second");
}

static void remove_directory(void) {
    stock_remove("about/index.htm");
    stock_remove("about");
}

static void write_something_else(void) {
    stock_write("about.htm", "something else");
}

/* In this order; each is asked for twice before the next. */
static const struct {
    const char *name;
    void (*happens)(void);
    const char *content;
    bool recalled; /* when it is asked for the first time */
} rows[] = {
    {"nothing is there", do_nothing, "ABSENT", false},
    {"a page appears", write_page, "page", false},
    {"something else appears", write_something_else, "page", true},
    {"a file appears", write_file, "file", false},
    {"the file goes", remove_file, "page", false},
    {"a directory appears", write_index, "page", false},
    {"the page goes", remove_page, "index", false},
    {"the index goes", remove_index, "SLASH", false},
    {"another index appears", write_other_index, "second", false},
    {"the first index appears again", write_index, "index", false},
    {"it goes", remove_index, "second", false},
    {"the page appears again", write_page, "page", false},
    {"it goes again", remove_page, "second", false},
    {"the directory goes", remove_directory, "ABSENT", false},
};

static void test_what_comes_and_goes(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        rows[i].happens();
        store_notice(&stock.store);
        stock_expect(rows[i].name, "about", rows[i].content, rows[i].recalled);
        stock_expect(rows[i].name, "about", rows[i].content, true);
    }
}

static void test_siblings_are_those_of_the_page(void **state) {
    (void)state;
    stock_write("about.html", "page");
    stock_write("about.gz", "of another file");
    row_assert_slice("none", slice_of_text(stock_get("about")), SLICE("page"));
    assert_int_equal(stock.available, 1u << CODING_IDENTITY);
    row_assert_slice("type", stock.type, SLICE("text/html; charset=utf-8"));
    stock_write("about.html.gz", "gzip");
    store_notice(&stock.store);
    row_assert_slice("sibling", slice_of_text(stock_get_coded("about", CODING_GZIP)),
                     SLICE("gzip"));
    assert_false(stock.recalled);
    row_assert_slice("type", stock.type, SLICE("text/html; charset=utf-8"));
    row_assert_slice("kept", slice_of_text(stock_get_coded("about", CODING_GZIP)), SLICE("gzip"));
    assert_true(stock.recalled);
    stock_remove("about.html.gz");
    store_notice(&stock.store);
    row_assert_slice("gone", slice_of_text(stock_get("about")), SLICE("page"));
    assert_int_equal(stock.available, 1u << CODING_IDENTITY);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_what_comes_and_goes),
        test(test_siblings_are_those_of_the_page),
    };
    return cmocka_run_group_tests_name("store, clean URLs", tests, NULL, NULL);
}
