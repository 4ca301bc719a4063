#include "sys/socket.h"

#include "support/note.h"
#include "support/process.h"
#include "support/row.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* The address family that this machine is to have none of; 0: it has all it has. */
static int missing_family;
static int bind_error;   /* errno of every bind() to IPv6; 0: none */
static int listen_error; /* errno of every listen(); 0: none */

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);
int __real_bind(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len);
int __real_listen(int fd, int backlog);
int __wrap_listen(int fd, int backlog);

static int deny(int error) {
    errno = error;
    return -1;
}

int __wrap_socket(int family, int type, int protocol) {
    return family == missing_family ? deny(EAFNOSUPPORT) : __real_socket(family, type, protocol);
}

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len) {
    bool fails = bind_error != 0 && address->sa_family == AF_INET6;
    return fails ? deny(bind_error) : __real_bind(fd, address, len);
}

int __wrap_listen(int fd, int backlog) {
    return listen_error != 0 ? deny(listen_error) : __real_listen(fd, backlog);
}

static size_t fds_before;

static int setup(void **state) {
    (void)state;
    missing_family = 0;
    bind_error = 0;
    listen_error = 0;
    fds_before = process_count_fds(getpid());
    return 0;
}

static int teardown(void **state) {
    (void)state;
    assert_int_equal(process_count_fds(getpid()), fds_before);
    return 0;
}

static struct address address_of(const char *text) {
    struct address address;
    struct err err = ERR_INIT;
    row_assert_number(text, address_parse(text, &address, &err), 0);
    return address;
}

static int must_listen(struct address *address, enum socket_place place) {
    struct err err = ERR_INIT;
    int fd = socket_listen(address, place, &err);
    if (fd < 0)
        fail_msg("%s", err.text);
    return fd;
}

static int must_not_listen(struct address address, enum socket_place place, const char *message) {
    struct err err = ERR_INIT;
    int result = socket_listen(&address, place, &err);
    assert_true(result < 0);
    note_assert_contains(err.text, message);
    note_assert_contains(err.text, strerror(-result));
    return result;
}

/* Connects, and sends a byte: without one the connection is held back. Returns -errno on failure.
 */
static int try_connect(const struct address *address) {
    int fd = __real_socket(address->socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, &address->socket.any, address_len(address)) < 0) {
        int error = errno;
        (void)close(fd);
        return -error;
    }
    assert_int_equal(send(fd, "x", 1, 0), 1);
    return fd;
}

static int option_of(int fd, int level, int name) {
    int value = -1;
    socklen_t len = sizeof value;
    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

/* Accepts a connection that is about to be there. */
static int must_accept(int fd, struct peer *peer) {
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&poll_fd, 1, 10000), 1);
    int accepted = socket_accept(fd, peer);
    assert_true(accepted >= 0);
    return accepted;
}

static bool is_nonblocking_and_cloexec(int fd) {
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

static void test_accepts(void **state) {
    (void)state;
    struct address address = address_of("0");
    struct peer peer;
    int fd = must_listen(&address, SOCKET_FIRST);
    assert_true(address_port(&address) != 0);
    assert_true(is_nonblocking_and_cloexec(fd));
    assert_true(option_of(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT) > 0);
    assert_int_equal(socket_accept(fd, &peer), -EAGAIN);
    int client = try_connect(&address);
    assert_true(client >= 0);
    int accepted = must_accept(fd, &peer);
    assert_true(is_nonblocking_and_cloexec(accepted));
    assert_int_equal(option_of(accepted, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(socket_accept(fd, &peer), -EAGAIN);
    (void)close(accepted);
    (void)close(client);
    (void)close(fd);
}

/* The same user as the first one's, which SO_REUSEPORT alone would let pass. */
static void test_the_first_has_the_address_for_itself(void **state) {
    (void)state;
    struct address address = address_of("0");
    int fd = must_listen(&address, SOCKET_FIRST);
    assert_int_equal(must_not_listen(address, SOCKET_FIRST, "something listens there"),
                     -EADDRINUSE);
    int beside = must_listen(&address, SOCKET_BESIDE);
    assert_int_equal(must_not_listen(address, SOCKET_FIRST, "something listens there"),
                     -EADDRINUSE);
    (void)close(fd);
    assert_int_equal(must_not_listen(address, SOCKET_FIRST, "something listens there"),
                     -EADDRINUSE);
    (void)close(beside);
    fd = must_listen(&address, SOCKET_FIRST);
    (void)close(fd);
}

/* Also where the other one is bound to every address. */
static void test_the_first_has_its_part_of_a_wildcard_for_itself(void **state) {
    (void)state;
    struct address all = address_of("0.0.0.0:0");
    int fd = must_listen(&all, SOCKET_FIRST);
    struct address one = address_of("0");
    address_set_port(&one, address_port(&all));
    assert_int_equal(must_not_listen(one, SOCKET_FIRST, "something listens"), -EADDRINUSE);
    (void)close(fd);
}

/* Connections in TIME_WAIT don't keep a restarted pronto from its port. */
static void test_listens_again_behind_old_connections(void **state) {
    (void)state;
    struct address address = address_of("0");
    int fd = must_listen(&address, SOCKET_FIRST);
    int client = try_connect(&address);
    struct peer peer;
    int accepted = must_accept(fd, &peer);
    char byte;
    assert_int_equal(read(accepted, &byte, 1), 1);
    (void)close(accepted); /* closes first, and so is the one in TIME_WAIT */
    assert_int_equal(read(client, &byte, 1), 0);
    (void)close(client);
    (void)close(fd);
    fd = must_listen(&address, SOCKET_FIRST);
    (void)close(fd);
}

static void test_connections_are_spread(void **state) {
    (void)state;
    enum { COUNT = 64 };
    struct address address = address_of("0");
    int fds[2];
    int clients[COUNT];
    int accepted[2] = {0, 0};
    fds[0] = must_listen(&address, SOCKET_FIRST);
    fds[1] = must_listen(&address, SOCKET_BESIDE);
    for (int i = 0; i < COUNT; i++)
        clients[i] = try_connect(&address);
    for (int i = 0; i < COUNT; i++) {
        struct pollfd polls[2] = {{.fd = fds[0], .events = POLLIN},
                                  {.fd = fds[1], .events = POLLIN}};
        assert_true(poll(polls, 2, 10000) > 0);
        int which = (polls[0].revents & POLLIN) != 0 ? 0 : 1;
        struct peer peer;
        (void)close(must_accept(fds[which], &peer));
        accepted[which]++;
    }
    assert_true(accepted[0] > 0 && accepted[1] > 0); /* by chance it fails once in 2^63 runs */
    for (int i = 0; i < COUNT; i++)
        (void)close(clients[i]);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static bool has_ipv6(void) {
    struct address loopback = address_of("[::1]:0");
    int fd = __real_socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound = fd >= 0 && __real_bind(fd, &loopback.socket.any, address_len(&loopback)) == 0;
    if (fd >= 0)
        (void)close(fd);
    if (!bound)
        note_cannot_test("IPv6, which this machine has not");
    return bound;
}

/* Fails unless a connection from `host` to a socket that listens on `text` is known to come from
 * `expected`, and from the client's port. */
static void assert_from(const char *text, const char *host, const char *expected) {
    char memory[PEER_TEXT_MAX];
    struct buf buf = BUF_INIT(memory, sizeof memory);
    struct address address = address_of(text);
    struct address target = address_of(host);
    struct address own;
    struct peer peer;
    socklen_t len = sizeof own.socket;
    int fd = must_listen(&address, SOCKET_FIRST);
    address_set_port(&target, address_port(&address));
    int client = try_connect(&target);
    row_assert(text, client >= 0);
    (void)close(must_accept(fd, &peer));
    peer_put_address(&buf, &peer);
    row_assert_slice(text, buf_slice(&buf), slice_of_text(expected));
    row_assert_number(text, getsockname(client, &own.socket.any, &len), 0);
    row_assert_number(text, peer.port, address_port(&own));
    (void)close(client);
    (void)close(fd);
}

static void test_says_who_a_connection_is_from(void **state) {
    (void)state;
    assert_from("0", "0", "127.0.0.1");
    if (!has_ipv6())
        return;
    assert_from("[::1]:0", "[::1]:0", "::1");
    assert_from("*:0", "[::1]:0", "::1");
    assert_from("*:0", "0", "127.0.0.1");
}

static void test_accepts_without_asking_who_it_is(void **state) {
    (void)state;
    struct address address = address_of("0");
    int fd = must_listen(&address, SOCKET_FIRST);
    assert_int_equal(socket_accept(fd, NULL), -EAGAIN);
    int client = try_connect(&address);
    int accepted = must_accept(fd, NULL);
    assert_true(is_nonblocking_and_cloexec(accepted));
    (void)close(accepted);
    (void)close(client);
    (void)close(fd);
}

static void assert_loopback(const char *text, bool is_loopback) {
    struct address address = address_of(text);
    int fd = must_listen(&address, SOCKET_FIRST);
    row_assert_number(text, socket_is_loopback(fd), is_loopback);
    (void)close(fd);
}

static void test_is_loopback(void **state) {
    (void)state;
    assert_loopback("0", true);
    assert_loopback("127.0.0.2:0", true);
    assert_loopback("0.0.0.0:0", false);
    assert_false(socket_is_loopback(-1));
    if (!has_ipv6())
        return;
    assert_loopback("[::1]:0", true);
    assert_loopback("*:0", false);
}

/* Whether IPv4 and IPv6 reach a socket that listens on `text`. */
static void assert_reached(const char *text, bool by_v4, bool by_v6) {
    struct address address = address_of(text);
    struct address v4 = address_of("0");
    struct address v6 = address_of("[::1]:0");
    int fd = must_listen(&address, SOCKET_FIRST);
    address_set_port(&v4, address_port(&address));
    address_set_port(&v6, address_port(&address));
    int clients[2] = {try_connect(&v4), try_connect(&v6)};
    row_assert_number(text, clients[0] >= 0, by_v4);
    row_assert_number(text, clients[1] >= 0, by_v6);
    for (int i = 0; i < 2; i++) {
        if (clients[i] >= 0)
            (void)close(clients[i]);
    }
    (void)close(fd);
}

static void test_ipv6(void **state) {
    (void)state;
    if (!has_ipv6())
        return;
    assert_reached("[::1]:0", false, true);
    assert_reached("[::]:0", false, true);
    assert_reached("*:0", true, true);
    assert_reached("0.0.0.0:0", true, false);
}

static void test_without_ipv6_all_is_the_ipv4_wildcard(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int missing_family;
        int bind_error;
    } rows[] = {{"no such family", AF_INET6, 0}, {"no such address", 0, EADDRNOTAVAIL}};
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct address any_port = address_of("*:0");
        missing_family = rows[i].missing_family;
        bind_error = rows[i].bind_error;
        int fd = must_listen(&any_port, SOCKET_FIRST);
        row_assert_number(rows[i].name, any_port.socket.any.sa_family, AF_INET);
        row_assert(rows[i].name, address_is_wildcard(&any_port));
        row_assert(rows[i].name, address_port(&any_port) != 0);
        (void)close(fd);
        struct address same_port = address_of("*:0");
        address_set_port(&same_port, address_port(&any_port));
        fd = must_listen(&same_port, SOCKET_FIRST);
        row_assert_number(rows[i].name, address_port(&same_port), address_port(&any_port));
        (void)close(fd);
    }
}

static void test_without_ipv6_an_ipv6_address_fails(void **state) {
    (void)state;
    missing_family = AF_INET6;
    assert_int_equal(
        must_not_listen(address_of("[::]:0"), SOCKET_FIRST, "has no such address family"),
        -EAFNOSUPPORT);
}

static void test_a_look_at_the_accept_queue(void **state) {
    enum { WAITING = 3 };
    struct address address = address_of("0");
    struct socket_queue queue = {UINT32_MAX, 0};
    int clients[WAITING];
    (void)state;
    int fd = must_listen(&address, SOCKET_FIRST);
    assert_int_equal(socket_look_at_queue(fd, &queue), 0);
    assert_int_equal(queue.length, 0);
    assert_true(queue.limit > 0);
    for (int i = 0; i < WAITING; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(clients[i], &address.socket.any, address_len(&address)), 0);
        assert_int_equal(write(clients[i], "x", 1), 1);
    }
    assert_int_equal(socket_look_at_queue(fd, &queue), 0);
    assert_int_equal(queue.length, WAITING);
    for (int i = 0; i < WAITING; i++)
        (void)close(clients[i]);
    (void)close(fd);
}

static void test_what_is_not_tcp_has_no_queue_to_look_at(void **state) {
    struct socket_queue queue;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)state;
    assert_int_equal(socket_look_at_queue(fd, &queue), -EOPNOTSUPP);
    (void)close(fd);
}

static void test_failures(void **state) {
    (void)state;
    bind_error = EADDRNOTAVAIL;
    assert_int_equal(
        must_not_listen(address_of("[::1]:80"), SOCKET_FIRST, "cannot listen on [::1]:80: "),
        -EADDRNOTAVAIL);
    bind_error = EACCES;
    assert_int_equal(must_not_listen(address_of("*:80"), SOCKET_FIRST, "need root"), -EACCES);
    listen_error = EADDRINUSE;
    assert_int_equal(must_not_listen(address_of("0"), SOCKET_FIRST, "something listens"),
                     -EADDRINUSE);
    assert_int_equal(must_not_listen(address_of("0"), SOCKET_BESIDE, "something listens"),
                     -EADDRINUSE);
}

/* The rate of connections that are accepted from a socket with another one before. */
static unsigned long inherited_rate(uint64_t bytes_per_s) {
    struct address address = address_of("127.0.0.1:0");
    int listening = must_listen(&address, SOCKET_FIRST);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    struct pollfd queue = {.fd = listening, .events = POLLIN};
    struct peer peer;
    unsigned long rate = 0;
    socklen_t len = sizeof rate;
    assert_int_equal(socket_limit_rate(listening, 20000), 0);
    assert_int_equal(socket_limit_rate(listening, bytes_per_s), 0);
    assert_int_equal(connect(client, &address.socket.any, address_len(&address)), 0);
    assert_int_equal(write(client, "x", 1), 1); /* it is held back until then */
    assert_int_equal(poll(&queue, 1, 20000), 1);
    int accepted = socket_accept(listening, &peer);
    assert_int_equal(getsockopt(accepted, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, &len), 0);
    (void)close(accepted);
    (void)close(client);
    (void)close(listening);
    return rate;
}

static void test_rate_is_inherited(void **state) {
    (void)state;
    assert_int_equal(inherited_rate(123456), 123456);
    assert_int_equal(inherited_rate(0), ~0ul);
    assert_int_equal(socket_limit_rate(-1, 1), -EBADF);
}

/* The other side is told at once, and gets none of what it has not taken. */
static void test_what_is_unsent_is_forgotten(void **state) {
    static char bytes[256 * 1024];
    struct address address = address_of("0");
    struct peer peer;
    (void)state;
    int fd = must_listen(&address, SOCKET_FIRST);
    int client = try_connect(&address);
    int accepted = must_accept(fd, &peer);
    while (send(accepted, bytes, sizeof bytes, 0) > 0)
        continue;
    assert_true(socket_unacked_bytes(accepted) > 0);
    socket_forget_unsent(accepted);
    (void)close(accepted);
    ssize_t count = 1;
    while (count > 0)
        count = recv(client, bytes, sizeof bytes, 0);
    assert_int_equal(count, -1);
    assert_int_equal(errno, ECONNRESET);
    (void)close(client);
    (void)close(fd);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_accepts),
        test(test_says_who_a_connection_is_from),
        test(test_accepts_without_asking_who_it_is),
        test(test_is_loopback),
        test(test_the_first_has_the_address_for_itself),
        test(test_the_first_has_its_part_of_a_wildcard_for_itself),
        test(test_listens_again_behind_old_connections),
        test(test_connections_are_spread),
        test(test_ipv6),
        test(test_without_ipv6_all_is_the_ipv4_wildcard),
        test(test_without_ipv6_an_ipv6_address_fails),
        test(test_rate_is_inherited),
        test(test_a_look_at_the_accept_queue),
        test(test_what_is_not_tcp_has_no_queue_to_look_at),
        test(test_what_is_unsent_is_forgotten),
        test(test_failures),
    };
    return cmocka_run_group_tests_name("socket", tests, NULL, NULL);
}
