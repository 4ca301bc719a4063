/* One request answered: looked up, decided, rendered and queued. */
#pragma once

#include "http/request.h"
#include "serve/delivery.h"
#include "serve/server.h"

enum exchange_outcome {
    EXCHANGE_PERSISTS, /* answered, and the connection goes on */
    EXCHANGE_CLOSES,   /* answered, and that was the last */
    EXCHANGE_LATER,    /* nothing was queued: call again for this request when delivery_prepare() is
                          done, with the same delivery */
};

/* Queues the answer to a request into the server's scratch output, which must have room
 * (outq_has_room()). `persist` says whether the connection could persist as far as the caller
 * knows; the outcome, whether it does, as the response says. Where there is a delivery afterwards,
 * which is the caller's, the rest of the answer comes from there; before, there is none unless the
 * request was put off. */
enum exchange_outcome exchange_answer(struct server *server, const struct request *request,
                                      bool persist, struct delivery **delivery);

/* Queues the answer to a message that is refused, of which `request` has what could be read. The
 * connection does not persist. */
void exchange_refuse(struct server *server, enum refusal refusal, const struct request *request);

/* Queues a 100 (Continue). */
void exchange_continue(struct server *server);
