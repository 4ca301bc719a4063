/* The announcer: a process of its own that lets others on the network find pronto, by multicast
 * DNS (--announce). It is no worker, and none waits for it; what comes from the network by that way
 * gets no further than here. */
#pragma once

#include "proc/announcement.h"
#include "proc/helper.h"
#include "proc/setup.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The master's side of it. */
struct announcer {
    struct helper helper;
    struct announcement wanted; /* what the process announces, or the next one will */
    struct sandbox sandbox;     /* for the process */
    unsigned deaths;            /* of processes that were to go on, since it was set */
    bool failed;                /* nothing can be announced, or not for long: none is started */
    int64_t start_at_ms;        /* when the next one starts, where there is none */
};

#define ANNOUNCER_INIT \
    { .helper = HELPER_INIT }

/* Announces from now on what the setup's options ask for and these listeners offer, from a process
 * in its sandbox. One that announces anything else, or in another sandbox, takes its leave first.
 * Where nobody could reach what is asked for, that is told. */
void announcer_set(struct announcer *announcer, const struct setup *setup,
                   const struct listeners *listeners, int64_t now_ms);

/* Announces nothing: the process takes its leave, which is not waited for. Idempotent. */
void announcer_unset(struct announcer *announcer);

/* Whether a process is to be started; and `wait_ms`, or the time until one is, if that is sooner.
 */
bool announcer_is_due(const struct announcer *announcer, int64_t now_ms);
int64_t announcer_wait_ms(const struct announcer *announcer, int64_t now_ms, int64_t wait_ms);

/* Starts one, as observer_fork() does. */
bool announcer_fork(struct announcer *announcer, int64_t now_ms, int *channel);

/* Announces until the channel ends. Returns an exit status. */
int announcer_run(const struct announcer *announcer, int channel);

/* Whether that process was the announcer. One that was killed is started anew in a second, but not
 * more than five times; `how` it ended is told. */
bool announcer_ended(struct announcer *announcer, pid_t pid, int wait_status, const char *how,
                     int64_t now_ms);

/* In a process that is neither. */
void announcer_leave(struct announcer *announcer);

/* In the master: as announcer_unset(), but waits for it. Idempotent. */
void announcer_close(struct announcer *announcer);
