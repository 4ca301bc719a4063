#include "sys/peer.h"

#include <arpa/inet.h>

_Static_assert(sizeof(struct peer) == 20, "every connection has one");

struct peer peer_of_address(const struct sockaddr *address) {
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    switch (address->sa_family) {
    case AF_INET:
        return (struct peer){ip_of_bytes(&v4->sin_addr, IP_V4_LEN), ntohs(v4->sin_port)};
    case AF_INET6:
        return (struct peer){ip_of_bytes(&v6->sin6_addr, IP_V6_LEN), ntohs(v6->sin6_port)};
    default:
        return (struct peer){.port = 0};
    }
}

/* There is a line of a log for every request, and inet_ntop(3) would take as long as all the rest
 * of it. */
static void put_v4(struct buf *buf, const uint8_t ip[IP_V4_LEN]) {
    for (int i = 0; i < IP_V4_LEN; i++) {
        if (i > 0)
            buf_put_char(buf, '.');
        buf_put_number(buf, ip[i]);
    }
}

static void put_v6(struct buf *buf, const uint8_t ip[IP_V6_LEN]) {
    char text[PEER_TEXT_MAX];
    if (inet_ntop(AF_INET6, ip, text, sizeof text) != NULL)
        buf_put(buf, slice_of_text(text));
}

void peer_put_address(struct buf *buf, const struct peer *peer) {
    if (peer->ip.len == IP_V4_LEN)
        put_v4(buf, peer->ip.bytes);
    else if (peer->ip.len == IP_V6_LEN)
        put_v6(buf, peer->ip.bytes);
    else
        buf_put(buf, SLICE("unix"));
}
