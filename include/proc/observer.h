/* The observer: a process of its own that answers on --admin. It outlives workers, takes no time of
 * theirs, and goes on while they drain, so that a proxy in front sees that they do. If it dies, the
 * workers don't notice, and the master starts another one. */
#pragma once

#include "base/err.h"
#include "proc/helper.h"
#include "proc/listeners.h"
#include "proc/setup.h"
#include "serve/metrics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The master's side of it. */
struct observer {
    struct metrics *metrics;    /* owned; NULL: nobody has asked so far */
    struct sandbox sandbox;     /* for the process */
    struct listeners listeners; /* where it answers */
    struct listeners coming;    /* where the next one will, if a reload succeeds */
    struct sandbox coming_sandbox;
    bool waits; /* an older pronto's still answers there */
    struct helper helper;
    int64_t start_at_ms; /* when the next one starts, where there is none */
};

#define OBSERVER_INIT \
    { .helper = HELPER_INIT }

/* Opens what --admin asks for, beside the sockets `given` by who started this process, with the
 * metrics, which somebody else may want, too (`wanted`). Nobody is started before observer_go(),
 * where `waits`. Returns 0, or -errno and a message. */
int observer_open(struct observer *observer, const struct setup *setup, bool wanted,
                  const struct listeners *given, bool waits, struct err *err);
void observer_go(struct observer *observer);

/* The same for a reload: it is prepared before, so that it can fail, and what is not to be is
 * dropped; else another one takes its place where the sockets are others, or its user is. Who comes
 * meanwhile waits in the queue of the socket. */
int observer_prepare(struct observer *observer, const struct setup *setup, struct err *err);
void observer_drop(struct observer *observer);
void observer_commit(struct observer *observer);

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

/* In the master: ends the process, and waits for that; the sockets are another master's from now
 * on. Idempotent. */
void observer_leave_to_another(struct observer *observer);

/* The same, and frees all besides; files of sockets are removed, but not those that were taken over
 * where they are `shared`, with another master. Idempotent. */
void observer_close(struct observer *observer, bool shared);
