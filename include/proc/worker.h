/* A worker: one process, one loop, and all connections that the kernel gives to its sockets. */
#pragma once

#include "conf/options.h"
#include "proc/listeners.h"
#include "serve/digest.h"
#include "serve/tally.h"
#include "store/roots.h"
#include "sys/sandbox.h"

#include <stdint.h>

/* What a worker is made from; all of it is borrowed until worker_run() returns, but for the
 * descriptors. */
struct worker_config {
    const struct options *options;
    const struct roots *roots;
    const struct sandbox *sandbox;
    const struct listeners_socket *sockets; /* that listen; the worker owns the descriptors */
    size_t socket_count;
    struct tally *tally; /* what it counts in, shared with those who ask; NULL: nobody can ask */
    struct digest *withheld; /* of requests whose lines are not shown; NULL: each has its line */
    size_t slot; /* the worker in the first one tells of mistakes in files that change */
    int log_fd;  /* what accesslog_open() returned; owned by the worker */
    int channel; /* to the master (sys/channel): it says an enum worker_order, and the worker an
                    enum worker_word; at its end, there is no master. Non-blocking */
};

/* What a worker tells its master, in a byte. */
enum worker_word {
    WORKER_READY = 'r',   /* it accepts connections */
    WORKER_RETIRED = 'x', /* it drains, and accepts no more */
    WORKER_POURS = 'p',   /* it withholds lines, which somebody may want to sum up */
};

/* What the master tells a worker, in a byte. The places of addresses come before WORKER_RETIRE:
 * nobody takes their sockets over, so from them it goes on accepting for a moment, for those who
 * are on their way. */
enum worker_order {
    WORKER_ALONE = 0,    /* to OPTIONS_ADDRESSES_MAX - 1: the place of an address */
    WORKER_LOG = 'l',    /* with a descriptor: log here from now on; accesslog_open() returned it */
    WORKER_RETIRE = 't', /* another generation takes its place: it drains as after SIGTERM, but
                            stops accepting at once */
};

/* Serves until SIGTERM, or an order, and then until connections are drained; or until the master is
 * gone. Returns an exit status. */
int worker_run(const struct worker_config *config);
