/* Who is at the other end of a connection: an address and a port, in as few bytes as it takes,
 * since every connection keeps one. */
#pragma once

#include "base/buf.h"

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

enum peer_family {
    PEER_UNIX, /* on this machine, without an address (unix(7)) */
    PEER_V4,
    PEER_V6,
};

/* All zero: a PEER_UNIX. What a family does not need is 0, so that equal peers have equal bytes. */
struct peer {
    uint8_t ip[16]; /* in network order; of a PEER_V4, the first four */
    uint16_t port;  /* in host order */
    uint8_t family; /* enum peer_family */
    uint8_t unused;
};

/* More than any address takes as text, as peer_put_address() writes it. */
enum { PEER_TEXT_MAX = INET6_ADDRSTRLEN };

/* The peer that a socket address names. An IPv4 address in IPv6 clothes (RFC 4291 §2.5.5.2), as
 * sockets that take both have it, is a PEER_V4. Of a family that has no ports it is a PEER_UNIX. */
struct peer peer_of_address(const struct sockaddr *address);

/* The length of an address in bytes: 4 for PEER_V4, 16 for PEER_V6, else 0. */
size_t peer_ip_len(const struct peer *peer);

/* Writes the address alone: "192.0.2.1", "2001:db8::1" (RFC 5952), or "unix". */
void peer_put_address(struct buf *buf, const struct peer *peer);
