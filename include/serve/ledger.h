/* The account of answers. Each is entered when it has been queued, and settled when its last byte
 * has been handed to the kernel, or its connection has ended before that.
 *
 * Mostly all answers of a turn are sent at its end; then nothing is allocated and nothing copied.
 * What is not settled then is copied, with its texts, and belongs to the connection: that is no
 * more than a turn reads, as nothing more is read before it is sent. */
#pragma once

#include "base/placement.h"
#include "http/request.h"
#include "http/status.h"
#include "serve/accesslog.h"
#include "serve/outq.h"
#include "sys/clock.h"
#include "sys/loop.h"
#include "sys/peer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Answers that a turn may queue. */
enum { LEDGER_TURN_MAX = 64 };

/* Positions count the bytes of a connection's output since it was empty. */
struct ledger_entry {
    int64_t begun_ns;     /* ledger.begun_ns */
    uint64_t head_end;    /* position at which the content starts */
    uint64_t end;         /* position at which what has been queued of it ends */
    struct slice request; /* the texts that are logged; see log_record */
    struct slice referer;
    struct slice user_agent;
    struct peer client; /* whose the request is */
    uint8_t method;     /* enum method */
    uint8_t status;     /* enum status */
};

/* A worker's. All zero but for what ledger_init() fills in: nothing is kept. */
struct ledger {
    const struct loop *loop;        /* borrowed */
    const struct networks *trusted; /* to say whose a request is; borrowed */
    const struct peer *peer;        /* of the connection whose turn it is; borrowed */
    struct accesslog log;
    bool is_on;       /* somebody wants to know of answers */
    bool is_timed;    /* and how long they took */
    int64_t begun_ns; /* when the requests of this turn were there, on the monotonic clock; with
                         `is_timed` only */
    int64_t clock_ahead_ns; /* of the time of day to that clock, taken in the second ... */
    int64_t clock_time_s;   /* ... of the loop's clock */
    int64_t settled_ns;     /* when what is being settled was sent; the same clock */
    uint64_t sent;          /* of what the entries here are about, handed to the kernel */
    size_t count;
    struct ledger_entry entries[LEDGER_TURN_MAX]; /* of the turn; their texts are in the input */
};

#define LEDGER_INIT \
    { .log = ACCESSLOG_INIT }

struct ledger_rest;

/* What a connection has in the ledger. */
struct account {
    struct ledger_rest *rest; /* entries of earlier turns; NULL: none; owned */
    struct peer peer;
};

/* Keeps a ledger for a log; `log_fd` is what accesslog_open() returned, and owned by the ledger.
 * `loop` and `options` are borrowed until ledger_deinit(). Returns 0 or -ENOMEM. */
int ledger_init(struct ledger *ledger, const struct loop *loop, const struct options *options,
                int log_fd);

/* All accounts must be closed before. Idempotent. */
void ledger_deinit(struct ledger *ledger);

/* Input has been read on the account's connection: requests in it are there from now on. */
static inline void ledger_begin(struct ledger *ledger, const struct account *account) {
    ledger->peer = &account->peer;
    if (ledger->is_timed)
        ledger->begun_ns = clock_now_ns();
}

/* Enters the answer that was queued last into `output`, a scratch queue; of use only with `is_on`.
 * Of `request`, what is not known of one that was refused is empty. */
void ledger_enter(struct ledger *ledger, const struct request *request, enum status status,
                  const struct outq *output);

/* As below, where there is something to settle. */
APART bool ledger_settle_sent(struct ledger *ledger, struct account *account, uint64_t queued,
                              uint64_t sent, bool more);
void ledger_settle_rest(struct ledger *ledger, struct account *account);

/* Settles what has been sent of a connection's answers: `sent` bytes more have been handed to the
 * kernel. In later turns than that of its head, the last answer may grow by what has been queued
 * since the last call, `queued` bytes; with `more`, it will go on to. What can't be settled is the
 * account's from then on. Returns false where there is no memory for that. */
static inline bool ledger_sent(struct ledger *ledger, struct account *account, uint64_t queued,
                               uint64_t sent, bool more) {
    return (ledger->count == 0 && account->rest == NULL) ||
           ledger_settle_sent(ledger, account, queued, sent, more);
}

size_t ledger_rest_bytes(const struct ledger_rest *rest);

/* The memory that the account takes, in bytes. */
static inline size_t ledger_held_bytes(const struct account *account) {
    return account->rest != NULL ? ledger_rest_bytes(account->rest) : 0;
}

/* Settles what is left, as aborted: the connection ends. */
static inline void ledger_close(struct ledger *ledger, struct account *account) {
    if (ledger->count > 0 || account->rest != NULL)
        ledger_settle_rest(ledger, account);
}
