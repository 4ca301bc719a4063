/* Accepts connections on one listening socket. */
#pragma once

#include "serve/server.h"

struct listener {
    struct source source;
    struct server *server; /* borrowed */
};

/* Starts accepting from `fd`, which is borrowed: it outlives the listener. Returns 0 or -errno. */
int listener_init(struct listener *listener, struct server *server, int fd);

/* Takes what is in the accept queue, and then no more; what comes later stays with the socket. */
void listener_stop(struct listener *listener);
