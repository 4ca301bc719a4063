/* Who is at the other end of a connection: an address and a port, in as few bytes as it takes,
 * since every connection keeps one. */
#pragma once

#include "base/buf.h"
#include "base/ip.h"

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

struct peer {
    struct ip ip;  /* none of who is on this machine without an address (unix(7)) */
    uint16_t port; /* in host order; 0: not known, or none */
};

/* More than any address takes as text, as peer_put_address() writes it. */
enum { PEER_TEXT_MAX = INET6_ADDRSTRLEN };

/* The peer that a socket address names; of a family that has no ports, one without an address. */
struct peer peer_of_address(const struct sockaddr *address);

/* Writes the address alone: "192.0.2.1", "2001:db8::1" (RFC 5952), or "unix". */
void peer_put_address(struct buf *buf, const struct peer *peer);
