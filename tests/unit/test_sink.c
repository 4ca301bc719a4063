#include "sys/sink.h"

#include "support/note.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"
#include "support/user.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITES_MAX = 256 };

/* What write() to a descriptor other than those of the test's output was given. */
static size_t writes[WRITES_MAX];
static size_t writes_count;
static size_t write_step;      /* bytes that each takes at most; 0: all */
static size_t write_successes; /* until there is an error */
static int write_error;        /* its errno; 0: none; EINTR: once */
static bool no_reopening;      /* open() of what is in /proc fails */

ssize_t __real_write(int fd, const void *ptr, size_t len);
ssize_t __wrap_write(int fd, const void *ptr, size_t len);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

ssize_t __wrap_write(int fd, const void *ptr, size_t len) {
    if (fd <= STDERR_FILENO)
        return __real_write(fd, ptr, len);
    if (write_error != 0 && write_successes-- == 0) {
        errno = write_error;
        write_successes = 0;
        if (write_error == EINTR)
            write_error = 0;
        return -1;
    }
    if (writes_count < WRITES_MAX)
        writes[writes_count++] = len;
    return __real_write(fd, ptr, write_step > 0 && write_step < len ? write_step : len);
}

int __wrap_open(const char *path, int flags, ...) {
    if (no_reopening && strncmp(path, "/proc/", 6) == 0) {
        errno = EACCES;
        return -1;
    }
    va_list arguments;
    va_start(arguments, flags);
    unsigned mode = (flags & O_CREAT) != 0 ? va_arg(arguments, unsigned) : 0;
    va_end(arguments);
    return __real_open(path, flags, mode);
}

static struct tree tree;
static size_t fds_before;
static struct sink sink;
static int kept_stdout = -1;

static int setup(void **state) {
    (void)state;
    writes_count = 0;
    write_step = 0;
    write_successes = 0;
    write_error = 0;
    no_reopening = false;
    (void)signal(SIGPIPE, SIG_IGN);
    fds_before = process_count_fds(getpid());
    sink = (struct sink)SINK_INIT;
    tree_make(&tree);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sink_deinit(&sink);
    sink_deinit(&sink);
    tree_remove(&tree);
    assert_int_equal(process_count_fds(getpid()), fds_before);
    return 0;
}

static void open_file(const char *name) {
    int fd = sink_open_file(tree_path(&tree, name));
    row_assert(name, fd >= 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    sink = sink_of_fd(fd);
}

static void must_write(const char *text) {
    size_t written = 0;
    assert_int_equal(sink_write(&sink, slice_of_text(text), &written), 0);
    assert_int_equal(written, strlen(text));
}

/* What the file in the tree holds. */
static char *read_file(const char *name) {
    int fd = open(tree_path(&tree, name), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    char *text = process_text(fd);
    (void)close(fd);
    return text;
}

/* Files */

static void test_a_file_is_made_and_appended_to(void **state) {
    (void)state;
    struct stat stat;
    mode_t mask = umask(0);
    open_file("log");
    (void)umask(mask);
    assert_int_equal(sink.kind, SINK_FILE);
    assert_int_equal(fstat(sink.fd, &stat), 0);
    assert_int_equal(stat.st_mode & 07777, 0640);
    must_write("one\n");
    tree_text(&tree, "log", ""); /* copied and truncated by others */
    must_write("two\n");
    sink_deinit(&sink);
    open_file("log");
    must_write("three\n");
    char *text = read_file("log");
    assert_string_equal(text, "two\nthree\n");
    free(text);
}

static void test_what_cannot_be_opened(void **state) {
    (void)state;
    tree_directory(&tree, "directory");
    tree_text(&tree, "others", "");
    tree_mode(&tree, "others", 0444);
    assert_int_equal(sink_open_file(tree_path(&tree, "absent/log")), -ENOENT);
    assert_int_equal(sink_open_file(tree_path(&tree, "directory")), -EISDIR);
    if (!user_become_ordinary())
        return;
    int result = sink_open_file(tree_path(&tree, "others"));
    user_return();
    assert_int_equal(result, -EACCES);
}

static void test_a_file_that_is_full(void **state) {
    (void)state;
    size_t written;
    sink = sink_of_fd(sink_open_file("/dev/full"));
    assert_int_equal(sink_write(&sink, SLICE("line\n"), &written), -ENOSPC);
    assert_int_equal(written, 0);
}

/* As where the disk becomes full in the middle. */
static void test_what_was_written_is_told(void **state) {
    (void)state;
    size_t written;
    open_file("log");
    write_step = 3;
    write_error = ENOSPC;
    write_successes = 2;
    assert_int_equal(sink_write(&sink, SLICE("line one\nline two\n"), &written), -ENOSPC);
    assert_int_equal(written, 6);
    write_error = 0;
    assert_int_equal(sink_write(&sink, slice_after(SLICE("line one\nline two\n"), 6), &written), 0);
    assert_int_equal(written, 12);
    char *text = read_file("log");
    assert_string_equal(text, "line one\nline two\n");
    free(text);
}

static void test_interrupted(void **state) {
    (void)state;
    open_file("log");
    write_error = EINTR;
    must_write("line\n");
    char *text = read_file("log");
    assert_string_equal(text, "line\n");
    free(text);
}

/* Readers that do not read */

/* Writes lines until no more are taken; returns how many bytes were. */
static size_t fill(void) {
    static char lines[1000 * 100];
    size_t total = 0;
    size_t written;
    int result = 0;
    for (size_t i = 0; i < sizeof lines; i += 100) {
        memset(lines + i, 'a' + (int)(i / 100 % 26), 99);
        lines[i + 99] = '\n';
    }
    for (int i = 0; i < 100 && result == 0; i++) {
        result = sink_write(&sink, slice_of(lines, sizeof lines), &written);
        total += written;
    }
    assert_int_equal(result, -EAGAIN);
    return total;
}

/* Reads what there is, and fails where it does not consist of whole lines of fill(). */
static size_t drain(int fd) {
    char line[100];
    size_t total = 0;
    ssize_t len;
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    while ((len = read(fd, line, sizeof line)) == sizeof line && line[99] == '\n') {
        for (int i = 1; i < 99; i++)
            assert_int_equal(line[i], line[0]);
        total += sizeof line;
    }
    return total;
}

static void test_a_fifo_without_a_reader(void **state) {
    (void)state;
    assert_int_equal(mkfifo(tree_path(&tree, "fifo"), 0600), 0);
    open_file("fifo");
    assert_int_equal(sink.kind, SINK_STREAM);
    assert_false(sink.may_wait);
    size_t filled = fill();
    assert_true(filled >= PIPE_BUF);
    for (size_t i = 0; i < writes_count; i++) {
        row_assert(row_at("write", i), writes[i] <= PIPE_BUF);
        row_assert(row_at("write", i), writes[i] == 2 || writes[i] % 100 == 0);
    }
    int reader = open(tree_path(&tree, "fifo"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(drain(reader), filled);
    must_write("x\n");
    (void)close(reader);
}

/* The standard output of this process while sink_open_stdout() looks at it. */
static void stand_for_stdout(int fd) {
    (void)fflush(stdout);
    kept_stdout = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
    (void)dup2(fd, STDOUT_FILENO);
    int opened = sink_open_stdout();
    (void)dup2(kept_stdout, STDOUT_FILENO);
    (void)close(kept_stdout);
    assert_true(opened > STDERR_FILENO);
    assert_true((fcntl(opened, F_GETFD) & FD_CLOEXEC) != 0);
    sink = sink_of_fd(opened);
}

static void test_a_pipe_as_stdout(void **state) {
    (void)state;
    int fds[2];
    size_t written;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    stand_for_stdout(fds[1]);
    assert_int_equal(sink.kind, SINK_STREAM);
    assert_false(sink.may_wait);
    assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0); /* others wait, as before */
    size_t filled = fill();
    assert_int_equal(drain(fds[0]), filled);
    must_write("x\n");
    (void)close(fds[0]);
    assert_int_equal(sink_write(&sink, SLICE("x\n"), &written), -EPIPE);
    (void)close(fds[1]);
}

/* As where it belongs to another user. */
static void test_a_pipe_that_cannot_be_opened_anew(void **state) {
    (void)state;
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    no_reopening = true;
    stand_for_stdout(fds[1]);
    assert_true(sink.may_wait);
    size_t filled = fill();
    assert_int_equal(drain(fds[0]), filled);
    must_write("x\n");
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void test_a_socket_as_stdout(void **state) {
    (void)state;
    int fds[2];
    size_t written;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    stand_for_stdout(fds[1]);
    assert_int_equal(sink.kind, SINK_SOCKET);
    assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
    size_t filled = fill();
    assert_int_equal(drain(fds[0]), filled);
    must_write("x\n");
    (void)close(fds[0]);
    assert_int_equal(sink_write(&sink, SLICE("x\n"), &written), -EPIPE);
    (void)close(fds[1]);
}

/* Behind what others have written to it. */
static void test_a_file_as_stdout(void **state) {
    (void)state;
    tree_text(&tree, "out", "");
    int fd = open(tree_path(&tree, "out"), O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "before\n", 7), 7);
    stand_for_stdout(fd);
    assert_int_equal(sink.kind, SINK_FILE);
    must_write("line\n");
    assert_int_equal(write(fd, "after\n", 6), 6);
    char *text = read_file("out");
    assert_string_equal(text, "before\nline\nafter\n");
    free(text);
    (void)close(fd);
}

static void test_a_terminal_as_stdout(void **state) {
    (void)state;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0) {
        note_cannot_test("terminals, of which this machine gives out none");
        return;
    }
    int fd = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(fd >= 0);
    stand_for_stdout(fd);
    assert_int_equal(sink.kind, SINK_TERMINAL);
    assert_false(sink.may_wait);
    must_write("line\n");
    char text[8];
    assert_int_equal(read(master, text, sizeof text), 6);
    assert_memory_equal(text, "line\r\n", 6);
    size_t written;
    int result = 0;
    for (int i = 0; i < 100000 && result == 0; i++)
        result = sink_write(&sink, SLICE("a line that nobody reads\n"), &written);
    assert_int_equal(result, -EAGAIN);
    (void)close(fd);
    (void)close(master);
}

/* Datagrams */

static int receiver_fd;

static void open_receiver(void) {
    struct address address;
    struct err err = ERR_INIT;
    socklen_t len = sizeof address.socket;
    assert_int_equal(address_parse("127.0.0.1:0", &address, &err), 0);
    receiver_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(receiver_fd, &address.socket.any, address_len(&address)), 0);
    assert_int_equal(getsockname(receiver_fd, &address.socket.any, &len), 0);
    int fd = sink_open_datagrams(&address);
    assert_true(fd >= 0);
    sink = sink_of_fd(fd);
    assert_int_equal(sink.kind, SINK_DATAGRAM);
}

static void test_each_line_is_a_datagram(void **state) {
    (void)state;
    enum { COUNT = 100 };
    char lines[COUNT * 8];
    char text[16];
    size_t len = 0;
    open_receiver();
    for (int i = 0; i < COUNT; i++)
        len += (size_t)snprintf(lines + len, sizeof lines - len, "line%d\n", i);
    must_write(lines);
    for (int i = 0; i < COUNT; i++) {
        ssize_t count = recv(receiver_fd, text, sizeof text, 0);
        row_assert(row_at("line", (size_t)i), count > 0);
        char expected[16];
        (void)snprintf(expected, sizeof expected, "line%d", i);
        row_assert_slice(row_at("line", (size_t)i), slice_of(text, (size_t)count),
                         slice_of_text(expected));
    }
    assert_int_equal(recv(receiver_fd, text, sizeof text, 0), -1);
    (void)close(receiver_fd);
}

/* What the kernel reports of one datagram does not keep the next ones from being sent. */
static void test_a_receiver_that_is_gone(void **state) {
    (void)state;
    open_receiver();
    (void)close(receiver_fd);
    for (int i = 0; i < 10; i++)
        must_write("one\ntwo\nthree\n");
}

static void test_a_receiver_that_cannot_be_reached(void **state) {
    (void)state;
    struct address address;
    struct err err = ERR_INIT;
    assert_int_equal(address_parse("255.255.255.255:514", &address, &err), 0);
    assert_int_equal(sink_open_datagrams(&address), -EACCES);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_a_file_is_made_and_appended_to),
        test(test_what_cannot_be_opened),
        test(test_a_file_that_is_full),
        test(test_what_was_written_is_told),
        test(test_interrupted),
        test(test_a_fifo_without_a_reader),
        test(test_a_pipe_as_stdout),
        test(test_a_pipe_that_cannot_be_opened_anew),
        test(test_a_socket_as_stdout),
        test(test_a_file_as_stdout),
        test(test_a_terminal_as_stdout),
        test(test_each_line_is_a_datagram),
        test(test_a_receiver_that_is_gone),
        test(test_a_receiver_that_cannot_be_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
