/* What is served: the files beneath the roots, looked up once and kept for those who ask again.
 *
 * Two things keep it fresh. Every directory on the way to what was found is watched, and what may
 * have changed is forgotten (store/directories). What no watch sees is found by looking at a file's
 * attributes again: of what is asked for, at most once in STORE_CHECK_MS. That is what changes
 * through another hard link, a memory mapping or a mount; and all that lies behind a symbolic link
 * or on a remote file system. What is in a directory that cannot be watched is not kept. */
#pragma once

#include "base/err.h"
#include "conf/options.h"
#include "store/changes.h"
#include "store/resource.h"
#include "store/roots.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORE_CHECK_MS = 1000 };

/* Look-ups since these were last taken away; plain numbers, that nobody else reads. */
struct store_counts {
    uint64_t hits;          /* answered by what was kept */
    uint64_t misses;        /* not so */
    uint64_t invalidations; /* kept things dropped because something had changed */
};

struct store {
    const struct roots *roots; /* borrowed */
    const struct types *types; /* that go before those of the table; borrowed */
    struct entry_terms terms;
    struct changes *changes; /* are told of what changes; NULL: nobody wants to know; borrowed */
    bool keeps;              /* there is a cache */
    struct cache cache;
    struct directories directories;
    struct rulebook rulebook;
    struct dependency rule_files[RULES_FILES]; /* owned by nobody, unlike those of resources */
    bool rules_stale;                          /* one of the files has changed */
    int64_t rules_checked_ms;                  /* when they were looked at last */
    struct head_policy policy;                 /* where there are no rules */
    struct list holders; /* kept resources that hold descriptors, the oldest first */
    size_t fds;          /* that they hold */
    size_t fds_max;      /* bound on them */
    struct store_counts counts;
    struct docroot_file opened; /* scratch: the plain file of what was looked up, until its
                                   resource is released */
};

#define STORE_INIT                                             \
    {                                                          \
        .directories = DIRECTORIES_INIT, .opened = {.fd = -1 } \
    }

/* `roots` and `options` are borrowed until store_deinit(), and as long as an entry lives. Returns
 * 0, or -errno and a message. A root that cannot be watched is no error (see store_is_watched()).
 */
int store_init(struct store *store, const struct roots *roots, const struct options *options,
               struct err *err);

/* From now on, before anything has been looked up: what changes of what is kept is noted in
 * `changes`, and has not changed unnoticed when it was given up for want of descriptors; pages have
 * `appendix` behind them, and no file is sent in the coding of a sibling, which could not have it.
 * Both are borrowed until store_deinit(). */
void store_go_live(struct store *store, struct changes *changes, struct slice appendix);

/* From now on, mistakes in files of rules are not told: another process does. */
void store_be_silent(struct store *store);

/* Idempotent. */
void store_deinit(struct store *store);

/* Whether changes in that one of the roots, by its number, are noticed at once. */
bool store_is_watched(const struct store *store, size_t root);

/* Becomes readable, edge-triggered, when there is something to notice; -1: never. Then, and before
 * a request is answered that may have come after a change, call store_notice(). */
int store_fd(const struct store *store);
void store_notice(struct store *store);

/* What is known of the key, a request target without its query; NULL: nothing, look it up. `now_ms`
 * is on the monotonic clock. Borrowed until store_release(), which must be called. */
struct resource *store_recall(struct store *store, struct slice key, int64_t now_ms);

/* Looks up a decoded path, as docroot_find() does in the root that it leads into, and keeps what it
 * finds by the key. Never NULL unless there is no memory. Borrowed until store_release(), which
 * must be called. */
struct resource *store_look_up(struct store *store, struct slice key, struct slice path,
                               bool as_directory, int64_t now_ms);

/* Makes one of the available codings of a file ready to be sent. `now_s` is the time of day.
 * Returns DOCROOT_FILE, and the entry, borrowed from the resource; or why there is none: then that
 * coding is no longer available. */
enum docroot_outcome store_entry(struct store *store, struct resource *resource, enum coding coding,
                                 int64_t now_s, struct entry **entry);

/* What heads of answers with that resource say besides; NULL is one of which nothing is known.
 * Borrowed from both. */
const struct head_policy *store_policy(const struct store *store, const struct resource *resource);

void store_release(struct store *store, struct resource *resource);
