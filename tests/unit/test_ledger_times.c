/* When an answer was asked for, and how long it took. */
#include "serve/ledger.h"

#include "support/stage.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static int64_t now_ns;         /* the monotonic clock */
static int64_t ahead_ns;       /* of the time of day to it */
static int64_t step_ns;        /* it goes on by that with each look at it */
static size_t looks;           /* at the monotonic clock */
static ssize_t send_room = -1; /* bytes that send() takes until EAGAIN; negative: all */

int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
ssize_t __real_send(int fd, const void *ptr, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *ptr, size_t len, int flags);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time) {
    bool of_day = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    int64_t ns = now_ns + (of_day ? ahead_ns : 0);
    if (clock == CLOCK_MONOTONIC) {
        looks++;
        now_ns += step_ns;
    }
    *time = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    return 0;
}

ssize_t __wrap_send(int fd, const void *ptr, size_t len, int flags) {
    size_t allowed = send_room >= 0 && (size_t)send_room < len ? (size_t)send_room : len;
    if (allowed == 0) {
        errno = EAGAIN;
        return -1;
    }
    send_room -= send_room >= 0 ? (ssize_t)allowed : 0;
    return __real_send(fd, ptr, allowed, flags);
}

static const int64_t MS = 1000000;
static const int64_t S = 1000000000;

static struct stage stage;
static struct visitor visitor;
static int log_fd;

static int setup(void **state) {
    (void)state;
    now_ns = 1000 * S;
    ahead_ns = (int64_t)784110777 * S + 123 * MS;
    step_ns = 0;
    send_room = -1;
    visitor.fd = -1;
    log_fd = memfd_create("log", MFD_CLOEXEC);
    (void)fcntl(log_fd, F_SETFL, O_APPEND);
    int second = fcntl(log_fd, F_DUPFD_CLOEXEC, 0);
    stage_open(&stage);
    stage.options.log_format = LOG_FORMAT_JSON;
    return ledger_init(&stage.server.ledger, &stage.loop, &stage.options, second);
}

static int teardown(void **state) {
    (void)state;
    visitor_leave(&visitor);
    stage.fds--; /* the ledger closes its own */
    stage_close(&stage);
    (void)close(log_fd);
    return 0;
}

/* Fails unless one line has been logged, with this time and duration. */
static void assert_times(const char *row, const char *time, long long took_us) {
    char stamp[32];
    unsigned long long duration;
    accesslog_flush_due(&stage.server.ledger.log, INT64_MAX / 2);
    char *text = process_text(log_fd);
    row_assert_number(row, sscanf(text, "{\"time\":\"%31[^\"]\"", stamp), 1);
    row_assert_slice(row, slice_of_text(stamp), slice_of_text(time));
    const char *at = strstr(text, "\"duration_us\":");
    row_assert(row, at != NULL && sscanf(at, "\"duration_us\":%llu", &duration) == 1);
    row_assert_number(row, duration, took_us);
    row_assert(row, strchr(text, '\n') == strrchr(text, '\n'));
    free(text);
    assert_int_equal(ftruncate(log_fd, 0), 0);
}

#define GET(path) "GET /" path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void test_sent_at_once(void **state) {
    (void)state;
    stage_invite(&stage, &visitor);
    stage_settle(&stage, &visitor);
    now_ns += 5 * S;
    step_ns = 2000;
    visitor_send_text(&visitor, GET("small"));
    stage_turn(&stage);
    step_ns = 0;
    assert_times("one look between", "1994-11-06T08:49:42.123Z", 2);
}

/* The waiting for a client that is slow is part of it; what is logged is when the request came. */
static void test_sent_later(void **state) {
    (void)state;
    stage_invite(&stage, &visitor);
    stage_settle(&stage, &visitor);
    send_room = 150;
    stage_ask(&stage, &visitor, GET("small"));
    now_ns += 1500 * MS;
    send_room = -1;
    stage_ask(&stage, &visitor, "G"); /* an edge */
    assert_times("sent", "1994-11-06T08:49:37.123Z", 1500000);
}

/* So is the making of what has to be known before it can be answered. */
static void test_put_off(void **state) {
    (void)state;
    for (int i = 0; i < 150; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "many/%03d", i);
        tree_text(&stage.tree, name, "");
    }
    stage_invite(&stage, &visitor);
    stage_settle(&stage, &visitor);
    visitor_send_text(&visitor, "HEAD /many/?archive=tar HTTP/1.1\r\nHost: a\r\n\r\n");
    stage_turn(&stage);
    assert_false(visitor_receive(&visitor));
    now_ns += 3 * S;
    stage_settle(&stage, &visitor);
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 200"), 1);
    assert_times("put off", "1994-11-06T08:49:37.123Z", 3000000);
    stage_ask(&stage, &visitor, GET("small"));
    assert_times("the next one", "1994-11-06T08:49:40.123Z", 0);
}

/* The time of day may be set, without harm to durations. */
static void test_the_clock_is_set(void **state) {
    (void)state;
    stage_invite(&stage, &visitor);
    stage_ask(&stage, &visitor, GET("small"));
    assert_times("before", "1994-11-06T08:49:37.123Z", 0);
    ahead_ns -= 3600 * S;
    stage_ask(&stage, &visitor, GET("small"));
    assert_times("after", "1994-11-06T07:49:37.123Z", 0);
}

/* Nobody looks at a clock for what is not logged. */
static void test_combined_lines_need_no_clock(void **state) {
    (void)state;
    stage_invite(&stage, &visitor);
    stage_ask(&stage, &visitor, GET("small")); /* in each second, the first has another look */
    assert_times("first", "1994-11-06T08:49:37.123Z", 0);
    size_t before = looks;
    stage_ask(&stage, &visitor, GET("small"));
    size_t timed = looks - before;
    assert_times("timed", "1994-11-06T08:49:37.123Z", 0);
    stage.server.ledger.is_timed = false;
    before = looks;
    stage_ask(&stage, &visitor, GET("small"));
    assert_int_equal(looks - before, timed - 2);
    assert_times("not timed", "1994-11-06T08:49:37.000Z", 0);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_sent_at_once),
        test(test_sent_later),
        test(test_put_off),
        test(test_the_clock_is_set),
        test(test_combined_lines_need_no_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
