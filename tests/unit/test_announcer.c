/* The master's side. The process is not there: what it would be is put in its place. */
#include "proc/announcer.h"

#include "support/note.h"
#include "support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

enum { NOW_MS = 1000000, PID = 4711, RETRY_MS = 1000 };

/* As waitpid(2) says it. */
enum { WAS_KILLED = SIGKILL, HAS_EXITED = 1 << 8 };

static struct announcer announcer;
static struct sandbox sandbox;
static size_t fds_before;

static int setup(void **state) {
    (void)state;
    fds_before = process_count_fds(getpid());
    announcer = (struct announcer)ANNOUNCER_INIT;
    sandbox = (struct sandbox){.is_off = false};
    return 0;
}

static int teardown(void **state) {
    (void)state;
    announcer_leave(&announcer);
    assert_int_equal(process_count_fds(getpid()), fds_before);
    return 0;
}

static void set(const char *name, const char *address, int64_t now_ms) {
    const struct setup setup = {.options = {.announce = name, .quiet = true}, .sandbox = sandbox};
    struct listeners listeners = {.count = 1};
    struct err err = ERR_INIT;
    assert_int_equal(address_parse(address, &listeners.items[0].address, &err), 0);
    announcer_set(&announcer, &setup, &listeners, now_ms);
}

static void start(void) {
    assert_true(announcer_is_due(&announcer, NOW_MS));
    announcer.helper.pid = PID;
    announcer.helper.channel = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(announcer.helper.channel >= 0);
    assert_false(announcer_is_due(&announcer, NOW_MS));
}

static void expect_due_at(int64_t due_ms) {
    assert_false(announcer_is_due(&announcer, due_ms - 1));
    assert_true(announcer_is_due(&announcer, due_ms));
    assert_int_equal(announcer_wait_ms(&announcer, due_ms - 10, -1), 10);
    assert_int_equal(announcer_wait_ms(&announcer, due_ms - 10, 3), 3);
}

static void expect_none(void) {
    assert_false(announcer_is_due(&announcer, INT64_MAX));
    assert_int_equal(announcer_wait_ms(&announcer, NOW_MS, -1), -1);
}

static void test_only_what_is_asked_for_and_can_be_reached(void **state) {
    (void)state;
    expect_none();
    set(NULL, "*:80", NOW_MS);
    expect_none();
    set("p", "127.0.0.1:80", NOW_MS);
    expect_none();
    set("p", "*:80", NOW_MS);
    expect_due_at(NOW_MS);
    announcer_unset(&announcer);
    expect_none();
}

static void test_what_does_not_change_goes_on(void **state) {
    (void)state;
    set("p", "*:80", NOW_MS);
    start();
    set("p", "*:80", NOW_MS);
    assert_true(announcer.helper.channel >= 0);
    assert_false(announcer_is_due(&announcer, INT64_MAX));
}

/* The next one starts when it has gone, and not before. */
static void test_what_changes_is_ended_first(void **state) {
    (void)state;
    set("p", "*:80", NOW_MS);
    start();
    set("q", "*:80", NOW_MS);
    assert_int_equal(announcer.helper.channel, -1);
    expect_none();
    assert_false(announcer_ended(&announcer, PID + 1, 0, "", NOW_MS + 5));
    assert_true(announcer_ended(&announcer, PID, 0, "", NOW_MS + 5));
    assert_true(announcer_is_due(&announcer, NOW_MS + 5));
    assert_int_equal(announcer.deaths, 0);
}

/* As another user, or without walls, it cannot go on: what it was is given up for good. */
static void test_what_is_confined_otherwise_is_ended_first(void **state) {
    (void)state;
    set("p", "*:80", NOW_MS);
    start();
    sandbox.is_off = true;
    set("p", "*:80", NOW_MS);
    assert_int_equal(announcer.helper.channel, -1);
    assert_true(announcer.sandbox.is_off);
    assert_true(announcer_ended(&announcer, PID, 0, "", NOW_MS));
    start();
    sandbox.identity = (struct identity){.given = true, .user = 65534, .group = 65534};
    set("p", "*:80", NOW_MS);
    assert_int_equal(announcer.helper.channel, -1);
    assert_true(announcer_ended(&announcer, PID, 0, "", NOW_MS));
}

/* And so is one that is wanted again before it has gone. */
static void test_what_was_taken_back_is_announced_again(void **state) {
    (void)state;
    set("p", "*:80", NOW_MS);
    start();
    announcer_unset(&announcer);
    set("p", "*:80", NOW_MS);
    expect_none();
    assert_true(announcer_ended(&announcer, PID, 0, "", NOW_MS));
    assert_true(announcer_is_due(&announcer, NOW_MS));
}

static void test_one_that_is_killed_is_replaced_five_times(void **state) {
    (void)state;
    set("p", "*:80", NOW_MS);
    for (int i = 0; i < 5; i++) {
        announcer.start_at_ms = NOW_MS;
        start();
        assert_true(announcer_ended(&announcer, PID, WAS_KILLED, "was killed", NOW_MS));
        expect_due_at(NOW_MS + RETRY_MS);
    }
    announcer.start_at_ms = NOW_MS;
    start();
    assert_true(announcer_ended(&announcer, PID, WAS_KILLED, "was killed", NOW_MS));
    expect_none();
    set("p", "*:80", NOW_MS); /* a reload */
    expect_due_at(NOW_MS);
}

static void test_one_that_gives_up_is_not_replaced(void **state) {
    (void)state;
    set("p", "*:80", NOW_MS);
    start();
    assert_true(announcer_ended(&announcer, PID, HAS_EXITED, "exited with status 1", NOW_MS));
    expect_none();
    set("p", "*:80", NOW_MS);
    expect_due_at(NOW_MS);
}

#define announcer_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        announcer_test(test_only_what_is_asked_for_and_can_be_reached),
        announcer_test(test_what_does_not_change_goes_on),
        announcer_test(test_what_changes_is_ended_first),
        announcer_test(test_what_is_confined_otherwise_is_ended_first),
        announcer_test(test_what_was_taken_back_is_announced_again),
        announcer_test(test_one_that_is_killed_is_replaced_five_times),
        announcer_test(test_one_that_gives_up_is_not_replaced),
    };
    return cmocka_run_group_tests_name("announcer", tests, NULL, NULL);
}
