/* What a request target names, with what has been made ready to answer for it: a file and the
 * siblings that it is encoded in, or the reason why there is none. */
#pragma once

#include "http/negotiate.h"
#include "store/cache.h"
#include "store/directories.h"
#include "store/docroot.h"
#include "store/entry.h"
#include "store/rulebook.h"

#include <stdbool.h>
#include <stdint.h>

struct resource {
    struct cached cached;
    enum docroot_outcome outcome;
    uint8_t available; /* bit 1 << coding; DOCROOT_FILE only */
    uint8_t dependency_count;
    bool kept;          /* in the cache */
    bool borrowed;      /* somebody is at work with it */
    bool unwatched;     /* changes may go unnoticed: to be looked up again at the next check */
    bool unsettled;     /* content in memory may have changed without a trace: the same */
    bool changed;       /* no longer true: to be dropped when it is no longer borrowed */
    bool stands_in;     /* it is sent for other targets, too */
    unsigned fds;       /* that its entries hold */
    int64_t checked_ms; /* when it was last known to be true, but for changes that were noticed */
    struct ruling *ruling;               /* what rules say of it; owned; NULL: nothing */
    const struct docroot *docroot;       /* that the file was looked for in; borrowed */
    struct slice path;                   /* of the plain file, beneath its root; NUL-terminated */
    struct entry *entries[CODING_COUNT]; /* a reference each; NULL: not needed so far */
    struct list holder;                  /* its place among those that hold descriptors */
    struct dependency dependencies[];    /* and texts behind them */
};
