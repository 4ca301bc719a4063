#include "proc/announcement.h"

#include <stdio.h>
#include <string.h>

static bool is_reachable(const struct address *address) {
    return !address_is_local(address) && !address_is_loopback(address);
}

bool announcement_make(struct announcement *announcement, const struct options *options,
                       const struct listeners *listeners) {
    *announcement = (struct announcement){.quiet = options->quiet};
    if (options->announce == NULL)
        return true;
    for (size_t i = 0; i < listeners->count; i++) {
        const struct address *address = &listeners->items[i].address;
        if (!is_reachable(address) ||
            (announcement->count > 0 && address_port(address) != announcement->port))
            continue;
        announcement->port = address_port(address);
        announcement->addresses[announcement->count++] = *address;
    }
    if (announcement->count == 0)
        return false;
    (void)snprintf(announcement->name, sizeof announcement->name, "%s", options->announce);
    return true;
}

bool announcement_equal(const struct announcement *a, const struct announcement *b) {
    if (strcmp(a->name, b->name) != 0 || a->port != b->port || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!address_equal(&a->addresses[i], &b->addresses[i]))
            return false;
    }
    return true;
}

/* As an address of the kind that address_covers() compares with. */
static struct address host_of(const struct ip *ip) {
    struct address host = {.both_families = false};
    if (ip->len == IP_V4_LEN) {
        host.socket.v4.sin_family = AF_INET;
        memcpy(&host.socket.v4.sin_addr, ip->bytes, IP_V4_LEN);
    } else {
        host.socket.v6.sin6_family = AF_INET6;
        memcpy(&host.socket.v6.sin6_addr, ip->bytes, IP_V6_LEN);
    }
    return host;
}

static bool is_served(const struct announcement *announcement, const struct ip *ip) {
    const struct address host = host_of(ip);
    for (size_t i = 0; i < announcement->count; i++) {
        if (address_covers(&announcement->addresses[i], &host.socket.any))
            return true;
    }
    return false;
}

static bool is_of_link_alone(const struct ip *ip) {
    return ip->len == IP_V6_LEN && ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

/* Takes back those that hold on the link alone where others are named; returns whether any is
 * named. */
static bool choose_named(struct link *link) {
    bool any = false;
    bool beyond = false;
    for (size_t i = 0; i < link->count; i++) {
        any |= link->addresses[i].is_served;
        beyond |= link->addresses[i].is_served && !is_of_link_alone(&link->addresses[i].ip);
    }
    for (size_t i = 0; beyond && i < link->count; i++)
        link->addresses[i].is_served &= !is_of_link_alone(&link->addresses[i].ip);
    return any;
}

void announcement_find_links(const struct announcement *announcement,
                             const struct interface_address *addresses, size_t count,
                             struct links *links) {
    size_t kept = 0;
    *links = (struct links){.count = 0};
    for (size_t i = 0; i < count; i++) {
        const struct link_address address = {addresses[i].ip, addresses[i].prefix_bits,
                                             is_served(announcement, &addresses[i].ip)};
        links_add(links, addresses[i].interface, &address);
    }
    for (size_t i = 0; i < links->count; i++) {
        if (choose_named(&links->items[i]))
            links->items[kept++] = links->items[i];
    }
    links->count = kept;
}
