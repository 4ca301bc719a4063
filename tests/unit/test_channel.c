#include "sys/channel.h"

#include "support/process.h"
#include "support/row.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static int ends[2];
static size_t fds_before;

static int setup(void **state) {
    (void)state;
    fds_before = process_count_fds(getpid());
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
}

static int teardown(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        if (ends[i] >= 0)
            (void)close(ends[i]);
    }
    assert_int_equal(process_count_fds(getpid()), fds_before);
    return 0;
}

static void hang_up(void) {
    (void)close(ends[0]);
    ends[0] = -1;
}

/* Fails unless the next byte is `expected`; returns what came with it. */
static int must_receive(char expected) {
    char byte = 0;
    int passed = -2;
    assert_int_equal(channel_receive(ends[1], &byte, &passed), CHANNEL_BYTE);
    assert_int_equal(byte, expected);
    return passed;
}

static void test_bytes_come_one_by_one(void **state) {
    (void)state;
    char byte;
    int passed;
    assert_int_equal(channel_receive(ends[1], &byte, &passed), CHANNEL_EMPTY);
    assert_int_equal(channel_send(ends[0], 'a', -1), 0);
    assert_int_equal(channel_send(ends[0], 'b', -1), 0);
    assert_int_equal(must_receive('a'), -1);
    assert_int_equal(must_receive('b'), -1);
    assert_int_equal(channel_receive(ends[1], &byte, &passed), CHANNEL_EMPTY);
    assert_int_equal(passed, -1);
}

static void test_a_descriptor_comes_with_its_byte(void **state) {
    (void)state;
    int fds[2];
    char text[5];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(channel_send(ends[0], 'a', -1), 0);
    assert_int_equal(channel_send(ends[0], 'b', fds[1]), 0);
    assert_int_equal(channel_send(ends[0], 'c', -1), 0);
    (void)close(fds[1]);
    assert_int_equal(must_receive('a'), -1);
    int passed = must_receive('b');
    assert_true(passed >= 0);
    assert_int_equal(must_receive('c'), -1);
    assert_true((fcntl(passed, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(write(passed, "hello", sizeof text), sizeof text);
    assert_int_equal(read(fds[0], text, sizeof text), sizeof text);
    assert_memory_equal(text, "hello", sizeof text);
    (void)close(passed);
    (void)close(fds[0]);
}

static void test_the_end(void **state) {
    (void)state;
    char byte;
    int passed;
    assert_int_equal(channel_send(ends[0], 'a', -1), 0);
    hang_up();
    assert_int_equal(must_receive('a'), -1);
    assert_int_equal(channel_receive(ends[1], &byte, &passed), CHANNEL_END);
    assert_int_equal(passed, -1);
}

static void test_a_reader_that_is_gone_or_slow(void **state) {
    (void)state;
    int result = 0;
    for (int i = 0; i < 1000000 && result == 0; i++)
        result = channel_send(ends[1], 'a', -1);
    assert_int_equal(result, -EAGAIN);
    hang_up();
    assert_int_equal(channel_send(ends[1], 'a', -1), -EPIPE);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_bytes_come_one_by_one),
        test(test_a_descriptor_comes_with_its_byte),
        test(test_the_end),
        test(test_a_reader_that_is_gone_or_slow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
