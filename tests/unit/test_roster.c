#include "store/roster.h"

#include "base/number.h"
#include "support/guard.h"
#include "support/nasty_names.h"
#include "support/row.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How many more blocks of memory there are. */
static size_t blocks_left = SIZE_MAX;
static size_t bytes_asked; /* all that was asked for, whether or not it was given back */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_reallocarray(void *ptr, size_t count, size_t size);
void *__wrap_reallocarray(void *ptr, size_t count, size_t size);

void *__wrap_malloc(size_t size) {
    if (blocks_left == 0) {
        errno = ENOMEM;
        return NULL;
    }
    blocks_left--;
    bytes_asked += size;
    return __real_malloc(size);
}

void *__wrap_reallocarray(void *ptr, size_t count, size_t size) {
    if (blocks_left == 0) {
        errno = ENOMEM;
        return NULL;
    }
    blocks_left--;
    bytes_asked += count * size;
    return __real_reallocarray(ptr, count, size);
}

/* A name that ends in a slash is that of a directory. */
static struct roster_entry file(const char *name, uint64_t size, int64_t mtime_s) {
    bool directory = name[strlen(name) - 1] == '/';
    return (struct roster_entry){
        .name = slice_of(name, strlen(name) - (directory ? 1 : 0)),
        .size = size,
        .mtime_s = mtime_s,
        .mtime_ns = (uint32_t)(size % 7),
        .directory = directory,
    };
}

static void must_add(struct roster *roster, const char *name, uint64_t size, int64_t mtime_s) {
    struct roster_entry entry = file(name, size, mtime_s);
    char *copy = guard_copy(entry.name);
    entry.name = slice_of(copy, entry.name.len);
    row_assert(name, roster_add(roster, &entry));
    guard_free(copy, entry.name.len);
}

/* A roster without bounds to speak of. */
static struct roster make(enum view_sort sort, bool descending) {
    struct roster roster;
    roster_init(&roster, sort, descending, SIZE_MAX, SIZE_MAX);
    return roster;
}

/* Fails unless what is left is that, in this order. */
static void expect(const char *row, struct roster *roster, const char *const *names, size_t count) {
    struct roster_entry entry;
    row_assert(row, roster_close(roster));
    for (size_t i = 0; i < count; i++) {
        struct roster_entry want = file(names[i], 0, 0);
        row_assert(names[i], roster_first(roster, &entry));
        row_assert_slice(row_at(row, i), entry.name, want.name);
        row_assert_number(row_at(row, i), entry.directory, want.directory);
        roster_drop_first(roster);
    }
    row_assert(row, !roster_first(roster, &entry));
    roster_deinit(roster);
    roster_deinit(roster); /* idempotent */
}

/* Names in their order, whichever way round they are added. */
static void test_order_of_names(void **state) {
    (void)state;
    static const char *const names[] = {"b/",
                                        "C9x/",
                                        "c10/", /* folders go first */
                                        "!",
                                        "0",
                                        "00",
                                        "0a",
                                        "01",
                                        "1",
                                        "2",
                                        "10",
                                        "18446744073709551616",
                                        "99999999999999999999999",
                                        "[",
                                        "_",
                                        "A",
                                        "a",
                                        "a01",
                                        "a1",
                                        "a1b",
                                        "a2",
                                        "A10",
                                        "aa",
                                        "B",
                                        "b ",
                                        "Z",
                                        "z-1",
                                        "{",
                                        "\xc3\xa4"};
    for (int backward = 0; backward < 2; backward++) {
        struct roster roster = make(VIEW_BY_NAME, false);
        for (size_t i = 0; i < ROWS_COUNT(names); i++)
            must_add(&roster, names[backward ? ROWS_COUNT(names) - 1 - i : i], i, 5);
        expect("ascending", &roster, names, ROWS_COUNT(names));
    }
}

static const struct {
    const char *name;
    enum view_sort sort;
    bool descending;
    const char *names[6];
} orders[] = {
    {"name", VIEW_BY_NAME, false, {"d1/", "d2/", "a", "b", "c", "d"}},
    {"name, descending", VIEW_BY_NAME, true, {"d2/", "d1/", "d", "c", "b", "a"}},
    {"size", VIEW_BY_SIZE, false, {"d1/", "d2/", "d", "b", "c", "a"}},
    {"size, descending", VIEW_BY_SIZE, true, {"d1/", "d2/", "a", "b", "c", "d"}},
    {"time", VIEW_BY_TIME, false, {"d2/", "d1/", "a", "d", "c", "b"}},
    {"time, descending", VIEW_BY_TIME, true, {"d1/", "d2/", "b", "c", "d", "a"}},
};

/* Folders have no size; what is equal is in the order of names. */
static void test_orders(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(orders); i++) {
        struct roster roster = make(orders[i].sort, orders[i].descending);
        must_add(&roster, "d1/", 9, 900);
        must_add(&roster, "d2/", 8, -5);
        must_add(&roster, "a", UINT64_MAX, INT64_MIN);
        must_add(&roster, "b", 7, INT64_MAX);
        must_add(&roster, "c", 7, 1);
        must_add(&roster, "d", 0, 0);
        expect(orders[i].name, &roster, orders[i].names, 6);
    }
}

/* Nanoseconds decide between equal seconds; size % 7 is what file() makes of them. */
static void test_order_of_nanoseconds(void **state) {
    (void)state;
    static const char *const names[] = {"c", "b", "a"};
    struct roster roster = make(VIEW_BY_TIME, false);
    must_add(&roster, "a", 6, 1);
    must_add(&roster, "b", 5, 1);
    must_add(&roster, "c", 4, 1);
    expect("nanoseconds", &roster, names, 3);
}

static void test_entries_come_back_whole(void **state) {
    (void)state;
    struct roster roster = make(VIEW_BY_NAME, false);
    struct roster_entry entry;
    size_t count = 0;
    for (size_t i = 0; i < NASTY_COUNT; i++)
        must_add(&roster, nasty_names[i], i + 1, (int64_t)i);
    assert_true(roster_close(&roster));
    for (; roster_first(&roster, &entry); roster_drop_first(&roster), count++) {
        struct slice name = slice_of_text(nasty_names[entry.size - 1]);
        row_assert_slice(nasty_names[entry.size - 1], entry.name, name);
        row_assert_number(nasty_names[entry.size - 1], entry.mtime_s, entry.size - 1);
        row_assert_number(nasty_names[entry.size - 1], entry.mtime_ns, entry.size % 7);
    }
    assert_int_equal(count, NASTY_COUNT);
    roster_deinit(&roster);
}

/* Adds `count` numbers in an order that looks like none; 7919 is a prime that divides no count
 * here. */
static bool add_numbers(struct roster *roster, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "a file with number %zu", i * 7919 % count);
        struct roster_entry entry = file(name, i, 0);
        if (!roster_add(roster, &entry))
            return false;
    }
    return roster_close(roster);
}

/* Whether the numbers come back in order; how many in `count`. */
static bool numbers_ascend(struct roster *roster, size_t *count) {
    struct roster_entry entry;
    uint64_t last = 0;
    for (*count = 0; roster_first(roster, &entry); (*count)++, roster_drop_first(roster)) {
        uint64_t number;
        struct slice digits = slice_after(entry.name, strlen("a file with number "));
        if (!number_parse(digits, UINT64_MAX, &number) || (*count > 0 && number <= last))
            return false;
        last = number;
    }
    return true;
}

static void test_many(void **state) {
    (void)state;
    static const size_t counts[] = {0, 1, 2, 255, 256, 257, 511, 512, 513, 4096, 100000};
    for (size_t i = 0; i < ROWS_COUNT(counts); i++) {
        struct roster roster = make(VIEW_BY_NAME, false);
        size_t count;
        bytes_asked = 0;
        row_assert_number("added", add_numbers(&roster, counts[i]), true);
        row_assert(row_at("memory", counts[i]), bytes_asked < 160 * 1024 + 80 * counts[i]);
        row_assert(row_at("order", counts[i]), numbers_ascend(&roster, &count));
        row_assert_number("count", count, counts[i]);
        roster_deinit(&roster);
    }
    assert_in_range(bytes_asked, 100000 * 40, 16 << 20);
}

/* What it has taken stays in order when it takes no more, wherever that is. */
static void test_bounds(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t entries_max;
        size_t bytes_max;
        size_t count;
    } rows[] = {
        {"none", 0, SIZE_MAX, 0},
        {"one", 1, SIZE_MAX, 1},
        {"a run", 256, SIZE_MAX, 256},
        {"a run and one", 257, SIZE_MAX, 257},
        {"all but one", 999, SIZE_MAX, 999},
        {"no bytes", SIZE_MAX, 47, 0},
        {"bytes for one", SIZE_MAX, 48, 1},
        {"bytes for two, nearly", SIZE_MAX, 95, 1},
        {"bytes for many", SIZE_MAX, 48 * 700, 700},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct roster roster;
        size_t count;
        roster_init(&roster, VIEW_BY_NAME, false, rows[i].entries_max, rows[i].bytes_max);
        row_assert(rows[i].name, !add_numbers(&roster, 1000));
        row_assert(rows[i].name, roster_close(&roster));
        row_assert(rows[i].name, numbers_ascend(&roster, &count));
        row_assert_number(rows[i].name, count, rows[i].count);
        row_assert_number(rows[i].name, roster.entries, rows[i].count);
        roster_deinit(&roster);
    }
}

static void test_out_of_memory(void **state) {
    (void)state;
    bool all = false;
    for (size_t blocks = 0; !all; blocks++) {
        struct roster roster = make(VIEW_BY_NAME, false);
        size_t count;
        assert_in_range(blocks, 0, 100);
        blocks_left = blocks;
        all = add_numbers(&roster, 5000);
        (void)roster_close(&roster);
        blocks_left = SIZE_MAX;
        row_assert(row_at("order", blocks), numbers_ascend(&roster, &count));
        row_assert_number(row_at("count", blocks), count == 5000, all);
        roster_deinit(&roster);
    }
}

/* What was not asked for is freed all the same. */
static void test_left_in_the_middle(void **state) {
    (void)state;
    struct roster roster = make(VIEW_BY_SIZE, true);
    assert_true(add_numbers(&roster, 3000));
    for (size_t i = 0; i < 1000; i++)
        roster_drop_first(&roster);
    roster_deinit(&roster);
    roster = make(VIEW_BY_SIZE, true);
    must_add(&roster, "a", 0, 0);
    roster_deinit(&roster);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_of_names),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_order_of_nanoseconds),
        cmocka_unit_test(test_entries_come_back_whole),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_left_in_the_middle),
    };
    return cmocka_run_group_tests_name("roster", tests, NULL, NULL);
}
