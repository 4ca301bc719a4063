#include "serve/tally.h"

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
    struct peer client;
    size_t connections;
};

int tally_init(struct tally *tally, size_t max, struct err *err) {
    *tally = (struct tally){.max = max};
    if (max == 0)
        return 0;
    int result = random_fill(&tally->key, sizeof tally->key, err);
    if (result == 0 && table_init(&tally->counts) < 0)
        result = err_set(err, ENOMEM, "not enough memory");
    return result;
}

void tally_deinit(struct tally *tally) {
    CHECK(tally->counts.count == 0);
    table_deinit(&tally->counts);
}

/* The peer without what its other connections need not have in common. */
static struct peer client_of(const struct peer *peer) {
    struct peer client = {.family = peer->family};
    size_t len = peer->family == PEER_V6 ? V6_CLIENT_LEN : peer_ip_len(peer);
    memcpy(client.ip, peer->ip, len);
    return client;
}

static uint64_t hash_of(const struct tally *tally, const struct peer *client) {
    return hash_bytes(&tally->key, slice_of((const char *)client, sizeof *client));
}

static struct count *find(const struct tally *tally, const struct peer *client, uint64_t hash) {
    struct table_link *link = table_find(&tally->counts, hash);
    for (; link != NULL; link = table_find_next(link)) {
        struct count *count = list_entry(link, struct count, link);
        if (memcmp(&count->client, client, sizeof *client) == 0)
            return count;
    }
    return NULL;
}

bool tally_enter(struct tally *tally, const struct peer *peer) {
    if (tally->max == 0 || peer->family == PEER_UNIX)
        return true;
    struct peer client = client_of(peer);
    uint64_t hash = hash_of(tally, &client);
    struct count *count = find(tally, &client, hash);
    if (count == NULL) {
        count = malloc(sizeof *count);
        if (count == NULL)
            return false;
        *count = (struct count){.client = client};
        table_insert(&tally->counts, &count->link, hash);
    }
    if (count->connections == tally->max)
        return false;
    count->connections++;
    return true;
}

void tally_leave(struct tally *tally, const struct peer *peer) {
    if (tally->max == 0 || peer->family == PEER_UNIX)
        return;
    struct peer client = client_of(peer);
    struct count *count = find(tally, &client, hash_of(tally, &client));
    CHECK(count != NULL);
    if (--count->connections > 0)
        return;
    table_remove(&tally->counts, &count->link);
    free(count);
}
