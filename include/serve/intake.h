/* What comes in on a connection: requests, which are answered as they become whole, and content,
 * which is passed over. It knows of the input in the worker's scratch, and of nothing that waits.
 */
#pragma once

#include "http/body.h"
#include "http/proxy.h"
#include "http/refusal.h"
#include "serve/delivery.h"
#include "serve/server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct intake_rest;

/* All zero: nothing has come in. Between two turns it owns memory only for what is unfinished. */
struct intake {
    struct intake_rest *rest;  /* input that is no whole request yet, or is not answered yet; NULL:
                                  none */
    struct delivery *delivery; /* what is still to be made of the last answer; NULL: nothing */
    uint8_t reason;            /* enum close_reason, with `closing` */
    bool preamble : 1;         /* a PROXY header comes before the first request */
    bool in_body : 1;          /* `rest` is a head whose content has not been passed over yet */
    bool past_body : 1; /* `rest` starts with the head of a request that has lost its content */
    bool backlog : 1;   /* `rest` may hold a whole request */
    bool closing : 1;   /* the last answer is queued or sent */
    bool lingering : 1; /* there may be unread input when it has been sent */
    bool parting : 1;   /* the client has said that nothing more will come (RFC 9112 §9.6) */
    struct body body;   /* where its content is at; with `in_body` */
};

/* Moves the rest to the start of the server's input scratch; returns its length in bytes. */
size_t intake_resume(struct intake *intake, struct server *server);

/* Answers the whole requests in the first `len` bytes of the scratch, as many as a turn has room
 * for, into the server's output, and keeps what is left. `peer_done`: nothing more will come.
 * Returns false where there is no memory to keep it. */
bool intake_answer(struct intake *intake, struct server *server, size_t len, bool peer_done);

/* Answers that the request, of which some may have come in, has taken too long. */
void intake_time_out(struct intake *intake, struct server *server);

enum intake_preamble {
    PREAMBLE_PASSED,
    PREAMBLE_MORE,    /* it is not whole, and kept */
    PREAMBLE_REFUSED, /* there is none, or none that can be understood; the answer says so */
    PREAMBLE_FAULT,   /* there is no memory to keep it */
};

/* Reads the PROXY header in the first `*len` bytes of the scratch, and passes over it: then `*len`
 * bytes come after it, at the start of the scratch, and `proxy` says whose they are. `peer_done`:
 * nothing more will come. A proxy that looks whether anybody is there may go without a header. */
enum intake_preamble intake_take_preamble(struct intake *intake, struct server *server, size_t *len,
                                          bool peer_done, struct proxy *proxy);

/* Answers that what has come in is refused. */
void intake_refuse(struct intake *intake, struct server *server, enum refusal refusal);

/* Whether a request has begun, and is not whole. */
bool intake_has_begun(const struct intake *intake);

/* The memory that input takes, in bytes. */
size_t intake_held_bytes(const struct intake *intake);

/* Idempotent. */
void intake_deinit(struct intake *intake);
