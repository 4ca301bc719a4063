/* One file made ready to send: its content, in memory or behind a descriptor, and what the heads
 * say about it. */
#pragma once

#include "base/slice.h"
#include "http/head.h"
#include "http/representation.h"
#include "store/docroot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* Immutable once built, but for how the answer begins that it has ready, and reference counted: it
 * lives as long as anything that is being sent points into it. */
struct entry {
    unsigned references;
    int fd;              /* the file; -1: the content is in memory */
    const char *content; /* representation.length bytes; NULL with a descriptor */
    struct representation representation;
    struct slice fields;     /* of the head of a 200, ready to be sent */
    struct slice rest;       /* all of a 200 from these on; SLICE_NONE with a descriptor */
    int64_t opened_s;        /* of which second the opening is that stands before `rest` */
    bool opening_closes;     /* whether it says that the connection is closed */
    struct slice validators; /* of the head of a 304, the same */
    dev_t device;            /* which file it was made of, and when that had last been changed */
    ino_t inode;
    int64_t modified_ns;
    int64_t changed_ns;
    uint64_t file_bytes; /* of the content: without what was appended to it */
    size_t size_bytes;   /* of the entry in memory */
    char bytes[];        /* what the slices and `content` point into */
};

/* How files become entries. */
struct entry_terms {
    uint64_t memory_max;   /* files of up to so many bytes are sent from memory */
    struct slice appendix; /* what pages (text/html) have behind their content; SLICE_NONE: nothing.
                              Borrowed during the call. */
};

enum { ENTRY_PAGE_MAX = 4 << 20 }; /* larger pages have nothing appended */

/* Makes an entry of an open file, whose descriptor it takes over in any case. A file is sent from
 * memory, together with its head, or by sendfile(2) where it is large. A page that has something
 * appended is sent from memory, and has another entity tag than without, and no date: so what a
 * client keeps of the one is never taken for the other.
 *
 * `about` has the content type, or SLICE_NONE where the content is to decide it, and the coding;
 * the rest of the representation comes from the file. The type is borrowed as long as the entry
 * lives. `now_s` is the time of day, in seconds since the epoch: no file was modified later than
 * that (RFC 9110 §8.8.2.1). Returns the entry with one reference, or -errno: -ENOMEM, -EIO and what
 * else read(2) says. */
int entry_build(struct docroot_file *file, const struct representation *about,
                const struct entry_terms *terms, int64_t now_s, struct entry **entry);

/* Makes an entry of content that is no file's, and is copied; `about` says all of it but its
 * length, an entity tag, too. Returns it with one reference; NULL: no memory. */
struct entry *entry_of_content(struct slice content, const struct representation *about);

/* An entry of which nothing is known but its descriptor, which it takes over in any case. Returns
 * it with one reference; NULL: no memory. */
struct entry *entry_of_fd(int fd);

/* The whole of the usual answer in one piece: a 200 that begins with the opening, by which the
 * connection `closes` or does not, and has nothing between that and the entry's fields. It is the
 * entry's: who sends it keeps a reference meanwhile. SLICE_NONE with a descriptor, and where the
 * opening would have to change while somebody else may still be sending it. */
struct slice entry_answer(struct entry *entry, const struct head_opening *opening, bool closes);

/* Whether a file is still what the entry was made of, as far as its attributes tell. */
bool entry_is_of(const struct entry *entry, const struct stat *stat);

static inline struct entry *entry_ref(struct entry *entry) {
    entry->references++;
    return entry;
}

/* Frees the entry with the last reference. */
void entry_unref(struct entry *entry);
