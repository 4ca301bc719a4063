#include "serve/admin.h"

#include "support/json.h"
#include "support/note.h"
#include "support/response.h"
#include "support/row.h"
#include "support/samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct metrics *metrics;
static struct admin admin;

static int setup(void **state) {
    struct err err = ERR_INIT;
    (void)state;
    assert_int_equal(metrics_open(&metrics, time(NULL) - 60, &err), 0);
    admin = (struct admin){.metrics = metrics};
    metrics_set_phase(metrics, METRICS_SERVING);
    for (size_t i = 0; i < 2; i++) {
        struct metrics_slot *slot = metrics_worker_starts(metrics, i);
        counter_add(&slot->tally.accepted, 5 + i);
        counter_add(&slot->tally.answers[METHOD_GET][STATUS_OK], 10 + i);
    }
    return 0;
}

static int teardown(void **state) {
    (void)state;
    metrics_close(metrics);
    return 0;
}

/* Answers a request of a line and Host; the text is the caller's, and NUL-terminated. */
static enum admin_outcome ask(const char *line, size_t streams_left, char **text) {
    char input[1024];
    struct request request;
    struct admin_text answer;
    (void)snprintf(input, sizeof input, "%s\r\nHost: x\r\n\r\n", line);
    assert_int_equal(request_parse(slice_of_text(input), sizeof input, &request), REQUEST_WHOLE);
    enum admin_outcome outcome =
        admin_answer(&admin, &request, true, streams_left, time(NULL), &answer);
    *text = strndup(answer.ptr, answer.len);
    assert_int_equal(strlen(*text), answer.len);
    free(answer.ptr);
    return outcome;
}

/* The same, read as a whole response. */
static struct response expect(const char *line, int status) {
    struct response response = RESPONSE_INIT;
    char *text;
    row_assert_number(line, ask(line, 1, &text), ADMIN_ANSWERED);
    bool to_head = strncmp(line, "HEAD", 4) == 0;
    row_assert_number(line, response_parse(text, strlen(text), to_head, &response), strlen(text));
    row_assert_number(line, response.status, status);
    response_assert_field(&response, "X-Content-Type-Options", "nosniff");
    response_assert_field(&response, "Cache-Control", "no-store");
    free(text);
    return response;
}

static const struct {
    const char *line;
    int status;
    const char *type;
} lines[] = {
    {"GET / HTTP/1.1", 200, "text/html; charset=utf-8"},
    {"GET /?x HTTP/1.1", 200, "text/html; charset=utf-8"},
    {"GET http://x/ HTTP/1.1", 200, "text/html; charset=utf-8"},
    {"HEAD / HTTP/1.1", 200, "text/html; charset=utf-8"},
    {"GET /metrics HTTP/1.1", 200, "text/plain; version=0.0.4; charset=utf-8"},
    {"HEAD /metrics HTTP/1.1", 200, "text/plain; version=0.0.4; charset=utf-8"},
    {"GET /%6detrics HTTP/1.1", 200, "text/plain; version=0.0.4; charset=utf-8"},
    {"GET /metrics?per=worker HTTP/1.1", 200, "text/plain; version=0.0.4; charset=utf-8"},
    {"GET /healthz HTTP/1.1", 200, "text/plain; charset=utf-8"},
    {"GET /metrics/x HTTP/1.1", 404, "text/html; charset=utf-8"},
    {"GET /Metrics HTTP/1.1", 404, "text/html; charset=utf-8"},
    {"GET /event HTTP/1.1", 404, "text/html; charset=utf-8"},
    {"GET /a%2fb HTTP/1.1", 404, "text/html; charset=utf-8"},
    {"GET /../metrics HTTP/1.1", 400, "text/html; charset=utf-8"},
    {"GET /%zz HTTP/1.1", 400, "text/html; charset=utf-8"},
    {"POST /metrics HTTP/1.1", 405, "text/html; charset=utf-8"},
    {"OPTIONS * HTTP/1.1", 405, "text/html; charset=utf-8"},
    {"DELETE /none HTTP/1.1", 405, "text/html; charset=utf-8"},
    {"BREW / HTTP/1.1", 501, "text/html; charset=utf-8"},
};

static void test_routes(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(lines); i++) {
        struct response response = expect(lines[i].line, lines[i].status);
        response_assert_field(&response, "Content-Type", lines[i].type);
        row_assert_number(lines[i].line, response_count_field(&response, "Allow"),
                          lines[i].status == 405);
        response_deinit(&response);
    }
}

static void test_the_page_says_what_it_may_do(void **state) {
    struct response response = expect("GET / HTTP/1.1", 200);
    (void)state;
    note_assert_contains(response_field(&response, "Content-Security-Policy"),
                         "default-src 'none'");
    note_assert_contains(response.body, "<td data-total=\"answered\">21\n");
    response_deinit(&response);
}

static void test_metrics_of_all_and_of_each(void **state) {
    struct samples samples = SAMPLES_INIT;
    struct response response = expect("GET /metrics HTTP/1.1", 200);
    static const char all[] = "method=\"GET\",code=\"200\"";
    (void)state;
    samples_read(&samples, response.body);
    assert_int_equal(samples_value(&samples, "pronto_requests_total", all), 21);
    assert_int_equal(samples_value(&samples, "pronto_workers", ""), 2);
    response_deinit(&response);
    response = expect("GET /metrics?a=b&per=worker HTTP/1.1", 200);
    samples_read(&samples, response.body);
    assert_int_equal(samples_value(&samples, "pronto_requests_total",
                                   "worker=\"1\",method=\"GET\",code=\"200\""),
                     11);
    assert_false(samples_have(&samples, "pronto_requests_total", all));
    assert_int_equal(samples_sum(&samples, "pronto_requests_total"), 21);
    response_deinit(&response);
    response = expect("GET /metrics?per=workers HTTP/1.1", 200);
    samples_read(&samples, response.body);
    assert_true(samples_have(&samples, "pronto_requests_total", all));
    response_deinit(&response);
    samples_deinit(&samples);
}

static void expect_health(int status, const char *text) {
    struct response response = expect("GET /healthz HTTP/1.1", status);
    response_assert_text(&response, text);
    response_deinit(&response);
}

static void test_health(void **state) {
    (void)state;
    expect_health(200, "ok\n");
    metrics_set_phase(metrics, METRICS_DRAINING);
    expect_health(503, "draining\n");
    metrics_set_phase(metrics, METRICS_STARTING);
    expect_health(503, "starting\n");
    metrics_set_phase(metrics, METRICS_SERVING);
    metrics_worker_ended(metrics, &metrics->slots[0], true);
    expect_health(200, "ok\n");
    metrics_worker_ended(metrics, &metrics->slots[1], true);
    expect_health(503, "without workers\n");
}

static void test_events_have_no_end(void **state) {
    char *text;
    (void)state;
    assert_int_equal(ask("GET /events HTTP/1.1", 1, &text), ADMIN_STREAM);
    note_assert_contains(text, "HTTP/1.1 200 OK\r\n");
    note_assert_contains(text, "\r\nContent-Type: text/event-stream\r\n");
    note_assert_contains(text, "\r\nConnection: close\r\n");
    note_assert_contains(text, "\r\n\r\nretry: 2000\nevent: past\ndata: [");
    note_assert_contains(text, "\n\nevent: now\ndata: {");
    note_assert_lacks(text, "Content-Length");
    free(text);
    assert_int_equal(ask("HEAD /events HTTP/1.1", 1, &text), ADMIN_ANSWERED);
    note_assert_contains(text, "\r\n\r\n");
    note_assert_lacks(text, "event:");
    free(text);
}

static void test_streams_are_bounded(void **state) {
    char *text;
    (void)state;
    assert_int_equal(ask("GET /events HTTP/1.1", 0, &text), ADMIN_ANSWERED);
    note_assert_contains(text, "HTTP/1.1 503 Service Unavailable\r\n");
    free(text);
    assert_int_equal(ask("GET /metrics HTTP/1.1", 0, &text), ADMIN_ANSWERED);
    note_assert_contains(text, "HTTP/1.1 200 OK\r\n");
    free(text);
}

static void test_an_event_a_second(void **state) {
    struct admin_text text;
    (void)state;
    admin_look(&admin, 0);
    counter_add(&metrics->slots[0].tally.answers[METHOD_GET][STATUS_OK], 30);
    admin_look(&admin, 1000000000);
    assert_int_equal(admin_tell(&admin, time(NULL), &text), ADMIN_ANSWERED);
    char *event = strndup(text.ptr, text.len - 2);
    const char *start = "event: now\ndata: ";
    assert_int_equal(strncmp(event, start, strlen(start)), 0);
    assert_int_equal(json_number(event + strlen(start), "point.requests"), 30);
    assert_int_equal(json_number(event + strlen(start), "totals.answered"), 51);
    assert_int_equal(json_count(event + strlen(start), "each"), 2);
    free(event);
    free(text.ptr);
}

static void test_refusals_close(void **state) {
    struct admin_text text;
    struct response response = RESPONSE_INIT;
    (void)state;
    assert_int_equal(admin_refuse(REFUSAL_HEAD_TOO_LARGE, time(NULL), &text), ADMIN_ANSWERED);
    assert_int_equal(response_parse(text.ptr, text.len, false, &response), text.len);
    response_assert_status(&response, 431);
    response_assert_page(&response);
    assert_true(response_closes(&response));
    response_deinit(&response);
    free(text.ptr);
}

/* More than the memory that is tried first. */
static void test_many_workers(void **state) {
    enum { WORKERS = 500 };
    (void)state;
    for (size_t i = 2; i < WORKERS; i++)
        (void)metrics_worker_starts(metrics, i);
    struct response response = expect("GET /metrics?per=worker HTTP/1.1", 200);
    note_assert_contains(response.body, "pronto_turn_duration_seconds_count{worker=\"499\"} 0\n");
    assert_true(response.body_len > 1000000);
    response_deinit(&response);
}

int main(void) {
#define admin_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        admin_test(test_routes),
        admin_test(test_the_page_says_what_it_may_do),
        admin_test(test_metrics_of_all_and_of_each),
        admin_test(test_health),
        admin_test(test_events_have_no_end),
        admin_test(test_streams_are_bounded),
        admin_test(test_an_event_a_second),
        admin_test(test_refusals_close),
        admin_test(test_many_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
