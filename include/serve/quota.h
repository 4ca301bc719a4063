/* How many connections each client has open, so that none has more than its share. */
#pragma once

#include "base/err.h"
#include "base/hash.h"
#include "base/table.h"
#include "sys/peer.h"

#include <stdbool.h>
#include <stddef.h>

struct quota {
    size_t max; /* connections of a client; 0: any number, and nothing is counted */
    struct table counts;
    struct hash_key key; /* clients choose their addresses */
};

#define QUOTA_INIT \
    { .counts = TABLE_INIT }

/* Returns 0, or -errno and a message. */
int quota_init(struct quota *quota, size_t max, struct err *err);

/* All connections must have left. Idempotent. */
void quota_deinit(struct quota *quota);

/* Counts a connection of the peer. Returns false where it would be one too many, or there is no
 * memory. Addresses of IPv6 count together by /64, which is what one client usually has; who comes
 * by a unix socket has no address, and is not counted. */
bool quota_enter(struct quota *quota, const struct peer *peer);

/* Ends what quota_enter() has returned true for. */
void quota_leave(struct quota *quota, const struct peer *peer);
