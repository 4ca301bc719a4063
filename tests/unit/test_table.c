#include "base/table.h"

#include "base/list.h"
#include "support/row.h"

#include <errno.h>
#include <stdlib.h>

static bool out_of_memory;
static size_t allocations;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size) {
    allocations++;
    return out_of_memory ? NULL : __real_calloc(count, size);
}

enum { MANY = 10000 };

struct member {
    struct table_link link;
    bool is_in;
};

static struct table table;
static struct member members[MANY];

static int setup(void **state) {
    (void)state;
    out_of_memory = false;
    for (size_t i = 0; i < MANY; i++)
        members[i] = (struct member){.is_in = false};
    return table_init(&table);
}

static int teardown(void **state) {
    (void)state;
    out_of_memory = false;
    table_deinit(&table);
    table_deinit(&table); /* idempotent */
    return 0;
}

static void insert(size_t i, uint64_t hash) {
    table_insert(&table, &members[i].link, hash);
    members[i].is_in = true;
}

static void take_out(size_t i) {
    table_remove(&table, &members[i].link);
    members[i].is_in = false;
}

/* How often a member is found under its hash. */
static size_t count_found(size_t i, uint64_t hash) {
    size_t found = 0;
    for (struct table_link *link = table_find(&table, hash); link != NULL;
         link = table_find_next(link)) {
        row_assert_number(row_at("hash", i), link->hash, hash);
        found += link == &members[i].link ? 1 : 0;
    }
    return found;
}

typedef uint64_t hash_of(size_t i);

static uint64_t spread(size_t i) {
    return i * 0x9e3779b97f4a7c15;
}

static uint64_t counting(size_t i) {
    return i;
}

/* All in one chain, whatever the capacity. */
static uint64_t same_low_bits(size_t i) {
    return (uint64_t)i << 32 | 7;
}

/* Each hash three times. */
static uint64_t by_threes(size_t i) {
    return spread(i / 3);
}

static const struct {
    const char *name;
    hash_of *hash;
    size_t count;
} hashes[] = {
    {"spread", spread, MANY},
    {"counting", counting, MANY},
    {"the same low bits", same_low_bits, 1000},
    {"three of each", by_threes, MANY},
};

static void assert_members(const char *row, hash_of *hash, size_t count) {
    size_t expected = 0;
    for (size_t i = 0; i < count; i++) {
        row_assert_number(row_at(row, i), count_found(i, hash(i)), members[i].is_in);
        expected += members[i].is_in ? 1 : 0;
    }
    row_assert_number(row, table.count, expected);
}

static void test_insert_and_remove(void **state) {
    (void)state;
    for (size_t row = 0; row < ROWS_COUNT(hashes); row++) {
        const char *name = hashes[row].name;
        hash_of *hash = hashes[row].hash;
        size_t count = hashes[row].count;
        for (size_t i = 0; i < count; i++)
            insert(i, hash(i));
        assert_members(name, hash, count);
        for (size_t i = 1; i < count; i += 3)
            take_out(i);
        assert_members(name, hash, count);
        for (size_t i = 1; i < count; i += 3)
            insert(i, hash(i));
        assert_members(name, hash, count);
        for (size_t i = count; i-- > 0;)
            take_out(i);
        assert_members(name, hash, count);
    }
}

static void test_nothing_is_found_in_an_empty_table(void **state) {
    (void)state;
    assert_null(table_find(&table, 0));
    assert_null(table_find(&table, UINT64_MAX));
}

/* Another hash in the same bucket is not what was asked for. */
static void test_the_whole_hash_counts(void **state) {
    (void)state;
    insert(0, (uint64_t)1 << 63 | 5);
    assert_null(table_find(&table, 5));
    assert_non_null(table_find(&table, (uint64_t)1 << 63 | 5));
}

/* Whoever can bring many members under one hash is not to make each removal a walk past all. */
static void test_taking_one_out_looks_at_its_neighbours_only(void **state) {
    (void)state;
    for (size_t i = 0; i < 4; i++)
        insert(i, 7);
    struct table_link *next = members[3].link.next;
    members[3].link.next = NULL; /* a walk from the bucket ends here */
    take_out(0);
    members[3].link.next = next;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(count_found(i, 7), i > 0 ? 1 : 0);
    assert_int_equal(table.count, 3);
}

/* Chains stay short: there are never more members than buckets. */
static void test_grows(void **state) {
    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        insert(i, spread(i));
        row_assert(row_at("capacity", i), table.capacity >= table.count);
    }
    assert_in_range(allocations, 1, 40);
}

/* How many of the first members are pointed to from elsewhere than before. */
static size_t count_moved(struct table_link **places[], size_t count) {
    size_t moved = 0;
    for (size_t i = 0; i < count; i++) {
        moved += members[i].link.at != places[i] ? 1 : 0;
        places[i] = members[i].link.at;
    }
    return moved;
}

/* However large it is, nobody waits while all of it is moved. */
static void test_grows_a_little_at_a_time(void **state) {
    (void)state;
    static struct table_link **places[MANY / 4];
    for (size_t i = 0; i < MANY / 4; i++) {
        insert(i, spread(i));
        places[i] = members[i].link.at;
        row_assert(row_at("moved", i), count_moved(places, i) < 16);
    }
    assert_true(table.capacity >= MANY / 4);
}

static void test_no_memory_to_grow(void **state) {
    (void)state;
    size_t capacity = table.capacity;
    out_of_memory = true;
    for (size_t i = 0; i < 1000; i++)
        insert(i, spread(i));
    assert_int_equal(table.capacity, capacity);
    assert_members("no memory", spread, 1000);
    out_of_memory = false;
    for (size_t i = 1000; i < 3000; i++)
        insert(i, spread(i));
    assert_members("memory again", spread, 3000);
    assert_true(table.capacity >= table.count); /* what could not be done has been made up for */
}

static void test_no_memory_at_first(void **state) {
    (void)state;
    struct table other = TABLE_INIT;
    table_deinit(&other); /* of one that never was */
    out_of_memory = true;
    assert_int_equal(table_init(&other), -ENOMEM);
    table_deinit(&other);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_insert_and_remove),        test(test_nothing_is_found_in_an_empty_table),
        test(test_the_whole_hash_counts),    test(test_grows),
        test(test_grows_a_little_at_a_time), test(test_no_memory_to_grow),
        test(test_no_memory_at_first),       test(test_taking_one_out_looks_at_its_neighbours_only),
    };
    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
