#include "proc/pidfile.h"

#include "support/note.h"
#include "support/row.h"
#include "support/tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct tree tree;

static int setup(void **state) {
    (void)state;
    tree_make(&tree);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    tree_remove(&tree);
    return 0;
}

static bool is_there(const char *path) {
    struct stat stat;
    return lstat(path, &stat) == 0;
}

static void expect_own_pid(const char *path) {
    long pid = 0;
    char end = '\0';
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld%c", &pid, &end), 2);
    assert_int_equal(fgetc(file), EOF);
    (void)fclose(file);
    assert_int_equal(pid, getpid());
    assert_int_equal(end, '\n');
}

static void test_is_written_and_removed(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    const char *path = tree_path(&tree, "pid");
    assert_int_equal(pidfile_write(path, &err), 0);
    expect_own_pid(path);
    pidfile_remove(path);
    assert_int_equal(rmdir(tree.path), 0); /* nothing is left beside it */
    pidfile_remove(path);
}

static void test_an_old_one_is_replaced(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    tree_text(&tree, "pid", "1\nand more");
    assert_int_equal(pidfile_write(tree_path(&tree, "pid"), &err), 0);
    expect_own_pid(tree_path(&tree, "pid"));
}

/* A link is replaced, and what it leads to stays. */
static void test_a_link_is_not_followed(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    struct stat stat;
    tree_text(&tree, "other", "other");
    tree_link(&tree, "pid", "other");
    assert_int_equal(pidfile_write(tree_path(&tree, "pid"), &err), 0);
    assert_int_equal(lstat(tree_path(&tree, "other"), &stat), 0);
    assert_int_equal(stat.st_size, strlen("other"));
    expect_own_pid(tree_path(&tree, "pid"));
}

static void test_another_process_keeps_its_own(void **state) {
    (void)state;
    static const char *const texts[] = {"1\n",
                                        "",
                                        "\n",
                                        "x\n",
                                        "12345678901234567890\n",
                                        "a text that is longer than any number could be\n"};
    for (size_t i = 0; i < ROWS_COUNT(texts); i++) {
        tree_text(&tree, "pid", texts[i]);
        pidfile_remove(tree_path(&tree, "pid"));
        row_assert(texts[i], is_there(tree_path(&tree, "pid")));
    }
}

static void test_it_cannot_be_written(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *path;
        int error;
    } rows[] = {{"no directory", "absent/pid", ENOENT}, {"a directory", "pid", EISDIR}};
    tree_directory(&tree, "pid");
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct err err = ERR_INIT;
        const char *path = tree_path(&tree, rows[i].path);
        row_assert_number(rows[i].name, pidfile_write(path, &err), -rows[i].error);
        note_assert_contains(err.text, path);
        note_assert_contains(err.text, strerror(rows[i].error));
    }
    assert_int_equal(rmdir(tree_path(&tree, "pid")), 0);
    assert_int_equal(rmdir(tree.path), 0);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_is_written_and_removed), test(test_an_old_one_is_replaced),
        test(test_a_link_is_not_followed), test(test_another_process_keeps_its_own),
        test(test_it_cannot_be_written),
    };
    return cmocka_run_group_tests_name("pidfile", tests, NULL, NULL);
}
