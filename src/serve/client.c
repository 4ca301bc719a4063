#include "serve/client.h"

#include "http/forwarded.h"

bool client_is_trusted(const struct networks *trusted, const struct peer *peer) {
    return networks_have(trusted, &peer->ip);
}

struct peer client_of_proxy(const struct peer *peer, const struct proxy *proxy) {
    return proxy->speaks_of ? (struct peer){proxy->ip, proxy->port} : *peer;
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
        *client = (struct peer){.ip = found};
    return has_found;
}

struct peer client_of_request(const struct networks *trusted, const struct peer *peer,
                              const struct request *request) {
    struct peer client = *peer;
    if (client_is_trusted(trusted, peer))
        (void)client_named(trusted, request, &client);
    return client;
}
