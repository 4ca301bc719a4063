/* A pattern stays as it was written, and is decoded while it is compared. Were it decoded when it
 * is read, "%2A" would become a splat and "%3A" start a placeholder.
 *
 * As a placeholder is a whole segment and there is one splat at most, there is only one way in
 * which a pattern can match: what is before the splat matches from the front, and where the rest
 * has to start is told by counting slashes from the end. So nothing is ever tried twice. */
#include "http/pattern.h"

#include "base/ascii.h"
#include "http/uri.h"

static const struct slice splat_name = SLICE_INIT("splat");

/* Bytes of the placeholder that `text` starts with, the colon included, or 0. */
static size_t placeholder_len(struct slice text) {
    size_t len = 2;
    if (text.len < 2 || text.ptr[0] != ':' || !ascii_is_alpha(text.ptr[1]))
        return 0;
    while (len < text.len &&
           (ascii_is_alpha(text.ptr[len]) || ascii_is_digit(text.ptr[len]) || text.ptr[len] == '_'))
        len++;
    return len;
}

bool pattern_template_next(struct slice *rest, struct slice *literal, struct slice *name) {
    if (rest->len == 0)
        return false;
    size_t at = 0;
    while (at < rest->len && placeholder_len(slice_after(*rest, at)) == 0)
        at++;
    size_t len = placeholder_len(slice_after(*rest, at));
    *literal = slice_of(rest->ptr, at);
    *name = len > 0 ? slice_of(rest->ptr + at + 1, len - 1) : SLICE_NONE;
    *rest = slice_after(*rest, at + len);
    return true;
}

bool pattern_has(const struct pattern *pattern, struct slice name) {
    struct slice rest = pattern->text;
    struct slice literal;
    struct slice placeholder;
    if (slice_equal(name, splat_name))
        return slice_find(rest, '*') < rest.len;
    while (pattern_template_next(&rest, &literal, &placeholder)) {
        if (placeholder.ptr != NULL && slice_equal(placeholder, name))
            return true;
    }
    return false;
}

bool pattern_is_literal(const struct pattern *pattern) {
    struct slice rest = pattern->text;
    struct slice literal = SLICE_NONE;
    struct slice name = SLICE_NONE;
    (void)pattern_template_next(&rest, &literal, &name);
    return name.ptr == NULL && slice_find(literal, '*') == literal.len;
}

bool pattern_is_open(const struct pattern *pattern) {
    return pattern->text.len > 0 && pattern->text.ptr[pattern->text.len - 1] == '*';
}

bool pattern_value(const struct pattern_captures *captures, struct slice name,
                   struct slice *value) {
    for (size_t i = 0; i < captures->count; i++) {
        if (slice_equal(captures->items[i].name, name)) {
            *value = captures->items[i].value;
            return true;
        }
    }
    return false;
}

/* Reading */

/* Takes a character off the front of `text`, whose escapes are good. */
static char take_char(struct slice *text) {
    int byte = uri_escaped_byte(*text);
    char c = byte >= 0 ? (char)byte : text->ptr[0];
    *text = slice_after(*text, byte >= 0 ? 3 : 1);
    return c;
}

static bool is_dots(struct slice segment) {
    size_t count = 0;
    while (segment.len > 0) {
        if (take_char(&segment) != '.')
            return false;
        count++;
    }
    return count == 1 || count == 2;
}

static enum rules_mistake judge_char(struct slice text) {
    int byte = uri_escaped_byte(text);
    switch (text.ptr[0]) {
    case ' ':
    case '\t':
        return RULES_BLANK;
    case '?':
        return RULES_QUERY;
    case '#':
        return RULES_FRAGMENT;
    case '%':
        if (byte < 0)
            return RULES_BAD_ESCAPE;
        return byte == 0 || byte == '/' ? RULES_NO_NAME : RULES_OK;
    default:
        return RULES_OK;
    }
}

/* `before` is the pattern up to here. */
static enum rules_mistake judge_placeholder(const struct pattern *before, struct slice name) {
    if (slice_equal(name, splat_name))
        return RULES_SPLAT_NAME;
    return pattern_has(before, name) ? RULES_SAME_NAME : RULES_OK;
}

static enum rules_mistake judge_segment(const struct pattern *before, struct slice segment) {
    if (segment.len == 0)
        return RULES_EMPTY_SEGMENT;
    if (placeholder_len(segment) == segment.len)
        return judge_placeholder(before, slice_after(segment, 1));
    for (size_t i = 0; i < segment.len; i++) {
        struct slice rest = slice_after(segment, i);
        enum rules_mistake mistake = judge_char(rest);
        if (mistake != RULES_OK)
            return mistake;
        if (placeholder_len(rest) > 0)
            return RULES_PART_OF_SEGMENT;
    }
    return is_dots(segment) ? RULES_DOT_SEGMENT : RULES_OK;
}

static enum rules_mistake judge_counts(const struct pattern *pattern) {
    struct slice rest = pattern->text;
    struct slice literal;
    struct slice name;
    size_t placeholders = 0;
    size_t star = slice_find(rest, '*');
    if (star < rest.len && slice_find(slice_after(rest, star + 1), '*') < rest.len - star - 1)
        return RULES_SPLATS;
    while (pattern_template_next(&rest, &literal, &name))
        placeholders += name.ptr != NULL;
    return placeholders > RULES_PLACEHOLDERS_MAX ? RULES_PLACEHOLDERS : RULES_OK;
}

static enum rules_mistake judge_start(struct slice text) {
    size_t letters = 0;
    while (letters < text.len && ascii_is_alpha(text.ptr[letters]))
        letters++;
    if (slice_starts_with(slice_after(text, letters), SLICE("://")))
        return RULES_HOST;
    return text.len > 0 && text.ptr[0] == '/' ? RULES_OK : RULES_NO_SLASH;
}

/* The slash before a splat may be missing in the path. */
static size_t plain_len(struct slice text) {
    size_t len = 0;
    while (len < text.len && text.ptr[len] != '%' && text.ptr[len] != ':' && text.ptr[len] != '*')
        len++;
    return len > 0 && text.ptr[len - 1] == '/' ? len - 1 : len;
}

enum rules_mistake pattern_parse(struct slice text, struct pattern *pattern) {
    enum rules_mistake mistake = judge_start(text);
    *pattern = (struct pattern){SLICE(""), 0};
    if (mistake != RULES_OK || text.len == 1)
        return mistake;
    text = slice_after(text, 1);
    if (text.ptr[text.len - 1] == '/')
        text.len--;
    struct slice rest = text;
    struct slice segment;
    while (slice_cut(&rest, '/', &segment)) {
        *pattern = (struct pattern){slice_of(text.ptr, (size_t)(segment.ptr - text.ptr)), 0};
        mistake = judge_segment(pattern, segment);
        if (mistake != RULES_OK)
            return mistake;
    }
    *pattern = (struct pattern){text, plain_len(text)};
    return judge_counts(pattern);
}

/* Matching */

static void capture(struct pattern_captures *captures, struct slice name, struct slice value) {
    captures->items[captures->count].name = name;
    captures->items[captures->count].value = value;
    captures->count++;
}

/* Takes off the front of `path` what `text`, in which there is no splat, stands for. */
static bool take(struct slice text, struct slice *path, struct pattern_captures *captures) {
    while (text.len > 0) {
        size_t len = placeholder_len(text);
        if (len == 0) {
            if (path->len == 0 || take_char(&text) != path->ptr[0])
                return false;
            *path = slice_after(*path, 1);
            continue;
        }
        size_t end = slice_find(*path, '/');
        if (end == 0)
            return false;
        capture(captures, slice_of(text.ptr + 1, len - 1), slice_of(path->ptr, end));
        text = slice_after(text, len);
        *path = slice_after(*path, end);
    }
    return true;
}

/* How long `text` is, decoded. */
static size_t decoded_len(struct slice text) {
    size_t len = 0;
    while (text.len > 0) {
        (void)take_char(&text);
        len++;
    }
    return len;
}

/* Where in `path` what stands behind the splat has to start: as many slashes before the end as it
 * has itself, and its part of a segment before them. False where there is not that much. */
static bool find_tail(struct slice tail, struct slice path, size_t *start) {
    struct slice rest = tail;
    struct slice part;
    struct slice segment;
    size_t at = path.len;
    (void)slice_cut(&rest, '/', &part);
    while (slice_cut(&rest, '/', &segment)) {
        const char *slash = at > 0 ? memrchr(path.ptr, '/', at) : NULL;
        if (slash == NULL)
            return false;
        at = (size_t)(slash - path.ptr);
    }
    size_t len = decoded_len(part);
    *start = at - len;
    return at >= len;
}

static bool has_dot_segment(struct slice path) {
    struct slice segment;
    while (slice_cut(&path, '/', &segment)) {
        if (slice_equal(segment, SLICE(".")) || slice_equal(segment, SLICE("..")))
            return true;
    }
    return false;
}

static bool match_splat(struct slice head, struct slice tail, struct slice path,
                        struct pattern_captures *captures) {
    bool is_last_segment = tail.len == 0 && head.len > 0 && head.ptr[head.len - 1] == '/';
    size_t end;
    if (is_last_segment)
        head.len--;
    if (!take(head, &path, captures))
        return false;
    if (is_last_segment && path.len > 0) {
        if (path.ptr[0] != '/')
            return false;
        path = slice_after(path, 1);
    }
    if (!find_tail(tail, path, &end))
        return false;
    struct slice value = slice_of(path.ptr, end);
    struct slice rest = slice_after(path, end);
    if (!take(tail, &rest, captures) || rest.len > 0 || has_dot_segment(value))
        return false;
    capture(captures, splat_name, value);
    return true;
}

bool pattern_match(const struct pattern *pattern, struct slice path,
                   struct pattern_captures *captures) {
    struct slice text = pattern->text;
    captures->count = 0;
    if (!slice_starts_with(path, slice_of(text.ptr, pattern->plain_len)))
        return false;
    size_t star = slice_find(text, '*');
    if (star < text.len)
        return match_splat(slice_of(text.ptr, star), slice_after(text, star + 1), path, captures);
    return take(text, &path, captures) && path.len == 0;
}
