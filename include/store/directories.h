/* The directories beneath one or more roots that are being watched, and what depends on what is in
 * them. A directory may be beneath two roots, or be one of them: then it has one watch, and what
 * happens in it is told to those who depend on it by either way.
 *
 * Whoever looks a path up first reaches for it: every directory on its way is watched from then on,
 * and only then is the path opened. So no change falls between the look and the watch. What has
 * been found depends on a name in the last of those directories; when something happens to that
 * name, or to a directory on the way, it is reported as changed.
 *
 * What is beneath a directory that cannot be watched can change unnoticed, and so can what is on a
 * remote file system, whose changes are made elsewhere. Whoever reaches for that is told so. */
#pragma once

#include "base/hash.h"
#include "base/list.h"
#include "base/slice.h"
#include "base/table.h"
#include "conf/mounts.h"
#include "sys/beneath.h"
#include "sys/watch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct directories;
struct directory;

enum directories_outcome {
    DIRECTORIES_WATCHED,
    DIRECTORIES_REMOTE, /* on a file system that others change, too */
    DIRECTORIES_BLIND,  /* not watched, for lack of permission, memory or watches */
};

/* That something depends on a name. Embedded in what depends. */
struct dependency {
    struct list in_directory;
    struct table_link by_name;
    struct directory *directory; /* NULL: depends on nothing */
    bool on_all;                 /* depends on all names in it */
    void *owner;                 /* for those who are told of changes */
};

/* Told of a change; must take the dependency away. */
typedef void directories_changed(struct directories *directories, struct dependency *dependency);

enum { DIRECTORIES_ROOTS_MAX = 1 + MOUNTS_MAX };

struct directories_root {
    const struct beneath *beneath;      /* borrowed */
    struct directory *top;              /* NULL: it is not watched */
    enum directories_outcome unwatched; /* why not */
};

struct directories {
    struct watch watch;
    struct hash_key key;
    struct directories_root roots[DIRECTORIES_ROOTS_MAX];
    size_t root_count;
    struct list all; /* but the roots, the one reached longest ago first, as far as known */
    size_t count;    /* of them */
    size_t max;      /* bound on `count` */
    uint64_t last_id;
    uint64_t events;         /* reported so far */
    struct table by_name;    /* of directory: by parent and name */
    struct table by_watch;   /* of directory: by watch descriptor */
    struct table dependents; /* of dependency: by directory and name */
    directories_changed *changed;
};

#define DIRECTORIES_INIT     \
    {                        \
        .watch = {.fd = -1 } \
    }

/* Without a root so far; at most `max` directories beneath all of them will be watched. Returns 0,
 * or -ENOMEM, or -errno of inotify_init1(2); then nothing is ever watched. */
int directories_init(struct directories *directories, const struct hash_key *key, size_t max,
                     directories_changed *changed);

/* Watches one more root, up to DIRECTORIES_ROOTS_MAX; they are numbered from 0 on. `beneath` is
 * borrowed until directories_deinit(). Returns 0, or -errno of inotify_add_watch(2), or -EREMOTE:
 * then this one is not watched, and the others are as before. */
int directories_add_root(struct directories *directories, const struct beneath *beneath);

/* Whether what happens in that root is noticed. */
bool directories_is_watched(const struct directories *directories, size_t root);

/* Reports everything as changed. Idempotent. */
void directories_deinit(struct directories *directories);

/* Watches all directories on the way from that root to `path` ("a/b/c"), and makes `dependency`
 * depend on the last name that can be looked up: "c" in "a/b", or, where there is no "a", "a" in
 * the root. The dependency is borrowed until directories_leave(), or until it is reported as
 * changed; it is left alone unless all of that is watched. */
enum directories_outcome directories_reach(struct directories *directories, size_t root,
                                           struct slice path, struct dependency *dependency);

/* Has a dependency that was reached depend on all names in its directory. */
void directories_widen(struct dependency *dependency);

/* Whether there may be an encoded sibling of any file in the directory of the dependency; if not,
 * there is none. */
bool directories_may_have_siblings(const struct dependency *dependency);

/* The dependency ends. Idempotent. */
void directories_leave(struct directories *directories, struct dependency *dependency);

/* Reports all changes that completed before the call. */
void directories_notice(struct directories *directories);
