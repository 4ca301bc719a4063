/* A process beside the workers that has a task of its own, and ends when the master says so, or is
 * gone: both hold an end of a channel, to which nothing is ever written. */
#pragma once

#include "base/err.h"
#include "sys/loop.h"

#include <stdbool.h>
#include <sys/types.h>

/* The master's side of it. */
struct helper {
    pid_t pid;   /* 0: there is none */
    int channel; /* the process ends when this is closed; -1: it was, or there is none */
};

#define HELPER_INIT \
    { .channel = -1 }

/* Starts the process. In it, it returns 1, and its end of the channel; in the master 0, or -errno
 * where none could be started. */
int helper_fork(struct helper *helper, int *channel);

/* Tells it to end, and does not wait for that. Idempotent. */
void helper_dismiss(struct helper *helper);

/* Tells it, and waits; one that takes longer than a second is killed. Idempotent. */
void helper_end(struct helper *helper);

/* Whether that process, which has ended, was this one; then there is none any more. */
bool helper_ended(struct helper *helper, pid_t pid);

/* In a process that is neither: closes what it has of it. */
void helper_leave(struct helper *helper);

/* In the process: what its loop waits for, too. */
struct helper_end {
    struct source source;
    bool is_here; /* it is time to end */
};

/* Starts waiting for the end of `channel`, which is owned from then on, until helper_end_close().
 * Returns 0 or -errno. */
int helper_end_await(struct helper_end *end, struct loop *loop, int channel);
void helper_end_close(struct helper_end *end);
