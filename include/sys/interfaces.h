/* The addresses of this host's network interfaces, and when they change (getifaddrs(3),
 * rtnetlink(7)). */
#pragma once

#include "base/ip.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct interface_address {
    unsigned interface;
    struct ip ip;
    uint8_t prefix_bits; /* how many of its bits all hosts on the link share */
};

/* Writes up to `max` addresses of interfaces that are up and reach several hosts on a link: not
 * the loopback, nor tunnels. An IPv6 address that others may yet turn out to have (RFC 4862 §5.4)
 * is none. Returns how many, or -errno. */
ssize_t interfaces_list(struct interface_address *addresses, size_t max);

/* Opens a non-blocking descriptor that can be read when anything about that has changed. Returns
 * it, owned by the caller, or -errno. */
int interfaces_watch(void);

/* Reads all there is to be read from it. */
void interfaces_drain(int fd);
