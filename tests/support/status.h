/* What /proc/PID/status says of the processes of a server (proc_pid_status(5)). */
#pragma once

#include "support/server.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct status {
    const char *field; /* as "Seccomp" */
    const char *value; /* what stands behind it */
};

/* Whether there is such a process, and it says that. */
bool status_holds(pid_t pid, const struct status *wanted);

/* Fails the test unless there are so many processes beside the master, and each of them says all
 * that, or does within 15 s: some may not be that far when workers are. */
void status_expect(const struct server *server, size_t processes, const struct status *wanted,
                   size_t count);
