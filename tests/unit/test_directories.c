/* What is reported when something changes; bounds and failures are in test_directories_limits.c. */
#include "store/directories.h"

#include "support/dependents.h"

#include <errno.h>

static struct tree *const tree = &dependents.tree;

static const char *const paths[] = {
    "top",         "a",          "a/file",   "a/b",          "a/b/file",
    "a/b/file.gz", "a/b/other",  "a/absent", "no/such/file", "soft/file",
    "c/d/e/f/g",   "a/b/file/x", "a/b/.gz",
};

static int setup(void **state) {
    (void)state;
    dependents_make_tree();
    dependents_write("top");
    dependents_write("a/file");
    dependents_write("a/b/file");
    dependents_write("a/b/file.gz");
    dependents_write("a/b/other");
    dependents_write("c/d/e/f/g");
    dependents_write("outside");
    tree_directory(tree, "empty");
    tree_link(tree, "soft", "a");
    return dependents_watch(100);
}

static int teardown(void **state) {
    (void)state;
    dependents_end();
    return 0;
}

/* What happens */

static void nothing(void) {}

static void write_top(void) {
    dependents_write("top");
}

static void write_deep(void) {
    dependents_write("a/b/file");
}

static void remove_deep(void) {
    dependents_remove("a/b/file");
}

static void rename_deep(void) {
    dependents_rename("a/b/file", "a/b/elsewhere");
}

static void replace_deep(void) {
    dependents_rename("outside", "a/b/other");
}

static void change_mode(void) {
    tree_mode(tree, "a/b/file", 0600);
}

static void change_time(void) {
    static const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    assert_int_equal(utimensat(AT_FDCWD, tree_path(tree, "a/b/file"), times, 0), 0);
}

static void make_brotli(void) {
    dependents_write("a/b/file.br");
}

static void make_zstd(void) {
    dependents_write("a/b/file.zst");
}

static void write_gzip(void) {
    dependents_write("a/b/file.gz");
}

static void remove_gzip(void) {
    dependents_remove("a/b/file.gz");
}

static void make_gzip_of_gzip(void) {
    dependents_write("a/b/file.gz.gz");
}

static void make_sibling_of_sibling(void) {
    dependents_write("a/b/file.gz.zst");
}

static void make_others(void) {
    dependents_write("a/b/fil");
    dependents_write("a/b/files");
    dependents_write("a/b/file.bz2");
    dependents_write("a/b/file.gz2");
    dependents_write("a/b/filegz");
    dependents_write("a/b/.file");
    dependents_write("b/file");
    dependents_write("file");
}

static void make_only_extension(void) {
    dependents_write("a/b/.gz");
}

static void rename_parent(void) {
    dependents_rename("a/b", "a/went");
}

static void rename_top_parent(void) {
    dependents_rename("a", "went");
}

static void rename_over_nothing(void) {
    dependents_rename("empty", "no");
}

static void rename_over_empty(void) {
    dependents_rename("a/b", "empty");
}

static void exchange(void) {
    assert_int_equal(renameat2(AT_FDCWD, tree_path(tree, "outside"), AT_FDCWD,
                               tree_path(tree, "a/b"), RENAME_EXCHANGE),
                     0);
}

static void lock_parent(void) {
    tree_mode(tree, "a", 0700);
}

static void lock_root(void) {
    assert_int_equal(chmod(tree->path, 0700), 0);
}

static void move_root(void) {
    char away[sizeof tree->path + 8];
    (void)snprintf(away, sizeof away, "%s-away", tree->path);
    assert_int_equal(rename(tree->path, away), 0);
    assert_int_equal(rename(away, tree->path), 0);
}

static void remove_parent(void) {
    dependents_remove("a/b/file");
    dependents_remove("a/b/file.gz");
    dependents_remove("a/b/other");
    dependents_remove("a/b");
}

static void make_parent(void) {
    tree_directory(tree, "no");
}

static void make_all_parents(void) {
    dependents_write("no/such/file");
}

static void make_file_for_parent(void) {
    dependents_write("no");
}

static void make_other_parent(void) {
    tree_directory(tree, "not");
}

static void replace_link(void) {
    tree_link(tree, "new", "c");
    dependents_rename("new", "soft");
}

static void make_absent(void) {
    dependents_write("a/absent");
}

static void link_absent(void) {
    assert_int_equal(link(tree_path(tree, "outside"), tree_path(tree, "a/absent")), 0);
}

static void make_directory_of_file(void) {
    remove_deep();
    dependents_write("a/b/file/x");
}

static void rename_middle(void) {
    dependents_rename("c/d/e", "c/d/went");
}

#define IN_B       "a/b a/b/file a/b/file.gz a/b/other a/b/file/x a/b/.gz "
#define IN_A       "a a/file a/b a/b/file a/b/file.gz a/b/other a/absent a/b/file/x a/b/.gz "
#define FILES      "a/b/file a/b/file.gz a/b/file/x "
#define EVERYTHING "top " IN_A_IN_ORDER
#define IN_A_IN_ORDER                                                                        \
    "a a/file a/b a/b/file a/b/file.gz a/b/other a/absent no/such/file soft/file c/d/e/f/g " \
    "a/b/file/x a/b/.gz "

static const struct dependents_change rows[] = {
    {"nothing", nothing, ""},
    {"write", write_top, "top "},
    {"deep write", write_deep, FILES},
    {"remove", remove_deep, FILES},
    {"rename", rename_deep, FILES},
    {"replace", replace_deep, "a/b/other "},
    {"mode", change_mode, FILES},
    {"time", change_time, FILES},
    {"a sibling appears", make_brotli, FILES},
    {"another sibling appears", make_zstd, FILES},
    {"a sibling is written to", write_gzip, FILES},
    {"a sibling vanishes", remove_gzip, FILES},
    {"the sibling of a sibling", make_sibling_of_sibling, FILES},
    {"the same coding twice", make_gzip_of_gzip, FILES},
    {"other names", make_others, ""},
    {"a name that is an extension only", make_only_extension, "a/b/.gz "},
    {"what was absent appears", make_absent, "a/absent "},
    {"what was absent appears as a link", link_absent, "a/absent "},
    {"a file becomes a directory", make_directory_of_file, FILES},
    {"rename a directory on the way", rename_parent, IN_B},
    {"rename the first directory on the way", rename_top_parent, IN_A},
    {"rename a directory in the middle", rename_middle, "c/d/e/f/g "},
    {"rename over an empty directory", rename_over_empty, IN_B},
    {"exchange with a file", exchange, IN_B},
    {"remove a directory on the way", remove_parent, IN_B},
    {"mode of a directory on the way", lock_parent, IN_A},
    {"mode of the root", lock_root, EVERYTHING},
    {"move the root", move_root, EVERYTHING},
    {"a directory that was absent", make_parent, "no/such/file "},
    {"a directory that was absent, with all in it", make_all_parents, "no/such/file "},
    {"a directory that was absent, by rename", rename_over_nothing, "no/such/file "},
    {"a file where a directory was absent", make_file_for_parent, "no/such/file "},
    {"another directory", make_other_parent, ""},
    {"a link on the way", replace_link, "soft/file "},
};

static void reach_all(void) {
    dependents.count = 0;
    for (size_t i = 0; i < ROWS_COUNT(paths); i++)
        (void)dependents_add(paths[i]);
}

static void test_told_of_changes(void **state) {
    (void)state;
    dependents_check(rows, ROWS_COUNT(rows), setup, teardown, reach_all);
}

/* Whether a file can be where one was at first. */
static bool can_write_deep(void) {
    struct stat stat;
    return lstat(tree_path(tree, "a/b/file"), &stat) < 0 ? errno == ENOENT : S_ISREG(stat.st_mode);
}

static void reach_those_told(void) {
    for (size_t i = 0; i < dependents.count; i++) {
        if (dependents.items[i].told)
            row_assert(paths[i], dependents_reach(&dependents.items[i]));
    }
}

/* Whatever happened, who looks again is told again. */
static void test_reached_anew(void **state) {
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        if (i > 0)
            assert_int_equal(setup(state), 0);
        reach_all();
        rows[i].happens();
        dependents_notice();
        reach_those_told();
        if (can_write_deep()) {
            write_deep();
            dependents_notice();
            row_assert(rows[i].name, strstr(dependents_told(), "a/b/file ") != NULL);
        }
        row_assert_number(rows[i].name, dependents_count_watches(),
                          dependents.directories.count + 1);
        if (i < ROWS_COUNT(rows) - 1)
            (void)teardown(state);
    }
}

static void test_all_are_told_in_the_end(void **state) {
    (void)state;
    reach_all();
    directories_deinit(&dependents.directories);
    for (size_t i = 0; i < ROWS_COUNT(paths); i++)
        row_assert(paths[i], dependents.items[i].told);
}

/* Between reaching for a path and opening it, and before that. */
static void test_no_change_is_lost(void **state) {
    (void)state;
    struct dependent *dependent = dependents_add("a/b/file");
    write_deep();
    dependents_notice();
    assert_true(dependent->told);
    assert_true(dependents_reach(dependent));
    dependents_notice(); /* nothing is left of what was before */
    assert_false(dependent->told);
}

/* By the time the path is opened, it leads elsewhere, and only that is what is not yet noticed. */
static void test_renamed_but_not_yet_noticed(void **state) {
    (void)state;
    struct dependent *dependent = dependents_add("a/b/absent");
    dependents_rename("a", "went");
    tree_directory(tree, "a");
    struct dependent *late = dependents_add("a/b/new");
    dependents_notice();
    assert_true(dependent->told && late->told);
    assert_true(dependents_reach(late));
    dependents_write("a/b/new");
    dependents_notice();
    assert_true(late->told);
}

static void test_several_on_one_name(void **state) {
    (void)state;
    struct dependent *three[3];
    for (size_t i = 0; i < ROWS_COUNT(three); i++)
        three[i] = dependents_add("a/b/file");
    directories_leave(&dependents.directories, &three[1]->dependency);
    directories_leave(&dependents.directories, &three[1]->dependency); /* idempotent */
    write_deep();
    dependents_notice();
    assert_true(three[0]->told && three[2]->told);
    assert_false(three[1]->told);
}

/* Who depends on all names in a directory is told of any of them, and of none elsewhere. */
static void test_on_all_names(void **state) {
    (void)state;
    static const char *const names[] = {"a/index.html", "a/index.htm", "a/other", "a/sub/x"};
    tree_text(&dependents.tree, "a/other", "");
    tree_text(&dependents.tree, "a/sub/x", "");
    for (size_t i = 0; i < ROWS_COUNT(names); i++)
        (void)dependents_add(names[i]);
    directories_widen(&dependents.items[0].dependency);
    directories_widen(&dependents.items[1].dependency);
    tree_text(&dependents.tree, "elsewhere", "");
    tree_text(&dependents.tree, "a/sub/new", "");
    dependents_notice();
    assert_string_equal(dependents_told(), "");
    tree_text(&dependents.tree, "a/new", "");
    dependents_notice();
    assert_string_equal(dependents_told(), "a/index.html a/index.htm ");
    assert_true(dependents_reach(&dependents.items[0])); /* on its name alone */
    tree_text(&dependents.tree, "a/newer", "");
    dependents_notice();
    assert_string_equal(dependents_told(), "a/index.htm ");
}

static void test_directories_are_watched_once(void **state) {
    (void)state;
    assert_int_equal(dependents_count_watches(), 1);
    reach_all();
    assert_int_equal(dependents.directories.count, 6); /* a, a/b, c, c/d, c/d/e, c/d/e/f */
    assert_int_equal(dependents_count_watches(), 7);
    struct dependent *again = dependents_add("a/b/file");
    assert_int_equal(dependents.directories.count, 6);
    directories_leave(&dependents.directories, &again->dependency);
}

static void test_a_directory_comes_and_goes(void **state) {
    (void)state;
    struct dependent *dependent = dependents_add("x/y/z");
    for (int i = 0; i < 10; i++) {
        dependents_write("x/y/z");
        dependents_notice();
        row_assert(row_at("made", (size_t)i), dependent->told);
        assert_true(dependents_reach(dependent));
        dependents_remove("x/y/z");
        dependents_remove("x/y");
        dependents_remove("x");
        dependents_notice();
        row_assert(row_at("removed", (size_t)i), dependent->told);
        assert_true(dependents_reach(dependent));
    }
    assert_int_equal(dependents_count_watches(), 1);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_told_of_changes),
        test(test_reached_anew),
        test(test_all_are_told_in_the_end),
        test(test_no_change_is_lost),
        test(test_renamed_but_not_yet_noticed),
        test(test_several_on_one_name),
        test(test_on_all_names),
        test(test_directories_are_watched_once),
        test(test_a_directory_comes_and_goes),
    };
    return cmocka_run_group_tests_name("directories", tests, NULL, NULL);
}
