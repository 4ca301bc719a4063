/* What no watch sees, and is found when it is looked at again. */
#include "store/store.h"

#include "support/note.h"
#include "support/stock.h"
#include "support/unwatchable.h"

#include <sched.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <time.h>

static int setup(void **state) {
    (void)state;
    watchable();
    stock_make_tree();
    tree_directory(&stock.tree, "root");
    stock_write("root/file", "old");
    stock_write("root/dir/file", "old");
    tree_file(&stock.tree, "root/large", 1, STOCK_MEMORY_MAX + 1);
    tree_file(&stock.tree, "root/large.bin", 1, STOCK_MEMORY_MAX + 1);
    stock_date("root/large", STOCK_OLD_S);
    stock_date("root/large.bin", STOCK_OLD_S);
    stock_write("root/target", "old");
    stock_write("root/elsewhere/file", "old");
    tree_link(&stock.tree, "root/link", "target");
    tree_link(&stock.tree, "root/link-dir", "elsewhere");
    assert_int_equal(link(tree_path(&stock.tree, "root/file"), tree_path(&stock.tree, "hard")), 0);
    stock_open_root(tree_path(&stock.tree, "root"), BENEATH_LINKS_INSIDE, 1 << 20);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    stock_close();
    return 0;
}

/* Opens the same store in other circumstances. */
static void open_again(enum beneath_links links) {
    stock_shut();
    stock_open_root(tree_path(&stock.tree, "root"), links, 1 << 20);
}

static void wait_ms(int64_t ms) {
    stock.now_ms += ms;
}

/* Writes by a name that is not watched, with the same length and the time it had. */
static void write_hard_link(void) {
    stock_write("hard", "new");
    store_notice(&stock.store);
}

static void test_a_write_through_another_hard_link(void **state) {
    (void)state;
    stock_expect("at first", "file", "old", false);
    write_hard_link();
    wait_ms(STORE_CHECK_MS - 1);
    stock_expect("too early to know", "file", "old", true);
    wait_ms(1);
    stock_expect("checked", "file", "new", false);
    stock_expect("known again", "file", "new", true);
}

static void test_a_check_that_finds_nothing(void **state) {
    (void)state;
    stock_expect("at first", "file", "old", false);
    for (size_t i = 0; i < 5; i++) {
        wait_ms(STORE_CHECK_MS);
        stock_expect(row_at("checked", i), "file", "old", true);
        write_hard_link(); /* after the check, which holds for a while again */
        wait_ms(STORE_CHECK_MS - 1);
        stock_expect(row_at("too early", i), "file", "old", true);
        wait_ms(1);
        stock_expect(row_at("changed", i), "file", "new", false);
        stock_write("root/file", "old");
        store_notice(&stock.store);
        stock_expect(row_at("old again", i), "file", "old", false);
    }
}

/* Nobody asks for the plain file; but what is newer than its sibling is no longer its content. */
static void test_a_write_to_what_a_sibling_was_made_of(void **state) {
    (void)state;
    stock_write("root/file.gz", "zipped");
    store_notice(&stock.store);
    assert_string_equal(stock_get_coded("file", CODING_GZIP), "zipped");
    stock_write("hard", "new");
    stock_date("hard", STOCK_OLD_S + 1);
    store_notice(&stock.store);
    wait_ms(STORE_CHECK_MS);
    assert_string_equal(stock_get_coded("file", CODING_IDENTITY), "new");
    assert_false(stock.recalled);
    assert_int_equal(stock.available, 1u << CODING_IDENTITY);
}

static void test_large_files_are_checked(void **state) {
    (void)state;
    (void)stock_get("large");
    wait_ms(STORE_CHECK_MS);
    (void)stock_get("large");
    assert_true(stock.recalled);
    assert_int_equal(
        link(tree_path(&stock.tree, "root/large"), tree_path(&stock.tree, "hard-large")), 0);
    wait_ms(STORE_CHECK_MS);
    (void)stock_get("large"); /* only its ctime is another one */
    assert_false(stock.recalled);
}

static void write_mapped(char *map, const char *text) {
    for (size_t i = 0; text[i] != '\0'; i++)
        map[i] = text[i];
}

static void test_a_write_through_a_mapping(void **state) {
    (void)state;
    int fd = open(tree_path(&stock.tree, "root/file"), O_RDWR | O_CLOEXEC);
    char *map = mmap(NULL, 3, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(map != MAP_FAILED);
    stock_expect("at first", "file", "old", false);
    write_mapped(map, "new");
    store_notice(&stock.store);
    wait_ms(STORE_CHECK_MS - 1);
    stock_expect("too early to know", "file", "old", true);
    wait_ms(1);
    stock_expect("checked", "file", "new", false);
    /* The page is dirty now, and the kernel does not note the time again. */
    write_mapped(map, "two");
    store_notice(&stock.store);
    wait_ms(STORE_CHECK_MS);
    stock_expect("without a trace", "file", "two", false);
    assert_int_equal(munmap(map, 3), 0);
    (void)close(fd);
}

static const struct {
    const char *name;
    const char *path;
    int64_t age_s;
    bool recalled; /* after the check */
} settled[] = {
    {"in memory, just written", "file", 0, false},
    {"in memory, written lately", "file", 10, false},
    {"in memory, written long ago", "file", 120, true},
    {"in memory, from the future", "file", -1000, false},
    {"large, just written", "large.bin", 0, true},
    {"large, just written, and its type is that of the content", "large", 0, false},
    {"large, written long ago, and its type is that of the content", "large", 120, true},
};

/* What was written lately may be written to again without a trace. */
static void test_what_is_not_settled(void **state) {
    for (size_t i = 0; i < ROWS_COUNT(settled); i++) {
        char file[64];
        if (i > 0)
            assert_int_equal(setup(state), 0);
        (void)snprintf(file, sizeof file, "root/%s", settled[i].path);
        stock_date(file, time(NULL) - settled[i].age_s);
        store_notice(&stock.store);
        (void)stock_get(settled[i].path);
        wait_ms(STORE_CHECK_MS - 1);
        (void)stock_get(settled[i].path);
        row_assert(settled[i].name, stock.recalled);
        wait_ms(1);
        (void)stock_get(settled[i].path);
        row_assert_number(settled[i].name, stock.recalled, settled[i].recalled);
        if (i < ROWS_COUNT(settled) - 1)
            (void)teardown(state);
    }
}

/* Kept for a while, and then looked up again, whether they changed or not. */
static void expect_blind(const char *row, const char *path, const char *content) {
    stock_expect(row, path, content, false);
    wait_ms(STORE_CHECK_MS - 1);
    stock_expect(row, path, content, true);
    wait_ms(1);
    stock_expect(row, path, content, false);
}

static void test_behind_links(void **state) {
    (void)state;
    expect_blind("link", "link", "old");
    expect_blind("link on the way", "link-dir/file", "old");
    expect_blind("nothing behind a link", "link-dir/absent", "ABSENT");
    expect_blind("a directory behind a link", "link-dir/", "DIRECTORY");
    (void)stock_get("link");
    (void)stock_get("link-dir/file");
    stock_write("root/target", "new");
    stock_write("root/elsewhere/file", "new");
    store_notice(&stock.store);
    stock_expect("too early to know", "link", "old", true);
    stock_expect("too early to know", "link-dir/file", "old", true);
    wait_ms(STORE_CHECK_MS);
    stock_expect("checked", "link", "new", false);
    stock_expect("checked", "link-dir/file", "new", false);
}

/* The link itself is watched. */
static void test_links_that_change(void **state) {
    (void)state;
    stock_write("root/other/file", "other");
    stock_expect("link on the way", "link-dir/file", "old", false);
    tree_link(&stock.tree, "root/new", "other");
    stock_rename("root/new", "root/link-dir");
    store_notice(&stock.store);
    stock_expect("led elsewhere", "link-dir/file", "other", false);
}

static void test_links_that_are_not_followed(void **state) {
    (void)state;
    open_again(BENEATH_LINKS_NONE);
    stock_expect("link", "link", "ABSENT", false);
    stock_remove("root/link");
    stock_write("root/link", "no link");
    store_notice(&stock.store);
    stock_expect("no longer a link", "link", "no link", false);
}

/* What is removed unnoticed would take up room as long as it is open. */
static void test_what_is_not_watched_is_not_kept_open(void **state) {
    (void)state;
    tree_link(&stock.tree, "root/link-large", "large");
    store_notice(&stock.store);
    (void)stock_get("link-large");
    (void)stock_get("link-large");
    assert_false(stock.recalled);
    assert_int_equal(stock.store.fds, 0);
}

static const struct {
    const char *name;
    int init_error;
    int add_error;
    bool is_remote;
} circumstances[] = {
    {"no instances left", EMFILE, 0, false},
    {"no watches left", 0, ENOSPC, false},
    {"not allowed", 0, EACCES, false},
    {"remote", 0, 0, true},
};

/* What can't be watched is looked up each time. */
static void expect_not_kept(const char *row, const char *path, const char *content) {
    for (int i = 0; i < 3; i++)
        stock_expect(row, path, content, false);
    assert_int_equal(stock.store.cache.by_key.count, 0);
}

static void test_blind(void **state) {
    (void)state;
    static const char *const paths[][2] = {{"file", "old"},
                                           {"dir/file", "old"},
                                           {"absent", "ABSENT"},
                                           {"dir/", "DIRECTORY"},
                                           {"dir", "SLASH"}};
    for (size_t i = 0; i < ROWS_COUNT(circumstances); i++) {
        const char *name = circumstances[i].name;
        init_error = circumstances[i].init_error;
        add_error = circumstances[i].add_error;
        type = circumstances[i].is_remote ? TYPE_NFS : 0;
        open_again(BENEATH_LINKS_INSIDE);
        row_assert(name, !store_is_watched(&stock.store, 0));
        row_assert_number(name, store_fd(&stock.store) < 0, init_error != 0);
        for (size_t path = 0; path < ROWS_COUNT(paths); path++)
            (circumstances[i].is_remote ? expect_blind : expect_not_kept)(name, paths[path][0],
                                                                          paths[path][1]);
        store_notice(&stock.store);
    }
}

/* The root is watched, and what is beneath it is not. */
static void test_half_blind(void **state) {
    (void)state;
    add_error = ENOSPC;
    expect_not_kept("beneath", "dir/file", "old");
    stock_expect("root", "file", "old", false);
    stock_expect("root", "file", "old", true);
    stock_write("root/file", "new");
    store_notice(&stock.store);
    stock_expect("root, changed", "file", "new", false);
    assert_true(store_is_watched(&stock.store, 0));
}

static void test_remote_beneath(void **state) {
    (void)state;
    type = TYPE_NFS;
    expect_blind("beneath", "dir/file", "old");
    stock_expect("root", "file", "old", false);
    stock.now_ms += STORE_CHECK_MS;
    stock_expect("root", "file", "old", true);
}

static const char *const negatives[] = {"absent", "dir/absent", "no/such/file", "dir/", "dir"};

/* Nobody is told of what is mounted over a directory; so what is not there is looked up again. */
static void test_what_is_not_there_is_checked(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(negatives); i++) {
        stock_expect(negatives[i], negatives[i], stock_get(negatives[i]), true);
        wait_ms(STORE_CHECK_MS - 1);
        stock_expect(negatives[i], negatives[i], stock_get(negatives[i]), true);
        wait_ms(1);
        (void)stock_get(negatives[i]);
        row_assert(negatives[i], !stock.recalled);
    }
}

static bool may_mount(void) {
    if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
        return true;
    note_cannot_test("mounts over directories: they need root");
    return false;
}

static void test_mounts(void **state) {
    (void)state;
    if (!may_mount())
        return;
    open_again(BENEATH_LINKS_INSIDE); /* what was open is of the other namespace */
    stock_write("root/elsewhere/only", "here");
    stock_write("root/elsewhere/file", "mounted");
    stock_expect("before", "dir/file", "old", false);
    stock_expect("before", "dir/only", "ABSENT", false);
    assert_int_equal(mount(tree_path(&stock.tree, "root/elsewhere"),
                           tree_path(&stock.tree, "root/dir"), NULL, MS_BIND, NULL),
                     0);
    store_notice(&stock.store);
    wait_ms(STORE_CHECK_MS);
    stock_expect("mounted", "dir/file", "mounted", false);
    stock_expect("mounted", "dir/only", "here", false);
    assert_int_equal(umount(tree_path(&stock.tree, "root/dir")), 0);
    store_notice(&stock.store);
    wait_ms(STORE_CHECK_MS);
    stock_expect("unmounted", "dir/file", "old", false);
    stock_expect("unmounted", "dir/only", "ABSENT", false);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_a_write_through_another_hard_link),
        test(test_a_check_that_finds_nothing),
        test(test_a_write_to_what_a_sibling_was_made_of),
        test(test_large_files_are_checked),
        test(test_a_write_through_a_mapping),
        test(test_what_is_not_settled),
        test(test_behind_links),
        test(test_links_that_change),
        test(test_links_that_are_not_followed),
        test(test_what_is_not_watched_is_not_kept_open),
        test(test_blind),
        test(test_half_blind),
        test(test_remote_beneath),
        test(test_what_is_not_there_is_checked),
        test(test_mounts),
    };
    return cmocka_run_group_tests_name("store, checks", tests, NULL, NULL);
}
