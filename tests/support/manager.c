#include "support/manager.h"

#include "support/note.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TIMEOUT_MS = 20000 };

void manager_open(struct manager *manager, const char *path, int watchdog_ms) {
    const int on = 1;
    char text[32];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *manager = (struct manager)MANAGER_INIT;
    assert_in_range(strlen(path), 1, sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path));
    manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (manager->fd < 0 || bind(manager->fd, (const struct sockaddr *)&address, sizeof address) < 0)
        fail_msg("%s: %s", path, strerror(errno));
    assert_int_equal(setsockopt(manager->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
    (void)snprintf(text, sizeof text, "%d000", watchdog_ms);
    if (watchdog_ms > 0)
        assert_int_equal(setenv("WATCHDOG_USEC", text, 1), 0);
}

void manager_forget(void) {
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
}

void manager_close(struct manager *manager) {
    manager_forget();
    if (manager->fd >= 0)
        (void)close(manager->fd);
    manager->fd = -1;
}

/* The next message, and who sent it (unix(7), SCM_CREDENTIALS). */
static void receive(struct manager *manager, const char *line) {
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct pollfd poll_fd = {.fd = manager->fd, .events = POLLIN};
    struct iovec part = {manager->message, sizeof manager->message - 1};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof control};
    if (poll(&poll_fd, 1, TIMEOUT_MS) <= 0)
        fail_msg("the manager is not told \"%s\"; the last message: %s", line, manager->message);
    ssize_t len = recvmsg(manager->fd, &header, 0);
    assert_true(len >= 0);
    manager->message[len] = '\0';
    const struct cmsghdr *first = CMSG_FIRSTHDR(&header);
    assert_non_null(first);
    assert_int_equal(first->cmsg_type, SCM_CREDENTIALS);
    struct ucred sender;
    memcpy(&sender, CMSG_DATA(first), sizeof sender);
    manager->sender = sender.pid;
}

/* Where a line of the message begins so; NULL: none does. */
static const char *find_line(const char *message, const char *line) {
    size_t len = strlen(line);
    for (const char *at = message; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        bool is_whole = line[len - 1] == '=' || at[len] == '\n' || at[len] == '\0';
        if (strncmp(at, line, len) == 0 && is_whole)
            return at + len;
    }
    return NULL;
}

const char *manager_await(struct manager *manager, const char *line, const char * not ) {
    for (;;) {
        receive(manager, line);
        const char *found = find_line(manager->message, line);
        if (found != NULL)
            return found;
        if (not != NULL && find_line(manager->message, not ) != NULL)
            fail_msg("the manager is told \"%s\" before \"%s\"", not, line);
    }
}
