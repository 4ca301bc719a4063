#include "store/json.h"

#include "http/date.h"
#include "http/escape.h"

static void put_head(struct buf *buf, const struct sheet *sheet) {
    (void)sheet;
    buf_put_char(buf, '[');
}

static void put_top(struct buf *buf, const struct sheet *sheet) {
    (void)buf;
    (void)sheet;
}

static void put_separator(struct buf *buf, const struct sheet *sheet) {
    buf_put(buf, sheet->written > 0 ? SLICE(",\n") : SLICE("\n"));
}

static void put_entry(struct buf *buf, const struct sheet *sheet,
                      const struct roster_entry *entry) {
    char stamp[DATE_STAMP_LEN];
    date_format_stamp(entry->mtime_s, stamp);
    put_separator(buf, sheet);
    buf_put(buf, SLICE("{\"name\":\""));
    escape_json(buf, entry->name);
    if (entry->directory) {
        buf_put(buf, SLICE("\",\"type\":\"directory\""));
    } else {
        buf_put(buf, SLICE("\",\"type\":\"file\",\"size\":"));
        buf_put_number(buf, entry->size);
    }
    buf_put(buf, SLICE(",\"mtime\":\""));
    buf_put(buf, slice_of(stamp, sizeof stamp));
    buf_put(buf, SLICE("\",\"href\":\""));
    escape_reference(buf, entry->name, entry->directory); /* has nothing to escape in JSON */
    buf_put(buf, SLICE("\"}"));
}

static void put_foot(struct buf *buf, const struct sheet *sheet) {
    if (sheet->cut) {
        put_separator(buf, sheet);
        buf_put(buf, SLICE("{\"type\":\"cut\"}"));
    }
    buf_put(buf, SLICE("\n]\n"));
}

const struct sheet_format json_format = {put_head, put_top, put_entry, put_foot};
