/* Clients that ask for one file as fast as they are answered, each in a process of its own, and
 * count what they get: half of them on connections that are kept, half with one for each request.
 */
#pragma once

#include "support/process.h"

#include <stddef.h>
#include <stdint.h>

enum { LOAD_CLIENTS = 6, LOAD_FILE_SIZE = 5000, LOAD_REASON_MAX = 160 };

/* What was asked for, and came to nothing: a connection that was refused, or ended without the
 * whole answer, or another answer. */
struct load_counts {
    uint64_t answered;
    uint64_t lost;
    char reason[LOAD_REASON_MAX]; /* of the last loss; empty: there was none */
};

struct load {
    struct process processes[LOAD_CLIENTS];
    struct load_shared *shared; /* with the processes */
};

/* Starts them, for the file "/load.bin" of `size` LOAD_FILE_SIZE and seed 7 on a port of 127.0.0.1.
 */
void load_start(struct load *load, uint16_t port);

/* What all of them have counted so far. */
struct load_counts load_counts(const struct load *load);

/* Waits until they have got `answers` more; fails the test where they don't. */
void load_await(const struct load *load, uint64_t answers);

/* Lets them finish what they have begun, and waits for their end. */
struct load_counts load_stop(struct load *load);
