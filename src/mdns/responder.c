/* The name is unique, and everything else follows from it: the zone has it twice, as that of a host
 * and as that of a service, and both are asked for, kept and given up together. It is the same on
 * all links, while the addresses are those of a link.
 *
 * Answers by unicast are not asked for while probing (RFC 6762 §5.4): the port is shared with other
 * responders on this host, any of which the kernel could hand them to (§15.1). */
#include "mdns/responder.h"

#include "base/deadline.h"

enum {
    PROBES = 3,
    PROBE_MS = 250,         /* between two of them, and after the last (RFC 6762 §8.1) */
    LOST_MS = 1000,         /* before it asks again, where another one goes first (§8.2) */
    CONFLICTS_MAX = 15,     /* in a row, each sooner after the one before than: */
    CONFLICTS_MS = 10000,   /* before it asks less often (§8.1) */
    CONFLICT_DELAY_MS = 5000,
    ANNOUNCEMENTS = 3,      /* a second after the first, two after the second (§8.3) */
    AGAIN_MS = 1000,        /* before all are told the same again (§6) */
    DEFENCE_MS = 250,       /* the same, where somebody wants the name */
    SHARED_MIN_MS = 20,     /* others may answer as well, and not all at once (§6) */
    SHARED_MAX_MS = 120,
    TRUNCATED_MIN_MS = 400, /* more known answers follow (§7.2) */
    TRUNCATED_MAX_MS = 500,
    LEGACY_TTL_S = 10,      /* §6.7 */
};

/* Before there was a clock. */
static const int64_t never_ms = INT64_MIN / 2;

static uint32_t bit(size_t place) {
    return UINT32_C(1) << place;
}

/* Which are no denials; and all that are sent at first, and at last. */
static uint32_t assertions(const struct zone_records *records) {
    return (bit(records->count) - 1) & ~bit(ZONE_INSTANCE_NSEC) & ~bit(ZONE_HOST_NSEC);
}

/* From `min` to `max`; xorshift64* (Vigna), which need not be hard to guess. */
static int64_t choose(struct responder *responder, int64_t min, int64_t max) {
    uint64_t x = responder->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    responder->random = x;
    return min + (int64_t)((x * UINT64_C(0x2545f4914f6cdd1d) >> 33) % (uint64_t)(max - min + 1));
}

/* Sending */

static void send_to_group(const struct responder *responder, const struct link *link,
                          struct slice bytes) {
    static const uint8_t lens[] = {IP_V4_LEN, IP_V6_LEN};
    for (size_t i = 0; i < sizeof lens; i++) {
        const struct responder_packet packet = {
            .link = link->index, .ip_len = lens[i], .port = MESSAGE_PORT, .bytes = bytes};
        if (bytes.len > 0 && link_has_family(link, lens[i]))
            responder->send(responder->context, &packet);
    }
}

/* How records are put into a message. */
struct manner {
    bool legacy; /* for who takes it for ordinary DNS (RFC 6762 §6.7) */
    bool goodbye;
};

static void put(struct draft *draft, enum message_section section,
                const struct zone_records *records, uint32_t places, struct manner manner) {
    for (size_t i = 0; i < records->count; i++) {
        struct record record = records->items[i];
        if ((places & bit(i)) == 0)
            continue;
        if (manner.legacy) {
            record.flush = false;
            record.ttl_s = record.ttl_s < LEGACY_TTL_S ? record.ttl_s : LEGACY_TTL_S;
        }
        if (manner.goodbye)
            record.ttl_s = 0;
        draft_put_record(draft, section, &record);
    }
}

/* What goes with the answers, but is not among them. */
static uint32_t companions(const struct zone_records *records, uint32_t answers) {
    uint32_t places = 0;
    for (size_t i = 0; i < records->count; i++)
        places |= (answers & bit(i)) != 0 ? zone_companions(records, i) : 0;
    return places & ~answers;
}

/* Tells all on the link. */
static void say(struct responder *responder, size_t at, uint32_t answers, int64_t now_ms) {
    struct zone_records records;
    struct draft draft;
    char memory[MESSAGE_MAX];
    zone_list(&responder->zone, &responder->links.items[at], &records);
    uint32_t additional = companions(&records, answers);
    draft_start(&draft, memory, 0, MESSAGE_RESPONSE | MESSAGE_AUTHORITATIVE);
    put(&draft, MESSAGE_ANSWERS, &records, answers, (struct manner){0});
    put(&draft, MESSAGE_ADDITIONAL, &records, additional, (struct manner){0});
    send_to_group(responder, &responder->links.items[at], draft_finish(&draft));
    for (size_t i = 0; i < records.count; i++) {
        if (((answers | additional) & bit(i)) != 0)
            responder->states[at].said_ms[i] = now_ms;
    }
}

static void say_goodbye(struct responder *responder, const struct link *link) {
    struct zone_records records;
    struct draft draft;
    char memory[MESSAGE_MAX];
    zone_list(&responder->zone, link, &records);
    draft_start(&draft, memory, 0, MESSAGE_RESPONSE | MESSAGE_AUTHORITATIVE);
    /* That there are web servers may go on to be true. */
    put(&draft, MESSAGE_ANSWERS, &records, assertions(&records) & ~bit(ZONE_SERVICES),
        (struct manner){.goodbye = true});
    send_to_group(responder, link, draft_finish(&draft));
}

/* Asks for all that has the name, and says what it would be (RFC 6762 §8.1, §8.2). */
static void probe(struct responder *responder, const struct link *link) {
    const struct zone *zone = &responder->zone;
    const struct question questions[] = {
        {&zone->host, RECORD_ANY, RECORD_IN, .unicast = false},
        {&zone->instance, RECORD_ANY, RECORD_IN, .unicast = false},
    };
    struct zone_records records;
    struct draft draft;
    char memory[MESSAGE_MAX];
    zone_list(zone, link, &records);
    for (size_t i = 0; i < records.count; i++)
        records.items[i].flush = false; /* §10.2: in responses only */
    draft_start(&draft, memory, 0, 0);
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
        draft_put_question(&draft, &questions[i]);
    put(&draft, MESSAGE_AUTHORITY, &records,
        assertions(&records) & ~bit(ZONE_SERVICES) & ~bit(ZONE_SERVICE), (struct manner){0});
    send_to_group(responder, link, draft_finish(&draft));
}

/* Names */

/* The wish, with a number behind it from the second on. */
static void make_name(struct responder *responder) {
    struct buf buf = BUF_INIT(responder->name, sizeof responder->name);
    buf_put(&buf, slice_of(responder->wish, responder->wish_len));
    if (responder->number > 1) {
        buf_put_char(&buf, '-');
        buf_put_number(&buf, responder->number);
    }
    responder->name_len = buf.len;
    zone_make(&responder->zone, buf_slice(&buf), responder->port);
}

static void start_probing(struct responder *responder, int64_t due_ms) {
    responder->phase = RESPONDER_PROBING;
    responder->steps = 0;
    responder->due_ms = due_ms;
    for (size_t i = 0; i < LINKS_MAX; i++) {
        struct responder_link *state = &responder->states[i];
        *state = (struct responder_link){.answers = 0};
        for (size_t j = 0; j < ZONE_RECORDS_MAX; j++)
            state->said_ms[j] = never_ms;
    }
}

/* Another one has the name. Who had it must ask whether it still does (RFC 6762 §9), and who asked
 * has been told. */
static void meet_conflict(struct responder *responder, int64_t now_ms) {
    bool in_a_row = now_ms - responder->conflict_ms < CONFLICTS_MS;
    responder->conflicts = in_a_row ? responder->conflicts + 1 : 1;
    responder->conflict_ms = now_ms;
    if (responder->phase == RESPONDER_PROBING) {
        responder->number++;
        make_name(responder);
    }
    start_probing(responder, now_ms + (responder->conflicts < CONFLICTS_MAX
                                           ? choose(responder, 0, PROBE_MS)
                                           : CONFLICT_DELAY_MS));
}

void responder_init(struct responder *responder, struct slice name, uint16_t port, uint64_t seed,
                    void (*send)(void *context, const struct responder_packet *packet),
                    void *context) {
    *responder = (struct responder){
        .wish_len = name.len,
        .number = 1,
        .port = port,
        .phase = RESPONDER_IDLE,
        .due_ms = INT64_MAX,
        .conflict_ms = never_ms,
        .random = seed | 1, /* 0 would stay 0 */
        .send = send,
        .context = context,
    };
    memcpy(responder->wish, name.ptr, name.len);
    make_name(responder);
}

void responder_set_links(struct responder *responder, const struct links *links, int64_t now_ms) {
    if (responder->phase == RESPONDER_STOPPED || links_equal(&responder->links, links))
        return;
    responder->links = *links;
    start_probing(responder, now_ms + choose(responder, 0, PROBE_MS));
    if (links->count == 0) {
        responder->phase = RESPONDER_IDLE;
        responder->due_ms = INT64_MAX;
    }
}

/* Whether a record says what this responder says, on any link: a host may hear itself there. Writes
 * its place in the zone, which is as on every other link but for addresses. */
static bool is_own(const struct responder *responder, const struct record *record, size_t *place,
                   uint32_t *ttl_s) {
    for (size_t i = 0; i < responder->links.count; i++) {
        struct zone_records records;
        zone_list(&responder->zone, &responder->links.items[i], &records);
        for (size_t j = 0; j < records.count; j++) {
            if (!record_equal(&records.items[j], record))
                continue;
            *place = j;
            *ttl_s = records.items[j].ttl_s;
            return true;
        }
    }
    return false;
}

/* Whether it has one of the names that are to be unique. */
static bool has_own_name(const struct responder *responder, const struct record *record) {
    return record->class == RECORD_IN && (domain_equal(record->name, &responder->zone.host) ||
                                          domain_equal(record->name, &responder->zone.instance));
}

/* Queries */

enum { RIVALS_MAX = 16, RIVAL_DATA_MAX = 264 };

/* A record that who asks would have. */
struct rival {
    bool is_of_host; /* else of the instance */
    struct record record;
    char data[RIVAL_DATA_MAX];
};

struct query {
    const struct responder_sender *sender;
    struct zone_records records; /* of the link */
    uint16_t id;
    bool legacy;
    bool truncated;
    bool has_questions;
    struct question question; /* the last one; its name is in: */
    struct domain name;
    uint32_t by_unicast; /* what is asked for, a bit for each place */
    uint32_t by_multicast;
    uint32_t known; /* what who asks knows already */
    bool probes;    /* it wants a name */
    struct rival rivals[RIVALS_MAX];
    size_t rival_count;
};

/* The places of what a question asks for; or of what says that this is all there is of a name. */
static uint32_t find_answers(const struct zone_records *records, const struct question *question) {
    uint32_t answers = 0;
    for (size_t i = 0; i < records->count; i++) {
        if (!zone_is_denial(i) && question_matches(question, &records->items[i]))
            answers |= bit(i);
    }
    for (size_t i = 0; answers == 0 && i < records->count; i++) {
        const struct question any = {question->name, RECORD_ANY, question->class, false};
        if (zone_is_denial(i) && question_matches(&any, &records->items[i]))
            return bit(i);
    }
    return answers;
}

/* Who asks for unicast gets it, but for what all have not been told for long (RFC 6762 §5.4). */
static uint32_t find_recent(const struct responder_link *state, const struct zone_records *records,
                            int64_t now_ms) {
    uint32_t recent = 0;
    for (size_t i = 0; i < records->count; i++) {
        if (now_ms - state->said_ms[i] < (int64_t)records->items[i].ttl_s * 1000 / 4)
            recent |= bit(i);
    }
    return recent;
}

static void take_question(struct query *query, const struct question *question, uint32_t recent) {
    uint32_t answers = find_answers(&query->records, question);
    uint32_t by_unicast = query->legacy || !query->sender->to_group ? answers
                          : question->unicast                       ? answers & recent
                                                                    : 0;
    query->by_unicast |= by_unicast;
    query->by_multicast |= answers & ~by_unicast;
    query->has_questions = true;
    if (answers == 0)
        return;
    query->name = *question->name;
    query->question = *question;
    query->question.name = &query->name;
    query->question.unicast = false;
}

/* Known answers (RFC 6762 §7.1). */
static void take_known(struct query *query, const struct record *record) {
    for (size_t i = 0; i < query->records.count; i++) {
        if (record_equal(record, &query->records.items[i]) &&
            record->ttl_s >= query->records.items[i].ttl_s / 2)
            query->known |= bit(i);
    }
}

/* More than there is room for, or larger ones, decide nothing. */
static void take_rival(const struct responder *responder, struct query *query,
                       const struct record *record) {
    query->probes = true;
    if (!has_own_name(responder, record) || query->rival_count == RIVALS_MAX ||
        record->data.len > RIVAL_DATA_MAX)
        return;
    struct rival *rival = &query->rivals[query->rival_count++];
    rival->is_of_host = domain_equal(record->name, &responder->zone.host);
    rival->record = *record;
    rival->record.name = rival->is_of_host ? &responder->zone.host : &responder->zone.instance;
    if (record->data.len > 0)
        memcpy(rival->data, record->data.ptr, record->data.len);
    rival->record.data = slice_of(rival->data, record->data.len);
}

/* Reads all of it; returns false for what is no message. */
static bool read_query(const struct responder *responder, struct query *query,
                       struct message *message, uint32_t recent) {
    struct question question;
    struct record record;
    enum message_section section;
    int result;
    while ((result = message_next_question(message, &question)) > 0)
        take_question(query, &question, recent);
    while (result == 0 && (result = message_next_record(message, &record, &section)) > 0) {
        if (section == MESSAGE_ANSWERS)
            take_known(query, &record);
        if (section == MESSAGE_AUTHORITY)
            take_rival(responder, query, &record);
        result = 0;
    }
    return result == 0;
}

/* Two who want a name (RFC 6762 §8.2) */

static void sort(struct record *records, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct record record = records[i];
        size_t at = i;
        for (; at > 0 && record_compare(&records[at - 1], &record) > 0; at--)
            records[at] = records[at - 1];
        records[at] = record;
    }
}

static int compare(const struct record *a, size_t a_count, const struct record *b,
                   size_t b_count) {
    for (size_t i = 0; i < a_count && i < b_count; i++) {
        int order = record_compare(&a[i], &b[i]);
        if (order != 0)
            return order;
    }
    return a_count < b_count ? -1 : a_count > b_count;
}

/* Those of the other, for one of the names. Returns how many there are, and whether all are this
 * responder's own, as when it hears itself. */
static size_t gather_theirs(const struct responder *responder, const struct query *query,
                            bool is_of_host, struct record records[RIVALS_MAX], bool *all_own) {
    size_t count = 0;
    *all_own = true;
    for (size_t i = 0; i < query->rival_count; i++) {
        size_t place;
        uint32_t ttl_s;
        if (query->rivals[i].is_of_host != is_of_host)
            continue;
        records[count++] = query->rivals[i].record;
        *all_own &= is_own(responder, &query->rivals[i].record, &place, &ttl_s);
    }
    return count;
}

static size_t gather_own(const struct zone_records *zone, const struct domain *name,
                         struct record records[ZONE_RECORDS_MAX]) {
    size_t count = 0;
    for (size_t i = 0; i < zone->count; i++) {
        if (!zone_is_denial(i) && domain_equal(zone->items[i].name, name))
            records[count++] = zone->items[i];
    }
    return count;
}

/* Whether the other one goes first. */
static bool loses(const struct responder *responder, const struct query *query, bool is_of_host) {
    struct record theirs[RIVALS_MAX];
    struct record own[ZONE_RECORDS_MAX];
    bool all_own;
    size_t their_count = gather_theirs(responder, query, is_of_host, theirs, &all_own);
    if (all_own)
        return false;
    size_t own_count =
        gather_own(&query->records,
                   is_of_host ? &responder->zone.host : &responder->zone.instance, own);
    sort(theirs, their_count);
    sort(own, own_count);
    return compare(own, own_count, theirs, their_count) < 0;
}

/* Answers */

/* With the question and its number, for who takes it for ordinary DNS (RFC 6762 §6.7). */
static void answer_one(struct responder *responder, const struct query *query, uint32_t answers) {
    const struct responder_sender *sender = query->sender;
    const struct manner manner = {.legacy = query->legacy};
    struct draft draft;
    char memory[MESSAGE_MAX];
    draft_start(&draft, memory, query->legacy ? query->id : 0,
                MESSAGE_RESPONSE | MESSAGE_AUTHORITATIVE);
    draft.plain_targets = query->legacy;
    if (query->legacy)
        draft_put_question(&draft, &query->question);
    put(&draft, MESSAGE_ANSWERS, &query->records, answers, manner);
    put(&draft, MESSAGE_ADDITIONAL, &query->records,
        companions(&query->records, answers) & ~query->known, manner);
    const struct responder_packet packet = {.link = sender->link,
                                            .ip_len = sender->ip.len,
                                            .to = sender->ip,
                                            .port = sender->port,
                                            .bytes = draft_finish(&draft)};
    responder->send(responder->context, &packet);
}

static bool all_unique(uint32_t answers) {
    return (answers & (bit(ZONE_SERVICES) | bit(ZONE_SERVICE))) == 0;
}

/* How long others have time to answer as well, or who asks to say what it knows (RFC 6762 §6,
 * §7.2). */
static int64_t choose_delay_ms(struct responder *responder, const struct query *query) {
    if (query->truncated)
        return choose(responder, TRUNCATED_MIN_MS, TRUNCATED_MAX_MS);
    return all_unique(query->by_multicast) ? 0 : choose(responder, SHARED_MIN_MS, SHARED_MAX_MS);
}

static void answer_all_later(struct responder_link *state, uint32_t answers, int64_t due_ms) {
    if (state->answers == 0 || due_ms < state->answer_at_ms)
        state->answer_at_ms = due_ms;
    state->answers |= answers;
}

static void answer_all(struct responder *responder, struct responder_link *state,
                       const struct query *query, int64_t now_ms) {
    bool same = slice_equal(slice_of((const char *)state->asker.bytes, state->asker.len),
                            slice_of((const char *)query->sender->ip.bytes, query->sender->ip.len));
    state->for_several = state->answers != 0 && (state->for_several || !same);
    state->asker = query->sender->ip;
    state->in_defence |= query->probes;
    answer_all_later(state, query->by_multicast, now_ms + choose_delay_ms(responder, query));
}

/* Who asked goes on to say what it knows (RFC 6762 §7.2). */
static void take_more_known(struct responder_link *state, const struct query *query) {
    const struct ip *from = &query->sender->ip;
    if (!state->for_several && state->asker.len == from->len &&
        memcmp(state->asker.bytes, from->bytes, from->len) == 0)
        state->answers &= ~query->known;
}

static void hear_query(struct responder *responder, size_t at,
                       const struct responder_sender *sender, struct message *message,
                       int64_t now_ms) {
    struct responder_link *state = &responder->states[at];
    struct query query;
    query.sender = sender;
    query.id = message->id;
    query.legacy = sender->port != MESSAGE_PORT;
    query.truncated = (message->flags & MESSAGE_TRUNCATED) != 0;
    query.has_questions = query.probes = false;
    query.by_unicast = query.by_multicast = query.known = 0;
    query.rival_count = 0;
    zone_list(&responder->zone, &responder->links.items[at], &query.records);
    if (!read_query(responder, &query, message, find_recent(state, &query.records, now_ms)))
        return;
    if (responder->phase == RESPONDER_PROBING) {
        if (loses(responder, &query, true) || loses(responder, &query, false))
            start_probing(responder, now_ms + LOST_MS);
        return;
    }
    query.by_unicast &= ~query.known;
    query.by_multicast &= ~query.known;
    if (!query.has_questions)
        take_more_known(state, &query);
    if (query.by_unicast != 0)
        answer_one(responder, &query, query.by_unicast);
    if (query.by_multicast != 0)
        answer_all(responder, state, &query, now_ms);
}

/* Responses */

/* What this one would say has been said, or unsaid; the latter is mended (RFC 6762 §6.6, §7.4). */
static void hear_own(struct responder *responder, size_t at, const struct record *record,
                     size_t place, uint32_t ttl_s, int64_t now_ms) {
    struct responder_link *state = &responder->states[at];
    if (responder->phase == RESPONDER_PROBING || place >= ZONE_ADDRESSES)
        return;
    if (record->ttl_s < ttl_s / 2)
        answer_all_later(state, bit(place),
                         now_ms + choose(responder, SHARED_MIN_MS, SHARED_MAX_MS));
    else if (zone_share(place) == ZONE_SHARED)
        state->answers &= ~bit(place);
}

/* A name that has anything is taken, whatever it is, but for what says that there is nothing, or no
 * more (RFC 6762 §8.1, §9). */
static bool is_conflict(const struct responder *responder, const struct record *record) {
    return has_own_name(responder, record) && record->type != RECORD_NSEC && record->ttl_s > 0;
}

static void hear_response(struct responder *responder, size_t at, struct message *message,
                          int64_t now_ms) {
    struct question question;
    struct record record;
    enum message_section section;
    while (message_next_question(message, &question) > 0)
        continue; /* they mean nothing (RFC 6762 §6) */
    while (message_next_record(message, &record, &section) > 0) {
        size_t place;
        uint32_t ttl_s;
        if (is_own(responder, &record, &place, &ttl_s)) {
            hear_own(responder, at, &record, place, ttl_s, now_ms);
        } else if (is_conflict(responder, &record)) {
            meet_conflict(responder, now_ms);
            return;
        }
    }
}

/* Who is not on the link is no neighbour (RFC 6762 §11); and RFC 6762 §18.3, §18.11. */
void responder_receive(struct responder *responder, const struct responder_sender *sender,
                       struct slice bytes, int64_t now_ms) {
    struct message message;
    const struct link *link = links_find(&responder->links, sender->link);
    if (responder->phase == RESPONDER_IDLE || responder->phase == RESPONDER_STOPPED ||
        link == NULL || !link_reaches(link, &sender->ip) || !message_open(&message, bytes) ||
        (message.flags & (MESSAGE_OPCODE | MESSAGE_RCODE)) != 0)
        return;
    size_t at = (size_t)(link - responder->links.items);
    if ((message.flags & MESSAGE_RESPONSE) == 0)
        hear_query(responder, at, sender, &message, now_ms);
    else if (sender->port == MESSAGE_PORT)
        hear_response(responder, at, &message, now_ms);
}

/* Time */

/* Sends what all may be told again, and keeps the rest. */
static void answer_due(struct responder *responder, size_t at, int64_t now_ms) {
    struct responder_link *state = &responder->states[at];
    int64_t pause_ms = state->in_defence ? DEFENCE_MS : AGAIN_MS;
    uint32_t answers = 0;
    if (state->answers == 0 || state->answer_at_ms > now_ms)
        return;
    state->answer_at_ms = INT64_MAX;
    for (size_t i = 0; i < ZONE_RECORDS_MAX; i++) {
        int64_t due_ms = state->said_ms[i] + pause_ms;
        if ((state->answers & bit(i)) == 0)
            continue;
        if (due_ms <= now_ms)
            answers |= bit(i);
        else if (due_ms < state->answer_at_ms)
            state->answer_at_ms = due_ms;
    }
    state->answers &= ~answers;
    state->in_defence &= state->answers != 0;
    if (answers != 0)
        say(responder, at, answers, now_ms);
}

static void step_probing(struct responder *responder, int64_t now_ms) {
    if (responder->steps == PROBES) {
        responder->phase = RESPONDER_ANNOUNCING;
        responder->steps = 0;
        return;
    }
    for (size_t i = 0; i < responder->links.count; i++)
        probe(responder, &responder->links.items[i]);
    responder->steps++;
    responder->due_ms = now_ms + PROBE_MS;
}

static void step_announcing(struct responder *responder, int64_t now_ms) {
    for (size_t i = 0; i < responder->links.count; i++) {
        struct zone_records records;
        zone_list(&responder->zone, &responder->links.items[i], &records);
        say(responder, i, assertions(&records), now_ms);
    }
    responder->due_ms = now_ms + ((int64_t)AGAIN_MS << responder->steps);
    responder->steps++;
    if (responder->steps == ANNOUNCEMENTS) {
        responder->phase = RESPONDER_SETTLED;
        responder->due_ms = INT64_MAX;
    }
}

void responder_tick(struct responder *responder, int64_t now_ms) {
    while (responder->due_ms <= now_ms) {
        if (responder->phase == RESPONDER_PROBING)
            step_probing(responder, now_ms);
        else
            step_announcing(responder, now_ms);
    }
    for (size_t i = 0; i < responder->links.count; i++)
        answer_due(responder, i, now_ms);
}

int64_t responder_wait_ms(const struct responder *responder, int64_t now_ms) {
    int64_t wait_ms = -1;
    if (responder->due_ms < INT64_MAX)
        wait_ms = deadline_sooner_ms(wait_ms, responder->due_ms, now_ms);
    for (size_t i = 0; i < responder->links.count; i++) {
        if (responder->states[i].answers != 0)
            wait_ms = deadline_sooner_ms(wait_ms, responder->states[i].answer_at_ms, now_ms);
    }
    return wait_ms;
}

void responder_stop(struct responder *responder) {
    bool has_name = responder->phase == RESPONDER_ANNOUNCING ||
                    responder->phase == RESPONDER_SETTLED;
    for (size_t i = 0; has_name && i < responder->links.count; i++)
        say_goodbye(responder, &responder->links.items[i]);
    responder->phase = RESPONDER_STOPPED;
    responder->due_ms = INT64_MAX;
    for (size_t i = 0; i < responder->links.count; i++)
        responder->states[i].answers = 0;
}
