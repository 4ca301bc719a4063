#include "mdns/query.h"

/* Reading */

static uint32_t bit(size_t place) {
    return UINT32_C(1) << place;
}

/* The places of what a question asks for; or of what says that this is all there is of a name. */
static uint32_t find_answers(const struct zone_records *records, const struct question *question) {
    const struct question any = {question->name, RECORD_ANY, question->class, false};
    uint32_t answers = 0;
    uint32_t denials = 0;
    for (size_t i = 0; i < records->count; i++) {
        if (zone_is_denial(i))
            denials |= question_matches(&any, &records->items[i]) ? bit(i) : 0;
        else
            answers |= question_matches(question, &records->items[i]) ? bit(i) : 0;
    }
    return answers != 0 ? answers : denials;
}

static void take_question(struct query *query, const struct question *question) {
    uint32_t answers = find_answers(&query->records, question);
    query->questions++;
    query->answers |= answers;
    if (question->unicast || query->is_legacy || !query->sender->to_group)
        query->by_unicast |= answers;
    if (answers == 0)
        return;
    query->name = *question->name;
    query->question = *question;
    query->question.name = &query->name;
    query->question.unicast = false;
}

/* What would be forgotten sooner than half of its time is not known well enough (RFC 6762 §7.1). */
static void take_known(struct query *query, const struct record *record) {
    for (size_t i = 0; i < query->records.count; i++) {
        if (record_equal(record, &query->records.items[i]) &&
            record->ttl_s >= query->records.items[i].ttl_s / 2)
            query->known |= bit(i);
    }
}

/* More than there is room for, or larger ones, decide nothing. */
static void take_rival(struct query *query, const struct record *record, const struct zone *zone) {
    query->is_probe = true;
    if (!zone_has_name(zone, record) || query->rival_count == QUERY_RIVALS_MAX ||
        record->data.len > QUERY_RIVAL_DATA_MAX)
        return;
    struct query_rival *rival = &query->rivals[query->rival_count++];
    rival->record = *record;
    rival->record.name = domain_equal(record->name, &zone->host) ? &zone->host : &zone->instance;
    if (record->data.len > 0)
        memcpy(rival->data, record->data.ptr, record->data.len);
    rival->record.data = slice_of(rival->data, record->data.len);
}

bool query_read(struct query *query, struct message *message, const struct zone *zone,
                const struct link *link, const struct link_sender *sender) {
    struct question question;
    struct record record;
    enum message_section section;
    int result;
    query->sender = sender;
    query->id = message->id;
    query->is_legacy = sender->port != MESSAGE_PORT;
    query->is_truncated = (message->flags & MESSAGE_TRUNCATED) != 0;
    query->is_probe = false;
    query->questions = query->rival_count = 0;
    query->answers = query->by_unicast = query->known = 0;
    zone_list(zone, link, &query->records);
    while ((result = message_next_question(message, &question)) > 0)
        take_question(query, &question);
    while (result == 0 && (result = message_next_record(message, &record, &section)) > 0) {
        if (section == MESSAGE_ANSWERS)
            take_known(query, &record);
        if (section == MESSAGE_AUTHORITY)
            take_rival(query, &record, zone);
        result = 0;
    }
    return result == 0;
}

/* Who goes first */

static void sort(struct record *records, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct record record = records[i];
        size_t at = i;
        for (; at > 0 && record_compare(&records[at - 1], &record) > 0; at--)
            records[at] = records[at - 1];
        records[at] = record;
    }
}

/* As of memcmp(3); where one has more, that one is behind. */
static int compare(const struct record *a, size_t a_count, const struct record *b, size_t b_count) {
    for (size_t i = 0; i < a_count && i < b_count; i++) {
        int order = record_compare(&a[i], &b[i]);
        if (order != 0)
            return order;
    }
    return a_count < b_count ? -1 : a_count > b_count;
}

static size_t gather_rivals(const struct query *query, const struct domain *name,
                            struct record records[QUERY_RIVALS_MAX]) {
    size_t count = 0;
    for (size_t i = 0; i < query->rival_count; i++) {
        if (query->rivals[i].record.name == name)
            records[count++] = query->rivals[i].record;
    }
    return count;
}

static size_t gather_own(const struct query *query, const struct domain *name,
                         struct record records[ZONE_RECORDS_MAX]) {
    size_t count = 0;
    for (size_t i = 0; i < query->records.count; i++) {
        if (!zone_is_denial(i) && query->records.items[i].name == name)
            records[count++] = query->records.items[i];
    }
    return count;
}

static bool are_all_own(const struct record *records, size_t count, const struct zone *zone,
                        const struct links *links) {
    for (size_t i = 0; i < count; i++) {
        uint32_t ttl_s;
        if (zone_find(zone, links, &records[i], &ttl_s) < 0)
            return false;
    }
    return true;
}

static bool wins_name(const struct query *query, const struct domain *name, const struct zone *zone,
                      const struct links *links) {
    struct record rivals[QUERY_RIVALS_MAX];
    struct record own[ZONE_RECORDS_MAX];
    size_t rival_count = gather_rivals(query, name, rivals);
    size_t own_count = gather_own(query, name, own);
    if (are_all_own(rivals, rival_count, zone, links))
        return false;
    sort(rivals, rival_count);
    sort(own, own_count);
    return compare(own, own_count, rivals, rival_count) < 0;
}

bool query_wins(const struct query *query, const struct zone *zone, const struct links *links) {
    return wins_name(query, &zone->host, zone, links) ||
           wins_name(query, &zone->instance, zone, links);
}
