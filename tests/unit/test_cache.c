#include "store/cache.h"

#include "support/row.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static long callocs_until_failure = -1; /* negative: none fails */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size) {
    return callocs_until_failure < 0 || callocs_until_failure-- > 0 ? __real_calloc(count, size)
                                                                    : NULL;
}

enum { SIZE = 10, MAX = 1000 }; /* bytes: room for 100 things */

struct thing {
    struct cached cached;
    char key[16];
};

static const struct hash_key key = {{3, 4}};
static struct cache cache;
static size_t count; /* of things that are kept */

static int setup(void **state) {
    (void)state;
    count = 0;
    return cache_init(&cache, &key, MAX);
}

static void drop(struct cached *cached) {
    cache_remove(&cache, cached);
    free(list_entry(cached, struct thing, cached));
    count--;
}

/* Keeps to the bound, as the one who asks for victims does. */
static void shed(void) {
    struct cached *victim;
    while ((victim = cache_victim(&cache)) != NULL)
        drop(victim);
}

static int teardown(void **state) {
    (void)state;
    cache.max_bytes = 0;
    shed();
    assert_int_equal(count, 0);
    assert_int_equal(cache.small_bytes + cache.main_bytes, 0);
    cache_deinit(&cache);
    cache_deinit(&cache); /* idempotent */
    return 0;
}

static struct cached *insert_sized(size_t name, size_t size) {
    struct thing *thing = calloc(1, sizeof *thing);
    assert_non_null(thing);
    int len = snprintf(thing->key, sizeof thing->key, "%zu", name);
    thing->cached.key = slice_of(thing->key, (size_t)len);
    thing->cached.size_bytes = size;
    cache_insert(&cache, &thing->cached);
    count++;
    return &thing->cached;
}

static struct cached *insert(size_t name) {
    return insert_sized(name, SIZE);
}

static struct cached *find(size_t name) {
    char text[16];
    int len = snprintf(text, sizeof text, "%zu", name);
    return cache_find(&cache, slice_of(text, (size_t)len));
}

static bool is_queued(struct list *queue, size_t name) {
    list_for_each(link, queue) {
        struct thing *thing = list_entry(link, struct thing, cached.place);
        if (strtoul(thing->key, NULL, 10) == name)
            return true;
    }
    return false;
}

/* Whether it is kept, without asking for it. */
static bool is_kept(size_t name) {
    return is_queued(&cache.small, name) || is_queued(&cache.main, name);
}

static void ask(size_t name, int times) {
    for (int i = 0; i < times; i++)
        row_assert(row_at("kept", name), find(name) != NULL);
}

/* Asks for something once, as somebody does who does not know whether it is kept. */
static void request(size_t name) {
    if (find(name) == NULL)
        (void)insert(name);
    shed();
    row_assert(row_at("bound", name), cache.small_bytes + cache.main_bytes <= MAX);
    row_assert(row_at("bound", name), count * SIZE <= MAX);
}

static void test_find(void **state) {
    (void)state;
    assert_null(find(1));
    struct cached *one = insert(1);
    struct cached *eleven = insert(11);
    assert_ptr_equal(find(1), one);
    assert_ptr_equal(find(11), eleven);
    assert_null(find(111));
    assert_null(cache_find(&cache, SLICE("")));
    assert_null(cache_find(&cache, SLICE("1\0")));
    drop(one);
    assert_null(find(1));
    assert_ptr_equal(find(11), eleven);
    assert_ptr_equal(find(11), eleven); /* once more: it was asked for last */
    drop(eleven);
    assert_null(find(11));
    struct cached *again = insert(11);
    assert_ptr_equal(find(11), again);
    drop(insert(12));
    assert_null(find(12));
}

static void test_within_the_bound(void **state) {
    (void)state;
    for (size_t i = 0; i < MAX / SIZE; i++)
        (void)insert(i);
    assert_null(cache_victim(&cache));
    struct cached *more = insert_sized(100, 1);
    assert_non_null(cache_victim(&cache));
    drop(more);
    assert_null(cache_victim(&cache));
}

static void test_first_in_first_out(void **state) {
    (void)state;
    for (size_t i = 0; i < 500; i++) {
        request(i);
        row_assert(row_at("newest", i), is_kept(i));
        row_assert_number(row_at("oldest", i), i >= MAX / SIZE && is_kept(i - MAX / SIZE), false);
        row_assert_number(row_at("next", i), i < MAX / SIZE || is_kept(i - MAX / SIZE + 1), true);
    }
}

static const struct {
    const char *name;
    int times;
    bool stays;
} asked[] = {
    {"not once more", 0, false},
    {"once more", 1, false},
    {"twice more", 2, true},
    {"often", 1000, true},
};

/* What is asked for while it is new outlives any number of things that are not. */
static void test_what_is_asked_for_stays(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(asked); i++) {
        size_t first = (i + 1) * 100000;
        (void)insert(first);
        ask(first, asked[i].times);
        for (size_t name = first + 1; name <= first + 1000; name++)
            request(name);
        row_assert_number(asked[i].name, is_kept(first), asked[i].stays);
    }
}

static void test_a_scan_drives_nothing_out(void **state) {
    (void)state;
    enum { HOT = 60, SCANNED = 1000000 };
    for (size_t times = 0; times < 3; times++) {
        for (size_t i = 0; i < HOT; i++)
            request(i);
    }
    for (size_t i = 0; i < SCANNED; i++) {
        request(1000 + i);
        if (i % 100 == 0)
            ask(i / 100 % HOT, 1);
    }
    for (size_t i = 0; i < HOT; i++)
        row_assert(row_at("hot", i), is_kept(i));
}

/* What was popular goes once it is not asked for any more, and others are. */
static void test_what_was_popular_goes(void **state) {
    (void)state;
    for (size_t i = 0; i < 80; i++) {
        (void)insert(i);
        ask(i, 100);
    }
    for (size_t times = 0; times < 20; times++) {
        for (size_t i = 1000; i < 1080; i++)
            request(i);
    }
    size_t new = 0;
    size_t old = 0;
    for (size_t i = 0; i < 80; i++) {
        new += is_kept(1000 + i) ? 1 : 0;
        old += is_kept(i) ? 1 : 0;
    }
    assert_int_equal(new, 80);
    assert_in_range(old, 0, 20);
}

/* What went lately and is asked for again does not go through the small queue once more. */
static void test_what_comes_back_is_remembered(void **state) {
    (void)state;
    for (size_t i = 0; i < 150; i++)
        request(i);
    assert_false(is_kept(7));
    assert_true(insert(7)->is_main);
    assert_false(insert(1007)->is_main);
    /* Once only: it was not driven out of the small queue again. */
    drop(find(7));
    assert_false(insert(7)->is_main);
}

/* What is removed because it changed was not judged. */
static void test_what_is_removed_is_not_remembered(void **state) {
    (void)state;
    drop(insert(1));
    assert_false(insert(1)->is_main);
}

static void test_rounds_in_the_main_queue(void **state) {
    (void)state;
    for (size_t i = 0; i < 100; i++) {
        (void)insert(i);
        ask(i, 2);
    }
    (void)insert(100);
    ask(100, 2);
    shed(); /* but for a tenth all have moved on, and the first one had to go */
    assert_int_equal(cache.small_bytes, MAX / 10);
    assert_false(is_kept(0));
    ask(1, 1);
    (void)insert(101);
    ask(101, 2);
    shed(); /* the next one had another round */
    assert_true(is_kept(1));
    assert_false(is_kept(2));
}

/* As many rounds as it was asked for, but no more than a few. */
static void test_rounds_come_to_an_end(void **state) {
    (void)state;
    for (size_t i = 0; i <= 600; i++) {
        (void)insert(i);
        ask(i, 2);
        shed();
        if (i == MAX / SIZE) /* the first one has just gone */
            ask(1, 250);
        row_assert(row_at("asked for", i), i == 0 || i > 300 || is_kept(1));
    }
    assert_false(is_kept(1));
}

/* However much everything is asked for, one goes, and in a bounded time. */
static void test_all_are_asked_for(void **state) {
    (void)state;
    enum { MANY = 20000 };
    cache.max_bytes = (size_t)MANY * SIZE;
    for (size_t i = 0; i < MANY; i++) {
        (void)insert(i);
        ask(i, 100);
    }
    (void)insert(MANY);
    ask(MANY, 100);
    assert_non_null(cache_victim(&cache));
    shed();
    assert_int_equal(count, MANY);
}

static void test_grows(void **state) {
    (void)state;
    struct cached *small = insert(1);
    struct cached *moved = insert(2);
    cache_grow(&cache, small, MAX - 2 * SIZE);
    assert_null(cache_victim(&cache));
    cache_grow(&cache, moved, 1);
    assert_non_null(cache_victim(&cache));
    drop(small);
    assert_null(cache_victim(&cache));
    assert_int_equal(cache.small_bytes + cache.main_bytes, SIZE + 1);
    cache_shrink(&cache, moved, 1);
    assert_int_equal(moved->size_bytes, SIZE);
    assert_int_equal(cache.small_bytes + cache.main_bytes, SIZE);
    drop(moved);
    assert_int_equal(cache.small_bytes + cache.main_bytes, 0);
}

static void test_grows_in_the_main_queue(void **state) {
    (void)state;
    for (size_t i = 0; i <= MAX / SIZE; i++) {
        struct cached *cached = insert(i);
        ask(i, i == 0 ? 3 : 0);
        assert_false(cached->is_main);
    }
    shed();
    struct cached *first = find(0);
    assert_true(first->is_main);
    cache_grow(&cache, first, 5);
    assert_int_equal(cache.main_bytes, SIZE + 5);
    cache_shrink(&cache, first, 2);
    assert_int_equal(cache.main_bytes, SIZE + 3);
    drop(first);
    assert_int_equal(cache.main_bytes, 0);
}

/* It can't stay; what is in the main queue does. */
static void test_larger_than_the_bound(void **state) {
    (void)state;
    for (size_t i = 0; i < 50; i++) {
        (void)insert(i);
        ask(i, 3);
    }
    for (size_t i = 100; i < 200; i++)
        request(i);
    (void)insert_sized(1000, MAX + 1);
    shed();
    assert_false(is_kept(1000));
    for (size_t i = 0; i < 50; i++)
        row_assert(row_at("main", i), is_kept(i));
}

static void test_no_room(void **state) {
    (void)state;
    cache.max_bytes = 0;
    (void)insert(1);
    shed();
    assert_int_equal(count, 0);
}

static void test_no_memory(void **state) {
    (void)state;
    for (long i = 0; i < 2; i++) {
        struct cache other;
        callocs_until_failure = i;
        row_assert_number(row_at("calloc", (size_t)i), cache_init(&other, &key, MAX), -ENOMEM);
        callocs_until_failure = -1;
        cache_deinit(&other);
    }
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_find),
        test(test_within_the_bound),
        test(test_first_in_first_out),
        test(test_what_is_asked_for_stays),
        test(test_a_scan_drives_nothing_out),
        test(test_what_was_popular_goes),
        test(test_what_comes_back_is_remembered),
        test(test_what_is_removed_is_not_remembered),
        test(test_rounds_in_the_main_queue),
        test(test_rounds_come_to_an_end),
        test(test_all_are_asked_for),
        test(test_grows),
        test(test_grows_in_the_main_queue),
        test(test_larger_than_the_bound),
        test(test_no_room),
        test(test_no_memory),
    };
    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
