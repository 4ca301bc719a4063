/* The event loop: edge-triggered epoll with cached readiness, and a list of those who have
 * something to do. */
#pragma once

#include "base/err.h"
#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

/* A file descriptor that something is done about. Embedded in what owns the descriptor. */
struct source {
    int fd; /* owned by who embeds the source; -1: none */
    uint32_t
        ready; /* EPOLLIN, EPOLLOUT, EPOLLRDHUP: what is believed to be possible without waiting */
    uint32_t reported_turn; /* the last one in which epoll reported that it became readable */
    bool is_added;          /* events of it are waited for */
    bool is_known;          /* epoll has reported something */
    bool is_heavy;          /* its turns take long: set by its owner */
    struct list place; /* in the list of those with something to do, or in a list of its owner's */
    void (*run)(
        struct source *source); /* does what it can in a bounded turn; may free its source */
};

struct loop {
    int epoll_fd;
    int64_t now_ms;    /* the monotonic clock at the start of this turn */
    int64_t now_ns;    /* the same */
    int64_t time_s;    /* the time of day then, in seconds since the epoch */
    struct list ready; /* sources to be run in the next turn */
    struct list heavy; /* the same, of which one is run in each turn, after the others */
    bool crowded;      /* this turn could not take all events there were */
    uint32_t turn;     /* counts them */
    struct source *first;
    struct source alarm; /* ends a wait (timerfd_create(2)) ... */
    int64_t alarm_ms;    /* ... at this time, on the monotonic clock; past: it has rung */
};

#define LOOP_INIT                            \
    {                                        \
        .epoll_fd = -1, .alarm = {.fd = -1 } \
    }

/* The loop stays where it is until loop_deinit(). Returns 0, or -errno and a message. */
int loop_init(struct loop *loop, struct err *err);

/* Sources that are still there are forgotten. Idempotent. */
void loop_deinit(struct loop *loop);

void source_init(struct source *source, int fd, void (*run)(struct source *source));

/* Waits for `events` from now on, edge-triggered; what is possible already is reported in the next
 * turn. The source is borrowed until loop_remove() or loop_close(): close(2) alone does not end
 * that (epoll(7), Q6). Returns 0 or -errno (epoll_ctl(2)). */
int loop_add(struct loop *loop, struct source *source, uint32_t events);

/* Stops waiting for events of a source whose descriptor stays open, and forgets what the source had
 * to do. Idempotent. */
void loop_remove(struct loop *loop, struct source *source);

/* The same, and closes the descriptor, if it has one. The source may be freed then. Idempotent. */
void loop_close(struct loop *loop, struct source *source);

/* Closes the descriptor of a source, if it has one, and forgets what the source had to do, without
 * its loop: for a source that was never added, or whose loop is another process's after a fork(2),
 * or ends, too; or one that stays where it is, and bears to be run once more. Idempotent. */
void source_close(struct source *source);

/* Receives up to `room` bytes, more than none, from a source that is a stream socket, and forgets
 * that it is readable where that shows. Returns how many; 0: it has ended; -EAGAIN: there are none
 * now; or another -errno (recv(2)). */
ssize_t source_receive(struct source *source, void *to, size_t room);

/* Lets the source run before all others of its turn, and in crowded turns whether it has an event
 * or not: its events may stand behind those that there was room for. One source only. */
void loop_set_first(struct loop *loop, struct source *source);

/* Whether what the source can read came before this turn's events were taken; else it may have come
 * since. */
static inline bool loop_reported(const struct loop *loop, const struct source *source) {
    return source->reported_turn == loop->turn;
}

/* Lets the source run in the next turn, whether an event comes or not; a heavy one when it is its
 * turn. */
void loop_again(struct loop *loop, struct source *source);

/* Whether a source is to be run in the next turn, whatever happens. */
static inline bool loop_is_busy(const struct loop *loop) {
    return !list_is_empty(&loop->ready) || !list_is_empty(&loop->heavy);
}

/* One turn: waits up to `wait_ms` (negative: forever; not at all while somebody has something to
 * do) for events, notes them, and runs every source that has something to do once, but of the heavy
 * ones only the first. It may return early. Returns 0, or -errno (epoll_wait(2)); never -EINTR. */
int loop_turn(struct loop *loop, int64_t wait_ms);
