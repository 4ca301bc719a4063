/* Pages that are loaded again when what they are made of changes (--live). A page has a script
 * behind it, which asks for events; each tells which of what was asked for has changed, and how
 * long ago. Whether that is of interest is for the script to say: it knows what its page is made
 * of. */
#pragma once

#include "base/err.h"
#include "base/slice.h"
#include "http/representation.h"
#include "http/target.h"
#include "serve/delivery.h"
#include "store/changes.h"
#include "store/entry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LIVE_STREAMS_MAX = 256,
    LIVE_BEAT_MS = 15000, /* a stream that has told nothing for so long says that it is there: so
                             it is found out when nobody reads it any more */
    LIVE_NAME_LEN = 16,
};

/* All zero: off. */
struct live {
    struct changes changes;
    struct entry *script;     /* owned; NULL: it is off */
    size_t streams;           /* that are open */
    bool ending;              /* they are to end */
    char name[LIVE_NAME_LEN]; /* random: of this process; what another one has sent may be out of
                                 date */
};

/* What is asked for of it. */
enum live_part { LIVE_NONE, LIVE_SCRIPT, LIVE_EVENTS };

/* The clock is borrowed until live_deinit(), and must be monotonic. Returns 0, or -errno and a
 * message. */
int live_init(struct live *live, const int64_t *now_ms, struct err *err);

/* All streams must have ended before. Idempotent. */
void live_deinit(struct live *live);

/* What stands behind pages. Static. */
struct slice live_appendix(void);

static inline bool live_is_on(const struct live *live) {
    return live->script != NULL;
}

/* Which part of it a target names, whatever there is beneath the root by that name. */
enum live_part live_find(const struct target *target);

/* Begins a stream of events, which may be in the hands of others until live_deinit(). NULL: there
 * are too many, or there is no memory. */
struct delivery *live_listen(struct live *live);

/* What the head of its answer says. Static. */
const struct representation *live_events(void);

/* Whether there is something to tell that was not to be told of before: streams take a turn. */
static inline bool live_settle(struct live *live) {
    return live_is_on(live) && changes_settle(&live->changes);
}

/* Streams end as soon as they take a turn. */
static inline void live_end(struct live *live) {
    live->ending = true;
}

/* How long to sleep, in milliseconds: until there is something to tell, but no longer than
 * `wait_ms` (negative: forever). */
int64_t live_wait_ms(const struct live *live, int64_t wait_ms);
