#include "serve/listener.h"

#include "base/placement.h"
#include "serve/connections.h"
#include "sys/socket.h"

#include <errno.h>

/* Each is answered at once where it can be, so this bounds how long a turn is. */
enum { ACCEPTS_PER_TURN = 32 };

/* The accept queue may be refilled faster than it is emptied. */
enum { ACCEPTS_AT_STOP = 4096 };

enum accepted {
    ACCEPTED_ONE,
    ACCEPTED_NONE,    /* the queue is empty */
    ACCEPTED_STARVED, /* no descriptors or memory for one more, or as many as there may be */
};

static enum accepted accept_one(struct listener *listener) {
    struct server *server = listener->server;
    struct peer peer = {.port = 0};
    if (server->connections >= server->max_connections && !connections_can_shed(server))
        return ACCEPTED_STARVED;
    int fd = socket_accept(listener->source.fd, server_asks_for_peers(server) ? &peer : NULL);
    if (fd >= 0) {
        connections_open(server, fd, &peer, listener->near);
        return ACCEPTED_ONE;
    }
    switch (-fd) {
    case EAGAIN:
    case EINVAL: /* it listens no more: who shares it has shut it down; trying again is no help */
        return ACCEPTED_NONE;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return ACCEPTED_STARVED;
    default: /* accept(2): the connection's own error (ECONNABORTED, EPROTO, EPERM, a network
                error); go on */
        return ACCEPTED_ONE;
    }
}

/* The queue's edge has been seen and will not come again, so a starved listener must come back by
 * itself: when a connection has closed, or one is idle and can be closed for a new one. */
static HOT FLAT void run(struct source *source) {
    struct listener *listener = list_entry(source, struct listener, source);
    bool shed = false; /* in vain, if the next one starves again */
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        enum accepted accepted = accept_one(listener);
        if (accepted == ACCEPTED_STARVED && (shed || !connections_shed(listener->server))) {
            server_starve(listener->server, source);
            return;
        }
        shed = accepted == ACCEPTED_STARVED;
        if (accepted == ACCEPTED_NONE) {
            source->ready &= ~(uint32_t)EPOLLIN;
            return;
        }
    }
    loop_again(listener->server->loop, source);
}

int listener_init(struct listener *listener, struct server *server, int fd, bool shared) {
    listener->server = server;
    listener->shared = shared;
    listener->near = socket_is_loopback(fd);
    source_init(&listener->source, fd, run);
    int result = socket_limit_rate(fd, server->send_rate);
    if (result < 0)
        return result;
    return loop_add(server->loop, &listener->source, EPOLLIN | (shared ? EPOLLEXCLUSIVE : 0));
}

void listener_stop(struct listener *listener) {
    loop_remove(listener->server->loop, &listener->source);
    for (int i = 0; i < ACCEPTS_AT_STOP && accept_one(listener) == ACCEPTED_ONE; i++)
        continue;
}
