#include "serve/tally.h"

#include "support/row.h"

#include <stdio.h>
#include <string.h>

/* Each number of the struct belongs to one row. */
static void test_rows_cover_the_struct(void **state) {
    size_t words = 0;
    (void)state;
    for (const struct metric_row *row = tally_rows(); row->name != NULL; row++) {
        assert_int_equal(row->offset, words * sizeof(uint64_t));
        words += tally_count(row);
    }
    assert_int_equal(words * sizeof(uint64_t), sizeof(struct tally));
}

/* prometheus.io/docs/practices/naming: a prefix, base units, and "_total" for what only grows. */
static void test_names_and_helps(void **state) {
    (void)state;
    for (const struct metric_row *row = tally_rows(); row->name != NULL; row++) {
        bool grows = row->kind == METRIC_COUNTER && row->shape != METRIC_TIMES;
        const char *end = strstr(row->name, "_total");
        row_assert(row->name, strncmp(row->name, "pronto_", 7) == 0);
        row_assert(row->name, grows == (end != NULL && end[6] == '\0'));
        row_assert(row->name, strpbrk(row->help, "\\\n|") == NULL);
        row_assert(row->name, row->help[strlen(row->help) - 1] == '.');
        for (const struct metric_row *other = tally_rows(); other != row; other++)
            row_assert(row->name, strcmp(row->name, other->name) != 0);
    }
}

static void test_counters_and_gauges_add_up_and_the_highest_wins(void **state) {
    struct tally sum = {0};
    struct tally a = {.accepted = 10, .cache_bytes = 5, .longest_turn = 30};
    struct tally b = {.accepted = 1, .cache_bytes = 2, .longest_turn = 70};
    (void)state;
    a.closed[CLOSE_SHED] = 3;
    b.closed[CLOSE_SHED] = 1;
    a.answers[METHOD_GET][STATUS_OK] = 4;
    b.answers[METHOD_UNKNOWN][STATUS_COUNT - 1] = 6;
    histogram_observe(&a.request_times, 5, 2);
    histogram_observe(&b.request_times, 7, 1);
    tally_read(&sum, &a);
    tally_read(&sum, &b);
    tally_read(&sum, &a);
    assert_int_equal(sum.accepted, 21);
    assert_int_equal(sum.cache_bytes, 12);
    assert_int_equal(sum.longest_turn, 70);
    assert_int_equal(sum.closed[CLOSE_SHED], 7);
    assert_int_equal(sum.open, 7 + 0 + 7);
    assert_int_equal(sum.answers[METHOD_GET][STATUS_OK], 8);
    assert_int_equal(sum.answers[METHOD_UNKNOWN][STATUS_COUNT - 1], 6);
    assert_int_equal(sum.request_times.counts[0], 5);
    assert_int_equal(sum.request_times.sum_ns, 2 * 2 * 5 + 7);
}

static void test_open_connections_are_those_not_closed(void **state) {
    struct tally tally = {.accepted = 9};
    (void)state;
    assert_int_equal(tally_open_connections(&tally), 9);
    tally.closed[0] = 4;
    tally.closed[CLOSE_REASON_COUNT - 1] = 3;
    assert_int_equal(tally_open_connections(&tally), 2);
    tally.closed[1] = 3; /* one was closed while the others were read */
    assert_int_equal(tally_open_connections(&tally), 0);
}

/* Of two tallies with all numbers set, one loses its gauges. */
static void test_gauges_are_taken_back(void **state) {
    struct tally tally;
    (void)state;
    for (size_t i = 0; i < sizeof tally / sizeof(uint64_t); i++)
        memcpy((char *)&tally + i * sizeof(uint64_t), &(uint64_t){i + 1}, sizeof(uint64_t));
    tally_reset_gauges(&tally);
    for (const struct metric_row *row = tally_rows(); row->name != NULL; row++) {
        for (size_t i = 0; i < tally_count(row); i++)
            row_assert(row->name,
                       (tally_numbers(&tally, row)[i] == 0) == (row->kind != METRIC_COUNTER));
    }
}

static void test_reasons_have_names(void **state) {
    (void)state;
    assert_string_equal(tally_reason_name(CLOSE_ANSWERED), "ANSWERED");
    assert_string_equal(tally_reason_name(CLOSE_WORKER_DIED), "WORKER_DIED");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_cover_the_struct),
        cmocka_unit_test(test_names_and_helps),
        cmocka_unit_test(test_counters_and_gauges_add_up_and_the_highest_wins),
        cmocka_unit_test(test_open_connections_are_those_not_closed),
        cmocka_unit_test(test_gauges_are_taken_back),
        cmocka_unit_test(test_reasons_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
