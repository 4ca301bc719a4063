/* The entries of a directory, in order. They are taken in as they come, and sorted in runs; a heap
 * of the runs gives them back in order. So there is no step that sorts all of them, nor one that
 * moves them, and what has been given back needs no memory any more. */
#pragma once

#include "base/slice.h"
#include "store/view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct roster_entry {
    struct slice name; /* at most 255 bytes */
    uint64_t size;     /* bytes; of no meaning for directories */
    int64_t mtime_s;   /* since the epoch */
    uint32_t mtime_ns;
    bool directory;
};

enum {
    ROSTER_RUN = 256, /* entries that are sorted together */
    ROSTER_NAME_MAX = 255,
};

struct roster_run;

struct roster {
    enum view_sort sort;
    bool descending;
    size_t entries_max; /* what it takes at most */
    size_t bytes_max;
    size_t entries; /* what it has taken */
    size_t bytes;
    struct roster_run *open;  /* the run that is taken in; NULL: none */
    struct roster_run **heap; /* the others, least first entry first; owned */
    size_t heap_count;
    size_t heap_capacity;
};

/* Directories go before files, whatever the order. Names are compared without regard to the case of
 * ASCII letters, and numbers in them by their value: "a2" before "A10"; names that are equal by
 * that by their bytes. Entries of equal size or time are in the order of their names. */
void roster_init(struct roster *roster, enum view_sort sort, bool descending, size_t entries_max,
                 size_t bytes_max);

/* Idempotent. */
void roster_deinit(struct roster *roster);

/* Takes a copy of an entry. Returns false where that would be more than it takes, or there is no
 * memory. */
bool roster_add(struct roster *roster, const struct roster_entry *entry);

/* To be called once, when all have been added and before the first is asked for. Returns false
 * where there is no memory for the last of them, which are missing then. */
bool roster_close(struct roster *roster);

/* The first entry of those that are left; its name is borrowed until it is dropped. Returns false
 * where none is left. */
bool roster_first(const struct roster *roster, struct roster_entry *entry);

/* Drops the first entry; there is one. */
void roster_drop_first(struct roster *roster);
