/* The generations of workers that are at work: the one that serves; while the master reloads, the
 * one that is coming; and those that drain. */
#pragma once

#include "base/list.h"
#include "proc/generation.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct lineage {
    struct list generations;     /* owned */
    struct generation *serving;  /* one of them; NULL: none */
    struct generation *coming;   /* the same */
    struct generation *retiring; /* the same: it is to accept no more before a change is done */
};

void lineage_init(struct lineage *lineage);

/* Forgets all but `own` (NULL: all), and closes what this process has of them. */
void lineage_deinit(struct lineage *lineage, const struct generation *own);

/* Whether there may be one more. Their number is bounded: with many that drain for long, a reload
 * waits for one of them to have gone. */
bool lineage_has_room(const struct lineage *lineage);

/* Takes over a generation that is coming. */
void lineage_add(struct lineage *lineage, struct generation *generation);

/* The coming one serves, and the one before retires. */
void lineage_take_over(struct lineage *lineage, int64_t now_ms);

/* There won't be a coming one, or another master: those of its workers that serve already drain,
 * and the one that serves has all connections again. */
void lineage_abandon(struct lineage *lineage, int64_t now_ms);

/* The one that serves retires, since somebody else has its sockets. */
void lineage_leave(struct lineage *lineage, int64_t now_ms);

/* All drain, and nobody takes over any more. The files of their sockets are removed, but not those
 * that were taken over where they are `shared`, with another master. */
void lineage_stop(struct lineage *lineage, bool shared, int64_t now_ms);

/* Has all of them open their access logs anew. */
void lineage_reopen_logs(struct lineage *lineage);

/* They are not given time. */
void lineage_kill(struct lineage *lineage);

/* A generation with a vacant slot that is due for a worker, and the slot's number; or NULL. */
struct generation *lineage_due(const struct lineage *lineage, int64_t now_ms, size_t *index);

/* The generation of a worker, and its slot; or NULL. */
struct generation *lineage_find(const struct lineage *lineage, pid_t pid, struct slot **slot);

/* Whether nobody is left. */
bool lineage_is_gone(const struct lineage *lineage);

/* Kills those that had their time to drain, and drops those that are gone. */
void lineage_clear(struct lineage *lineage, int64_t now_ms);

/* How long those that drain may still take, in milliseconds. */
int64_t lineage_left_ms(const struct lineage *lineage, int64_t now_ms);

/* Until something of this is due, but no longer than `wait_ms` (negative: forever). */
int64_t lineage_wait_ms(const struct lineage *lineage, int64_t wait_ms, int64_t now_ms);
