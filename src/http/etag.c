#include "http/etag.h"

#include "http/field.h"

void etag_write(struct buf *buf, int64_t mtime_ns, uint64_t size_bytes, uint64_t inode) {
    buf_put_char(buf, '"');
    buf_put_hex(buf, (uint64_t)mtime_ns);
    buf_put_char(buf, '-');
    buf_put_hex(buf, size_bytes);
    buf_put_char(buf, '-');
    buf_put_hex(buf, inode);
    buf_put_char(buf, '"');
}

bool etag_list_matches(struct slice list, struct slice etag, enum etag_comparison comparison) {
    const struct slice weak_prefix = SLICE("W/");
    struct slice element;
    if (slice_equal(slice_trim(list), SLICE("*")))
        return true;
    if (etag.ptr == NULL)
        return false;
    while (field_list_next(&list, &element)) {
        if (slice_starts_with(element, weak_prefix)) {
            if (comparison == ETAG_STRONG)
                continue;
            element = slice_after(element, weak_prefix.len);
        }
        if (slice_equal(element, etag))
            return true;
    }
    return false;
}
