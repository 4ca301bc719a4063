#include "store/roots.h"

#include "support/guard.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* As the options would have them, without anything open. */
static struct roots roots;

static void make_roots(const char *const prefixes[], size_t count) {
    roots = (struct roots)ROOTS_INIT;
    for (size_t i = 0; i < count; i++)
        roots.items[i] = (struct docroot){.root = {.fd = -1}, .prefix = slice_of_text(prefixes[i])};
    roots.count = count;
}

static const char *const prefixes[] = {"", "docs", "docs/api", "a/b/c", "do", "a b", "docs/api/v2"};

static const struct {
    const char *name;
    const char *path;
    size_t root;
    const char *rest;
} rows[] = {
    {"the root itself", "", 0, ""},
    {"a name in the root", "file", 0, "file"},
    {"a path in the root", "x/docs", 0, "x/docs"},
    {"a mount", "docs", 1, ""},
    {"a name in a mount", "docs/file", 1, "file"},
    {"a path in a mount", "docs/x/y", 1, "x/y"},
    {"a longer name", "docs2", 0, "docs2"},
    {"a longer name on the way", "docs.d/file", 0, "docs.d/file"},
    {"a shorter name", "doc", 0, "doc"},
    {"one that others begin with", "do/file", 4, "file"},
    {"another case", "Docs/file", 0, "Docs/file"},
    {"a mount in a mount", "docs/api", 2, ""},
    {"a name in a mount in a mount", "docs/api/file", 2, "file"},
    {"the longest of three", "docs/api/v2/file", 6, "file"},
    {"the longest of three, not quite", "docs/api/v20/file", 2, "v20/file"},
    {"a longer name in a mount", "docs/apis/file", 1, "apis/file"},
    {"a deep mount", "a/b/c", 3, ""},
    {"above a deep mount", "a", 0, "a"},
    {"above a deep mount, twice", "a/b", 0, "a/b"},
    {"beside a deep mount", "a/b/d", 0, "a/b/d"},
    {"beneath a deep mount", "a/b/c/a/b/c", 3, "a/b/c"},
    {"a blank", "a b/c", 5, "c"},
    {"the same name once more", "docs/docs", 1, "docs"},
};

static void test_choose(void **state) {
    (void)state;
    make_roots(prefixes, ROWS_COUNT(prefixes));
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        size_t len = strlen(rows[i].path);
        char *path = guard_copy(slice_of_text(rows[i].path));
        struct slice rest;
        const struct docroot *chosen = roots_choose(&roots, slice_of(path, len), &rest);
        row_assert_number(rows[i].name, chosen - roots.items, rows[i].root);
        row_assert_slice(rows[i].name, rest, slice_of_text(rows[i].rest));
        row_assert(rows[i].name, rest.ptr >= path && rest.ptr + rest.len == path + len);
        guard_free(path, len);
    }
}

/* Whatever the order of the options. */
static void test_choose_in_another_order(void **state) {
    (void)state;
    const char *turned[ROWS_COUNT(prefixes)] = {""};
    for (size_t i = 1; i < ROWS_COUNT(prefixes); i++)
        turned[i] = prefixes[ROWS_COUNT(prefixes) - i];
    make_roots(turned, ROWS_COUNT(turned));
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct slice rest;
        const struct docroot *chosen = roots_choose(&roots, slice_of_text(rows[i].path), &rest);
        row_assert_slice(rows[i].name, chosen->prefix, slice_of_text(prefixes[rows[i].root]));
        row_assert_slice(rows[i].name, rest, slice_of_text(rows[i].rest));
    }
}

static void test_choose_without_mounts(void **state) {
    (void)state;
    make_roots(prefixes, 1);
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct slice rest;
        const struct docroot *chosen = roots_choose(&roots, slice_of_text(rows[i].path), &rest);
        row_assert_number(rows[i].name, chosen - roots.items, 0);
        row_assert_slice(rows[i].name, rest, slice_of_text(rows[i].path));
    }
}

/* Opening */

static struct tree tree;
static struct options options;
static size_t fds_before;

static int setup(void **state) {
    (void)state;
    fds_before = process_count_fds(getpid());
    tree_make(&tree);
    tree_text(&tree, "site/file", "root");
    tree_text(&tree, "docs/file", "docs");
    options = (struct options){.root = tree_path(&tree, "site")};
    return 0;
}

static int teardown(void **state) {
    (void)state;
    roots_deinit(&roots);
    roots_deinit(&roots); /* idempotent */
    tree_remove(&tree);
    assert_int_equal(process_count_fds(getpid()), fds_before);
    return 0;
}

static void mount(const char *path, const char *name) {
    static char texts[8][1024];
    struct err err = ERR_INIT;
    char *text = texts[options.mount.count];
    (void)snprintf(text, sizeof texts[0], "%s=%s/%s", path, tree.path, name);
    row_assert_number(path, mounts_add(&options.mount, text, &err), 0);
}

/* The mounts of a docroot, each with a space behind it. */
static const char *mounts_of(const struct docroot *docroot) {
    static char text[256];
    size_t len = 0;
    text[0] = '\0';
    for (const struct docroot *at = docroot->mounts; at != NULL; at = at->next_mount) {
        struct slice point = docroot_mount_point(docroot, at);
        len += (size_t)snprintf(text + len, sizeof text - len, "%.*s ", (int)point.len, point.ptr);
    }
    return text;
}

static void test_open(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    mount("/docs/sub/deep", "docs");
    mount("/docs", "docs");
    mount("/docs/file", "docs/file");
    mount("/x/y", "site");
    mount("/docs/sub/deep/er", "docs");
    assert_int_equal(roots_open(&roots, &options, &err), 0);
    assert_int_equal(roots.count, 6);
    assert_string_equal(mounts_of(&roots.items[0]), "x/y docs ");
    assert_string_equal(mounts_of(&roots.items[1]), "er ");
    assert_string_equal(mounts_of(&roots.items[2]), "file sub/deep ");
    assert_string_equal(mounts_of(&roots.items[3]), "");
    row_assert_slice("a file", roots.items[3].only, SLICE("file"));
    row_assert_slice("a directory", roots.items[1].only, SLICE_NONE);
}

static void test_open_fails(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *mounted;
        int result;
        const char *message;
    } bad[] = {
        {"absent", "absent", -ENOENT, "No such file"},
        {"no directory", "docs/file/x", -ENOTDIR, "Not a directory"},
    };
    for (size_t i = 0; i < ROWS_COUNT(bad); i++) {
        struct err err = ERR_INIT;
        char start[512];
        options.mount.count = 0;
        mount("/good", "docs");
        mount("/bad/one", bad[i].mounted);
        row_assert_number(bad[i].name, roots_open(&roots, &options, &err), bad[i].result);
        (void)snprintf(start, sizeof start, "--mount /bad/one: cannot serve %s/%s: %s", tree.path,
                       bad[i].mounted, bad[i].message);
        row_assert_slice(bad[i].name, slice_of(err.text, strnlen(err.text, strlen(start))),
                         slice_of_text(start));
        row_assert_number(bad[i].name, roots.count, 0);
    }
}

static void test_the_root_can_not_be_opened(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    mount("/docs", "docs");
    options.root = tree_path(&tree, "absent");
    assert_int_equal(roots_open(&roots, &options, &err), -ENOENT);
    assert_null(strstr(err.text, "--mount"));
    assert_int_equal(roots.count, 0);
}

static void test_mounts_have_the_rules_of_the_root(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    mount("/docs", "docs");
    options.hidden = true;
    options.symlinks = SYMLINKS_NONE;
    assert_int_equal(roots_open(&roots, &options, &err), 0);
    for (size_t i = 0; i < roots.count; i++) {
        assert_true(roots.items[i].hidden);
        assert_int_equal(roots.items[i].root.links, BENEATH_LINKS_NONE);
        assert_ptr_equal(roots.items[i].index, &options.index);
    }
}

/* What is mounted over */

static void expect_found(const char *path, bool as_directory, const char *file) {
    struct docroot_file found;
    struct slice rest;
    const struct docroot *docroot = roots_choose(&roots, slice_of_text(path), &rest);
    enum docroot_outcome outcome = docroot_find(docroot, rest, as_directory, &found);
    row_assert_number(path, outcome, file != NULL ? DOCROOT_FILE : DOCROOT_ABSENT);
    if (file != NULL) {
        row_assert_slice(path, slice_of(found.path, found.path_len), slice_of_text(file));
        (void)close(found.fd);
    }
}

/* What is covered is not found by another name either; and rules are those of the root alone. */
static void test_covered_under_other_names(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    tree_text(&tree, "site/about.html", "covered");
    tree_text(&tree, "site/open.html", "open");
    tree_text(&tree, "site/in/index.html", "covered");
    tree_text(&tree, "docs/_headers", "a file like any other");
    options.clean_urls = true;
    mount("/about.html", "docs/_headers");
    mount("/in/index.html", "docs/_headers");
    mount("/docs", "docs");
    assert_int_equal(roots_open(&roots, &options, &err), 0);
    expect_found("about", false, NULL);
    expect_found("open", false, "open.html");
    expect_found("about.html", false, "_headers");
    expect_found("docs/_headers", false, "_headers");
    struct docroot_file found;
    assert_int_equal(docroot_find(&roots.items[0], SLICE("in"), true, &found), DOCROOT_DIRECTORY);
    (void)close(found.fd);
}

static void test_covered(void **state) {
    (void)state;
    static const struct {
        const char *path;
        bool hidden;
    } paths[] = {
        {"", false},     {"docs", true}, {"docs/file", true}, {"docs2", false},
        {"doc", false},  {"x", false},   {"x/y", true},       {"x/y/z", true},
        {"x/yy", false}, {"y", false},   {".dot", true},      {"a/docs", false},
    };
    struct err err = ERR_INIT;
    mount("/docs", "docs");
    mount("/x/y", "docs");
    mount("/docs/z", "docs");
    assert_int_equal(roots_open(&roots, &options, &err), 0);
    for (size_t i = 0; i < ROWS_COUNT(paths); i++)
        row_assert_number(paths[i].path,
                          docroot_hides(&roots.items[0], slice_of_text(paths[i].path)),
                          paths[i].hidden);
    assert_true(docroot_hides(&roots.items[1], SLICE("z")));
    assert_false(docroot_hides(&roots.items[1], SLICE("docs")));
    assert_false(docroot_hides(&roots.items[2], SLICE("z")));
}

static void test_shown_in_their_directory(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    mount("/docs", "docs");
    mount("/x/y", "docs");
    assert_int_equal(roots_open(&roots, &options, &err), 0);
    const struct docroot *root = &roots.items[0];
    const struct docroot *docs = &roots.items[1];
    const struct docroot *deep = &roots.items[2];
    row_assert_slice("at the top", docroot_mount_name(root, docs, SLICE("")), SLICE("docs"));
    row_assert_slice("deep", docroot_mount_name(root, deep, SLICE("x")), SLICE("y"));
    row_assert_slice("deep, from the top", docroot_mount_name(root, deep, SLICE("")), SLICE_NONE);
    row_assert_slice("elsewhere", docroot_mount_name(root, docs, SLICE("x")), SLICE_NONE);
    row_assert_slice("itself", docroot_mount_name(root, docs, SLICE("docs")), SLICE_NONE);
    row_assert_slice("a shorter name", docroot_mount_name(root, docs, SLICE("do")), SLICE_NONE);
    assert_false(docroot_shows(root, SLICE(""), SLICE("docs")));
    assert_true(docroot_shows(root, SLICE(""), SLICE("x")));
    assert_false(docroot_shows(root, SLICE("x"), SLICE("y")));
    assert_true(docroot_shows(root, SLICE("x"), SLICE("docs")));
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choose),
        cmocka_unit_test(test_choose_in_another_order),
        cmocka_unit_test(test_choose_without_mounts),
        test(test_open),
        test(test_open_fails),
        test(test_the_root_can_not_be_opened),
        test(test_mounts_have_the_rules_of_the_root),
        test(test_covered),
        test(test_covered_under_other_names),
        test(test_shown_in_their_directory),
    };
    return cmocka_run_group_tests_name("roots", tests, NULL, NULL);
}
