#include "http/etag.h"

void etag_write(struct buf *buf, int64_t mtime_ns, uint64_t size_bytes, uint64_t inode,
                struct slice variant) {
    buf_put_char(buf, '"');
    buf_put_hex(buf, (uint64_t)mtime_ns);
    buf_put_char(buf, '-');
    buf_put_hex(buf, size_bytes);
    buf_put_char(buf, '-');
    buf_put_hex(buf, inode);
    if (variant.ptr != NULL) {
        buf_put_char(buf, '-');
        buf_put(buf, variant);
    }
    buf_put_char(buf, '"');
}

/* Bytes at the start of `text` that are an entity tag, or 0. It looks like a quoted string but is
 * none: a backslash in it is a character like any other. */
static size_t tag_len(struct slice text) {
    size_t at = slice_starts_with(text, SLICE("W/")) ? 2 : 0;
    if (at == text.len || text.ptr[at++] != '"')
        return 0;
    at += slice_find(slice_after(text, at), '"');
    return at < text.len ? at + 1 : 0;
}

/* Takes the next element off the list; a comma within an entity tag is no separator. */
static bool next_tag(struct slice *rest, struct slice *element) {
    *rest = slice_trim(*rest);
    if (rest->len == 0)
        return false;
    size_t end = tag_len(*rest);
    end += slice_find(slice_after(*rest, end), ',');
    *element = slice_trim(slice_of(rest->ptr, end));
    *rest = slice_after(*rest, end < rest->len ? end + 1 : end);
    return true;
}

bool etag_list_matches(struct slice list, struct slice etag, enum etag_comparison comparison) {
    const struct slice weak_prefix = SLICE("W/");
    struct slice element;
    if (slice_equal(slice_trim(list), SLICE("*")))
        return true;
    if (etag.ptr == NULL)
        return false;
    while (next_tag(&list, &element)) {
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
