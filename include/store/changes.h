/* What has changed lately of what was asked for, for those who want to be told (--live): the last
 * changes, each with a number and the time when it was noticed.
 *
 * An editor writes a file in several steps, and a build many files. So those who are told wait
 * until nothing has happened for a moment, but not for ever. Of a change that is told of late, it
 * can be said how long ago it was: whoever has what is newer than that need not care. */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CHANGES_KEPT = 64,
    CHANGES_TARGET_MAX = 1024, /* bytes: a longer target stands for everything */
    CHANGES_QUIET_MS = 50,     /* nothing has happened for so long: they may be told of */
    CHANGES_PUT_OFF_MS = 400,  /* the first of them may wait for so long at most */
};

struct change {
    uint64_t number;     /* from 1 on */
    int64_t at_ms;       /* when it was noticed, on the clock of the changes */
    struct slice target; /* what was asked for, as it was sent but for its query; SLICE_NONE: any */
    struct slice type;   /* its media type as far as known, else empty */
    char *text;          /* what both point into; owned */
};

struct changes {
    const int64_t *now_ms; /* borrowed: a monotonic clock */
    struct change before;  /* stands for all that is older than the items */
    struct change items[CHANGES_KEPT];
    size_t first;
    size_t count;
    uint64_t last;      /* number of the newest */
    uint64_t told;      /* of the newest that may be told of */
    int64_t begun_ms;   /* with told < last: when the first of those that wait was noticed ... */
    int64_t stirred_ms; /* ... and when something happened last */
};

/* Starts with one change of everything: what somebody got of another process may be out of date.
 * The clock is borrowed until changes_deinit(). */
void changes_init(struct changes *changes, const int64_t *now_ms);

/* Idempotent. */
void changes_deinit(struct changes *changes);

/* Notes that what the target names is no longer what it was; both texts are copied. Where there is
 * no memory, everything has changed. */
void changes_note(struct changes *changes, struct slice target, struct slice type);
void changes_note_all(struct changes *changes);

/* Something else happens, which may go on to a change: those that wait go on waiting. */
void changes_stir(struct changes *changes);

/* When those that wait may be told of; INT64_MAX: none waits. */
int64_t changes_due_ms(const struct changes *changes);

/* Whether there are changes that may be told of from now on, and could not be before. */
bool changes_settle(struct changes *changes);

/* The first change behind number `after` that may be told of; NULL: there is none. Borrowed until
 * something is noted. */
const struct change *changes_next(const struct changes *changes, uint64_t after);
