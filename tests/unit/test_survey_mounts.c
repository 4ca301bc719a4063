/* What is mounted is in no archive but its own, and neither is what it covers. */
#include "store/survey.h"

#include "base/buf.h"
#include "store/roots.h"
#include "support/mounted.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct tree tree;
static struct options options;
static struct roots roots;
static size_t fds_before;

static int setup(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    fds_before = process_count_fds(getpid());
    tree_make(&tree);
    tree_text(&tree, "site/file", "site");
    tree_text(&tree, "site/docs/covered", "covered");
    tree_text(&tree, "site/a/b/covered", "covered");
    tree_text(&tree, "site/a/c", "site");
    tree_text(&tree, "site/.dot", "hidden");
    tree_text(&tree, "docs/one", "1");
    tree_text(&tree, "docs/sub/two", "2");
    tree_text(&tree, "docs/sub/api", "covered");
    options = (struct options){.root = tree_path(&tree, "site")};
    mounted_add(&options, &tree, "/docs", "docs");
    mounted_add(&options, &tree, "/docs/sub/api", "site");
    mounted_add(&options, &tree, "/a/b", "docs");
    mounted_add(&options, &tree, "/a/new", "docs");
    assert_int_equal(roots_open(&roots, &options, &err), 0);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    roots_deinit(&roots);
    tree_remove(&tree);
    assert_int_equal(process_count_fds(getpid()), fds_before);
    return 0;
}

/* The members of the archive of the directory that a path leads to, separated by spaces; NULL:
 * there is none. */
static const char *members_of(const struct docroot *docroot, const char *path) {
    static char text[1024];
    struct buf members = BUF_INIT(text, sizeof text);
    struct snapshot snapshot = {0};
    struct survey survey;
    enum survey_outcome outcome;
    survey_init(&survey, docroot, slice_of_text(path), SLICE("name"), &snapshot);
    do
        outcome = survey_step(&survey);
    while (outcome == SURVEY_MORE);
    for (uint32_t i = 1; outcome == SURVEY_DONE && i < snapshot.count; i++) {
        snapshot_put_path(&snapshot, i, &members);
        buf_put_char(&members, ' ');
    }
    buf_put_char(&members, '\0');
    assert_false(members.overflow);
    survey_deinit(&survey);
    snapshot_deinit(&snapshot);
    return outcome == SURVEY_DONE ? text : NULL;
}

static void test_members(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t root;
        const char *path;
        const char *members; /* NULL: there is no archive */
    } rows[] = {
        {"the root", 0, "", "a file a/c "},
        {"a directory with mounts", 0, "a", "c "},
        {"a mount", 1, "", "one sub sub/two "},
        {"a directory in a mount", 1, "sub", "two "},
        {"the root, mounted", 2, "", "a docs file a/b a/c docs/covered a/b/covered "},
        {"a mount in the root", 3, "", "one sub sub/api sub/two "},
        {"what a mount covers", 0, "docs", NULL},
        {"what a mount covers, deep", 0, "a/b", NULL},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const char *members = members_of(&roots.items[rows[i].root], rows[i].path);
        row_assert_number(rows[i].name, members != NULL, rows[i].members != NULL);
        if (members != NULL)
            row_assert_slice(rows[i].name, slice_of_text(members), slice_of_text(rows[i].members));
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_members, setup, teardown),
    };
    return cmocka_run_group_tests_name("survey_mounts", tests, NULL, NULL);
}
