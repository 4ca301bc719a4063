/* A client's connection: reads requests, sends answers, and closes so that the last answer arrives.
 * What becomes of all of them is for serve/connections.h. */
#pragma once

#include "serve/server.h"
#include "sys/peer.h"

#include <stdbool.h>
#include <stdint.h>

/* Between two turns, its deadline is in one of the server's queues. */
struct connection;

/* Takes over an accepted, non-blocking socket to `peer`; `near`: it ends on this machine. The
 * server is borrowed as long as the connection is open. Returns NULL where it has been closed
 * without a word, as its client has as many as it may have, or there is no memory. */
struct connection *connection_new(struct server *server, int fd, const struct peer *peer,
                                  bool near);

/* Takes the first turn at once; from then on the connection closes itself. */
void connection_start(struct connection *conn);

/* The connection that has this deadline. */
struct connection *connection_of_deadline(struct deadline *deadline);

/* What follows when the deadline is due, which has been taken out of its queue. */
void connection_expire(struct connection *conn, enum server_deadline deadline);

/* Whether something has come that has not been read: a request, or its end. */
bool connection_is_readable(const struct connection *conn);

/* With DEADLINE_SEND running, for `waited_ms`: whether its client has taken as much of an answer as
 * it should have by now. One that has gets its time anew. */
bool connection_takes_enough(struct connection *conn, int64_t waited_ms);

/* Lets it take a turn, though nothing has happened. */
void connection_wake(struct connection *conn);

/* With DEADLINE_IDLE or DEADLINE_HEAD running: closes it, unless a request has begun, or has come
 * that no event has told of yet: that one is answered first. */
void connection_drain(struct connection *conn);

/* Closes it, whatever it is at. */
void connection_close(struct connection *conn, enum close_reason reason);
