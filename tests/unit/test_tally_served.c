/* What a server's connections count: by stage, without processes. */
#include "serve/tally.h"

#include "support/stage.h"
#include "sys/clock.h"

static struct stage stage;
static struct visitor visitor;

static int setup(void **state) {
    (void)state;
    stage = (struct stage){0};
    stage_open(&stage);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    visitor_leave(&visitor);
    stage_close(&stage);
    return 0;
}

static uint64_t sum_of(const uint64_t *numbers, size_t count) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += numbers[i];
    return sum;
}

/* Answers that have ended. */
static uint64_t count_times(void) {
    struct histogram *times = &stage.server.tally->request_times;
    stopwatch_read(&stage.server.stopwatch, times, clock_now_ns());
    return histogram_count(times);
}

static uint64_t sum_of_answers(void) {
    const struct tally *tally = stage.server.tally;
    return sum_of(&tally->answers[0][0], sizeof tally->answers / sizeof(uint64_t));
}

#define FIELDS " HTTP/1.1\r\nHost: x\r\n"

/* What one connection asks, and the one counter of answers that has it. */
static const struct {
    const char *name;
    const char *input;
    enum method method;
    enum status status;
    uint64_t times;
    enum refusal refusal;
} asked[] = {
    {"a file", "GET /small" FIELDS "\r\n", METHOD_GET, STATUS_OK, 1, REFUSAL_NONE},
    {"a large file", "GET /big" FIELDS "\r\n", METHOD_GET, STATUS_OK, 1, REFUSAL_NONE},
    {"only its head", "HEAD /small" FIELDS "\r\n", METHOD_HEAD, STATUS_OK, 1, REFUSAL_NONE},
    {"part of it", "GET /small" FIELDS "Range: bytes=1-2\r\n\r\n", METHOD_GET,
     STATUS_PARTIAL_CONTENT, 1, REFUSAL_NONE},
    {"nothing", "GET /none" FIELDS "\r\n", METHOD_GET, STATUS_NOT_FOUND, 1, REFUSAL_NONE},
    {"not modified", "GET /small" FIELDS "If-None-Match: *\r\n\r\n", METHOD_GET,
     STATUS_NOT_MODIFIED, 1, REFUSAL_NONE},
    {"a method that is not served", "POST /small" FIELDS "Content-Length: 0\r\n\r\n", METHOD_POST,
     STATUS_METHOD_NOT_ALLOWED, 1, REFUSAL_NONE},
    {"a method that is none", "BREW /small" FIELDS "\r\n", METHOD_UNKNOWN, STATUS_NOT_IMPLEMENTED,
     1, REFUSAL_NONE},
    {"a listing", "GET /directory/" FIELDS "\r\n", METHOD_GET, STATUS_OK, 1, REFUSAL_NONE},
    {"three at once", "GET /small" FIELDS "\r\nGET /middle" FIELDS "\r\nGET /small" FIELDS "\r\n",
     METHOD_GET, STATUS_OK, 3, REFUSAL_NONE},
    {"no Host", "GET / HTTP/1.1\r\n\r\n", METHOD_GET, STATUS_BAD_REQUEST, 1, REFUSAL_BAD_HOST},
    {"nonsense", "\x01\r\n\r\n", METHOD_UNKNOWN, STATUS_BAD_REQUEST, 1, REFUSAL_BAD_REQUEST_LINE},
};

static void check_answers(const char *name, enum method method, enum status status,
                          uint64_t times) {
    const struct tally *tally = stage.server.tally;
    row_assert_number(name, tally->answers[method][status], times);
    row_assert_number(name, sum_of_answers(), times);
    row_assert_number(name, count_times(), times);
}

static void test_answers_are_counted(void **state) {
    (void)state;
    stage.server.timed = true;
    for (size_t i = 0; i < ROWS_COUNT(asked); i++) {
        *stage.server.tally = (struct tally){0};
        stage_invite(&stage, &visitor);
        stage_ask(&stage, &visitor, asked[i].input);
        visitor_leave(&visitor);
        stage_settle(&stage, &visitor);
        const struct tally *tally = stage.server.tally;
        check_answers(asked[i].name, asked[i].method, asked[i].status, asked[i].times);
        row_assert_number(asked[i].name, tally->sent_bytes, visitor.len);
        row_assert_number(asked[i].name, tally->accepted, 1);
        row_assert_number(asked[i].name, sum_of(tally->closed, CLOSE_REASON_COUNT), 1);
        row_assert_number(asked[i].name, tally_open_connections(tally), 0);
        row_assert_number(asked[i].name, sum_of(tally->refused, REFUSAL_COUNT),
                          asked[i].refusal != REFUSAL_NONE);
        row_assert_number(asked[i].name, tally->refused[asked[i].refusal],
                          asked[i].refusal != REFUSAL_NONE);
    }
}

/* What ends an archive may be no bytes at all, which depends on its size. */
static void test_archives_of_all_sizes_are_timed(void **state) {
    (void)state;
    stage.server.timed = true;
    stage_invite(&stage, &visitor);
    for (uint64_t i = 1; i <= 12; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "directory/%d", (int)i);
        tree_text(&stage.tree, name, "some text");
        visitor_forget(&visitor);
        stage_ask(&stage, &visitor, "GET /directory/?archive=tar" FIELDS "\r\n");
        row_assert_number(name, count_times(), i);
    }
    visitor_leave(&visitor);
    stage_settle(&stage, &visitor);
}

static void ask_for_much_and_take_nothing(void) {
    stage.server.timed = true;
    stage_invite(&stage, &visitor);
    for (int i = 0; i < 64; i++)
        visitor_send_text(&visitor, "GET /big" FIELDS "\r\n");
    for (int i = 0; i < 1000; i++)
        stage_turn(&stage);
}

/* A client that takes nothing: the answer is counted when it begins, its time when it has ended. */
static void test_the_time_of_an_answer_ends_with_its_last_byte(void **state) {
    (void)state;
    ask_for_much_and_take_nothing();
    uint64_t begun = sum_of_answers();
    uint64_t ended = count_times();
    assert_true(begun > 0 && begun < 64);
    assert_int_equal(ended, begun - 1);
    while (count_times() < 64) {
        assert_true(visitor_receive(&visitor));
        visitor_forget(&visitor);
        stage_turn(&stage);
        stage_turn(&stage);
    }
    assert_int_equal(sum_of_answers(), 64);
    visitor_leave(&visitor);
    stage_settle(&stage, &visitor);
    assert_int_equal(count_times(), 64);
}

/* The time of an answer that was cut short is none. */
static void test_what_was_cut_short_has_no_time(void **state) {
    (void)state;
    ask_for_much_and_take_nothing();
    uint64_t ended = count_times();
    visitor_leave(&visitor);
    stage_settle(&stage, &visitor);
    assert_int_equal(count_times(), ended);
    assert_int_equal(tally_open_connections(stage.server.tally), 0);
}

static void test_where_nobody_asks_no_time_is_taken(void **state) {
    (void)state;
    stage_invite(&stage, &visitor);
    stage_ask(&stage, &visitor, "GET /small" FIELDS "\r\n");
    assert_int_equal(sum_of_answers(), 1);
    assert_int_equal(count_times(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers_are_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_archives_of_all_sizes_are_timed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_time_of_an_answer_ends_with_its_last_byte, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_was_cut_short_has_no_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_where_nobody_asks_no_time_is_taken, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
