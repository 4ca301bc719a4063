/* What is announced: the records of a host, and of the web server on it (RFC 6763). */
#pragma once

#include "mdns/link.h"
#include "mdns/message.h"

/* How long others may keep what they were told, in seconds: what depends on an address of a host,
 * and anything else (RFC 6762 §10). */
enum { ZONE_HOST_TTL_S = 120, ZONE_OTHER_TTL_S = 4500 };

struct zone {
    struct domain host;     /* NAME.local */
    struct domain instance; /* NAME._http._tcp.local */
    struct domain service;  /* _http._tcp.local */
    struct domain services; /* what lists all that there are (RFC 6763 §9) */
    char srv[RECORD_SRV_LEAD + DOMAIN_MAX];
};

/* Whose a record is: one may be told by others, too, and the other by this host alone. */
enum zone_share { ZONE_SHARED, ZONE_UNIQUE };

/* The places of the records of a link; those of its addresses come behind them. */
enum zone_place {
    ZONE_SERVICES, /* there are web servers */
    ZONE_SERVICE,  /* this is one */
    ZONE_SRV,
    ZONE_TXT,
    ZONE_INSTANCE_NSEC,
    ZONE_HOST_NSEC,
    ZONE_ADDRESSES,
};

enum { ZONE_RECORDS_MAX = ZONE_ADDRESSES + LINK_ADDRESSES_MAX };

/* Which types a name has (RFC 6762 §6.1): the name, and a map of bits (RFC 4034 §4.1). */
struct zone_denial {
    char bytes[DOMAIN_MAX + 2 + 8];
};

struct zone_records {
    struct record items[ZONE_RECORDS_MAX]; /* some of them point to what follows */
    size_t count;
    struct zone_denial denials[2];
};

/* Makes the zone of a host that has that name, a label, and serves on that port. */
void zone_make(struct zone *zone, struct slice name, uint16_t port);

/* Makes the records as they are on a link, of which those addresses are named by which it is
 * served. They borrow from both, and stay where they are. */
void zone_list(const struct zone *zone, const struct link *link, struct zone_records *records);

static inline enum zone_share zone_share(size_t place) {
    return place == ZONE_SERVICES || place == ZONE_SERVICE ? ZONE_SHARED : ZONE_UNIQUE;
}

/* Whether it says that there are no others: it is told where these are asked for, but nobody
 * contends for it. */
static inline bool zone_is_denial(size_t place) {
    return place == ZONE_INSTANCE_NSEC || place == ZONE_HOST_NSEC;
}

/* Which records go with one, if there is room: a bit for each place (RFC 6763 §12). */
uint32_t zone_companions(const struct zone_records *records, size_t place);

/* Whether a record has one of the names that this host alone may have. */
bool zone_has_name(const struct zone *zone, const struct record *record);

/* The place of the record that says the same, on any of the links, as a host may hear itself on
 * another; and how long that holds. An address has its place on one of the links only. -1: there is
 * none. */
int zone_find(const struct zone *zone, const struct links *links, const struct record *record,
              uint32_t *ttl_s);
