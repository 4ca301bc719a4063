#include "sys/outside.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

/* Fills in an interface's address; false where it is none that others could use. */
static bool take_address(const struct ifaddrs *interface, bool v6_too, struct address *address) {
    const unsigned alive = IFF_UP | IFF_RUNNING;
    *address = (struct address){0};
    if (interface->ifa_addr == NULL || (interface->ifa_flags & alive) != alive)
        return false;
    if (interface->ifa_addr->sa_family == AF_INET) {
        address->socket.v4 = *(const struct sockaddr_in *)(const void *)interface->ifa_addr;
    } else if (interface->ifa_addr->sa_family == AF_INET6 && v6_too) {
        address->socket.v6 = *(const struct sockaddr_in6 *)(const void *)interface->ifa_addr;
        if (IN6_IS_ADDR_LINKLOCAL(&address->socket.v6.sin6_addr))
            return false;
    } else {
        return false;
    }
    address_set_port(address, 0);
    return !address_is_loopback(address);
}

/* The address from which this machine would send to the world: the kernel chooses it for a socket
 * of datagrams when that is connected, which sends nothing. All zero: it has no way there. */
static struct in_addr find_preferred(void) {
    struct sockaddr_in far = {.sin_family = AF_INET, .sin_port = htons(9)};
    struct sockaddr_in own = {.sin_family = AF_INET};
    socklen_t len = sizeof own;
    (void)inet_pton(AF_INET, "192.0.2.1", &far.sin_addr); /* nobody's (RFC 5737) */
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return own.sin_addr;
    if (connect(fd, (const struct sockaddr *)&far, sizeof far) < 0 ||
        getsockname(fd, (struct sockaddr *)&own, &len) < 0)
        own.sin_addr.s_addr = 0;
    (void)close(fd);
    return own.sin_addr;
}

/* The place of an address before others. */
static unsigned rank_of(const struct address *address, struct in_addr preferred) {
    if (address->socket.any.sa_family != AF_INET)
        return 2;
    return address->socket.v4.sin_addr.s_addr == preferred.s_addr ? 0 : 1;
}

/* Behind those of its rank, before those of the next. */
static void insert(struct address *addresses, size_t count, const struct address *address,
                   struct in_addr preferred) {
    size_t place = count;
    while (place > 0 && rank_of(&addresses[place - 1], preferred) > rank_of(address, preferred))
        place--;
    memmove(addresses + place + 1, addresses + place, (count - place) * sizeof *addresses);
    addresses[place] = *address;
}

size_t outside_find(bool v6_too, struct address *addresses, size_t max) {
    struct ifaddrs *interfaces = NULL;
    struct address address;
    size_t count = 0;
    if (getifaddrs(&interfaces) < 0)
        return 0;
    const struct in_addr preferred = find_preferred();
    for (const struct ifaddrs *at = interfaces; at != NULL && count < max; at = at->ifa_next) {
        if (take_address(at, v6_too, &address))
            insert(addresses, count++, &address, preferred);
    }
    freeifaddrs(interfaces);
    return count;
}
