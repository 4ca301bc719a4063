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

/* The client that a request names, if its peer is trusted to do so: the last address in
 * X-Forwarded-For that is not trusted; if all are, the first. What stands before something that is
 * no address was written by nobody who is trusted, so it is not looked at. A client that is named
 * so has no port. Returns false where there is none. */
bool client_named(const struct networks *trusted, const struct request *request,
                  struct peer *client);

/* Whose a request is: the client that it names, if `peer` is trusted, or else `peer`. */
struct peer client_of_request(const struct networks *trusted, const struct peer *peer,
                              const struct request *request);
