/* Whether the directories that are served are still the ones that their paths lead to. A build may
 * remove the root and make it anew, and a deployment point a link elsewhere; what was opened at the
 * start is then served to nobody's use. The paths are looked at once a second, by the master: to
 * workers they may be out of reach. */
#pragma once

#include "base/err.h"
#include "proc/setup.h"

#include <stdbool.h>
#include <stdint.h>

struct rootwatch {
    char *start; /* the directory that relative paths are relative to; owned; NULL: not known */
    int64_t look_at_ms;  /* next, on the loop's clock */
    int64_t interval_ms; /* from that one to the one after it */
    bool gone;           /* one of them is, and that has been said */
};

#define ROOTWATCH_INIT \
    { .start = NULL }

/* Returns 0, or -ENOMEM and a message. */
int rootwatch_init(struct rootwatch *watch, int64_t now_ms, struct err *err);

/* Idempotent. */
void rootwatch_deinit(struct rootwatch *watch);

/* Looks, if it is time to. Returns true where one of the directories has been replaced, and all are
 * there: then a reload opens them. Where that fails, it is true again after a while, which gets
 * longer. Says that one is gone. May change the working directory, to another of the same path. */
bool rootwatch_look(struct rootwatch *watch, const struct setup *setup, int64_t now_ms);

/* How long to sleep at most, going by `wait_ms` (base/deadline). */
int64_t rootwatch_wait_ms(const struct rootwatch *watch, int64_t wait_ms, int64_t now_ms);
