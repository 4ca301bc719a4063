#include "base/diag.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

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
    line[prefix_len + len] = '\n';
    /* There is nobody left to tell that stderr is gone. */
    ssize_t written = write(STDERR_FILENO, line, prefix_len + len + 1);
    (void)written;
    errno = saved_errno;
}
