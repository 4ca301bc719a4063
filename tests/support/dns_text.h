/* Messages of multicast DNS as text, for tests that read like conversations: a letter, Q for a
 * query or R for a response, T for a query that goes on; a number, unless it is 0; and what is in
 * it, each behind a blank:
 *
 *     ?NAME/TYPE           a question; ?NAME/TYPE/u for unicast
 *     =NAME/TYPE/TTL/DATA  an answer; ^ in the authority section, + an additional record; with ! at
 *                          the end for one that flushes
 *
 * DATA is an address, a name, PORT:NAME of an SRV, or a text without a blank; of an NSEC, nothing.
 * For tests of the floor that knows messages; a header, as the others don't. */
#pragma once

#include "base/number.h"
#include "mdns/message.h"

#include "support/row.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { DNS_TEXT_MAX = 4096 };

static const struct {
    const char *name;
    uint16_t type;
} dns_types[] = {
    {"A", RECORD_A},     {"PTR", RECORD_PTR}, {"TXT", RECORD_TXT},   {"AAAA", RECORD_AAAA},
    {"SRV", RECORD_SRV}, {"ANY", RECORD_ANY}, {"NSEC", RECORD_NSEC}, {"HINFO", 13},
};

static inline const char *dns_type_name(uint16_t type) {
    for (size_t i = 0; i < ROWS_COUNT(dns_types); i++) {
        if (dns_types[i].type == type)
            return dns_types[i].name;
    }
    fail_msg("type %u", type);
    return NULL;
}

static inline uint16_t dns_type_of(struct slice name) {
    for (size_t i = 0; i < ROWS_COUNT(dns_types); i++) {
        if (slice_equal(name, slice_of_text(dns_types[i].name)))
            return dns_types[i].type;
    }
    fail_msg("type %.*s", (int)name.len, name.ptr);
    return 0;
}

/* To text */

static inline void dns_put_name(struct buf *buf, struct slice labels) {
    while (labels.len > 1) {
        size_t len = (size_t)(uint8_t)labels.ptr[0];
        buf_put(buf, slice_of(labels.ptr + 1, len));
        labels = slice_after(labels, len + 1);
        if (labels.len > 1)
            buf_put_char(buf, '.');
    }
}

static inline void dns_put_data(struct buf *buf, const struct record *record) {
    char ip[INET6_ADDRSTRLEN];
    switch (record->type) {
    case RECORD_A:
    case RECORD_AAAA:
        assert_non_null(inet_ntop(record->type == RECORD_A ? AF_INET : AF_INET6, record->data.ptr,
                                  ip, sizeof ip));
        buf_put(buf, slice_of_text(ip));
        break;
    case RECORD_PTR:
        dns_put_name(buf, record->data);
        break;
    case RECORD_SRV:
        buf_put_number(
            buf, (uint64_t)((uint8_t)record->data.ptr[4] << 8 | (uint8_t)record->data.ptr[5]));
        buf_put_char(buf, ':');
        dns_put_name(buf, slice_after(record->data, RECORD_SRV_LEAD));
        break;
    case RECORD_NSEC:
        break;
    default:
        buf_put(buf, slice_after(record->data, 1));
        break;
    }
}

static inline void dns_put_record(struct buf *buf, const struct record *record,
                                  enum message_section section) {
    buf_put_char(buf, ' ');
    buf_put_char(buf, "?=^+"[section]);
    dns_put_name(buf, domain_slice(record->name));
    buf_put_char(buf, '/');
    buf_put(buf, slice_of_text(dns_type_name(record->type)));
    buf_put_char(buf, '/');
    buf_put_number(buf, record->ttl_s);
    buf_put_char(buf, '/');
    dns_put_data(buf, record);
    if (record->flush)
        buf_put_char(buf, '!');
}

static inline void dns_put_message(struct buf *buf, struct slice bytes) {
    struct message message;
    struct question question;
    struct record record;
    enum message_section section;
    int result;
    assert_true(message_open(&message, bytes));
    buf_put_char(buf, (message.flags & MESSAGE_RESPONSE) != 0 ? 'R' : 'Q');
    if (message.id != 0)
        buf_put_number(buf, message.id);
    while ((result = message_next_question(&message, &question)) > 0) {
        buf_put(buf, SLICE(" ?"));
        dns_put_name(buf, domain_slice(question.name));
        buf_put_char(buf, '/');
        buf_put(buf, slice_of_text(dns_type_name(question.type)));
        if (question.unicast)
            buf_put(buf, SLICE("/u"));
    }
    assert_int_equal(result, 0);
    while ((result = message_next_record(&message, &record, &section)) > 0)
        dns_put_record(buf, &record, section);
    assert_int_equal(result, 0);
    assert_int_equal(message.at, bytes.len);
    assert_false(buf->overflow);
}

/* From text */

static inline struct slice dns_parse_data(uint16_t type, struct slice text, char memory[300]) {
    struct buf buf = BUF_INIT(memory, 300);
    struct ip ip;
    struct slice port;
    uint64_t number = 0;
    struct domain domain;
    if (type == RECORD_A || type == RECORD_AAAA) {
        assert_true(ip_parse(text, &ip));
        buf_put(&buf, slice_of((const char *)ip.bytes, ip.len));
    } else if (type == RECORD_PTR || type == RECORD_SRV) {
        if (type == RECORD_SRV) {
            assert_true(slice_cut(&text, ':', &port) && number_parse(port, UINT16_MAX, &number));
            const char lead[] = {0, 0, 0, 0, (char)(number >> 8), (char)(number & 0xff)};
            buf_put(&buf, slice_of(lead, sizeof lead));
        }
        domain = domain_of_text(text);
        buf_put(&buf, domain_slice(&domain));
    } else {
        buf_put_char(&buf, (char)text.len);
        buf_put(&buf, text);
    }
    return buf_slice(&buf);
}

static inline void dns_put_item(struct draft *draft, struct slice item) {
    struct slice rest = slice_after(item, 1);
    struct slice name;
    struct slice type;
    struct slice ttl;
    uint64_t ttl_s = 0;
    char memory[300];
    bool flush = rest.ptr[rest.len - 1] == '!';
    rest.len -= flush ? 1 : 0;
    assert_true(slice_cut(&rest, '/', &name) && slice_cut(&rest, '/', &type));
    struct domain domain = domain_of_text(name);
    if (item.ptr[0] == '?') {
        const struct question question = {&domain, dns_type_of(type), RECORD_IN, rest.ptr != NULL};
        draft_put_question(draft, &question);
        return;
    }
    assert_true(slice_cut(&rest, '/', &ttl) && number_parse(ttl, UINT32_MAX, &ttl_s));
    struct record record = {&domain, dns_type_of(type), RECORD_IN,
                            flush,   (uint32_t)ttl_s,   SLICE("")};
    record.data = dns_parse_data(record.type, rest, memory);
    draft_put_record(draft, (enum message_section)(strchr("?=^+", item.ptr[0]) - "?=^+"), &record);
}

/* The message that a text stands for, in `memory`. */
static inline struct slice dns_message(const char *text, char memory[MESSAGE_MAX]) {
    struct slice rest = slice_of_text(text);
    struct slice head;
    struct slice item;
    struct draft draft;
    uint64_t id = 0;
    assert_true(slice_cut(&rest, ' ', &head));
    if (head.len > 1)
        assert_true(number_parse(slice_after(head, 1), UINT16_MAX, &id));
    draft_start(&draft, memory, (uint16_t)id,
                head.ptr[0] == 'R'   ? MESSAGE_RESPONSE | MESSAGE_AUTHORITATIVE
                : head.ptr[0] == 'T' ? MESSAGE_TRUNCATED
                                     : 0);
    while (slice_cut(&rest, ' ', &item))
        dns_put_item(&draft, item);
    return draft_finish(&draft);
}
