#include "http/range.h"

#include "support/guard.h"
#include "support/row.h"

#include <stdio.h>

#define GIB (1024ull * 1024 * 1024)

/* `want` is "first+len first+len ...", "" for those that can't be satisfied, NULL for an ignored
 * field. */
struct row {
    const char *name;
    const char *value;
    uint64_t length;
    const char *want;
};

/* Parses it from memory that ends with it. */
static enum range_outcome parse(const char *text, uint64_t length, struct range_set *set) {
    struct slice value = slice_of_text(text);
    char *copy = guard_copy(value);
    enum range_outcome outcome = range_parse(slice_of(copy, value.len), length, set);
    guard_free(copy, value.len);
    return outcome;
}

static void print_set(const struct range_set *set, char *text, size_t size) {
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < set->count && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%llu+%llu", i > 0 ? " " : "",
                               (unsigned long long)set->items[i].first,
                               (unsigned long long)set->items[i].len);
}

static void check(const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char got[1024];
        struct range_set set;
        memset(&set, 0xa5, sizeof set);
        enum range_outcome outcome = parse(rows[i].value, rows[i].length, &set);
        row_assert_number(rows[i].name, outcome,
                          rows[i].want == NULL      ? RANGE_IGNORED
                          : rows[i].want[0] == '\0' ? RANGE_UNSATISFIABLE
                                                    : RANGE_SATISFIABLE);
        if (outcome == RANGE_IGNORED)
            continue;
        print_set(&set, got, sizeof got);
        row_assert_slice(rows[i].name, slice_of_text(got), slice_of_text(rows[i].want));
    }
}

static void test_rfc9110_14_1_2_byte_ranges(void **state) {
    (void)state;
    static const struct row rows[] = {
        /* The examples of RFC 9110 §14.1.2, of a file of 10000 bytes. */
        {"the first 500 bytes", "bytes=0-499", 10000, "0+500"},
        {"the second 500 bytes", "bytes=500-999", 10000, "500+500"},
        {"the final 500 bytes", "bytes=-500", 10000, "9500+500"},
        {"the final 500 bytes, the other way", "bytes=9500-", 10000, "9500+500"},
        {"the first and the last byte", "bytes=0-0,-1", 10000, "0+1 9999+1"},
        {"the first, middle and last 1000 bytes", "bytes= 0-999, 4500-5499, -1000", 10000,
         "0+1000 4500+1000 9000+1000"},
        {"the second 500 bytes in two", "bytes=500-600,601-999", 10000, "500+500"},
        {"the second 500 bytes, overlapping", "bytes=500-700,601-999", 10000, "500+500"},

        {"one byte", "bytes=7-7", 10, "7+1"},
        {"the last byte", "bytes=9-9", 10, "9+1"},
        {"everything", "bytes=0-", 10, "0+10"},
        {"everything, to its last byte", "bytes=0-9", 10, "0+10"},
        {"reaches one byte behind the end", "bytes=0-10", 10, "0+10"},
        {"reaches far behind the end", "bytes=9-999", 10, "9+1"},
        {"starts at the end", "bytes=10-", 10, ""},
        {"starts at the end, and ends there", "bytes=10-10", 10, ""},
        {"starts behind the end", "bytes=11-20", 10, ""},
        {"suffix of the whole length", "bytes=-10", 10, "0+10"},
        {"suffix longer than the file", "bytes=-11", 10, "0+10"},
        {"suffix of nothing", "bytes=-0", 10, ""},
        {"leading zeros", "bytes=0003-0000000000000000000000004", 10, "3+2"},

        {"satisfiable and not", "bytes=10-,0-0", 10, "0+1"},
        {"satisfiable and suffix of nothing", "bytes=-0,0-0", 10, "0+1"},
        {"none of two", "bytes=10-,-0", 10, ""},

        {"empty file, from its start", "bytes=0-", 0, ""},
        {"empty file, its first byte", "bytes=0-0", 0, ""},
        {"empty file, suffix of nothing", "bytes=-0", 0, ""},
        /* It is satisfiable (§14.1.2), but no Content-Range can say so. */
        {"empty file, suffix", "bytes=-1", 0, NULL},
        {"empty file, suffix and more", "bytes=0-,-1", 0, NULL},
        {"file of a byte", "bytes=0-0", 1, "0+1"},
        {"file of a byte, suffix", "bytes=-1", 1, "0+1"},
        {"file of a byte, behind it", "bytes=1-", 1, ""},
    };
    check(rows, ROWS_COUNT(rows));
}

static void test_large_numbers(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"across 4 GiB", "bytes=4294967295-4294967296", 5 * GIB, "4294967295+2"},
        {"from 4 GiB on", "bytes=4294967296-", 5 * GIB, "4294967296+1073741824"},
        {"suffix beyond 4 GiB", "bytes=-4294967297", 5 * GIB, "1073741823+4294967297"},
        {"4 GiB of 1 byte", "bytes=4294967296-", 1, ""},
        {"the last byte of the largest file", "bytes=9223372036854775806-", INT64_MAX,
         "9223372036854775806+1"},
        {"all of the largest file", "bytes=0-9223372036854775806", INT64_MAX,
         "0+9223372036854775807"},
        {"to 2^64 - 1", "bytes=0-18446744073709551615", 10, "0+10"},
        {"to 2^64", "bytes=0-18446744073709551616", 10, "0+10"},
        {"to 2^64 + 5, which is not 5", "bytes=0-18446744073709551621", 10, "0+10"},
        {"to 10^40", "bytes=0-10000000000000000000000000000000000000000", 10, "0+10"},
        {"from 2^64 - 1", "bytes=18446744073709551615-", 10, ""},
        {"from 2^64, which is not 0", "bytes=18446744073709551616-", 10, ""},
        {"from 2^64 to 2^64 + 1", "bytes=18446744073709551616-18446744073709551617", 10, ""},
        {"from 2^64 to 1", "bytes=18446744073709551616-1", 10, NULL},
        {"suffix of 2^64 - 1", "bytes=-18446744073709551615", 10, "0+10"},
        {"suffix of 2^64", "bytes=-18446744073709551616", 10, "0+10"},
        {"suffix of 10^40", "bytes=-10000000000000000000000000000000000000000", 10, "0+10"},
    };
    check(rows, ROWS_COUNT(rows));
}

static void test_rfc9110_14_2_form(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"rfc9110-14.1 unit in capitals", "BYTES=0-0", 10, "0+1"},
        {"rfc9110-14.1 unit in both", "Bytes=0-0", 10, "0+1"},
        {"rfc9110-14.2 another unit", "lines=0-0", 10, NULL},
        {"another unit that starts the same", "bytes2=0-0", 10, NULL},
        {"another unit that ends the same", "xbytes=0-0", 10, NULL},
        {"shorter unit", "byte=0-0", 10, NULL},
        {"no unit", "0-0", 10, NULL},
        {"no unit, but a sign", "=0-0", 10, NULL},
        {"no set", "bytes=", 10, NULL},
        {"no sign", "bytes", 10, NULL},
        {"a colon for a sign", "bytes:0-0", 10, NULL},
        {"nothing", "", 10, NULL},
        {"white space before the sign", "bytes =0-0", 10, NULL},
        {"white space before the unit", " bytes=0-0", 10, NULL},
        {"white space before the dash", "bytes=0 -0", 10, NULL},
        {"white space behind the dash", "bytes=0- 0", 10, NULL},
        {"white space in a number", "bytes=0-1 2", 10, NULL},
        {"first behind last", "bytes=1-0", 10, NULL},
        {"first behind last, and both behind the end", "bytes=21-20", 10, NULL},
        {"a good one, then first behind last", "bytes=0-0,5-4", 10, NULL},
        {"first behind last, then a good one", "bytes=5-4,0-0", 10, NULL},
        {"a dash", "bytes=-", 10, NULL},
        {"two dashes", "bytes=0--1", 10, NULL},
        {"two dashes before", "bytes=--1", 10, NULL},
        {"two dashes behind", "bytes=1--", 10, NULL},
        {"three numbers", "bytes=0-1-2", 10, NULL},
        {"a number", "bytes=5", 10, NULL},
        {"a plus", "bytes=+1-2", 10, NULL},
        {"hexadecimal", "bytes=0x1-0x2", 10, NULL},
        {"letters", "bytes=a-b", 10, NULL},
        {"any", "bytes=*", 10, NULL},
        {"quoted", "bytes=\"0-0\"", 10, NULL},
        {"quoted commas", "bytes=0-0,\"1-1,2-2\"", 10, NULL},
        {"a semicolon", "bytes=0-0;1-1", 10, NULL},
        {"a second unit", "bytes=0-0,bytes=1-1", 10, NULL},
        {"a Content-Range", "bytes 0-0/10", 10, NULL},
        {"rfc9110-5.6.1 empty elements", "bytes=,0-0,,  ,2-2,", 10, "0+1 2+1"},
        {"rfc9110-5.6.1 only empty elements", "bytes=, ,", 10, NULL},
        {"rfc9110-5.6.3 white space around elements", "bytes= \t0-0 \t,\t 2-2 \t", 10, "0+1 2+1"},
    };
    check(rows, ROWS_COUNT(rows));
}

#define TEN "0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,"

static void test_limit(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"16 ranges", "bytes=" TEN "20-20,22-22,24-24,26-26,28-28,30-30", 100,
         "0+1 2+1 4+1 6+1 8+1 10+1 12+1 14+1 16+1 18+1 20+1 22+1 24+1 26+1 28+1 30+1"},
        {"17 ranges", "bytes=" TEN "20-20,22-22,24-24,26-26,28-28,30-30,32-32", 100, NULL},
        {"17 ranges that would be one", "bytes=" TEN "0-,0-,0-,0-,0-,0-,0-", 100, NULL},
        {"17 ranges, one of them behind the end",
         "bytes=" TEN "20-20,22-22,24-24,26-26,28-28,30-30,100-", 100, NULL},
        {"16 ranges and empty elements", "bytes=,," TEN ",20-20,22-22,,24-24,26-26,28-28,30-30,,",
         100, "0+1 2+1 4+1 6+1 8+1 10+1 12+1 14+1 16+1 18+1 20+1 22+1 24+1 26+1 28+1 30+1"},
        {"16 ranges, the last takes up all", "bytes=" TEN "20-20,22-22,24-24,26-26,28-28,0-", 100,
         "0+100"},
        {"16 ranges, the last takes up most", "bytes=" TEN "20-20,22-22,24-24,26-26,28-28,2-27",
         100, "0+1 2+27"},
    };
    check(rows, ROWS_COUNT(rows));
}

static void test_rfc9110_14_2_merging(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"apart", "bytes=0-1,3-4", 100, "0+2 3+2"},
        {"apart, backwards", "bytes=3-4,0-1", 100, "3+2 0+2"},
        {"adjoining", "bytes=0-1,2-3", 100, "0+4"},
        {"adjoining, backwards", "bytes=2-3,0-1", 100, "0+4"},
        {"overlapping", "bytes=0-5,3-8", 100, "0+9"},
        {"overlapping, backwards", "bytes=3-8,0-5", 100, "0+9"},
        {"the same", "bytes=3-8,3-8", 100, "3+6"},
        {"inside", "bytes=0-9,3-4", 100, "0+10"},
        {"around", "bytes=3-4,0-9", 100, "0+10"},
        {"the same start", "bytes=0-9,0-4", 100, "0+10"},
        {"the same end", "bytes=0-9,5-9", 100, "0+10"},
        {"suffix and open end", "bytes=90-,-20", 100, "80+20"},
        {"suffix inside", "bytes=80-,-5", 100, "80+20"},
        {"one bridges two", "bytes=0-1,4-5,2-3", 100, "0+6"},
        {"one bridges two, backwards", "bytes=4-5,0-1,2-3", 100, "0+6"},
        {"one bridges four", "bytes=0-1,4-5,8-9,12-13,1-12", 100, "0+14"},
        {"merging with one makes it touch another", "bytes=20-29,0-9,10-20", 100, "0+30"},
        {"bridges two of three", "bytes=0-1,50-60,4-5,2-3", 100, "0+6 50+11"},
        {"bridges the outer of three", "bytes=4-5,50-60,0-1,2-3", 100, "0+6 50+11"},
        {"bridges the last two", "bytes=50-60,4-5,0-1,2-3", 100, "50+11 0+6"},
        {"stands where the first stood", "bytes=50-51,90-91,10-11,52-53", 100, "50+4 90+2 10+2"},
        {"stands where the second stood", "bytes=50-51,90-91,10-11,88-89", 100, "50+2 88+4 10+2"},
        {"those behind move up", "bytes=10-11,20-21,30-31,40-41,22-29,50-51", 100,
         "10+2 20+12 40+2 50+2"},
        {"two groups", "bytes=0-1,50-51,2-3,52-53", 100, "0+4 50+4"},
        {"what can't be satisfied bridges nothing", "bytes=0-1,200-,3-4", 100, "0+2 3+2"},
    };
    check(rows, ROWS_COUNT(rows));
}

/* The model: what was asked for, byte by byte. */
enum { MODEL_LENGTH_MAX = 40, MODEL_ROUNDS = 50000 };

struct model {
    char text[512];
    size_t text_len;
    uint64_t length;
    unsigned asked[MODEL_LENGTH_MAX]; /* how often each byte was */
    bool malformed;
    bool empty_suffix;
};

static uint64_t random_state = 1;

static unsigned random_below(unsigned limit) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % limit;
}

static void model_ask(struct model *model, uint64_t first, uint64_t end) {
    for (uint64_t i = first; i < end && i < model->length; i++)
        model->asked[i]++;
}

static void model_add(struct model *model) {
    unsigned first = random_below(MODEL_LENGTH_MAX + 5);
    unsigned last = first + random_below(random_below(3) == 0 ? 20 : 3);
    char *at = model->text + model->text_len;
    size_t room = sizeof model->text - model->text_len;
    unsigned kind = random_below(20);
    if (kind == 0) {
        last = first;
        first += 1 + random_below(3);
        model->malformed = true;
    }
    if (kind == 1) {
        model->text_len += (size_t)snprintf(at, room, "%u-,", first);
        model_ask(model, first, model->length);
    } else if (kind == 2) {
        model->text_len += (size_t)snprintf(at, room, "-%u, ", first);
        model_ask(model, first < model->length ? model->length - first : 0, model->length);
        model->empty_suffix |= model->length == 0 && first > 0;
    } else {
        model->text_len += (size_t)snprintf(at, room, " %u-%u,", first, last);
        model_ask(model, first, last + 1);
    }
}

static void model_make(struct model *model) {
    unsigned count = random_below(9) == 0 ? random_below(19) : random_below(7);
    *model = (struct model){.length = random_below(MODEL_LENGTH_MAX + 1)};
    model->malformed = count == 0 || count > RANGE_MAX;
    model->text_len = (size_t)snprintf(model->text, sizeof model->text, "bytes=");
    for (unsigned i = 0; i < count; i++)
        model_add(model);
}

static enum range_outcome model_outcome(const struct model *model) {
    for (size_t i = 0; i < MODEL_LENGTH_MAX && !model->malformed; i++) {
        if (model->asked[i] > 0)
            return RANGE_SATISFIABLE;
    }
    return model->malformed || model->empty_suffix ? RANGE_IGNORED : RANGE_UNSATISFIABLE;
}

/* Each byte that was asked for is there once, and no other; between two ranges is a gap. */
static void check_set(const struct model *model, const struct range_set *set) {
    unsigned got[MODEL_LENGTH_MAX + 2] = {0};
    row_assert(model->text, set->count >= 1 && set->count <= RANGE_MAX);
    for (size_t i = 0; i < set->count; i++) {
        const struct range *range = &set->items[i];
        row_assert(model->text, range->len > 0 && range->first < model->length);
        row_assert(model->text, range->len <= model->length - range->first);
        for (uint64_t at = range->first; at < range->first + range->len; at++)
            got[at + 1]++;
        for (size_t j = 0; j < i; j++) {
            const struct range *other = &set->items[j];
            row_assert(model->text, range->first > other->first + other->len ||
                                        other->first > range->first + range->len);
        }
    }
    for (size_t i = 0; i < MODEL_LENGTH_MAX; i++)
        row_assert_number(row_at(model->text, i), got[i + 1], model->asked[i] > 0);
}

/* The ranges stand in the order in which the first byte of any part of them was asked for. */
static void check_order(const struct model *model, const struct range_set *set) {
    size_t next = 0;
    bool seen[RANGE_MAX] = {false};
    struct slice rest = slice_after(slice_of(model->text, model->text_len), 6);
    struct slice element;
    while (slice_cut(&rest, ',', &element)) {
        char text[64];
        struct range_set one;
        (void)snprintf(text, sizeof text, "bytes=%.*s", (int)element.len, element.ptr);
        if (parse(text, model->length, &one) != RANGE_SATISFIABLE)
            continue;
        for (size_t i = 0; i < set->count; i++) {
            const struct range *range = &set->items[i];
            bool inside = one.items[0].first >= range->first &&
                          one.items[0].first < range->first + range->len;
            if (!inside || seen[i])
                continue;
            row_assert_number(model->text, i, next);
            seen[i] = true;
            next++;
        }
    }
    row_assert_number(model->text, next, set->count);
}

static void test_against_a_model(void **state) {
    (void)state;
    size_t counts[RANGE_UNSATISFIABLE + 1] = {0};
    for (int i = 0; i < MODEL_ROUNDS; i++) {
        struct model model;
        struct range_set set;
        model_make(&model);
        enum range_outcome outcome =
            range_parse(slice_of(model.text, model.text_len), model.length, &set);
        row_assert_number(model.text, outcome, model_outcome(&model));
        counts[outcome]++;
        if (outcome != RANGE_SATISFIABLE)
            continue;
        check_set(&model, &set);
        if (i % 16 == 0)
            check_order(&model, &set);
    }
    for (size_t i = 0; i < ROWS_COUNT(counts); i++)
        row_assert(row_at("seen", i), counts[i] > MODEL_ROUNDS / 100);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc9110_14_1_2_byte_ranges), cmocka_unit_test(test_large_numbers),
        cmocka_unit_test(test_rfc9110_14_2_form),          cmocka_unit_test(test_limit),
        cmocka_unit_test(test_rfc9110_14_2_merging),       cmocka_unit_test(test_against_a_model),
    };
    return cmocka_run_group_tests_name("range", tests, NULL, NULL);
}
