/* None of this waits, but how it does not differs:
 *
 * - A file that is opened by its name, a socket, and a pipe or a terminal that can be opened anew
 *   (/proc/self/fd, proc(5)) have an open file description of their own, which is non-blocking.
 * - The standard output's own must stay as it is: others have it, too, and do not expect EAGAIN. A
 *   file is always written to. A socket takes MSG_DONTWAIT. What is left is a pipe or a terminal
 *   of another user, for which poll(2) is asked first: a pipe that is said to be writable has room
 *   for PIPE_BUF bytes, of which another process may take some in between, and then it does wait.
 */
#include "sys/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOG_MODE = 0640, DATAGRAMS_PER_CALL = 64 };

/* Opening */

static int open_or_errno(const char *path, int flags) {
    int fd = open(path, flags | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, LOG_MODE);
    return fd < 0 ? -errno : fd;
}

int sink_open_file(const char *path) {
    int fd = open_or_errno(path, O_WRONLY | O_CREAT);
    /* fifo(7): a FIFO without a reader is opened for both; then it has one. */
    return fd == -ENXIO ? open_or_errno(path, O_RDWR) : fd;
}

/* Whether the standard output is better opened anew. */
static bool may_make_wait(int fd) {
    struct stat stat;
    return fstat(fd, &stat) == 0 && (S_ISFIFO(stat.st_mode) || S_ISCHR(stat.st_mode));
}

int sink_open_stdout(void) {
    int fd = -1;
    if (may_make_wait(STDOUT_FILENO))
        fd = open_or_errno("/proc/self/fd/1", O_WRONLY);
    if (fd < 0)
        fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return fd < 0 ? -errno : fd;
}

int sink_open_datagrams(const struct address *receiver) {
    int family = receiver->socket.any.sa_family;
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, &receiver->socket.any, address_len(receiver)) < 0) {
        int errnum = errno;
        (void)close(fd);
        return -errnum;
    }
    return fd;
}

static enum sink_kind kind_of_socket(int fd) {
    int type = 0;
    socklen_t len = sizeof type;
    (void)getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
    return type == SOCK_DGRAM ? SINK_DATAGRAM : SINK_SOCKET;
}

struct sink sink_of_fd(int fd) {
    struct sink sink = {.fd = fd, .kind = SINK_STREAM};
    struct stat stat;
    sink.may_wait = (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
    if (fstat(fd, &stat) < 0)
        return sink;
    if (S_ISREG(stat.st_mode))
        sink.kind = SINK_FILE;
    else if (S_ISSOCK(stat.st_mode))
        sink.kind = kind_of_socket(fd);
    else if (isatty(fd))
        sink.kind = SINK_TERMINAL;
    return sink;
}

/* Writing */

/* Returns bytes, or -errno. */
static ssize_t write_file(int fd, struct slice bytes) {
    ssize_t len;
    do
        len = write(fd, bytes.ptr, bytes.len);
    while (len < 0 && errno == EINTR);
    return len < 0 ? -errno : len;
}

static ssize_t write_stream(const struct sink *sink, struct slice bytes) {
    struct pollfd room = {.fd = sink->fd, .events = POLLOUT};
    if (sink->may_wait && poll(&room, 1, 0) != 1)
        return -EAGAIN;
    return write_file(sink->fd, bytes);
}

static ssize_t write_socket(int fd, struct slice bytes) {
    ssize_t len = send(fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    return len < 0 ? -errno : len;
}

/* As many whole lines as are taken as a whole; a longer one is cut, and may mix with others. */
static struct slice take_lines(struct slice lines) {
    size_t len = lines.len < SINK_STREAM_LINE_MAX ? lines.len : SINK_STREAM_LINE_MAX;
    const char *last = memrchr(lines.ptr, '\n', len);
    return slice_of(lines.ptr, last != NULL ? (size_t)(last - lines.ptr) + 1 : len);
}

/* The first `count` lines, with their ends. */
static ssize_t len_of_lines(struct slice lines, int count) {
    struct slice rest = lines;
    struct slice line;
    for (int i = 0; i < count; i++)
        (void)slice_cut(&rest, '\n', &line);
    return (ssize_t)(lines.len - rest.len);
}

/* Sends the first lines as a message each. Returns how many bytes of `lines` are sent, or -errno.
 */
static ssize_t send_datagrams(int fd, struct slice lines) {
    struct mmsghdr messages[DATAGRAMS_PER_CALL];
    struct iovec parts[DATAGRAMS_PER_CALL];
    struct slice rest = lines;
    struct slice line;
    unsigned count = 0;
    memset(messages, 0, sizeof messages);
    while (count < DATAGRAMS_PER_CALL && rest.len > 0 && slice_cut(&rest, '\n', &line)) {
        parts[count] = (struct iovec){.iov_base = (void *)(uintptr_t)line.ptr, .iov_len = line.len};
        messages[count].msg_hdr.msg_iov = &parts[count];
        messages[count].msg_hdr.msg_iovlen = 1;
        count++;
    }
    int sent = sendmmsg(fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? -errno : len_of_lines(lines, sent);
}

static ssize_t write_some(const struct sink *sink, struct slice lines) {
    switch (sink->kind) {
    case SINK_FILE:
        return write_file(sink->fd, lines);
    case SINK_STREAM:
    case SINK_TERMINAL:
        return write_stream(sink, take_lines(lines));
    case SINK_SOCKET:
        return write_socket(sink->fd, take_lines(lines));
    case SINK_DATAGRAM:
        break;
    }
    return send_datagrams(sink->fd, lines);
}

int sink_write(const struct sink *sink, struct slice lines, size_t *written) {
    bool refused = false; /* of which one of the messages before was told, not this one (udp(7)) */
    *written = 0;
    while (*written < lines.len) {
        ssize_t len = write_some(sink, slice_after(lines, *written));
        if (len == -ECONNREFUSED && sink->kind == SINK_DATAGRAM && !refused) {
            refused = true;
        } else if (len <= 0) {
            return len == 0 ? -EIO : (int)len;
        } else {
            *written += (size_t)len;
            refused = false;
        }
    }
    return 0;
}

void sink_deinit(struct sink *sink) {
    if (sink->fd >= 0)
        (void)close(sink->fd);
    sink->fd = -1;
}
