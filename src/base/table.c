#include "base/table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

enum { FIRST_ORDER = 6, CAPACITY_MIN = 1 << FIRST_ORDER };

/* The highest power of two in `number`, which is not 0, as its exponent. */
static unsigned order_of(size_t number) {
    return (unsigned)(sizeof(unsigned long) * 8 - 1) - (unsigned)__builtin_clzl(number);
}

/* The first segment has CAPACITY_MIN buckets; each one more begins where the index is a power of
 * two. */
static unsigned segment_of(size_t index) {
    return order_of(index | (CAPACITY_MIN - 1)) - (FIRST_ORDER - 1);
}

static struct table_link **bucket_at(const struct table *table, size_t index) {
    unsigned segment = segment_of(index);
    size_t start = segment > 0 ? (size_t)CAPACITY_MIN << (segment - 1) : 0;
    return &table->segments[segment][index - start];
}

/* Of the bits of a hash as many count as the largest index has; with fewer of them where there is
 * no bucket yet. */
static struct table_link **bucket_of(const struct table *table, uint64_t hash) {
    size_t half = (size_t)1 << order_of(table->capacity);
    size_t index = (size_t)hash & (2 * half - 1);
    return bucket_at(table, index < table->capacity ? index : index - half);
}

static void push(struct table_link **bucket, struct table_link *link) {
    link->next = *bucket;
    link->at = bucket;
    if (link->next != NULL)
        link->next->at = &link->next;
    *bucket = link;
}

static void unlink_from_chain(struct table_link *link) {
    *link->at = link->next;
    if (link->next != NULL)
        link->next->at = link->at;
}

static bool add_segment(struct table *table, unsigned segment, size_t count) {
    if (segment < TABLE_SEGMENTS)
        table->segments[segment] = calloc(count, sizeof(struct table_link *));
    return segment < TABLE_SEGMENTS && table->segments[segment] != NULL;
}

int table_init(struct table *table) {
    *table = (struct table)TABLE_INIT;
    if (!add_segment(table, 0, CAPACITY_MIN))
        return -ENOMEM;
    table->capacity = CAPACITY_MIN;
    return 0;
}

void table_deinit(struct table *table) {
    for (size_t i = 0; i < TABLE_SEGMENTS; i++)
        free(table->segments[i]);
    *table = (struct table)TABLE_INIT;
}

/* Adds a bucket, and moves those members there for which it has been missing. */
static void grow(struct table *table) {
    size_t index = table->capacity;
    size_t half = (size_t)1 << order_of(index);
    if (index == half && !add_segment(table, segment_of(index), half))
        return;
    struct table_link **to = bucket_at(table, index);
    struct table_link *link = *bucket_at(table, index - half);
    table->capacity++;
    while (link != NULL) {
        struct table_link *next = link->next;
        if (((size_t)link->hash & (2 * half - 1)) == index) {
            unlink_from_chain(link);
            push(to, link);
        }
        link = next;
    }
}

void table_insert(struct table *table, struct table_link *link, uint64_t hash) {
    /* One is enough, but for what could not be done before. */
    for (int i = 0; i < 2 && table->count >= table->capacity; i++)
        grow(table);
    link->hash = hash;
    push(bucket_of(table, hash), link);
    table->count++;
}

void table_remove(struct table *table, struct table_link *link) {
    unlink_from_chain(link);
    table->count--;
}

/* The first from `link` on with that hash. */
static struct table_link *first_of(struct table_link *link, uint64_t hash) {
    while (link != NULL && link->hash != hash)
        link = link->next;
    return link;
}

struct table_link *table_find(const struct table *table, uint64_t hash) {
    return first_of(*bucket_of(table, hash), hash);
}

struct table_link *table_find_next(const struct table_link *link) {
    return first_of(link->next, link->hash);
}
