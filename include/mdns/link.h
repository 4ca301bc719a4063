/* The links that something is announced on: networks on which this machine has an interface. */
#pragma once

#include "base/ip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINKS_MAX = 16, LINK_ADDRESSES_MAX = 8 };

struct link_address {
    struct ip ip;
    uint8_t prefix_bits; /* how many of its bits all hosts there share */
    bool is_served;      /* what is announced can be reached by it */
};

struct link {
    unsigned index; /* of the interface */
    struct link_address addresses[LINK_ADDRESSES_MAX];
    size_t count;
};

/* All zero: none. */
struct links {
    struct link items[LINKS_MAX];
    size_t count;
};

/* Who sent a packet that came in on a link. */
struct link_sender {
    unsigned link; /* the interface */
    struct ip ip;
    uint16_t port;
    bool to_group; /* else to an address of this host alone */
};

/* Adds an address to the link of that interface, or to a new one; what there is no room for is left
 * out. */
void links_add(struct links *links, unsigned index, const struct link_address *address);

/* The link of that interface; NULL: none. */
const struct link *links_find(const struct links *links, unsigned index);

bool links_equal(const struct links *a, const struct links *b);

/* Whether any of the addresses is of that length, IP_V4_LEN or IP_V6_LEN. */
bool link_has_family(const struct link *link, uint8_t len);

/* Whether a host with that address is on the link (RFC 6762 §11). */
bool link_reaches(const struct link *link, const struct ip *ip);
