/* UDP sockets of a group that hosts on a link share (ip(7), ipv6(7)): what is sent says by which
 * interface, and what is received says by which it came. */
#pragma once

#include "base/ip.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct multicast_group {
    struct ip ip; /* its family is that of the socket */
    uint16_t port;
};

/* Who sent a packet. */
struct multicast_sender {
    unsigned interface;
    struct ip ip;
    uint16_t port;
    bool to_group; /* else to an address of this host alone */
};

/* Opens a non-blocking socket on the group's port, which is shared with others on this host, who
 * all get what is sent to the group. What is sent by it has a hop limit of 255. Returns the
 * descriptor, owned by the caller, or -errno. */
int multicast_open(const struct multicast_group *group);

/* Receives what is sent to the group on an interface; again is no error. Returns 0 or -errno. */
int multicast_join(int fd, const struct multicast_group *group, unsigned interface);

/* Receives a packet. Returns its length, or -errno (recvmsg(2)); -EBADMSG for one that was cut, or
 * does not say where it came from. */
ssize_t multicast_receive(int fd, const struct multicast_group *group, char *ptr, size_t capacity,
                          struct multicast_sender *sender);

/* Sends a packet by an interface, to the group or to one host. Returns 0, or -errno (sendmsg(2));
 * where it would have to wait, it is lost. */
int multicast_send(int fd, unsigned interface, const struct ip *to, uint16_t port,
                   struct slice bytes);
