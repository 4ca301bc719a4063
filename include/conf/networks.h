/* Networks of clients, as the operator names them: "10.0.0.0/8", "2001:db8::/32", "192.0.2.1",
 * "unix". */
#pragma once

#include "base/err.h"
#include "base/ip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NETWORKS_MAX = 64,
    NETWORKS_TEXT_MAX = 64 /* bytes, with the NUL */
};

struct network {
    struct ip ip; /* without one: clients on unix sockets */
    uint8_t bits; /* how many of its first ones all addresses of the network have */
};

struct networks {
    struct network items[NETWORKS_MAX]; /* in the order in which they were given */
    size_t count;
};

/* Adds an address, for itself; an address with bits behind a slash (RFC 4632 §3.1, RFC 4291 §2.3),
 * of which those beyond have to be zero; or "unix", clients on unix sockets. There is room for it.
 * Returns 0, or -EINVAL and a message. */
int networks_add(struct networks *networks, const char *text, struct err *err);

/* Whether one of them has the address. */
bool networks_have(const struct networks *networks, const struct ip *ip);

/* Writes what networks_add() reads as the same network, NUL-terminated. */
void network_format(const struct network *network, char text[NETWORKS_TEXT_MAX]);
