/* Connections of which it is known which worker has them. The kernel deals them out, so they are
 * opened until each worker has enough. */
#pragma once

#include "support/client.h"
#include "support/server.h"

#include <stddef.h>
#include <stdint.h>

enum { CROWD_MAX = 64, CROWD_WORKERS_MAX = 4 };

struct crowd {
    struct client clients[CROWD_MAX];
    size_t worker[CROWD_MAX]; /* of the client with the same number */
    size_t count;
    size_t workers;
};

/* Opens at least `each` connections to each worker, and asks for "/" on each. The server must have
 * nothing else to do. */
void crowd_open(struct crowd *crowd, const struct server *server, size_t each);

/* One of those that the worker has; which is up to `random`. */
struct client *crowd_pick(struct crowd *crowd, size_t worker, uint64_t random);

void crowd_close(struct crowd *crowd);
