#include "proc/helper.h"

#include "support/no_process.h"
#include "support/note.h"
#include "support/process.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t fds_before;

/* As in the master: SIGCHLD is blocked. */
static int setup(void **state) {
    sigset_t set;
    (void)state;
    no_process = false;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    assert_int_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0);
    fds_before = process_count_fds(getpid());
    return 0;
}

static int teardown(void **state) {
    (void)state;
    process_kill_all();
    assert_int_equal(process_count_fds(getpid()), fds_before);
    return 0;
}

/* The process, in which it waits for its end, unless it is deaf; the exit status tells. */
static void run(int channel, bool deaf) {
    struct helper_end end;
    struct loop loop;
    struct err err = ERR_INIT;
    if (loop_init(&loop, &err) < 0 || helper_end_await(&end, &loop, channel) < 0)
        _exit(1);
    while (deaf || !end.is_here) {
        if (loop_turn(&loop, -1) < 0)
            _exit(2);
    }
    helper_end_close(&end);
    _exit(7);
}

static void start(struct helper *helper, bool deaf) {
    int channel = -1;
    *helper = (struct helper)HELPER_INIT;
    int result = helper_fork(helper, &channel);
    if (result > 0)
        run(channel, deaf);
    assert_int_equal(result, 0);
    assert_true(helper->pid > 0 && helper->channel >= 0);
}

static void test_one_that_is_dismissed_ends(void **state) {
    (void)state;
    struct helper helper;
    int status;
    start(&helper, false);
    pid_t pid = helper.pid;
    assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
    helper_dismiss(&helper);
    helper_dismiss(&helper);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    assert_false(helper_ended(&helper, pid + 1));
    assert_true(helper_ended(&helper, pid));
    assert_false(helper_ended(&helper, pid));
    assert_int_equal(helper.pid, 0);
}

static void test_the_end_is_waited_for(void **state) {
    (void)state;
    struct helper helper;
    start(&helper, false);
    pid_t pid = helper.pid;
    helper_end(&helper);
    assert_int_equal(helper.pid, 0);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
    helper_end(&helper);
}

static void test_one_that_does_not_end_is_killed(void **state) {
    (void)state;
    struct helper helper;
    start(&helper, true);
    pid_t pid = helper.pid;
    helper_end(&helper);
    assert_false(process_is_alive(pid));
}

static void test_one_that_dies_is_noticed(void **state) {
    (void)state;
    struct helper helper;
    start(&helper, true);
    pid_t pid = helper.pid;
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(helper_ended(&helper, pid));
    assert_int_equal(helper.channel, -1);
}

static void test_none_can_be_started(void **state) {
    (void)state;
    struct helper helper = HELPER_INIT;
    int channel = -1;
    no_process = true;
    assert_int_equal(helper_fork(&helper, &channel), -EAGAIN);
    assert_int_equal(helper.pid, 0);
    assert_int_equal(helper.channel, -1);
    assert_int_equal(channel, -1);
}

#define helper_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        helper_test(test_one_that_is_dismissed_ends),
        helper_test(test_the_end_is_waited_for),
        helper_test(test_one_that_does_not_end_is_killed),
        helper_test(test_one_that_dies_is_noticed),
        helper_test(test_none_can_be_started),
    };
    return cmocka_run_group_tests_name("helper", tests, NULL, NULL);
}
