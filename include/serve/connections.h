/* All connections of a worker: who comes in, whose time is up, and who gives way to others. */
#pragma once

#include "serve/server.h"
#include "sys/peer.h"

#include <stdbool.h>

/* Takes over an accepted, non-blocking socket to `peer` and takes the first turn on it at once;
 * `near`: it ends on this machine. The server is borrowed as long as the connection is open; it
 * closes itself. Closes it without a word where its client has as many as it may have; else, where
 * there are more than is comfortable, the one that gives way. */
void connections_open(struct server *server, int fd, const struct peer *peer, bool near);

/* Ends connections whose deadline is due, many but not any number of them, tells of changes when it
 * is time (--live), and lets starved listeners try again when it is time; call it once per turn of
 * the loop. */
void connections_expire(struct server *server);

/* Closes the connection that gives way: the one that has been idle longest, or, where none is, the
 * one whose request has taken longest to arrive, if that is a second or more, or else one that has
 * taken less of an answer than it should, for two. Whoever holds many connections open with
 * requests that never end, or answers that nobody reads, thus keeps nobody out. Returns false where
 * there is none. */
bool connections_shed(struct server *server);

/* Whether there is one that gives way. */
bool connections_can_shed(struct server *server);

/* Closes the connections that nothing has been asked on since their last answer, or ever, and ends
 * streams of events: call it again until none is left. */
void connections_close_idle(struct server *server);

/* Closes all of them, whatever they are at. */
void connections_close_all(struct server *server);
