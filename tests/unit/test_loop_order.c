/* Which source runs first, and what is known of when something came. */
#include "sys/loop.h"

#include "support/row.h"

#include <sys/eventfd.h>
#include <unistd.h>

enum { MANY = 600 }; /* more than one turn takes */

struct counter {
    struct source source;
    int runs;
    int place;         /* in the order of all runs: when it last ran */
    bool was_reported; /* when it last ran */
};

static struct loop loop;
static struct counter counters[MANY];
static size_t count;
static int runs;

static void run(struct source *source) {
    struct counter *counter = list_entry(source, struct counter, source);
    counter->runs++;
    counter->place = runs++;
    counter->was_reported = loop_reported(&loop, source);
}

static int setup(void **state) {
    struct err err = ERR_INIT;
    (void)state;
    count = 0;
    runs = 0;
    return loop_init(&loop, &err);
}

static int teardown(void **state) {
    (void)state;
    for (size_t i = 0; i < count; i++)
        (void)close(counters[i].source.fd);
    loop_deinit(&loop);
    return 0;
}

/* One that has nothing to read yet. */
static struct counter *add(uint32_t events) {
    struct counter *counter = &counters[count++];
    *counter = (struct counter){.runs = 0};
    source_init(&counter->source, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), run);
    assert_int_equal(loop_add(&loop, &counter->source, events), 0);
    return counter;
}

static void wake(const struct counter *counter) {
    assert_int_equal(eventfd_write(counter->source.fd, 1), 0);
}

static void turn(void) {
    assert_int_equal(loop_turn(&loop, 0), 0);
}

static void test_first_of_those_with_an_event(void **state) {
    (void)state;
    struct counter *three[3];
    for (size_t i = 0; i < ROWS_COUNT(three); i++)
        three[i] = add(EPOLLIN);
    loop_set_first(&loop, &three[2]->source);
    for (int turns = 1; turns <= 2; turns++) {
        runs = 0;
        for (size_t i = 0; i < ROWS_COUNT(three); i++)
            wake(three[i]);
        turn();
        assert_int_equal(three[2]->place, 0);
        assert_int_equal(three[0]->place, 1);
        assert_int_equal(three[1]->place, 2);
        assert_int_equal(three[2]->runs, turns); /* once */
    }
}

static void test_first_without_an_event(void **state) {
    (void)state;
    struct counter *first = add(EPOLLIN);
    struct counter *other = add(EPOLLIN);
    loop_set_first(&loop, &first->source);
    wake(other);
    turn();
    assert_int_equal(other->runs, 1);
    assert_int_equal(first->runs, 0);
    turn();
    assert_int_equal(first->runs, 0);
}

static void test_first_that_asked_for_a_turn(void **state) {
    (void)state;
    struct counter *first = add(EPOLLIN);
    struct counter *other = add(EPOLLIN);
    loop_set_first(&loop, &first->source);
    loop_again(&loop, &other->source);
    loop_again(&loop, &first->source);
    turn();
    assert_int_equal(first->place, 0);
    assert_int_equal(other->place, 1);
    turn();
    assert_int_equal(first->runs, 1);
}

/* Its event may stand behind those that there was room for. */
static void test_first_in_a_crowd(void **state) {
    (void)state;
    while (count < MANY - 1)
        wake(add(EPOLLIN));
    struct counter *first = add(EPOLLIN);
    loop_set_first(&loop, &first->source);
    turn();
    assert_true(runs > 1 && runs < MANY);
    assert_int_equal(first->runs, 1);
    assert_int_equal(first->place, 0);
    wake(first);
    for (int turns = 0; turns < 4; turns++)
        turn();
    for (size_t i = 0; i < MANY - 1; i++)
        row_assert_number(row_at("runs", i), counters[i].runs, 1);
    int before = first->runs;
    turn(); /* nobody is there any more */
    assert_int_equal(first->runs, before);
}

/* Those whose turns take long run one by one, after all others. */
static void test_heavy(void **state) {
    (void)state;
    struct counter *heavy[3];
    for (size_t i = 0; i < ROWS_COUNT(heavy); i++) {
        heavy[i] = add(EPOLLIN);
        heavy[i]->source.is_heavy = true;
        wake(heavy[i]);
    }
    struct counter *other = add(EPOLLIN);
    for (size_t turns = 0; turns < ROWS_COUNT(heavy); turns++) {
        runs = 0;
        wake(other);
        turn();
        assert_int_equal(runs, 2);
        assert_int_equal(other->place, 0);
        assert_int_equal(heavy[turns]->place, 1);
    }
    assert_false(loop_is_busy(&loop));
    turn();
    assert_int_equal(runs, 2); /* and then no more */
}

/* The loop does not sleep while one of them has yet to run, and one that asks for another turn
 * comes after the others. */
static void test_heavy_in_turns(void **state) {
    (void)state;
    struct counter *heavy[2];
    for (size_t i = 0; i < ROWS_COUNT(heavy); i++) {
        heavy[i] = add(EPOLLIN);
        heavy[i]->source.is_heavy = true;
        loop_again(&loop, &heavy[i]->source);
    }
    assert_int_equal(loop_turn(&loop, -1), 0);
    assert_int_equal(heavy[0]->runs, 1);
    loop_again(&loop, &heavy[0]->source);
    assert_true(loop_is_busy(&loop));
    assert_int_equal(loop_turn(&loop, -1), 0);
    assert_int_equal(heavy[1]->runs, 1);
    list_remove(&heavy[0]->source.place); /* it is freed */
    assert_false(loop_is_busy(&loop));
}

static const struct {
    const char *name;
    uint32_t events;
    bool known; /* epoll has told that it can be written before it can be read */
    bool reported;
} reports[] = {
    {"the first report", EPOLLIN, false, false},
    {"the first report, with another", EPOLLIN | EPOLLOUT, false, false},
    {"what came later", EPOLLIN | EPOLLOUT, true, true},
};

static void test_reported(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(reports); i++) {
        struct counter *counter = add(reports[i].events);
        if (reports[i].known)
            turn();
        wake(counter);
        turn();
        row_assert_number(reports[i].name, counter->was_reported, reports[i].reported);
        wake(counter);
        turn();
        row_assert(reports[i].name, counter->was_reported);
        turn();
        row_assert(reports[i].name, !loop_reported(&loop, &counter->source));
        loop_again(&loop, &counter->source); /* a turn, but no report */
        turn();
        row_assert(reports[i].name, !counter->was_reported);
    }
}

/* That it can be written says nothing of what can be read. */
static void test_reported_for_writing(void **state) {
    (void)state;
    struct counter *counter = add(EPOLLIN | EPOLLOUT);
    turn();
    assert_int_equal(counter->runs, 1);
    eventfd_t value;
    wake(counter);
    turn();
    assert_true(counter->was_reported);
    assert_int_equal(eventfd_read(counter->source.fd, &value), 0); /* an edge for writers */
    turn();
    assert_int_equal(counter->runs, 3);
    assert_false(counter->was_reported);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_first_of_those_with_an_event),
        test(test_first_without_an_event),
        test(test_first_that_asked_for_a_turn),
        test(test_first_in_a_crowd),
        test(test_heavy),
        test(test_heavy_in_turns),
        test(test_reported),
        test(test_reported_for_writing),
    };
    return cmocka_run_group_tests_name("loop, order", tests, NULL, NULL);
}
