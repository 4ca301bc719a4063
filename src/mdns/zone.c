#include "mdns/zone.h"

#include "base/check.h"

_Static_assert(ZONE_RECORDS_MAX <= 32, "there is a bit for each");

/* A TXT record without anything in it is one empty string (RFC 6763 §6.1). "path" is where the
 * pages are that people see, for a web server (the registration of the service "http"). */
static const struct slice txt = SLICE_INIT("\x06path=/");

/* The data of a record NSEC, for types below 64, which a 0 ends. */
static struct slice put_denial(struct zone_denial *denial, const struct domain *name,
                               const uint16_t *types) {
    enum { MAP_LEN = 8 };
    struct buf buf = BUF_INIT(denial->bytes, sizeof denial->bytes);
    buf_put(&buf, domain_slice(name));
    buf_put_char(&buf, 0); /* the first 256 types */
    char *len = buf_claim(&buf, 1);
    char *map = buf_claim(&buf, MAP_LEN);
    CHECK(map != NULL);
    size_t used = 0;
    memset(map, 0, MAP_LEN);
    for (; *types != 0; types++) {
        size_t at = *types / 8u;
        map[at] = (char)(map[at] | 0x80 >> *types % 8);
        used = at + 1 > used ? at + 1 : used;
    }
    *len = (char)used;
    return slice_of(denial->bytes, buf.len - MAP_LEN + used);
}

static void make_srv(struct zone *zone, uint16_t port) {
    memset(zone->srv, 0, RECORD_SRV_LEAD);
    zone->srv[4] = (char)(port >> 8);
    zone->srv[5] = (char)(port & 0xff);
    memcpy(zone->srv + RECORD_SRV_LEAD, zone->host.bytes, zone->host.len);
}

void zone_make(struct zone *zone, struct slice name, uint16_t port) {
    const struct domain local = domain_of_text(SLICE("local"));
    zone->host = domain_beneath(name, &local);
    zone->service = domain_of_text(SLICE("_http._tcp.local"));
    zone->services = domain_of_text(SLICE("_services._dns-sd._udp.local"));
    zone->instance = domain_beneath(name, &zone->service);
    make_srv(zone, port);
}

static void add(struct zone_records *records, const struct domain *name, uint16_t type,
                uint32_t ttl_s, struct slice data) {
    bool unique = zone_share(records->count) == ZONE_UNIQUE;
    records->items[records->count++] = (struct record){name, type, RECORD_IN, unique, ttl_s, data};
}

static bool is_served_by(const struct link *link, uint8_t len) {
    for (size_t i = 0; i < link->count; i++) {
        if (link->addresses[i].is_served && link->addresses[i].ip.len == len)
            return true;
    }
    return false;
}

static struct slice put_host_denial(struct zone_denial *denial, const struct zone *zone,
                                    const struct link *link) {
    uint16_t types[3] = {0};
    size_t count = 0;
    if (is_served_by(link, IP_V4_LEN))
        types[count++] = RECORD_A;
    if (is_served_by(link, IP_V6_LEN))
        types[count++] = RECORD_AAAA;
    return put_denial(denial, &zone->host, types);
}

void zone_list(const struct zone *zone, const struct link *link, struct zone_records *records) {
    static const uint16_t types[] = {RECORD_TXT, RECORD_SRV, 0};
    struct slice instance = put_denial(&records->denials[0], &zone->instance, types);
    struct slice host = put_host_denial(&records->denials[1], zone, link);
    records->count = 0;
    add(records, &zone->services, RECORD_PTR, ZONE_OTHER_TTL_S, domain_slice(&zone->service));
    add(records, &zone->service, RECORD_PTR, ZONE_OTHER_TTL_S, domain_slice(&zone->instance));
    add(records, &zone->instance, RECORD_SRV, ZONE_HOST_TTL_S,
        slice_of(zone->srv, RECORD_SRV_LEAD + zone->host.len));
    add(records, &zone->instance, RECORD_TXT, ZONE_OTHER_TTL_S, txt);
    add(records, &zone->instance, RECORD_NSEC, ZONE_HOST_TTL_S, instance);
    add(records, &zone->host, RECORD_NSEC, ZONE_HOST_TTL_S, host);
    for (size_t i = 0; i < link->count; i++) {
        const struct ip *ip = &link->addresses[i].ip;
        if (link->addresses[i].is_served)
            add(records, &zone->host, ip->len == IP_V4_LEN ? RECORD_A : RECORD_AAAA,
                ZONE_HOST_TTL_S, slice_of((const char *)ip->bytes, ip->len));
    }
}

static uint32_t bit(size_t place) {
    return UINT32_C(1) << place;
}

uint32_t zone_companions(const struct zone_records *records, size_t place) {
    uint32_t addresses = (bit(records->count) - 1) & ~(bit(ZONE_ADDRESSES) - 1);
    addresses |= bit(ZONE_HOST_NSEC);
    switch (place) {
    case ZONE_SERVICE:
        return addresses | bit(ZONE_SRV) | bit(ZONE_TXT);
    case ZONE_SRV:
        return addresses;
    case ZONE_SERVICES:
    case ZONE_TXT:
    case ZONE_INSTANCE_NSEC:
    case ZONE_HOST_NSEC:
        return 0;
    default: /* an address */
        return addresses;
    }
}

bool zone_has_name(const struct zone *zone, const struct record *record) {
    return record->class == RECORD_IN &&
           (domain_equal(record->name, &zone->host) || domain_equal(record->name, &zone->instance));
}

int zone_find(const struct zone *zone, const struct links *links, const struct record *record,
              uint32_t *ttl_s) {
    for (size_t i = 0; i < links->count; i++) {
        struct zone_records records;
        zone_list(zone, &links->items[i], &records);
        for (size_t j = 0; j < records.count; j++) {
            if (!record_equal(&records.items[j], record))
                continue;
            *ttl_s = records.items[j].ttl_s;
            return (int)j;
        }
    }
    return -1;
}
