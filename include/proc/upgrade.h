/* An upgrade: the binary that is now on disk is started beside this one, with the same words and
 * the sockets, and says when it is ready to take over (see handover.h for how it is told). */
#pragma once

#include "base/err.h"
#include "proc/listeners.h"
#include "proc/notify.h"
#include "sys/loop.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct upgrade {
    char *program;         /* what is started; owned; NULL: it is not known */
    pid_t pid;             /* of the new master; 0: there is none */
    struct source channel; /* fd -1: none; to be closed when the new master serves alone */
    bool ready;            /* it serves */
    bool late;             /* it was not ready in time, and is told to end */
    int64_t deadline_ms;   /* until it is ready; until it is killed, where it is late */
};

#define UPGRADE_INIT           \
    {                          \
        .channel = {.fd = -1 } \
    }

/* Finds out what an upgrade would start: `word`, the name by which pronto was started, where it is
 * a path, so that a symbolic link which is set anew leads to the new binary; else the path of the
 * binary that is running (/proc/self/exe). To be called at start: a binary that is replaced later
 * has no such path. */
void upgrade_init(struct upgrade *upgrade, const char *word);

void upgrade_deinit(struct upgrade *upgrade);

/* What it is started with; all of it is borrowed for the call. */
struct upgrade_parcel {
    char *const *words;
    const struct listeners *listeners;
    const struct listeners *admin;
    const struct notify *notify;
};

/* Starts it. It has `timeout_ms` to get ready; `loop`, which is borrowed, waits for its word.
 * Returns 0, or -errno and a message. */
int upgrade_begin(struct upgrade *upgrade, const struct upgrade_parcel *parcel, int64_t timeout_ms,
                  struct loop *loop, struct err *err);

/* What there is no new master for any more is forgotten. */
void upgrade_end(struct upgrade *upgrade);

/* Ends a new master that is not ready in time: with SIGTERM, as its workers may be answering
 * already, and `grace_ms` later with SIGKILL. */
void upgrade_watch(struct upgrade *upgrade, int64_t grace_ms, int64_t now_ms);

/* Until that is due, but no longer than `wait_ms` (negative: forever). */
int64_t upgrade_wait_ms(const struct upgrade *upgrade, int64_t wait_ms, int64_t now_ms);
