#include "base/deadline.h"

#include "support/row.h"

enum { DURATION_MS = 100 };

struct fixture {
    struct deadline_queue queue;
    struct deadline a, b, c;
};

static void set_up(struct fixture *fixture) {
    deadline_queue_init(&fixture->queue, DURATION_MS);
    deadline_init(&fixture->a);
    deadline_init(&fixture->b);
    deadline_init(&fixture->c);
}

static void test_due_at_the_millisecond(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    assert_null(deadline_expired(&fixture.queue, INT64_MAX));
    deadline_start(&fixture.a, &fixture.queue, 1000);
    assert_null(deadline_expired(&fixture.queue, 1000));
    assert_null(deadline_expired(&fixture.queue, 1099));
    assert_ptr_equal(deadline_expired(&fixture.queue, 1100), &fixture.a);
    assert_null(deadline_expired(&fixture.queue, 1100)); /* taken out */
}

static void test_expire_in_order_one_by_one(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    deadline_start(&fixture.a, &fixture.queue, 0);
    deadline_start(&fixture.b, &fixture.queue, 10);
    deadline_start(&fixture.c, &fixture.queue, 10);
    assert_ptr_equal(deadline_expired(&fixture.queue, 105), &fixture.a);
    assert_null(deadline_expired(&fixture.queue, 105));
    assert_ptr_equal(deadline_expired(&fixture.queue, 500), &fixture.b);
    assert_ptr_equal(deadline_expired(&fixture.queue, 500), &fixture.c);
    assert_null(deadline_expired(&fixture.queue, 500));
}

static void test_start_again_moves_to_the_end(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    deadline_start(&fixture.a, &fixture.queue, 0);
    deadline_start(&fixture.b, &fixture.queue, 10);
    deadline_start(&fixture.a, &fixture.queue, 20);
    assert_ptr_equal(deadline_first(&fixture.queue), &fixture.b);
    assert_ptr_equal(deadline_expired(&fixture.queue, 119), &fixture.b);
    assert_null(deadline_expired(&fixture.queue, 119));
    assert_ptr_equal(deadline_expired(&fixture.queue, 120), &fixture.a);
}

static void test_start_in_another_queue(void **state) {
    (void)state;
    struct fixture fixture;
    struct deadline_queue other;
    set_up(&fixture);
    deadline_queue_init(&other, 7);
    deadline_start(&fixture.a, &fixture.queue, 0);
    deadline_start(&fixture.a, &other, 0);
    assert_null(deadline_first(&fixture.queue));
    assert_ptr_equal(deadline_first(&other), &fixture.a);
    assert_ptr_equal(deadline_expired(&other, 7), &fixture.a);
}

static void test_stop(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    deadline_stop(&fixture.a); /* not running */
    deadline_start(&fixture.a, &fixture.queue, 0);
    deadline_start(&fixture.b, &fixture.queue, 0);
    deadline_stop(&fixture.a);
    deadline_stop(&fixture.a);
    assert_ptr_equal(deadline_expired(&fixture.queue, 100), &fixture.b);
    deadline_stop(&fixture.b); /* expired */
    assert_null(deadline_first(&fixture.queue));
    deadline_start(&fixture.b, &fixture.queue, 200);
    assert_ptr_equal(deadline_first(&fixture.queue), &fixture.b);
}

static void test_first_stays(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    assert_null(deadline_first(&fixture.queue));
    deadline_start(&fixture.a, &fixture.queue, 0);
    assert_ptr_equal(deadline_first(&fixture.queue), &fixture.a);
    assert_ptr_equal(deadline_first(&fixture.queue), &fixture.a);
}

static void test_wait(void **state) {
    (void)state;
    static const struct {
        const char *name;
        bool running; /* from 1000, so due at 1100 */
        int64_t now_ms;
        int64_t wait_ms;
        int64_t expected_ms;
    } rows[] = {
        {"nothing runs, forever", false, 1000, -1, -1},
        {"nothing runs, some time", false, 1000, 50, 50},
        {"forever, until due", true, 1000, -1, 100},
        {"forever, until nearly due", true, 1099, -1, 1},
        {"due now", true, 1100, -1, 0},
        {"long overdue", true, 99999, -1, 0},
        {"overdue, some time", true, 99999, 50, 0},
        {"the other is sooner", true, 1000, 99, 99},
        {"both at once", true, 1000, 100, 100},
        {"this is sooner", true, 1000, 101, 100},
        {"do not wait", true, 1000, 0, 0},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct fixture fixture;
        set_up(&fixture);
        if (rows[i].running)
            deadline_start(&fixture.a, &fixture.queue, 1000);
        if (rows[i].running) /* one behind it changes nothing */
            deadline_start(&fixture.b, &fixture.queue, 1001);
        row_assert_number(rows[i].name,
                          deadline_wait_ms(&fixture.queue, rows[i].now_ms, rows[i].wait_ms),
                          rows[i].expected_ms);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_due_at_the_millisecond),
        cmocka_unit_test(test_expire_in_order_one_by_one),
        cmocka_unit_test(test_start_again_moves_to_the_end),
        cmocka_unit_test(test_start_in_another_queue),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_first_stays),
        cmocka_unit_test(test_wait),
    };
    return cmocka_run_group_tests_name("deadline", tests, NULL, NULL);
}
