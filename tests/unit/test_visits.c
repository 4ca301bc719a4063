/* Visits by sockets of the test's own, in one thread, with a clock that the test sets. */
#include "serve/visits.h"

#include "support/json.h"
#include "support/note.h"
#include "support/process.h"
#include "support/response.h"
#include "support/row.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { GUESTS = 80, HEAD_MS = 10000, IDLE_MS = 120000, SEND_MS = 10000, LINGER_MS = 2000 };

static int64_t now_ms;
static int accept_error; /* of every accept4(); 0: what the kernel says */
static int accepted;     /* what it returned last, but for errors */

int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
int __real_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);

/* The time of day stands at the moment the test was started. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *at) {
    if (clock == CLOCK_MONOTONIC)
        *at = (struct timespec){.tv_sec = now_ms / 1000, .tv_nsec = now_ms % 1000 * 1000000};
    else
        *at = (struct timespec){.tv_sec = time(NULL)};
    return 0;
}

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags) {
    errno = accept_error;
    int result = accept_error == 0 ? __real_accept4(fd, address, len, flags) : -1;
    accepted = result >= 0 ? result : accepted;
    return result;
}

struct guest {
    int fd; /* -1: none */
    bool ended;
    char *bytes; /* received */
    size_t len;
};

static struct metrics *metrics;
static struct loop loop;
static struct visits visits;
static int door;
static struct sockaddr_un address;
static socklen_t address_size;
static struct guest guests[GUESTS];
static size_t fds;

static void open_door(void) {
    address.sun_family = AF_UNIX;
    door = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(door, (struct sockaddr *)&address, sizeof address.sun_family), 0);
    assert_int_equal(listen(door, GUESTS), 0);
    address_size = sizeof address;
    assert_int_equal(getsockname(door, (struct sockaddr *)&address, &address_size), 0);
}

static int setup(void **state) {
    struct err err = ERR_INIT;
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    fds = process_count_fds(getpid());
    now_ms = 1000000;
    accept_error = 0;
    for (size_t i = 0; i < GUESTS; i++)
        guests[i] = (struct guest){.fd = -1};
    open_door();
    assert_int_equal(metrics_open(&metrics, time(NULL), &err), 0);
    metrics_set_phase(metrics, METRICS_SERVING);
    (void)metrics_worker_starts(metrics, 0);
    assert_int_equal(loop_init(&loop, &err), 0);
    assert_int_equal(visits_init(&visits, &loop, metrics, &door, 1), 0);
    return 0;
}

static void leave(struct guest *guest) {
    if (guest->fd >= 0)
        (void)close(guest->fd);
    guest->fd = -1;
}

static int teardown(void **state) {
    (void)state;
    visits_deinit(&visits);
    assert_int_equal(visits.count, 0);
    assert_int_equal(visits.streams, 0);
    visits_deinit(&visits);
    for (size_t i = 0; i < GUESTS; i++) {
        leave(&guests[i]);
        free(guests[i].bytes);
    }
    loop_deinit(&loop);
    (void)close(door);
    metrics_close(metrics);
    assert_int_equal(process_count_fds(getpid()), fds);
    return 0;
}

static void turn(void) {
    assert_int_equal(loop_turn(&loop, 0), 0);
    visits_tick(&visits);
}

static void settle(void) {
    for (int i = 0; i < 20 || loop_is_busy(&loop); i++)
        turn();
}

static void pass(int64_t ms) {
    now_ms += ms;
    settle();
}

static struct guest *enter(size_t i) {
    guests[i].fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(guests[i].fd, (struct sockaddr *)&address, address_size), 0);
    return &guests[i];
}

static void say(const struct guest *guest, const char *text) {
    assert_int_equal(write(guest->fd, text, strlen(text)), strlen(text));
}

/* Receives what there is. */
static void listen_to(struct guest *guest) {
    char piece[65536];
    ssize_t len;
    while ((len = read(guest->fd, piece, sizeof piece)) > 0) {
        guest->bytes = realloc(guest->bytes, guest->len + (size_t)len + 1);
        assert_non_null(guest->bytes);
        memcpy(guest->bytes + guest->len, piece, (size_t)len);
        guest->len += (size_t)len;
        guest->bytes[guest->len] = '\0';
    }
    guest->ended |= len == 0 || errno != EAGAIN;
}

/* Takes the first response of what was received; fails where there is none. */
static struct response hear(struct guest *guest) {
    struct response response = RESPONSE_INIT;
    settle();
    listen_to(guest);
    size_t len = guest->len > 0 ? response_parse(guest->bytes, guest->len, false, &response) : 0;
    if (len == 0)
        fail_msg("no whole response in %zu bytes", guest->len);
    guest->len -= len;
    memmove(guest->bytes, guest->bytes + len, guest->len + 1);
    return response;
}

static void expect(struct guest *guest, int status) {
    struct response response = hear(guest);
    response_assert_status(&response, status);
    response_deinit(&response);
}

/* Fails unless nothing more comes, and the connection is closed, or not. */
static void expect_end(struct guest *guest, bool ended) {
    settle();
    listen_to(guest);
    assert_int_equal(guest->len, 0);
    assert_int_equal(guest->ended, ended);
}

static size_t count(const struct guest *guest, const char *text) {
    size_t found = 0;
    for (const char *at = guest->bytes; at != NULL && (at = strstr(at, text)) != NULL; at++)
        found++;
    return found;
}

#define HEALTH "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
#define EVENTS "GET /events HTTP/1.1\r\nHost: x\r\n\r\n"

static void test_one_after_the_other(void **state) {
    struct guest *guest = enter(0);
    (void)state;
    for (int i = 0; i < 50; i++) {
        say(guest, HEALTH);
        expect(guest, 200);
    }
    expect_end(guest, false);
}

static void test_pipelined(void **state) {
    struct guest *guest = enter(0);
    (void)state;
    for (int i = 0; i < 40; i++)
        say(guest, HEALTH "GET /none HTTP/1.1\r\nHost: x\r\n\r\n");
    for (int i = 0; i < 40; i++) {
        expect(guest, 200);
        expect(guest, 404);
    }
    expect_end(guest, false);
}

static void test_byte_by_byte(void **state) {
    struct guest *guest = enter(0);
    (void)state;
    for (const char *at = HEALTH HEALTH; *at != '\0'; at++) {
        assert_int_equal(write(guest->fd, at, 1), 1);
        turn();
        turn();
    }
    expect(guest, 200);
    expect(guest, 200);
    expect_end(guest, false);
}

/* What is the last on its connection: the answer arrives, and then the end. */
static const struct {
    const char *name;
    const char *input;
    int status;
} last_ones[] = {
    {"1.0", "GET /healthz HTTP/1.0\r\n\r\n", 200},
    {"1.0 that would stay", "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200},
    {"asked for", "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200},
    {"with content", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc", 405},
    {"chunked", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 405},
    {"malformed", "GET /healthz HTTP/1.1\nHost: x\n\n", 400},
    {"no Host", "GET /healthz HTTP/1.1\r\n\r\n", 400},
    {"another version", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
};

static void test_the_last_answer_arrives(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(last_ones); i++) {
        struct guest *guest = enter(i);
        say(guest, last_ones[i].input);
        struct response response = hear(guest);
        row_assert_number(last_ones[i].name, response.status, last_ones[i].status);
        row_assert(last_ones[i].name, response_closes(&response));
        response_deinit(&response);
        say(guest, "and so on"); /* somebody still reads: else the answer could be lost */
        expect_end(guest, true);
        leave(guest);
        settle();
        row_assert_number(last_ones[i].name, visits.count, 0);
    }
}

static void test_a_head_has_a_bound(void **state) {
    static char head[2 * VISITS_HEAD_MAX];
    struct guest *guest = enter(0);
    (void)state;
    memset(head, 'a', sizeof head - 1);
    memcpy(head, "GET /healthz HTTP/1.1\r\nHost: x\r\nX: ", 35);
    assert_int_equal(write(guest->fd, head, sizeof head), sizeof head);
    expect(guest, 431);
    expect_end(guest, true);
}

/* A large answer goes out as far as its client takes it. */
static void test_a_large_answer_in_pieces(void **state) {
    struct guest *guest = enter(0);
    (void)state;
    for (size_t i = 1; i < 500; i++)
        (void)metrics_worker_starts(metrics, i);
    say(guest, "GET /metrics?per=worker HTTP/1.1\r\nHost: x\r\n\r\n" HEALTH);
    settle();
    for (int i = 0; i < 200; i++) {
        listen_to(guest);
        turn();
    }
    struct response response = hear(guest);
    assert_true(response.body_len > 1000000);
    note_assert_contains(response.body + response.body_len - 60, "{worker=\"499\"} 0\n");
    response_deinit(&response);
    expect(guest, 200);
}

static void test_deadlines(void **state) {
    struct guest *idle = enter(0);
    struct guest *slow = enter(1);
    struct guest *asks = enter(2);
    (void)state;
    settle();
    assert_int_equal(visits.count, 3);
    say(slow, "GET /");
    settle();
    pass(HEAD_MS / 2);
    say(slow, "h"); /* does not extend it */
    pass(HEAD_MS / 2 - 1);
    assert_int_equal(visits.count, 3);
    pass(1);
    expect_end(slow, true);
    say(asks, HEALTH);
    expect(asks, 200);
    pass(IDLE_MS - HEAD_MS - 1);
    expect_end(idle, false);
    pass(1);
    expect_end(idle, true);
    expect_end(asks, false);
    pass(HEAD_MS);
    expect_end(asks, true);
    assert_int_equal(visits.count, 0);
}

static void test_who_takes_nothing_is_closed(void **state) {
    struct guest *guest = enter(0);
    (void)state;
    for (size_t i = 1; i < 500; i++)
        (void)metrics_worker_starts(metrics, i);
    say(guest, "GET /metrics?per=worker HTTP/1.1\r\nHost: x\r\n\r\n");
    settle();
    pass(SEND_MS - 1);
    assert_int_equal(visits.count, 1);
    pass(1);
    assert_int_equal(visits.count, 0);
}

static void test_who_does_not_close_is_closed(void **state) {
    struct guest *guest = enter(0);
    (void)state;
    say(guest, "GET / HTTP/1.0\r\n\r\n");
    expect(guest, 200);
    pass(LINGER_MS - 1);
    assert_int_equal(visits.count, 1);
    pass(1);
    assert_int_equal(visits.count, 0);
}

/* Whoever looks at a process's descriptors has them open, too, for a moment. */
static void test_closed_while_another_process_has_it_open(void **state) {
    struct guest *guest = enter(0);
    (void)state;
    say(guest, "GET / HTTP/1.0\r\n\r\n");
    expect(guest, 200);
    int copy = dup(accepted);
    assert_true(copy >= 0);
    pass(LINGER_MS);
    assert_int_equal(visits.count, 0);
    leave(guest); /* the socket is told, and its visit is gone */
    settle();
    assert_int_equal(visits.count, 0);
    (void)close(copy);
}

static void test_the_one_idle_longest_gives_way(void **state) {
    (void)state;
    for (size_t i = 0; i < VISITS_MAX; i++) {
        (void)enter(i);
        settle();
    }
    assert_int_equal(visits.count, VISITS_MAX);
    say(&guests[0], HEALTH);
    expect(&guests[0], 200);
    (void)enter(VISITS_MAX);
    expect_end(&guests[1], true);
    expect_end(&guests[0], false);
    assert_int_equal(visits.count, VISITS_MAX);
}

static void test_where_none_is_idle_the_new_one_goes(void **state) {
    (void)state;
    for (size_t i = 0; i < VISITS_MAX; i++)
        say(enter(i), "GET");
    settle();
    (void)enter(VISITS_MAX);
    expect_end(&guests[VISITS_MAX], true);
    assert_int_equal(visits.count, VISITS_MAX);
    leave(&guests[5]);
    settle();
    say(enter(VISITS_MAX + 1), HEALTH);
    expect(&guests[VISITS_MAX + 1], 200);
}

static void test_events_once_a_second(void **state) {
    struct guest *guest = enter(0);
    (void)state;
    say(guest, EVENTS);
    settle();
    listen_to(guest);
    assert_int_equal(count(guest, "event: past\n"), 1);
    assert_int_equal(count(guest, "event: now\n"), 1);
    for (size_t i = 1; i <= 300; i++) {
        pass(999);
        pass(1);
        listen_to(guest);
        assert_int_equal(count(guest, "event: now\n"), 1 + i);
    }
    assert_false(guest->ended);
    for (char *at = strstr(guest->bytes, "data: {"); at != NULL; at = strstr(at, "data: {")) {
        char *end = strchr(at, '\n');
        *end = '\0';
        row_assert(at, json_is_valid(at + strlen("data: ")));
        at = end + 1;
    }
}

static void test_streams_are_bounded(void **state) {
    (void)state;
    for (size_t i = 0; i < VISITS_STREAMS_MAX; i++)
        say(enter(i), EVENTS);
    settle();
    assert_int_equal(visits.streams, VISITS_STREAMS_MAX);
    say(enter(VISITS_STREAMS_MAX), EVENTS);
    expect(&guests[VISITS_STREAMS_MAX], 503);
    leave(&guests[3]);
    settle();
    assert_int_equal(visits.streams, VISITS_STREAMS_MAX - 1);
    say(enter(VISITS_STREAMS_MAX + 1), EVENTS);
    settle();
    assert_int_equal(visits.streams, VISITS_STREAMS_MAX);
}

/* One that does not read misses events, and holds up nobody; then it is closed. */
static void test_a_stream_that_is_not_read(void **state) {
    struct guest *deaf = enter(0);
    struct guest *guest = enter(1);
    (void)state;
    say(deaf, EVENTS);
    say(guest, EVENTS);
    settle();
    for (int i = 0; i < 1000 && visits.streams == 2; i++) {
        pass(1000);
        listen_to(guest);
    }
    assert_int_equal(visits.streams, 1);
    size_t before = count(guest, "event: now\n");
    pass(1000);
    listen_to(guest);
    assert_int_equal(count(guest, "event: now\n"), before + 1);
}

/* Without descriptors the edge passes; it is tried again by itself. */
static void test_the_door_is_tried_again(void **state) {
    (void)state;
    accept_error = EMFILE;
    struct guest *guest = enter(0);
    say(guest, HEALTH);
    settle();
    assert_int_equal(visits.count, 0);
    accept_error = 0;
    settle();
    assert_int_equal(visits.count, 0);
    pass(1000);
    expect(guest, 200);
}

static void test_the_loop_wakes_up_in_time(void **state) {
    struct guest *guest = enter(0);
    (void)state;
    settle();
    assert_in_range(visits_wait_ms(&visits), 1, 1000);
    say(guest, "GET / HTTP/1.0\r\n\r\n");
    expect(guest, 200);
    pass(500);
    assert_int_equal(visits_wait_ms(&visits), 500);
    now_ms += 5000;
    assert_int_equal(loop_turn(&loop, 0), 0);
    assert_int_equal(visits_wait_ms(&visits), 0);
}

/* Who is here is answered once more, events end, and who comes waits for somebody else. */
static void test_stops(void **state) {
    (void)state;
    struct guest *idle = enter(0);
    struct guest *asking = enter(1);
    struct guest *stream = enter(2);
    say(idle, HEALTH);
    say(stream, EVENTS);
    expect(idle, 200);
    settle();
    say(asking, HEALTH);
    visits_stop(&visits);
    assert_int_equal(visits.streams, 0);
    struct guest *late = enter(3);
    say(late, HEALTH);
    expect(asking, 200);
    expect_end(asking, true);
    expect_end(idle, false);
    say(idle, HEALTH);
    expect(idle, 200);
    expect_end(idle, true);
    listen_to(stream);
    assert_true(stream->ended);
    leave(idle);
    leave(asking);
    pass(1000);
    assert_int_equal(visits.count, 0);
    expect_end(late, false);
}

int main(void) {
#define visits_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        visits_test(test_one_after_the_other),
        visits_test(test_pipelined),
        visits_test(test_byte_by_byte),
        visits_test(test_the_last_answer_arrives),
        visits_test(test_a_head_has_a_bound),
        visits_test(test_a_large_answer_in_pieces),
        visits_test(test_deadlines),
        visits_test(test_who_takes_nothing_is_closed),
        visits_test(test_who_does_not_close_is_closed),
        visits_test(test_closed_while_another_process_has_it_open),
        visits_test(test_the_one_idle_longest_gives_way),
        visits_test(test_where_none_is_idle_the_new_one_goes),
        visits_test(test_events_once_a_second),
        visits_test(test_streams_are_bounded),
        visits_test(test_a_stream_that_is_not_read),
        visits_test(test_the_door_is_tried_again),
        visits_test(test_the_loop_wakes_up_in_time),
        visits_test(test_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
