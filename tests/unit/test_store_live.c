/* A store that tells of what changes, for pages that follow it (--live). */
#include "store/store.h"

#include "support/stock.h"

#include <stdlib.h>

#define APPENDIX "<script>"

static struct changes changes;
static int64_t now_ms;

static int setup(void **state) {
    (void)state;
    now_ms = 1000;
    stock_make_tree();
    stock_write("index.html", "page");
    stock_write("style.css", "style");
    stock_write("style.css.gz", "small");
    stock_write("404.html", "absent");
    stock_write("dir/file", "file");
    stock_open(1 << 20);
    changes_init(&changes, &now_ms);
    store_go_live(&stock.store, &changes, SLICE(APPENDIX));
    return 0;
}

static int teardown(void **state) {
    (void)state;
    stock_close();
    changes_deinit(&changes);
    return 0;
}

/* Fails unless since the last call these have changed: each with its type and a blank behind it;
 * "*" is everything. */
static void expect(const char *row, const char *told) {
    static uint64_t after;
    char text[1024] = "";
    const struct change *change;
    if (changes.last == 1)
        after = 1;
    store_notice(&stock.store);
    now_ms += CHANGES_PUT_OFF_MS;
    (void)changes_settle(&changes);
    while ((change = changes_next(&changes, after)) != NULL) {
        size_t len = strlen(text);
        after = change->number;
        if (change->target.ptr == NULL)
            (void)snprintf(text + len, sizeof text - len, "* ");
        else
            (void)snprintf(text + len, sizeof text - len, "%.*s %.*s ", (int)change->target.len,
                           change->target.ptr, (int)change->type.len, change->type.ptr);
    }
    row_assert_slice(row, slice_of_text(text), slice_of_text(told));
}

static void test_what_was_asked_for_is_told_of(void **state) {
    (void)state;
    (void)stock_get("index.html");
    (void)stock_get("style.css");
    (void)stock_get("absent.html");
    (void)stock_get("no/such/file");
    expect("nothing", "");
    stock_write("style.css", "changed");
    expect("style sheet", "style.css text/css; charset=utf-8 ");
    stock_write("style.css", "again");
    expect("not asked for again", "");
    stock_write("index.html", "changed");
    expect("page", "index.html text/html; charset=utf-8 ");
    stock_write("absent.html", "there");
    expect("absent", "absent.html text/html; charset=utf-8 ");
    tree_directory(&stock.tree, "no");
    expect("a directory on the way", "no/such/file  ");
}

static void test_a_directory_goes_with_all_in_it(void **state) {
    (void)state;
    (void)stock_get("dir/file");
    stock_rename("dir", "went");
    expect("directory", "dir/file text/plain; charset=utf-8 ");
}

/* Of what may be told of a file that is replaced, nothing is missing, and nothing too much. */
static void test_replaced_files(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        row_assert_slice("page", slice_of_text(stock_get("index.html")), SLICE("page" APPENDIX));
        stock_write("index.html~", "page");
        stock_rename("index.html~", "index.html");
        expect(row_at("rename", (size_t)i), "index.html text/html; charset=utf-8 ");
    }
}

/* What is sent for any target. */
static void test_what_stands_in_is_everything(void **state) {
    (void)state;
    struct resource *resource = stock_borrow("404.html");
    resource->stands_in = true;
    stock_return(resource);
    stock_write("404.html", "changed");
    expect("page of errors", "* ");
}

static void test_rules_are_everything(void **state) {
    (void)state;
    (void)stock_get("index.html");
    stock_write("_headers", "/*\n  X-A: b\n");
    expect("rules", "* ");
    row_assert_slice("page", slice_of_text(stock_get("index.html")), SLICE("page" APPENDIX));
    expect("read", "");
}

static void test_a_directory_that_is_listed(void **state) {
    (void)state;
    row_assert_slice("listing", slice_of_text(stock_get("dir/")), SLICE("DIRECTORY"));
    stock_write("dir/new", "new");
    expect("new name", "dir/ text/html ");
    (void)stock_get("dir/");
    (void)stock_get("dir/file");
    stock_write("dir/file", "changed");
    expect("both", "dir/file text/plain; charset=utf-8 dir/ text/html ");
    (void)stock_get("dir/");
    stock_write("elsewhere", "new");
    expect("elsewhere", "");
}

static void test_siblings_are_not_sent(void **state) {
    (void)state;
    row_assert_slice("style", slice_of_text(stock_get("style.css")), SLICE("style"));
    assert_int_equal(stock.available, 1u << CODING_IDENTITY);
    assert_false(stock.negotiated);
}

/* What is no longer held open for want of descriptors is told of all the same. */
static void test_descriptors_are_given_back(void **state) {
    (void)state;
    enum { FILES = 6, MAX = 2 };
    static char large[STOCK_MEMORY_MAX + 2];
    char name[32];
    memset(large, 'x', sizeof large - 1);
    stock.store.fds_max = MAX;
    size_t bytes = 0;
    for (int i = 0; i < FILES; i++) {
        (void)snprintf(name, sizeof name, "large%d.css", i);
        stock_write(name, large);
    }
    store_notice(&stock.store);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < FILES; i++) {
            (void)snprintf(name, sizeof name, "large%d.css", i);
            (void)stock_get(name);
            assert_true(round == 0 || stock.recalled);
            assert_in_range(stock.store.fds, 0, MAX);
        }
        if (round == 1)
            bytes = cache_bytes(&stock.store.cache);
    }
    assert_int_equal(cache_bytes(&stock.store.cache), bytes); /* nothing is counted twice */
    assert_int_equal(process_count_fds(getpid()) - stock.fds - 2, stock.store.fds);
    expect("before", "");
    stock_write("large0.css", "changed");
    expect("the first", "large0.css text/css; charset=utf-8 ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_asked_for_is_told_of, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_directory_goes_with_all_in_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replaced_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_stands_in_is_everything, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rules_are_everything, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_directory_that_is_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_siblings_are_not_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_descriptors_are_given_back, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
