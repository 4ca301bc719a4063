/* What a request target names, with what has been made ready to answer for it: a file and the
 * siblings that it is encoded in, or the reason why there is none. */
#pragma once

#include "conf/types.h"
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
    struct entry *usual;    /* one of these: the whole of it, with nothing said besides, is the
                               answer to a GET of this request.wording; NULL: none is known of */
    uint64_t usual_wording; /* with `usual` only */
    struct list holder;     /* its place among those that hold descriptors */
    struct dependency dependencies[]; /* and texts behind them */
};

/* What malloc(3) adds to each piece of memory, which is counted, too. */
enum { RESOURCE_PIECE_BYTES = 16 };

/* One of which only the key is known, which is copied: borrowed by whoever made it, with so many
 * dependencies that depend on nothing so far, and room for a path. `docroot` is borrowed. Returns
 * NULL where there is no memory. */
struct resource *resource_new(const struct docroot *docroot, struct slice key,
                              size_t dependency_count, size_t path_max);

/* It depends on nothing any more, and is in no list. What is being sent of it lives on. */
void resource_free(struct resource *resource);

/* Copies the path of the plain file, once. */
void resource_set_path(struct resource *resource, struct slice path);

/* The media type of a file that was found, as rules and its name say; SLICE_NONE: that is for its
 * content. `types` go before those of the table. */
struct slice resource_named_type(const struct resource *resource, const struct types *types);

/* The media type of what was found, or of what is absent would have, as far as that is known
 * without a look at it; else empty. */
struct slice resource_type(const struct resource *resource, const struct types *types);

/* Looks at the attributes of the plain file, and of those that entries were made of: whether they
 * say that nothing has changed. */
bool resource_is_still_true(const struct resource *resource, const struct types *types);
