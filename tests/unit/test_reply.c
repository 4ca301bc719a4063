/* What is written, in the language of support/dns_text.h. */
#include "mdns/reply.h"

#include "support/dns_text.h"

struct scene {
    struct zone zone;
    struct zone_records records;
};

static void open_scene(struct scene *scene) {
    struct link link = {.index = 3, .count = 1};
    link.addresses[0] = (struct link_address){.prefix_bits = 24, .is_served = true};
    assert_true(ip_parse(SLICE("192.0.2.1"), &link.addresses[0].ip));
    static struct link kept; /* the records borrow from it */
    kept = link;
    zone_make(&scene->zone, SLICE("p"), 80);
    zone_list(&scene->zone, &kept, &scene->records);
}

static void expect(const char *row, struct slice bytes, const char *wanted) {
    char memory[DNS_TEXT_MAX];
    struct buf buf = BUF_INIT(memory, sizeof memory);
    dns_put_message(&buf, bytes);
    row_assert_slice(row, buf_slice(&buf), slice_of_text(wanted));
}

static void test_to_all(void **state) {
    (void)state;
    struct scene scene;
    char memory[MESSAGE_MAX];
    open_scene(&scene);
    expect("address", reply_to_all(memory, &scene.records, 1u << ZONE_ADDRESSES),
           "R =p.local/A/120/192.0.2.1! +p.local/NSEC/120/!");
    expect("text", reply_to_all(memory, &scene.records, 1u << ZONE_TXT),
           "R =p._http._tcp.local/TXT/4500/path=/!");
    assert_int_equal(reply_to_all(memory, &scene.records, 0).len, 0);
}

static void test_rfc6762_10_1_goodbye(void **state) {
    (void)state;
    struct scene scene;
    char memory[MESSAGE_MAX];
    open_scene(&scene);
    expect("goodbye", reply_goodbye(memory, &scene.records),
           "R =_http._tcp.local/PTR/0/p._http._tcp.local =p._http._tcp.local/SRV/0/80:p.local "
           "=p._http._tcp.local/TXT/0/path=/ =p.local/A/0/192.0.2.1");
}

/* In a query, nothing is flushed (RFC 6762 §10.2). */
static void test_rfc6762_8_1_probe(void **state) {
    (void)state;
    struct scene scene;
    char memory[MESSAGE_MAX];
    open_scene(&scene);
    expect("probe", reply_probe(memory, &scene.zone, &scene.records),
           "Q ?p.local/ANY ?p._http._tcp.local/ANY ^p._http._tcp.local/SRV/120/80:p.local "
           "^p._http._tcp.local/TXT/4500/path=/ ^p.local/A/120/192.0.2.1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_to_all),
        cmocka_unit_test(test_rfc6762_10_1_goodbye),
        cmocka_unit_test(test_rfc6762_8_1_probe),
    };
    return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
