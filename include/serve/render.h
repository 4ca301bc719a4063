/* Writes the head of an answer, and queues what stands behind it. Nothing is decided here. */
#pragma once

#include "http/request.h"
#include "http/target.h"
#include "serve/delivery.h"
#include "serve/respond.h"
#include "serve/server.h"

#include <stdbool.h>

/* What is answered, and what that is made from. All pointers are borrowed. */
struct answer {
    const struct request *request; /* NULL: there was none that could be read */
    enum method method;
    struct target target;                        /* filled in where the response has a location */
    struct response response;                    /* decided */
    const struct representation *representation; /* NULL: there is none */
    struct entry *entry;   /* what has its bytes; NULL: the delivery's stream makes them */
    struct entry *page;    /* the site's own page of the error; NULL: the built-in one */
    struct folder *folder; /* filled in with a delivery only; NULL: that is of no folder */
    struct delivery **delivery;
    const struct ruling *ruling; /* what rules say of it; NULL: nothing */
    struct range_set *ranges;    /* filled in with RESPONSE_RANGES only */
    bool persist;                /* whether the connection does */
};

/* Into the server's scratch output, which must have room (outq_has_room()). */
void render_answer(struct server *server, const struct answer *answer);

/* Whether the answer is the usual one: a whole entry, of which nothing is said but what that has
 * ready, and that it is the last on its connection, if it is. (1.0 is told that it is not, too.) */
bool render_is_usual(const struct server *server, const struct answer *answer);

/* The usual answer, as render_answer() renders it, in fewer steps. */
void render_usual(struct server *server, struct entry *entry, bool persist);
