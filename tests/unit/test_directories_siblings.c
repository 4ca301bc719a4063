/* What directories say of encoded siblings that may be in them. */
#include "support/dependents.h"

static struct tree *const tree = &dependents.tree;

static int setup(void **state) {
    (void)state;
    dependents_make_tree();
    tree_text(tree, "top.txt", "top");
    tree_text(tree, "plain/a.txt", "a");
    tree_text(tree, "plain/br", "no sibling");
    tree_text(tree, "plain/.gz", "nor this");
    tree_text(tree, "br/a.txt.br", "a");
    tree_text(tree, "zst/b.zst", "b");
    tree_text(tree, "gz/c.gz", "c");
    tree_directory(tree, "empty");
    return dependents_watch(100);
}

static int teardown(void **state) {
    (void)state;
    dependents_end();
    return 0;
}

static bool may_have(const char *path) {
    return directories_may_have_siblings(&dependents_add(path)->dependency);
}

static void test_names_are_looked_at(void **state) {
    (void)state;
    static const struct {
        const char *path;
        bool siblings;
    } rows[] = {
        {"top.txt", false}, {"plain/a.txt", false}, {"empty/a", false},  {"br/a.txt", true},
        {"zst/x", true},    {"gz/c", true},         {"absent/x", false},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        row_assert_number(rows[i].path, may_have(rows[i].path), rows[i].siblings);
}

static void test_what_appears_is_noticed(void **state) {
    (void)state;
    static const char *const paths[] = {"top.txt", "plain/a.txt", "empty/a"};
    for (size_t i = 0; i < ROWS_COUNT(paths); i++)
        row_assert(paths[i], !may_have(paths[i]));
    tree_text(tree, "other.txt", "no sibling");
    dependents_notice();
    row_assert("another file", !may_have("top.txt"));
    tree_text(tree, "x.gz", "x");
    dependents_rename("br/a.txt.br", "plain/a.txt.br");
    dependents_rename("zst/b.zst", "empty/a.zst");
    dependents_notice();
    for (size_t i = 0; i < ROWS_COUNT(paths); i++)
        row_assert(paths[i], may_have(paths[i]));
}

/* A directory of many names is not read to the end. */
static void test_many_names(void **state) {
    (void)state;
    char name[32];
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(name, sizeof name, "many/%d", i);
        tree_text(tree, name, "");
    }
    assert_true(may_have("many/1"));
}

/* Whoever depends on nothing that is watched is told nothing for certain. */
static void test_not_watched(void **state) {
    (void)state;
    const struct dependency dependency = {.directory = NULL};
    assert_true(directories_may_have_siblings(&dependency));
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(test_names_are_looked_at),
        test(test_what_appears_is_noticed),
        test(test_many_names),
        test(test_not_watched),
    };
    return cmocka_run_group_tests_name("directories, siblings", tests, NULL, NULL);
}
