/* A socket that gives less than it could: a few bytes at a time, "not now" in between, or an error
 * after so many bytes. A test puts it before one direction of a connection, in the functions it
 * wraps.
 *
 * What the module under test then waits for is an event; feint_take_edge() says when one has to
 * come, and it comes only then, as from an edge-triggered epoll: who misses it stays stuck. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct feint {
    size_t step;     /* bytes per call; 0: as many as are asked for */
    bool pauses;     /* EAGAIN after each step */
    bool interrupts; /* EINTR before each call that does something */
    int error;       /* errno of every call once `error_after` bytes have passed; 0: none */
    uint64_t error_after;
    uint64_t passed;  /* bytes so far */
    bool is_paused;   /* until the edge has been taken */
    bool interrupted; /* the next call does something */
};

/* How many of `wanted` bytes the call at hand may move, or -1 with errno set. */
ssize_t feint_allow(struct feint *feint, size_t wanted);

/* Notes what the call moved, and returns it. */
ssize_t feint_passed(struct feint *feint, ssize_t moved);

/* Whether an event must be reported now for what the last calls said; it is, once. */
bool feint_take_edge(struct feint *feint);

/* Bytes in all parts. */
size_t feint_total(const struct iovec *parts, size_t count);

/* Cuts the parts to `len` bytes together, in `cut`, and returns how many parts are left. */
size_t feint_cut(const struct iovec *parts, size_t count, size_t len, struct iovec *cut);
