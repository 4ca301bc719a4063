/* What is asked for, and known; in the language of support/dns_text.h. */
#include "mdns/query.h"

#include "support/dns_text.h"

enum {
    SRV = 1u << ZONE_SRV,
    TXT = 1u << ZONE_TXT,
    SERVICE = 1u << ZONE_SERVICE,
    HOST_NSEC = 1u << ZONE_HOST_NSEC,
    V4 = 1u << ZONE_ADDRESSES,
};

static const struct {
    const char *name;
    const char *text;
    uint16_t port;
    bool to_group;
    uint32_t answers;
    uint32_t by_unicast;
    uint32_t known;
} rows[] = {
    {"nothing", "Q ?q.local/A", MESSAGE_PORT, true, 0, 0, 0},
    {"to all", "Q ?p.local/A", MESSAGE_PORT, true, V4, 0, 0},
    {"to one", "Q ?p.local/A/u", MESSAGE_PORT, true, V4, V4, 0},
    {"some to one", "Q ?p.local/A/u ?_http._tcp.local/PTR", MESSAGE_PORT, true, V4 | SERVICE, V4,
     0},
    {"alone", "Q ?p.local/A", MESSAGE_PORT, false, V4, V4, 0},
    {"from another port", "Q ?p.local/A", 4711, true, V4, V4, 0},
    {"any", "Q ?p._http._tcp.local/ANY", MESSAGE_PORT, true, SRV | TXT, 0, 0},
    {"not there", "Q ?p.local/AAAA", MESSAGE_PORT, true, HOST_NSEC, 0, 0},
    {"known", "Q ?p.local/A =p.local/A/60/192.0.2.1", MESSAGE_PORT, true, V4, 0, V4},
    {"not known", "Q ?p.local/A =p.local/A/59/192.0.2.1", MESSAGE_PORT, true, V4, 0, 0},
    {"of another place", "Q ?p.local/A ^p.local/A/120/192.0.2.1 +p.local/A/120/192.0.2.1",
     MESSAGE_PORT, true, V4, 0, 0},
    {"known and not asked for", "Q =p.local/A/120/192.0.2.1", MESSAGE_PORT, true, 0, 0, V4},
};

struct scene {
    struct zone zone;
    struct links links;
    struct query query;
};

static void open_scene(struct scene *scene) {
    struct link_address address = {.prefix_bits = 24, .is_served = true};
    assert_true(ip_parse(SLICE("192.0.2.1"), &address.ip));
    scene->links = (struct links){.count = 0};
    links_add(&scene->links, 3, &address);
    zone_make(&scene->zone, SLICE("p"), 80);
}

static bool read_text(struct scene *scene, const struct link_sender *sender, const char *text) {
    char memory[MESSAGE_MAX];
    struct message message;
    assert_true(message_open(&message, dns_message(text, memory)));
    return query_read(&scene->query, &message, &scene->zone, &scene->links.items[0], sender);
}

static void test_what_is_asked_for(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene);
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const struct link_sender sender = {
            .link = 3, .port = rows[i].port, .to_group = rows[i].to_group};
        row_assert(rows[i].name, read_text(&scene, &sender, rows[i].text));
        row_assert_number(rows[i].name, scene.query.answers, rows[i].answers);
        row_assert_number(rows[i].name, scene.query.by_unicast, rows[i].by_unicast);
        row_assert_number(rows[i].name, scene.query.known, rows[i].known);
        row_assert_number(rows[i].name, scene.query.is_legacy, rows[i].port != MESSAGE_PORT);
        row_assert(rows[i].name, !scene.query.is_truncated);
    }
}

/* More rivals than there is room for, and such as are too large, are read, and decide nothing. */
static void test_rivals_are_bounded(void **state) {
    (void)state;
    const struct link_sender sender = {.link = 3, .port = MESSAGE_PORT, .to_group = true};
    struct scene scene;
    char text[DNS_TEXT_MAX] = "Q ?p.local/ANY";
    open_scene(&scene);
    for (unsigned i = 0; i < QUERY_RIVALS_MAX + 4; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text),
                       " ^p.local/A/120/192.0.1.%u", i + 1);
    assert_true(read_text(&scene, &sender, text));
    assert_int_equal(scene.query.rival_count, QUERY_RIVALS_MAX);
    assert_true(scene.query.is_probe);
    assert_false(query_wins(&scene.query, &scene.zone, &scene.links));
    (void)snprintf(text, sizeof text, "Q ?p.local/ANY ^p.local/TXT/120/%0250d", 1);
    assert_true(read_text(&scene, &sender, text));
    assert_int_equal(scene.query.rival_count, 1);
}

static void test_a_large_rival_is_left_out(void **state) {
    (void)state;
    static char data[QUERY_RIVAL_DATA_MAX + 1];
    const struct link_sender sender = {.link = 3, .port = MESSAGE_PORT, .to_group = true};
    struct scene scene;
    struct draft draft;
    struct message message;
    char memory[MESSAGE_MAX];
    open_scene(&scene);
    for (size_t more = 0; more < 2; more++) {
        const struct record record = {
            &scene.zone.host, 16, RECORD_IN, false, 1, slice_of(data, QUERY_RIVAL_DATA_MAX + more)};
        draft_start(&draft, memory, 0, 0);
        draft_put_record(&draft, MESSAGE_AUTHORITY, &record);
        assert_true(message_open(&message, draft_finish(&draft)));
        assert_true(
            query_read(&scene.query, &message, &scene.zone, &scene.links.items[0], &sender));
        assert_int_equal(scene.query.rival_count, 1 - more);
        assert_int_equal(query_wins(&scene.query, &scene.zone, &scene.links), more == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_asked_for),
        cmocka_unit_test(test_rivals_are_bounded),
        cmocka_unit_test(test_a_large_rival_is_left_out),
    };
    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
