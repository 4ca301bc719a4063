/* Directories that are mounted, and those that something is mounted in. */
#include "store/listing.h"

#include "store/roots.h"
#include "support/mounted.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ROOM = 256 * 1024 };

static struct tree tree;
static struct options options;
static struct roots roots;
static char text[ROOM];
static size_t fds_before;

static int setup(void **state) {
    (void)state;
    fds_before = process_count_fds(getpid());
    tree_make(&tree);
    tree_text(&tree, "site/file", "site");
    tree_text(&tree, "site/docs/covered", "covered");
    tree_text(&tree, "site/a/b", "a file");
    tree_text(&tree, "docs/one", "1");
    tree_text(&tree, "docs/sub/two", "2");
    tree_text(&tree, "docs/sub/api/covered", "covered");
    tree_link(&tree, "site/link", "docs");
    options = (struct options){.root = tree_path(&tree, "site")};
    mounted_add(&options, &tree, "/docs", "docs");
    mounted_add(&options, &tree, "/docs/sub/api", "site");
    mounted_add(&options, &tree, "/one.txt", "docs/one");
    mounted_add(&options, &tree, "/a/b", "docs");
    mounted_add(&options, &tree, "/a/new", "docs");
    mounted_add(&options, &tree, "/no/such", "docs");
    mounted_add(&options, &tree, "/.dot", "docs");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    roots_deinit(&roots);
    tree_remove(&tree);
    assert_int_equal(process_count_fds(getpid()), fds_before);
    return 0;
}

static void open_roots(bool hidden) {
    struct err err = ERR_INIT;
    options.hidden = hidden;
    if (roots_open(&roots, &options, &err) < 0)
        fail_msg("%s", err.text);
}

/* The listing of the directory that a path leads to, in `text`. */
static void list(const char *path, const char *query) {
    struct buf all = BUF_INIT(text, sizeof text - 1);
    struct view view = view_parse(slice_of_text(query));
    struct stretch stretch;
    struct stream *stream = NULL;
    struct slice rest;
    const struct docroot *docroot = roots_choose(&roots, slice_of_text(path), &rest);
    row_assert_number(path, listing_open(docroot, rest, &view, &stream), DOCROOT_DIRECTORY);
    enum stream_outcome outcome;
    do
        outcome = stream_next(stream, &all, &stretch);
    while (outcome == STREAM_BYTES || outcome == STREAM_PAUSE);
    row_assert_number(path, outcome, STREAM_END);
    row_assert(path, !all.overflow);
    text[all.len] = '\0';
    stream_free(stream);
}

/* The names in a listing in text, separated by spaces. */
static struct slice names_in_text(void) {
    static char memory[1024];
    struct buf names = BUF_INIT(memory, sizeof memory);
    struct slice rest = slice_of_text(text);
    struct slice line;
    while (slice_cut(&rest, '\n', &line) && line.len > 0) {
        if (names.len > 0)
            buf_put_char(&names, ' ');
        buf_put(&names, slice_after(line, sizeof "999 kB  2026-11-22 14:03  " - 1));
    }
    return buf_slice(&names);
}

static const struct {
    const char *name;
    const char *path;
    bool hidden;
    const char *names;
} rows[] = {
    {"the root", "", false, "a/ docs/ link/ file one.txt"},
    {"the root, with dots", "", true, ".dot/ a/ docs/ link/ file one.txt"},
    {"mounted over a file, and over nothing", "a", false, "b/ new/"},
    {"a mount", "docs", false, "sub/ one"},
    {"in a mount, with a mount", "docs/sub", false, "api/ two"},
    {"a mount in a mount: of another root", "docs/sub/api", false, "a/ docs/ link/ file"},
    {"what a mount covers, in a root where nothing does", "docs/sub/api/docs", false, "covered"},
    {"a link to what a mount covers", "link", false, "covered"},
};

static void test_what_is_listed(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        open_roots(rows[i].hidden);
        list(rows[i].path, "format=text");
        row_assert_slice(rows[i].name, names_in_text(), slice_of_text(rows[i].names));
        roots_deinit(&roots);
    }
}

static void expect(const char *row, const char *part) {
    if (strstr(text, part) == NULL)
        fail_msg("%s: '%s' is not in\n%s", row, part, text);
}

static void expect_not(const char *row, const char *part) {
    if (strstr(text, part) != NULL)
        fail_msg("%s: '%s' is in\n%s", row, part, text);
}

static void test_kinds_and_counts(void **state) {
    (void)state;
    open_roots(false);
    list("", "format=json");
    expect("a directory", "{\"name\":\"docs\",\"type\":\"directory\",\"mtime\":\"20");
    expect("its reference", "\"href\":\"./docs/\"}");
    expect("a single file", "{\"name\":\"one.txt\",\"type\":\"file\",\"size\":1,\"mtime\":\"20");
    expect("its reference", "\"href\":\"./one.txt\"}");
    list("", "format=html");
    expect("counts", "3 folders, 2 files");
    expect("bytes of all", "title=\"5 bytes\"");
}

/* A path is that of the request: links upwards lead out of a mount into what is around it. */
static void test_paths_are_those_of_requests(void **state) {
    (void)state;
    static const char up[] = "<a href=\"./../\">Up</a>";
    open_roots(false);
    list("", "format=html");
    expect_not("the root", up);
    list("docs", "format=html");
    expect("a mount has a title", "<title>docs/");
    expect("a mount has a way up", up);
    expect("a mount, the root", "<a href=\"./../\">Index</a>");
    expect("a mount, itself", "<a href=\"./\"><bdi>docs</bdi></a>");
    list("docs/sub/api/a", "format=html");
    expect("deep, the root", "<a href=\"./../../../../\">Index</a>");
    expect("deep, a mount", "<a href=\"./../../../\"><bdi>docs</bdi></a>");
    expect("deep, a directory in it", "<a href=\"./../../\"><bdi>sub</bdi></a>");
    expect("deep, another mount", "<a href=\"./../\"><bdi>api</bdi></a>");
    expect("deep, a directory in that", "<a href=\"./\"><bdi>a</bdi></a>");
}

/* What is mounted is gone: it cannot be told what it is. */
static void test_a_mount_that_vanished(void **state) {
    (void)state;
    open_roots(false);
    assert_int_equal(unlink(tree_path(&tree, "docs/one")), 0);
    list("", "format=text");
    row_assert_slice("gone", names_in_text(), SLICE("a/ docs/ link/ file"));
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_what_is_listed),
        test(test_kinds_and_counts),
        test(test_paths_are_those_of_requests),
        test(test_a_mount_that_vanished),
    };
    return cmocka_run_group_tests_name("listing_mounts", tests, NULL, NULL);
}
