/* Whose a connection, or a request, is: the one that the socket names, unless that is a proxy which
 * is trusted to name another. */
#pragma once

#include "conf/networks.h"
#include "http/proxy.h"
#include "http/request.h"
#include "sys/peer.h"

#include <stdbool.h>

/* Whether the peer is in one of the networks. */
bool client_is_trusted(const struct networks *trusted, const struct peer *peer);

/* The peer of a connection that started with a PROXY header: the client that it speaks of, or the
 * proxy itself. */
struct peer client_of_proxy(const struct peer *peer, const struct proxy *proxy);

/* Whose a request is. Where `peer` is trusted, it is the last address in X-Forwarded-For that is
 * not; if all are trusted, the first. What stands before something that is no address was written
 * by nobody who is trusted, so it is not looked at. A client that is named so has no port. */
struct peer client_of_request(const struct networks *trusted, const struct peer *peer,
                              const struct request *request);
