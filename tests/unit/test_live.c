/* What pages are told, and the script that is behind them. */
#include "serve/live.h"

#include "support/no_memory.h"
#include "support/row.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct live live;
static struct outq output;
static int64_t now_ms;

static int setup(void **state) {
    struct err err = ERR_INIT;
    (void)state;
    now_ms = 1000;
    out_of_memory = false;
    assert_int_equal(live_init(&live, &now_ms, &err), 0);
    memcpy(live.name, "0123456789abcdef", sizeof live.name);
    return outq_init(&output);
}

static int teardown(void **state) {
    (void)state;
    assert_int_equal(live.streams, 0);
    live_deinit(&live);
    live_deinit(&live); /* idempotent */
    outq_deinit(&output);
    return 0;
}

static void note(const char *target, const char *type) {
    changes_note(&live.changes, slice_of_text(target), slice_of_text(type));
}

static void settle(void) {
    now_ms += CHANGES_PUT_OFF_MS;
    assert_true(live_settle(&live));
}

/* Fails unless that is told next, and how it goes on. */
static void expect(const char *row, struct delivery *delivery, const char *text,
                   enum delivery_outcome outcome) {
    row_assert_number(row, delivery_fill(delivery, &output), outcome);
    row_assert_slice(row, buf_slice(&output.bytes), slice_of_text(text));
    outq_clear(&output);
}

#define EVENT(changes) "data: {\"server\":\"0123456789abcdef\",\"changes\":[" changes "]}\n\n"

static void test_who_comes_is_told_what_was(void **state) {
    (void)state;
    now_ms += 50;
    struct delivery *first = live_listen(&live);
    expect("at start", first, EVENT("[1,50,null,\"\"]"), DELIVERY_WAIT);
    note("/a.css", "text/css");
    expect("too early", first, "", DELIVERY_WAIT);
    settle();
    expect("a change", first, EVENT("[2,400,\"/a.css\",\"text/css\"]"), DELIVERY_WAIT);
    expect("told", first, "", DELIVERY_WAIT);
    struct delivery *second = live_listen(&live);
    expect("another", second, EVENT("[1,450,null,\"\"],[2,400,\"/a.css\",\"text/css\"]"),
           DELIVERY_WAIT);
    assert_int_equal(live.streams, 2);
    delivery_free(first);
    delivery_free(second);
}

static void test_a_burst_is_one_event(void **state) {
    (void)state;
    struct delivery *delivery = live_listen(&live);
    expect("at start", delivery, EVENT("[1,0,null,\"\"]"), DELIVERY_WAIT);
    note("/", "text/html");
    note("/\"\\\xff", "");
    settle();
    expect("both", delivery,
           EVENT("[2,400,\"/\",\"text/html\"],[3,400,\"/\\\"\\\\\xef\xbf\xbd\",\"\"]"),
           DELIVERY_WAIT);
    delivery_free(delivery);
}

/* There is no room for so many long names: then it is one change of everything, as late as the
 * last. */
static void test_too_much_to_say(void **state) {
    (void)state;
    static char name[CHANGES_TARGET_MAX + 1];
    memset(name, '\x01', sizeof name - 1); /* six bytes for each */
    struct delivery *delivery = live_listen(&live);
    expect("at start", delivery, EVENT("[1,0,null,\"\"]"), DELIVERY_WAIT);
    for (int i = 0; i < 5; i++)
        note(name, "");
    now_ms += 10;
    note("/a", "");
    settle();
    expect("everything", delivery, EVENT("[7,400,null,\"\"]"), DELIVERY_WAIT);
    expect("told", delivery, "", DELIVERY_WAIT);
    delivery_free(delivery);
}

static void test_a_beat_when_there_is_nothing_to_say(void **state) {
    (void)state;
    struct delivery *delivery = live_listen(&live);
    expect("at start", delivery, EVENT("[1,0,null,\"\"]"), DELIVERY_WAIT);
    for (int i = 0; i < 2; i++) {
        now_ms += LIVE_BEAT_MS - 1;
        expect("too early", delivery, "", DELIVERY_WAIT);
        now_ms++;
        expect("beat", delivery, ":\n\n", DELIVERY_WAIT);
    }
    delivery_free(delivery);
}

static void test_they_end(void **state) {
    (void)state;
    struct delivery *delivery = live_listen(&live);
    live_end(&live);
    expect("end", delivery, "", DELIVERY_DONE);
    delivery_free(delivery);
}

static void test_bounds(void **state) {
    (void)state;
    static struct delivery *deliveries[LIVE_STREAMS_MAX];
    for (size_t i = 0; i < LIVE_STREAMS_MAX; i++) {
        deliveries[i] = live_listen(&live);
        row_assert(row_at("stream", i), deliveries[i] != NULL);
    }
    assert_null(live_listen(&live));
    delivery_free(deliveries[0]);
    out_of_memory = true;
    assert_null(live_listen(&live));
    out_of_memory = false;
    deliveries[0] = live_listen(&live);
    assert_non_null(deliveries[0]);
    for (size_t i = 0; i < LIVE_STREAMS_MAX; i++)
        delivery_free(deliveries[i]);
}

static void test_targets(void **state) {
    (void)state;
    static const struct {
        const char *path;
        bool trailing_slash;
        enum live_part part;
    } rows[] = {
        {".pronto/live.js", false, LIVE_SCRIPT},
        {".pronto/live", false, LIVE_EVENTS},
        {".pronto/live", true, LIVE_NONE},
        {".pronto/live.css", false, LIVE_NONE},
        {".pronto", true, LIVE_NONE},
        {"a/.pronto/live", false, LIVE_NONE},
        {"", true, LIVE_NONE},
        {"live.js", false, LIVE_NONE},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const struct target target = {.path = slice_of_text(rows[i].path),
                                      .trailing_slash = rows[i].trailing_slash};
        row_assert_number(rows[i].path, live_find(&target), rows[i].part);
    }
}

/* The script that the appendix names is the one that is found. */
static void test_the_appendix_names_the_script(void **state) {
    (void)state;
    struct slice appendix = live_appendix();
    const char *start = memmem(appendix.ptr, appendix.len, "src=\"/", 6);
    assert_non_null(start);
    struct slice path = slice_after(appendix, (size_t)(start + 6 - appendix.ptr));
    path.len = slice_find(path, '"');
    const struct target target = {.path = path};
    assert_int_equal(live_find(&target), LIVE_SCRIPT);
    assert_true(live.script->representation.length > 1000);
    assert_true(slice_starts_with(slice_of(live.script->content, 2), SLICE("/*")));
}

static void test_no_memory(void **state) {
    (void)state;
    struct live other;
    struct err err = ERR_INIT;
    out_of_memory = true;
    assert_int_equal(live_init(&other, &now_ms, &err), -ENOMEM);
    out_of_memory = false;
    assert_false(live_is_on(&other));
    live_deinit(&other);
}

static void test_how_long_to_sleep(void **state) {
    (void)state;
    struct live off = {.script = NULL};
    assert_int_equal(live_wait_ms(&off, -1), -1);
    assert_int_equal(live_wait_ms(&live, -1), -1);
    assert_int_equal(live_wait_ms(&live, 7), 7);
    note("/a", "");
    assert_int_equal(live_wait_ms(&live, -1), CHANGES_QUIET_MS);
    assert_int_equal(live_wait_ms(&live, 7), 7);
    now_ms += 1000;
    assert_int_equal(live_wait_ms(&live, -1), 0);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(test_who_comes_is_told_what_was),
        test(test_a_burst_is_one_event),
        test(test_too_much_to_say),
        test(test_a_beat_when_there_is_nothing_to_say),
        test(test_they_end),
        test(test_bounds),
        test(test_targets),
        test(test_the_appendix_names_the_script),
        test(test_no_memory),
        test(test_how_long_to_sleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
