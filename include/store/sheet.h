/* What the formats of a listing write: functions of what is known to bytes, without a look at the
 * directory. Each writes at most STREAM_PIECE_BYTES. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"
#include "store/roster.h"
#include "store/view.h"

#include <stdbool.h>
#include <stdint.h>

struct sheet {
    struct slice path; /* of the directory beneath the root, decoded; "" is the root. Borrowed. */
    struct view view;
    uint64_t directories;
    uint64_t files;
    uint64_t bytes;   /* of all files */
    uint64_t written; /* entries so far */
    bool cut;         /* there are more than are listed */
};

/* The most that is written of one entry. */
enum { SHEET_ENTRY_BYTES = 4096 };

struct sheet_format {
    /* Sent at once, when only the path and the view are known. */
    void (*head)(struct buf *buf, const struct sheet *sheet);
    /* Sent before the entries, when all but `written` is known. */
    void (*top)(struct buf *buf, const struct sheet *sheet);
    void (*entry)(struct buf *buf, const struct sheet *sheet, const struct roster_entry *entry);
    void (*foot)(struct buf *buf, const struct sheet *sheet);
};
