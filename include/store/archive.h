/* A directory as a POSIX pax archive, made while it is sent: a stream of which the length is known
 * before its first byte.
 *
 * First it is planned: names, types, sizes, times and modes are looked at, once, and with them the
 * place of every byte is settled. Then any stretch of it can be asked for. What is no longer as it
 * was planned when its turn comes ends the stream with STREAM_FAULT: no archive is better than one
 * that unpacks to something that never was. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"
#include "store/docroot.h"
#include "store/stream.h"
#include "store/survey.h"

#include <stddef.h>
#include <stdint.h>

struct archive;

enum { ARCHIVE_ETAG_MAX = 2 + 2 * 16 + 1 }; /* bytes: quotes, two numbers, a separator */

/* Begins an archive of the directory at `path`, a decoded path without slashes at its ends ("" is
 * the root). Names in it start with the directory's own name, or with `root_name`, of 1 to 255
 * bytes and no slash, for the root. `docroot` is borrowed until it is freed; the texts are copied.
 * Nothing is looked at yet. Returns 0 or -ENOMEM; the archive is freed with
 * stream_free(archive_stream()). */
int archive_open(const struct docroot *docroot, struct slice path, struct slice root_name,
                 struct archive **archive);

/* The stream that the archive is, once it is planned: all of it, unless archive_seek() is called.
 * Pieces are STREAM_BYTES or STREAM_FILE. */
struct stream *archive_stream(struct archive *archive);

/* The archive that a stream is. */
struct archive *archive_of(struct stream *stream);

/* Plans a while: STREAM_PAUSE (call it again in another turn), STREAM_END (planned) or STREAM_FAULT
 * (it cannot be archived; only archive_problem() and stream_free() may be called). Not to be called
 * after the last two. */
enum stream_outcome archive_plan(struct archive *archive);

/* Why archive_plan() came to STREAM_FAULT; SURVEY_DONE once it is planned. */
enum survey_outcome archive_problem(const struct archive *archive);

/* How many files and directories are not in it because they may not be read. */
uint64_t archive_left_out(const struct archive *archive);

/* Memory that it takes up. */
size_t archive_memory_bytes(const struct archive *archive);

/* For a planned archive only: */

/* The exact length in bytes, less than 2^63. */
uint64_t archive_length(const struct archive *archive);

/* Writes a strong entity tag, with its quotes (RFC 9110 §8.8.3): 128 bits that depend on all
 * headers, and so on the whole layout, and on the inodes of what is in it. It is the same for all
 * workers and after a restart as long as nothing changes. */
void archive_etag(const struct archive *archive, struct buf *buf);

/* The latest time of modification of all that is in it, but `now_s` where that is later (RFC 9110
 * §8.8.2.1). A change that moves no time forward, as of modes, is seen in the entity tag only. */
int64_t archive_last_modified_s(const struct archive *archive, int64_t now_s);

/* Has the stream produce the `len` bytes from `first` on, which are within the archive, whatever it
 * has produced before; also after STREAM_END. */
void archive_seek(struct archive *archive, uint64_t first, uint64_t len);
