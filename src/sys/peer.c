#include "sys/peer.h"

#include <arpa/inet.h>
#include <string.h>

_Static_assert(sizeof(struct peer) == 20, "every connection has one");

enum { V4_LEN = 4, V6_LEN = 16 };

static struct peer peer_of_v4(const void *ip, in_port_t port) {
    struct peer peer = {.port = ntohs(port), .family = PEER_V4};
    memcpy(peer.ip, ip, V4_LEN);
    return peer;
}

struct peer peer_of_address(const struct sockaddr *address) {
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)address;
        return peer_of_v4(&v4->sin_addr, v4->sin_port);
    }
    if (address->sa_family != AF_INET6)
        return (struct peer){.family = PEER_UNIX};
    const struct sockaddr_in6 *v6 = (const void *)address;
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return peer_of_v4(v6->sin6_addr.s6_addr + V6_LEN - V4_LEN, v6->sin6_port);
    struct peer peer = {.port = ntohs(v6->sin6_port), .family = PEER_V6};
    memcpy(peer.ip, &v6->sin6_addr, V6_LEN);
    return peer;
}

size_t peer_ip_len(const struct peer *peer) {
    switch ((enum peer_family)peer->family) {
    case PEER_V4:
        return V4_LEN;
    case PEER_V6:
        return V6_LEN;
    case PEER_UNIX:
        break;
    }
    return 0;
}

/* There is a line of a log for every request, and inet_ntop(3) would take as long as all the rest
 * of it. */
static void put_v4(struct buf *buf, const uint8_t ip[V4_LEN]) {
    for (int i = 0; i < V4_LEN; i++) {
        if (i > 0)
            buf_put_char(buf, '.');
        buf_put_number(buf, ip[i]);
    }
}

void peer_put_address(struct buf *buf, const struct peer *peer) {
    char text[PEER_TEXT_MAX];
    switch ((enum peer_family)peer->family) {
    case PEER_UNIX:
        buf_put(buf, SLICE("unix"));
        break;
    case PEER_V4:
        put_v4(buf, peer->ip);
        break;
    case PEER_V6:
        if (inet_ntop(AF_INET6, peer->ip, text, sizeof text) != NULL)
            buf_put(buf, slice_of_text(text));
        break;
    }
}
