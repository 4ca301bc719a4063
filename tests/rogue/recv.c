/* Stands before recv(2) in a server for test_walls: "TRY name argument" and a line end, instead of
 * a request, has the process try that, and answer with what errno then says, in a line. */
#include "rogue/attempts.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

ssize_t __real_recv(int fd, void *ptr, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *ptr, size_t len, int flags);

ssize_t __wrap_recv(int fd, void *ptr, size_t len, int flags) {
    char text[512];
    char name[64] = "";
    char argument[400] = "";
    ssize_t received = __real_recv(fd, ptr, len, flags);
    if (received < 4 || received >= (ssize_t)sizeof text || memcmp(ptr, "TRY ", 4) != 0)
        return received;
    memcpy(text, ptr, (size_t)received);
    text[received] = '\0';
    (void)sscanf(text, "TRY %63s %399s", name, argument);
    int answer_len = snprintf(text, sizeof text, "%d\n", attempt(name, argument));
    (void)send(fd, text, (size_t)answer_len, MSG_NOSIGNAL);
    return 0; /* as if the client had ended */
}
