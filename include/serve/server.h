/* What all connections of a worker share: what is served, limits, deadlines and scratch memory. */
#pragma once

#include "base/deadline.h"
#include "base/err.h"
#include "conf/options.h"
#include "http/head.h"
#include "http/multipart.h"
#include "http/request.h"
#include "serve/ledger.h"
#include "serve/live.h"
#include "serve/outq.h"
#include "serve/quota.h"
#include "serve/stopwatch.h"
#include "serve/tally.h"
#include "store/store.h"
#include "sys/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a connection waits for. Every connection is in one of the queues at any time between two
 * turns. */
enum server_deadline {
    DEADLINE_NONE,   /* in a turn */
    DEADLINE_IDLE,   /* the first byte of a request other than the first */
    DEADLINE_HEAD,   /* the rest of a head */
    DEADLINE_BODY,   /* the rest of a request's content */
    DEADLINE_SEND,   /* the client to take enough bytes */
    DEADLINE_LINGER, /* the client to close */
    DEADLINE_NEWS,   /* something to tell the client of */
    DEADLINE_COUNT,
};

/* What every request needs stands together, before what is large or seldom of use. */
struct server {
    struct loop *loop;   /* borrowed */
    struct tally *tally; /* what is counted: `own_tally`, or one that others read; borrowed */
    size_t max_head;     /* bytes */
    uint64_t max_body;   /* bytes */
    bool cors;           /* scripts of any origin may read responses */
    bool listing;        /* directories without an index file are listed */
    bool draining;       /* every response is the last of its connection */
    bool timed;          /* how long things take is noted, too */
    bool proxy_protocol; /* connections of those who are trusted start with it */
    struct buf spa;      /* the target of the file that answers for absent pages (--spa); empty:
                            there is none; owned */

    /* Scratch, of use to one connection during its turn. */
    char *input; /* max_head + SERVER_READ_BYTES; owned */
    size_t input_capacity;
    char *path; /* a decoded target, REQUEST_TARGET_MAX; owned */
    struct outq output;
    struct request_memo memo; /* of the fields of the last request */

    struct head_opening opening;           /* of heads, in the second of the last one */
    char boundary[MULTIPART_BOUNDARY_LEN]; /* random: nobody can have written it into a file */
    struct stopwatch stopwatch;            /* with `timed`; to be read at the end of each turn */
    struct deadline_queue deadlines[DEADLINE_COUNT];
    struct list starved;      /* sources of listeners that ran out of descriptors */
    int64_t starved_retry_ms; /* when they try again at the latest, on the loop's clock */
    struct store store;
    struct source changes; /* of what is stored */
    size_t deliveries;     /* what is being made for connections */
    size_t connections;
    size_t comfortable;      /* connections; with more, an idle one gives way, so that descriptors
                                for files are left */
    size_t max_connections;  /* with as many, and none of them idle, none is accepted */
    uint64_t send_rate;      /* bytes per second, on each connection; 0: no bound */
    uint64_t min_rate;       /* bytes per second that a client is to take of a response */
    uint64_t held_max;       /* bytes that connections may hold together, beside a few for each */
    uint64_t held_bytes;     /* what they hold: of requests that are not whole, of answers, and
                                of what is to be logged of those */
    struct networks trusted; /* those who may name another's address */
    struct quota quota;      /* of the connections of each client */
    struct ledger ledger;
    struct live live;
    struct tally own_tally;
};

#define SERVER_INIT \
    { .store = STORE_INIT, .quota = QUOTA_INIT, .ledger = LEDGER_INIT }

/* Room for at least this much can be read behind a head of the largest size. */
enum { SERVER_READ_BYTES = 16 * 1024 };

/* `loop` and `roots` are borrowed until server_deinit(). Answers are not accounted for before
 * ledger_init() is called. Returns 0, or -ENOMEM and a message. */
int server_init(struct server *server, struct loop *loop, const struct roots *roots,
                const struct options *options, struct err *err);

/* All connections must be closed before. Idempotent. */
void server_deinit(struct server *server);

/* Whether it matters whose connections are: somebody is told, they are counted, or not all may say
 * whose they are. Where it does not, an account's peer is not known, and nobody may go by it. */
static inline bool server_asks_for_peers(const struct server *server) {
    return server->ledger.is_on || server->quota.max > 0 || server->proxy_protocol;
}

/* How the heads begin that are sent in this turn; valid until the next call. */
const struct head_opening *server_opening(struct server *server);

/* Sets a listener aside that ran out of descriptors or memory: it runs again when a connection has
 * closed, or one is idle and can be closed for a new one; and, since they may be used up elsewhere,
 * every so often. */
void server_starve(struct server *server, struct source *listener);
void server_wake_starved(struct server *server);

/* How long the loop may sleep until a deadline is due or starved listeners try again, in
 * milliseconds; negative: forever. */
int64_t server_wait_ms(const struct server *server);
