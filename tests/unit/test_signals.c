#include "sys/signals.h"

#include "support/process.h"
#include "support/row.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <unistd.h>

static int signalfd_error; /* errno of the next signalfd(); 0: none */

int __real_signalfd(int fd, const sigset_t *set, int flags);
int __wrap_signalfd(int fd, const sigset_t *set, int flags);

int __wrap_signalfd(int fd, const sigset_t *set, int flags) {
    if (signalfd_error == 0)
        return __real_signalfd(fd, set, flags);
    errno = signalfd_error;
    return -1;
}

static const int numbers[] = {SIGUSR1, SIGTERM, 0};

struct fixture {
    sigset_t mask; /* of the test itself */
    int fd;
};

static int setup(void **state) {
    static struct fixture fixture;
    struct err err = ERR_INIT;
    signalfd_error = 0;
    (void)alarm(10); /* a descriptor that blocks ends the test */
    assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &fixture.mask), 0);
    fixture.fd = signals_open(numbers, &err);
    assert_true(fixture.fd >= 0);
    *state = &fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    while (signals_next(fixture->fd) != 0)
        continue;
    (void)close(fixture->fd);
    (void)alarm(0);
    return sigprocmask(SIG_SETMASK, &fixture->mask, NULL);
}

static bool is_readable(int fd) {
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLIN) != 0;
}

static void test_descriptor(void **state) {
    const struct fixture *fixture = *state;
    assert_true((fcntl(fixture->fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fixture->fd, F_GETFD) & FD_CLOEXEC) != 0);
}

/* A worker must not go on blocking what its master waited for. */
static void test_mask_is_replaced(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    static const int others[] = {SIGUSR2, 0};
    sigset_t mask;
    int fd = signals_open(others, &err);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &mask), 0);
    for (int number = 1; number < SIGRTMIN; number++)
        row_assert_number(strsignal(number), sigismember(&mask, number), number == SIGUSR2);
}

/* A timer's signal comes from the kernel, as that of a closed terminal does. */
static void test_who_sent_it(void **state) {
    (void)state;
    static const int others[] = {SIGALRM, 0};
    const struct itimerval soon = {.it_value.tv_usec = 1000};
    struct err err = ERR_INIT;
    bool kernel = true;
    int fd = signals_open(others, &err);
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    assert_true(fd >= 0);
    assert_int_equal(kill(getpid(), SIGALRM), 0);
    assert_int_equal(signals_next_from(fd, &kernel), SIGALRM);
    assert_false(kernel);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    assert_int_equal(poll(&poll_fd, 1, 10000), 1);
    assert_int_equal(signals_next_from(fd, &kernel), SIGALRM);
    assert_true(kernel);
    assert_int_equal(signals_next_from(fd, &kernel), 0);
    (void)close(fd);
}

static void test_none_is_pending(void **state) {
    const struct fixture *fixture = *state;
    assert_false(is_readable(fixture->fd));
    assert_int_equal(signals_next(fixture->fd), 0);
}

static void test_each_is_taken_once(void **state) {
    const struct fixture *fixture = *state;
    assert_int_equal(raise(SIGTERM), 0);
    assert_true(is_readable(fixture->fd));
    assert_int_equal(signals_next(fixture->fd), SIGTERM);
    assert_false(is_readable(fixture->fd));
    assert_int_equal(signals_next(fixture->fd), 0);
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(signals_next(fixture->fd), SIGUSR1);
    assert_int_equal(signals_next(fixture->fd), 0);
}

static void test_all_are_taken(void **state) {
    const struct fixture *fixture = *state;
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(raise(SIGUSR1), 0);
    int sum = signals_next(fixture->fd);
    sum += signals_next(fixture->fd);
    assert_int_equal(sum, SIGTERM + SIGUSR1);
    assert_int_equal(signals_next(fixture->fd), 0);
}

static void test_failure(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    size_t fds = process_count_fds(getpid());
    signalfd_error = EMFILE;
    assert_int_equal(signals_open(numbers, &err), -EMFILE);
    assert_non_null(strstr(err.text, "cannot wait for signals"));
    assert_non_null(strstr(err.text, strerror(EMFILE)));
    assert_int_equal(process_count_fds(getpid()), fds);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_descriptor),      test(test_mask_is_replaced),   test(test_who_sent_it),
        test(test_none_is_pending), test(test_each_is_taken_once), test(test_all_are_taken),
        test(test_failure),
    };
    return cmocka_run_group_tests_name("signals", tests, NULL, NULL);
}
