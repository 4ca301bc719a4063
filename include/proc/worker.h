/* A worker: one process, one loop, and all connections that the kernel gives to its sockets. */
#pragma once

#include "conf/options.h"
#include "store/roots.h"

#include <stdint.h>

/* What a worker is made from; all of it is borrowed until worker_run() returns, but for the
 * sockets. */
struct worker_config {
    const struct options *options;
    const struct roots *roots;
    int sockets[OPTIONS_ADDRESSES_MAX]; /* that listen, one for each address; owned by the worker */
    size_t socket_count;
    uint32_t shared; /* those that other workers accept from, too: a bit for each */
    size_t slot;     /* the worker in the first one tells of mistakes in files that change */
    int channel;     /* to the master: a datagram is a struct worker_order, or an enum worker_word
                        back; at its end, there is no master. Non-blocking */
};

/* What a worker tells its master, in a byte. */
enum worker_word {
    WORKER_READY = 'r',   /* it accepts connections */
    WORKER_RETIRED = 'x', /* it drains, and accepts no more */
};

/* Tells a worker that another generation takes its place: it drains as after SIGTERM, but stops
 * accepting at once. */
struct worker_order {
    uint32_t alone; /* sockets that nobody takes over, a bit for each: from these it goes on
                       accepting for a moment, for those who are on their way */
};

/* Serves until SIGTERM, or an order, and then until connections are drained; or until the master is
 * gone. Returns an exit status. */
int worker_run(const struct worker_config *config);
