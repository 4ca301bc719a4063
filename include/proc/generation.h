/* A generation: the workers that are made from one reading of the configuration. Every worker has a
 * slot, and a slot has sockets of its own, which the master keeps open as long as the generation
 * serves: connections that the kernel has accepted for a worker that dies wait there for the one
 * that takes its place. */
#pragma once

#include "base/err.h"
#include "base/list.h"
#include "proc/listeners.h"
#include "proc/setup.h"
#include "serve/metrics.h"
#include "sys/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct slot {
    pid_t pid;                    /* 0: vacant */
    struct metrics_slot *counted; /* where the worker counts; borrowed; NULL: nobody can ask */
    struct source channel;        /* fd -1: vacant */
    bool ready;
    bool retired; /* its worker accepts no more */
    int64_t started_ms;
    int64_t start_at_ms; /* vacant: when the next one starts */
    int64_t delay_ms;    /* of the last start */
    bool spared;         /* its workers die too soon, and connections go to the others */
};

enum generation_phase {
    GENERATION_STARTING, /* not every slot has had a worker that was ready */
    GENERATION_SERVING,
    GENERATION_DRAINING, /* workers that end are not replaced */
};

/* Workers give up draining by themselves; one that has not after this much longer is killed. */
enum { GENERATION_KILL_GRACE_MS = 1000 };

struct generation {
    struct list place;   /* in a list of its owner's */
    struct setup *setup; /* owned */
    struct listeners listeners;
    struct slot *slots; /* owned */
    size_t workers;
    int log_fd; /* what accesslog_open() returned: workers may not be able to open it */
    enum generation_phase phase;
    int64_t deadline_ms; /* starting: when it is given up; draining: when its workers are killed */
    bool killed;         /* while draining: its workers were not given time */
};

/* What became of a worker. */
enum generation_loss {
    GENERATION_REPLACED, /* another one takes its place */
    GENERATION_FAILED,   /* it was never ready, nor is the generation */
    GENERATION_LEFT,     /* it was draining */
};

/* Takes `setup` over, and opens its log, and its sockets beside those of `before`, which is
 * borrowed for the call. Returns NULL and a message where that fails. */
struct generation *generation_new(struct setup *setup, const struct listeners *before,
                                  int64_t now_ms, struct err *err);

/* Closes what this process has of it, and frees it; its workers see the end of their channels. NULL
 * is nothing to be freed. */
void generation_free(struct generation *generation);

/* A vacant slot that is due for a worker, or -1. */
ssize_t generation_due(const struct generation *generation, int64_t now_ms);

/* The file of the access log has been renamed, so that another can take its place: opens that, and
 * passes it to all workers, which write to the old one no more. Where it cannot be opened, they go
 * on with what they have, which is told. */
void generation_reopen_log(struct generation *generation);

/* Starts a worker in a vacant slot, which counts in `metrics` (NULL: nowhere). Returns its process
 * id, or -errno, with the slot vacant until the next try; and in the worker 0, and its end of the
 * channel. */
pid_t generation_spawn(struct generation *generation, size_t index, struct metrics *metrics,
                       struct loop *loop, int *channel);

/* In a worker's process: serves, and returns an exit status. The generation has no sockets
 * afterwards. */
int generation_work(struct generation *generation, size_t index, int channel);

/* The slot of that worker, or NULL. */
struct slot *generation_find(struct generation *generation, pid_t pid);

/* Empties the slot of a worker that has ended, and says what becomes of it. */
enum generation_loss generation_lose(struct generation *generation, struct slot *slot,
                                     struct loop *loop);

/* Has connections go to other slots as long as the workers of one die again and again before they
 * are ready; says when that begins. To be called when a worker has ended, or may be ready. */
void generation_spare_failing(struct generation *generation);

/* As listeners_regain(), but those slots are spared that were. */
void generation_regain(struct generation *generation);

/* Whether every slot has a worker that is ready; whether all of them accept no more, or are gone;
 * whether there are none. */
bool generation_is_ready(const struct generation *generation);
bool generation_is_retired(const struct generation *generation);
bool generation_is_gone(const struct generation *generation);

/* The workers drain, and the sockets are closed here; `others` serve what they have of them, from
 * now on alone. */
void generation_retire(struct generation *generation, const struct listeners *others,
                       int64_t now_ms);

/* The same where nobody takes their place: for a moment, they go on accepting. */
void generation_stop(struct generation *generation, int64_t now_ms);

/* Kills the workers; they were told to drain before. */
void generation_kill(struct generation *generation);

/* Until the next slot is due, or its deadline is, but no longer than `wait_ms` (negative: forever).
 */
int64_t generation_wait_ms(const struct generation *generation, int64_t wait_ms, int64_t now_ms);
