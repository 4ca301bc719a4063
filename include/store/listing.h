/* What is in a directory, as content to send: a page, JSON or text. Listed is what would be served:
 * regular files and directories that are not hidden, and symbolic links to such as far as links are
 * followed. */
#pragma once

#include "base/slice.h"
#include "store/docroot.h"
#include "store/stream.h"
#include "store/view.h"

enum {
    LISTING_ENTRIES_MAX = 1000000,
    LISTING_BYTES_MAX = 64 << 20,
    LISTING_STEP = 32, /* entries that are looked at in one step */
};

/* Opens the directory at `path` beneath the root, decoded and without slashes at its ends ("" is
 * the root), to be listed as `view` says, the format of which has been chosen. With
 * DOCROOT_DIRECTORY, `stream` is the caller's, to be freed with stream_free(); the docroot is
 * borrowed by it, the path is not. Else there is no stream: DOCROOT_ABSENT, also for what is no
 * directory, FORBIDDEN, EXHAUSTED or FAULT.
 *
 * The start of a page can be sent before the directory has been read. What is beyond the bounds
 * above is left out, and the listing says so; so it does where memory is short. An entry that goes
 * away meanwhile is left out. STREAM_FAULT where the directory cannot be read any further. */
enum docroot_outcome listing_open(const struct docroot *docroot, struct slice path,
                                  const struct view *view, struct stream **stream);
