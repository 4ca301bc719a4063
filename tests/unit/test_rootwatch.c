#include "proc/rootwatch.h"

#include "support/note.h"
#include "support/row.h"
#include "support/tree.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { START_MS = 5000 };

static struct tree tree;
static struct setup *setup;
static struct rootwatch watch = ROOTWATCH_INIT;
static char before[4096]; /* the working directory */

static void serve(const char *root) {
    static char program[] = "pronto";
    static char path[4096];
    static char *words[] = {program, path};
    struct err err = ERR_INIT;
    (void)snprintf(path, sizeof path, "%s", root);
    const struct command_line line = {2, words};
    setup_free(setup);
    setup = setup_load(&line, &err);
    assert_non_null(setup);
}

static void move(const char *from, const char *to) {
    assert_int_equal(rename(tree_path(&tree, from), tree_path(&tree, to)), 0);
}

static int begin(void **state) {
    struct err err = ERR_INIT;
    (void)state;
    assert_non_null(getcwd(before, sizeof before));
    tree_make(&tree);
    tree_text(&tree, "root/a.txt", "a");
    tree_text(&tree, "next/a.txt", "b");
    serve(tree_path(&tree, "root"));
    return rootwatch_init(&watch, START_MS, &err);
}

static int end(void **state) {
    (void)state;
    assert_int_equal(chdir(before), 0);
    rootwatch_deinit(&watch);
    rootwatch_deinit(&watch); /* idempotent */
    setup_free(setup);
    setup = NULL;
    tree_remove(&tree);
    return 0;
}

static void test_looks_once_a_second(void **state) {
    (void)state;
    move("root", "old");
    move("next", "root");
    assert_false(rootwatch_look(&watch, setup, START_MS));
    assert_false(rootwatch_look(&watch, setup, START_MS + 999));
    assert_int_equal(rootwatch_wait_ms(&watch, -1, START_MS + 400), 600);
    assert_int_equal(rootwatch_wait_ms(&watch, 10, START_MS + 400), 10);
    assert_true(rootwatch_look(&watch, setup, START_MS + 1000));
}

static void test_nothing_has_changed(void **state) {
    (void)state;
    tree_text(&tree, "root/b.txt", "another name in it is of no interest here");
    for (int64_t now_ms = START_MS; now_ms < START_MS + 100000; now_ms += 1000)
        assert_false(rootwatch_look(&watch, setup, now_ms));
    assert_int_equal(rootwatch_wait_ms(&watch, -1, START_MS + 99000), 1000);
}

/* When it is told of a replacement that nobody opens; in seconds from the start. */
static const int64_t retries_s[] = {1, 2, 4, 8, 16, 32, 64, 124, 184};

static void test_a_replacement_is_tried_less_and_less_often(void **state) {
    size_t count = 0;
    (void)state;
    move("root", "old");
    move("next", "root");
    for (int64_t s = 0; s <= 200 && count < ROWS_COUNT(retries_s); s++) {
        if (rootwatch_look(&watch, setup, START_MS + s * 1000))
            assert_int_equal(s, retries_s[count++]);
    }
    assert_int_equal(count, ROWS_COUNT(retries_s));
    serve(tree_path(&tree, "root"));
    assert_false(rootwatch_look(&watch, setup, START_MS + 1000000));
    assert_int_equal(rootwatch_wait_ms(&watch, -1, START_MS + 1000000), 1000);
}

static void test_what_is_gone_is_waited_for(void **state) {
    (void)state;
    move("root", "old");
    for (int64_t s = 1; s < 10; s++)
        assert_false(rootwatch_look(&watch, setup, START_MS + s * 1000));
    assert_true(watch.gone);
    move("old", "root");
    assert_false(rootwatch_look(&watch, setup, START_MS + 10000));
    assert_false(watch.gone);
    move("root", "old");
    move("next", "root");
    assert_true(rootwatch_look(&watch, setup, START_MS + 11000));
}

/* A single file: its directory counts, and that it is one. */
static void test_a_file(void **state) {
    (void)state;
    serve(tree_path(&tree, "root/a.txt"));
    tree_text(&tree, "root/new", "another file by that name");
    move("root/new", "root/a.txt");
    assert_false(rootwatch_look(&watch, setup, START_MS + 1000));
    assert_int_equal(unlink(tree_path(&tree, "root/a.txt")), 0);
    tree_directory(&tree, "root/a.txt");
    assert_true(rootwatch_look(&watch, setup, START_MS + 2000));
}

static void test_the_directory_of_the_start(void **state) {
    struct err err = ERR_INIT;
    char here[4096];
    (void)state;
    assert_int_equal(chdir(tree_path(&tree, "root")), 0);
    rootwatch_deinit(&watch);
    assert_int_equal(rootwatch_init(&watch, START_MS, &err), 0);
    serve(".");
    move("root", "old");
    assert_false(rootwatch_look(&watch, setup, START_MS + 1000)); /* it goes by its own path */
    move("next", "root");
    assert_true(rootwatch_look(&watch, setup, START_MS + 2000));
    assert_non_null(getcwd(here, sizeof here));
    assert_string_equal(here, tree_path(&tree, "root"));
}

#define test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(test_looks_once_a_second),
        test(test_nothing_has_changed),
        test(test_a_replacement_is_tried_less_and_less_often),
        test(test_what_is_gone_is_waited_for),
        test(test_a_file),
        test(test_the_directory_of_the_start),
    };
    return cmocka_run_group_tests_name("rootwatch", tests, NULL, NULL);
}
