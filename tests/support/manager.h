/* A service manager: what a server tells it through NOTIFY_SOCKET (sd_notify(3)). */
#pragma once

#include <stddef.h>
#include <sys/types.h>

enum { MANAGER_MESSAGE_MAX = 1024 };

struct manager {
    int fd;
    char message[MANAGER_MESSAGE_MAX]; /* the last one */
    pid_t sender;                      /* of it */
};

#define MANAGER_INIT \
    { -1, "", 0 }

/* Listens at `path`, and tells the programs that the test starts from now on. With `watchdog_ms`
 * (0: none), they are to say every so often that they are alive. */
void manager_open(struct manager *manager, const char *path, int watchdog_ms);

/* Tells programs nothing any more. */
void manager_forget(void);

void manager_close(struct manager *manager);

/* Waits for the next message with that line, "READY=1" say, or, where the line ends in '=', with
 * any value. Messages without it are passed over, but for one that has `not` (NULL: none), which
 * fails the test, as does silence. Returns what follows the line's name. */
const char *manager_await(struct manager *manager, const char *line, const char * not );
