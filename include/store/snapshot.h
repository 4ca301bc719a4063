/* The members of an archive, as they were when they were looked at: a tree in compact memory.
 *
 * Members are numbered from 0 on, in the order in which they are added; 0 is the directory that is
 * archived. The children of a directory are added one behind the other, and then sorted. The order
 * of the archive is another one, which snapshot_next() follows: a directory, then all that is in
 * it, so that who unpacks it is done with a directory when the next one begins. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum {
    SNAPSHOT_MEMBERS_MAX = 100000,
    SNAPSHOT_BYTES_MAX = 16 * 1024 * 1024,
};

enum snapshot_outcome {
    SNAPSHOT_ADDED,
    SNAPSHOT_FULL,      /* SNAPSHOT_MEMBERS_MAX */
    SNAPSHOT_LARGE,     /* SNAPSHOT_BYTES_MAX */
    SNAPSHOT_EXHAUSTED, /* no memory left just now */
};

/* 48 bytes, of which there may be very many. */
struct snapshot_member {
    uint64_t offset; /* of its header in the archive; up to who lays it out */
    union {
        uint64_t size_bytes; /* of a file */
        struct {
            uint32_t first;
            uint32_t count;
        } children; /* of a directory */
    };
    uint64_t inode;
    int64_t mtime_s;
    uint32_t mtime_ns : 30;
    uint32_t is_directory : 1;
    uint32_t : 1;
    uint32_t parent : 23;
    uint32_t mode : 9; /* permission bits */
    uint32_t device;
    uint32_t name; /* where it is in `names`: its length in a byte, then its bytes */
};

struct snapshot {
    struct snapshot_member *members;
    uint32_t count;
    uint32_t members_room; /* members that there is memory for */
    uint32_t names_room;   /* the same in bytes */
    uint32_t names_len;
    char *names;
};

#define SNAPSHOT_INIT \
    { NULL, 0, 0, 0, 0, NULL }

/* Idempotent. */
void snapshot_deinit(struct snapshot *snapshot);

/* Adds a file or a directory, whose `name` of 1 to 255 bytes is copied, to the directory `parent`,
 * and sets up what snapshot_sort() needs. Every child of a directory is added before any of the
 * next one, and before any is sorted. `parent` means nothing for the first of all. */
enum snapshot_outcome snapshot_add(struct snapshot *snapshot, uint32_t parent, struct slice name,
                                   const struct stat *stat);

/* Takes up that a directory has changed before its children are added. */
void snapshot_update(struct snapshot *snapshot, uint32_t member, const struct stat *stat);

/* Puts the last of the first `left` children of a directory, in the order of the bytes of their
 * names, into its place. Called with the number of children, and one less each time, until none is
 * left: sorting can be spread over turns. */
void snapshot_sort(struct snapshot *snapshot, uint32_t directory, uint32_t left);

/* Gives back the memory that was kept for more members. */
void snapshot_trim(struct snapshot *snapshot);

struct slice snapshot_name(const struct snapshot *snapshot, uint32_t member);

/* Writes the path of a member beneath the directory that is archived; its own is "". */
void snapshot_put_path(const struct snapshot *snapshot, uint32_t member, struct buf *buf);

/* How many directories are above the member. */
unsigned snapshot_depth(const struct snapshot *snapshot, uint32_t member);

/* The next one in the order of the archive; snapshot->count: there is none. */
uint32_t snapshot_next(const struct snapshot *snapshot, uint32_t member);

/* The member in which the byte at `offset` is, once all are sorted and have their offsets, which
 * must not be behind the last one. */
uint32_t snapshot_find(const struct snapshot *snapshot, uint64_t offset);

/* Whether a file is still what it was when it was added, as far as its attributes tell. */
bool snapshot_is_of(const struct snapshot *snapshot, uint32_t member, const struct stat *stat);

/* Whether it is the same file or directory, changed or not. */
bool snapshot_is_same(const struct snapshot *snapshot, uint32_t member, const struct stat *stat);

/* Bytes of content: none, of a directory. */
static inline uint64_t snapshot_size(const struct snapshot *snapshot, uint32_t member) {
    const struct snapshot_member *of = &snapshot->members[member];
    return of->is_directory ? 0 : of->size_bytes;
}

/* Memory that it takes up. */
static inline size_t snapshot_bytes(const struct snapshot *snapshot) {
    return snapshot->members_room * sizeof *snapshot->members + snapshot->names_room;
}
