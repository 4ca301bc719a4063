#include "serve/metrics.h"

#include "support/row.h"

#include <sys/wait.h>
#include <unistd.h>

enum { START_S = 1700000000 };

static int setup(void **state) {
    struct err err = ERR_INIT;
    struct metrics *metrics = NULL;
    assert_int_equal(metrics_open(&metrics, START_S, &err), 0);
    *state = metrics;
    return 0;
}

static int teardown(void **state) {
    metrics_close(*state);
    return 0;
}

static struct metrics_state read_state(const struct metrics *metrics) {
    struct metrics_state state = {0};
    metrics_read_state(metrics, &state);
    return state;
}

static struct tally read_worker(const struct metrics *metrics, size_t number) {
    struct tally tally;
    metrics_read_worker(metrics, number, &tally);
    return tally;
}

static void test_at_first_there_is_nothing(void **state) {
    const struct metrics *metrics = *state;
    struct tally tally = {.accepted = 1};
    (void)state;
    assert_int_equal(metrics_phase(metrics), METRICS_STARTING);
    assert_int_equal(metrics_numbers(metrics), 0);
    metrics_read_all(metrics, &tally);
    assert_int_equal(tally.accepted, 0);
    assert_int_equal(read_state(metrics).start_time, START_S);
    assert_int_equal(read_state(metrics).generation, 1);
    assert_int_equal(read_state(metrics).workers, 0);
}

static void test_where_nobody_asks_nothing_is_done(void **state) {
    (void)state;
    metrics_set_phase(NULL, METRICS_SERVING);
    metrics_next_generation(NULL);
    assert_null(metrics_worker_starts(NULL, 0));
    metrics_worker_ended(NULL, NULL, true);
    metrics_worker_ended(*state, NULL, true);
    assert_int_equal(read_state(*state).worker_deaths, 0);
    metrics_close(NULL);
}

static void test_phases(void **state) {
    struct metrics *metrics = *state;
    metrics_set_phase(metrics, METRICS_SERVING);
    assert_int_equal(metrics_phase(metrics), METRICS_SERVING);
    assert_int_equal(read_state(metrics).draining, 0);
    metrics_set_phase(metrics, METRICS_DRAINING);
    assert_int_equal(metrics_phase(metrics), METRICS_DRAINING);
    assert_int_equal(read_state(metrics).draining, 1);
}

/* The number of a worker has what each that had it has counted. */
static void test_the_next_worker_goes_on_with_what_was_counted(void **state) {
    struct metrics *metrics = *state;
    struct metrics_slot *first = metrics_worker_starts(metrics, 0);
    struct metrics_slot *other = metrics_worker_starts(metrics, 1);
    first->tally.accepted = 5;
    first->tally.closed[CLOSE_ANSWERED] = 3;
    first->tally.cache_bytes = 1000;
    other->tally.accepted = 100;
    metrics_worker_ended(metrics, first, true);
    assert_int_equal(read_worker(metrics, 0).accepted, 5);
    assert_int_equal(read_worker(metrics, 0).closed[CLOSE_WORKER_DIED], 2);
    assert_int_equal(read_worker(metrics, 0).open, 0);
    assert_int_equal(read_worker(metrics, 0).cache_bytes, 0);
    struct metrics_slot *second = metrics_worker_starts(metrics, 0);
    assert_ptr_equal(second, first);
    counter_add(&second->tally.accepted, 1);
    assert_int_equal(read_worker(metrics, 0).accepted, 6);
    assert_int_equal(read_worker(metrics, 0).open, 1);
    assert_int_equal(read_worker(metrics, 1).accepted, 100);
    assert_int_equal(read_state(metrics).workers, 2);
    assert_int_equal(read_state(metrics).worker_starts, 3);
    assert_int_equal(read_state(metrics).worker_deaths, 1);
}

/* While a worker drains, its successor counts elsewhere, and both are the number's. */
static void test_generations_overlap(void **state) {
    enum { RELOADS = 50, WORKERS = 3 };
    struct metrics *metrics = *state;
    struct metrics_slot *old[WORKERS];
    struct metrics_slot *new[WORKERS];
    for (size_t i = 0; i < WORKERS; i++)
        old[i] = metrics_worker_starts(metrics, i);
    for (int reload = 1; reload <= RELOADS; reload++) {
        metrics_next_generation(metrics);
        for (size_t i = 0; i < WORKERS; i++) {
            new[i] = metrics_worker_starts(metrics, i);
            assert_ptr_not_equal(new[i], old[i]);
            counter_add(&old[i]->tally.accepted, 1);
            counter_add(&new[i]->tally.accepted, 1);
            assert_int_equal(read_worker(metrics, i).accepted, 2 * reload);
        }
        for (size_t i = 0; i < WORKERS; i++) {
            counter_set(&old[i]->tally.closed[CLOSE_DRAINED], old[i]->tally.accepted);
            metrics_worker_ended(metrics, old[i], false);
            old[i] = new[i];
        }
        assert_int_equal(read_state(metrics).workers, WORKERS);
    }
    struct tally all;
    metrics_read_all(metrics, &all);
    assert_int_equal(all.accepted, 2 * RELOADS * WORKERS);
    assert_int_equal(all.closed[CLOSE_WORKER_DIED], 0);
    assert_int_equal(metrics->slot_count, 2 * WORKERS);
    assert_int_equal(metrics_numbers(metrics), WORKERS);
    assert_int_equal(read_state(metrics).generation, RELOADS + 1);
    assert_int_equal(read_state(metrics).worker_deaths, 0);
}

static void test_with_fewer_workers_the_others_still_count(void **state) {
    struct metrics *metrics = *state;
    struct metrics_slot *last = metrics_worker_starts(metrics, 7);
    last->tally.sent_bytes = 9;
    metrics_worker_ended(metrics, last, false);
    (void)metrics_worker_starts(metrics, 0);
    struct tally all;
    metrics_read_all(metrics, &all);
    assert_int_equal(all.sent_bytes, 9);
    assert_int_equal(metrics_numbers(metrics), 8);
    assert_int_equal(read_worker(metrics, 3).sent_bytes, 0);
}

/* There is a bound, and beyond it nothing breaks. */
static void test_slots_are_bounded(void **state) {
    struct metrics *metrics = *state;
    struct metrics_slot *slot = NULL;
    for (size_t i = 0; i < METRICS_SLOTS_MAX; i++) {
        slot = metrics_worker_starts(metrics, i);
        assert_non_null(slot);
    }
    assert_null(metrics_worker_starts(metrics, METRICS_SLOTS_MAX));
    assert_int_equal(read_state(metrics).workers, METRICS_SLOTS_MAX);
    metrics_worker_ended(metrics, slot, false);
    assert_null(metrics_worker_starts(metrics, METRICS_SLOTS_MAX)); /* another number's */
    assert_ptr_equal(metrics_worker_starts(metrics, METRICS_SLOTS_MAX - 1), slot);
}

static void test_a_worker_counts_in_another_process(void **state) {
    struct metrics *metrics = *state;
    struct metrics_slot *slot = metrics_worker_starts(metrics, 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        counter_add(&slot->tally.accepted, 3);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(read_worker(metrics, 0).open, 3);
}

/* Workers don't share what a processor fetches. */
static void test_slots_have_lines_of_their_own(void **state) {
    const struct metrics *metrics = *state;
    assert_int_equal((uintptr_t)&metrics->slots[0] % 128, 0);
    assert_int_equal(sizeof(struct metrics_slot) % 128, 0);
}

static const char *type_of_name(const char *name) {
    return strstr(name, "_total") != NULL ? "counter" : "gauge";
}

static void test_the_state_has_names(void **state) {
    (void)state;
    for (const struct metrics_state_row *row = metrics_state_rows(); row->name != NULL; row++)
        row_assert(row->name, (row->kind == METRIC_COUNTER) ==
                                  (strcmp(type_of_name(row->name), "counter") == 0));
}

int main(void) {
#define metrics_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        metrics_test(test_at_first_there_is_nothing),
        metrics_test(test_where_nobody_asks_nothing_is_done),
        metrics_test(test_phases),
        metrics_test(test_the_next_worker_goes_on_with_what_was_counted),
        metrics_test(test_generations_overlap),
        metrics_test(test_with_fewer_workers_the_others_still_count),
        metrics_test(test_slots_are_bounded),
        metrics_test(test_a_worker_counts_in_another_process),
        metrics_test(test_slots_have_lines_of_their_own),
        metrics_test(test_the_state_has_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
