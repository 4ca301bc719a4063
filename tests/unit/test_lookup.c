/* What is watched before something is looked for, and what is taken note of when it is found. */
#include "store/lookup.h"

#include "store/siblings.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"
#include "support/unwatchable.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct tree tree;
static struct options options;
static struct roots roots;
static struct directories directories;
static struct docroot_file file;
static struct lookup lookup;
static size_t fds;

static unsigned searches; /* for siblings */
static unsigned failures; /* attempts to come that find no descriptor */
static unsigned told;     /* of changes */

struct siblings __real_siblings_find(const struct docroot *docroot, struct slice path,
                                     const struct stat *plain);
struct siblings __wrap_siblings_find(const struct docroot *docroot, struct slice path,
                                     const struct stat *plain);
enum docroot_outcome __real_docroot_find(const struct docroot *docroot, struct slice path,
                                         bool as_directory, struct docroot_file *found);
enum docroot_outcome __wrap_docroot_find(const struct docroot *docroot, struct slice path,
                                         bool as_directory, struct docroot_file *found);

struct siblings __wrap_siblings_find(const struct docroot *docroot, struct slice path,
                                     const struct stat *plain) {
    searches++;
    return __real_siblings_find(docroot, path, plain);
}

enum docroot_outcome __wrap_docroot_find(const struct docroot *docroot, struct slice path,
                                         bool as_directory, struct docroot_file *found) {
    if (failures == 0)
        return __real_docroot_find(docroot, path, as_directory, found);
    failures--;
    found->linked = true; /* one that is on the way, as far as is known */
    return DOCROOT_EXHAUSTED;
}

static void count_change(struct directories *from, struct dependency *dependency) {
    told++;
    directories_leave(from, dependency);
}

static void open_roots(const char *root, size_t max) {
    static const struct hash_key key = {{1, 2}};
    struct err err = ERR_INIT;
    options.root = root;
    assert_int_equal(roots_open(&roots, &options, &err), 0);
    assert_int_equal(directories_init(&directories, &key, max, count_change), 0);
    for (size_t i = 0; i < roots.count; i++)
        (void)directories_add_root(&directories, &roots.items[i].root);
    lookup = (struct lookup){.roots = &roots, .directories = &directories};
}

static void close_roots(void) {
    directories_deinit(&directories);
    roots_deinit(&roots);
}

static int setup(void **state) {
    struct err err = ERR_INIT;
    (void)state;
    fds = process_count_fds(getpid());
    searches = failures = told = 0;
    options = (struct options){.symlinks = SYMLINKS_INSIDE};
    assert_int_equal(names_parse("index.html,index.htm", &options.index, &err), 0);
    tree_make(&tree);
    tree_text(&tree, "one", "one");
    tree_text(&tree, "plain/a", "a");
    tree_text(&tree, "coded/a", "a");
    tree_text(&tree, "coded/b.gz", "b");
    tree_link(&tree, "plain/soft", "a");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    watchable();
    tree_remove(&tree);
    assert_int_equal(process_count_fds(getpid()), fds);
    return 0;
}

static struct lookup_place place_of(const char *path) {
    size_t len = strlen(path);
    bool as_directory = len == 0 || path[len - 1] == '/';
    return lookup_place(&roots, slice_of(path, len > 0 && as_directory ? len - 1 : len),
                        as_directory);
}

static struct resource *begin(const char *path) {
    const struct lookup_place place = place_of(path);
    struct resource *resource = lookup_begin(&lookup, slice_of_text(path), &place, 1);
    row_assert(path, resource != NULL);
    return resource;
}

static enum docroot_outcome find(struct resource *resource, const char *path) {
    const struct lookup_place place = place_of(path);
    enum docroot_outcome outcome = lookup_find(&lookup, resource, &place, &file);
    row_assert_number(path, resource->outcome, outcome);
    if (outcome == DOCROOT_FILE)
        (void)close(file.fd);
    return outcome;
}

static void end(struct resource *resource) {
    for (unsigned i = 0; i < resource->dependency_count; i++)
        directories_leave(&directories, &resource->dependencies[i]);
    resource_free(resource);
}

/* Siblings */

enum { WATCHED = 1, FOLLOWS = 2, ALONE = 4, FULL = 8, REMOTE = 16 };

static const struct {
    const char *name;
    const char *path;
    unsigned how;
    bool kept;
    bool searched;
} rows[] = {
    {"none in the directory", "plain/a", WATCHED, true, false},
    {"one of another file", "coded/a", WATCHED, true, true},
    {"behind a link, where nothing is seen", "plain/soft", WATCHED, true, true},
    {"nothing is watched", "plain/a", 0, false, true},
    {"too many directories", "plain/a", WATCHED | FULL, false, true},
    {"a remote file system", "plain/a", WATCHED | REMOTE, true, true},
    {"one file is all there is", "one", WATCHED | ALONE, true, false},
    {"the same, unwatched", "one", ALONE, false, false},
    {"with --live", "coded/a", WATCHED | FOLLOWS, true, false},
    {"the same, behind a link", "plain/soft", WATCHED | FOLLOWS, true, false},
};

static void test_siblings_are_looked_for_where_there_may_be_some(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        unsigned how = rows[i].how;
        type = (how & REMOTE) != 0 ? TYPE_NFS : 0;
        open_roots((how & ALONE) != 0 ? tree_path(&tree, "one") : tree.path,
                   (how & FULL) != 0 ? 0 : 100);
        if ((how & WATCHED) == 0)
            lookup.directories = NULL;
        lookup.follows = (how & FOLLOWS) != 0;
        searches = 0;
        struct resource *resource = begin(rows[i].path);
        row_assert_number(rows[i].name, resource->kept, rows[i].kept);
        row_assert_number(rows[i].name, find(resource, rows[i].path), DOCROOT_FILE);
        row_assert_number(rows[i].name, searches, rows[i].searched);
        end(resource);
        close_roots();
    }
}

/* What is depended on */

static const struct {
    const char *path;
    unsigned count;
} counts[] = {
    {"plain/a", 1},
    {"plain/", 2},
    {"", 2},
    {"no/such/file", 1},
};

static void test_each_path_that_is_tried_is_depended_on(void **state) {
    (void)state;
    open_roots(tree.path, 100);
    for (size_t i = 0; i < ROWS_COUNT(counts); i++) {
        struct resource *resource = begin(counts[i].path);
        row_assert_number(counts[i].path, resource->dependency_count, counts[i].count);
        for (unsigned j = 0; j < resource->dependency_count; j++)
            row_assert(counts[i].path, resource->dependencies[j].directory != NULL);
        end(resource);
    }
    close_roots();
}

static void test_it_is_looked_for_at_the_last_place(void **state) {
    (void)state;
    open_roots(tree.path, 100);
    const struct lookup_place places[] = {place_of("absent"), place_of("plain/a")};
    struct resource *resource = lookup_begin(&lookup, SLICE("/absent"), places, 2);
    assert_non_null(resource);
    row_assert_number("both", resource->dependency_count, 2);
    row_assert_number("last", find(resource, "plain/a"), DOCROOT_FILE);
    row_assert_slice("path", resource->path, SLICE("plain/a"));
    row_assert_slice("key", resource->cached.key, SLICE("/absent"));
    tree_text(&tree, "absent", "there by now");
    directories_notice(&directories);
    row_assert_number("a change at the first", told, 1);
    end(resource);
    close_roots();
}

static void test_who_follows_is_told_of_names_in_a_directory(void **state) {
    (void)state;
    for (unsigned follows = 0; follows < 2; follows++) {
        char name[32];
        open_roots(tree.path, 100);
        lookup.follows = follows != 0;
        told = 0;
        struct resource *resource = begin("plain/");
        row_assert_number("directory", find(resource, "plain/"), DOCROOT_DIRECTORY);
        (void)snprintf(name, sizeof name, "plain/new-%u", follows);
        tree_text(&tree, name, "new");
        directories_notice(&directories);
        row_assert_number(name, told, follows);
        end(resource);
        close_roots();
    }
}

/* Trying again */

static void test_an_attempt_that_failed_leaves_nothing_behind(void **state) {
    (void)state;
    open_roots(tree.path, 100);
    struct resource *resource = begin("plain/a");
    failures = 2;
    row_assert_number("first", find(resource, "plain/a"), DOCROOT_EXHAUSTED);
    row_assert_number("second", find(resource, "plain/a"), DOCROOT_EXHAUSTED);
    row_assert_number("third", find(resource, "plain/a"), DOCROOT_FILE);
    row_assert_slice("path", resource->path, SLICE("plain/a"));
    row_assert("watched", !resource->unwatched);
    end(resource);
    close_roots();
}

int main(void) {
    static const struct CMUnitTest tests[] = {
#define test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
        test(test_siblings_are_looked_for_where_there_may_be_some),
        test(test_each_path_that_is_tried_is_depended_on),
        test(test_it_is_looked_for_at_the_last_place),
        test(test_who_follows_is_told_of_names_in_a_directory),
        test(test_an_attempt_that_failed_leaves_nothing_behind),
    };
    return cmocka_run_group_tests_name("lookup", tests, NULL, NULL);
}
