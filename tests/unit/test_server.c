/* What the connections of a server share; with it their deadlines, on a clock that the test sets.
 */
#include "serve/server.h"

#include "support/feint.h"
#include "support/stage.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { LINGER_MS = 2000 };

static int64_t now_ms = 1000000;
static int64_t time_s = 784111777;
static int slow_fd = -1; /* a connection that takes no byte more */
static size_t slow_step; /* but these, whenever all was acknowledged */
static int unacked;      /* what its client has not acknowledged */
static long allocations_until_failure = -1;

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_send(int fd, const void *ptr, size_t len, int flags);
int __real_ioctl(int fd, unsigned long request, void *value);
int __wrap_ioctl(int fd, unsigned long request, void *value);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags) {
    struct iovec part;
    struct msghdr cut = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd != slow_fd)
        return __real_sendmsg(fd, message, flags);
    if (unacked > 0) {
        errno = EAGAIN;
        return -1;
    }
    unacked = 1000;
    (void)feint_cut(message->msg_iov, message->msg_iovlen, slow_step, &part);
    return __real_sendmsg(fd, &cut, flags);
}

/* The same for one piece. */
ssize_t __wrap_send(int fd, const void *ptr, size_t len, int flags) {
    struct iovec part = {.iov_base = (void *)(uintptr_t)ptr, .iov_len = len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    return __wrap_sendmsg(fd, &message, flags);
}

int __wrap_ioctl(int fd, unsigned long request, void *value) {
    if (fd != slow_fd)
        return __real_ioctl(fd, request, value);
    *(int *)value = unacked;
    return 0;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *time) {
    if (clock == CLOCK_MONOTONIC)
        *time = (struct timespec){.tv_sec = now_ms / 1000, .tv_nsec = now_ms % 1000 * 1000000};
    else
        *time = (struct timespec){.tv_sec = time_s};
    return 0;
}

static bool may_allocate(void) {
    return allocations_until_failure < 0 || allocations_until_failure-- > 0;
}

void *__wrap_malloc(size_t size) {
    return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size) {
    return may_allocate() ? __real_calloc(count, size) : NULL;
}

static struct stage stage;
static struct visitor visitor;

static int setup(void **state) {
    (void)state;
    slow_fd = -1;
    slow_step = 10;
    unacked = 0;
    allocations_until_failure = -1;
    stage_open(&stage);
    stage_invite(&stage, &visitor);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    slow_fd = -1;
    visitor_leave(&visitor);
    stage_close(&stage);
    return 0;
}

/* Some time later. */
static void later(int64_t ms) {
    now_ms += ms;
    stage_settle(&stage, &visitor);
}

#define HEAD_MS stage.options.head_timeout
#define IDLE_MS stage.options.idle_timeout
#define SEND_MS stage.options.send_timeout
#define SEND_S  (unsigned)(SEND_MS / 1000)
#define ASK     "GET /small HTTP/1.1\r\nHost: a\r\n\r\n"

static bool is_told_408(void) {
    return visitor.ended && visitor_count(&visitor, "HTTP/1.1 408 ") == 1 &&
           visitor_count(&visitor, "\r\nConnection: close\r\n") == 1;
}

/* The server's side is shut; the client closes, and only then the server does. */
static void assert_ends(const char *row, enum close_reason reason) {
    stage_assert_none_closed(&stage, row);
    visitor_leave(&visitor);
    stage_settle(&stage, &visitor);
    stage_assert_closed(&stage, row, reason);
}

/* Waits until just before the deadline, and looks that it is not over; then a little longer. */
static void assert_due_in(int64_t ms) {
    size_t len = visitor.len;
    assert_int_equal(server_wait_ms(&stage.server), ms);
    later(ms - 1);
    assert_int_equal(visitor.len, len);
    assert_false(visitor.ended);
    stage_assert_none_closed(&stage, "not yet");
    assert_int_equal(server_wait_ms(&stage.server), 1);
    later(1);
}

static void test_the_first_head_is_due_from_accept_on(void **state) {
    (void)state;
    assert_due_in(HEAD_MS);
    assert_true(is_told_408());
    assert_ends("first head", CLOSE_HEAD_TIMEOUT);
    assert_int_equal(server_wait_ms(&stage.server), -1);
}

static void test_a_drip_of_bytes_does_not_extend_the_head(void **state) {
    (void)state;
    for (int i = 0; i < 9; i++) {
        stage_ask(&stage, &visitor, "G");
        later(HEAD_MS / 10);
    }
    assert_due_in(HEAD_MS - 9 * (HEAD_MS / 10));
    assert_true(is_told_408());
    assert_ends("drip", CLOSE_HEAD_TIMEOUT);
}

static void test_a_later_head_is_due_from_its_first_byte_on(void **state) {
    (void)state;
    stage_ask(&stage, &visitor, ASK);
    later(IDLE_MS - 1);
    stage_ask(&stage, &visitor, "G");
    assert_due_in(HEAD_MS);
    assert_true(is_told_408());
    assert_ends("second head", CLOSE_HEAD_TIMEOUT);
}

/* RFC 9112 §2.2: what an old client adds behind a request is no request. */
static void test_rfc9112_2_2_an_empty_line_is_no_request(void **state) {
    (void)state;
    stage_ask(&stage, &visitor, ASK);
    later(IDLE_MS / 2);
    stage_ask(&stage, &visitor, "\r\n");
    assert_due_in(IDLE_MS - IDLE_MS / 2);
    assert_true(visitor.ended);
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 "), 1);
    stage_assert_closed(&stage, "idle", CLOSE_IDLE_TIMEOUT);
}

static void test_the_head_behind_an_answer_has_its_own_time(void **state) {
    (void)state;
    later(HEAD_MS - 1);
    stage_ask(&stage, &visitor, ASK "GET");
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 200 "), 1);
    assert_due_in(HEAD_MS);
    assert_true(is_told_408());
}

static void test_idle(void **state) {
    (void)state;
    stage_ask(&stage, &visitor, ASK);
    later(IDLE_MS / 2);
    stage_ask(&stage, &visitor, ASK);
    assert_due_in(IDLE_MS);
    assert_true(visitor.ended);
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 "), 2); /* it goes without a word */
    stage_assert_closed(&stage, "idle", CLOSE_IDLE_TIMEOUT);
}

/* A turn may be over with its last request; nobody is waited for to finish another one then. */
static void test_idle_after_as_many_as_a_turn_answers(void **state) {
    (void)state;
    static char text[LEDGER_TURN_MAX * sizeof ASK];
    for (int i = 0; i < LEDGER_TURN_MAX; i++)
        strcat(text, ASK);
    stage_ask(&stage, &visitor, text);
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 200 "), LEDGER_TURN_MAX);
    assert_due_in(IDLE_MS);
    stage_assert_closed(&stage, "idle", CLOSE_IDLE_TIMEOUT);
}

static void test_what_comes_in_time_is_answered_although_it_is_late(void **state) {
    (void)state;
    stage_ask(&stage, &visitor, ASK);
    now_ms += IDLE_MS + 1; /* the loop was busy meanwhile */
    stage_ask(&stage, &visitor, ASK);
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 200 "), 2);
    stage_assert_none_closed(&stage, "late");
}

static void test_content_is_due(void **state) {
    (void)state;
    stage_ask(&stage, &visitor, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
    for (int i = 0; i < 9; i++) {
        later(IDLE_MS / 10);
        stage_ask(&stage, &visitor, "x");
    }
    assert_due_in(IDLE_MS - 9 * (IDLE_MS / 10));
    assert_true(is_told_408());
    assert_ends("content", CLOSE_HEAD_TIMEOUT);
}

static void test_waiting_for_a_100_is_due(void **state) {
    (void)state;
    stage_ask(&stage, &visitor,
              "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
    assert_int_equal(visitor_count(&visitor, "HTTP/1.1 100 "), 1);
    assert_due_in(IDLE_MS);
    assert_true(is_told_408());
}

/* Asks, on a connection that takes one step and then no more. */
static void ask_and_stall_for(const char *request) {
    visitor_leave(&visitor);
    later(0);
    *stage.server.tally = (struct tally){0};
    visitor_connect(&visitor);
    slow_fd = visitor.server_fd;
    visitor_enter(&stage, &visitor);
    stage_ask(&stage, &visitor, request);
}

static void ask_and_stall(void) {
    ask_and_stall_for(ASK);
    assert_int_equal(visitor.len, 10);
}

static void test_who_takes_nothing_is_closed(void **state) {
    (void)state;
    ask_and_stall();
    assert_due_in(SEND_MS);
    assert_true(visitor.ended);
    stage_assert_closed(&stage, "stalled", CLOSE_SEND_TIMEOUT);
}

static void test_who_asks_on_but_takes_nothing_is_closed(void **state) {
    (void)state;
    ask_and_stall();
    later(SEND_MS / 2);
    stage_ask(&stage, &visitor, ASK);
    assert_due_in(SEND_MS - SEND_MS / 2);
    stage_assert_closed(&stage, "asks on", CLOSE_SEND_TIMEOUT);
}

static void test_who_takes_enough_has_time_again(void **state) {
    (void)state;
    stage.server.min_rate = 1;
    ask_and_stall();
    for (int i = 0; i < 3; i++) {
        unacked -= (int)SEND_S;
        assert_due_in(SEND_MS);
        stage_assert_none_closed(&stage, "slow");
    }
    unacked -= (int)SEND_S - 1; /* too little */
    assert_due_in(SEND_MS);
    stage_assert_closed(&stage, "too slow", CLOSE_SEND_TIMEOUT);
}

/* The byte that comes is an event, with which it is seen that there is room again. What is sent
 * then counts, but does not start the time anew: a drip is a drip. */
static void test_a_drip_of_bytes_taken_does_not_extend_the_answer(void **state) {
    (void)state;
    stage.server.min_rate =
        1009 / SEND_S + 1; /* it takes 1009 bytes of 1000, and 10 that are sent */
    ask_and_stall();
    later(SEND_MS / 2);
    unacked = 0;
    stage_ask(&stage, &visitor, "x");
    assert_int_equal(visitor.len, 20);
    unacked = 1;
    assert_due_in(SEND_MS - SEND_MS / 2);
    stage_assert_closed(&stage, "a drip", CLOSE_SEND_TIMEOUT);
}

static void test_what_is_sent_meanwhile_is_taken_too(void **state) {
    (void)state;
    stage.server.min_rate = 1009 / SEND_S;
    ask_and_stall();
    later(SEND_MS / 2);
    unacked = 0;
    stage_ask(&stage, &visitor, "x");
    unacked = 1;
    assert_due_in(SEND_MS - SEND_MS / 2);
    stage_assert_none_closed(&stage, "enough");
    assert_due_in(SEND_MS);
    stage_assert_closed(&stage, "stalled again", CLOSE_SEND_TIMEOUT);
}

/* Who has taken all there was cannot have taken more. */
static void test_who_takes_all_there_is_has_time_again(void **state) {
    (void)state;
    ask_and_stall();
    unacked = 0;
    assert_true(stage.server.min_rate * SEND_S > 1000);
    now_ms += SEND_MS;
    stage.loop.now_ms = now_ms; /* before it is seen that there is room again */
    connections_expire(&stage.server);
    stage_assert_none_closed(&stage, "took all");
}

/* Nor does it where the answer is made piece by piece, and each is sent as a whole. */
static void test_pieces_taken_do_not_extend_the_answer(void **state) {
    (void)state;
    char name[32];
    for (int i = 0; i < 300; i++) {
        (void)snprintf(name, sizeof name, "many/%03d", i);
        tree_text(&stage.tree, name, "text");
    }
    stage.server.min_rate = 16 << 20;
    slow_step = SIZE_MAX;
    ask_and_stall_for("GET /many/?format=json HTTP/1.1\r\nHost: a\r\n\r\n");
    later(SEND_MS / 2);
    for (int i = 0; i < 10 && visitor.len < 2000; i++) {
        unacked = 0;
        stage_ask(&stage, &visitor, "x");
    }
    assert_in_range(visitor.len, 2000, 8000); /* not all of it */
    unacked = 1;
    assert_due_in(SEND_MS - SEND_MS / 2);
    stage_assert_closed(&stage, "pieces", CLOSE_SEND_TIMEOUT);
}

static void test_linger_is_due(void **state) {
    (void)state;
    stage_ask(&stage, &visitor, "bad\r\n\r\n");
    assert_true(visitor.ended);
    later(LINGER_MS / 2);
    stage_ask(&stage, &visitor, "more"); /* does not extend it */
    assert_int_equal(server_wait_ms(&stage.server), LINGER_MS / 2);
    later(LINGER_MS / 2 - 1);
    stage_assert_none_closed(&stage, "not yet");
    later(1);
    stage_assert_closed(&stage, "linger", CLOSE_LINGER_TIMEOUT);
}

static void test_linger_ends_with_the_client(void **state) {
    (void)state;
    stage_ask(&stage, &visitor, "bad\r\n\r\n");
    assert_ends("linger", CLOSE_REFUSED);
}

static void test_linger_is_limited(void **state) {
    (void)state;
    static char bytes[64 * 1024];
    size_t sent = 0;
    stage_ask(&stage, &visitor, "bad\r\n\r\n");
    while (stage.server.connections > 0) {
        assert_true(sent < 2 * 1024 * 1024);
        sent += visitor_send(&visitor, bytes, sizeof bytes);
        stage_settle(&stage, &visitor);
    }
    assert_true(sent > 900 * 1024);
    stage_assert_closed(&stage, "limit", CLOSE_LINGER_LIMIT);
}

static void test_408_that_nobody_takes(void **state) {
    (void)state;
    visitor_leave(&visitor);
    later(0);
    *stage.server.tally = (struct tally){0};
    visitor_connect(&visitor);
    slow_fd = visitor.server_fd;
    visitor_enter(&stage, &visitor);
    later(HEAD_MS);
    assert_int_equal(visitor.len, 10);
    assert_due_in(SEND_MS);
    stage_assert_closed(&stage, "408", CLOSE_SEND_TIMEOUT);
}

/* A client that may not know yet that this was the last answer can have asked for more. What it
 * sends must not reset the connection before it has read the answer (RFC 9112 §9.6). */
static void test_rfc9112_9_6_the_last_answer_survives_late_input(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        bool draining;
    } rows[] = {{"draining", ASK, true},
                {"bad target", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", false},
                {"refused", "bad\r\n\r\n", false}};
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        visitor_leave(&visitor);
        stage_invite(&stage, &visitor);
        stage.server.draining = rows[i].draining;
        visitor_send_text(&visitor, rows[i].text);
        stage_turn(&stage); /* the answer is on its way, and not read yet */
        row_assert(rows[i].name, visitor_is_heard(&visitor));
        stage_settle(&stage, &visitor);
        row_assert_number(rows[i].name, visitor_count(&visitor, "HTTP/1.1 "), 1);
    }
}

static struct slice opening(void) {
    return slice_of(server_opening(&stage.server)->text, HEAD_OPENING_LEN);
}

#define OPENING(date) SLICE("HTTP/1.1 200 OK\r\nDate: " date "\r\nServer: pronto\r\n")

static void test_opening(void **state) {
    (void)state;
    const int64_t time_s_before = stage.loop.time_s;
    stage.loop.time_s = 784111777;
    row_assert_slice("date", opening(), OPENING("Sun, 06 Nov 1994 08:49:37 GMT"));
    stage.server.opening.text[23] = 'F'; /* is not written again within the second */
    row_assert_slice("again", opening(), OPENING("Fun, 06 Nov 1994 08:49:37 GMT"));
    stage.loop.time_s += 1;
    row_assert_slice("later", opening(), OPENING("Sun, 06 Nov 1994 08:49:38 GMT"));
    stage.loop.time_s -= 60; /* somebody has set the clock */
    row_assert_slice("earlier", opening(), OPENING("Sun, 06 Nov 1994 08:48:38 GMT"));
    stage.loop.time_s = time_s_before;
}

static void test_wait_is_for_the_first_deadline(void **state) {
    (void)state;
    static struct visitor second;
    stage_ask(&stage, &visitor, ASK);
    assert_int_equal(server_wait_ms(&stage.server), IDLE_MS);
    later(100);
    stage_invite(&stage, &second);
    assert_int_equal(server_wait_ms(&stage.server), HEAD_MS);
    later(100);
    assert_int_equal(server_wait_ms(&stage.server), HEAD_MS - 100);
    visitor_leave(&second);
    later(0);
    assert_int_equal(server_wait_ms(&stage.server), IDLE_MS - 200);
    visitor_leave(&visitor);
    later(0);
    assert_int_equal(server_wait_ms(&stage.server), -1);
}

static void test_wait_is_never_negative_when_something_is_due(void **state) {
    (void)state;
    stage_ask(&stage, &visitor, ASK);
    stage.loop.now_ms += IDLE_MS + 1000;
    assert_int_equal(server_wait_ms(&stage.server), 0);
}

static void do_nothing(struct source *source) {
    (void)source;
}

static void test_starved_sources_wait(void **state) {
    (void)state;
    struct source sources[2];
    visitor_leave(&visitor);
    later(0);
    for (int i = 0; i < 2; i++)
        source_init(&sources[i], -1, do_nothing);
    server_starve(&stage.server, &sources[0]);
    int64_t wait_ms = server_wait_ms(&stage.server);
    assert_in_range(wait_ms, 1, 1000);
    stage.loop.now_ms += 10;
    server_starve(&stage.server, &sources[1]); /* has no time of its own */
    assert_int_equal(server_wait_ms(&stage.server), wait_ms - 10);
    server_wake_starved(&stage.server);
    assert_int_equal(server_wait_ms(&stage.server), -1);
    assert_false(list_is_empty(&stage.loop.ready));
    later(0);
    assert_true(list_is_empty(&sources[0].place) && list_is_empty(&sources[1].place));
}

/* Else connections take the descriptors without which a file cannot be opened. */
static void test_kept_files_leave_room_for_others(void **state) {
    (void)state;
    enum { FDS = 1024, RESERVE = 64 };
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit limit = {.rlim_cur = FDS, .rlim_max = before.rlim_max};
    struct options options = stage.options;
    struct server server;
    struct err err = ERR_INIT;
    options.cache_size = 1 << 20;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(server_init(&server, &stage.loop, &stage.roots, &options, &err), 0);
    assert_in_range(server.comfortable, 1, FDS - RESERVE - server.store.fds_max);
    server_deinit(&server);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void test_init_without_memory(void **state) {
    (void)state;
    struct options options = stage.options;
    options.spa = SLICE("index.html");
    for (long n = 0; n < 5; n++) {
        struct server server;
        struct err err = ERR_INIT;
        allocations_until_failure = n;
        int result = server_init(&server, &stage.loop, &stage.roots, &options, &err);
        allocations_until_failure = -1;
        row_assert_number(row_at("allocation", (size_t)n), result, -ENOMEM);
        row_assert(row_at("allocation", (size_t)n), strstr(err.text, "memory") != NULL);
        server_deinit(&server); /* idempotent */
    }
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_the_first_head_is_due_from_accept_on),
        test(test_a_drip_of_bytes_does_not_extend_the_head),
        test(test_a_later_head_is_due_from_its_first_byte_on),
        test(test_rfc9112_2_2_an_empty_line_is_no_request),
        test(test_the_head_behind_an_answer_has_its_own_time),
        test(test_idle),
        test(test_idle_after_as_many_as_a_turn_answers),
        test(test_what_comes_in_time_is_answered_although_it_is_late),
        test(test_content_is_due),
        test(test_waiting_for_a_100_is_due),
        test(test_who_takes_nothing_is_closed),
        test(test_who_asks_on_but_takes_nothing_is_closed),
        test(test_who_takes_enough_has_time_again),
        test(test_a_drip_of_bytes_taken_does_not_extend_the_answer),
        test(test_what_is_sent_meanwhile_is_taken_too),
        test(test_who_takes_all_there_is_has_time_again),
        test(test_pieces_taken_do_not_extend_the_answer),
        test(test_linger_is_due),
        test(test_linger_ends_with_the_client),
        test(test_linger_is_limited),
        test(test_408_that_nobody_takes),
        test(test_rfc9112_9_6_the_last_answer_survives_late_input),
        test(test_opening),
        test(test_wait_is_for_the_first_deadline),
        test(test_wait_is_never_negative_when_something_is_due),
        test(test_starved_sources_wait),
        test(test_kept_files_leave_room_for_others),
        test(test_init_without_memory),
    };
    return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
