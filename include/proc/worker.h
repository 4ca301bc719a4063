/* A worker: one process, one loop, and all connections that the kernel gives to its sockets. */
#pragma once

#include "conf/options.h"
#include "serve/tally.h"
#include "store/roots.h"

/* What a worker is made from; all of it is borrowed until worker_run() returns, but for the
 * sockets. */
struct worker_config {
    const struct options *options;
    const struct roots *roots;
    int sockets[OPTIONS_ADDRESSES_MAX]; /* that listen, one for each address; owned by the worker */
    size_t socket_count;
    struct tally *tally; /* what it counts in, shared with those who ask; NULL: nobody can ask */
    size_t slot;         /* the worker in the first one tells of mistakes in files that change */
    int log_fd;          /* what accesslog_open() returned; owned by the worker */
    int channel; /* to the master: a byte is written when connections are accepted; at its end,
                    there is no master */
};

/* What the master may write to the channel: bytes, some of which bring a descriptor. */
enum worker_message {
    WORKER_LOG = 'l', /* log here from now on: what accesslog_open() returned */
};

/* Serves until SIGTERM, and then until connections are drained; or until the master is gone.
 * Returns an exit status. */
int worker_run(const struct worker_config *config);
