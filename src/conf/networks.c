#include "conf/networks.h"

#include "base/check.h"
#include "base/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

/* Whether the address has no bits behind the first `bits`. */
static bool is_prefix(const struct ip *ip, unsigned bits) {
    for (unsigned i = bits; i < 8u * ip->len; i++) {
        if ((ip->bytes[i / 8] & 0x80 >> i % 8) != 0)
            return false;
    }
    return true;
}

/* Reads an address and perhaps a slash and bits. The bits of an IPv4 address in IPv6 clothes count
 * from those that are its own. */
static bool parse(struct slice text, struct network *network) {
    struct slice rest = text;
    struct slice address = SLICE_NONE;
    (void)slice_cut(&rest, '/', &address);
    if (!ip_parse(address, &network->ip))
        return false;
    uint64_t clothes =
        network->ip.len == IP_V4_LEN && slice_find(address, ':') < address.len ? 96 : 0;
    uint64_t max = 8u * network->ip.len + clothes;
    uint64_t bits = max;
    if (rest.ptr != NULL && !number_parse(rest, max, &bits))
        return false;
    network->bits = (uint8_t)(bits - clothes);
    return bits >= clothes;
}

int networks_add(struct networks *networks, const char *text, struct err *err) {
    struct network network = {.bits = 0};
    bool is_unix = slice_equal(slice_of_text(text), SLICE("unix"));
    if (!is_unix && !parse(slice_of_text(text), &network))
        return err_set(err, EINVAL,
                       "'%s' is no network (give an address, or one with its bits as in 10.0.0.0/8 "
                       "or 2001:db8::/32, or unix)",
                       text);
    if (!is_prefix(&network.ip, network.bits))
        return err_set(err, EINVAL,
                       "'%s' is an address within a network: those behind the first %u bits have "
                       "to be zero",
                       text, (unsigned)network.bits);
    CHECK(networks->count < NETWORKS_MAX);
    networks->items[networks->count++] = network;
    return 0;
}

bool networks_have(const struct networks *networks, const struct ip *ip) {
    for (size_t i = 0; i < networks->count; i++) {
        if (ip_has_prefix(ip, &networks->items[i].ip, networks->items[i].bits))
            return true;
    }
    return false;
}

void network_format(const struct network *network, char text[NETWORKS_TEXT_MAX]) {
    char address[INET6_ADDRSTRLEN] = "";
    if (network->ip.len == 0) {
        (void)snprintf(text, NETWORKS_TEXT_MAX, "unix");
        return;
    }
    (void)inet_ntop(network->ip.len == IP_V6_LEN ? AF_INET6 : AF_INET, network->ip.bytes, address,
                    sizeof address);
    (void)snprintf(text, NETWORKS_TEXT_MAX, "%s/%u", address, (unsigned)network->bits);
}
