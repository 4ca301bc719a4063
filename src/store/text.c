#include "store/text.h"

#include "http/date.h"
#include "http/escape.h"
#include "store/size.h"

static void put_nothing(struct buf *buf, const struct sheet *sheet) {
    (void)buf;
    (void)sheet;
}

/* Puts the text at the right of the column. */
static void put_size(struct buf *buf, const struct roster_entry *entry) {
    char text[SIZE_TEXT_MAX];
    struct buf size = BUF_INIT(text, sizeof text);
    if (entry->directory)
        buf_put_char(&size, '-');
    else
        size_put(&size, entry->size);
    for (size_t i = size.len; i < SIZE_TEXT_MAX; i++)
        buf_put_char(buf, ' ');
    buf_put(buf, buf_slice(&size));
}

static void put_entry(struct buf *buf, const struct sheet *sheet,
                      const struct roster_entry *entry) {
    char stamp[DATE_STAMP_LEN];
    (void)sheet;
    date_format_stamp(entry->mtime_s, stamp);
    put_size(buf, entry);
    buf_put(buf, SLICE("  "));
    buf_put(buf, slice_of(stamp, 10));
    buf_put_char(buf, ' ');
    buf_put(buf, slice_of(stamp + 11, 5));
    buf_put(buf, SLICE("  "));
    escape_line(buf, entry->name);
    buf_put(buf, entry->directory ? SLICE("/\n") : SLICE("\n"));
}

static void put_foot(struct buf *buf, const struct sheet *sheet) {
    if (sheet->cut)
        buf_put(buf, SLICE("Not all entries are shown.\n"));
}

const struct sheet_format text_format = {put_nothing, put_nothing, put_entry, put_foot};
