/* Messages of multicast DNS. Input: what comes in a packet. It is read, written again, and given to
 * a host that asks for its name, and to one that has it. */
#include "mdns/message.h"

#include "fuzz/fuzz.h"
#include "mdns/responder.h"

enum { NOW_MS = 1000000, LINK = 3, PACKETS_MAX = 64, SETTLE_MS = 10000 };

static void check_name(const struct domain *domain) {
    size_t at = 0;
    struct domain again;
    CHECK(domain->len > 0 && domain->bytes[domain->len - 1] == '\0');
    CHECK(domain_read(domain_slice(domain), &at, &again));
    CHECK(at == domain->len && domain_equal(domain, &again));
}

/* What is written is read as the same, and needs no more room where its names are found before. */
static void check_again(const struct record *record) {
    struct draft draft;
    struct message message;
    struct record again;
    enum message_section section;
    char memory[MESSAGE_MAX];
    draft_start(&draft, memory, 0, 0);
    draft_put_record(&draft, MESSAGE_ANSWERS, record);
    struct slice copy = fuzz_copy(draft_finish(&draft));
    if (copy.len > 0) {
        CHECK(message_open(&message, copy));
        CHECK(message_next_record(&message, &again, &section) == 1);
        CHECK(record_equal(record, &again) && record_compare(record, &again) == 0);
        CHECK(record->flush == again.flush && record->ttl_s == again.ttl_s);
        CHECK(message.at == copy.len && section == MESSAGE_ANSWERS);
    } else {
        CHECK(draft.buf.overflow);
    }
    fuzz_free(copy);
}

static void read_all(struct slice bytes) {
    struct message message;
    struct question question;
    struct record record;
    enum message_section section;
    int result;
    if (!message_open(&message, bytes)) {
        CHECK(bytes.len < MESSAGE_HEAD_LEN);
        return;
    }
    while ((result = message_next_question(&message, &question)) > 0)
        check_name(question.name);
    while (result == 0 && (result = message_next_record(&message, &record, &section)) > 0) {
        check_name(record.name);
        check_again(&record);
        CHECK(section != MESSAGE_QUESTIONS);
        result = 0;
    }
    CHECK(message.at <= bytes.len);
}

/* The host */

struct host {
    struct responder responder;
    size_t packets;
};

static void check_packet(void *context, const struct responder_packet *packet) {
    struct host *host = context;
    struct message message;
    struct question question;
    struct record record;
    enum message_section section;
    CHECK(packet->bytes.len <= MESSAGE_MAX && message_open(&message, packet->bytes));
    while (message_next_question(&message, &question) > 0)
        continue;
    while (message_next_record(&message, &record, &section) > 0)
        check_name(record.name);
    CHECK(message.at == packet->bytes.len && message.left[MESSAGE_ADDITIONAL] == 0);
    CHECK(packet->link == LINK && ++host->packets < PACKETS_MAX);
}

static int64_t choose_least(void *context, int64_t min, int64_t max) {
    (void)context;
    (void)max;
    return min;
}

static void open_host(struct host *host) {
    const struct responder_ways ways = {check_packet, choose_least};
    struct links links = {.count = 0};
    struct link_address address = {.prefix_bits = 24, .is_served = true};
    CHECK(ip_parse(SLICE("192.0.2.1"), &address.ip));
    links_add(&links, LINK, &address);
    host->packets = 0;
    responder_init(&host->responder, SLICE("p"), 80, &ways, host);
    responder_set_links(&host->responder, &links, NOW_MS);
}

static int64_t run(struct host *host, int64_t now_ms, int64_t end_ms) {
    while (now_ms < end_ms) {
        int64_t wait_ms = responder_wait_ms(&host->responder, now_ms);
        now_ms = wait_ms < 0 || wait_ms > end_ms - now_ms ? end_ms : now_ms + wait_ms;
        responder_tick(&host->responder, now_ms);
    }
    return now_ms;
}

/* Whatever comes, the host has a name in the end, and is at rest. */
static void give(struct slice bytes, int64_t after_ms, uint16_t port) {
    struct link_sender sender = {.link = LINK, .port = port, .to_group = true};
    struct host host;
    CHECK(ip_parse(SLICE("192.0.2.9"), &sender.ip));
    open_host(&host);
    int64_t now_ms = run(&host, NOW_MS, NOW_MS + after_ms);
    responder_receive(&host.responder, &sender, bytes, now_ms);
    (void)run(&host, now_ms, now_ms + SETTLE_MS);
    CHECK(host.responder.phase == RESPONDER_SETTLED);
    CHECK(responder_wait_ms(&host.responder, now_ms + SETTLE_MS) < 0);
    responder_stop(&host.responder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice input = fuzz_copy(slice_of((const char *)data, size));
    read_all(input);
    give(input, 100, MESSAGE_PORT);
    give(input, SETTLE_MS, MESSAGE_PORT);
    give(input, SETTLE_MS, 4711);
    fuzz_free(input);
    return 0;
}
