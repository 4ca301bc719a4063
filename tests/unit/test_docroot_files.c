/* Which files stand for a path, and opening one of them. */
#include "store/docroot.h"

#include "support/rooted.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int setup(void **state) {
    (void)state;
    rooted_begin();
    tree_make(&rooted.tree);
    tree_text(&rooted.tree, "file.txt", "a file");
    tree_text(&rooted.tree, "plain/file", "no index here");
    tree_text(&rooted.tree, "second/index.htm", "second choice");
    tree_text(&rooted.tree, "both/index.htm", "second choice");
    tree_text(&rooted.tree, "both/index.html", "first choice");
    tree_text(&rooted.tree, ".hidden", "hidden");
    tree_link(&rooted.tree, "link", "file.txt");
    tree_link(&rooted.tree, "link-dir", "second");
    tree_link(&rooted.tree, "out", "/etc/passwd");
    tree_link(&rooted.tree, "loop", "loop");
    assert_int_equal(mkfifo(tree_path(&rooted.tree, "fifo"), 0644), 0);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    rooted_end();
    tree_remove(&rooted.tree);
    return 0;
}

static const struct {
    const char *name;
    const char *path;
    bool as_directory;
    bool hidden;
    const char *candidates[3]; /* NULL behind the last */
} candidates[] = {
    {"file", "file.txt", false, false, {"file.txt"}},
    {"deep file", "a/b/c", false, false, {"a/b/c"}},
    {"root", "", true, false, {"index.html", "index.htm"}},
    {"directory", "a", true, false, {"a/index.html", "a/index.htm"}},
    {"deep directory", "a/b", true, false, {"a/b/index.html", "a/b/index.htm"}},
    {"hidden", ".git/config", false, false, {NULL}},
    {"hidden directory", ".git", true, false, {NULL}},
    {"hidden, but served", ".git", true, true, {".git/index.html", ".git/index.htm"}},
    {"well-known", ".well-known/x", false, false, {".well-known/x"}},
    {"file of rules", "_redirects", false, true, {NULL}},
};

static void check_candidates(const char *row, const char *path, bool as_directory,
                             const char *const *want) {
    char text[PATH_MAX];
    size_t i = 0;
    for (; want[i] != NULL; i++) {
        size_t len = docroot_candidate(&rooted.docroot, slice_of_text(path), as_directory, i, text);
        row_assert_slice(row, slice_of(text, len), slice_of_text(want[i]));
        row_assert_number(row, text[len], '\0');
    }
    for (size_t behind = i; behind < i + 3; behind++)
        row_assert_number(
            row,
            docroot_candidate(&rooted.docroot, slice_of_text(path), as_directory, behind, text), 0);
}

static void test_candidates(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(candidates); i++) {
        rooted_open(candidates[i].hidden, BENEATH_LINKS_INSIDE);
        check_candidates(candidates[i].name, candidates[i].path, candidates[i].as_directory,
                         candidates[i].candidates);
        docroot_deinit(&rooted.docroot);
    }
}

static void test_candidates_of_a_single_file(void **state) {
    (void)state;
    static const char *const only[] = {"file", NULL};
    static const char *const none[] = {NULL};
    rooted_open_at(tree_path(&rooted.tree, "plain/file"), "index.html", false,
                   BENEATH_LINKS_INSIDE);
    check_candidates("root", "", true, only);
    check_candidates("its name", "file", false, only);
    check_candidates("its name with a slash", "file", true, none);
    check_candidates("another name", "other", false, none);
}

/* What has no room for its NUL is no candidate. */
static void test_candidates_too_long(void **state) {
    (void)state;
    static char path[PATH_MAX + 1];
    char text[PATH_MAX];
    rooted_open(false, BENEATH_LINKS_INSIDE);
    for (size_t len = PATH_MAX - 20; len <= PATH_MAX; len++) {
        size_t with_index = len + sizeof "/index.html" - 1;
        memset(path, 'a', len);
        row_assert_number(row_at("file", len),
                          docroot_candidate(&rooted.docroot, slice_of(path, len), false, 0, text),
                          len < PATH_MAX ? len : 0);
        row_assert_number(row_at("index", len),
                          docroot_candidate(&rooted.docroot, slice_of(path, len), true, 0, text),
                          with_index < PATH_MAX ? with_index : 0);
    }
}

static const struct {
    const char *name;
    const char *path;
    enum docroot_outcome outcome;
    bool linked;
} files[] = {
    {"file", "file.txt", DOCROOT_FILE, false},
    {"deep file", "second/index.htm", DOCROOT_FILE, false},
    {"hidden file", ".hidden", DOCROOT_FILE, false}, /* it is not asked what is served */
    {"directory", "plain", DOCROOT_ABSENT, false},
    {"FIFO", "fifo", DOCROOT_ABSENT, false},
    {"nothing", "nothing", DOCROOT_ABSENT, false},
    {"link", "link", DOCROOT_FILE, true},
    {"behind a link", "link-dir/index.htm", DOCROOT_FILE, true},
    {"nothing behind a link", "link-dir/nothing", DOCROOT_ABSENT, true},
    {"link out", "out", DOCROOT_ABSENT, true},
    {"loop", "loop", DOCROOT_ABSENT, true},
};

static void test_open_file(void **state) {
    (void)state;
    rooted_open(false, BENEATH_LINKS_INSIDE);
    (void)alarm(10); /* a FIFO must not block */
    for (size_t i = 0; i < ROWS_COUNT(files); i++) {
        struct docroot_file file = {.fd = -7, .linked = !files[i].linked};
        struct stat stat;
        (void)snprintf(file.path, sizeof file.path, "%s", files[i].path);
        row_assert_number(files[i].name, docroot_open_file(&rooted.docroot, &file),
                          files[i].outcome);
        row_assert_number(files[i].name, file.linked, files[i].linked);
        row_assert_number(files[i].name, file.fd >= 0, files[i].outcome == DOCROOT_FILE);
        if (file.fd < 0)
            continue;
        row_assert_number(files[i].name, docroot_stat(&rooted.docroot, files[i].path, &stat), 0);
        row_assert_number(files[i].name, stat.st_ino, file.stat.st_ino);
        (void)close(file.fd);
    }
    (void)alarm(0);
}

/* A link to any of what was tried, or on the way to it. */
static void test_find_linked(void **state) {
    (void)state;
    static const struct {
        const char *path;
        bool as_directory;
        bool linked;
    } rows[] = {
        {"both", true, false}, {"both", false, false},     {"nothing", true, false},
        {"link", false, true}, {"link-dir", true, true},   {"link-dir", false, true},
        {"link", true, true},  {"link-index", true, true},
    };
    tree_text(&rooted.tree, "link-index/index.htm", "behind a link to nothing");
    tree_link(&rooted.tree, "link-index/index.html", "nothing");
    rooted_open(false, BENEATH_LINKS_INSIDE);
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct docroot_file file = {.linked = true};
        if (docroot_find(&rooted.docroot, slice_of_text(rows[i].path), rows[i].as_directory,
                         &file) == DOCROOT_FILE)
            (void)close(file.fd);
        row_assert_number(row_at(rows[i].path, i), file.linked, rows[i].linked);
    }
}

static void test_name_of(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"file", "file"}, {"a/file.txt", "file.txt"}, {"a/b/c", "c"}, {"a/", ""}, {"", ""}};
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        row_assert_slice(rows[i][0], docroot_name_of(slice_of_text(rows[i][0])),
                         slice_of_text(rows[i][1]));
}

static void test_stat(void **state) {
    (void)state;
    struct stat stat;
    rooted_open(false, BENEATH_LINKS_INSIDE);
    assert_int_equal(docroot_stat(&rooted.docroot, "plain/file", &stat), 0);
    assert_int_equal(stat.st_size, strlen("no index here"));
    assert_int_equal(docroot_stat(&rooted.docroot, "link", &stat), 0);
    assert_true(S_ISREG(stat.st_mode));
    assert_int_equal(docroot_stat(&rooted.docroot, "nothing", &stat), -ENOENT);
    assert_int_equal(docroot_stat(&rooted.docroot, "loop", &stat), -ELOOP);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_candidates),
        test(test_candidates_of_a_single_file),
        test(test_candidates_too_long),
        test(test_open_file),
        test(test_find_linked),
        test(test_name_of),
        test(test_stat),
    };
    return cmocka_run_group_tests_name("docroot, files", tests, NULL, NULL);
}
