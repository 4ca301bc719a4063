/* Somebody exchanges what lies on the way for what leads out, as fast as it goes, while it is
 * looked up: what is opened is what lies beneath the root, or nothing. PRONTO_RACE_LOOKUPS is how
 * often each race is run (20000). */
#include "sys/beneath.h"

#include "support/note.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LOOKUPS = 20000, EXCHANGES_MIN = 10, PATIENCE_MS = 120000 };

static struct tree tree;
static struct beneath root = {.fd = -1};

static long lookups(void) {
    const char *text = getenv("PRONTO_RACE_LOOKUPS");
    return text != NULL ? strtol(text, NULL, 10) : LOOKUPS;
}

/* Everything inside says so, and what has the same name outside says that. */
static void make_files(void) {
    static const char *const inside[] = {"file", "plain/file", "plain/deep/file", "a/file",
                                         "a/b/file"};
    for (size_t i = 0; i < ROWS_COUNT(inside); i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "root/%s", inside[i]);
        tree_text(&tree, name, "inside");
        (void)snprintf(name, sizeof name, "outside/%s", inside[i]);
        tree_text(&tree, name, "outside");
    }
    tree_text(&tree, "file", "outside");
    tree_text(&tree, "outside/x/b/file", "outside");
}

static void make_links(void) {
    tree_link(&tree, "root/out", tree_path(&tree, "outside/plain"));
    tree_link(&tree, "root/out-relative", "../outside/plain");
    tree_link(&tree, "root/slash", "/");
    tree_link(&tree, "root/file-out", "../outside/file");
    tree_link(&tree, "root/parent", "..");
    tree_link(&tree, "root/a/b/up", "../../file");
    tree_link(&tree, "outside/x/b/up", "../../file");
    tree_link(&tree, "root/in", "plain");
    tree_link(&tree, "root/in-file", "in/file");
}

static void make(void) {
    tree_make(&tree);
    make_files();
    make_links();
    root.fd = open(tree_path(&tree, "root"), O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(root.fd >= 0);
}

/* Both names change places again and again. */
static const struct race {
    const char *name;
    const char *path; /* that is looked up */
    const char *first;
    const char *second;
} races[] = {
    {"a directory and a link out", "plain/file", "root/plain", "root/out"},
    {"a directory and a relative link out", "plain/file", "root/plain", "root/out-relative"},
    {"a directory and a link to /", "plain/file", "root/plain", "root/slash"},
    {"a directory and a link to the parent", "plain/file", "root/plain", "root/parent"},
    {"a directory far up", "plain/deep/file", "root/plain", "root/out"},
    {"a file and a link out", "file", "root/file", "root/file-out"},
    {"where a link leads", "in/file", "root/plain", "root/out"},
    {"where two links lead", "in-file", "root/in", "root/out"},
    {"a directory that is moved out, and climbed from", "a/b/up", "root/a/b", "outside/x/b"},
};

struct exchange {
    const char *first;
    const char *second;
    volatile long *count; /* shared */
};

static void exchange_forever(void *context) {
    const struct exchange *exchange = context;
    while (renameat2(AT_FDCWD, exchange->first, AT_FDCWD, exchange->second, RENAME_EXCHANGE) == 0)
        ++*exchange->count;
}

/* Whether something was opened; fails the test where it is not from inside. */
static bool look_up(const struct race *race) {
    char bytes[16];
    bool linked;
    int fd = beneath_open(&root, race->path, &linked);
    if (fd < 0)
        return false;
    ssize_t len = read(fd, bytes, sizeof bytes);
    row_assert(race->name, len > 0);
    row_assert_slice(race->name, slice_of(bytes, (size_t)len), SLICE("inside"));
    (void)close(fd);
    return true;
}

static void await_outcomes(const struct race *race, const volatile long *exchanges) {
    const int64_t deadline = note_now_ms() + PATIENCE_MS;
    const long count = lookups();
    long opened = 0;
    long done = 0;
    while (done < count || opened == 0 || *exchanges < EXCHANGES_MIN) {
        opened += look_up(race);
        done++;
        if (done > count && note_now_ms() > deadline)
            fail_msg("%s: nothing happens", race->name);
    }
    note_say("%s: %ld lookups, %ld opened, %ld exchanges", race->name, done, opened, *exchanges);
}

/* With files of its own, as nobody knows in whose place they are in the end. */
static void run(const struct race *race) {
    struct process process = PROCESS_INIT;
    char names[2][PATH_MAX];
    volatile long *exchanges =
        mmap(NULL, sizeof *exchanges, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(exchanges != MAP_FAILED);
    make();
    (void)snprintf(names[0], PATH_MAX, "%s", tree_path(&tree, race->first));
    (void)snprintf(names[1], PATH_MAX, "%s", tree_path(&tree, race->second));
    struct exchange exchange = {names[0], names[1], exchanges};
    process_fork(&process, exchange_forever, &exchange);
    await_outcomes(race, exchanges);
    process_deinit(&process);
    (void)close(root.fd);
    tree_remove(&tree);
    (void)munmap((void *)(uintptr_t)exchanges, sizeof *exchanges);
}

static void run_all(enum beneath_way way) {
    root.way = way;
    for (size_t i = 0; i < ROWS_COUNT(races); i++)
        run(&races[i]);
}

static void test_at_once(void **state) {
    (void)state;
    run_all(BENEATH_AT_ONCE);
}

static void test_by_steps(void **state) {
    (void)state;
    run_all(BENEATH_STEPS);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_by_steps),
    };
    return cmocka_run_group_tests_name("beneath_race", tests, NULL, NULL);
}
