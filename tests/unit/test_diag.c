#include "base/diag.h"

#include "support/row.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 };

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

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_line),
        cmocka_unit_test(test_keeps_errno),
        cmocka_unit_test(test_cut_to_one_kib),
    };
    return cmocka_run_group_tests_name("diag", tests, NULL, NULL);
}
