/* The observer while a reload is under way: what the reload is to change is the master's, whatever
 * becomes of the process. */
#include "proc/observer.h"

#include "support/note.h"
#include "support/process.h"
#include "support/tree.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    struct tree tree;
    struct setup setup;
    struct observer observer;
    size_t fds;
};

static int setup(void **state) {
    static struct fixture fixture;
    char address[512];
    struct err err = ERR_INIT;
    const struct listeners given = {.count = 0};
    fixture = (struct fixture){.fds = process_count_fds(getpid())};
    tree_make(&fixture.tree);
    fixture.setup.options = (struct options)OPTIONS_INIT;
    fixture.setup.options.admin.count = 1;
    fixture.setup.sandbox.is_off = true;
    (void)snprintf(address, sizeof address, "unix:%s", tree_path(&fixture.tree, "admin"));
    assert_int_equal(address_parse(address, &fixture.setup.options.admin.items[0], &err), 0);
    assert_int_equal(observer_open(&fixture.observer, &fixture.setup, false, &given, false, &err),
                     0);
    *state = &fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    observer_close(&fixture->observer, false);
    assert_int_equal(access(tree_path(&fixture->tree, "admin"), F_OK), -1);
    tree_remove(&fixture->tree);
    assert_int_equal(process_count_fds(getpid()), fixture->fds);
    return 0;
}

static void start(struct observer *observer) {
    int channel = -1;
    if (!observer_fork(observer, 0, &channel))
        return;
    int status = observer_run(observer, channel);
    observer_close(observer, false); /* as the master's deinit() does in it */
    _exit(status);
}

/* One that is started meanwhile leaves the file of the socket when it ends. */
static void test_started_during_a_reload(void **state) {
    struct fixture *fixture = *state;
    struct observer *observer = &fixture->observer;
    struct err err = ERR_INIT;
    assert_int_equal(observer_prepare(observer, &fixture->setup, &err), 0);
    start(observer);
    helper_end(&observer->helper);
    assert_int_equal(access(tree_path(&fixture->tree, "admin"), F_OK), 0);
    observer_drop(observer);
    assert_int_equal(access(tree_path(&fixture->tree, "admin"), F_OK), 0);
}

/* It goes on over a reload that changes nothing of it, and ends where the walls are others. */
static void test_walls_that_change(void **state) {
    struct fixture *fixture = *state;
    struct observer *observer = &fixture->observer;
    struct err err = ERR_INIT;
    start(observer);
    pid_t first = observer->helper.pid;
    assert_int_equal(observer_prepare(observer, &fixture->setup, &err), 0);
    observer_commit(observer);
    assert_int_equal(observer->helper.pid, first);
    fixture->setup.sandbox.is_off = false;
    assert_int_equal(observer_prepare(observer, &fixture->setup, &err), 0);
    observer_commit(observer);
    assert_int_equal(observer->helper.pid, 0);
    assert_true(observer_is_due(observer, INT64_MAX - 1));
    assert_false(observer->sandbox.is_off);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_started_during_a_reload, setup, teardown),
        cmocka_unit_test_setup_teardown(test_walls_that_change, setup, teardown),
    };
    return cmocka_run_group_tests_name("observer", tests, NULL, NULL);
}
