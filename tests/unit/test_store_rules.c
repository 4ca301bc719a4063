/* What rules make of what is found, and what becomes of it when either changes. */
#include "store/store.h"

#include "support/memory.h"
#include "support/stock.h"
#include "support/unwatchable.h"

#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/vfs.h>

enum { CACHE_BYTES = 1 << 20 };

static void reopen(uint64_t cache_size) {
    stock_shut();
    stock_open(cache_size);
    store_be_silent(&stock.store);
}

static int setup(void **state) {
    (void)state;
    allocations_until_failure = -1;
    watchable();
    blocks = 0;
    stock_make_tree();
    stock_write("file", "file");
    stock_write("new", "new");
    stock_write("dir/index.html", "index");
    stock_write("bare/inner", "inner");
    stock_write(".hidden", "hidden");
    stock_write("coded", "plain");
    stock_write("coded.gz", "gzip");
    tree_file(&stock.tree, "large", 1, STOCK_MEMORY_MAX + 1);
    stock_date("large", STOCK_OLD_S);
    stock_open(CACHE_BYTES);
    store_be_silent(&stock.store);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    allocations_until_failure = -1;
    stock_close();
    assert_int_equal(blocks, 0);
    return 0;
}

/* What is answered: "302 /where", the content that is sent, or why there is none. */
static const char *answer(const char *path) {
    static char text[256];
    struct resource *resource = stock_borrow(path);
    if (resource == NULL)
        return "no memory";
    const struct ruling *ruling = resource->ruling;
    if (ruling != NULL && ruling->location.ptr != NULL)
        (void)snprintf(text, sizeof text, "%u %.*s", status_code(ruling->redirect->status),
                       (int)ruling->location.len, ruling->location.ptr);
    else
        (void)snprintf(text, sizeof text, "%s", stock_read(resource, CODING_IDENTITY));
    stock_return(resource);
    return text;
}

static void expect(const char *row, const char *path, const char *want) {
    row_assert_slice(row, slice_of_text(answer(path)), slice_of_text(want));
}

/* The same, looked up anew, and then from the cache where there is one. */
static void expect_anew(const char *row, const char *path, const char *want) {
    expect(row, path, want);
    row_assert(row, !stock.recalled);
    expect(row, path, want);
    row_assert_number(row, stock.recalled, stock.store.keeps);
}

static void expect_type(const char *row, const char *path, enum coding coding, const char *want) {
    struct resource *resource = stock_borrow(path);
    (void)stock_read(resource, coding);
    row_assert_slice(row, stock.type, slice_of_text(want));
    stock_return(resource);
}

/* Writes rules, which hold from now on: somebody asks, for nothing. */
static void write_rules(const char *name, const char *text) {
    stock_write(name, text);
    store_notice(&stock.store);
    stock.now_ms += STORE_CHECK_MS;
    assert_null(store_recall(&stock.store, SLICE("nothing"), stock.now_ms));
}

static const struct {
    const char *name;
    const char *redirects;
    const char *path;
    const char *want;
} rows[] = {
    {"no rule for it", "/x /new", "file", "file"},
    {"redirect", "/a /new", "a", "301 /new"},
    {"redirect of a directory's path", "/a/* /new/:splat 302", "a/b/", "302 /new/b/"},
    {"where a file is", "/file /new", "file", "file"},
    {"by force", "/file /new 302!", "file", "302 /new"},
    {"where a directory is", "/dir /new", "dir", "SLASH"},
    {"where a directory with an index is", "/dir/ /new", "dir/", "index"},
    {"where a directory without an index is", "/bare /new", "bare/", "DIRECTORY"},
    {"directory, by force", "/bare /new 308!", "bare/", "308 /new"},
    {"first rule", "/a /new 302\n/* /file 303", "a", "302 /new"},
    {"first rule by force", "/file /new\n/file /x 303!", "file", "303 /x"},

    {"rewrite", "/a/* /new 200", "a/b", "new"},
    {"rewrite with a capture", "/a/* /:splat 200", "a/new", "new"},
    {"rewrite where a file is", "/file /new 200", "file", "file"},
    {"rewrite by force", "/file /new 200!", "file", "new"},
    {"rewrite to a directory", "/a /dir/ 200", "a", "index"},
    {"rewrite to a directory without its slash", "/a /dir 200", "a", "index"},
    {"rewrite of a directory's path", "/a /new 200", "a/", "new"},
    {"rewrite to a directory without an index", "/a /bare 200", "a", "ABSENT"},
    {"rewrite to nothing", "/a /nothing 200", "a", "ABSENT"},
    {"rewrite by force to nothing", "/file /nothing 200!", "file", "ABSENT"},
    {"rewrite to above the root", "/a/* /:splat/../new 200", "a", "ABSENT"},
    {"rewrite by force to above the root", "/dir/* /:splat/../new 200!", "dir/", "ABSENT"},
    {"rewrite to a dotfile", "/a /.hidden 200", "a", "ABSENT"},
    {"rewrite to a captured dotfile", "/a/* /:splat 200", "a/.hidden", "ABSENT"},
    {"rewrite to a captured escape", "/a/* /dir/:splat 200", "a/%2e%2e/new", "ABSENT"},
    {"rewrite to a captured backslash", "/a/* /dir/:splat 200", "a/..\\new", "ABSENT"},
    {"rewrite to a file of rules", "/a /_redirects 200", "a", "ABSENT"},
    {"rewrite to a captured file of rules", "/a/* /:splat 200", "a/_redirects", "ABSENT"},
    {"rewrite of a dotfile", "/* /new 200", ".hidden", "new"},
    {"rewrite of a file of rules", "/* /new 200", "_redirects", "new"},
    {"no rewrite of what was rewritten", "/a /b 200\n/b /new 200", "a", "ABSENT"},
    {"no redirect of what was rewritten", "/a /b 200\n/b /new", "a", "ABSENT"},
    {"rewrites that lead to each other", "/a /b 200\n/b /a 200", "a", "ABSENT"},
    {"rewrite to itself", "/* /:splat 200!", "file", "file"},
    {"rewrite to itself, which is not there", "/* /:splat 200", "a", "ABSENT"},
};

static void test_rules(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows) * 2; i++) {
        const size_t row = i / 2;
        reopen(i % 2 == 0 ? CACHE_BYTES : 0);
        write_rules("_redirects", rows[row].redirects);
        expect_anew(rows[row].name, rows[row].path, rows[row].want);
    }
}

static void write_a(void) {
    stock_write("a", "a");
}

static void remove_a(void) {
    stock_remove("a");
}

static void rewrite_new(void) {
    stock_write("new", "newer");
}

static void remove_new(void) {
    stock_remove("new");
}

static void make_new(void) {
    stock_write("new", "new");
}

static void rewrite_index(void) {
    stock_write("dir/index.html", "other");
}

static void remove_index(void) {
    stock_remove("dir/index.html");
}

static void make_second_index(void) {
    stock_write("dir/index.htm", "second");
}

static void remove_second_index(void) {
    stock_remove("dir/index.htm");
}

static void make_index(void) {
    stock_write("dir/index.html", "index");
}

static const struct {
    const char *name;
    const char *redirects;
    const char *path;
    const char *before;
    struct {
        void (*change)(void);
        const char *want;
    } steps[5];
} change_rows[] = {
    {"redirect", "/a /new", "a", "301 /new", {{write_a, "a"}, {remove_a, "301 /new"}}},
    {"rewrite",
     "/a /new 200",
     "a",
     "new",
     {{rewrite_new, "newer"},
      {remove_new, "ABSENT"},
      {write_a, "a"},
      {remove_a, "ABSENT"},
      {make_new, "new"}}},
    {"rewrite to a directory",
     "/a /dir 200",
     "a",
     "index",
     {{rewrite_index, "other"},
      {remove_index, "ABSENT"},
      {make_second_index, "second"},
      {make_index, "index"},
      {remove_second_index, "index"}}},
    {"force",
     "/new /file 200!",
     "new",
     "file",
     {{rewrite_new, "file"}, {remove_new, "file"}, {make_new, "file"}}},
};

/* Files come and go where rules are, and where they lead to; it is seen at once. */
static void test_files_change(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(change_rows) * 2; i++) {
        const size_t row = i / 2;
        reopen(i % 2 == 0 ? CACHE_BYTES : 0);
        write_rules("_redirects", change_rows[row].redirects);
        expect_anew(change_rows[row].name, change_rows[row].path, change_rows[row].before);
        for (size_t step = 0;
             step < ROWS_COUNT(change_rows[row].steps) && change_rows[row].steps[step].want != NULL;
             step++) {
            change_rows[row].steps[step].change();
            store_notice(&stock.store);
            expect_anew(row_at(change_rows[row].name, step), change_rows[row].path,
                        change_rows[row].steps[step].want);
        }
    }
}

/* All that was found before is forgotten, at once; what is found by the same rules is not. */
static void test_rules_change(void **state) {
    (void)state;
    expect_anew("without rules", "file", "file");
    expect_anew("without rules", "a", "ABSENT");
    stock_write("_redirects", "/a /new");
    store_notice(&stock.store);
    expect_anew("a rule", "a", "301 /new");
    expect_anew("a rule that is of no matter", "file", "file");
    stock_write("_redirects", "/a /new 302");
    store_notice(&stock.store);
    expect_anew("another rule", "a", "302 /new");
    stock_date("_redirects", STOCK_OLD_S + 5);
    store_notice(&stock.store);
    expect("the same", "a", "302 /new");
    assert_true(stock.recalled);
    stock_remove("_redirects");
    store_notice(&stock.store);
    expect_anew("removed", "a", "ABSENT");
    stock_write("other", "/a /new 303");
    stock_rename("other", "_redirects");
    store_notice(&stock.store);
    expect_anew("moved here", "a", "303 /new");
    stock_rename("_redirects", "other");
    store_notice(&stock.store);
    expect_anew("moved away", "a", "ABSENT");
    stock_write("_headers", "/*\n Content-Type: text/x\n");
    store_notice(&stock.store);
    expect_anew("fields", "file", "file");
    expect_type("type", "file", CODING_IDENTITY, "text/x");
}

/* Without a cache, and without a watch, it takes a second. */
static void test_rules_change_unwatched(void **state) {
    (void)state;
    for (int blind = 0; blind < 2; blind++) {
        if (blind)
            init_error = EMFILE;
        reopen(blind ? CACHE_BYTES : 0);
        expect("before", "a", "ABSENT");
        stock_write("_redirects", "/a /new");
        stock.now_ms += STORE_CHECK_MS - 1;
        store_notice(&stock.store);
        expect("too soon", "a", "ABSENT");
        stock.now_ms += 1;
        expect("a second later", "a", "301 /new");
        stock_remove("_redirects");
        stock.now_ms += STORE_CHECK_MS;
        expect("another second later", "a", "ABSENT");
    }
}

/* Where a change goes unnoticed although there is a watch, as through a link, a second is enough.
 */
static void test_rules_behind_a_link(void **state) {
    (void)state;
    stock_write("dir/rules", "/a /new");
    tree_link(&stock.tree, "_redirects", "dir/rules");
    store_notice(&stock.store);
    expect_anew("link", "a", "301 /new");
    stock_write("dir/rules", "/a /new 302");
    store_notice(&stock.store);
    expect("too soon", "a", "301 /new");
    stock.now_ms += STORE_CHECK_MS;
    expect_anew("a second later", "a", "302 /new");
}

static void test_mistakes_keep_what_held(void **state) {
    (void)state;
    write_rules("_redirects", "/a /new");
    expect_anew("good", "a", "301 /new");
    stock_write("_redirects", "/a\n");
    store_notice(&stock.store);
    expect("bad", "a", "301 /new");
    assert_true(stock.recalled); /* nothing was forgotten for it */
    write_rules("_redirects", "/a /new 302\n");
    expect_anew("mended", "a", "302 /new");
}

static size_t cached_bytes(void) {
    return stock.store.cache.small_bytes + stock.store.cache.main_bytes;
}

static void test_memory_is_counted(void **state) {
    (void)state;
    (void)answer("file");
    size_t before = cached_bytes();
    write_rules("_headers", "/file\n X: 0123456789\n");
    assert_int_equal(cached_bytes(), 0);
    (void)answer("file");
    size_t size = sizeof(struct ruling) + strlen("X: 0123456789\r\n") + 16;
    /* An entry has the line in its head. */
    assert_int_equal(cached_bytes(), before + size + strlen("X: 0123456789\r\n"));
    (void)answer("a");
    size_t absent = cached_bytes();
    write_rules("_headers", "/a\n X: 0123456789\n");
    (void)answer("a");
    (void)answer("file");
    assert_true(cached_bytes() != absent || before > 0);
    write_rules("_headers", "");
    assert_int_equal(cached_bytes(), 0);
}

/* More rulings than fit. */
static void test_memory_is_bounded(void **state) {
    (void)state;
    reopen(64 * 1024);
    write_rules("_headers", "/*\n X: 0123456789 0123456789 0123456789\n");
    write_rules("_redirects", "/* /x/:splat 302");
    for (unsigned i = 0; i < 2000; i++) {
        char path[32];
        char want[64];
        (void)snprintf(path, sizeof path, "absent%u", i);
        (void)snprintf(want, sizeof want, "302 /x/absent%u", i);
        expect(path, path, want);
        row_assert(path, cached_bytes() <= 64 * 1024);
    }
    assert_true(cached_bytes() > 48 * 1024);
}

static void test_siblings(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        reopen(i == 0 ? CACHE_BYTES : 0);
        write_rules("_redirects", "/a /coded 200");
        write_rules("_headers", "/a\n Content-Type: text/x\n");
        assert_string_equal(stock_get_coded("a", CODING_GZIP), "gzip");
        assert_true(stock.negotiated);
        assert_string_equal(stock_get_coded("a", CODING_IDENTITY), "plain");
        assert_true(stock.negotiated);
        expect_type("sibling", "a", CODING_GZIP, "text/x");
        expect_type("plain", "a", CODING_IDENTITY, "text/x");
        expect_type("fields are of the path that was asked for", "coded", CODING_GZIP,
                    "text/plain; charset=utf-8");
    }
    reopen(CACHE_BYTES);
    (void)stock_get_coded("a", CODING_GZIP);
    stock_write("coded.gz", "other");
    store_notice(&stock.store);
    assert_string_equal(stock_get_coded("a", CODING_GZIP), "other");
    stock_remove("coded.gz");
    store_notice(&stock.store);
    expect_anew("without the sibling", "a", "plain");
    assert_int_equal(stock.available, 1u << CODING_IDENTITY);
}

/* What heads say: of what nothing is known, what nothing is said of, and what something is. */
static void test_policy(void **state) {
    (void)state;
    stock_shut();
    struct err err = ERR_INIT;
    stock.options.cache_control = SLICE("max-age=1");
    assert_int_equal(roots_open(&stock.roots, &stock.options, &err), 0);
    assert_int_equal(store_init(&stock.store, &stock.roots, &stock.options, &err), 0);
    write_rules("_headers", "/file\n X: y\n ! ETag\n/a\n Cache-Control: no-store\n");
    const struct head_policy *standard = store_policy(&stock.store, NULL);
    row_assert_slice("nothing known", standard->cache_control, SLICE("max-age=1"));
    row_assert_number("nothing known", standard->lines.len, 0);

    struct resource *resource = stock_borrow("new");
    assert_ptr_equal(store_policy(&stock.store, resource), standard);
    stock_return(resource);
    resource = stock_borrow("file");
    const struct head_policy *policy = store_policy(&stock.store, resource);
    row_assert_slice("fields", policy->cache_control, SLICE("max-age=1"));
    row_assert_slice("fields", policy->lines, SLICE("X: y\r\n"));
    row_assert_number("fields", policy->unsaid, 1u << HEAD_ETAG);
    stock_return(resource);
    resource = stock_borrow("a");
    row_assert_slice("absent", store_policy(&stock.store, resource)->cache_control,
                     SLICE("no-store"));
    stock_return(resource);
}

static void test_a_single_file_has_no_rules(void **state) {
    (void)state;
    stock_write("_redirects", "/* /x 302!");
    stock_shut();
    stock_open_root(tree_path(&stock.tree, "file"), BENEATH_LINKS_INSIDE, CACHE_BYTES);
    expect("root", "", "file");
    expect("name", "file", "file");
    expect("another", "a", "ABSENT");
}

/* The root, the watch, and what is kept open. */
static size_t open_fds(void) {
    return process_count_fds(getpid()) - stock.fds - 2;
}

static void test_descriptors(void **state) {
    (void)state;
    write_rules("_redirects", "/a /large 200\n/b /large 302\n/dir /large 200!");
    for (int i = 0; i < 2; i++) {
        (void)answer("a");
        (void)answer("b");
        (void)answer("dir");
        (void)answer("large");
        assert_int_equal(stock.store.fds, 3);
        assert_int_equal(open_fds(), 3);
    }
    write_rules("_redirects", "");
    assert_int_equal(stock.store.fds, 0);
    assert_int_equal(open_fds(), 0);
}

/* Every allocation fails once. */
static void test_no_memory(void **state) {
    (void)state;
    static const struct {
        const char *path;
        const char *want;
    } asked[] = {{"a", "index"}, {"b", "302 /new"}, {"file", "file"}, {"new", "plain"}};
    stock_write("_redirects", "/a /dir 200\n/b /new 302\n/new /coded 200!");
    stock_write("_headers", "/*\n X: :splat\n");
    for (size_t i = 0; i < ROWS_COUNT(asked); i++) {
        bool failed = true;
        for (long until = 0; failed; until++) {
            const char *row = row_at(asked[i].path, (size_t)until);
            reopen(CACHE_BYTES);
            allocations_until_failure = until;
            (void)answer(asked[i].path);
            failed = allocations_until_failure < 0;
            allocations_until_failure = -1;
            row_assert_number(row, open_fds(), 0);
            expect(row, asked[i].path, asked[i].want);
        }
    }
}

/* The same while rules are read: what held goes on to hold until there is memory. */
static void test_no_memory_for_rules(void **state) {
    (void)state;
    bool failed = true;
    for (long until = 0; failed; until++) {
        const char *row = row_at("allocation", (size_t)until);
        write_rules("_redirects", "/a /new");
        expect(row, "a", "301 /new");
        stock_write("_redirects", "/a /new 302");
        allocations_until_failure = until;
        store_notice(&stock.store);
        assert_null(store_recall(&stock.store, SLICE("nothing"), stock.now_ms));
        failed = allocations_until_failure < 0;
        allocations_until_failure = -1;
        stock.now_ms += STORE_CHECK_MS;
        expect(row, "a", "302 /new");
    }
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_rules),
        test(test_files_change),
        test(test_rules_change),
        test(test_rules_change_unwatched),
        test(test_rules_behind_a_link),
        test(test_mistakes_keep_what_held),
        test(test_memory_is_counted),
        test(test_memory_is_bounded),
        test(test_siblings),
        test(test_policy),
        test(test_a_single_file_has_no_rules),
        test(test_descriptors),
        test(test_no_memory),
        test(test_no_memory_for_rules),
    };
    return cmocka_run_group_tests_name("store, rules", tests, NULL, NULL);
}
