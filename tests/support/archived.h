/* An archive of a temporary tree, planned and taken piece by piece, as a sender would.
 *
 * All of it is in the header: it calls the store floor, which the tests of other floors don't link.
 */
#pragma once

#include "store/archive.h"
#include "support/guard.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct archived {
    struct tree tree;
    struct docroot docroot;
    struct archive *archive; /* NULL: none */
    size_t pauses;           /* of the last plan */
    size_t fds;              /* open before */
} archived = {.docroot = DOCROOT_INIT};

static inline void archived_make_tree(void) {
    archived.fds = process_count_fds(getpid());
    tree_make(&archived.tree);
}

static inline void archived_serve(bool hidden, enum beneath_links links) {
    static struct names none;
    struct err err = ERR_INIT;
    if (docroot_open(&archived.docroot, archived.tree.path, &none, hidden, links, &err) < 0)
        fail_msg("%s", err.text);
}

static inline void archived_forget(void) {
    if (archived.archive != NULL)
        stream_free(archive_stream(archived.archive));
    archived.archive = NULL;
}

static inline void archived_end(void) {
    archived_forget();
    docroot_deinit(&archived.docroot);
    tree_remove(&archived.tree);
    assert_int_equal(process_count_fds(getpid()), archived.fds);
}

static inline void archived_open(const char *path) {
    archived_forget();
    archived.pauses = 0;
    assert_int_equal(
        archive_open(&archived.docroot, slice_of_text(path), SLICE("root"), &archived.archive), 0);
}

/* Why it can't be planned, or SURVEY_DONE. */
static inline enum survey_outcome archived_try(const char *path) {
    enum stream_outcome outcome;
    archived_open(path);
    while ((outcome = archive_plan(archived.archive)) == STREAM_PAUSE)
        archived.pauses++;
    row_assert_number(path, outcome == STREAM_END,
                      archive_problem(archived.archive) == SURVEY_DONE);
    row_assert(path, outcome == STREAM_END || outcome == STREAM_FAULT);
    return archive_problem(archived.archive);
}

static inline void archived_plan(const char *path) {
    row_assert_number(path, archived_try(path), SURVEY_DONE);
}

/* What was taken. */
struct taken {
    enum stream_outcome outcome; /* the last one */
    uint64_t len;                /* of all that came */
    size_t pieces;
    size_t files; /* stretches among them */
    size_t room;
    char *bytes; /* `room` of them at most are kept; NULL: none */
};

static inline void taken_put(struct taken *taken, struct slice piece) {
    size_t at = taken->len < taken->room ? (size_t)taken->len : taken->room;
    size_t count = piece.len < taken->room - at ? piece.len : taken->room - at;
    if (count > 0)
        memcpy(taken->bytes + at, piece.ptr, count);
    taken->len += piece.len;
}

/* Reads a stretch, unless what is in it would not be kept. */
static inline void taken_read(struct taken *taken, const struct stretch *stretch) {
    char bytes[4096];
    uint64_t left = stretch->len;
    assert_true(stretch->len > 0);
    assert_int_equal(lseek(stretch->fd, (off_t)stretch->offset, SEEK_SET), stretch->offset);
    if (taken->len >= taken->room) {
        taken->len += left;
        left = 0;
    }
    while (left > 0) {
        ssize_t count = read(stretch->fd, bytes, left < sizeof bytes ? left : sizeof bytes);
        assert_true(count > 0);
        taken_put(taken, slice_of(bytes, (size_t)count));
        left -= (uint64_t)count;
    }
    (void)close(stretch->fd);
}

/* Takes one more piece, into room that ends at a page nobody may touch. */
static inline enum stream_outcome taken_next(struct taken *taken) {
    char *room = guard_room(STREAM_PIECE_BYTES);
    struct buf buf = BUF_INIT(room, STREAM_PIECE_BYTES);
    struct stretch stretch = {-1, 0, 0};
    taken->outcome = stream_next(archive_stream(archived.archive), &buf, &stretch);
    assert_false(buf.overflow);
    assert_int_equal(buf.len > 0, taken->outcome == STREAM_BYTES);
    taken->pieces++;
    if (taken->outcome == STREAM_FILE) {
        taken->files++;
        taken_read(taken, &stretch);
    } else {
        taken_put(taken, buf_slice(&buf));
    }
    guard_free(room, STREAM_PIECE_BYTES);
    return taken->outcome;
}

/* Takes what there is, and keeps `room` bytes of it. */
static inline void taken_all(struct taken *taken, size_t room) {
    *taken = (struct taken){.room = room, .bytes = room > 0 ? malloc(room) : NULL};
    do {
        (void)taken_next(taken);
    } while (taken->outcome == STREAM_BYTES || taken->outcome == STREAM_FILE);
}

/* The whole archive, which must come to its end. */
static inline void taken_whole(struct taken *taken) {
    taken_all(taken, (size_t)archive_length(archived.archive));
    assert_int_equal(taken->outcome, STREAM_END);
    assert_int_equal(taken->len, archive_length(archived.archive));
}

static inline void taken_free(struct taken *taken) {
    free(taken->bytes);
    *taken = (struct taken){.bytes = NULL};
}
