/* A query of multicast DNS, as it concerns a zone: what of it is asked for, what is known already,
 * and who would have its names (RFC 6762 §6, §7.1, §8.2). Pure. */
#pragma once

#include "mdns/link.h"
#include "mdns/message.h"
#include "mdns/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QUERY_RIVALS_MAX = 16, QUERY_RIVAL_DATA_MAX = 264 };

/* A record that who asks would have. */
struct query_rival {
    struct record record; /* its name is one of the zone's */
    char data[QUERY_RIVAL_DATA_MAX];
};

struct query {
    const struct link_sender *sender;
    struct zone_records records; /* those of the link it came in on */
    uint16_t id;
    bool is_legacy;           /* who asks takes it for ordinary DNS (RFC 6762 §6.7) */
    bool is_truncated;        /* it goes on to say what it knows in another packet (§7.2) */
    bool is_probe;            /* it wants to have names */
    size_t questions;         /* how many there are */
    struct question question; /* the last one that has an answer; its name is in: */
    struct domain name;
    uint32_t answers;    /* what is asked for, a bit for each place in the zone */
    uint32_t by_unicast; /* the same: of that, what is asked for by unicast */
    uint32_t known;      /* what who asks knows already, and asks for or not */
    struct query_rival rivals[QUERY_RIVALS_MAX];
    size_t rival_count;
};

/* Reads a message that is no response. Borrows the zone, the link and the sender. Returns false for
 * what is no message. */
bool query_read(struct query *query, struct message *message, const struct zone *zone,
                const struct link *link, const struct link_sender *sender);

/* Whether who asks would have one of the zone's names, and goes first: what it would tell of that
 * name comes behind what the zone does. Who asks for just what there is, on any of the links, is
 * this host itself. */
bool query_wins(const struct query *query, const struct zone *zone, const struct links *links);
