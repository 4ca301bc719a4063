#include "sys/loop.h"

#include "support/process.h"
#include "support/row.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* What the kernel was asked for, and what it is to answer instead; 0: what it says itself. */
static int waited_ms;
static int wait_error;
static int reported; /* events */
static int create_error;
static int timer_error;
static int alarms; /* how often one was set */

int __real_epoll_wait(int epoll_fd, struct epoll_event *events, int max, int timeout_ms);
int __wrap_epoll_wait(int epoll_fd, struct epoll_event *events, int max, int timeout_ms);
int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);

int __wrap_epoll_wait(int epoll_fd, struct epoll_event *events, int max, int timeout_ms) {
    waited_ms = timeout_ms;
    if (wait_error == 0) /* a test that is to fail must not sleep forever instead */
        return reported =
                   __real_epoll_wait(epoll_fd, events, max, timeout_ms < 0 ? 100 : timeout_ms);
    errno = wait_error;
    return -1;
}

int __wrap_epoll_create1(int flags) {
    if (create_error == 0)
        return __real_epoll_create1(flags);
    errno = create_error;
    return -1;
}

int __real_timerfd_create(int clock, int flags);
int __wrap_timerfd_create(int clock, int flags);
int __real_timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old);

int __wrap_timerfd_create(int clock, int flags) {
    if (timer_error == 0)
        return __real_timerfd_create(clock, flags);
    errno = timer_error;
    return -1;
}

int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *new,
                           struct itimerspec *old) {
    alarms++;
    if (timer_error == 0)
        return __real_timerfd_settime(fd, flags, new, old);
    errno = timer_error;
    return -1;
}

static struct loop loop;
static size_t fds_before;

static int setup(void **state) {
    struct err err = ERR_INIT;
    (void)state;
    wait_error = 0;
    create_error = 0;
    timer_error = 0;
    alarms = 0;
    fds_before = process_count_fds(getpid());
    return loop_init(&loop, &err);
}

static int teardown(void **state) {
    (void)state;
    loop_deinit(&loop);
    loop_deinit(&loop); /* idempotent */
    assert_int_equal(process_count_fds(getpid()), fds_before);
    return 0;
}

/* A source that counts its turns, and can ask for another one, or read some bytes. */
struct counter {
    struct source source;
    int runs;
    int more;  /* further turns it asks for */
    int place; /* in the order of all turns: when it last ran */
    size_t reads;
};

static int turns_taken;

static void count(struct source *source) {
    struct counter *counter = list_entry(source, struct counter, source);
    char bytes[64];
    counter->runs++;
    counter->place = turns_taken++;
    if (counter->reads > 0)
        assert_int_equal(read(source->fd, bytes, counter->reads), counter->reads);
    if (counter->more > 0) {
        counter->more--;
        loop_again(&loop, source);
    }
}

static void counter_init(struct counter *counter, int fd) {
    *counter = (struct counter){.runs = 0};
    source_init(&counter->source, fd, count);
}

static int event_fd(void) {
    int fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(fd >= 0);
    return fd;
}

static void turn(void) {
    assert_int_equal(loop_turn(&loop, 0), 0);
}

static void test_again_runs_without_an_event(void **state) {
    (void)state;
    struct counter counter;
    counter_init(&counter, -1);
    loop_again(&loop, &counter.source);
    assert_int_equal(loop_turn(&loop, -1), 0); /* it would sleep forever */
    assert_int_equal(waited_ms, 0);
    assert_int_equal(counter.runs, 1);
    turn();
    assert_int_equal(counter.runs, 1);
}

static void test_asking_twice_is_one_turn(void **state) {
    (void)state;
    struct counter counter;
    counter_init(&counter, -1);
    loop_again(&loop, &counter.source);
    loop_again(&loop, &counter.source);
    turn();
    turn();
    assert_int_equal(counter.runs, 1);
}

/* Who asks for more waits for the others. */
static void test_one_run_per_turn(void **state) {
    (void)state;
    struct counter counters[300];
    for (size_t i = 0; i < ROWS_COUNT(counters); i++) {
        counter_init(&counters[i], -1);
        counters[i].more = 1 + (int)i % 2;
        loop_again(&loop, &counters[i].source);
    }
    for (int turns = 1; turns <= 4; turns++) {
        turn();
        for (size_t i = 0; i < ROWS_COUNT(counters); i++) {
            int wanted = 2 + (int)i % 2;
            row_assert_number(row_at("runs", i), counters[i].runs, turns < wanted ? turns : wanted);
        }
    }
}

static void test_first_come_first_served(void **state) {
    (void)state;
    struct counter counters[5];
    for (size_t i = 0; i < ROWS_COUNT(counters); i++) {
        counter_init(&counters[i], -1);
        loop_again(&loop, &counters[i].source);
    }
    turns_taken = 0;
    turn();
    for (size_t i = 0; i < ROWS_COUNT(counters); i++)
        row_assert_number(row_at("place", i), counters[i].place, i);
}

/* A source of a pair, on the heap, of which the first to run frees the other one. */
struct mortal {
    struct source source;
    struct mortal *other;
};

static int mortals_left;

static void kill_other(struct source *source) {
    struct mortal *mortal = list_entry(source, struct mortal, source);
    struct mortal *other = mortal->other;
    if (other == NULL)
        return;
    mortal->other = NULL;
    loop_close(&loop, &other->source);
    free(other);
    mortals_left--;
}

static struct mortal *mortal_new(void) {
    struct mortal *mortal = calloc(1, sizeof *mortal);
    assert_non_null(mortal);
    source_init(&mortal->source, event_fd(), kill_other);
    assert_int_equal(loop_add(&loop, &mortal->source, EPOLLIN), 0);
    return mortal;
}

static void free_survivor(struct mortal *mortal) {
    loop_close(&loop, &mortal->source);
    free(mortal);
}

static void test_freed_in_the_turn_of_another(void **state) {
    (void)state;
    struct mortal *pair[2] = {mortal_new(), mortal_new()};
    pair[0]->other = pair[1];
    mortals_left = 2;
    turn(); /* both have an event in this batch; pair[0] came first */
    assert_int_equal(mortals_left, 1);
    turn();
    free_survivor(pair[0]);
}

static void test_freed_in_the_turn_of_a_later_one(void **state) {
    (void)state;
    struct mortal *pair[2] = {mortal_new(), mortal_new()};
    pair[1]->other = pair[0];
    mortals_left = 2;
    turn();
    assert_int_equal(mortals_left, 1);
    turn();
    free_survivor(pair[1]);
}

static void test_freed_while_on_the_ready_list(void **state) {
    (void)state;
    struct mortal *pair[2] = {mortal_new(), mortal_new()};
    turn();
    pair[0]->other = pair[1];
    loop_again(&loop, &pair[0]->source);
    loop_again(&loop, &pair[1]->source);
    turn();
    assert_true(list_is_empty(&loop.ready));
    free_survivor(pair[0]);
}

/* What was open stays so elsewhere, and things go on happening to it, which is nobody's any more.
 */
static void test_freed_while_another_process_has_it_open(void **state) {
    (void)state;
    struct mortal *mortal = mortal_new();
    int copy = dup(mortal->source.fd);
    assert_true(copy >= 0);
    turn();
    assert_int_equal(reported, 1);
    assert_int_equal(eventfd_write(copy, 1), 0); /* it has not been reported yet */
    free_survivor(mortal);
    turn();
    assert_int_equal(reported, 0);
    assert_int_equal(eventfd_write(copy, 1), 0);
    turn();
    assert_int_equal(reported, 0);
    (void)close(copy);
}

static void free_itself(struct source *source) {
    loop_close(&loop, source);
    free(source);
    mortals_left--;
}

static void test_frees_itself(void **state) {
    (void)state;
    mortals_left = 3;
    for (int i = 0; i < 3; i++) {
        struct source *source = malloc(sizeof *source);
        assert_non_null(source);
        source_init(source, event_fd(), free_itself);
        assert_int_equal(loop_add(&loop, source, EPOLLIN), 0);
    }
    turn();
    assert_int_equal(mortals_left, 0);
}

static void open_pair(int fds[2]) {
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
}

static void close_pair(const int fds[2]) {
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void test_an_edge_comes_once_and_is_remembered(void **state) {
    (void)state;
    struct counter counter;
    int fds[2];
    open_pair(fds);
    counter_init(&counter, fds[0]);
    assert_int_equal(counter.source.ready, 0);
    assert_int_equal(loop_add(&loop, &counter.source, EPOLLIN), 0);
    turn();
    assert_int_equal(counter.runs, 0);
    assert_int_equal(write(fds[1], "ten bytes.", 10), 10);
    counter.reads = 3;
    turn();
    assert_int_equal(counter.runs, 1);
    turn(); /* seven bytes are left, and not announced again */
    assert_int_equal(counter.runs, 1);
    assert_true((counter.source.ready & EPOLLIN) != 0);
    assert_true((counter.source.ready & EPOLLOUT) == 0);
    assert_int_equal(write(fds[1], "!", 1), 1);
    turn();
    assert_int_equal(counter.runs, 2);
    close_pair(fds);
}

/* What was reported stays until somebody learns that it is no longer so. */
/* What is left is known without another call, unless the end may be behind it. */
static void test_what_receiving_tells(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        bool ends;
        bool end_is_known;
        ssize_t len;
        bool readable;
    } rows[] = {
        {"nothing", "", false, false, -EAGAIN, false},
        {"less than there is room for", "abc", false, false, 3, false},
        {"as much as there is room for", "abcd", false, false, 4, true},
        {"more", "abcde", false, false, 4, true},
        {"less, and the end has been announced", "abc", true, true, 3, true},
        {"the end", "", true, true, 0, false},
        {"the end, before it was announced", "", true, false, 0, false},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        int fds[2];
        char bytes[4];
        struct source source;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        source_init(&source, fds[0], NULL);
        source.ready = EPOLLIN | EPOLLOUT | (rows[i].end_is_known ? EPOLLRDHUP : 0);
        assert_int_equal(write(fds[1], rows[i].text, strlen(rows[i].text)), strlen(rows[i].text));
        if (rows[i].ends)
            assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
        row_assert_number(rows[i].name, source_receive(&source, bytes, sizeof bytes), rows[i].len);
        row_assert_number(rows[i].name, (source.ready & EPOLLIN) != 0, rows[i].readable);
        row_assert(rows[i].name, (source.ready & EPOLLOUT) != 0);
        (void)close(fds[0]);
        (void)close(fds[1]);
    }
    struct source closed;
    char byte;
    source_init(&closed, -1, NULL);
    assert_int_equal(source_receive(&closed, &byte, 1), -EBADF);
}

static void test_readiness_adds_up(void **state) {
    (void)state;
    static const char bytes[4096];
    struct counter counter;
    int fds[2];
    open_pair(fds);
    counter_init(&counter, fds[0]);
    assert_int_equal(loop_add(&loop, &counter.source, EPOLLIN | EPOLLOUT | EPOLLRDHUP), 0);
    turn();
    assert_int_equal(counter.source.ready, EPOLLOUT);
    while (write(fds[0], bytes, sizeof bytes) > 0)
        continue;
    assert_int_equal(write(fds[1], "!", 1), 1);
    turn(); /* readable, and no longer writable */
    assert_int_equal(counter.source.ready, EPOLLIN | EPOLLOUT);
    assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
    turn();
    assert_int_equal(counter.source.ready, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    close_pair(fds);
}

static void test_hang_up_makes_everything_worth_a_try(void **state) {
    (void)state;
    struct counter counter;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    counter_init(&counter, fds[0]);
    assert_int_equal(loop_add(&loop, &counter.source, 0), 0); /* EPOLLHUP comes unasked */
    (void)close(fds[1]);
    turn();
    assert_int_equal(counter.runs, 1);
    assert_int_equal(counter.source.ready & (EPOLLIN | EPOLLOUT), EPOLLIN | EPOLLOUT);
    (void)close(fds[0]);
}

static void test_error_makes_everything_worth_a_try(void **state) {
    (void)state;
    struct counter counter;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    counter_init(&counter, fds[1]);
    assert_int_equal(loop_add(&loop, &counter.source, 0), 0);
    (void)close(fds[0]);
    turn();
    assert_int_equal(counter.runs, 1);
    assert_int_equal(counter.source.ready & (EPOLLIN | EPOLLOUT), EPOLLIN | EPOLLOUT);
    (void)close(fds[1]);
}

static void test_removed(void **state) {
    (void)state;
    struct counter counter;
    int fd = event_fd();
    counter_init(&counter, fd);
    assert_int_equal(loop_add(&loop, &counter.source, EPOLLIN), 0);
    loop_again(&loop, &counter.source);
    loop_remove(&loop, &counter.source);
    turn();
    assert_int_equal(counter.runs, 0);
    assert_true(list_is_empty(&counter.source.place));
    (void)close(fd);
}

static void test_more_events_than_one_batch_takes(void **state) {
    (void)state;
    enum { COUNT = 600 };
    static struct counter counters[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        counter_init(&counters[i], event_fd());
        assert_int_equal(loop_add(&loop, &counters[i].source, EPOLLIN), 0);
    }
    for (int turns = 0; turns < 4; turns++)
        turn();
    for (size_t i = 0; i < COUNT; i++) {
        row_assert_number(row_at("runs", i), counters[i].runs, 1);
        (void)close(counters[i].source.fd);
    }
}

static void test_add_fails(void **state) {
    (void)state;
    struct counter counter;
    int fd = event_fd();
    counter_init(&counter, fd);
    assert_int_equal(loop_add(&loop, &counter.source, EPOLLIN), 0);
    assert_int_equal(loop_add(&loop, &counter.source, EPOLLIN), -EEXIST);
    (void)close(fd);
    assert_int_equal(loop_add(&loop, &counter.source, EPOLLIN), -EBADF);
}

static void test_init_fails(void **state) {
    (void)state;
    struct loop other = LOOP_INIT;
    struct err err = ERR_INIT;
    loop_deinit(&other); /* of one that never was */
    create_error = EMFILE;
    assert_int_equal(loop_init(&other, &err), -EMFILE);
    assert_non_null(strstr(err.text, strerror(EMFILE)));
    create_error = 0;
    timer_error = ENFILE;
    assert_int_equal(loop_init(&other, &err), -ENFILE);
    assert_non_null(strstr(err.text, strerror(ENFILE)));
    loop_deinit(&other);
}

static void test_a_signal_is_no_failure(void **state) {
    (void)state;
    struct counter counter;
    counter_init(&counter, -1);
    loop_again(&loop, &counter.source);
    wait_error = EINTR;
    turn();
    assert_int_equal(counter.runs, 1);
}

static void test_wait_fails(void **state) {
    (void)state;
    struct counter counter;
    counter_init(&counter, -1);
    loop_again(&loop, &counter.source);
    wait_error = EBADF;
    assert_int_equal(loop_turn(&loop, 0), -EBADF);
}

static const struct {
    const char *name;
    int64_t wait_ms;
    int timeout_ms; /* without an alarm */
    bool is_alarm;
} waits[] = {
    {"not at all", 0, 0, false},
    {"a while", 1234, 1234, true},
    {"forever", -1, -1, false},
    {"forever, another way", INT64_MIN, -1, false},
    {"the longest", INT_MAX, INT_MAX, true},
    {"longer than the kernel can", (int64_t)INT_MAX + 1, INT_MAX, true},
    {"much longer", INT64_MAX, INT_MAX, true},
};

static void test_wait(void **state) {
    (void)state;
    wait_error = EINTR; /* nobody sleeps */
    for (size_t i = 0; i < ROWS_COUNT(waits); i++) {
        loop.alarm_ms = INT64_MIN;
        alarms = 0;
        row_assert_number(waits[i].name, loop_turn(&loop, waits[i].wait_ms), 0);
        row_assert_number(waits[i].name, waited_ms, waits[i].is_alarm ? -1 : waits[i].timeout_ms);
        row_assert_number(waits[i].name, alarms, waits[i].is_alarm);
    }
}

static void test_wait_without_an_alarm(void **state) {
    (void)state;
    wait_error = EINTR;
    timer_error = EINVAL;
    for (size_t i = 0; i < ROWS_COUNT(waits); i++) {
        row_assert_number(waits[i].name, loop_turn(&loop, waits[i].wait_ms), 0);
        row_assert_number(waits[i].name, waited_ms, waits[i].timeout_ms);
    }
}

static void test_an_alarm_that_is_early_enough_stays(void **state) {
    (void)state;
    wait_error = EINTR;
    assert_int_equal(loop_turn(&loop, 60000), 0);
    assert_int_equal(alarms, 1);
    for (int64_t wait_ms = 60001; wait_ms < 60010; wait_ms++)
        assert_int_equal(loop_turn(&loop, wait_ms), 0);
    assert_int_equal(alarms, 1);
    assert_int_equal(loop_turn(&loop, 50000), 0);
    assert_int_equal(alarms, 2);
}

/* It rings for what was put off meanwhile, and is set for that. */
static void test_an_alarm_that_has_rung_is_set_anew(void **state) {
    (void)state;
    assert_int_equal(loop_turn(&loop, 5), 0);
    int64_t due_ms = loop.now_ms + 20;
    while (loop.now_ms < due_ms) {
        assert_int_equal(loop_turn(&loop, due_ms - loop.now_ms), 0);
        assert_int_equal(reported, 1);
    }
    assert_true(alarms >= 2);
}

static void test_time_is_of_after_the_wait(void **state) {
    (void)state;
    int64_t before_ms = loop.now_ms;
    assert_int_equal(loop_turn(&loop, 30), 0);
    assert_true(loop.now_ms >= before_ms + 29);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_again_runs_without_an_event),
        test(test_asking_twice_is_one_turn),
        test(test_one_run_per_turn),
        test(test_first_come_first_served),
        test(test_freed_in_the_turn_of_another),
        test(test_freed_in_the_turn_of_a_later_one),
        test(test_freed_while_on_the_ready_list),
        test(test_freed_while_another_process_has_it_open),
        test(test_frees_itself),
        test(test_an_edge_comes_once_and_is_remembered),
        test(test_what_receiving_tells),
        test(test_readiness_adds_up),
        test(test_hang_up_makes_everything_worth_a_try),
        test(test_error_makes_everything_worth_a_try),
        test(test_removed),
        test(test_more_events_than_one_batch_takes),
        test(test_add_fails),
        test(test_init_fails),
        test(test_a_signal_is_no_failure),
        test(test_wait_fails),
        test(test_wait),
        test(test_wait_without_an_alarm),
        test(test_an_alarm_that_is_early_enough_stays),
        test(test_an_alarm_that_has_rung_is_set_anew),
        test(test_time_is_of_after_the_wait),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
