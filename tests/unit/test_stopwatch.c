#include "serve/stopwatch.h"

#include "support/row.h"

#include <time.h>

static int64_t now_ns; /* on the monotonic clock */
static unsigned looks; /* at it */

int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time) {
    (void)clock;
    looks++;
    *time = (struct timespec){.tv_sec = now_ns / 1000000000, .tv_nsec = now_ns % 1000000000};
    return 0;
}

static struct stopwatch stopwatch;
static struct histogram times;

static int setup(void **state) {
    (void)state;
    stopwatch = (struct stopwatch){0};
    times = (struct histogram){0};
    now_ns = 1000;
    looks = 0;
    return 0;
}

static void test_one_ends_with_its_turn(void **state) {
    (void)state;
    stopwatch_add(&stopwatch, &times, 1, 1000);
    assert_int_equal(histogram_count(&times), 0);
    stopwatch_read(&stopwatch, &times, 31000);
    assert_int_equal(histogram_count(&times), 1);
    assert_int_equal(times.sum_ns, 30000);
    stopwatch_read(&stopwatch, &times, 99000);
    assert_int_equal(histogram_count(&times), 1);
    assert_int_equal(looks, 0);
}

static void test_few_share_a_look(void **state) {
    (void)state;
    for (int i = 0; i < 100; i++) {
        now_ns += 10;
        stopwatch_add(&stopwatch, &times, 1, 1000);
        /* None waits for more than seven others. */
        assert_true(histogram_count(&times) + 7 >= (uint64_t)i + 1);
    }
    assert_int_equal(looks, 100 / 8);
    stopwatch_read(&stopwatch, &times, now_ns);
    assert_int_equal(histogram_count(&times), 100);
    /* At least what each took, and at most what seven others took more. */
    assert_in_range(times.sum_ns, 10 * 5050, 10 * (5050 + 100 * 7));
}

static void test_many_at_once_end_at_once(void **state) {
    (void)state;
    now_ns = 6000;
    stopwatch_add(&stopwatch, &times, 64, 1000);
    assert_int_equal(histogram_count(&times), 64);
    assert_int_equal(times.sum_ns, 64 * 5000);
    assert_int_equal(looks, 1);
}

/* What was begun at other times has other times. */
static void test_what_was_begun_apart_is_kept_apart(void **state) {
    (void)state;
    now_ns = 50000;
    stopwatch_add(&stopwatch, &times, 2, 40000);
    stopwatch_add(&stopwatch, &times, 1, 20000);
    assert_int_equal(histogram_count(&times), 2);
    assert_int_equal(times.sum_ns, 2 * 10000);
    stopwatch_read(&stopwatch, &times, 60000);
    assert_int_equal(times.sum_ns, 2 * 10000 + 40000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_one_ends_with_its_turn, setup),
        cmocka_unit_test_setup(test_few_share_a_look, setup),
        cmocka_unit_test_setup(test_many_at_once_end_at_once, setup),
        cmocka_unit_test_setup(test_what_was_begun_apart_is_kept_apart, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
