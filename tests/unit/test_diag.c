#include "base/diag.h"

#include "support/note.h"
#include "support/row.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 };

static bool promises; /* poll(2) promises room, which another process then takes */

int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms) {
    return promises ? 1 : __real_poll(fds, count, timeout_ms);
}

static int stderr_fd = -1;
static int pipe_fds[2] = {-1, -1};

/* Turns stderr into a pipe. Nothing may fail before it is turned back, for cmocka says so there. */
static void divert_stderr(void) {
    assert_int_equal(pipe(pipe_fds), 0);
    stderr_fd = dup(STDERR_FILENO);
    assert_true(stderr_fd >= 0);
    assert_true(dup2(pipe_fds[1], STDERR_FILENO) >= 0);
    close(pipe_fds[1]);
}

/* What has been written since, in one read and so in one write. */
static struct slice restore_stderr(char *text, size_t size) {
    (void)dup2(stderr_fd, STDERR_FILENO);
    close(stderr_fd);
    ssize_t len = read(pipe_fds[0], text, size);
    close(pipe_fds[0]);
    assert_true(len >= 0);
    return slice_of(text, (size_t)len);
}

static void test_one_line(void **state) {
    (void)state;
    char text[2 * LINE_MAX_BYTES];
    divert_stderr();
    diag_message("%s: %d", "/srv", 42);
    row_assert_slice("line", restore_stderr(text, sizeof text), SLICE("pronto: /srv: 42\n"));
}

static void test_keeps_errno(void **state) {
    (void)state;
    int saved_stderr = dup(STDERR_FILENO);
    assert_true(saved_stderr >= 0);
    close(STDERR_FILENO);
    errno = ENOENT;
    diag_message("to nobody"); /* write(2) fails with EBADF */
    int after = errno;
    (void)dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    assert_int_equal(after, ENOENT);
}

/* Around the length at which a line is cut: it still ends, and is never longer. */
static void test_cut_to_one_kib(void **state) {
    (void)state;
    for (size_t len = LINE_MAX_BYTES - 20; len < LINE_MAX_BYTES + 20; len++) {
        char message[LINE_MAX_BYTES + 32];
        char text[2 * LINE_MAX_BYTES];
        memset(message, 'a', len);
        message[len] = '\0';
        divert_stderr();
        diag_message("%s", message);
        struct slice line = restore_stderr(text, sizeof text);
        size_t whole = sizeof "pronto: \n" - 1 + len;
        row_assert(row_at("length", len), line.len <= LINE_MAX_BYTES);
        row_assert(row_at("length", len), line.len == whole || line.len + 2 >= LINE_MAX_BYTES);
        row_assert_number(row_at("length", len), slice_find(line, '\n'), line.len - 1);
        row_assert_number(row_at("length", len), slice_find(line, '\0'), line.len);
    }
}

/* As much as it takes, without waiting. */
static bool fill(int fd) {
    char bytes[4096] = "";
    struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};
    while (pwritev2(fd, &part, 1, -1, RWF_NOWAIT) > 0)
        continue;
    return errno == EAGAIN;
}

/* A pipe that nobody reads holds nobody up, even if it becomes full at the last moment. */
static void test_a_full_pipe_costs_the_line(void **state) {
    (void)state;
    char text[4096];
    divert_stderr();
    bool filled = fill(STDERR_FILENO);
    if (filled) {
        (void)alarm(10);
        diag_message("not promised");
        promises = true;
        diag_message("promised");
        promises = false;
        (void)alarm(0);
    }
    struct slice first = restore_stderr(text, sizeof text);
    if (filled)
        assert_int_equal(first.len, sizeof text);
    else
        note_cannot_test("a full pipe: the kernel knows no RWF_NOWAIT for pipes");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_line),
        cmocka_unit_test(test_keeps_errno),
        cmocka_unit_test(test_cut_to_one_kib),
        cmocka_unit_test(test_a_full_pipe_costs_the_line),
    };
    return cmocka_run_group_tests_name("diag", tests, NULL, NULL);
}
