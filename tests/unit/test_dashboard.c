#include "serve/dashboard.h"

#include "support/json.h"
#include "support/note.h"
#include "support/row.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static char memory[256 * 1024];
static struct metrics_state metrics_state;
static struct tally all;
static struct tally workers[70];
static struct trend trend;
static struct dashboard dashboard;

static int setup(void **state) {
    (void)state;
    memset(&metrics_state, 0, sizeof metrics_state);
    memset(&all, 0, sizeof all);
    memset(workers, 0, sizeof workers);
    memset(&trend, 0, sizeof trend);
    metrics_state.start_time = 1000;
    metrics_state.workers = 2;
    metrics_state.generation = 3;
    dashboard = (struct dashboard){.state = &metrics_state,
                                   .phase = METRICS_SERVING,
                                   .all = &all,
                                   .workers = workers,
                                   .worker_count = 2,
                                   .trend = &trend,
                                   .now_s = 1090};
    return 0;
}

static const char *write_by(void (*put)(struct buf *buf, const struct dashboard *dashboard)) {
    struct buf buf = BUF_INIT(memory, sizeof memory - 1);
    put(&buf, &dashboard);
    assert_false(buf.overflow);
    memory[buf.len] = '\0';
    return memory;
}

/* Seconds in which 10 requests were answered in 15 us each, but for the first, which had none. */
static void add_points(int count) {
    for (int i = 0; i <= count; i++) {
        trend_add(&trend, &all, (int64_t)i * 1000000000);
        all.answers[METHOD_GET][STATUS_OK] += 10;
        all.sent_bytes += 5000;
        histogram_observe(&all.request_times, 15000, i == 0 ? 0 : 10);
    }
}

/* The data of the event, which is one line: HTML standard, "Parsing an event stream". */
static const char *data_of(const char *event, const char *start) {
    static char data[64 * 1024];
    size_t len = strlen(event);
    assert_int_equal(strncmp(event, start, strlen(start)), 0);
    const char *from = event + strlen(start);
    assert_true(len > strlen(start) + 2);
    assert_string_equal(event + len - 2, "\n\n");
    assert_ptr_equal(strchr(from, '\n'), event + len - 2);
    (void)snprintf(data, sizeof data, "%.*s", (int)(event + len - 2 - from), from);
    return data;
}

static void test_what_is_so_now(void **state) {
    (void)state;
    add_points(2);
    all.accepted = 9;
    all.cache_bytes = 123456789012;
    workers[1].open = 4;
    workers[1].answers[METHOD_GET][STATUS_OK] = 8;
    workers[1].longest_turn = 1500000;
    const char *data = data_of(write_by(dashboard_put_now), "event: now\ndata: ");
    assert_int_equal(json_number(data, "uptime"), 90);
    assert_int_equal(json_number(data, "generation"), 3);
    assert_int_equal(json_number(data, "workers"), 2);
    assert_int_equal(json_number(data, "point.requests"), 10);
    assert_int_equal(json_number(data, "point.bytes"), 5000);
    assert_true(json_number(data, "point.p50") == 0.000015);
    assert_true(isnan(json_number(data, "point.hits")));
    assert_int_equal(json_number(data, "totals.answered"), 30);
    assert_int_equal(json_number(data, "totals.c2"), 30);
    assert_int_equal(json_number(data, "totals.accepted"), 9);
    assert_true(json_number(data, "totals.kept") == 123456789012);
    assert_int_equal(json_count(data, "each"), 2);
    assert_int_equal(json_number(data, "each.1.open"), 4);
    assert_int_equal(json_number(data, "each.1.requests"), 8);
    assert_true(json_number(data, "each.1.turn") == 0.0015);
    note_assert_contains(data, "\"phase\":\"serving\"");
}

static void test_before_there_is_any_point(void **state) {
    (void)state;
    dashboard.worker_count = 0;
    const char *data = data_of(write_by(dashboard_put_now), "event: now\ndata: ");
    assert_int_equal(json_number(data, "point.requests"), 0);
    assert_true(isnan(json_number(data, "point.p99")));
    assert_int_equal(json_count(data, "each"), 0);
    data = data_of(write_by(dashboard_put_past), "retry: 2000\nevent: past\ndata: ");
    assert_int_equal(json_count(data, ""), 0);
}

static void test_what_was(void **state) {
    (void)state;
    add_points(TREND_POINTS + 5);
    const char *data = data_of(write_by(dashboard_put_past), "retry: 2000\nevent: past\ndata: ");
    assert_int_equal(json_count(data, ""), TREND_POINTS);
    assert_int_equal(json_number(data, "119.requests"), 10);
}

static void test_only_so_many_workers_have_rows(void **state) {
    (void)state;
    dashboard.worker_count = ROWS_COUNT(workers);
    const char *data = data_of(write_by(dashboard_put_now), "event: now\ndata: ");
    assert_int_equal(json_count(data, "each"), DASHBOARD_WORKERS_MAX);
    note_assert_contains(write_by(dashboard_put_page), "<th scope=\"row\">63<td>");
    note_assert_lacks(write_by(dashboard_put_page), "<th scope=\"row\">64<td>");
}

/* The page itself says what the events would. */
static void test_the_page(void **state) {
    (void)state;
    add_points(2);
    all.open = 17;
    const char *page = write_by(dashboard_put_page);
    note_assert_contains(page, "<title>pronto");
    note_assert_contains(page, "data-phase=\"serving\">serving<");
    note_assert_contains(page, "<b data-at=\"requests\">10</b>");
    note_assert_contains(page, "<b data-at=\"p50\">15 µs</b>");
    note_assert_contains(page, "<i data-at=\"p99\">20 µs</i>");
    note_assert_contains(page, "<b data-at=\"bytes\">5.0 kB</b>");
    note_assert_contains(page, "<b data-at=\"open\">17</b>");
    note_assert_contains(page, "<b data-at=\"hits\">–</b>");
    note_assert_contains(page, "<td data-total=\"answered\">30\n");
    note_assert_contains(page, "<span id=\"uptime\">90 s</span>");
    note_assert_lacks(page, " src=");
    note_assert_lacks(page, "href=\"http");
    note_assert_lacks(page, "style=");
}

static void test_times_of_all_lengths(void **state) {
    static const struct {
        uint64_t ns;
        const char *text;
    } rows[] = {
        {400, "0 µs"},       {999499, "999 µs"},      {1500000, "1.5 ms"},
        {27000000, "27 ms"}, {2500000000, "2500 ms"}, {0, "–"},
    };
    char cell[64];
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        workers[0].longest_turn = rows[i].ns;
        (void)snprintf(cell, sizeof cell, "<td>%s\n", rows[i].text);
        workers[1].longest_turn = 1;
        note_assert_contains(write_by(dashboard_put_page), cell);
    }
}

static void test_phases(void **state) {
    (void)state;
    assert_true(slice_equal(dashboard_phase(METRICS_STARTING), SLICE("starting")));
    assert_true(slice_equal(dashboard_phase(METRICS_SERVING), SLICE("serving")));
    assert_true(slice_equal(dashboard_phase(METRICS_DRAINING), SLICE("draining")));
}

/* A clock that was set back makes no uptime of centuries. */
static void test_the_clock_may_have_been_set_back(void **state) {
    (void)state;
    dashboard.now_s = 900;
    const char *data = data_of(write_by(dashboard_put_now), "event: now\ndata: ");
    assert_int_equal(json_number(data, "uptime"), 0);
}

static void test_the_policy_names_what_is_in_the_page(void **state) {
    struct buf buf = BUF_INIT(memory, sizeof memory - 1);
    (void)state;
    dashboard_put_policy(&buf);
    memory[buf.len] = '\0';
    note_assert_contains(memory, "default-src 'none'; style-src 'sha256-");
    note_assert_contains(memory, "script-src 'sha256-");
    note_assert_contains(memory, "connect-src 'self'");
    note_assert_lacks(memory, "unsafe");
}

/* The reader that these tests rely on says no to what is no JSON. */
static void test_the_reader_is_strict(void **state) {
    static const char *const bad[] = {
        "",     "{",        "{\"a\"}", "{\"a\":1,}", "[1,]", "01",  "1.",    ".5",
        "nan",  "[1 2]",    "\"a",     "\"\\x\"",    "1 2",  "'a'", "{a:1}", "-",
        "[1]]", "\"\x01\"", "tru",     "{\"a\":}",   "[,1]", "1e",
    };
    static const char *const good[] = {
        "0", "-1.5e+3", "[]", "{}", " [ 1 , {\"a\" : null} ] ", "\"\\u00e9\\n\"", "true"};
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(bad); i++)
        row_assert(bad[i], !json_is_valid(bad[i]));
    for (size_t i = 0; i < ROWS_COUNT(good); i++)
        row_assert(good[i], json_is_valid(good[i]));
    assert_int_equal(json_number("{\"a\":{\"b\":[7,{\"c\":8}]},\"ab\":9}", "a.b.1.c"), 8);
    assert_int_equal(json_number("{\"a\":{\"b\":[7,{\"c\":8}]},\"ab\":9}", "ab"), 9);
    assert_int_equal(json_count("{\"x\":[],\"a\":[1,[2],3]}", "a"), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_what_is_so_now, setup),
        cmocka_unit_test_setup(test_before_there_is_any_point, setup),
        cmocka_unit_test_setup(test_what_was, setup),
        cmocka_unit_test_setup(test_only_so_many_workers_have_rows, setup),
        cmocka_unit_test_setup(test_the_page, setup),
        cmocka_unit_test_setup(test_times_of_all_lengths, setup),
        cmocka_unit_test(test_phases),
        cmocka_unit_test_setup(test_the_clock_may_have_been_set_back, setup),
        cmocka_unit_test(test_the_policy_names_what_is_in_the_page),
        cmocka_unit_test(test_the_reader_is_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
