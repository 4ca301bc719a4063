#include "base/diag.h"

#include "base/ascii.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Names come from outside, and must not forge a line or steer a terminal. */
static void make_printable(char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (ascii_is_control(text[i]))
            text[i] = '?';
    }
}

/* poll(2) promises room for PIPE_BUF bytes in a pipe, which another process may take before they
 * are written. A kernel that cannot be asked not to wait then (RWF_NOWAIT, pwritev2(2)) says so;
 * and of other files than pipes, it is not asked. */
static ssize_t write_now(const char *line, size_t len) {
    struct iovec part = {.iov_base = (void *)(uintptr_t)line, .iov_len = len};
    struct stat stat;
    if (fstat(STDERR_FILENO, &stat) == 0 && S_ISFIFO(stat.st_mode)) {
        ssize_t written = pwritev2(STDERR_FILENO, &part, 1, -1, RWF_NOWAIT);
        if (written >= 0 || errno != EOPNOTSUPP)
            return written;
    }
    return write(STDERR_FILENO, line, len);
}

/* A line is lost where it would have to wait: serving, and stopping, does not depend on who reads
 * the messages. There is nobody to tell. */
static void send_line(const char *line, size_t len) {
    struct pollfd stderr_poll = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&stderr_poll, 1, 0) == 1)
        (void)!write_now(line, len);
}

void diag_message(const char *format, ...) {
    char line[1024] = "pronto: ";
    const size_t prefix_len = sizeof "pronto: " - 1;
    const size_t room = sizeof line - prefix_len - 1; /* one byte stays for the line end */
    int saved_errno = errno;
    va_list arguments;

    va_start(arguments, format);
    int printed = vsnprintf(line + prefix_len, room, format, arguments);
    va_end(arguments);
    size_t len = printed < 0 ? 0 : (size_t)printed < room ? (size_t)printed : room - 1;
    make_printable(line + prefix_len, len);
    line[prefix_len + len] = '\n';
    send_line(line, prefix_len + len + 1);
    errno = saved_errno;
}
