/* Which of the things that were made once are kept: those that are asked for again.
 *
 * The replacement is S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP
 * 2023): what is new goes through a small queue, a tenth of the whole, and only what is asked for
 * meanwhile moves on to the main queue, where it is given another round for each time it is asked
 * for. So things that are asked for once, however many, push out each other. A hit writes to a
 * counter and moves nothing. */
#pragma once

#include "base/hash.h"
#include "base/list.h"
#include "base/slice.h"
#include "base/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embedded in what is kept. */
struct cached {
    struct table_link by_key;
    struct list place; /* in one of the queues */
    struct slice key;  /* borrowed from what is kept */
    size_t size_bytes;
    uint8_t hits; /* up to a few */
    bool is_main;
};

struct cache {
    struct hash_key key;
    struct table by_key;
    struct cached *latest; /* what was found or inserted last; NULL: it is gone */
    struct list small;     /* the next to go comes first */
    struct list main;      /* the same */
    size_t small_bytes;
    size_t main_bytes;
    size_t max_bytes;
    uint32_t *ghosts; /* marks of keys that left the small queue lately; owned */
};

/* Holds `max_bytes` at most, but for what was inserted since the last cache_victim(). Returns 0 or
 * -ENOMEM. */
int cache_init(struct cache *cache, const struct hash_key *key, size_t max_bytes);

/* What is kept must have been removed. Idempotent. */
void cache_deinit(struct cache *cache);

/* Finds what is kept by a key, which counts as a hit; NULL: nothing is. */
struct cached *cache_find(struct cache *cache, struct slice key);

/* Keeps something of `cached->size_bytes` by `cached->key`, by which nothing is kept yet. It is
 * borrowed until cache_remove(). */
void cache_insert(struct cache *cache, struct cached *cached);

/* What is kept has become larger. */
void cache_grow(struct cache *cache, struct cached *cached, size_t by_bytes);

/* What is kept has become smaller. */
void cache_shrink(struct cache *cache, struct cached *cached, size_t by_bytes);

void cache_remove(struct cache *cache, struct cached *cached);

/* How much is kept. */
static inline size_t cache_count(const struct cache *cache) {
    return cache->by_key.count;
}

static inline size_t cache_bytes(const struct cache *cache) {
    return cache->small_bytes + cache->main_bytes;
}

/* What should be removed to keep within the bound; NULL: nothing. */
struct cached *cache_victim(struct cache *cache);
