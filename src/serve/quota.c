#include "serve/quota.h"

#include "base/check.h"
#include "base/list.h"
#include "sys/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { V6_CLIENT_LEN = 8 /* bytes of an address: a /64 */ };

/* Those of a client that has any connections. */
struct count {
    struct table_link link;
    struct ip client;
    size_t connections;
};

int quota_init(struct quota *quota, size_t max, struct err *err) {
    *quota = (struct quota){.max = max};
    if (max == 0)
        return 0;
    int result = random_fill(&quota->key, sizeof quota->key, err);
    if (result == 0 && table_init(&quota->counts) < 0)
        result = err_set(err, ENOMEM, "not enough memory");
    return result;
}

void quota_deinit(struct quota *quota) {
    CHECK(quota->counts.count == 0);
    table_deinit(&quota->counts);
}

/* The address without what its other connections need not have in common. */
static struct ip client_of(const struct peer *peer) {
    struct ip client = peer->ip;
    if (client.len == IP_V6_LEN)
        memset(client.bytes + V6_CLIENT_LEN, 0, IP_V6_LEN - V6_CLIENT_LEN);
    return client;
}

static uint64_t hash_of(const struct quota *quota, const struct ip *client) {
    return hash_bytes(&quota->key, slice_of((const char *)client, sizeof *client));
}

static struct count *find(const struct quota *quota, const struct ip *client, uint64_t hash) {
    struct table_link *link = table_find(&quota->counts, hash);
    for (; link != NULL; link = table_find_next(link)) {
        struct count *count = list_entry(link, struct count, link);
        if (memcmp(&count->client, client, sizeof *client) == 0)
            return count;
    }
    return NULL;
}

bool quota_enter(struct quota *quota, const struct peer *peer) {
    if (quota->max == 0 || peer->ip.len == 0)
        return true;
    struct ip client = client_of(peer);
    uint64_t hash = hash_of(quota, &client);
    struct count *count = find(quota, &client, hash);
    if (count == NULL) {
        count = malloc(sizeof *count);
        if (count == NULL)
            return false;
        *count = (struct count){.client = client};
        table_insert(&quota->counts, &count->link, hash);
    }
    if (count->connections == quota->max)
        return false;
    count->connections++;
    return true;
}

void quota_leave(struct quota *quota, const struct peer *peer) {
    if (quota->max == 0 || peer->ip.len == 0)
        return;
    struct ip client = client_of(peer);
    struct count *count = find(quota, &client, hash_of(quota, &client));
    CHECK(count != NULL);
    if (--count->connections > 0)
        return;
    table_remove(&quota->counts, &count->link);
    free(count);
}
