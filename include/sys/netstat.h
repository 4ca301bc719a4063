/* What the kernel counts of all TCP sockets of this network namespace (/proc/net/netstat, proc(5)).
 */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct netstat {
    uint64_t listen_overflows; /* connections dropped because an accept queue was full */
    uint64_t listen_drops;     /* dropped at sockets that listen, for that reason or another */
};

/* Finds a number of the group "TcpExt" by its name in the text of the file, where a line of names
 * stands before a line of numbers. Returns false where it is not there. */
bool netstat_find(struct slice text, struct slice name, uint64_t *value);

/* Reads the numbers. Returns 0 or -errno: -ENODATA where the file has not all of them. */
int netstat_read(struct netstat *netstat);
