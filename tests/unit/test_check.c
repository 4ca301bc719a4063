#include "base/check.h"

#include "support/row.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int evaluations;

static bool holds(bool value) {
    evaluations++;
    return value;
}

static void test_what_holds_goes_on(void **state) {
    (void)state;
    evaluations = 0;
    CHECK(holds(true));
    CHECK(evaluations); /* any number but 0 */
    assert_int_equal(evaluations, 1);
}

/* In a child, whose stderr is read. */
static void test_what_does_not_hold_aborts(void **state) {
    (void)state;
    int fds[2];
    char text[256] = "";
    int status = 0;
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        (void)dup2(fds[1], STDERR_FILENO);
        CHECK(holds(false));
        _exit(0);
    }
    close(fds[1]);
    ssize_t len = read(fds[0], text, sizeof text - 1);
    close(fds[0]);
    assert_true(waitpid(child, &status, 0) == child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_true(len > 0);
    assert_non_null(strstr(text, "holds(false)"));
    assert_non_null(strstr(text, "test_check.c:"));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_holds_goes_on),
        cmocka_unit_test(test_what_does_not_hold_aborts),
    };
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
