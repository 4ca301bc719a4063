#include "mdns/message.h"

#include "support/guard.h"
#include "support/row.h"

#define HEAD(flags, qd, an, ns, ar) "\x12\x34" flags "\0" qd "\0" an "\0" ns "\0" ar
#define LOCAL                       "\5local\0"
#define HTTP                        "\5_http\4_tcp" LOCAL

/* Messages as they are on the network. Where a record is expected, its data has whole names. */
static const struct {
    const char *name;
    struct slice message;
    int result; /* of what is read last */
    size_t questions;
    size_t records;
    uint16_t type; /* of the last one */
    uint32_t ttl_s;
    bool top; /* unicast, or flush */
    struct slice data;
} rows[] = {
    {"nothing in it", SLICE_INIT(HEAD("\0\0", "\0", "\0", "\0", "\0")), 0, 0, 0, 0, 0, false,
     SLICE_INIT("")},
    {"a question", SLICE_INIT(HEAD("\0\0", "\1", "\0", "\0", "\0") HTTP "\0\x0c\0\1"), 0, 1, 0,
     RECORD_PTR, 0, false, SLICE_INIT("")},
    {"RFC 6762 5.4: a question for unicast",
     SLICE_INIT(HEAD("\0\0", "\1", "\0", "\0", "\0") HTTP "\0\xff\x80\1"), 0, 1, 0, RECORD_ANY, 0,
     true, SLICE_INIT("")},
    {"A",
     SLICE_INIT(HEAD("\x84\0", "\0", "\1", "\0", "\0") LOCAL "\0\1\x80\1\0\0\0\x78\0\4"
                                                             "\xc0\0\2\1"),
     0, 0, 1, RECORD_A, 120, true, SLICE_INIT("\xc0\0\2\1")},
    {"PTR with a pointer",
     SLICE_INIT(HEAD("\x84\0", "\0", "\1", "\0", "\0") HTTP
                "\0\x0c\0\1\0\0\x11\x94\0\4\1a\xc0\x0c"),
     0, 0, 1, RECORD_PTR, 4500, false, SLICE_INIT("\1a" HTTP)},
    {"SRV with a pointer",
     SLICE_INIT(HEAD("\x84\0", "\0", "\0", "\0", "\1") LOCAL
                "\0\x21\x80\1\0\0\0\x78\0\x0a\0\1\0\2\x1f\x90\1a\xc0\x0c"),
     0, 0, 1, RECORD_SRV, 120, true, SLICE_INIT("\0\1\0\2\x1f\x90\1a" LOCAL)},
    {"TXT is as it is",
     SLICE_INIT(HEAD("\x84\0", "\0", "\1", "\0", "\0") LOCAL
                "\0\x10\0\1\xff\xff\xff\xff\0\2\1\xc0"),
     0, 0, 1, RECORD_TXT, UINT32_MAX, false, SLICE_INIT("\1\xc0")},
    {"a record without data",
     SLICE_INIT(HEAD("\x84\0", "\0", "\1", "\0", "\0") LOCAL "\0\x0a\0\1\0\0\0\0\0\0"), 0, 0, 1, 10,
     0, false, SLICE_INIT("")},
    {"in all sections",
     SLICE_INIT(HEAD("\0\0", "\1", "\1", "\1", "\1") LOCAL
                "\0\1\0\1"
                "\xc0\x0c\0\1\0\1\0\0\0\1\0\0\xc0\x0c\0\1\0\1\0\0\0\2\0\0"
                "\xc0\x0c\0\x10\0\1\0\0\0\3\0\1x"),
     0, 1, 3, RECORD_TXT, 3, false, SLICE_INIT("x")},
    {"no question, but it is said", SLICE_INIT(HEAD("\0\0", "\1", "\0", "\0", "\0")), -1, 0, 0, 0,
     0, false, SLICE_INIT("")},
    {"no record, but it is said", SLICE_INIT(HEAD("\0\0", "\0", "\0", "\0", "\1")), -1, 0, 0, 0, 0,
     false, SLICE_INIT("")},
    {"data beyond the end",
     SLICE_INIT(HEAD("\x84\0", "\0", "\1", "\0", "\0") LOCAL "\0\x10\0\1\0\0\0\0\0\2x"), -1, 0, 0,
     0, 0, false, SLICE_INIT("")},
    {"PTR whose name is longer than its data",
     SLICE_INIT(HEAD("\x84\0", "\0", "\1", "\0", "\0") LOCAL "\0\x0c\0\1\0\0\0\0\0\2\1a\0"), -1, 0,
     0, 0, 0, false, SLICE_INIT("")},
    {"PTR to itself",
     SLICE_INIT(HEAD("\x84\0", "\0", "\1", "\0", "\0") LOCAL "\0\x0c\0\1\0\0\0\0\0\2\xc0\x1d"), -1,
     0, 0, 0, 0, false, SLICE_INIT("")},
    {"SRV without a target",
     SLICE_INIT(HEAD("\x84\0", "\0", "\1", "\0", "\0") LOCAL "\0\x21\0\1\0\0\0\0\0\5\0\0\0\0\0"),
     -1, 0, 0, 0, 0, false, SLICE_INIT("")},
};

struct seen {
    size_t questions;
    size_t records;
    uint16_t type;
    uint32_t ttl_s;
    bool top;
    char data[512];
    size_t data_len;
};

static int read_all(struct slice bytes, struct seen *seen) {
    struct message message;
    struct question question;
    struct record record;
    enum message_section section;
    int result;
    *seen = (struct seen){.questions = 0};
    if (!message_open(&message, bytes))
        return -1;
    while ((result = message_next_question(&message, &question)) > 0) {
        seen->questions++;
        seen->type = question.type;
        seen->top = question.unicast;
    }
    while (result == 0 && (result = message_next_record(&message, &record, &section)) > 0) {
        seen->records++;
        seen->type = record.type;
        seen->ttl_s = record.ttl_s;
        seen->top = record.flush;
        seen->data_len = record.data.len;
        memcpy(seen->data, record.data.ptr, record.data.len);
        result = 0;
    }
    return result;
}

static int read_guarded(struct slice bytes, struct seen *seen) {
    char *copy = guard_copy(bytes);
    int result = read_all(slice_of(copy, bytes.len), seen);
    guard_free(copy, bytes.len);
    return result;
}

static void test_messages(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct seen seen;
        const char *row = rows[i].name;
        row_assert_number(row, read_guarded(rows[i].message, &seen), rows[i].result);
        row_assert_number(row, seen.questions, rows[i].questions);
        row_assert_number(row, seen.records, rows[i].records);
        row_assert_number(row, seen.type, rows[i].type);
        row_assert_number(row, seen.ttl_s, rows[i].ttl_s);
        row_assert_number(row, seen.top, rows[i].top);
        row_assert_slice(row, slice_of(seen.data, seen.data_len), rows[i].data);
    }
}

static void test_each_prefix_is_no_message(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct seen seen;
        for (size_t len = 0; len < rows[i].message.len; len++)
            row_assert_number(row_at(rows[i].name, len),
                              read_guarded(slice_of(rows[i].message.ptr, len), &seen), -1);
    }
}

static const struct domain *host(void) {
    static struct domain domain;
    domain = domain_of_text(SLICE("a.local"));
    return &domain;
}

static void test_names_are_compressed(void **state) {
    (void)state;
    const struct domain service = domain_of_text(SLICE("_http._tcp.local"));
    const struct domain instance = domain_beneath(SLICE("a"), &service);
    struct record ptr = {&service, RECORD_PTR, RECORD_IN, false, 10, domain_slice(&instance)};
    struct record srv = {&instance, RECORD_SRV, RECORD_IN, true, 10, SLICE("\0\0\0\0\0P\1a" LOCAL)};
    struct draft draft;
    char memory[MESSAGE_MAX];
    draft_start(&draft, memory, 7, MESSAGE_RESPONSE);
    draft_put_record(&draft, MESSAGE_ANSWERS, &ptr);
    draft_put_record(&draft, MESSAGE_ADDITIONAL, &srv);
    row_assert_slice("compressed", draft_finish(&draft),
                     SLICE("\0\7\x80\0\0\0\0\1\0\0\0\1" HTTP "\0\x0c\0\1\0\0\0\x0a\0\4\1a\xc0\x0c"
                           "\xc0\x28\0\x21\x80\1\0\0\0\x0a\0\x0a\0\0\0\0\0P\1a\xc0\x17"));
}

static void test_rfc6762_18_14_targets_are_plain_for_ordinary_dns(void **state) {
    (void)state;
    const struct record srv = {host(), RECORD_SRV, RECORD_IN,
                               true,   10,         SLICE("\0\0\0\0\0P\1a" LOCAL)};
    struct draft draft;
    char memory[MESSAGE_MAX];
    draft_start(&draft, memory, 0, 0);
    draft.plain_targets = true;
    draft_put_record(&draft, MESSAGE_ANSWERS, &srv);
    row_assert_slice("plain", draft_finish(&draft),
                     SLICE("\0\0\0\0\0\0\0\1\0\0\0\0\1a" LOCAL "\0\x21\x80\1\0\0\0\x0a\0\x0f"
                           "\0\0\0\0\0P\1a" LOCAL));
}

static void test_what_does_not_fit_is_left_out_as_a_whole(void **state) {
    (void)state;
    char data[400] = {0};
    const struct record txt = {host(), RECORD_TXT, RECORD_IN,
                               false,  1,          slice_of(data, sizeof data)};
    struct draft draft;
    struct seen seen;
    char *memory = guard_room(MESSAGE_MAX);
    draft_start(&draft, memory, 0, 0);
    for (size_t i = 0; i < 5; i++)
        draft_put_record(&draft, MESSAGE_ANSWERS, &txt);
    struct slice message = draft_finish(&draft);
    assert_in_range(message.len, 1, MESSAGE_MAX);
    assert_int_equal(read_all(message, &seen), 0);
    assert_int_equal(seen.records, 3);
    guard_free(memory, MESSAGE_MAX);
}

static void test_nothing_is_no_message(void **state) {
    (void)state;
    struct draft draft;
    char memory[MESSAGE_MAX];
    draft_start(&draft, memory, 0, 0);
    assert_int_equal(draft_finish(&draft).len, 0);
}

/* In the order of RFC 6762 §8.2: each comes before the next. */
static const struct {
    uint16_t class;
    uint16_t type;
    struct slice data;
} order[] = {
    {1, 1, SLICE_INIT("")},
    {1, 1, SLICE_INIT("\xa9\xfe\x63\xc8")},
    {1, 1, SLICE_INIT("\xa9\xfe\xc8\x32")},
    {1, 1, SLICE_INIT("\xa9\xfe\xc8\x32\0")},
    {1, 16, SLICE_INIT("\0")},
    {1, 28, SLICE_INIT("\0")},
    {3, 1, SLICE_INIT("\0")},
};

static void test_rfc6762_8_2_order_of_records(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(order); i++) {
        for (size_t j = 0; j < ROWS_COUNT(order); j++) {
            const struct record a = {host(), order[i].type, order[i].class, false,
                                     1,      order[i].data};
            const struct record b = {host(), order[j].type, order[j].class, false,
                                     9,      order[j].data};
            int result = record_compare(&a, &b);
            assert_int_equal((result > 0) - (result < 0), (i > j) - (i < j));
            assert_int_equal(record_equal(&a, &b), i == j);
        }
    }
}

static void test_rfc6762_16_names_in_data_are_equal_in_any_case(void **state) {
    (void)state;
    const struct record a = {host(), RECORD_SRV, 1, false, 1, SLICE("\0\0\0\0\0P\1a" LOCAL)};
    const struct record b = {host(), RECORD_SRV, 1, false, 1, SLICE("\0\0\0\0\0P\1A" LOCAL)};
    const struct record c = {host(), RECORD_SRV, 1, false, 1, SLICE("\0\0\0\0\0p\1a" LOCAL)};
    const struct record d = {host(), RECORD_TXT, 1, false, 1, SLICE("\1a")};
    const struct record e = {host(), RECORD_TXT, 1, false, 1, SLICE("\1A")};
    assert_true(record_equal(&a, &b));
    assert_false(record_equal(&a, &c));
    assert_false(record_equal(&d, &e));
}

static const struct {
    const char *name;
    uint16_t type;
    uint16_t class;
    bool matches;
} questions[] = {
    {"the same", RECORD_A, RECORD_IN, true},
    {"any type", RECORD_ANY, RECORD_IN, true},
    {"any class", RECORD_A, RECORD_CLASS_ANY, true},
    {"another type", RECORD_AAAA, RECORD_IN, false},
    {"another class", RECORD_A, 3, false},
};

static void test_rfc6762_6_questions_and_records(void **state) {
    (void)state;
    const struct record record = {host(), RECORD_A, RECORD_IN, false, 1, SLICE("1234")};
    const struct domain other = domain_of_text(SLICE("b.local"));
    for (size_t i = 0; i < ROWS_COUNT(questions); i++) {
        struct question question = {host(), questions[i].type, questions[i].class, false};
        row_assert_number(questions[i].name, question_matches(&question, &record),
                          questions[i].matches);
        question.name = &other;
        row_assert(questions[i].name, !question_matches(&question, &record));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_each_prefix_is_no_message),
        cmocka_unit_test(test_names_are_compressed),
        cmocka_unit_test(test_rfc6762_18_14_targets_are_plain_for_ordinary_dns),
        cmocka_unit_test(test_what_does_not_fit_is_left_out_as_a_whole),
        cmocka_unit_test(test_nothing_is_no_message),
        cmocka_unit_test(test_rfc6762_8_2_order_of_records),
        cmocka_unit_test(test_rfc6762_16_names_in_data_are_equal_in_any_case),
        cmocka_unit_test(test_rfc6762_6_questions_and_records),
    };
    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
