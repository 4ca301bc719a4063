/* What paths name where several roots are served, and that all of it is fresh. */
#include "store/store.h"

#include "support/stock.h"
#include "support/unwatchable.h"

/* "site" is the root; what is mounted, each beneath the tree. */
static const char *const mounts[][2] = {
    {"/docs", "docs"},        {"/docs/api", "site/api"}, {"/again", "site"},
    {"/one", "docs/one.txt"}, {"/deep/er", "docs/sub"},
};

static void open_all(void) {
    static char texts[ROWS_COUNT(mounts)][1024];
    struct err err = ERR_INIT;
    stock.options.mount.count = 0;
    for (size_t i = 0; i < ROWS_COUNT(mounts); i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%s=%s/%s", mounts[i][0], stock.tree.path,
                       mounts[i][1]);
        row_assert_number(mounts[i][0], mounts_add(&stock.options.mount, texts[i], &err), 0);
    }
    stock_open_root(tree_path(&stock.tree, "site"), BENEATH_LINKS_INSIDE, 1 << 20);
}

static int setup(void **state) {
    (void)state;
    watchable();
    stock_make_tree();
    stock_write("site/file", "site");
    stock_write("site/api/file", "api");
    stock_write("site/docs/file", "covered");
    stock_write("site/docs/only", "covered");
    stock_write("site/.dot", "hidden");
    stock_write("docs/file", "docs");
    stock_write("docs/index.html", "index");
    stock_write("docs/one.txt", "one");
    stock_write("docs/sub/file", "sub");
    stock_write("docs/api/file", "covered");
    stock_write("docs/.dot", "hidden");
    stock_write("docs/.well-known/file", "known");
    tree_link(&stock.tree, "docs/inside", "sub/file");
    tree_link(&stock.tree, "docs/out", "../site/file");
    tree_link(&stock.tree, "docs/whole", tree_path(&stock.tree, "site/file"));
    tree_link(&stock.tree, "docs/covered", "api/file");
    tree_link(&stock.tree, "site/into", "../docs/file");
    open_all();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    watchable();
    stock_close();
    return 0;
}

static const struct {
    const char *name;
    const char *path;
    const char *content;
} rows[] = {
    {"the root", "", "DIRECTORY"},
    {"a file in the root", "file", "site"},
    {"a mount", "docs/", "index"},
    {"a mount without its slash", "docs", "SLASH"},
    {"a file in a mount", "docs/file", "docs"},
    {"a directory in a mount", "docs/sub", "SLASH"},
    {"deep in a mount", "docs/sub/file", "sub"},
    {"absent in a mount, and there beneath it", "docs/only", "ABSENT"},
    {"a mount in a mount", "docs/api/", "DIRECTORY"},
    {"a mount in a mount, without its slash", "docs/api", "SLASH"},
    {"a file in a mount in a mount", "docs/api/file", "api"},
    {"the root once more", "again/file", "site"},
    {"beneath a mount, which is none there", "again/docs/file", "covered"},
    {"a mount of no name in the root", "deep/er/file", "sub"},
    {"above it, where nothing is", "deep/", "ABSENT"},
    {"above it, without a slash", "deep", "ABSENT"},
    {"a longer name than a mount's", "docs2", "ABSENT"},
    {"a single file", "one", "one"},
    {"a single file, with a slash", "one/", "one"},
    {"a single file, by its own name", "one/one.txt", "one"},
    {"beside a single file", "one/file", "ABSENT"},
    {"hidden", "docs/.dot", "ABSENT"},
    {"well-known in a mount", "docs/.well-known/file", "known"},
    {"a link inside", "docs/inside", "sub"},
    {"a link from a mount into the root", "docs/out", "ABSENT"},
    {"the same, absolute", "docs/whole", "ABSENT"},
    {"a link from the root into a mount", "into", "ABSENT"},
    {"a link beneath a mount, in the same root", "docs/covered", "covered"},
};

static void test_what_paths_name(void **state) {
    (void)state;
    for (size_t times = 0; times < 2; times++) {
        for (size_t i = 0; i < ROWS_COUNT(rows); i++)
            row_assert_slice(rows[i].name, slice_of_text(stock_get(rows[i].path)),
                             slice_of_text(rows[i].content));
    }
}

/* Changes: what is asked for before and after. */
static void test_fresh_in_each(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *written;
        const char *path;
        bool recalled; /* nothing happened to it */
    } changes[] = {
        {"the root", "site/file", "file", false},
        {"the root, by its second way", "site/file", "again/file", false},
        {"a mount", "docs/file", "docs/file", false},
        {"a mount inside the root", "site/api/file", "docs/api/file", false},
        {"the same, through the root", "site/api/file", "api/file", false},
        {"the same, by a third way", "site/api/file", "again/api/file", false},
        {"a mount inside a mount", "docs/sub/file", "deep/er/file", false},
        {"the same, through the other", "docs/sub/file", "docs/sub/file", false},
        {"a single file", "docs/one.txt", "one", false},
        {"an index", "docs/index.html", "docs/", false},
        {"absent", "docs/new", "docs/new", false},
        {"absent beneath two roots", "site/api/new", "docs/api/new", false},
        {"the same name in another", "docs/file", "file", true},
        {"the same name in the root", "site/file", "docs/file", true},
        {"what a mount covers", "site/docs/file", "docs/file", true},
    };
    for (size_t i = 0; i < ROWS_COUNT(changes); i++) {
        char text[32];
        char before[64];
        (void)snprintf(text, sizeof text, "written %zu", i);
        (void)snprintf(before, sizeof before, "%s", stock_get(changes[i].path));
        stock_expect(changes[i].name, changes[i].path, before, true);
        stock_write(changes[i].written, text);
        store_notice(&stock.store);
        stock_expect(changes[i].name, changes[i].path, changes[i].recalled ? before : text,
                     changes[i].recalled);
    }
}

/* What no watch sees is looked for in the root in which it was found. */
static void test_checked_in_its_root(void **state) {
    (void)state;
    const char *elsewhere = tree_path(&stock.tree, "elsewhere");
    assert_int_equal(link(tree_path(&stock.tree, "docs/file"), elsewhere), 0);
    stock_expect("at first", "docs/file", "docs", false);
    stock.now_ms += STORE_CHECK_MS;
    stock_expect("checked", "docs/file", "docs", true);
    stock_write("elsewhere", "by its other name");
    store_notice(&stock.store);
    stock_expect("not yet", "docs/file", "docs", true);
    stock.now_ms += STORE_CHECK_MS;
    stock_expect("by then", "docs/file", "by its other name", false);
}

static void test_siblings_in_their_root(void **state) {
    (void)state;
    stock_write("docs/file.gz", "docs in gzip");
    stock_write("site/file.br", "site in brotli");
    store_notice(&stock.store);
    assert_string_equal(stock_get_coded("docs/file", CODING_GZIP), "docs in gzip");
    assert_int_equal(stock.available, 1u << CODING_GZIP | 1u << CODING_IDENTITY);
    assert_string_equal(stock_get_coded("again/file", CODING_BR), "site in brotli");
    assert_int_equal(stock.available, 1u << CODING_BR | 1u << CODING_IDENTITY);
    stock_remove("docs/file.gz");
    store_notice(&stock.store);
    assert_string_equal(stock_get("docs/file"), "docs");
    assert_int_equal(stock.available, 1u << CODING_IDENTITY);
}

/* A mount stays what it was when it was opened, whatever becomes of the way to it. */
static void test_a_mount_is_moved(void **state) {
    (void)state;
    stock_expect("before", "docs/api/file", "api", false);
    stock_expect("through the root", "api/file", "api", false);
    stock_rename("site/api", "site/went");
    store_notice(&stock.store);
    stock_expect("after", "docs/api/file", "api", false);
    stock_expect("not through the root any more", "api/file", "ABSENT", false);
    stock_write("site/went/file", "new");
    store_notice(&stock.store);
    stock_expect("written to", "docs/api/file", "new", false);
}

static void test_one_root_is_remote(void **state) {
    (void)state;
    stock_shut();
    open_all();
    type = TYPE_NFS; /* of what is beneath, too */
    stock_expect("remote beneath", "docs/sub/file", "sub", false);
    stock_expect("local", "docs/file", "docs", false);
    stock_expect("local, again", "docs/file", "docs", true);
    for (size_t root = 0; root <= ROWS_COUNT(mounts); root++)
        row_assert(row_at("watched", root), store_is_watched(&stock.store, root));
}

static void test_nothing_can_be_watched(void **state) {
    (void)state;
    stock_shut();
    add_error = ENOSPC;
    open_all();
    for (size_t root = 0; root <= ROWS_COUNT(mounts); root++)
        row_assert(row_at("blind", root), !store_is_watched(&stock.store, root));
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        row_assert_slice(rows[i].name, slice_of_text(stock_get(rows[i].path)),
                         slice_of_text(rows[i].content));
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_what_paths_name),        test(test_fresh_in_each),
        test(test_checked_in_its_root),    test(test_siblings_in_their_root),
        test(test_a_mount_is_moved),       test(test_one_root_is_remote),
        test(test_nothing_can_be_watched),
    };
    return cmocka_run_group_tests_name("store_roots", tests, NULL, NULL);
}
