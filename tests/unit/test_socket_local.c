/* Local sockets, and sockets of others. */
#include "sys/socket.h"

#include "support/note.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct tree tree;
static struct peer peer; /* of who was accepted last */
static size_t fds_before;

static int setup(void **state) {
    (void)state;
    tree_make(&tree);
    fds_before = process_count_fds(getpid());
    return 0;
}

static int teardown(void **state) {
    (void)state;
    tree_remove(&tree);
    assert_int_equal(process_count_fds(getpid()), fds_before);
    return 0;
}

/* The address of the file "s" in the tree. */
static struct address local_address(void) {
    struct address address = {.socket.local.sun_family = AF_UNIX};
    const char *path = tree_path(&tree, "s");
    assert_in_range(strlen(path), 1, ADDRESS_PATH_MAX - 1);
    memcpy(address.socket.local.sun_path, path, strlen(path) + 1);
    return address;
}

static int must_listen(const struct address *address, mode_t mode) {
    struct err err = ERR_INIT;
    int fd = socket_listen_local(address, mode, &err);
    if (fd < 0)
        fail_msg("%s", err.text);
    return fd;
}

static void must_not_listen(const struct address *address, int error, const char *message) {
    struct err err = ERR_INIT;
    assert_int_equal(socket_listen_local(address, 0660, &err), -error);
    note_assert_contains(err.text, message);
    note_assert_contains(err.text, "cannot listen on unix:");
    note_assert_contains(err.text, strerror(error));
}

static int try_connect(const struct address *address) {
    int fd = socket(address->socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, &address->socket.any, address_len(address)) == 0)
        return fd;
    int error = errno;
    (void)close(fd);
    return -error;
}

static void expect_served(const struct address *address, int fd) {
    int client = try_connect(address);
    assert_true(client >= 0);
    int accepted = socket_accept(fd, &peer);
    assert_true(accepted >= 0);
    (void)close(accepted);
    (void)close(client);
}

static void test_accepts(void **state) {
    (void)state;
    struct address address = local_address();
    int fd = must_listen(&address, 0660);
    assert_int_equal(socket_accept(fd, &peer), -EAGAIN);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_true(socket_is_loopback(fd));
    expect_served(&address, fd);
    (void)close(fd);
}

static void test_an_abstract_name(void **state) {
    (void)state;
    struct address address;
    struct err err = ERR_INIT;
    char text[ADDRESS_TEXT_MAX];
    (void)snprintf(text, sizeof text, "unix:@pronto-test-%d", (int)getpid());
    assert_int_equal(address_parse(text, &address, &err), 0);
    int fd = must_listen(&address, 0660);
    expect_served(&address, fd);
    must_not_listen(&address, EADDRINUSE, "something listens there already");
    (void)close(fd);
    fd = must_listen(&address, 0660);
    (void)close(fd);
}

static void test_the_mode_is_as_asked_for(void **state) {
    (void)state;
    static const mode_t modes[] = {0660, 0600, 0666, 0777, 0};
    struct address address = local_address();
    mode_t umask_before = umask(0077);
    for (size_t i = 0; i < ROWS_COUNT(modes); i++) {
        struct stat stat;
        int fd = must_listen(&address, modes[i]);
        assert_int_equal(lstat(address_path(&address), &stat), 0);
        assert_int_equal(stat.st_mode & 07777, modes[i]);
        assert_int_equal(umask(0077), 0077); /* as it was */
        (void)close(fd);
        assert_int_equal(unlink(address_path(&address)), 0);
    }
    (void)umask(umask_before);
}

static void test_what_is_left_over_is_replaced(void **state) {
    (void)state;
    struct address address = local_address();
    (void)close(must_listen(&address, 0660));
    assert_int_equal(try_connect(&address), -ECONNREFUSED);
    int fd = must_listen(&address, 0660);
    expect_served(&address, fd);
    (void)close(fd);
}

static void test_one_that_is_listened_on_stays(void **state) {
    (void)state;
    struct address address = local_address();
    int fd = must_listen(&address, 0660);
    must_not_listen(&address, EADDRINUSE, "something listens there already");
    (void)close(socket_accept(fd, &peer)); /* who looked whether anybody answers */
    expect_served(&address, fd);
    (void)close(fd);
}

/* Nobody else could have put it there, but it is not a socket's. */
static void test_another_file_stays(void **state) {
    (void)state;
    struct address address = local_address();
    struct stat stat;
    tree_text(&tree, "s", "some text");
    must_not_listen(&address, EADDRINUSE, "that file is no socket");
    assert_int_equal(lstat(address_path(&address), &stat), 0);
    assert_true(S_ISREG(stat.st_mode));
}

/* A link to a socket that is left over is not one. */
static void test_a_link_stays(void **state) {
    (void)state;
    struct address address = local_address();
    struct stat stat;
    (void)close(must_listen(&address, 0660));
    assert_int_equal(rename(address_path(&address), tree_path(&tree, "other")), 0);
    tree_link(&tree, "s", "other");
    must_not_listen(&address, EADDRINUSE, "that file is no socket");
    assert_int_equal(lstat(address_path(&address), &stat), 0);
    assert_true(S_ISLNK(stat.st_mode));
}

static void test_no_directory(void **state) {
    (void)state;
    struct address address;
    struct err err = ERR_INIT;
    assert_int_equal(address_parse("unix:/nowhere/at/all/s", &address, &err), 0);
    must_not_listen(&address, ENOENT, "its directory is not there");
}

/* Sockets of others */

static int others_socket(int family, int type, bool listens) {
    struct sockaddr_storage any = {.ss_family = (sa_family_t)family};
    int fd = socket(family, type, 0);
    assert_true(fd >= 0);
    socklen_t len = family == AF_UNIX ? sizeof any.ss_family : sizeof(struct sockaddr_in);
    assert_int_equal(bind(fd, (const struct sockaddr *)&any, len), 0);
    if (listens)
        assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static void test_adopts_tcp(void **state) {
    (void)state;
    struct address address;
    struct err err = ERR_INIT;
    int value = 0;
    socklen_t len = sizeof value;
    int fd = others_socket(AF_INET, SOCK_STREAM, true);
    assert_int_equal(socket_adopt(fd, &address, &err), 0);
    assert_int_equal(address.socket.any.sa_family, AF_INET);
    assert_true(address_port(&address) != 0);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
    assert_int_equal(value, 1);
    assert_int_equal(socket_accept(fd, &peer), -EAGAIN);
    (void)close(fd);
}

/* What it says of itself is what was asked for. */
static void test_adopts_what_pronto_opened(void **state) {
    (void)state;
    static const char *const texts[] = {"127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0", "*:0"};
    for (size_t i = 0; i < ROWS_COUNT(texts); i++) {
        struct address asked;
        struct address adopted;
        struct err err = ERR_INIT;
        row_assert_number(texts[i], address_parse(texts[i], &asked, &err), 0);
        int fd = socket_listen(&asked, SOCKET_FIRST, &err);
        if (fd < 0 && asked.socket.any.sa_family == AF_INET6) {
            note_cannot_test("%s, which this machine has not", texts[i]);
            continue;
        }
        row_assert_number(texts[i], socket_adopt(fd, &adopted, &err), 0);
        row_assert(texts[i], address_equal(&asked, &adopted));
        (void)close(fd);
    }
}

static void test_adopts_local(void **state) {
    (void)state;
    struct address address = local_address();
    struct address adopted;
    struct err err = ERR_INIT;
    int fd = must_listen(&address, 0660);
    assert_int_equal(socket_adopt(fd, &adopted, &err), 0);
    assert_true(address_equal(&address, &adopted));
    (void)close(fd);
}

static void test_adopts_nothing_else(void **state) {
    (void)state;
    const struct {
        const char *name;
        int fd;
        int error;
    } rows[] = {
        {"no descriptor", -1, EBADF},
        {"a file", open("/dev/null", O_RDONLY | O_CLOEXEC), ENOTSOCK},
        {"it does not listen", others_socket(AF_INET, SOCK_STREAM, false), EINVAL},
        {"datagrams", others_socket(AF_INET, SOCK_DGRAM, false), EINVAL},
        {"local datagrams", others_socket(AF_UNIX, SOCK_DGRAM, false), EINVAL},
        {"packets", others_socket(AF_UNIX, SOCK_SEQPACKET, true), EINVAL},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct address address;
        struct err err = ERR_INIT;
        row_assert_number(rows[i].name, socket_adopt(rows[i].fd, &address, &err), -rows[i].error);
        row_assert(rows[i].name, strstr(err.text, "LISTEN_FDS") != NULL);
        if (rows[i].fd >= 0)
            (void)close(rows[i].fd);
    }
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_accepts),
        test(test_an_abstract_name),
        test(test_the_mode_is_as_asked_for),
        test(test_what_is_left_over_is_replaced),
        test(test_one_that_is_listened_on_stays),
        test(test_another_file_stays),
        test(test_a_link_stays),
        test(test_no_directory),
        test(test_adopts_tcp),
        test(test_adopts_what_pronto_opened),
        test(test_adopts_local),
        test(test_adopts_nothing_else),
    };
    return cmocka_run_group_tests_name("local sockets", tests, NULL, NULL);
}
