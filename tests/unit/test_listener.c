#include "serve/listener.h"

#include "support/stage.h"

#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <time.h>

enum { GUESTS = 100, PLAN_MAX = 64 };

/* What the next calls of accept4() return: 0 for what the kernel says, else -errno. */
static int plan[PLAN_MAX];
static size_t planned;
static size_t calls;
static int always;               /* errno of every call behind the plan; 0: none */
static int64_t now_ms = 1000000; /* stands still but for later() */
static bool no_memory;
static bool asked_whose; /* by the last call of accept4() */

int __real_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags) {
    int error = calls < planned ? plan[calls] : always;
    calls++;
    asked_whose = address != NULL;
    if (error == 0)
        return __real_accept4(fd, address, len, flags);
    errno = error;
    return -1;
}

/* Nobody has acknowledged anything, for all that the kernel says. */
int __wrap_ioctl(int fd, unsigned long request, int *value);
int __wrap_ioctl(int fd, unsigned long request, int *value) {
    (void)fd;
    (void)request;
    *value = 1;
    return 0;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *time) {
    (void)clock;
    *time = (struct timespec){.tv_sec = now_ms / 1000, .tv_nsec = now_ms % 1000 * 1000000};
    return 0;
}

void *__wrap_malloc(size_t size) {
    return no_memory ? NULL : __real_malloc(size);
}

static uint32_t events_added; /* of the last source */

int __real_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event);

int __wrap_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event) {
    if (operation == EPOLL_CTL_ADD)
        events_added = event->events;
    return __real_epoll_ctl(epoll_fd, operation, fd, event);
}

static struct stage stage;
static struct listener listener;
static struct sockaddr_un address;
static socklen_t address_size;
static int guests[GUESTS];

/* A socket of the kernel's naming that listens; nothing is held back on it, as on TCP. */
static int listening_socket(void) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    address.sun_family = AF_UNIX;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address.sun_family), 0);
    assert_int_equal(listen(fd, GUESTS), 0);
    address_size = sizeof address;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &address_size), 0);
    return fd;
}

static int setup(void **state) {
    (void)state;
    planned = 0;
    calls = 0;
    always = 0;
    no_memory = false;
    for (int i = 0; i < GUESTS; i++)
        guests[i] = -1;
    stage_open(&stage);
    return listener_init(&listener, &stage.server, listening_socket(), false);
}

static int teardown(void **state) {
    (void)state;
    always = 0;
    no_memory = false;
    for (int i = 0; i < GUESTS; i++) {
        if (guests[i] >= 0)
            (void)close(guests[i]);
    }
    (void)close(listener.source.fd);
    stage_close(&stage);
    return 0;
}

static void connect_guest(int i, const char *text) {
    guests[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(guests[i] >= 0);
    assert_int_equal(connect(guests[i], (struct sockaddr *)&address, address_size), 0);
    if (text[0] != '\0')
        assert_int_equal(write(guests[i], text, strlen(text)), strlen(text));
}

static void connect_guests(int count) {
    for (int i = 0; i < count; i++)
        connect_guest(i, "");
}

/* Turns as long as anybody has something to do. */
static void settle(void) {
    int turns = 0;
    do {
        row_assert("the server comes to rest", turns++ < 1000);
        stage_turn(&stage);
    } while (!list_is_empty(&stage.loop.ready));
}

static void later(int64_t ms) {
    now_ms += ms;
    settle();
}

#define ASK "GET /small HTTP/1.1\r\nHost: a\r\n\r\n"

static void test_accepts_what_comes(void **state) {
    (void)state;
    connect_guests(3);
    settle();
    assert_int_equal(stage.server.connections, 3);
    connect_guest(3, ASK);
    settle();
    assert_int_equal(stage.server.connections, 4);
    char bytes[16];
    assert_int_equal(recv(guests[3], bytes, 12, MSG_DONTWAIT), 12);
    assert_memory_equal(bytes, "HTTP/1.1 200", 12);
}

/* A socket that others can reach, too; returns a guest that comes to it. */
static int open_to_others(struct listener *others) {
    struct sockaddr_in any = {.sin_family = AF_INET};
    socklen_t size = sizeof any;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &size), 0);
    assert_int_equal(listener_init(others, &stage.server, fd, false), 0);
    int guest = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(guest, (struct sockaddr *)&any, sizeof any), 0);
    return guest;
}

/* What the client of a socket that only this machine can reach has not taken yet is left to the
 * kernel; of others, nobody knows how far away they are. */
static void test_who_can_only_be_near(void **state) {
    (void)state;
    static const char last[] = "GET /small HTTP/1.0\r\n\r\n";
    struct listener others;
    connect_guest(0, last);
    settle();
    assert_int_equal(stage.server.connections, 0);
    guests[1] = open_to_others(&others);
    assert_int_equal(write(guests[1], last, sizeof last - 1), sizeof last - 1);
    settle();
    assert_int_equal(stage.server.connections, 1);
    (void)close(others.source.fd);
}

/* It costs the kernel some work on every connection. */
static void test_asks_whose_a_connection_is_where_it_matters(void **state) {
    (void)state;
    struct server *server = &stage.server;
    connect_guest(0, "");
    settle();
    assert_false(asked_whose);
    server->ledger.is_on = true;
    connect_guest(1, "");
    settle();
    assert_true(asked_whose);
    server->ledger.is_on = false;
    server->proxy_protocol = true;
    connect_guest(2, "");
    settle();
    assert_true(asked_whose);
    server->proxy_protocol = false;
    server->quota.max = GUESTS;
    connect_guest(3, "");
    settle();
    assert_true(asked_whose);
}

/* The edge is used up, so the rest must be accepted without another one. */
static void test_accepts_per_turn_are_bounded(void **state) {
    (void)state;
    connect_guests(GUESTS);
    size_t before = 0;
    int turns = 0;
    while (stage.server.connections < GUESTS) {
        stage_turn(&stage);
        assert_in_range(stage.server.connections, before + 1, before + 32);
        before = stage.server.connections;
        turns++;
    }
    assert_true(turns > 1);
    settle();
    assert_int_equal(stage.server.connections, GUESTS);
}

static void test_a_connection_that_failed_is_passed_over(void **state) {
    (void)state;
    static const int errors[] = {ECONNABORTED, EINTR, EPROTO, EPERM, ENETDOWN, EHOSTUNREACH};
    planned = ROWS_COUNT(errors);
    memcpy(plan, errors, sizeof errors);
    connect_guests(2);
    settle();
    assert_int_equal(stage.server.connections, 2);
    assert_int_equal(calls, ROWS_COUNT(errors) + 3);
}

/* An error that does not go away must not keep the loop in one turn. */
static void test_an_error_for_ever_does_not_block_the_loop(void **state) {
    (void)state;
    always = ECONNABORTED;
    connect_guests(1);
    stage_turn(&stage);
    assert_in_range(calls, 1, 32);
    listener_stop(&listener);
    assert_in_range(calls, 1, 10000);
}

/* Who has the socket as well, from systemd for instance, may have shut it down (shutdown(2)), which
 * epoll tells once. */
static void test_a_socket_that_listens_no_more_is_left_alone(void **state) {
    (void)state;
    always = EINVAL;
    connect_guests(1);
    stage_turn(&stage);
    assert_int_equal(calls, 1);
    assert_false(loop_is_busy(&stage.loop));
}

static const struct {
    const char *name;
    int error;
} shortages[] = {{"EMFILE", EMFILE}, {"ENFILE", ENFILE}, {"ENOBUFS", ENOBUFS}, {"ENOMEM", ENOMEM}};

static void test_starved(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(shortages); i++) {
        const char *row = shortages[i].name;
        connect_guest(0, "");
        always = shortages[i].error;
        calls = 0;
        settle();
        row_assert_number(row, calls, 1);
        row_assert(row, !list_is_empty(&stage.server.starved));
        settle();
        row_assert_number(row, calls, 1); /* it does not go round and round */
        int64_t wait_ms = server_wait_ms(&stage.server);
        row_assert(row, wait_ms >= 0 && wait_ms <= 100);
        later(1000);
        row_assert_number(row, calls, 2); /* it has tried again */
        always = 0;
        later(1000);
        row_assert_number(row, stage.server.connections, 1);
        row_assert(row, list_is_empty(&stage.server.starved));
        connections_close_all(&stage.server);
        (void)close(guests[0]);
        guests[0] = -1;
    }
}

static void test_starved_until_a_connection_closes(void **state) {
    (void)state;
    connect_guest(0, "GET");
    settle();
    connect_guest(1, "");
    always = EMFILE;
    settle();
    assert_int_equal(stage.server.connections, 1);
    always = 0;
    (void)close(guests[0]);
    guests[0] = -1;
    settle();
    assert_int_equal(stage.server.connections, 1);
    assert_int_equal(stage.server.tally->closed[CLOSE_PEER_GONE], 1); /* the one before */
    assert_true(list_is_empty(&stage.server.starved));
}

static void test_an_idle_one_gives_way(void **state) {
    (void)state;
    connect_guest(0, ASK);
    settle();
    connect_guest(1, "");
    plan[calls] = EMFILE;
    planned = calls + 1;
    settle();
    assert_int_equal(stage.server.connections, 1);
    assert_int_equal(stage.server.tally->closed[CLOSE_SHED], 1);
    assert_true(list_is_empty(&stage.server.starved));
}

/* Nothing is idle when it runs out; later something is. */
static void test_one_that_becomes_idle_gives_way(void **state) {
    (void)state;
    connect_guest(0, "GET /small HTTP/1.1\r\n");
    settle();
    connect_guest(1, "");
    plan[calls] = EMFILE;
    plan[calls + 1] = EMFILE;
    planned = calls + 2;
    settle();
    assert_int_equal(stage.server.tally->closed[CLOSE_SHED], 0);
    assert_int_equal(write(guests[0], "Host: a\r\n\r\n", 11), 11);
    settle();
    assert_int_equal(stage.server.tally->closed[CLOSE_SHED], 1);
    assert_int_equal(stage.server.connections, 1);
    char bytes[16]; /* but its answer came first */
    assert_int_equal(recv(guests[0], bytes, 12, MSG_DONTWAIT), 12);
}

/* While it drains: a request that has arrived, though no event has told of it, is answered. */
static void test_one_that_has_asked_is_not_idle(void **state) {
    (void)state;
    char bytes[64 * 1024];
    connect_guest(0, ASK);
    connect_guest(1, ASK);
    settle();
    assert_true(recv(guests[0], bytes, sizeof bytes, MSG_DONTWAIT) > 0);
    assert_int_equal(write(guests[0], ASK, strlen(ASK)), strlen(ASK));
    stage.server.draining = true;
    connections_close_idle(&stage.server);
    assert_int_equal(stage.server.tally->closed[CLOSE_DRAINED], 1); /* the other one */
    settle();
    assert_int_equal(recv(guests[0], bytes, 12, MSG_DONTWAIT), 12);
    assert_memory_equal(bytes, "HTTP/1.1 200", 12);
}

/* Where that does not help, it is not repeated until nobody is left. */
static void test_idle_ones_do_not_give_way_in_vain(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++)
        connect_guest(i, ASK);
    settle();
    connect_guest(20, "");
    always = ENOMEM;
    settle();
    assert_in_range(stage.server.tally->closed[CLOSE_SHED], 0, 1);
    assert_false(list_is_empty(&stage.server.starved));
}

/* Its request has arrived, though its turn comes after the listener's: it is not idle. */
static void test_one_that_has_asked_does_not_give_way(void **state) {
    (void)state;
    char bytes[64 * 1024];
    connect_guest(0, ASK);
    settle();
    connect_guest(1, ASK); /* the one that has been idle for less */
    settle();
    assert_true(recv(guests[0], bytes, sizeof bytes, MSG_DONTWAIT) > 0);
    settle();
    plan[calls] = EMFILE;
    planned = calls + 1;
    connect_guest(2, "");
    assert_int_equal(write(guests[0], ASK, strlen(ASK)), strlen(ASK));
    settle();
    assert_int_equal(stage.server.tally->closed[CLOSE_SHED], 1);
    assert_true(recv(guests[0], bytes, sizeof bytes, MSG_DONTWAIT) > 0);
}

/* Descriptors are kept for files: with many connections, idle ones give way early. */
static void test_with_many_an_idle_one_gives_way(void **state) {
    (void)state;
    connect_guest(0, ASK);
    settle();
    stage.server.comfortable = 1;
    connect_guest(1, "GET");
    settle();
    assert_int_equal(stage.server.tally->closed[CLOSE_SHED], 1);
    connect_guest(2, "GET");
    settle(); /* nobody is idle: taken all the same */
    assert_int_equal(stage.server.tally->closed[CLOSE_SHED], 1);
    assert_int_equal(stage.server.connections, 2);
}

/* With as many as there may be, others wait until one is idle or gone; none gives way for nobody.
 */
static void test_the_most_connections(void **state) {
    (void)state;
    char bytes[16];
    stage.server.comfortable = 2;
    stage.server.max_connections = 2;
    connect_guest(0, "GET");
    connect_guest(1, "GET");
    connect_guest(2, ASK);
    settle();
    assert_int_equal(stage.server.connections, 2);
    assert_false(list_is_empty(&stage.server.starved));
    const char *rest = ASK + strlen("GET");
    assert_int_equal(write(guests[0], rest, strlen(rest)), strlen(rest));
    settle(); /* answered, idle, and gone for the third, which is idle then */
    assert_int_equal(stage.server.connections, 2);
    assert_int_equal(stage.server.tally->closed[CLOSE_SHED], 1);
    assert_int_equal(recv(guests[2], bytes, 12, MSG_DONTWAIT), 12);
    settle();
    assert_int_equal(stage.server.tally->closed[CLOSE_SHED], 1);
    connect_guest(3, ASK);
    settle();
    assert_int_equal(stage.server.connections, 2);
    assert_int_equal(stage.server.tally->closed[CLOSE_SHED], 2);
    assert_int_equal(recv(guests[3], bytes, 12, MSG_DONTWAIT), 12);
}

/* Requests that have been arriving for a second give way where nobody is idle: drips keep nobody
 * out. Before that they are no slower than an ordinary client may be. */
static void test_slow_requests_give_way(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *start;
    } rows[] = {{"nothing", ""},
                {"a head", "GET /small HTTP/1.1\r\nX: "},
                {"content", "GET /small HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1"}};
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char bytes[16];
        stage.server.comfortable = 2;
        stage.server.max_connections = 2;
        connect_guest(0, rows[i].start);
        settle();
        later(1);
        connect_guest(1, rows[i].start);
        connect_guest(2, ASK);
        settle();
        later(998);
        row_assert_number(rows[i].name, (long)stage.server.tally->closed[CLOSE_SHED], 0);
        row_assert(rows[i].name, recv(guests[2], bytes, 12, MSG_DONTWAIT) < 0);
        later(100); /* starved listeners try again */
        row_assert_number(rows[i].name, (long)stage.server.tally->closed[CLOSE_SHED], 1);
        row_assert_number(rows[i].name, recv(guests[2], bytes, 12, MSG_DONTWAIT), 12);
        row_assert_number(rows[i].name, recv(guests[1], bytes, 12, MSG_DONTWAIT), -1);
        row_assert(rows[i].name, recv(guests[0], bytes, 12, MSG_DONTWAIT) == 0 || errno != EAGAIN);
        connections_close_all(&stage.server);
        *stage.server.tally = (struct tally){0};
        for (int j = 0; j < 3; j++)
            (void)close(guests[j]);
    }
    guests[0] = guests[1] = guests[2] = -1;
}

/* Answers that are not taken give way, too, after two seconds; those that are taken don't. */
static void test_slow_takers_give_way(void **state) {
    (void)state;
    static char bytes[1 << 20];
    tree_file(&stage.tree, "huge", 5, 4 << 20);
    stage.server.comfortable = 2;
    stage.server.max_connections = 2;
    for (int i = 0; i < 2; i++) {
        connect_guest(i, "GET /huge HTTP/1.1\r\nHost: a\r\n\r\n");
        settle();
    }
    connect_guest(2, ASK);
    later(1900);
    assert_true(recv(guests[1], bytes, sizeof bytes, MSG_DONTWAIT) > 8000);
    settle();
    assert_int_equal(stage.server.tally->closed[CLOSE_SHED], 0);
    later(200);
    assert_int_equal(stage.server.tally->closed[CLOSE_SHED], 1);
    assert_int_equal(recv(guests[2], bytes, 12, MSG_DONTWAIT), 12);
    connect_guest(3, ASK); /* the idle one goes, and then nobody is left who takes too little */
    settle();
    assert_int_equal(stage.server.tally->closed[CLOSE_SHED], 2);
    assert_int_equal(recv(guests[3], bytes, 12, MSG_DONTWAIT), 12);
    assert_true(recv(guests[1], bytes, sizeof bytes, MSG_DONTWAIT) > 0);
}

/* Those that came together are due together, and ended in several turns. */
static void test_expiries_per_turn_are_bounded(void **state) {
    (void)state;
    connect_guests(GUESTS);
    settle();
    assert_int_equal(stage.server.connections, GUESTS);
    now_ms += stage.options.head_timeout;
    size_t told = 0;
    int turns = 0;
    while (told < GUESTS) {
        size_t before = (size_t)stage.server.tally->refused[REFUSAL_TIMEOUT];
        stage_turn(&stage);
        told = (size_t)stage.server.tally->refused[REFUSAL_TIMEOUT];
        assert_in_range(told, before + 1, before + 32);
        assert_true(told == GUESTS || server_wait_ms(&stage.server) == 0);
        turns++;
    }
    assert_true(turns > 1);
}

/* Two for one, until there is room again for files. */
static void test_the_reserve_comes_back(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++)
        connect_guest(i, "GET");
    settle();
    later(1000);
    stage.server.comfortable = 3;
    static const size_t expected[] = {4, 3, 3};
    for (int i = 0; i < 3; i++) {
        connect_guest(5 + i, "GET");
        settle();
        assert_int_equal(stage.server.connections, expected[i]);
    }
}

/* Who is idle gives way before anybody who asks for something. */
static void test_idle_ones_give_way_before_slow_ones(void **state) {
    (void)state;
    char bytes[16];
    stage.server.comfortable = 2;
    stage.server.max_connections = 2;
    connect_guest(0, "GET");
    settle();
    later(2000);
    connect_guest(1, ASK);
    settle();
    connect_guest(2, ASK);
    settle();
    assert_int_equal(stage.server.tally->closed[CLOSE_SHED], 1);
    assert_int_equal(recv(guests[0], bytes, 12, MSG_DONTWAIT), -1);
    assert_int_equal(recv(guests[2], bytes, 12, MSG_DONTWAIT), 12);
}

static void test_no_memory_for_a_connection(void **state) {
    (void)state;
    no_memory = true;
    connect_guests(2);
    settle();
    no_memory = false;
    assert_int_equal(stage.server.connections, 0);
    assert_int_equal(stage.server.tally->closed[CLOSE_FAULT], 2);
    char byte;
    assert_int_equal(recv(guests[0], &byte, 1, MSG_DONTWAIT), 0);
}

static void test_stop_takes_the_queue(void **state) {
    (void)state;
    connect_guests(GUESTS - 1);
    listener_stop(&listener);
    assert_int_equal(stage.server.connections, GUESTS - 1);
    connect_guest(GUESTS - 1, "");
    settle();
    assert_int_equal(stage.server.connections, GUESTS - 1);
}

static void test_stop_while_starved(void **state) {
    (void)state;
    connect_guest(0, "");
    always = EMFILE;
    settle();
    assert_false(list_is_empty(&stage.server.starved));
    listener_stop(&listener);
    assert_true(list_is_empty(&stage.server.starved));
    always = 0;
    server_wake_starved(&stage.server);
    settle();
    assert_int_equal(stage.server.connections, 0);
}

/* What comes while the queue is taken, after the last edge, is taken as well: nobody else may have
 * been woken for it. */
static void test_stop_takes_what_was_not_reported(void **state) {
    (void)state;
    connect_guests(2);
    listener_stop(&listener);
    assert_int_equal(stage.server.connections, 2);
    assert_true(list_is_empty(&stage.loop.ready));
}

/* epoll_ctl(2) takes few other flags beside EPOLLEXCLUSIVE. */
static void test_a_shared_socket_wakes_one(void **state) {
    (void)state;
    static const struct {
        const char *name;
        bool shared;
        uint32_t events;
    } rows[] = {
        {"alone", false, EPOLLIN | EPOLLET},
        {"shared", true, EPOLLIN | EPOLLET | EPOLLEXCLUSIVE},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        loop_remove(&stage.loop, &listener.source);
        row_assert_number(
            rows[i].name,
            listener_init(&listener, &stage.server, listener.source.fd, rows[i].shared), 0);
        row_assert_number(rows[i].name, events_added, rows[i].events);
        connect_guest((int)i, "");
        settle();
        row_assert_number(rows[i].name, stage.server.connections, i + 1);
    }
}

static void test_init_fails(void **state) {
    (void)state;
    struct listener second;
    assert_int_equal(listener_init(&second, &stage.server, listener.source.fd, false), -EEXIST);
    assert_int_equal(listener_init(&second, &stage.server, -1, false), -EBADF);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_accepts_what_comes),
        test(test_who_can_only_be_near),
        test(test_asks_whose_a_connection_is_where_it_matters),
        test(test_accepts_per_turn_are_bounded),
        test(test_a_connection_that_failed_is_passed_over),
        test(test_an_error_for_ever_does_not_block_the_loop),
        test(test_a_socket_that_listens_no_more_is_left_alone),
        test(test_starved),
        test(test_starved_until_a_connection_closes),
        test(test_an_idle_one_gives_way),
        test(test_one_that_becomes_idle_gives_way),
        test(test_one_that_has_asked_is_not_idle),
        test(test_idle_ones_do_not_give_way_in_vain),
        test(test_one_that_has_asked_does_not_give_way),
        test(test_with_many_an_idle_one_gives_way),
        test(test_the_most_connections),
        test(test_slow_requests_give_way),
        test(test_slow_takers_give_way),
        test(test_expiries_per_turn_are_bounded),
        test(test_the_reserve_comes_back),
        test(test_idle_ones_give_way_before_slow_ones),
        test(test_no_memory_for_a_connection),
        test(test_stop_takes_the_queue),
        test(test_stop_while_starved),
        test(test_stop_takes_what_was_not_reported),
        test(test_a_shared_socket_wakes_one),
        test(test_init_fails),
    };
    return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
