/* A client's connection: reads requests, sends answers, and closes so that the last answer arrives.
 */
#pragma once

#include "serve/server.h"
#include "sys/peer.h"

/* Takes over an accepted, non-blocking socket to `peer` and takes the first turn on it at once. The
 * server is borrowed as long as the connection is open; it closes itself. */
void connection_open(struct server *server, int fd, const struct peer *peer);

/* Ends every connection whose deadline is due, and lets starved listeners try again when it is
 * time; call it once per turn of the loop. */
void connections_expire(struct server *server);

/* Closes the connection that has been idle longest. Returns false where none is idle. */
bool connections_shed(struct server *server);

/* Closes the connections that nothing has been asked on since their last answer, or ever. */
void connections_close_idle(struct server *server);

/* Closes all of them, whatever they are at. */
void connections_close_all(struct server *server);
