#include "store/rewrites.h"

#include "support/mounted.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct tree tree;
static struct options options;
static struct roots roots;
static size_t fds_before;

static void make_tree(void) {
    tree_make(&tree);
    tree_text(&tree, "site/app.html", "app");
    tree_text(&tree, "site/a b.html", "blank");
    tree_text(&tree, "site/dir/index.html", "index");
    tree_text(&tree, "site/bare/file", "file");
    tree_text(&tree, "site/.hidden", "hidden");
    tree_text(&tree, "site/_headers", "");
    tree_link(&tree, "site/inside", "app.html");
    tree_link(&tree, "site/outside", "/etc/passwd");
    assert_int_equal(mkfifo(tree_path(&tree, "site/fifo"), 0644), 0);
    tree_text(&tree, "site/over/gone.html", "something is mounted over it");
    tree_text(&tree, "mounted/there.html", "there");
}

static int setup(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    static char root[1024];
    make_tree();
    fds_before = process_count_fds(getpid());
    (void)snprintf(root, sizeof root, "%s", tree_path(&tree, "site"));
    options = (struct options){.root = root};
    assert_int_equal(names_parse("index.html", &options.index, &err), 0);
    mounted_add(&options, &tree, "/over", "mounted");
    if (roots_open(&roots, &options, &err) < 0)
        fail_msg("%s", err.text);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    roots_deinit(&roots);
    assert_int_equal(process_count_fds(getpid()), fds_before);
    tree_remove(&tree);
    return 0;
}

/* Reads a text of rules, without mistakes, and judges them. What is found borrows from the text. */
static void judge(const char *text, struct rules_faults *faults) {
    struct rules_faults mistakes = {.capacity = 0};
    struct redirects redirects =
        REDIRECTS_INIT(calloc(RULES_REDIRECTS_MAX, sizeof *redirects.items));
    assert_non_null(redirects.items);
    row_assert(text, redirects_parse(slice_of_text(text), &redirects, &mistakes));
    rewrites_judge(&redirects, &roots, faults);
    free(redirects.items);
}

static const struct {
    const char *name;
    const char *rule;
    bool fine;
} rows[] = {
    {"a file", "/a /app.html 200", true},
    {"a file, for all", "/* /app.html 200", true},
    {"a file, by force", "/a /app.html 200!", true},
    {"a file, encoded", "/a /a%20b.html 200", true},
    {"a link to a file", "/a /inside 200", true},
    {"a directory with an index file", "/a /dir/ 200", true},
    {"the same without a slash", "/a /dir 200", true},
    {"a file in a mount", "/a /over/there.html 200", true},
    {"what only somebody else may read", "/a /private 200", true},
    {"a placeholder", "/a/:b /:b.html 200", true},
    {"a splat", "/a/* /gone/:splat 200", true},
    {"a redirect to nothing", "/a /gone 302", true},
    {"a redirect to another host", "/a https://example.com/gone", true},
    {"nothing", "/a /gone.html 200", false},
    {"nothing, for all", "/* /gone.html 200", false},
    {"nothing, by force", "/app.html /gone.html 200!", false},
    {"no page of what is absent", "/en/* /en/404.html 404", false},
    {"a file as a directory", "/a /app.html/ 200", false},
    {"a directory without an index file", "/a /bare/ 200", false},
    {"the same without a slash, and an index", "/a /bare 200", false},
    {"the root, which has no index file", "/a / 200", false},
    {"a dotfile", "/a /.hidden 200", false},
    {"a file of rules", "/a /_headers 200", false},
    {"a link that leads outside", "/a /outside 200", false},
    {"a FIFO", "/a /fifo 200", false},
    {"nothing in a mount", "/a /over/gone.html 200", false},
};

/* Root may read all; whoever runs the test as somebody else may not read this one. */
static void make_private(void) {
    tree_text(&tree, "site/private", "private");
    tree_mode(&tree, "site/private", 0);
}

static void test_where_rules_lead(void **state) {
    (void)state;
    make_private();
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct rules_fault fault;
        struct rules_faults faults = RULES_FAULTS_INIT(&fault, 1);
        judge(rows[i].rule, &faults);
        row_assert_number(rows[i].name, faults.count, rows[i].fine ? 0 : 1);
    }
}

static void test_what_is_said(void **state) {
    (void)state;
    struct rules_fault items[2];
    struct rules_faults faults = RULES_FAULTS_INIT(items, 2);
    judge("# moved\n/a /gone 302\n/b /gone.html 200\n/c /app.html 200\n\n/d /gone/ 404\n", &faults);
    assert_int_equal(faults.count, 2);
    assert_int_equal(items[0].line, 3);
    assert_int_equal(items[0].mistake, RULES_NOTHING_THERE);
    row_assert_slice("the first", items[0].part, SLICE("/gone.html"));
    assert_int_equal(items[1].line, 6);
    row_assert_slice("the second", items[1].part, SLICE("/gone/"));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_where_rules_lead, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_said, setup, teardown),
    };
    return cmocka_run_group_tests_name("rewrites", tests, NULL, NULL);
}
