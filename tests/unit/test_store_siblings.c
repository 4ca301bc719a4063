/* Files that are kept in other codings beside the plain one. */
#include "store/store.h"

#include "support/stock.h"

enum { BR = 1 << CODING_BR, ZSTD = 1 << CODING_ZSTD, GZIP = 1 << CODING_GZIP };
enum { PLAIN = 1 << CODING_IDENTITY };

static int setup(void **state) {
    (void)state;
    stock_make_tree();
    stock_write("one", "plain");
    stock_write("file", "plain");
    stock_write("file.gz", "gzip");
    stock_write("file.br", "brotli");
    stock_write("page.txt", "plain");
    stock_write("page.txt.gz", "gzip");
    stock_write("page.txt.br", "brotli");
    stock_write("dir/index.html", "index");
    stock_write("dir/index.html.gz", "gzip of index");
    stock_open(1 << 20);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    stock_close();
    return 0;
}

/* What happens to "file" */

static void nothing(void) {}

static void make_zstd(void) {
    stock_write("file.zst", "zstd");
}

static void make_zstd_too_old(void) {
    stock_write("file.zst", "zstd");
    stock_date("file.zst", STOCK_OLD_S - 1);
}

static void make_zstd_directory(void) {
    tree_directory(&stock.tree, "file.zst");
}

static void make_zstd_link(void) {
    tree_link(&stock.tree, "file.zst", "file.gz");
}

static void make_zstd_link_to_nothing(void) {
    tree_link(&stock.tree, "file.zst", "nothing");
}

static void make_zstd_of_another(void) {
    stock_write("files.zst", "zstd");
}

static void remove_gzip(void) {
    stock_remove("file.gz");
}

static void gzip_becomes_older(void) {
    stock_date("file.gz", STOCK_OLD_S - 1);
}

static void plain_becomes_newer(void) {
    stock_date("file", STOCK_OLD_S + 1);
}

/* A nanosecond decides. */
static void plain_becomes_a_bit_newer(void) {
    const struct timespec times[2] = {{.tv_sec = STOCK_OLD_S, .tv_nsec = 1},
                                      {.tv_sec = STOCK_OLD_S, .tv_nsec = 1}};
    assert_int_equal(utimensat(AT_FDCWD, tree_path(&stock.tree, "file"), times, 0), 0);
}

static void plain_becomes_older(void) {
    stock_date("file", STOCK_OLD_S - 1);
}

static void rename_plain_away(void) {
    stock_rename("file", "went");
}

static const struct {
    const char *name;
    void (*happens)(void);
    unsigned available;
} rows[] = {
    {"nothing", nothing, PLAIN | GZIP | BR},
    {"a sibling appears", make_zstd, PLAIN | GZIP | BR | ZSTD},
    {"a sibling of another appears", make_zstd_of_another, PLAIN | GZIP | BR},
    {"one that is too old appears", make_zstd_too_old, PLAIN | GZIP | BR},
    {"one that is a directory appears", make_zstd_directory, PLAIN | GZIP | BR},
    {"one that is a link appears", make_zstd_link, PLAIN | GZIP | BR | ZSTD},
    {"one that is a link to nothing appears", make_zstd_link_to_nothing, PLAIN | GZIP | BR},
    {"a sibling vanishes", remove_gzip, PLAIN | BR},
    {"a sibling becomes older", gzip_becomes_older, PLAIN | BR},
    {"the plain file becomes newer", plain_becomes_newer, PLAIN},
    {"the plain file becomes a bit newer", plain_becomes_a_bit_newer, PLAIN},
    {"the plain file becomes older", plain_becomes_older, PLAIN | GZIP | BR},
    {"the plain file vanishes", rename_plain_away, 0},
};

static void test_what_is_available(void **state) {
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        if (i > 0)
            assert_int_equal(setup(state), 0);
        store_notice(&stock.store);
        (void)stock_get("file");
        row_assert_number(rows[i].name, stock.available, PLAIN | GZIP | BR);
        rows[i].happens();
        store_notice(&stock.store);
        const char *content = stock_get("file");
        row_assert_slice(rows[i].name, slice_of_text(content),
                         slice_of_text(rows[i].available != 0 ? "plain" : "ABSENT"));
        row_assert_number(rows[i].name, stock.available, rows[i].available);
        if (i < ROWS_COUNT(rows) - 1)
            (void)teardown(state);
    }
}

/* Only what is asked for is read, and only once. */
static void test_codings_are_made_ready_when_needed(void **state) {
    (void)state;
    store_notice(&stock.store);
    assert_string_equal(stock_get_coded("page.txt", CODING_GZIP), "gzip");
    assert_int_equal(stock.built, GZIP);
    assert_true(stock.negotiated);
    row_assert_slice("coding", stock.coding, SLICE("gzip"));
    size_t size = stock.store.cache.small_bytes;
    assert_string_equal(stock_get_coded("page.txt", CODING_GZIP), "gzip");
    assert_true(stock.recalled);
    assert_int_equal(stock.store.cache.small_bytes, size);
    assert_string_equal(stock_get_coded("page.txt", CODING_IDENTITY), "plain");
    assert_int_equal(stock.built, GZIP | PLAIN);
    assert_true(stock.negotiated);
    row_assert_slice("coding", stock.coding, SLICE_NONE);
    assert_true(stock.store.cache.small_bytes > size);
    assert_string_equal(stock_get_coded("page.txt", CODING_BR), "brotli");
    assert_int_equal(stock.built, GZIP | PLAIN | BR);
    assert_true(stock.recalled);
}

static void test_without_siblings_nothing_is_negotiated(void **state) {
    (void)state;
    assert_string_equal(stock_get("one"), "plain");
    assert_int_equal(stock.available, PLAIN);
    assert_false(stock.negotiated);
}

static void test_siblings_of_an_index(void **state) {
    (void)state;
    assert_string_equal(stock_get_coded("dir/", CODING_GZIP), "gzip of index");
    store_notice(&stock.store);
    stock_write("dir/index.html.gz", "other");
    store_notice(&stock.store);
    assert_string_equal(stock_get_coded("dir/", CODING_GZIP), "other");
    assert_false(stock.recalled);
}

/* A sibling is a file of its own, too, and may have siblings. */
static void test_siblings_of_siblings(void **state) {
    (void)state;
    store_notice(&stock.store);
    stock_expect("sibling", "file.gz", "gzip", false);
    assert_int_equal(stock.available, PLAIN);
    stock_write("file.gz.br", "brotli of gzip");
    store_notice(&stock.store);
    assert_string_equal(stock_get_coded("file.gz", CODING_BR), "brotli of gzip");
    stock_remove("file.gz.br");
    store_notice(&stock.store);
    stock_expect("alone again", "file.gz", "gzip", false);
    assert_int_equal(stock.available, PLAIN);
}

/* There are the others instead, and the next one is told the truth. */
static void test_a_sibling_vanishes_before_it_is_read(void **state) {
    (void)state;
    store_notice(&stock.store);
    (void)stock_get("file");
    stock_remove("file.gz");
    struct resource *resource = stock_borrow("file");
    assert_true(stock.recalled && stock.negotiated);
    assert_string_equal(stock_read(resource, CODING_GZIP), "ABSENT");
    assert_int_equal(resource->available, PLAIN | BR);
    assert_string_equal(stock_read(resource, CODING_IDENTITY), "plain");
    stock_return(resource);
    (void)stock_get("file");
    assert_false(stock.recalled);
    assert_int_equal(stock.available, PLAIN | BR);
}

static void test_all_vanish_before_they_are_read(void **state) {
    (void)state;
    struct resource *resource = stock_borrow("file");
    stock_return(resource);
    stock_remove("file.gz");
    stock_remove("file");
    assert_string_equal(stock_get_coded("file", CODING_GZIP), "ABSENT");
    stock_expect("gone", "file", "ABSENT", false);
}

/* The plain file is open when it was just looked up, and a sibling is read instead of it. */
static void test_a_sibling_at_once(void **state) {
    (void)state;
    struct resource *resource = stock_borrow("file");
    assert_true(stock.store.opened.fd >= 0);
    assert_string_equal(stock_read(resource, CODING_BR), "brotli");
    assert_string_equal(stock_read(resource, CODING_IDENTITY), "plain");
    assert_string_equal(stock_read(resource, CODING_GZIP), "gzip");
    stock_return(resource);
    assert_int_equal(process_count_fds(getpid()), stock.fds + 2); /* the root, and the watch */
}

/* A link's target is not watched, whether it is there or not. */
static void test_siblings_behind_links(void **state) {
    (void)state;
    static const char *const targets[] = {"other/one.gz", "other/absent.gz"};
    stock_write("other/one.gz", "old");
    for (size_t i = 0; i < ROWS_COUNT(targets); i++) {
        tree_link(&stock.tree, "one.gz", targets[i]);
        store_notice(&stock.store);
        (void)stock_get("one");
        row_assert_number(targets[i], stock.available, i == 0 ? PLAIN | GZIP : PLAIN);
        stock_write(targets[i], "new");
        store_notice(&stock.store);
        stock.now_ms += STORE_CHECK_MS;
        row_assert_slice(targets[i], slice_of_text(stock_get_coded("one", CODING_GZIP)),
                         SLICE("new"));
        row_assert_number(targets[i], stock.available, PLAIN | GZIP);
        stock_remove("one.gz");
    }
}

/* The one file that is served is all that is served. */
static void test_one_file_has_no_siblings(void **state) {
    (void)state;
    stock_shut();
    stock_open_root(tree_path(&stock.tree, "file"), BENEATH_LINKS_INSIDE, 1 << 20);
    assert_string_equal(stock_get(""), "plain");
    assert_int_equal(stock.available, PLAIN);
}

/* The longest name there can be has no room for an extension. */
static void test_names_too_long_for_siblings(void **state) {
    (void)state;
    enum { NAME_LEN_MAX = 255 };
    char name[NAME_LEN_MAX + 1];
    memset(name, 'n', NAME_LEN_MAX);
    name[NAME_LEN_MAX] = '\0';
    stock_write(name, "long");
    store_notice(&stock.store);
    stock_expect("long", name, "long", false);
    assert_int_equal(stock.available, PLAIN);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_what_is_available),
        test(test_codings_are_made_ready_when_needed),
        test(test_without_siblings_nothing_is_negotiated),
        test(test_siblings_of_an_index),
        test(test_siblings_of_siblings),
        test(test_a_sibling_vanishes_before_it_is_read),
        test(test_all_vanish_before_they_are_read),
        test(test_a_sibling_at_once),
        test(test_siblings_behind_links),
        test(test_one_file_has_no_siblings),
        test(test_names_too_long_for_siblings),
    };
    return cmocka_run_group_tests_name("store, siblings", tests, NULL, NULL);
}
