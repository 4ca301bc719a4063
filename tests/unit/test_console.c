#include "proc/console.h"

#include "support/note.h"
#include "support/process.h"
#include "support/row.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { NOW_MS = 5000000 };

static struct metrics *metrics;
static struct console console;
static int kept_stdout;
static int shown_fd; /* a memory file that stands for the terminal */
static size_t seen;  /* bytes of it */

static bool is_stopped;

ssize_t __real_write(int fd, const void *ptr, size_t len);
ssize_t __wrap_write(int fd, const void *ptr, size_t len);

ssize_t __wrap_write(int fd, const void *ptr, size_t len) {
    if (!is_stopped || fd != console.sink.fd)
        return __real_write(fd, ptr, len);
    errno = EAGAIN;
    return -1;
}

static int setup(void **state) {
    struct err err = ERR_INIT;
    (void)state;
    (void)setenv("NO_COLOR", "1", 1);
    seen = 0;
    is_stopped = false;
    shown_fd = memfd_create("terminal", MFD_CLOEXEC);
    kept_stdout = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
    (void)dup2(shown_fd, STDOUT_FILENO);
    int result = metrics_open(&metrics, 0, &err);
    console_open(&console, metrics, NOW_MS);
    (void)dup2(kept_stdout, STDOUT_FILENO); /* cmocka writes to it */
    (void)close(kept_stdout);
    return result;
}

static int teardown(void **state) {
    (void)state;
    console_close(&console);
    console_close(&console);
    metrics_close(metrics);
    return close(shown_fd);
}

/* Fails unless this has been shown since the last call, in which '#' stands for any digit. */
static void expect_shown(const char *row, const char *expected) {
    char *text = process_text(shown_fd);
    char *more = text + seen;
    seen += strlen(more);
    for (size_t i = 0; more[i] != '\0' && expected[i] != '\0'; i++) {
        if (expected[i] == '#' && more[i] >= '0' && more[i] <= '9')
            more[i] = '#';
    }
    row_assert_slice(row, slice_of_text(more), slice_of_text(expected));
    free(text);
}

/* A worker answers, and withholds the lines. */
static void answer(struct metrics_slot *slot, unsigned times) {
    const struct log_record record = {.status = STATUS_OK, .content_bytes = 1000, .took_us = 20};
    for (unsigned i = 0; i < times; i++)
        digest_add(&slot->withheld, &record);
}

static void test_a_line_a_second_for_all_workers(void **state) {
    (void)state;
    struct metrics_slot *first = metrics_worker_starts(metrics, 0);
    struct metrics_slot *second = metrics_worker_starts(metrics, 1);
    console_tick(&console, NOW_MS);
    assert_int_equal(console_wait_ms(&console, -1, NOW_MS), -1);
    answer(first, 30);
    console_tick(&console, NOW_MS + 100);
    assert_int_equal(console_wait_ms(&console, -1, NOW_MS + 100), 1000);
    answer(second, 12);
    console_tick(&console, NOW_MS + 1099);
    expect_shown("not yet", "");
    console_tick(&console, NOW_MS + 1100);
    expect_shown("the first",
                 "##:##:##  42 more requests, 42 kB, 0 errors, p50 0.02 ms, p99 0.02 ms\n");
    answer(first, 1);
    console_tick(&console, NOW_MS + 1500);
    expect_shown("the second is not due", "");
    console_tick(&console, NOW_MS + 2100);
    expect_shown("the second",
                 "##:##:##  1 more request, 1.0 kB, 0 errors, p50 0.02 ms, p99 0.02 ms\n");
    console_tick(&console, NOW_MS + 3100);
    expect_shown("there is nothing more", "");
    assert_int_equal(console_wait_ms(&console, -1, NOW_MS + 3100), -1);
}

/* What a terminal that is stopped does not take is not lost: the next line has it. */
static void test_a_terminal_that_is_stopped(void **state) {
    (void)state;
    struct metrics_slot *slot = metrics_worker_starts(metrics, 0);
    answer(slot, 1);
    console_tick(&console, NOW_MS);
    is_stopped = true;
    console_tick(&console, NOW_MS + 1000);
    answer(slot, 5);
    console_tick(&console, NOW_MS + 2000);
    expect_shown("stopped", "");
    assert_int_equal(console_wait_ms(&console, -1, NOW_MS + 2000), 1000);
    is_stopped = false;
    answer(slot, 2);
    console_tick(&console, NOW_MS + 3000);
    expect_shown("both lines",
                 "##:##:##  1 more request, 1.0 kB, 0 errors, p50 0.02 ms, p99 0.02 ms\n"
                 "##:##:##  7 more requests, 7.0 kB, 0 errors, p50 0.02 ms, p99 0.02 ms\n");
}

static void test_the_summary(void **state) {
    (void)state;
    struct metrics_slot *slot = metrics_worker_starts(metrics, 0);
    slot->tally.answers[METHOD_GET][STATUS_OK] = 213;
    slot->tally.answers[METHOD_GET][STATUS_NOT_FOUND] = 1;
    slot->tally.sent_bytes = 3100000;
    answer(slot, 2);
    console_tick(&console, NOW_MS + 40000);
    metrics_worker_ended(metrics, slot, false);
    console_conclude(&console, NOW_MS + 41999);
    expect_shown("both", "##:##:##  2 more requests, 2.0 kB, 0 errors, p50 0.02 ms, p99 0.02 ms\n"
                         "  214 requests, 3.1 MB, 1 error, 41 s\n");
}

static void test_without_a_terminal_nothing_is_said(void **state) {
    (void)state;
    struct console none;
    console_open(&none, NULL, NOW_MS);
    console_tick(&none, NOW_MS);
    console_conclude(&none, NOW_MS);
    assert_int_equal(console_wait_ms(&none, 7, NOW_MS), 7);
    console_close(&none);
    expect_shown("nothing", "");
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_a_line_a_second_for_all_workers),
        test(test_a_terminal_that_is_stopped),
        test(test_the_summary),
        test(test_without_a_terminal_nothing_is_said),
    };
    return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
