#include "proc/listeners.h"

#include "support/note.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"
#include "sys/socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONNECTIONS = 24, KINDS_MAX = 64 };

static struct tree tree;
static struct options options;
static const struct listeners none;
static size_t fds_before;

static int setup(void **state) {
    (void)state;
    tree_make(&tree);
    options = (struct options){.unix_mode = 0600};
    fds_before = process_count_fds(getpid());
    return 0;
}

static int teardown(void **state) {
    (void)state;
    tree_remove(&tree);
    assert_int_equal(process_count_fds(getpid()), fds_before);
    return 0;
}

static void ask_for(const char *one, const char *other) {
    const char *const texts[] = {one, other};
    struct err err = ERR_INIT;
    options.listen.count = 0;
    for (size_t i = 0; i < 2 && texts[i] != NULL; i++)
        assert_int_equal(
            address_parse(texts[i], &options.listen.items[options.listen.count++], &err), 0);
}

static const char *local_address(void) {
    static char text[512];
    (void)snprintf(text, sizeof text, "unix:%s", tree_path(&tree, "socket"));
    return text;
}

static void must_open(struct listeners *listeners, size_t workers, const struct listeners *before) {
    struct err err = ERR_INIT;
    if (listeners_open(listeners, &options, workers, before, &err) < 0)
        fail_msg("%s", err.text);
}

static ino_t inode_of(int fd) {
    struct stat stat;
    assert_int_equal(fstat(fd, &stat), 0);
    return stat.st_ino;
}

static int connect_to(const struct address *address) {
    int fd = socket(address->socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, &address->socket.any, address_len(address)), 0);
    assert_int_equal(send(fd, "x", 1, 0), 1);
    return fd;
}

/* Which of the binding's sockets gets a connection. */
static size_t accept_one(const struct binding *binding) {
    struct pollfd sockets[16];
    size_t at = 0;
    for (size_t i = 0; i < binding->count; i++)
        sockets[i] = (struct pollfd){.fd = binding->sockets[i], .events = POLLIN};
    assert_true(poll(sockets, binding->count, 10000) > 0);
    while ((sockets[at].revents & POLLIN) == 0)
        at++;
    struct peer peer;
    (void)close(socket_accept(sockets[at].fd, &peer));
    return at;
}

/* Opens connections, and counts how many each of the binding's sockets gets. */
static void count_connections(const struct binding *binding, size_t *counts) {
    for (size_t i = 0; i < binding->count; i++)
        counts[i] = 0;
    for (int i = 0; i < CONNECTIONS * 2; i++) {
        int client = connect_to(&binding->address);
        counts[accept_one(binding)]++;
        (void)close(client);
    }
}

static void test_a_socket_for_each_worker(void **state) {
    (void)state;
    struct listeners listeners;
    ask_for("127.0.0.1:0", local_address());
    must_open(&listeners, 3, &none);
    assert_int_equal(listeners.count, 2);
    assert_int_equal(listeners.items[0].count, 3);
    assert_int_equal(listeners.items[0].kind, BINDING_EACH);
    assert_int_equal(listeners.items[1].count, 1);
    assert_int_equal(listeners.items[1].kind, BINDING_SHARED);
    assert_true(address_port(&listeners.items[0].address) != 0);
    assert_int_equal(listeners_count(&listeners), 4);
    listeners_remove_files(&listeners, NULL);
    listeners_deinit(&listeners);
    listeners_deinit(&listeners);
}

/* With what is in their queues; and the descriptors of one generation are not the other's. */
static void test_sockets_stay(void **state) {
    (void)state;
    struct listeners before;
    struct listeners after;
    ask_for("127.0.0.1:0", local_address());
    must_open(&before, 2, &none);
    int client = connect_to(&before.items[0].address);
    must_open(&after, 2, &before);
    for (size_t i = 0; i < 2; i++) {
        assert_true(before.items[0].sockets[i] != after.items[0].sockets[i]);
        assert_true(listeners_have(&after, &before.items[0], i));
        assert_true(listeners_have(&before, &after.items[0], i));
        assert_int_equal(listeners_alone(&before, i, &after), 0);
        assert_int_equal(listeners_alone(&before, i, NULL), 3);
    }
    assert_false(after.items[0].is_new || after.items[1].is_new);
    assert_true(before.items[0].is_new && before.items[1].is_new);
    assert_int_equal(inode_of(before.items[1].sockets[0]), inode_of(after.items[1].sockets[0]));
    listeners_remove_files(&before, &after);
    listeners_deinit(&before);
    (void)accept_one(&after.items[0]);
    (void)close(client);
    (void)close(connect_to(&after.items[1].address));
    listeners_remove_files(&after, NULL);
    listeners_deinit(&after);
    assert_int_equal(access(tree_path(&tree, "socket"), F_OK), -1);
}

/* Before there are workers for them, they get nothing, and afterwards their share. */
static void test_more_workers(void **state) {
    (void)state;
    struct listeners before;
    struct listeners after;
    size_t counts[4];
    ask_for("127.0.0.1:0", NULL);
    must_open(&before, 2, &none);
    must_open(&after, 4, &before);
    assert_int_equal(after.items[0].count, 4);
    count_connections(&after.items[0], counts);
    assert_int_equal(counts[2] + counts[3], 0);
    assert_true(counts[0] > 0 && counts[1] > 0);
    listeners_settle(&after);
    count_connections(&after.items[0], counts);
    for (size_t i = 0; i < 4; i++)
        assert_true(counts[i] > 0); /* but by chance: 4 * (3/4)^48 */
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(listeners_alone(&before, i, &after), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(listeners_alone(&after, i, &before), i < 2 ? 0 : 1);
    listeners_deinit(&before);
    listeners_deinit(&after);
}

/* It is given up: the others go on as before. */
static void test_more_workers_in_vain(void **state) {
    (void)state;
    struct listeners before;
    struct listeners after;
    size_t counts[2];
    ask_for("127.0.0.1:0", NULL);
    must_open(&before, 2, &none);
    must_open(&after, 3, &before);
    listeners_settle(&after); /* so far it may have come, where that is another master */
    listeners_regain(&before);
    count_connections(&before.items[0], counts);
    assert_true(counts[0] > 0 && counts[1] > 0);
    listeners_deinit(&after);
    count_connections(&before.items[0], counts);
    assert_true(counts[0] > 0 && counts[1] > 0);
    listeners_deinit(&before);
}

/* The sockets of those that go get no more, and stay: who was on the way to them gets there. */
static void test_fewer_workers(void **state) {
    (void)state;
    struct listeners before;
    struct listeners after;
    int clients[CONNECTIONS];
    size_t counts[4];
    ask_for("127.0.0.1:0", NULL);
    must_open(&before, 4, &none);
    for (int i = 0; i < CONNECTIONS; i++)
        clients[i] = connect_to(&before.items[0].address);
    must_open(&after, 2, &before);
    assert_int_equal(after.items[0].count, 4);
    listeners_settle(&after);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(listeners_alone(&before, i, &after), 0);
    listeners_deinit(&before);
    for (int i = 0; i < CONNECTIONS; i++) {
        (void)accept_one(&after.items[0]);
        (void)close(clients[i]);
    }
    count_connections(&after.items[0], counts);
    assert_int_equal(counts[2] + counts[3], 0);
    assert_true(counts[0] > 0 && counts[1] > 0);
    listeners_deinit(&after);
}

/* The same sockets serve again when there are more, and no more are opened than it takes. */
static void test_fewer_workers_and_more_again(void **state) {
    (void)state;
    static const size_t numbers[] = {3, 1, 2, 4};
    static const size_t sockets[] = {3, 3, 3, 4};
    struct listeners before = {0};
    ask_for("127.0.0.1:0", NULL);
    for (size_t i = 0; i < ROWS_COUNT(numbers); i++) {
        struct listeners after;
        size_t counts[4];
        must_open(&after, numbers[i], &before);
        assert_int_equal(after.items[0].count, sockets[i]);
        listeners_settle(&after);
        listeners_deinit(&before);
        count_connections(&after.items[0], counts);
        for (size_t j = 0; j < sockets[i]; j++)
            assert_int_equal(counts[j] > 0, j < numbers[i]); /* but by chance: 4 * (3/4)^48 */
        before = after;
    }
    listeners_deinit(&before);
}

static void test_other_addresses(void **state) {
    (void)state;
    struct listeners before;
    struct listeners after;
    ask_for("127.0.0.1:0", local_address());
    must_open(&before, 2, &none);
    ask_for("127.0.0.2:0", "127.0.0.1:0");
    must_open(&after, 2, &before);
    assert_true(after.items[0].is_new);
    assert_false(after.items[1].is_new);
    assert_true(address_equal(&after.items[1].address, &before.items[0].address));
    assert_int_equal(listeners_alone(&before, 0, &after), 2);
    assert_int_equal(listeners_alone(&after, 0, &before), 1);
    listeners_remove_files(&before, &after);
    assert_int_equal(access(tree_path(&tree, "socket"), F_OK), -1);
    listeners_deinit(&before);
    listeners_deinit(&after);
}

/* The new address covers the old one, which must stay until it is drained. */
static void test_an_address_that_covers_another(void **state) {
    (void)state;
    struct listeners before;
    struct listeners after;
    char text[32];
    ask_for("127.0.0.1:0", NULL);
    must_open(&before, 2, &none);
    (void)snprintf(text, sizeof text, "0.0.0.0:%u",
                   (unsigned)address_port(&before.items[0].address));
    ask_for(text, NULL);
    must_open(&after, 2, &before);
    assert_true(after.items[0].is_new);
    listeners_deinit(&before);
    size_t counts[2];
    count_connections(&after.items[0], counts);
    listeners_deinit(&after);
}

static void test_an_address_in_use(void **state) {
    (void)state;
    struct listeners other;
    struct listeners before;
    struct listeners after;
    struct err err = ERR_INIT;
    char text[32];
    ask_for("127.0.0.1:0", NULL);
    must_open(&other, 1, &none);
    must_open(&before, 2, &none);
    (void)snprintf(text, sizeof text, "127.0.0.1:%u",
                   (unsigned)address_port(&other.items[0].address));
    ask_for(local_address(), text);
    assert_int_equal(listeners_open(&after, &options, 2, &before, &err), -EADDRINUSE);
    note_assert_contains(err.text, text);
    assert_int_equal(after.count, 0);
    assert_int_equal(access(tree_path(&tree, "socket"), F_OK), -1); /* it was opened first */
    size_t counts[2];
    count_connections(&before.items[0], counts);
    listeners_deinit(&other);
    listeners_deinit(&before);
}

/* What could not be opened is not what is removed. */
static void test_a_local_address_in_use(void **state) {
    (void)state;
    struct listeners other;
    struct listeners after;
    struct err err = ERR_INIT;
    ask_for(local_address(), NULL);
    must_open(&other, 1, &none);
    assert_int_equal(listeners_open(&after, &options, 2, &none, &err), -EADDRINUSE);
    assert_int_equal(access(tree_path(&tree, "socket"), F_OK), 0);
    listeners_remove_files(&other, NULL);
    listeners_deinit(&other);
}

static void test_the_file_of_another_stays(void **state) {
    (void)state;
    struct listeners listeners;
    ask_for(local_address(), NULL);
    must_open(&listeners, 1, &none);
    assert_int_equal(rename(tree_path(&tree, "socket"), tree_path(&tree, "moved")), 0);
    tree_text(&tree, "socket", "another");
    listeners_remove_files(&listeners, NULL);
    assert_int_equal(access(tree_path(&tree, "socket"), F_OK), 0);
    listeners_deinit(&listeners);
}

static void test_hands_over(void **state) {
    (void)state;
    struct listeners listeners;
    struct listeners_socket sockets[2];
    ask_for("127.0.0.1:0", local_address());
    must_open(&listeners, 3, &none);
    ino_t second = inode_of(listeners.items[0].sockets[1]);
    ino_t local = inode_of(listeners.items[1].sockets[0]);
    assert_int_equal(listeners_count_of(&listeners, 1), 2);
    listeners_hand_over(&listeners, 1, sockets);
    assert_int_equal(process_count_fds(getpid()), fds_before + 2);
    assert_int_equal(inode_of(sockets[0].fd), second);
    assert_int_equal(inode_of(sockets[1].fd), local);
    assert_false(sockets[0].shared);
    assert_true(sockets[1].shared);
    (void)close(sockets[0].fd);
    (void)close(sockets[1].fd);
}

/* Where workers have become fewer, each socket has a worker all the same. */
static void test_hands_over_to_fewer(void **state) {
    (void)state;
    struct listeners before;
    struct listeners listeners;
    struct listeners_socket sockets[4];
    ino_t inodes[5];
    ask_for(local_address(), "127.0.0.1:0");
    must_open(&before, 5, &none);
    must_open(&listeners, 2, &before);
    for (size_t i = 0; i < 5; i++)
        inodes[i] = inode_of(before.items[1].sockets[i]);
    listeners_deinit(&before);
    assert_int_equal(listeners_count_of(&listeners, 1), 3);
    assert_int_equal(listeners_count_of(&listeners, 0), 4);
    listeners_remove_files(&listeners, NULL);
    listeners_hand_over(&listeners, 0, sockets);
    assert_int_equal(process_count_fds(getpid()), fds_before + 4);
    assert_int_equal(sockets[0].place, 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(sockets[1 + i].place, 1);
        assert_int_equal(inode_of(sockets[1 + i].fd), inodes[2 * i]);
    }
    for (size_t i = 0; i < 4; i++)
        (void)close(sockets[i].fd);
}

/* As it is for the binary of an upgrade: the descriptors stand in a row. */
static void test_is_described_and_adopted(void **state) {
    (void)state;
    enum { FIRST = 200 };
    struct listeners before;
    struct listeners adopted;
    struct listeners after;
    struct err err = ERR_INIT;
    int fds[KINDS_MAX];
    char kinds[KINDS_MAX];
    ask_for("127.0.0.1:0", local_address());
    must_open(&before, 3, &none);
    size_t count = listeners_count(&before);
    listeners_describe(&before, fds, kinds);
    assert_string_equal(kinds, "eees");
    for (size_t i = 0; i < count; i++)
        assert_int_equal(dup2(fds[i], FIRST + (int)i), FIRST + (int)i);
    assert_int_equal(listeners_adopt(&adopted, FIRST, count, kinds, &err), 0);
    assert_int_equal(adopted.count, 2);
    assert_int_equal(adopted.items[0].count, 3);
    must_open(&after, 3, &adopted);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(listeners_alone(&before, i, &after), 0);
    listeners_deinit(&adopted);
    listeners_deinit(&before);
    listeners_remove_files(&after, NULL); /* it has become its own */
    assert_int_equal(access(tree_path(&tree, "socket"), F_OK), -1);
    listeners_deinit(&after);
}

/* Its file stays, and each is for all workers. */
static void test_given_ones_are_not_its_own(void **state) {
    (void)state;
    struct listeners given;
    struct listeners listeners;
    struct err err = ERR_INIT;
    ask_for(local_address(), NULL);
    int fd = socket_listen_local(&options.listen.items[0], 0600, &err);
    assert_true(fd >= 0);
    assert_int_equal(listeners_adopt(&given, fd, 1, NULL, &err), 0);
    options.listen.count = 0;
    must_open(&listeners, 4, &given);
    assert_int_equal(listeners.count, 1);
    assert_int_equal(listeners.items[0].kind, BINDING_GIVEN);
    assert_int_equal(listeners.items[0].count, 1);
    listeners_deinit(&given);
    listeners_remove_files(&listeners, NULL);
    assert_int_equal(access(tree_path(&tree, "socket"), F_OK), 0);
    listeners_deinit(&listeners);
}

static void test_what_cannot_be_adopted(void **state) {
    (void)state;
    struct listeners listeners;
    struct err err = ERR_INIT;
    assert_int_equal(listeners_adopt(&listeners, 250, 1, NULL, &err), -EBADF);
    note_assert_contains(err.text, "descriptor 250");
    ask_for("127.0.0.1:0", NULL);
    must_open(&listeners, 1, &none);
    int copy = dup(listeners.items[0].sockets[0]);
    listeners_deinit(&listeners);
    assert_int_equal(listeners_adopt(&listeners, copy, 1, "x", &err), -EINVAL);
    note_assert_contains(err.text, "'x'");
    (void)close(copy);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_a_socket_for_each_worker),
        test(test_sockets_stay),
        test(test_more_workers),
        test(test_more_workers_in_vain),
        test(test_fewer_workers),
        test(test_fewer_workers_and_more_again),
        test(test_other_addresses),
        test(test_an_address_that_covers_another),
        test(test_an_address_in_use),
        test(test_a_local_address_in_use),
        test(test_the_file_of_another_stays),
        test(test_hands_over),
        test(test_hands_over_to_fewer),
        test(test_is_described_and_adopted),
        test(test_given_ones_are_not_its_own),
        test(test_what_cannot_be_adopted),
    };
    return cmocka_run_group_tests_name("listeners", tests, NULL, NULL);
}
