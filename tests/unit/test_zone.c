#include "mdns/zone.h"

#include "support/row.h"

static struct link link_of(const char *const *addresses, size_t count) {
    struct link link = {.index = 1};
    for (size_t i = 0; i < count; i++) {
        struct link_address *address = &link.addresses[link.count++];
        address->is_served = addresses[i][0] != '-';
        assert_true(
            ip_parse(slice_of_text(addresses[i] + (address->is_served ? 0 : 1)), &address->ip));
    }
    return link;
}

#define LOCAL    "\5local\0"
#define SERVICE  "\5_http\4_tcp" LOCAL
#define INSTANCE "\1p" SERVICE

/* The records of "p", port 8080, at 192.0.2.1 and 2001:db8::1. */
static const struct {
    uint16_t type;
    bool flush;
    uint32_t ttl_s;
    struct slice name;
    struct slice data;
} wanted[] = {
    {RECORD_PTR, false, 4500, SLICE_INIT("\x09_services\7_dns-sd\4_udp" LOCAL),
     SLICE_INIT(SERVICE)},
    {RECORD_PTR, false, 4500, SLICE_INIT(SERVICE), SLICE_INIT(INSTANCE)},
    {RECORD_SRV, true, 120, SLICE_INIT(INSTANCE), SLICE_INIT("\0\0\0\0\x1f\x90\1p" LOCAL)},
    {RECORD_TXT, true, 4500, SLICE_INIT(INSTANCE), SLICE_INIT("\6path=/")},
    {RECORD_NSEC, true, 120, SLICE_INIT(INSTANCE), SLICE_INIT(INSTANCE "\0\5\0\0\x80\0\x40")},
    {RECORD_NSEC, true, 120, SLICE_INIT("\1p" LOCAL), SLICE_INIT("\1p" LOCAL "\0\4\x40\0\0\x08")},
    {RECORD_A, true, 120, SLICE_INIT("\1p" LOCAL), SLICE_INIT("\xc0\0\2\1")},
    {RECORD_AAAA, true, 120, SLICE_INIT("\1p" LOCAL),
     SLICE_INIT("\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1")},
};

static void test_rfc6763_records(void **state) {
    (void)state;
    static const char *const addresses[] = {"192.0.2.1", "-198.51.100.1", "2001:db8::1"};
    const struct link link = link_of(addresses, 3);
    struct zone zone;
    struct zone_records records;
    zone_make(&zone, SLICE("p"), 8080);
    zone_list(&zone, &link, &records);
    assert_int_equal(records.count, ROWS_COUNT(wanted));
    for (size_t i = 0; i < ROWS_COUNT(wanted); i++) {
        const char *row = row_at("record", i);
        const struct record *record = &records.items[i];
        row_assert_number(row, record->type, wanted[i].type);
        row_assert_number(row, record->class, RECORD_IN);
        row_assert_number(row, record->flush, wanted[i].flush);
        row_assert_number(row, record->ttl_s, wanted[i].ttl_s);
        row_assert_slice(row, domain_slice(record->name), wanted[i].name);
        row_assert_slice(row, record->data, wanted[i].data);
    }
}

static void test_rfc6762_6_1_what_the_host_has(void **state) {
    (void)state;
    static const struct {
        const char *addresses[2];
        size_t count;
        struct slice nsec;
    } rows[] = {
        {{"192.0.2.1"}, 1, SLICE_INIT("\1p" LOCAL "\0\1\x40")},
        {{"2001:db8::1"}, 1, SLICE_INIT("\1p" LOCAL "\0\4\0\0\0\x08")},
        {{"192.0.2.1", "-2001:db8::1"}, 2, SLICE_INIT("\1p" LOCAL "\0\1\x40")},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const struct link link = link_of(rows[i].addresses, rows[i].count);
        struct zone zone;
        struct zone_records records;
        zone_make(&zone, SLICE("p"), 80);
        zone_list(&zone, &link, &records);
        row_assert_slice(rows[i].addresses[0], records.items[ZONE_HOST_NSEC].data, rows[i].nsec);
    }
}

static void test_the_longest_name_and_as_many_addresses_as_there_may_be_fit(void **state) {
    (void)state;
    static const char name[] = "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij-12";
    static const char *const addresses[LINK_ADDRESSES_MAX] = {
        "2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4",
        "2001:db8::5", "2001:db8::6", "2001:db8::7", "2001:db8::8"};
    const struct link link = link_of(addresses, LINK_ADDRESSES_MAX);
    struct zone zone;
    struct zone_records records;
    struct draft draft;
    char memory[MESSAGE_MAX];
    assert_int_equal(sizeof name - 1, DOMAIN_LABEL_MAX);
    zone_make(&zone, slice_of_text(name), 65535);
    zone_list(&zone, &link, &records);
    assert_int_equal(records.count, ZONE_RECORDS_MAX);
    draft_start(&draft, memory, 0, 0);
    draft.plain_targets = true;
    for (size_t i = 0; i < records.count; i++)
        draft_put_record(&draft, MESSAGE_ANSWERS, &records.items[i]);
    assert_false(draft.buf.overflow);
}

static void test_found_on_any_link(void **state) {
    (void)state;
    static const char *const addresses[][1] = {{"192.0.2.1"}, {"198.51.100.1"}};
    struct links links = {.count = 2};
    struct zone zone;
    struct zone_records records;
    uint32_t ttl_s = 0;
    zone_make(&zone, SLICE("p"), 80);
    links.items[0] = link_of(addresses[0], 1);
    links.items[1] = link_of(addresses[1], 1);
    zone_list(&zone, &links.items[1], &records);
    for (size_t i = 0; i < records.count; i++) {
        assert_int_equal(zone_find(&zone, &links, &records.items[i], &ttl_s), i);
        assert_int_equal(ttl_s, records.items[i].ttl_s);
    }
    struct record record = records.items[ZONE_ADDRESSES];
    record.data = SLICE("\xc0\0\2\7");
    assert_int_equal(zone_find(&zone, &links, &record, &ttl_s), -1);
    assert_true(zone_has_name(&zone, &record));
    assert_true(zone_has_name(&zone, &records.items[ZONE_SRV]));
    assert_false(zone_has_name(&zone, &records.items[ZONE_SERVICE]));
}

static void test_rfc6763_12_companions(void **state) {
    (void)state;
    static const char *const addresses[] = {"192.0.2.1", "2001:db8::1"};
    static const struct {
        size_t place;
        uint32_t companions;
    } rows[] = {
        {ZONE_SERVICES, 0},
        {ZONE_SERVICE,
         1u << ZONE_SRV | 1u << ZONE_TXT | 1u << ZONE_HOST_NSEC | 3u << ZONE_ADDRESSES},
        {ZONE_SRV, 1u << ZONE_HOST_NSEC | 3u << ZONE_ADDRESSES},
        {ZONE_TXT, 0},
        {ZONE_HOST_NSEC, 0},
        {ZONE_INSTANCE_NSEC, 0},
        {ZONE_ADDRESSES, 1u << ZONE_HOST_NSEC | 3u << ZONE_ADDRESSES},
    };
    const struct link link = link_of(addresses, 2);
    struct zone zone;
    struct zone_records records;
    zone_make(&zone, SLICE("p"), 80);
    zone_list(&zone, &link, &records);
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        row_assert_number(row_at("place", rows[i].place), zone_companions(&records, rows[i].place),
                          rows[i].companions);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc6763_records),
        cmocka_unit_test(test_rfc6762_6_1_what_the_host_has),
        cmocka_unit_test(test_the_longest_name_and_as_many_addresses_as_there_may_be_fit),
        cmocka_unit_test(test_found_on_any_link),
        cmocka_unit_test(test_rfc6763_12_companions),
    };
    return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
