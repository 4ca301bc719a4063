#include "mdns/link.h"

#include <string.h>

static struct link *find(struct links *links, unsigned index) {
    for (size_t i = 0; i < links->count; i++) {
        if (links->items[i].index == index)
            return &links->items[i];
    }
    return NULL;
}

const struct link *links_find(const struct links *links, unsigned index) {
    return find((struct links *)(uintptr_t)links, index);
}

void links_add(struct links *links, unsigned index, const struct link_address *address) {
    struct link *link = find(links, index);
    if (link == NULL && links->count < LINKS_MAX) {
        link = &links->items[links->count++];
        *link = (struct link){.index = index};
    }
    if (link != NULL && link->count < LINK_ADDRESSES_MAX)
        link->addresses[link->count++] = *address;
}

static bool address_equal(const struct link_address *a, const struct link_address *b) {
    return a->ip.len == b->ip.len && memcmp(a->ip.bytes, b->ip.bytes, a->ip.len) == 0 &&
           a->prefix_bits == b->prefix_bits && a->is_served == b->is_served;
}

static bool link_equal(const struct link *a, const struct link *b) {
    if (a->index != b->index || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!address_equal(&a->addresses[i], &b->addresses[i]))
            return false;
    }
    return true;
}

bool links_equal(const struct links *a, const struct links *b) {
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!link_equal(&a->items[i], &b->items[i]))
            return false;
    }
    return true;
}

bool link_has_family(const struct link *link, uint8_t len) {
    for (size_t i = 0; i < link->count; i++) {
        if (link->addresses[i].ip.len == len)
            return true;
    }
    return false;
}

bool link_reaches(const struct link *link, const struct ip *ip) {
    for (size_t i = 0; i < link->count; i++) {
        if (ip_has_prefix(ip, &link->addresses[i].ip, link->addresses[i].prefix_bits))
            return true;
    }
    return false;
}
