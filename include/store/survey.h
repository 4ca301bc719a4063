/* What an archive of a directory is to hold, found out in short steps: all that would be served
 * beneath it. */
#pragma once

#include "base/slice.h"
#include "store/docroot.h"
#include "store/snapshot.h"

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>

enum { SURVEY_DEPTH_MAX = 64 }; /* directories above a member */

enum survey_outcome {
    SURVEY_MORE, /* there is more to do */
    SURVEY_DONE,
    SURVEY_ABSENT,    /* no such directory, or not served */
    SURVEY_FORBIDDEN, /* there, but not readable */
    SURVEY_TOO_MANY,  /* members: SNAPSHOT_MEMBERS_MAX */
    SURVEY_TOO_DEEP,  /* SURVEY_DEPTH_MAX, or a path that is too long to be opened */
    SURVEY_TOO_LARGE, /* names that need more than SNAPSHOT_BYTES_MAX; content beyond 2^63 bytes */
    SURVEY_CHANGED,   /* a directory was moved or removed meanwhile: worth another try */
    SURVEY_EXHAUSTED, /* no descriptors or memory left just now */
    SURVEY_FAULT,     /* the file system failed */
};

enum survey_phase { SURVEY_START, SURVEY_OPEN, SURVEY_READ, SURVEY_SORT };

struct survey {
    const struct docroot *docroot; /* borrowed */
    struct snapshot *snapshot;     /* the same */
    struct slice path;             /* of the directory, beneath the root; borrowed */
    struct slice name;             /* what it is called in the archive; borrowed */
    enum survey_phase phase;
    uint32_t directory; /* the member that is being read */
    uint32_t unsorted;  /* children of it */
    size_t path_len;    /* of its path beneath the root */
    unsigned depth;     /* directories above it */
    DIR *names;         /* the one directory that is open, or NULL */
    uint64_t left_out;  /* files and directories that may not be read */
};

#define SURVEY_INIT \
    { .names = NULL }

/* `path` is a decoded path without slashes at its ends ("" is the root), `name` of 1 to 255 bytes;
 * all are borrowed until survey_deinit(). The snapshot is empty. */
void survey_init(struct survey *survey, const struct docroot *docroot, struct slice path,
                 struct slice name, struct snapshot *snapshot);

/* Looks at one more name, at most. After anything but SURVEY_MORE, only survey_deinit() may be
 * called. */
enum survey_outcome survey_step(struct survey *survey);

/* Idempotent. */
void survey_deinit(struct survey *survey);

/* Writes the path of a member beneath the root, NUL-terminated, and returns its length. `path` is
 * that of the directory. */
size_t survey_path(struct slice path, const struct snapshot *snapshot, uint32_t member,
                   char text[PATH_MAX]);
