/* One file made ready to send: its content, in memory or behind a descriptor, and what the heads
 * say about it. */
#pragma once

#include "base/slice.h"
#include "http/representation.h"
#include "store/docroot.h"

#include <stdint.h>

/* Files of up to this many bytes are sent from memory, together with their head; larger ones by
 * sendfile(2), which is cheaper from about there on. */
enum { ENTRY_MEMORY_MAX = 32 * 1024 };

/* Immutable once built, and reference counted: it lives as long as anything that is being sent
 * points into it. */
struct entry {
    unsigned references;
    int fd;              /* the file; -1: the content is in memory */
    const char *content; /* representation.length bytes; NULL with a descriptor */
    struct representation representation;
    struct slice fields;     /* of the head of a 200, ready to be sent */
    struct slice validators; /* of the head of a 304, the same */
    char bytes[];            /* what the slices and `content` point into */
};

/* Makes an entry of an open file, whose descriptor it takes over in any case. `now_s` is the time
 * of day, in seconds since the epoch: no file was modified later than that (RFC 9110 §8.8.2.1).
 * Returns it with one reference, or -errno: -ENOMEM, -EIO and what else read(2) says. */
int entry_build(struct docroot_file *file, struct slice content_type, int64_t now_s,
                struct entry **entry);

static inline struct entry *entry_ref(struct entry *entry) {
    entry->references++;
    return entry;
}

/* Frees the entry with the last reference. */
void entry_unref(struct entry *entry);
