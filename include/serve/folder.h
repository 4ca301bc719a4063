/* What is answered for a directory without an index file: its listing, or an archive of it. Both
 * are made while they are sent. */
#pragma once

#include "http/request.h"
#include "http/target.h"
#include "serve/delivery.h"
#include "store/archive.h"
#include "store/roots.h"
#include "store/view.h"

#include <stdbool.h>

enum { FOLDER_STREAMS_MAX = 32 }; /* that a worker makes at a time */

struct folder {
    struct representation representation; /* points into this struct */
    struct head_policy policy;
    struct view view;
    bool appended;     /* scripts of this server may run in the page, and ask it */
    bool negotiated;   /* another Accept field could get another format */
    struct slice name; /* of an archive, without its extension; borrowed from the target */
    struct buf etag;   /* in `etag_memory` */
    char etag_memory[ARCHIVE_ETAG_MAX];
};

enum folder_outcome {
    FOLDER_READY,     /* `folder` is filled in, and the delivery there */
    FOLDER_LATER,     /* the delivery must be prepared; then call again */
    FOLDER_TOO_LARGE, /* for an archive */
    FOLDER_ABSENT,    /* gone */
    FOLDER_FORBIDDEN,
    FOLDER_EXHAUSTED, /* out of memory or descriptors, or too many at a time */
    FOLDER_FAULT,
};

/* Begins with what the request asks for of the directory that the target names. `delivery` is where
 * the stream is put; it is empty, or what FOLDER_LATER left there. `live` counts deliveries.
 */
enum folder_outcome folder_open(const struct roots *roots, const struct request *request,
                                const struct target *target, size_t *live, struct folder *folder,
                                struct delivery **delivery);

/* Has what is made sent by `policy`, but for what that says as of a file, by `of_files`, of
 * caching: what is made is to be asked for anew each time. Both are borrowed as long as the folder.
 */
void folder_follow(struct folder *folder, const struct head_policy *policy,
                   const struct head_policy *of_files);

/* Has the delivery of a page append that, which may be a script; of what is no page, nothing. The
 * text is borrowed as long as the delivery. */
void folder_append(struct folder *folder, struct delivery *delivery, struct slice appendix);

/* Writes that another Accept field could get another answer, where that is so (RFC 9110 §12.5.5).
 */
void folder_write_vary(struct buf *buf, const struct folder *folder);

/* Writes the fields that go with the content, beside those of its representation: what to call an
 * archive, what a page may do. */
void folder_write_fields(struct buf *buf, const struct folder *folder);
