/* What is announced on the network: of what pronto listens on, what others can reach. Pure. */
#pragma once

#include "conf/label.h"
#include "conf/options.h"
#include "mdns/link.h"
#include "proc/listeners.h"
#include "sys/interfaces.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct announcement {
    char name[LABEL_MAX + 1]; /* empty: nothing is announced */
    uint16_t port;
    struct address addresses[OPTIONS_ADDRESSES_MAX]; /* that are listened on, with that port */
    size_t count;
    bool quiet;
};

/* Makes it from what is asked for and what is listened on: the first port that others can reach,
 * with all its addresses. Returns false where it is asked for, but they can reach none. */
bool announcement_make(struct announcement *announcement, const struct options *options,
                       const struct listeners *listeners);

/* Whether both say the same to others. */
bool announcement_equal(const struct announcement *a, const struct announcement *b);

/* The links on which it is announced, from the addresses that interfaces have: those with one that
 * is listened on. An IPv6 address that holds on the link alone is named only where there is no
 * other, as URLs have no place for its zone (RFC 6874). */
void announcement_find_links(const struct announcement *announcement,
                             const struct interface_address *addresses, size_t count,
                             struct links *links);
