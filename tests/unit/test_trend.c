#include "serve/trend.h"

#include "support/row.h"

static const int64_t S = 1000000000;

static struct trend trend;
static struct tally tally;

static int setup(void **state) {
    (void)state;
    trend = (struct trend){0};
    tally = (struct tally){0};
    return 0;
}

static const struct trend_point *last(void) {
    return trend_at(&trend, trend_length(&trend) - 1);
}

static void test_the_first_look_makes_no_point(void **state) {
    (void)state;
    tally.accepted = 1000;
    trend_add(&trend, &tally, 5 * S);
    assert_int_equal(trend_length(&trend), 0);
    trend_add(&trend, &tally, 6 * S);
    assert_int_equal(trend_length(&trend), 1);
}

static void test_rates_are_of_the_time_between(void **state) {
    (void)state;
    tally.answers[METHOD_GET][STATUS_OK] = 100;
    tally.sent_bytes = 7000;
    trend_add(&trend, &tally, 0);
    tally.answers[METHOD_GET][STATUS_OK] += 30;
    tally.answers[METHOD_HEAD][STATUS_NOT_FOUND] += 10;
    tally.answers[METHOD_GET][STATUS_UNAVAILABLE] += 4;
    tally.sent_bytes += 500;
    tally.open = 12;
    trend_add(&trend, &tally, 2 * S);
    assert_true(last()->requests_per_s == 22);
    assert_true(last()->errors_per_s == 2);
    assert_true(last()->bytes_per_s == 250);
    assert_int_equal(last()->open, 12);
    trend_add(&trend, &tally, 3 * S);
    assert_true(last()->requests_per_s == 0 && last()->bytes_per_s == 0);
    assert_int_equal(last()->open, 12);
}

static void test_the_share_of_hits(void **state) {
    (void)state;
    trend_add(&trend, &tally, 0);
    trend_add(&trend, &tally, S);
    assert_true(last()->hit_share < 0);
    tally.cache_hits = 3;
    tally.cache_misses = 1;
    trend_add(&trend, &tally, 2 * S);
    assert_true(last()->hit_share == 0.75);
    tally.cache_misses = 2;
    trend_add(&trend, &tally, 3 * S);
    assert_true(last()->hit_share == 0);
}

/* What took long before is not in the times of this second. */
static void test_times_are_those_of_the_time_between(void **state) {
    (void)state;
    histogram_observe(&tally.request_times, 5 * (uint64_t)S, 1000);
    trend_add(&trend, &tally, 0);
    trend_add(&trend, &tally, S);
    assert_int_equal(last()->requests, 0);
    histogram_observe(&tally.request_times, 15000, 90);
    histogram_observe(&tally.request_times, 150000, 10);
    trend_add(&trend, &tally, 2 * S);
    assert_int_equal(last()->requests, 100);
    assert_in_range(last()->median_ns, 10000, 20000);
    assert_int_equal(last()->p90_ns, 20000);
    assert_in_range(last()->p99_ns, 100000, 200000);
}

/* Processes are read one after the other; a sum may seem to be less than the one before. */
static void test_what_seems_to_shrink_is_nothing(void **state) {
    (void)state;
    tally.sent_bytes = 100;
    tally.cache_hits = 5;
    trend_add(&trend, &tally, 0);
    tally.sent_bytes = 90;
    tally.cache_hits = 4;
    trend_add(&trend, &tally, S);
    assert_true(last()->bytes_per_s == 0);
    assert_true(last()->hit_share < 0);
}

static void test_the_last_points_are_kept_in_their_order(void **state) {
    enum { LOOKS = 3 * TREND_POINTS + 7 };
    (void)state;
    for (int i = 0; i < LOOKS; i++) {
        tally.open = (uint64_t)i;
        trend_add(&trend, &tally, i * S);
        size_t length = i < TREND_POINTS ? (size_t)i : TREND_POINTS;
        assert_int_equal(trend_length(&trend), length);
        for (size_t j = 0; j < length; j++)
            assert_int_equal(trend_at(&trend, j)->open, (size_t)i - length + 1 + j);
    }
}

static void test_classes(void **state) {
    (void)state;
    for (unsigned method = 0; method <= METHOD_UNKNOWN; method++) {
        for (unsigned status = 0; status < STATUS_COUNT; status++)
            tally.answers[method][status] = 1;
    }
    uint64_t sum = 0;
    for (unsigned class = 1; class <= 5; class ++)
        sum += trend_count_class(&tally, class);
    assert_int_equal(sum, (METHOD_UNKNOWN + 1) * STATUS_COUNT);
    assert_int_equal(trend_count_class(&tally, 2), 3 * (METHOD_UNKNOWN + 1));
    assert_int_equal(trend_count_class(&tally, 6), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_first_look_makes_no_point, setup),
        cmocka_unit_test_setup(test_rates_are_of_the_time_between, setup),
        cmocka_unit_test_setup(test_the_share_of_hits, setup),
        cmocka_unit_test_setup(test_times_are_those_of_the_time_between, setup),
        cmocka_unit_test_setup(test_what_seems_to_shrink_is_nothing, setup),
        cmocka_unit_test_setup(test_the_last_points_are_kept_in_their_order, setup),
        cmocka_unit_test_setup(test_classes, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
