/* The event loop: edge-triggered epoll with cached readiness, and a list of those who have
 * something to do. */
#pragma once

#include "base/err.h"
#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/* A file descriptor that something is done about. Embedded in what owns the descriptor. */
struct source {
    int fd; /* owned by who embeds the source; -1: none */
    uint32_t
        ready; /* EPOLLIN, EPOLLOUT, EPOLLRDHUP: what is believed to be possible without waiting */
    struct list place; /* in the list of those with something to do, or in a list of its owner's */
    void (*run)(
        struct source *source); /* does what it can in a bounded turn; may free its source */
};

struct loop {
    int epoll_fd;
    int64_t now_ms;    /* the monotonic clock at the start of this turn */
    struct list ready; /* sources to be run in the next turn */
    bool crowded;      /* this turn could not take all events there were */
};

#define LOOP_INIT \
    { .epoll_fd = -1 }

/* Returns 0, or -errno and a message. */
int loop_init(struct loop *loop, struct err *err);

/* Sources that are still there are forgotten. Idempotent. */
void loop_deinit(struct loop *loop);

void source_init(struct source *source, int fd, void (*run)(struct source *source));

/* Waits for `events` from now on, edge-triggered; what is possible already is reported in the next
 * turn. The source is borrowed until its descriptor is closed, or loop_remove(). Returns 0 or
 * -errno (epoll_ctl(2)). */
int loop_add(struct loop *loop, struct source *source, uint32_t events);

/* Stops waiting for events of a source whose descriptor stays open. */
void loop_remove(struct loop *loop, struct source *source);

/* Lets the source run in the next turn, whether an event comes or not. */
void loop_again(struct loop *loop, struct source *source);

/* One turn: waits up to `wait_ms` (negative: forever; not at all while somebody has something to
 * do) for events, notes them, and runs every source that has something to do once. Returns 0, or
 * -errno (epoll_wait(2)); never -EINTR. */
int loop_turn(struct loop *loop, int64_t wait_ms);
