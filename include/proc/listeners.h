/* The sockets pronto listens on: for each address, one for each worker. */
#pragma once

#include "base/err.h"
#include "conf/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: none. */
struct listeners {
    struct option_addresses addresses; /* as they are bound: with their ports */
    size_t workers;
    int *sockets;        /* workers * addresses.count, those of a worker side by side; owned */
    uint16_t taken_port; /* the standard port, where it was taken and the next free one is used;
                            else 0 */
    bool steered;        /* connections to some address go to the worker of the CPU that received
                            them: worker i belongs on CPU i */
};

/* Opens them. Where the options name no address, the standard port, or the next free one, is used:
 * on 127.0.0.1, or with
 * --lan on all interfaces. Returns 0, or -errno and a message. */
int listeners_open(struct listeners *listeners, const struct options *options, size_t workers,
                   struct err *err);

/* In a worker's process: moves its sockets, addresses.count of them, to `sockets`, which owns them
 * from then on, and closes the others. */
void listeners_hand_over(struct listeners *listeners, size_t worker,
                         int sockets[OPTIONS_ADDRESSES_MAX]);

/* Idempotent. */
void listeners_deinit(struct listeners *listeners);
