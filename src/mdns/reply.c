#include "mdns/reply.h"

enum { LEGACY_TTL_S = 10 }; /* RFC 6762 §6.7 */

static uint32_t bit(size_t place) {
    return UINT32_C(1) << place;
}

uint32_t reply_assertions(const struct zone_records *records) {
    return (bit(records->count) - 1) & ~bit(ZONE_INSTANCE_NSEC) & ~bit(ZONE_HOST_NSEC);
}

uint32_t reply_companions(const struct zone_records *records, uint32_t answers) {
    uint32_t places = 0;
    for (size_t i = 0; i < records->count; i++)
        places |= (answers & bit(i)) != 0 ? zone_companions(records, i) : 0;
    return places & ~answers;
}

/* How long records of a reply may be kept at most, and whether they say that they are all of their
 * kind, which is not for queries (RFC 6762 §10.2). */
struct manner {
    uint32_t ttl_max_s;
    bool may_flush;
};

static const struct manner ordinary = {UINT32_MAX, true};

static void put(struct draft *draft, enum message_section section,
                const struct zone_records *records, uint32_t places, struct manner manner) {
    for (size_t i = 0; i < records->count; i++) {
        struct record record = records->items[i];
        if ((places & bit(i)) == 0)
            continue;
        record.flush &= manner.may_flush;
        if (record.ttl_s > manner.ttl_max_s)
            record.ttl_s = manner.ttl_max_s;
        draft_put_record(draft, section, &record);
    }
}

struct slice reply_probe(char memory[MESSAGE_MAX], const struct zone *zone,
                         const struct zone_records *records) {
    const struct question questions[] = {
        {&zone->host, RECORD_ANY, RECORD_IN, .unicast = false},
        {&zone->instance, RECORD_ANY, RECORD_IN, .unicast = false},
    };
    uint32_t shared = bit(ZONE_SERVICES) | bit(ZONE_SERVICE);
    struct draft draft;
    draft_start(&draft, memory, 0, 0);
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
        draft_put_question(&draft, &questions[i]);
    put(&draft, MESSAGE_AUTHORITY, records, reply_assertions(records) & ~shared,
        (struct manner){UINT32_MAX, .may_flush = false});
    return draft_finish(&draft);
}

struct slice reply_to_all(char memory[MESSAGE_MAX], const struct zone_records *records,
                          uint32_t answers) {
    struct draft draft;
    draft_start(&draft, memory, 0, MESSAGE_RESPONSE | MESSAGE_AUTHORITATIVE);
    put(&draft, MESSAGE_ANSWERS, records, answers, ordinary);
    put(&draft, MESSAGE_ADDITIONAL, records, reply_companions(records, answers), ordinary);
    return draft_finish(&draft);
}

struct slice reply_to_one(char memory[MESSAGE_MAX], const struct query *query, uint32_t answers) {
    const struct zone_records *records = &query->records;
    const struct manner legacy = {LEGACY_TTL_S, .may_flush = false};
    const struct manner manner = query->is_legacy ? legacy : ordinary;
    struct draft draft;
    draft_start(&draft, memory, query->is_legacy ? query->id : 0,
                MESSAGE_RESPONSE | MESSAGE_AUTHORITATIVE);
    draft.plain_targets = query->is_legacy;
    if (query->is_legacy)
        draft_put_question(&draft, &query->question);
    put(&draft, MESSAGE_ANSWERS, records, answers, manner);
    put(&draft, MESSAGE_ADDITIONAL, records, reply_companions(records, answers) & ~query->known,
        manner);
    return draft_finish(&draft);
}

/* That there are web servers may go on to be true. What others have is not flushed (RFC 6762
 * §10.2): they may have come by the name meanwhile. */
struct slice reply_goodbye(char memory[MESSAGE_MAX], const struct zone_records *records) {
    struct draft draft;
    draft_start(&draft, memory, 0, MESSAGE_RESPONSE | MESSAGE_AUTHORITATIVE);
    put(&draft, MESSAGE_ANSWERS, records, reply_assertions(records) & ~bit(ZONE_SERVICES),
        (struct manner){0, .may_flush = false});
    return draft_finish(&draft);
}
