/* Stands before recv(2) and recvmsg(2) in a server for test_walls: "TRY name argument" and a line
 * end, instead of a request or a packet, has the process try that, and answer with what errno then
 * says, in a line. */
#include "rogue/attempts.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { TEXT_MAX = 512 };

ssize_t __real_recv(int fd, void *ptr, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *ptr, size_t len, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);

/* Returns the length of the answer; 0: it was no such line. */
static size_t try_line(const void *line, ssize_t len, char answer[TEXT_MAX]) {
    char name[64] = "";
    char argument[400] = "";
    if (len < 4 || len >= TEXT_MAX || memcmp(line, "TRY ", 4) != 0)
        return 0;
    memcpy(answer, line, (size_t)len);
    answer[len] = '\0';
    (void)sscanf(answer, "TRY %63s %399s", name, argument);
    return (size_t)snprintf(answer, TEXT_MAX, "%d\n", attempt(name, argument));
}

ssize_t __wrap_recv(int fd, void *ptr, size_t len, int flags) {
    char answer[TEXT_MAX];
    ssize_t received = __real_recv(fd, ptr, len, flags);
    size_t answer_len = try_line(ptr, received, answer);
    if (answer_len == 0)
        return received;
    (void)send(fd, answer, answer_len, MSG_NOSIGNAL);
    return 0; /* as if the client had ended */
}

/* What was tried is then no packet of multicast DNS. */
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags) {
    char answer[TEXT_MAX];
    ssize_t received = __real_recvmsg(fd, message, flags);
    if (received <= 0 || message->msg_name == NULL)
        return received;
    size_t answer_len = try_line(message->msg_iov[0].iov_base, received, answer);
    if (answer_len > 0)
        (void)sendto(fd, answer, answer_len, MSG_NOSIGNAL, message->msg_name, message->msg_namelen);
    return received;
}
