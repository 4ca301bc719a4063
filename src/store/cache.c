#include "store/cache.h"

#include "base/placement.h"

#include <errno.h>
#include <stdlib.h>

enum {
    HITS_MAX = 3,
    GHOSTS = 32 * 1024, /* a power of two */
    SMALL_SHARE = 10,   /* the small queue may have one part in this many */
    JUDGED_MAX = 1024,  /* then one goes, whatever it is worth: nobody waits for long */
};

int cache_init(struct cache *cache, const struct hash_key *key, size_t max_bytes) {
    *cache = (struct cache){.key = *key, .max_bytes = max_bytes};
    list_init(&cache->small);
    list_init(&cache->main);
    cache->ghosts = calloc(GHOSTS, sizeof *cache->ghosts);
    return cache->ghosts != NULL ? table_init(&cache->by_key) : -ENOMEM;
}

void cache_deinit(struct cache *cache) {
    table_deinit(&cache->by_key);
    free(cache->ghosts);
    cache->ghosts = NULL;
}

/* Of the few keys that share a place the last one is remembered. */
static uint32_t *ghost_of(const struct cache *cache, uint64_t hash) {
    return &cache->ghosts[hash & (GHOSTS - 1)];
}

static uint32_t mark_of(uint64_t hash) {
    return (uint32_t)(hash >> 32) | 1; /* 0: none */
}

static APART struct cached *find(const struct cache *cache, struct slice key) {
    struct table_link *link = table_find(&cache->by_key, hash_bytes(&cache->key, key));
    for (; link != NULL; link = table_find_next(link)) {
        struct cached *cached = list_entry(link, struct cached, by_key);
        if (slice_equal(cached->key, key))
            return cached;
    }
    return NULL;
}

/* What was asked for last is often asked for again, and is found without a hash. */
struct cached *cache_find(struct cache *cache, struct slice key) {
    if (cache->latest == NULL || !slice_equal(cache->latest->key, key)) {
        struct cached *cached = find(cache, key);
        if (cached == NULL)
            return NULL;
        cache->latest = cached;
    }
    if (cache->latest->hits < HITS_MAX)
        cache->latest->hits++;
    return cache->latest;
}

static size_t *bytes_of(struct cache *cache, const struct cached *cached) {
    return cached->is_main ? &cache->main_bytes : &cache->small_bytes;
}

static void queue(struct cache *cache, struct cached *cached, bool is_main) {
    cached->is_main = is_main;
    cached->hits = 0;
    list_append(is_main ? &cache->main : &cache->small, &cached->place);
    *bytes_of(cache, cached) += cached->size_bytes;
}

static void unqueue(struct cache *cache, struct cached *cached) {
    list_remove(&cached->place);
    *bytes_of(cache, cached) -= cached->size_bytes;
}

void cache_insert(struct cache *cache, struct cached *cached) {
    uint64_t hash = hash_bytes(&cache->key, cached->key);
    uint32_t *ghost = ghost_of(cache, hash);
    bool returns = *ghost == mark_of(hash);
    if (returns)
        *ghost = 0;
    table_insert(&cache->by_key, &cached->by_key, hash);
    queue(cache, cached, returns);
    cache->latest = cached;
}

void cache_grow(struct cache *cache, struct cached *cached, size_t by_bytes) {
    cached->size_bytes += by_bytes;
    *bytes_of(cache, cached) += by_bytes;
}

void cache_shrink(struct cache *cache, struct cached *cached, size_t by_bytes) {
    cached->size_bytes -= by_bytes;
    *bytes_of(cache, cached) -= by_bytes;
}

void cache_remove(struct cache *cache, struct cached *cached) {
    if (cache->latest == cached)
        cache->latest = NULL;
    table_remove(&cache->by_key, &cached->by_key);
    unqueue(cache, cached);
}

/* Moves the head of the small queue on if it was asked for more than once since it came; else it is
 * the victim. */
static struct cached *judge_small(struct cache *cache) {
    struct cached *cached = list_entry(cache->small.next, struct cached, place);
    if (cached->hits <= 1) {
        *ghost_of(cache, cached->by_key.hash) = mark_of(cached->by_key.hash);
        return cached;
    }
    unqueue(cache, cached);
    queue(cache, cached, true);
    return NULL;
}

/* Gives the head of the main queue another round if it was asked for; else it is the victim. */
static struct cached *judge_main(struct cache *cache) {
    struct cached *cached = list_entry(cache->main.next, struct cached, place);
    if (cached->hits == 0)
        return cached;
    cached->hits--;
    list_remove(&cached->place);
    list_append(&cache->main, &cached->place);
    return NULL;
}

static APART struct cached *choose_victim(struct cache *cache) {
    struct cached *victim = NULL;
    for (int i = 0; i < JUDGED_MAX && victim == NULL; i++) {
        bool from_small =
            cache->small_bytes > cache->max_bytes / SMALL_SHARE || list_is_empty(&cache->main);
        victim = from_small ? judge_small(cache) : judge_main(cache);
    }
    if (victim == NULL) {
        struct list *queue = list_is_empty(&cache->main) ? &cache->small : &cache->main;
        victim = list_entry(queue->next, struct cached, place);
    }
    return victim;
}

struct cached *cache_victim(struct cache *cache) {
    return cache_bytes(cache) > cache->max_bytes ? choose_victim(cache) : NULL;
}
