#include "serve/client.h"

#include "http/forwarded.h"

#include <string.h>

static struct peer peer_of_ip(const struct ip *ip, uint16_t port) {
    struct peer peer = {.port = port, .family = PEER_UNIX};
    if (ip->len > 0)
        peer.family = ip->len == IP_V4_LEN ? PEER_V4 : PEER_V6;
    memcpy(peer.ip, ip->bytes, sizeof peer.ip);
    return peer;
}

bool client_is_trusted(const struct networks *trusted, const struct peer *peer) {
    if (trusted->count == 0)
        return false;
    struct ip ip = ip_of_bytes(peer->ip, peer_ip_len(peer));
    return networks_have(trusted, &ip);
}

struct peer client_of_proxy(const struct peer *peer, const struct proxy *proxy) {
    return proxy->speaks_of ? peer_of_ip(&proxy->ip, proxy->port) : *peer;
}

/* The list, read from its end, would be walked to the first address that is not trusted, or up to
 * something that is no address; it is read from its start instead, as that needs no memory of it.
 * So what has been found gives way to an element that such a walk would not have gone past, and
 * `found` is as if the list had ended there. */
static void consider(const struct networks *trusted, struct slice element, struct ip *found,
                     bool *has_found) {
    struct ip ip;
    if (!forwarded_parse(element, &ip)) {
        *has_found = false;
    } else if (!*has_found || !networks_have(trusted, &ip)) {
        *has_found = true;
        *found = ip;
    }
}

bool client_named(const struct networks *trusted, const struct request *request,
                  struct peer *client) {
    struct slice line = SLICE_NONE;
    struct ip found = {.len = 0};
    bool has_found = false;
    while (request_field_next(request, FIELD_X_FORWARDED_FOR, &line)) {
        struct slice rest = line;
        struct slice element;
        while (forwarded_next(&rest, &element))
            consider(trusted, element, &found, &has_found);
    }
    if (has_found)
        *client = peer_of_ip(&found, 0);
    return has_found;
}

struct peer client_of_request(const struct networks *trusted, const struct peer *peer,
                              const struct request *request) {
    struct peer client = *peer;
    if (client_is_trusted(trusted, peer))
        (void)client_named(trusted, request, &client);
    return client;
}
