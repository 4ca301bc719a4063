/* The observer: a process of its own that answers on --admin. It outlives workers, takes no time of
 * theirs, and goes on while they drain, so that a proxy in front sees that they do. If it dies, the
 * workers don't notice, and the master starts another one. */
#pragma once

#include "base/err.h"
#include "proc/setup.h"
#include "serve/metrics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The master's side of it. */
struct observer {
    struct metrics *metrics;            /* owned; NULL: there is no --admin, and nobody observes */
    struct sandbox sandbox;             /* for the process */
    struct option_addresses addresses;  /* as they are bound: with their ports */
    int sockets[OPTIONS_ADDRESSES_MAX]; /* that listen; owned */
    size_t socket_count;
    pid_t pid;           /* 0: there is none now */
    int channel;         /* the process ends when this is closed; -1: none */
    int64_t start_at_ms; /* when the next one starts, where there is none */
};

#define OBSERVER_INIT \
    { .channel = -1 }

/* Makes the metrics, if there is an --admin. Returns 0, or -errno and a message. */
int observer_open(struct observer *observer, const struct setup *setup, struct err *err);

/* Opens the sockets: from now on, an observer is to be there. The same. */
int observer_listen(struct observer *observer, struct err *err);

/* Whether an observer is to be started; and `wait_ms`, or the time until one is, if that is sooner.
 */
bool observer_is_due(const struct observer *observer, int64_t now_ms);
int64_t observer_wait_ms(const struct observer *observer, int64_t now_ms, int64_t wait_ms);

/* Starts one. In the new process it returns true and the caller has left, by observer_run(), to do
 * before it ends itself; in the master false, also where none could be started, which is told and
 * tried again in a second. `*channel` is the new process's end. */
bool observer_fork(struct observer *observer, int64_t now_ms, int *channel);

/* Answers until the channel ends. Returns an exit status. */
int observer_run(struct observer *observer, int channel);

/* In a process that is neither: closes what belongs to the observer, but leaves the metrics. */
void observer_leave(struct observer *observer);

/* Whether that process was the observer; then it is started anew in a second, and `how` it ended is
 * told, unless that was to be. */
bool observer_ended(struct observer *observer, pid_t pid, const char *how, int64_t now_ms);

/* In the master: ends the process, waits for it, and closes the sockets, for another to take them;
 * workers go on counting. Idempotent, as is the next, which frees all besides. */
void observer_stop(struct observer *observer);
void observer_close(struct observer *observer);
