#include "serve/exposition.h"

#include "support/note.h"
#include "support/row.h"
#include "support/samples.h"

#include <stdio.h>
#include <string.h>

static char memory[256 * 1024];
static struct metrics_state metrics_state;
static struct samples samples;

static const char *write_text(const struct tally *tallies, size_t count, bool per_worker) {
    const struct exposition exposition = {
        .state = &metrics_state, .tallies = tallies, .count = count, .per_worker = per_worker};
    struct buf buf = BUF_INIT(memory, sizeof memory - 1);
    exposition_write(&buf, &exposition);
    assert_false(buf.overflow);
    memory[buf.len] = '\0';
    return memory;
}

static int teardown(void **state) {
    (void)state;
    metrics_state = (struct metrics_state){0};
    samples_deinit(&samples);
    return 0;
}

static const struct {
    uint64_t ns;
    const char *text;
} times[] = {
    {0, "0"},
    {1, "0.000000001"},
    {10000, "0.00001"},
    {1500000, "0.0015"},
    {1000000000, "1"},
    {10000000000, "10"},
    {1020000000, "1.02"},
    {UINT64_MAX, "18446744073.709551615"},
};

static void test_seconds(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(times); i++) {
        struct buf buf = BUF_INIT(memory, sizeof memory);
        exposition_put_seconds(&buf, times[i].ns);
        row_assert_slice(times[i].text, buf_slice(&buf), slice_of_text(times[i].text));
    }
}

/* The whole of some families, byte by byte. */
static void test_the_text(void **state) {
    static struct tally tally;
    (void)state;
    metrics_state.workers = 2;
    tally.accepted = 7;
    tally.answers[METHOD_GET][STATUS_OK] = 5;
    tally.answers[METHOD_GET][STATUS_FORBIDDEN] = 1;
    tally.answers[METHOD_GET][STATUS_NO_INDEX] = 2;
    tally.answers[METHOD_UNKNOWN][STATUS_NOT_IMPLEMENTED] = 1;
    tally.longest_turn = 2500000;
    const char *text = write_text(&tally, 1, false);
    note_assert_contains(text, "# HELP pronto_workers Workers alive.\n"
                               "# TYPE pronto_workers gauge\n"
                               "pronto_workers 2\n");
    note_assert_contains(text, "\n# TYPE pronto_connections_accepted_total counter\n"
                               "pronto_connections_accepted_total 7\n");
    note_assert_contains(text, "# TYPE pronto_requests_total counter\n"
                               "pronto_requests_total{method=\"GET\",code=\"200\"} 5\n"
                               "pronto_requests_total{method=\"GET\",code=\"403\"} 3\n"
                               "pronto_requests_total{method=\"other\",code=\"501\"} 1\n"
                               "# HELP");
    note_assert_contains(text, "\npronto_turn_longest_seconds 0.0025\n");
    note_assert_contains(text, "pronto_build_info{version=\"");
}

static void test_histograms(void **state) {
    static struct tally tally;
    static const char family[] = "pronto_request_duration_seconds";
    char text[128];
    (void)state;
    histogram_observe(&tally.request_times, 15000, 3);
    histogram_observe(&tally.request_times, 1000000000, 1);
    histogram_observe(&tally.request_times, 99000000000, 2);
    const char *written = write_text(&tally, 1, false);
    static const char *const buckets[] = {
        "{le=\"0.00001\"} 0", "{le=\"0.00002\"} 3", "{le=\"0.5\"} 3",
        "{le=\"1\"} 4",       "{le=\"10\"} 4",      "{le=\"+Inf\"} 6",
    };
    for (size_t i = 0; i < ROWS_COUNT(buckets); i++) {
        (void)snprintf(text, sizeof text, "\n%s_bucket%s\n", family, buckets[i]);
        note_assert_contains(written, text);
    }
    (void)snprintf(text, sizeof text, "\n%s_sum 199.000045\n%s_count 6\n", family, family);
    note_assert_contains(written, text);
    samples_read(&samples, written);
}

/* Every number of a tally is written somewhere. Those of answers are summed up by their codes. */
static void test_every_number_is_written(void **state) {
    static struct tally tally;
    (void)state;
    for (size_t i = 0; i < sizeof tally / sizeof(uint64_t); i++)
        memcpy((char *)&tally + i * sizeof(uint64_t), &(uint64_t){1}, sizeof(uint64_t));
    samples_read(&samples, write_text(&tally, 1, false));
    assert_int_equal(samples_sum(&samples, "pronto_requests_total"),
                     (METHOD_UNKNOWN + 1) * STATUS_COUNT);
    assert_int_equal(samples_sum(&samples, "pronto_connections_closed_total"), CLOSE_REASON_COUNT);
    assert_int_equal(samples_sum(&samples, "pronto_requests_refused_total"), REFUSAL_COUNT - 1);
    for (const struct metric_row *row = tally_rows(); row->name != NULL; row++) {
        bool single = row->shape == METRIC_PLAIN || row->shape == METRIC_SECONDS;
        row_assert(row->name, !single || samples_have(&samples, row->name, ""));
    }
    for (const struct metrics_state_row *row = metrics_state_rows(); row->name != NULL; row++)
        row_assert(row->name, samples_have(&samples, row->name, ""));
}

static void test_each_worker_by_itself(void **state) {
    static struct tally tallies[3];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        tallies[i].accepted = 10 + i;
        tallies[i].closed[CLOSE_SHED] = i;
        histogram_observe(&tallies[i].turn_times, 1000, i);
    }
    tallies[1].answers[METHOD_HEAD][STATUS_OK] = 4;
    samples_read(&samples, write_text(tallies, 3, true));
    assert_int_equal(samples_value(&samples, "pronto_connections_accepted_total", "worker=\"2\""),
                     12);
    assert_false(samples_have(&samples, "pronto_connections_accepted_total", ""));
    assert_int_equal(
        samples_value(&samples, "pronto_connections_closed_total", "worker=\"2\",reason=\"shed\""),
        2);
    assert_int_equal(samples_value(&samples, "pronto_requests_total",
                                   "worker=\"1\",method=\"HEAD\",code=\"200\""),
                     4);
    assert_int_equal(samples_sum(&samples, "pronto_requests_total"), 4);
    assert_int_equal(samples_value(&samples, "pronto_turn_duration_seconds_count", "worker=\"2\""),
                     2);
    assert_int_equal(samples_value(&samples, "pronto_workers", ""), 0);
}

static void test_without_workers_there_are_families_without_samples(void **state) {
    (void)state;
    samples_read(&samples, write_text(NULL, 0, true));
    assert_false(samples_have(&samples, "pronto_connections_accepted_total", ""));
    assert_true(samples_have(&samples, "pronto_generation", ""));
}

#define A "# HELP a_total x\n# TYPE a_total counter\n"
#define H "# HELP h x\n# TYPE h histogram\n"

/* The reader that the tests of all floors rely on says no to these. */
static const struct {
    const char *name;
    const char *text;
    const char *complaint; /* NULL: it is taken */
} texts[] = {
    {"nothing", "", NULL},
    {"a counter", A "a_total 1\n", NULL},
    {"labels", A "a_total{b=\"c\",d=\"\\\\\\\"\\n\"} 1\n", NULL},
    {"a histogram", H "h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 1.5\nh_count 2\n",
     NULL},
    {"no end of line", A "a_total 1", "the last line has no end"},
    {"no TYPE", "# HELP a_total x\na_total 1\n", "does not belong"},
    {"no HELP", "# TYPE a_total counter\n", "TYPE does not stand once"},
    {"HELP twice", A "# HELP a_total x\n", "HELP is not the first"},
    {"TYPE twice", A "# TYPE a_total counter\n", "TYPE does not stand once"},
    {"an unknown type", "# HELP a x\n# TYPE a number\n", "TYPE is none"},
    {"a counter without _total", "# HELP a x\n# TYPE a counter\n", "ends in _total"},
    {"a gauge with it", "# HELP a_total x\n# TYPE a_total gauge\n", "ends in _total"},
    {"a sample of another family", A "b_total 1\n", "does not belong"},
    {"a family that was left", A "a_total 1\n# HELP b x\n# TYPE b gauge\nb 1\na_total 2\n",
     "does not belong"},
    {"a sample twice", A "a_total{b=\"c\"} 1\na_total{b=\"c\"} 2\n", "stands twice"},
    {"a bad name", A "a-total 1\n", "no number"},
    {"a digit at the start", A "1a 1\n", "has no name"},
    {"no number", A "a_total one\n", "no number"},
    {"a negative one", A "a_total -1\n", "no number"},
    {"two blanks", A "a_total  1\n", "no number"},
    {"an open label", A "a_total{b=\"c} 1\n", "labels"},
    {"an unknown escape", A "a_total{b=\"\\c\"} 1\n", "labels"},
    {"a label without quotes", A "a_total{b=c} 1\n", "labels"},
    {"a comma too many", A "a_total{b=\"c\",} 1\n", "labels"},
    {"an empty line", A "\n", "says nothing"},
    {"a remark", "# a\n", "says nothing"},
    {"no +Inf", H "h_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n", "not that of +Inf"},
    {"no _count", H "h_bucket{le=\"+Inf\"} 1\nh_sum 1\n", "lack their"},
    {"another _count", H "h_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n", "not what the last"},
    {"not cumulative", H "h_bucket{le=\"1\"} 3\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 2\n",
     "less than the one before"},
    {"not in order",
     H "h_bucket{le=\"2\"} 1\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 2\n",
     "not in order"},
};

static void test_the_reader_is_strict(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(texts); i++) {
        samples_deinit(&samples);
        const char *complaint = samples_complaint(texts[i].text, &samples);
        if (complaint != NULL && texts[i].complaint == NULL)
            fail_msg("%s: %s", texts[i].name, complaint);
        if (texts[i].complaint != NULL && complaint == NULL)
            fail_msg("%s is taken", texts[i].name);
        if (complaint != NULL)
            note_assert_contains(complaint, texts[i].complaint);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_seconds, teardown),
        cmocka_unit_test_teardown(test_the_text, teardown),
        cmocka_unit_test_teardown(test_histograms, teardown),
        cmocka_unit_test_teardown(test_every_number_is_written, teardown),
        cmocka_unit_test_teardown(test_each_worker_by_itself, teardown),
        cmocka_unit_test_teardown(test_without_workers_there_are_families_without_samples,
                                  teardown),
        cmocka_unit_test_teardown(test_the_reader_is_strict, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
