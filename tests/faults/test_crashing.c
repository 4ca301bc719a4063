/* Workers that fail as soon as they start, again and again. */
#include "session.h"

#include "support/client.h"
#include "support/note.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

enum { REQUESTS = 60 };

static struct session session;

static int setup(void **state) {
    (void)state;
    session_make(&session);
    session.plan->call = CALL_NONE;
    assert_int_equal(setenv(FAULT_PLAN_VARIABLE, tree_path(&session.tree, "plan"), 1), 0);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    process_deinit(&session.server.process);
    session_remove(&session);
    return 0;
}

static void serve(const char *workers) {
    const char *const words[] = {
        "--listen", "127.0.0.1:0", "--workers", workers, tree_path(&session.tree, "root"), NULL};
    server_start(&session.server, NULL, 1, words);
}

/* Those that are started from now on, if they are to. */
static void let_fail(bool fail) {
    session.plan->process = atomic_load(&session.plan->processes);
    session.plan->error = EMFILE;
    session.plan->lasts = true;
    session.plan->call = fail ? CALL_signalfd : CALL_NONE;
}

static void expect_service(void) {
    for (int i = 0; i < REQUESTS; i++)
        client_expect_once(session.server.port, "/small.txt", 200);
}

/* Connections are dealt out by the kernel, and would wait for the worker that is not there. */
static void test_others_serve_on(void **state) {
    pid_t workers[SERVER_WORKERS_MAX];
    (void)state;
    serve("3");
    assert_int_equal(server_await_workers(&session.server, workers, 3), 3);
    let_fail(true);
    assert_int_equal(kill(workers[1], SIGKILL), 0);
    server_await_text(&session.server, "pronto: workers die as soon as they start; ");
    expect_service();
    let_fail(false);
    assert_int_equal(server_await_workers(&session.server, workers, 3), 3);
    expect_service();
    server_stop(&session.server);
}

/* No one is left; but when what made them fail is past, they are there again by themselves. */
static void test_all_fail_for_a_while(void **state) {
    pid_t workers[SERVER_WORKERS_MAX];
    (void)state;
    serve("2");
    assert_int_equal(server_await_workers(&session.server, workers, 2), 2);
    let_fail(true);
    assert_int_equal(kill(workers[0], SIGKILL), 0);
    assert_int_equal(kill(workers[1], SIGKILL), 0);
    server_await_text(&session.server, "pronto: workers die as soon as they start; ");
    let_fail(false);
    expect_service();
    server_stop(&session.server);
}

/* At the start there is nothing to go on with. */
static void test_the_first_fail(void **state) {
    (void)state;
    session.plan->process = 1;
    session.plan->error = EMFILE;
    session.plan->lasts = true;
    session.plan->call = CALL_signalfd;
    const char *const words[] = {server_binary(), "--listen", "127.0.0.1:0",
                                 tree_path(&session.tree, "root"), NULL};
    process_start(&session.server.process, NULL, words);
    assert_true(process_wait(&session.server.process, CLIENT_TIMEOUT_MS));
    assert_int_equal(process_exit_code(&session.server.process), 1);
    assert_true(server_says(&session.server, "Too many open files"));
    assert_true(server_says(&session.server, "before it was ready"));
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(test_others_serve_on),
        test(test_all_fail_for_a_while),
        test(test_the_first_fail),
    };
    return cmocka_run_group_tests_name("crashing", tests, NULL, NULL);
}
