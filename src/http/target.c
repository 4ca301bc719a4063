/* The order matters: first the query is cut off, then the path is decoded, once, and only then are
 * "." and ".." resolved. So "%2e%2e" is "..", "%252e" is the name "%2e", and no escape is ever
 * looked at twice. An encoded slash would turn one segment into two; no file name holds a slash, so
 * such a path names nothing. */
#include "http/target.h"

#include "http/authority.h"
#include "http/uri.h"

/* Drops the last segment of `path`; false where there is none. */
static bool pop_segment(struct buf *path) {
    if (path->len == 0)
        return false;
    while (path->len > 0 && path->ptr[path->len - 1] != '/')
        path->len--;
    if (path->len > 0)
        path->len--; /* the slash before it */
    return true;
}

enum segment_outcome { SEGMENT_OK, SEGMENT_SLASH, SEGMENT_BAD };

/* Appends the decoded `raw` to `path`. */
static enum segment_outcome decode_segment(struct slice raw, struct buf *path) {
    enum segment_outcome outcome = SEGMENT_OK;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '%') {
            int byte = uri_escaped_byte(slice_after(raw, i));
            if (byte <= 0)
                return SEGMENT_BAD;
            c = (char)byte;
            i += 2;
            if (c == '/')
                outcome = SEGMENT_SLASH;
        }
        /* The segment stays one, so that a ".." behind it drops all of it. */
        buf_put_char(path, c == '/' ? '_' : c);
    }
    return outcome;
}

/* Decodes `raw`, "/a/b", segment by segment, each resolved when it is complete. */
static enum target_outcome normalise(struct slice raw, struct buf *path, bool *trailing_slash) {
    enum target_outcome outcome = TARGET_PATH;
    struct slice rest = slice_after(raw, 1);
    struct slice segment;
    while (slice_cut(&rest, '/', &segment)) {
        const size_t before = path->len;
        if (before > 0)
            buf_put_char(path, '/');
        const size_t start = path->len;
        enum segment_outcome decoded = decode_segment(segment, path);
        if (decoded == SEGMENT_BAD || path->overflow)
            return TARGET_BAD;
        if (decoded == SEGMENT_SLASH)
            outcome = TARGET_ABSENT;
        struct slice name = slice_of(path->ptr + start, path->len - start);
        bool up = slice_equal(name, SLICE(".."));
        *trailing_slash = up || name.len == 0 || slice_equal(name, SLICE("."));
        if (*trailing_slash)
            path->len = before;
        if (up && !pop_segment(path))
            return TARGET_ABOVE;
    }
    return outcome;
}

/* Cuts the path and its query off an absolute form, "http://authority/path?query"; false where it
 * is none. */
static bool cut_absolute_form(struct slice raw, struct target *target, struct slice *rest) {
    const struct slice scheme = SLICE("http://");
    if (raw.len < scheme.len || !slice_equal_nocase(slice_of(raw.ptr, scheme.len), scheme))
        return false;
    raw = slice_after(raw, scheme.len);
    size_t end = 0;
    while (end < raw.len && raw.ptr[end] != '/' && raw.ptr[end] != '?')
        end++;
    target->authority = slice_of(raw.ptr, end);
    *rest = slice_after(raw, end);
    /* RFC 9110 §4.2.1: a URI of this scheme without a host is invalid. */
    return end > 0 && raw.ptr[0] != ':' && authority_is_valid(target->authority);
}

enum target_outcome target_parse(enum method method, struct slice raw, struct buf *path,
                                 struct target *target) {
    *target = (struct target){.path = buf_slice(path), .trailing_slash = true};
    if (method == METHOD_CONNECT)
        return TARGET_AUTHORITY;
    if (slice_equal(raw, SLICE("*")))
        return method == METHOD_OPTIONS ? TARGET_ASTERISK : TARGET_BAD;
    /* RFC 9112 §3.2.1: a fragment is never sent. */
    if (raw.len == 0 || slice_find(raw, '#') < raw.len)
        return TARGET_BAD;
    if (raw.ptr[0] != '/' && !cut_absolute_form(raw, target, &raw))
        return TARGET_BAD;
    struct slice raw_path;
    struct slice rest = raw;
    bool has_path = slice_cut(&rest, '?', &raw_path) && raw_path.len > 0;
    target->query = rest;
    /* RFC 9112 §3.2.4: an absolute form without a path or a query and with OPTIONS means "*". */
    if (!has_path)
        return method == METHOD_OPTIONS && rest.ptr == NULL ? TARGET_ASTERISK : TARGET_PATH;
    enum target_outcome outcome = normalise(raw_path, path, &target->trailing_slash);
    target->path = buf_slice(path);
    return outcome;
}

/* pchar / "/" (RFC 3986 §3.3) */
static bool is_path_char(char c) {
    return uri_is_plain_char(c) || c == ':' || c == '@' || c == '/';
}

void target_write_encoded(struct buf *buf, struct slice text) {
    uri_write_encoded(buf, text, is_path_char);
}

void target_write_directory(struct buf *buf, const struct target *target) {
    buf_put_char(buf, '/');
    target_write_encoded(buf, target->path);
    if (target->path.len > 0)
        buf_put_char(buf, '/');
    if (target->query.ptr != NULL) {
        buf_put_char(buf, '?');
        buf_put(buf, target->query);
    }
}
