/* A worker: one process, one loop, and all connections that the kernel gives to its sockets. */
#pragma once

#include "conf/options.h"
#include "serve/tally.h"
#include "store/roots.h"
#include "sys/sandbox.h"

#include <stdint.h>

/* What a worker is made from; all of it is borrowed until worker_run() returns, but for the
 * sockets. */
struct worker_config {
    const struct options *options;
    const struct roots *roots;
    const struct sandbox *sandbox;
    int sockets[OPTIONS_ADDRESSES_MAX]; /* that listen, one for each address; owned by the worker */
    size_t socket_count;
    struct tally *tally; /* what it counts in, shared with those who ask; NULL: nobody can ask */
    uint32_t shared;     /* those sockets that other workers accept from, too: a bit for each */
    size_t slot;         /* the worker in the first one tells of mistakes in files that change */
    int log_fd;          /* what accesslog_open() returned; owned by the worker */
    int channel; /* to the master (sys/channel): it says an enum worker_order, and the worker an
                    enum worker_word; at its end, there is no master. Non-blocking */
};

/* What a worker tells its master, in a byte. */
enum worker_word {
    WORKER_READY = 'r',   /* it accepts connections */
    WORKER_RETIRED = 'x', /* it drains, and accepts no more */
};

/* What the master tells a worker, in a byte. The places of sockets come before WORKER_RETIRE:
 * nobody takes these over, so from them it goes on accepting for a moment, for those who are on
 * their way. */
enum worker_order {
    WORKER_ALONE = 0,    /* to OPTIONS_ADDRESSES_MAX - 1: the place of a socket */
    WORKER_LOG = 'l',    /* with a descriptor: log here from now on; accesslog_open() returned it */
    WORKER_RETIRE = 't', /* another generation takes its place: it drains as after SIGTERM, but
                            stops accepting at once */
};

/* Serves until SIGTERM, or an order, and then until connections are drained; or until the master is
 * gone. Returns an exit status. */
int worker_run(const struct worker_config *config);
