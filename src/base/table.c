#include "base/table.h"

#include <errno.h>
#include <stdlib.h>

enum { CAPACITY_MIN = 64 };

static struct table_link **bucket_of(const struct table *table, uint64_t hash) {
    return &table->buckets[hash & (table->capacity - 1)];
}

static void push(const struct table *table, struct table_link *link) {
    struct table_link **bucket = bucket_of(table, link->hash);
    link->next = *bucket;
    link->at = bucket;
    if (link->next != NULL)
        link->next->at = &link->next;
    *bucket = link;
}

int table_init(struct table *table) {
    *table = (struct table){.capacity = CAPACITY_MIN};
    table->buckets = calloc(CAPACITY_MIN, sizeof(struct table_link *));
    return table->buckets != NULL ? 0 : -ENOMEM;
}

void table_deinit(struct table *table) {
    free(table->buckets);
    *table = (struct table)TABLE_INIT;
}

/* Doubles the number of buckets. */
static void grow(struct table *table) {
    struct table larger = {.capacity = table->capacity * 2, .count = table->count};
    larger.buckets = calloc(larger.capacity, sizeof(struct table_link *));
    if (larger.buckets == NULL)
        return;
    for (size_t i = 0; i < table->capacity; i++) {
        while (table->buckets[i] != NULL) {
            struct table_link *link = table->buckets[i];
            table->buckets[i] = link->next;
            push(&larger, link);
        }
    }
    free(table->buckets);
    *table = larger;
}

void table_insert(struct table *table, struct table_link *link, uint64_t hash) {
    if (table->count == table->capacity)
        grow(table);
    link->hash = hash;
    push(table, link);
    table->count++;
}

void table_remove(struct table *table, struct table_link *link) {
    *link->at = link->next;
    if (link->next != NULL)
        link->next->at = link->at;
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
