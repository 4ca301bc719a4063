/* One request answered: looked up, decided, rendered and queued. */
#pragma once

#include "http/request.h"
#include "serve/server.h"

/* Queues the answer to a request into the server's scratch output, which must have room
 * (outq_has_room()). `persist` says whether the connection could persist as far as the caller
 * knows; returns whether it does, as the response says. */
bool exchange_answer(struct server *server, const struct request *request, bool persist);

/* Queues the answer to a message that is refused; `method` is METHOD_UNKNOWN where it could not be
 * read. The connection does not persist. */
void exchange_refuse(struct server *server, enum refusal refusal, enum method method);

/* Queues a 100 (Continue). */
void exchange_continue(struct server *server);
