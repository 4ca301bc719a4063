/* Accepts connections on one listening socket. */
#pragma once

#include "serve/server.h"

struct listener {
    struct source source;
    struct server *server; /* borrowed */
    bool shared;           /* with other processes */
    bool near;             /* who can reach it is on this machine */
};

/* Starts accepting from `fd`, which is borrowed: it outlives the listener. `shared`: other
 * processes accept from the same socket, and not all of them are to be woken for a connection
 * (EPOLLEXCLUSIVE, epoll_ctl(2)). Returns 0 or -errno. */
int listener_init(struct listener *listener, struct server *server, int fd, bool shared);

/* Takes what is in the accept queue, and then no more; what comes later stays with the socket. No
 * connection that this process was woken for, and others were not, is left there. */
void listener_stop(struct listener *listener);
