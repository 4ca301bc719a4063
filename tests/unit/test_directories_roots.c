/* Several roots with one inotify instance, which may be the same directory, or one in another. */
#include "store/directories.h"

#include "support/dependents.h"
#include "support/unwatchable.h"

#include <errno.h>

enum { TREE, NESTED, TWICE, APART, ROOTS };

static struct tree *const tree = &dependents.tree;
static struct tree apart;
static struct beneath beneath[ROOTS];
static bool overflows; /* the next read() of events tells of lost ones only */

ssize_t __real_read(int fd, void *ptr, size_t len);
ssize_t __wrap_read(int fd, void *ptr, size_t len);

ssize_t __wrap_read(int fd, void *ptr, size_t len) {
    if (!overflows || fd != dependents.directories.watch.fd)
        return __real_read(fd, ptr, len);
    const struct inotify_event event = {.wd = -1, .mask = IN_Q_OVERFLOW};
    overflows = false;
    memcpy(ptr, &event, sizeof event);
    return sizeof event;
}

static void open_root(size_t root, const char *path) {
    beneath[root].fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    row_assert(path, beneath[root].fd >= 0);
}

static int add_root(size_t root) {
    return directories_add_root(&dependents.directories, &beneath[root]);
}

/* Everything but the roots behind the first. */
static int setup_one(void **state) {
    (void)state;
    watchable();
    overflows = false;
    dependents_make_tree();
    tree_make(&apart);
    dependents_write("file");
    dependents_write("a/file");
    dependents_write("a/b/file");
    tree_text(&apart, "file", "apart");
    tree_text(&apart, "sub/file", "apart");
    open_root(NESTED, tree_path(tree, "a"));
    open_root(TWICE, tree_path(tree, "a"));
    open_root(APART, apart.path);
    return dependents_watch(100);
}

static int setup(void **state) {
    int result = setup_one(state);
    for (size_t root = NESTED; root < ROOTS; root++)
        result |= add_root(root);
    return result;
}

static int teardown(void **state) {
    (void)state;
    watchable();
    for (size_t root = NESTED; root < ROOTS; root++)
        (void)close(beneath[root].fd);
    tree_remove(&apart);
    dependents_end();
    return 0;
}

static void reach_all(void) {
    dependents.count = 0;
    (void)dependents_add("file");
    (void)dependents_add("a/file");
    (void)dependents_add("a/b/file");
    (void)dependents_add_in(NESTED, "file");
    (void)dependents_add_in(NESTED, "b/file");
    (void)dependents_add_in(TWICE, "b/file");
    (void)dependents_add_in(APART, "file");
    (void)dependents_add_in(APART, "sub/file");
}

/* What happens */

static void write_in_tree(void) {
    dependents_write("file");
}

static void write_in_nested(void) {
    dependents_write("a/file");
}

static void write_in_both(void) {
    dependents_write("a/b/file");
}

static void write_apart(void) {
    tree_text(&apart, "file", "written");
}

static void write_deep_apart(void) {
    tree_text(&apart, "sub/file", "written");
}

static void rename_deep(void) {
    dependents_rename("a/b", "a/went");
}

/* The directory is in another place of the tree, and is still the root. */
static void rename_root(void) {
    dependents_rename("a", "went");
}

static void lock_root(void) {
    tree_mode(tree, "a", 0700);
}

static void move_between(void) {
    assert_int_equal(rename(tree_path(tree, "a/b/file"), tree_path(&apart, "sub/new")), 0);
}

#define IN_NESTED "1:file 1:b/file 2:b/file "

static const struct dependents_change rows[] = {
    {"in the first only", write_in_tree, "file "},
    {"in a nested one", write_in_nested, "a/file 1:file "},
    {"in one that is there twice", write_in_both, "a/b/file 1:b/file 2:b/file "},
    {"apart", write_apart, "3:file "},
    {"deep, apart", write_deep_apart, "3:sub/file "},
    {"a directory in a nested one", rename_deep, "a/b/file 1:b/file 2:b/file "},
    {"a nested one itself", rename_root, "a/file a/b/file " IN_NESTED},
    {"mode of a nested one", lock_root, "a/file a/b/file " IN_NESTED},
    {"from one to another", move_between, "a/b/file 1:b/file 2:b/file "},
};

static void test_told_of_changes(void **state) {
    (void)state;
    dependents_check(rows, ROWS_COUNT(rows), setup, teardown, reach_all);
}

/* Whatever happened to the way through the tree, a root is still watched. */
static void test_reached_anew(void **state) {
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        if (i > 0)
            assert_int_equal(setup(state), 0);
        reach_all();
        rows[i].happens();
        dependents_notice();
        struct dependent *nested = dependents_add_in(NESTED, "new");
        struct dependent *twice = dependents_add_in(TWICE, "new");
        int new = openat(beneath[NESTED].fd, "new", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
        row_assert(rows[i].name, new >= 0);
        (void)close(new);
        dependents_notice();
        row_assert(rows[i].name, nested->told && twice->told);
        if (i < ROWS_COUNT(rows) - 1)
            (void)teardown(state);
    }
}

static void test_one_watch_for_each_directory(void **state) {
    (void)state;
    reach_all();
    /* The tree, a, a/b, apart, apart/sub; and of directories beneath roots a, a/b, b twice, sub. */
    assert_int_equal(dependents_count_watches(), 5);
    assert_int_equal(dependents.directories.count, 5);
}

/* A directory that is reached in two ways is forgotten in one of them. */
static void test_a_watch_lasts_as_long_as_it_is_needed(void **state) {
    (void)state;
    reach_all();
    dependents_rename("a", "went");
    dependents_notice();
    assert_int_equal(dependents_count_watches(), 4); /* the tree, a as a root, apart, apart/sub */
    struct dependent *dependent = dependents_add_in(NESTED, "b/file");
    dependents_write("went/b/file");
    dependents_notice();
    assert_true(dependent->told);
}

static void test_names_are_of_one_root(void **state) {
    (void)state;
    struct dependent *first = dependents_add("sub/file");
    struct dependent *apart_one = dependents_add_in(APART, "sub/file");
    write_deep_apart();
    dependents_notice();
    assert_true(apart_one->told);
    assert_false(first->told);
    assert_true(dependents_reach(apart_one));
    dependents_write("sub/file");
    dependents_notice();
    assert_true(first->told);
    assert_false(apart_one->told);
}

static void test_lost_events_are_of_all_roots(void **state) {
    (void)state;
    reach_all();
    overflows = true;
    dependents_notice();
    for (size_t i = 0; i < dependents.count; i++)
        row_assert(row_at("told", i), dependents.items[i].told);
    assert_int_equal(dependents_count_watches(), 3); /* of the roots */
    for (size_t root = 0; root < ROOTS; root++)
        row_assert(row_at("watched", root), directories_is_watched(&dependents.directories, root));
    reach_all();
    write_in_both();
    write_deep_apart();
    dependents_notice();
    row_assert_slice("anew", slice_of_text(dependents_told()),
                     SLICE("a/b/file 1:b/file 2:b/file 3:sub/file "));
}

/* Bounds hold for all of them together. */
static void test_a_root_is_not_replaced(void **state) {
    (void)state;
    dependents.directories.max = 2;
    (void)dependents_add("a/b/file");
    for (int i = 0; i < 4; i++) {
        (void)dependents_add_in(NESTED, "b/file");
        (void)dependents_add_in(APART, "sub/file");
    }
    assert_in_range(dependents.directories.count, 1, 2);
    for (size_t root = 0; root < ROOTS; root++)
        row_assert(row_at("watched", root), directories_is_watched(&dependents.directories, root));
    struct dependent *dependent = dependents_add_in(NESTED, "file");
    write_in_nested();
    dependents_notice();
    assert_true(dependent->told);
}

/* What can't be watched */

static const struct {
    const char *name;
    int add_error;
    bool is_remote;
    int result;
    enum directories_outcome outcome;
} circumstances[] = {
    {"no watches left", ENOSPC, false, -ENOSPC, DIRECTORIES_BLIND},
    {"not allowed", EACCES, false, -EACCES, DIRECTORIES_BLIND},
    {"remote", 0, true, -EREMOTE, DIRECTORIES_REMOTE},
};

static void test_one_root_can_not_be_watched(void **state) {
    for (size_t i = 0; i < ROWS_COUNT(circumstances); i++) {
        const char *name = circumstances[i].name;
        if (i > 0)
            (void)teardown(state);
        if (i > 0)
            assert_int_equal(setup_one(state), 0);
        row_assert_number(name, add_root(NESTED), 0);
        add_error = circumstances[i].add_error;
        type = circumstances[i].is_remote ? TYPE_NFS : 0;
        row_assert_number(name, directories_add_root(&dependents.directories, &beneath[APART]),
                          circumstances[i].result);
        row_assert(name, !directories_is_watched(&dependents.directories, 2));
        struct dependent *dependent = dependents_new("file");
        dependent->root = 2;
        row_assert_number(name, dependents_try(dependent), circumstances[i].outcome);
        watchable();
        struct dependent *other = dependents_add_in(NESTED, "file");
        write_in_nested();
        dependents_notice();
        row_assert(name, other->told && !dependent->told);
        /* By now there may be a watch for it; what is remote stays so. */
        row_assert_number(name, dependents_try(dependent),
                          circumstances[i].is_remote ? DIRECTORIES_REMOTE : DIRECTORIES_WATCHED);
    }
}

static void test_no_instance(void **state) {
    (void)state;
    directories_deinit(&dependents.directories);
    init_error = EMFILE;
    assert_int_equal(dependents_watch(100), -EMFILE);
    for (size_t root = NESTED; root < ROOTS; root++) {
        struct dependent *dependent = dependents_new("file");
        dependent->root = root;
        row_assert_number(row_at("add", root), add_root(root), -EBADF);
        row_assert_number(row_at("reach", root), dependents_try(dependent), DIRECTORIES_BLIND);
    }
}

static void test_as_many_as_there_may_be(void **state) {
    (void)state;
    for (size_t root = 1; root < DIRECTORIES_ROOTS_MAX; root++)
        row_assert_number(row_at("add", root), add_root(root % 2 == 0 ? NESTED : APART), 0);
    struct dependent *last = dependents_add_in(DIRECTORIES_ROOTS_MAX - 1, "file");
    assert_int_equal(dependents_count_watches(), 3);
    write_in_nested();
    dependents_notice();
    assert_true(last->told);
}

#define test(f)     cmocka_unit_test_setup_teardown(f, setup, teardown)
#define test_one(f) cmocka_unit_test_setup_teardown(f, setup_one, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_told_of_changes),
        test(test_reached_anew),
        test(test_one_watch_for_each_directory),
        test(test_a_watch_lasts_as_long_as_it_is_needed),
        test(test_names_are_of_one_root),
        test(test_lost_events_are_of_all_roots),
        test(test_a_root_is_not_replaced),
        test_one(test_one_root_can_not_be_watched),
        test_one(test_no_instance),
        test_one(test_as_many_as_there_may_be),
    };
    return cmocka_run_group_tests_name("directories_roots", tests, NULL, NULL);
}
