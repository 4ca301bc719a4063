#include "sys/multicast.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOP_LIMIT = 255 }; /* RFC 6762 §11 */

union sockaddr_of_any {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

union control {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
};

struct setting {
    int level;
    int name;
    int value;
};

/* Both words for sharing a port, as others use either. Packets are for those groups alone that this
 * socket has joined. */
static const struct setting v4_settings[] = {
    {SOL_SOCKET, SO_REUSEADDR, 1},
    {SOL_SOCKET, SO_REUSEPORT, 1},
    {IPPROTO_IP, IP_PKTINFO, 1},
    {IPPROTO_IP, IP_MULTICAST_ALL, 0},
    {IPPROTO_IP, IP_MULTICAST_TTL, HOP_LIMIT},
    {IPPROTO_IP, IP_TTL, HOP_LIMIT},
};

static const struct setting v6_settings[] = {
    {SOL_SOCKET, SO_REUSEADDR, 1},
    {SOL_SOCKET, SO_REUSEPORT, 1},
    {IPPROTO_IPV6, IPV6_V6ONLY, 1},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO, 1},
    {IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0},
    {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, HOP_LIMIT},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, HOP_LIMIT},
};

static int apply(int fd, const struct setting *settings, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (setsockopt(fd, settings[i].level, settings[i].name, &settings[i].value,
                       sizeof settings[i].value) < 0)
            return -errno;
    }
    return 0;
}

static bool is_v6(const struct ip *ip) {
    return ip->len == IP_V6_LEN;
}

/* The scope matters for addresses of a link alone, and does no harm elsewhere. */
static socklen_t make_address(union sockaddr_of_any *address, const struct ip *ip, uint16_t port,
                              unsigned interface) {
    *address = (union sockaddr_of_any){.any.sa_family = is_v6(ip) ? AF_INET6 : AF_INET};
    if (is_v6(ip)) {
        memcpy(&address->v6.sin6_addr, ip->bytes, IP_V6_LEN);
        address->v6.sin6_port = htons(port);
        address->v6.sin6_scope_id = interface;
        return sizeof address->v6;
    }
    memcpy(&address->v4.sin_addr, ip->bytes, IP_V4_LEN);
    address->v4.sin_port = htons(port);
    return sizeof address->v4;
}

int multicast_open(const struct multicast_group *group) {
    bool v6 = is_v6(&group->ip);
    const struct ip wildcard = {.len = group->ip.len};
    union sockaddr_of_any address;
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int result = v6 ? apply(fd, v6_settings, sizeof v6_settings / sizeof v6_settings[0])
                    : apply(fd, v4_settings, sizeof v4_settings / sizeof v4_settings[0]);
    socklen_t len = make_address(&address, &wildcard, group->port, 0);
    if (result == 0 && bind(fd, &address.any, len) < 0)
        result = -errno;
    if (result == 0)
        return fd;
    (void)close(fd);
    return result;
}

int multicast_join(int fd, const struct multicast_group *group, unsigned interface) {
    struct ip_mreqn v4 = {.imr_ifindex = (int)interface};
    struct ipv6_mreq v6 = {.ipv6mr_interface = interface};
    int result;
    memcpy(&v4.imr_multiaddr, group->ip.bytes, IP_V4_LEN);
    memcpy(&v6.ipv6mr_multiaddr, group->ip.bytes, IP_V6_LEN);
    if (is_v6(&group->ip))
        result = setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &v6, sizeof v6);
    else
        result = setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &v4, sizeof v4);
    return result == 0 || errno == EADDRINUSE ? 0 : -errno;
}

/* Where a packet came in, and what for. Returns false where nothing says so. */
static bool read_control(struct msghdr *message, const struct multicast_group *group,
                         struct multicast_sender *sender) {
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at != NULL; at = CMSG_NXTHDR(message, at)) {
        struct in_pktinfo v4;
        struct in6_pktinfo v6;
        if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO) {
            memcpy(&v4, CMSG_DATA(at), sizeof v4);
            sender->interface = (unsigned)v4.ipi_ifindex;
            sender->to_group = memcmp(&v4.ipi_addr, group->ip.bytes, IP_V4_LEN) == 0;
            return true;
        }
        if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_PKTINFO) {
            memcpy(&v6, CMSG_DATA(at), sizeof v6);
            sender->interface = v6.ipi6_ifindex;
            sender->to_group = memcmp(&v6.ipi6_addr, group->ip.bytes, IP_V6_LEN) == 0;
            return true;
        }
    }
    return false;
}

/* It is written to, by the kernel. NOLINTNEXTLINE(readability-non-const-parameter) */
ssize_t multicast_receive(int fd, const struct multicast_group *group, char *ptr, size_t capacity,
                          struct multicast_sender *sender) {
    union sockaddr_of_any from = {.any.sa_family = AF_UNSPEC};
    union control control;
    struct iovec part = {ptr, capacity};
    struct msghdr message = {.msg_name = &from,
                             .msg_namelen = sizeof from,
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t len = recvmsg(fd, &message, 0);
    if (len < 0)
        return -errno;
    if ((message.msg_flags & MSG_TRUNC) != 0 || !read_control(&message, group, sender))
        return -EBADMSG;
    sender->ip = is_v6(&group->ip) ? ip_of_bytes(&from.v6.sin6_addr, IP_V6_LEN)
                                   : ip_of_bytes(&from.v4.sin_addr, IP_V4_LEN);
    sender->port = ntohs(is_v6(&group->ip) ? from.v6.sin6_port : from.v4.sin_port);
    return len;
}

/* Says by which interface; the kernel chooses the address that it comes from. */
static void write_control(struct msghdr *message, bool v6, unsigned interface) {
    struct in_pktinfo v4_info = {.ipi_ifindex = (int)interface};
    struct in6_pktinfo v6_info = {.ipi6_ifindex = interface};
    size_t len = v6 ? sizeof v6_info : sizeof v4_info;
    struct cmsghdr *head = message->msg_control;
    message->msg_controllen = CMSG_SPACE(len);
    head->cmsg_level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
    head->cmsg_type = v6 ? IPV6_PKTINFO : IP_PKTINFO;
    head->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(head), v6 ? (void *)&v6_info : (void *)&v4_info, len);
}

int multicast_send(int fd, unsigned interface, const struct ip *to, uint16_t port,
                   struct slice bytes) {
    union sockaddr_of_any address;
    union control control = {.bytes = {0}};
    struct iovec part = {(char *)(uintptr_t)bytes.ptr, bytes.len};
    struct msghdr message = {.msg_name = &address,
                             .msg_namelen = make_address(&address, to, port, interface),
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control};
    write_control(&message, is_v6(to), interface);
    return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}
