/* An intrusive hash table, chained, whose members are found by a hash of 64 bits; which of those
 * with the same hash is the right one is for the caller to see. Grows as it fills, by a bucket at a
 * time (linear hashing, Litwin 1980), so that no insertion takes long, however many members there
 * are. Any number of members may have the same hash: taking one out does not look at the others. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The place of a member in a table. */
struct table_link {
    struct table_link *next;
    struct table_link **at; /* what points here: a bucket, or the one before */
    uint64_t hash;
};

enum { TABLE_SEGMENTS = 32 };

struct table {
    size_t capacity; /* buckets */
    size_t count;
    struct table_link **segments[TABLE_SEGMENTS]; /* of buckets, which never move: each as large as
                                                     all before it; owned */
};

#define TABLE_INIT \
    { .capacity = 0 }

/* Returns 0 or -ENOMEM. */
int table_init(struct table *table);

/* Forgets the members, which it does not own. Idempotent. */
void table_deinit(struct table *table);

/* Borrows the link until it is removed. A table for whose growth there is no memory becomes slower.
 */
void table_insert(struct table *table, struct table_link *link, uint64_t hash);

/* The link must be in the table. */
void table_remove(struct table *table, struct table_link *link);

/* A member with that hash, and one more behind it; or NULL. */
struct table_link *table_find(const struct table *table, uint64_t hash);
struct table_link *table_find_next(const struct table_link *link);
