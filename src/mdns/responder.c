/* The name is unique, and everything else follows from it: the zone has it twice, as that of a host
 * and as that of a service, and both are asked for, kept and given up together. It is the same on
 * all links, while the addresses are those of a link.
 *
 * Answers by unicast are not asked for while probing (RFC 6762 §5.4): the port is shared with other
 * responders on this host, any of which the kernel could hand them to (§15.1). */
#include "mdns/responder.h"

#include "base/deadline.h"
#include "mdns/query.h"
#include "mdns/reply.h"

enum {
    PROBES = 3,
    PROBE_MS = 250,       /* between two of them, and after the last (RFC 6762 §8.1) */
    LOST_MS = 1000,       /* before it asks again, where another one goes first (§8.2) */
    CONFLICTS_MAX = 15,   /* in a row, each sooner after the one before than: */
    CONFLICTS_MS = 10000, /* before it asks less often (§8.1) */
    CONFLICT_DELAY_MS = 5000,
    ANNOUNCEMENTS = 3,  /* a second after the first, two after the second (§8.3) */
    AGAIN_MS = 1000,    /* before all are told the same again (§6) */
    DEFENCE_MS = 250,   /* the same, where somebody wants the name */
    SHARED_MIN_MS = 20, /* others may answer as well, and not all at once (§6) */
    SHARED_MAX_MS = 120,
    TRUNCATED_MIN_MS = 400, /* more known answers follow (§7.2) */
    TRUNCATED_MAX_MS = 500,
};

/* Before there was a clock. */
static const int64_t never_ms = INT64_MIN / 2;

static uint32_t bit(size_t place) {
    return UINT32_C(1) << place;
}

static int64_t choose(const struct responder *responder, int64_t min, int64_t max) {
    return responder->ways.choose(responder->context, min, max);
}

/* Sending */

static void send_to_group(const struct responder *responder, const struct link *link,
                          struct slice bytes) {
    static const uint8_t lens[] = {IP_V4_LEN, IP_V6_LEN};
    for (size_t i = 0; i < sizeof lens; i++) {
        const struct responder_packet packet = {
            .link = link->index, .ip_len = lens[i], .port = MESSAGE_PORT, .bytes = bytes};
        if (bytes.len > 0 && link_has_family(link, lens[i]))
            responder->ways.send(responder->context, &packet);
    }
}

/* Tells all on the link. */
static void say(struct responder *responder, size_t at, uint32_t answers, int64_t now_ms) {
    const struct link *link = &responder->links.items[at];
    struct zone_records records;
    char memory[MESSAGE_MAX];
    zone_list(&responder->zone, link, &records);
    send_to_group(responder, link, reply_to_all(memory, &records, answers));
    uint32_t said = answers | reply_companions(&records, answers);
    for (size_t i = 0; i < records.count; i++) {
        if ((said & bit(i)) != 0)
            responder->states[at].said_ms[i] = now_ms;
    }
}

static void say_goodbye(const struct responder *responder, const struct link *link) {
    struct zone_records records;
    char memory[MESSAGE_MAX];
    zone_list(&responder->zone, link, &records);
    send_to_group(responder, link, reply_goodbye(memory, &records));
}

static void probe(const struct responder *responder, const struct link *link) {
    struct zone_records records;
    char memory[MESSAGE_MAX];
    zone_list(&responder->zone, link, &records);
    send_to_group(responder, link, reply_probe(memory, &responder->zone, &records));
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
    responder->announced.count = 0;
    if (responder->phase == RESPONDER_PROBING) {
        responder->number++;
        make_name(responder);
    }
    start_probing(responder,
                  now_ms + (responder->conflicts < CONFLICTS_MAX ? choose(responder, 0, PROBE_MS)
                                                                 : CONFLICT_DELAY_MS));
}

void responder_init(struct responder *responder, struct slice name, uint16_t port,
                    const struct responder_ways *ways, void *context) {
    *responder = (struct responder){
        .wish_len = name.len,
        .number = 1,
        .port = port,
        .phase = RESPONDER_IDLE,
        .due_ms = INT64_MAX,
        .conflict_ms = never_ms,
        .ways = *ways,
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

/* Queries */

/* What all were told lately. */
static uint32_t find_recent(const struct responder_link *state, const struct zone_records *records,
                            int64_t now_ms) {
    uint32_t recent = 0;
    for (size_t i = 0; i < records->count; i++) {
        if (now_ms - state->said_ms[i] < (int64_t)records->items[i].ttl_s * 1000 / 4)
            recent |= bit(i);
    }
    return recent;
}

/* What is answered by unicast: who knows of multicast gets what all were not told for long with all
 * (RFC 6762 §5.4). */
static uint32_t choose_unicast(const struct responder_link *state, const struct query *query,
                               int64_t now_ms) {
    bool always = query->is_legacy || !query->sender->to_group;
    return query->by_unicast & (always ? UINT32_MAX : find_recent(state, &query->records, now_ms));
}

static void answer_one(const struct responder *responder, const struct query *query,
                       uint32_t answers) {
    const struct link_sender *sender = query->sender;
    char memory[MESSAGE_MAX];
    struct responder_packet packet = {
        .link = sender->link, .ip_len = sender->ip.len, .to = sender->ip, .port = sender->port};
    if (answers == 0)
        return;
    packet.bytes = reply_to_one(memory, query, answers);
    responder->ways.send(responder->context, &packet);
}

/* How long others have time to answer as well, or who asks to say what it knows (RFC 6762 §6,
 * §7.2). */
static int64_t choose_delay_ms(struct responder *responder, const struct query *query,
                               uint32_t answers) {
    uint32_t shared = bit(ZONE_SERVICES) | bit(ZONE_SERVICE);
    if (query->is_truncated)
        return choose(responder, TRUNCATED_MIN_MS, TRUNCATED_MAX_MS);
    return (answers & shared) == 0 ? 0 : choose(responder, SHARED_MIN_MS, SHARED_MAX_MS);
}

static void answer_all_at(struct responder_link *state, uint32_t answers, int64_t due_ms) {
    if (state->answers == 0 || due_ms < state->answer_at_ms)
        state->answer_at_ms = due_ms;
    state->answers |= answers;
}

static bool is_asker(const struct responder_link *state, const struct query *query) {
    const struct ip *from = &query->sender->ip;
    return state->asker.len == from->len && memcmp(state->asker.bytes, from->bytes, from->len) == 0;
}

static void answer_all(struct responder *responder, struct responder_link *state,
                       const struct query *query, uint32_t answers, int64_t now_ms) {
    if (answers == 0)
        return;
    state->for_several = state->answers != 0 && (state->for_several || !is_asker(state, query));
    state->asker = query->sender->ip;
    state->in_defence |= query->is_probe;
    answer_all_at(state, answers, now_ms + choose_delay_ms(responder, query, answers));
}

static void hear_query(struct responder *responder, size_t at, const struct link_sender *sender,
                       struct message *message, int64_t now_ms) {
    struct responder_link *state = &responder->states[at];
    struct query query;
    if (!query_read(&query, message, &responder->zone, &responder->links.items[at], sender))
        return;
    if (responder->phase == RESPONDER_PROBING) {
        if (query_wins(&query, &responder->zone, &responder->links)) {
            responder->announced.count = 0;
            start_probing(responder, now_ms + LOST_MS);
        }
        return;
    }
    uint32_t by_unicast = choose_unicast(state, &query, now_ms);
    answer_one(responder, &query, by_unicast & ~query.known);
    answer_all(responder, state, &query, query.answers & ~by_unicast & ~query.known, now_ms);
    /* Who asked before goes on to say what it knows (RFC 6762 §7.2). */
    if (query.questions == 0 && !state->for_several && is_asker(state, &query))
        state->answers &= ~query.known;
}

/* Responses */

/* What this one would say has been said, or unsaid; the latter is mended (RFC 6762 §6.6, §7.4). */
static void hear_own(struct responder *responder, size_t at, const struct record *record,
                     size_t place, uint32_t ttl_s, int64_t now_ms) {
    struct responder_link *state = &responder->states[at];
    if (responder->phase == RESPONDER_PROBING || place >= ZONE_ADDRESSES)
        return;
    if (record->ttl_s < ttl_s / 2)
        answer_all_at(state, bit(place), now_ms + choose(responder, SHARED_MIN_MS, SHARED_MAX_MS));
    else if (zone_share(place) == ZONE_SHARED)
        state->answers &= ~bit(place);
}

/* A name that has anything is taken, whatever it is, but for what says that there is nothing, or no
 * more (RFC 6762 §8.1, §9). */
static bool is_conflict(const struct responder *responder, const struct record *record) {
    return zone_has_name(&responder->zone, record) && record->type != RECORD_NSEC &&
           record->ttl_s > 0;
}

static void hear_response(struct responder *responder, size_t at, struct message *message,
                          int64_t now_ms) {
    struct question question;
    struct record record;
    enum message_section section;
    int result;
    while ((result = message_next_question(message, &question)) > 0)
        continue; /* they mean nothing (RFC 6762 §6) */
    while (result == 0 && message_next_record(message, &record, &section) > 0) {
        uint32_t ttl_s;
        int place = zone_find(&responder->zone, &responder->links, &record, &ttl_s);
        if (place >= 0) {
            hear_own(responder, at, &record, (size_t)place, ttl_s, now_ms);
        } else if (is_conflict(responder, &record)) {
            meet_conflict(responder, now_ms);
            return;
        }
    }
}

/* Who is not on the link is no neighbour (RFC 6762 §11); and RFC 6762 §18.3, §18.11. */
void responder_receive(struct responder *responder, const struct link_sender *sender,
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
        say(responder, i, reply_assertions(&records), now_ms);
    }
    responder->announced = responder->links;
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

/* What was announced is known, also while a change of the links has it ask again. */
void responder_stop(struct responder *responder) {
    for (size_t i = 0; i < responder->announced.count; i++) {
        const struct link *link = &responder->announced.items[i];
        if (links_find(&responder->links, link->index) != NULL)
            say_goodbye(responder, link);
    }
    responder->announced.count = 0;
    responder->phase = RESPONDER_STOPPED;
    responder->due_ms = INT64_MAX;
    for (size_t i = 0; i < responder->links.count; i++)
        responder->states[i].answers = 0;
}
