#include "sys/interfaces.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static uint8_t count_bits(const uint8_t *mask, size_t len) {
    uint8_t bits = 0;
    for (size_t i = 0; i < len; i++)
        bits = (uint8_t)(bits + __builtin_popcount(mask[i]));
    return bits;
}

/* An address that is not known to be its own yet cannot be bound to (ipv6(7)). */
static bool is_own(const struct sockaddr_in6 *v6) {
    struct sockaddr_in6 address = *v6;
    address.sin6_port = 0;
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool own = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        (void)close(fd);
    return own;
}

/* Whether it is an address as the list has them. */
static bool is_of_link(const struct ifaddrs *at) {
    const unsigned needed = IFF_UP | IFF_RUNNING | IFF_MULTICAST;
    return at->ifa_addr != NULL && at->ifa_netmask != NULL && (at->ifa_flags & needed) == needed &&
           (at->ifa_flags & (IFF_LOOPBACK | IFF_POINTOPOINT)) == 0;
}

/* The index of an address's interface, which the list has, too, by its hardware address; 0: there
 * is none, or it has just gone. An address's name may go on with a label (ip-address(8)). For
 * if_nametoindex(3), a confined process would have to be let make more system calls. */
static unsigned find_index(const struct ifaddrs *all, const struct ifaddrs *of) {
    size_t len = strcspn(of->ifa_name, ":");
    for (const struct ifaddrs *at = all; at != NULL; at = at->ifa_next) {
        const struct sockaddr_ll *link = (const void *)at->ifa_addr;
        if (link != NULL && link->sll_family == AF_PACKET && strlen(at->ifa_name) == len &&
            memcmp(at->ifa_name, of->ifa_name, len) == 0)
            return (unsigned)link->sll_ifindex;
    }
    return 0;
}

static bool read_address(const struct ifaddrs *all, const struct ifaddrs *at,
                         struct interface_address *address) {
    if (!is_of_link(at))
        return false;
    address->interface = find_index(all, at);
    if (at->ifa_addr->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)at->ifa_addr;
        const struct sockaddr_in *mask = (const void *)at->ifa_netmask;
        address->ip = ip_of_bytes(&v4->sin_addr, IP_V4_LEN);
        address->prefix_bits = count_bits((const void *)&mask->sin_addr, IP_V4_LEN);
        return address->interface != 0;
    }
    if (at->ifa_addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)at->ifa_addr;
        const struct sockaddr_in6 *mask = (const void *)at->ifa_netmask;
        address->ip = ip_of_bytes(&v6->sin6_addr, IP_V6_LEN);
        address->prefix_bits = count_bits(mask->sin6_addr.s6_addr, IP_V6_LEN);
        return address->interface != 0 && is_own(v6);
    }
    return false;
}

ssize_t interfaces_list(struct interface_address *addresses, size_t max) {
    struct ifaddrs *all = NULL;
    size_t count = 0;
    if (getifaddrs(&all) < 0)
        return -errno;
    for (const struct ifaddrs *at = all; at != NULL && count < max; at = at->ifa_next) {
        if (read_address(all, at, &addresses[count]))
            count++;
    }
    freeifaddrs(all);
    return (ssize_t)count;
}

int interfaces_watch(void) {
    const struct sockaddr_nl address = {.nl_family = AF_NETLINK,
                                        .nl_groups =
                                            RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int result = -errno;
    (void)close(fd);
    return result;
}

/* What they say is not looked at: everything is listed anew. So nothing is lost, either, where
 * there were more than the kernel keeps (ENOBUFS, netlink(7)). */
void interfaces_drain(int fd) {
    char memory[4096];
    while (recv(fd, memory, sizeof memory, 0) >= 0 || errno == ENOBUFS || errno == EINTR)
        continue;
}
