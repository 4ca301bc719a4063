#include "mdns/message.h"

enum { TOP_BIT = 0x8000 };

/* Numbers, in network order */

static uint16_t number_at(const char *ptr) {
    return (uint16_t)((uint8_t)ptr[0] << 8 | (uint8_t)ptr[1]);
}

static void write_number(char *ptr, uint16_t value) {
    ptr[0] = (char)(value >> 8);
    ptr[1] = (char)(value & 0xff);
}

static void put_number(struct buf *buf, uint16_t value) {
    char bytes[2];
    write_number(bytes, value);
    buf_put(buf, slice_of(bytes, sizeof bytes));
}

/* Reads a number of 16 bits; returns false where the message ends. */
static bool take_number(struct message *message, uint16_t *value) {
    if (message->bytes.len - message->at < 2)
        return false;
    *value = number_at(message->bytes.ptr + message->at);
    message->at += 2;
    return true;
}

/* Records */

/* How many bytes of a record's data come before a name; SIZE_MAX: there is none in it. */
static size_t data_lead(uint16_t type) {
    switch (type) {
    case RECORD_PTR:
    case RECORD_NSEC:
        return 0;
    case RECORD_SRV:
        return RECORD_SRV_LEAD;
    default:
        return SIZE_MAX;
    }
}

bool record_equal(const struct record *a, const struct record *b) {
    size_t lead = data_lead(a->type);
    if (a->type != b->type || a->class != b->class || !domain_equal(a->name, b->name))
        return false;
    if (lead > a->data.len || a->data.len != b->data.len)
        return slice_equal(a->data, b->data);
    return slice_equal(slice_of(a->data.ptr, lead), slice_of(b->data.ptr, lead)) &&
           slice_equal_nocase(slice_after(a->data, lead), slice_after(b->data, lead));
}

int record_compare(const struct record *a, const struct record *b) {
    size_t len = a->data.len < b->data.len ? a->data.len : b->data.len;
    if (a->class != b->class)
        return a->class < b->class ? -1 : 1;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    int order = len > 0 ? memcmp(a->data.ptr, b->data.ptr, len) : 0;
    return order != 0 || a->data.len == b->data.len ? order : a->data.len < b->data.len ? -1 : 1;
}

bool question_matches(const struct question *question, const struct record *record) {
    return (question->type == record->type || question->type == RECORD_ANY) &&
           (question->class == record->class || question->class == RECORD_CLASS_ANY) &&
           domain_equal(question->name, record->name);
}

/* Reading */

bool message_open(struct message *message, struct slice bytes) {
    message->bytes = bytes;
    message->at = 0;
    bool whole = take_number(message, &message->id) && take_number(message, &message->flags);
    for (size_t i = 0; whole && i < MESSAGE_SECTIONS; i++)
        whole = take_number(message, &message->left[i]);
    return whole;
}

int message_next_question(struct message *message, struct question *question) {
    uint16_t class;
    if (message->left[MESSAGE_QUESTIONS] == 0)
        return 0;
    message->left[MESSAGE_QUESTIONS]--;
    if (!domain_read(message->bytes, &message->at, &message->name) ||
        !take_number(message, &question->type) || !take_number(message, &class))
        return -1;
    question->name = &message->name;
    question->class = class & (TOP_BIT - 1);
    question->unicast = (class & TOP_BIT) != 0;
    return 1;
}

/* Makes the name in a record's data whole; what stands behind it, as in an NSEC, is of use to
 * nobody here. Names may lead anywhere before, but end with the data at the latest. */
static bool expand(struct message *message, struct record *record, size_t lead) {
    size_t start = (size_t)(record->data.ptr - message->bytes.ptr);
    size_t end = start + record->data.len;
    size_t at = start + lead;
    struct domain domain;
    if (record->data.len < lead || !domain_read(slice_of(message->bytes.ptr, end), &at, &domain))
        return false;
    memcpy(message->data, record->data.ptr, lead);
    memcpy(message->data + lead, domain.bytes, domain.len);
    record->data = slice_of(message->data, lead + domain.len);
    return true;
}

static bool take_record(struct message *message, struct record *record) {
    uint16_t class;
    uint16_t ttl[2];
    uint16_t len;
    if (!domain_read(message->bytes, &message->at, &message->name) ||
        !take_number(message, &record->type) || !take_number(message, &class) ||
        !take_number(message, &ttl[0]) || !take_number(message, &ttl[1]) ||
        !take_number(message, &len) || len > message->bytes.len - message->at)
        return false;
    record->name = &message->name;
    record->class = class & (TOP_BIT - 1);
    record->flush = (class & TOP_BIT) != 0;
    record->ttl_s = (uint32_t)ttl[0] << 16 | ttl[1];
    record->data = slice_of(message->bytes.ptr + message->at, len);
    message->at += len;
    size_t lead = data_lead(record->type);
    return lead == SIZE_MAX || expand(message, record, lead);
}

int message_next_record(struct message *message, struct record *record,
                        enum message_section *section) {
    for (unsigned at = MESSAGE_ANSWERS; at < MESSAGE_SECTIONS; at++) {
        if (message->left[at] == 0)
            continue;
        message->left[at]--;
        *section = (enum message_section)at;
        return take_record(message, record) ? 1 : -1;
    }
    return 0;
}

/* Writing */

/* It is written to, through the draft. NOLINTNEXTLINE(readability-non-const-parameter) */
void draft_start(struct draft *draft, char memory[MESSAGE_MAX], uint16_t id, uint16_t flags) {
    *draft = (struct draft){.buf = BUF_INIT(memory, MESSAGE_MAX)};
    put_number(&draft->buf, id);
    put_number(&draft->buf, flags);
    (void)buf_claim(&draft->buf, MESSAGE_HEAD_LEN - draft->buf.len); /* see draft_finish() */
}

/* Where a name that ends in the same way is in the message; 0: nowhere. */
static uint16_t find_name(const struct draft *draft, struct slice rest) {
    for (size_t i = 0; i < draft->name_count; i++) {
        struct domain domain;
        size_t at = draft->names[i];
        if (domain_read(buf_slice(&draft->buf), &at, &domain) &&
            slice_equal(domain_slice(&domain), rest))
            return draft->names[i];
    }
    return 0;
}

/* Those that find no room here are written out again. */
static void note_name(struct draft *draft) {
    if (draft->name_count < sizeof draft->names / sizeof draft->names[0])
        draft->names[draft->name_count++] = (uint16_t)draft->buf.len;
}

/* The labels of this name are noted before it is whole, and are no names until it is. */
static void put_name(struct draft *draft, struct slice rest) {
    while (rest.len > 1) {
        uint16_t found = find_name(draft, rest);
        if (found != 0) {
            put_number(&draft->buf, (uint16_t)(DOMAIN_POINTER << 8 | found));
            return;
        }
        size_t len = (size_t)(uint8_t)rest.ptr[0] + 1;
        note_name(draft);
        buf_put(&draft->buf, slice_of(rest.ptr, len));
        rest = slice_after(rest, len);
    }
    buf_put(&draft->buf, rest);
}

static void put_kind(struct draft *draft, uint16_t type, uint16_t class, bool top) {
    put_number(&draft->buf, type);
    put_number(&draft->buf, (uint16_t)(class | (top ? TOP_BIT : 0)));
}

/* The name in a record's data, and what is around it. */
static void put_data(struct draft *draft, const struct record *record) {
    size_t lead = data_lead(record->type);
    size_t name_len = 0;
    if (lead == SIZE_MAX || (record->type == RECORD_SRV && draft->plain_targets)) {
        buf_put(&draft->buf, record->data);
        return;
    }
    while (record->data.ptr[lead + name_len] != 0)
        name_len += (size_t)(uint8_t)record->data.ptr[lead + name_len] + 1;
    name_len++;
    buf_put(&draft->buf, slice_of(record->data.ptr, lead));
    put_name(draft, slice_of(record->data.ptr + lead, name_len));
    buf_put(&draft->buf, slice_after(record->data, lead + name_len));
}

/* What did not fit as a whole is taken back. */
static void settle(struct draft *draft, enum message_section section, size_t len,
                   size_t name_count) {
    if (draft->buf.overflow) {
        draft->buf.len = len;
        draft->name_count = name_count;
    } else {
        draft->counts[section]++;
    }
}

void draft_put_question(struct draft *draft, const struct question *question) {
    size_t len = draft->buf.len;
    size_t name_count = draft->name_count;
    put_name(draft, domain_slice(question->name));
    put_kind(draft, question->type, question->class, question->unicast);
    settle(draft, MESSAGE_QUESTIONS, len, name_count);
}

void draft_put_record(struct draft *draft, enum message_section section,
                      const struct record *record) {
    size_t len = draft->buf.len;
    size_t name_count = draft->name_count;
    put_name(draft, domain_slice(record->name));
    put_kind(draft, record->type, record->class, record->flush);
    put_number(&draft->buf, (uint16_t)(record->ttl_s >> 16));
    put_number(&draft->buf, (uint16_t)(record->ttl_s & 0xffff));
    char *data_len = buf_claim(&draft->buf, 2);
    size_t before = draft->buf.len;
    put_data(draft, record);
    if (!draft->buf.overflow)
        write_number(data_len, (uint16_t)(draft->buf.len - before));
    settle(draft, section, len, name_count);
}

struct slice draft_finish(struct draft *draft) {
    size_t sum = 0;
    for (size_t i = 0; i < MESSAGE_SECTIONS; i++) {
        write_number(draft->buf.ptr + 4 + 2 * i, draft->counts[i]);
        sum += draft->counts[i];
    }
    return sum > 0 ? buf_slice(&draft->buf) : slice_of(draft->buf.ptr, 0);
}
