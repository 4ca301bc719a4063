#include "conf/types.h"

#include "base/ascii.h"
#include "base/check.h"

#include <errno.h>
#include <stdbool.h>

static bool take_char(struct slice *rest, char c) {
    if (rest->len == 0 || rest->ptr[0] != c)
        return false;
    *rest = slice_after(*rest, 1);
    return true;
}

static void take_blanks(struct slice *rest) {
    while (rest->len > 0 && ascii_is_blank(rest->ptr[0]))
        *rest = slice_after(*rest, 1);
}

static bool take_token(struct slice *rest) {
    size_t len = 0;
    while (len < rest->len && ascii_is_token(rest->ptr[len]))
        len++;
    *rest = slice_after(*rest, len);
    return len > 0;
}

/* A quoted-string (RFC 9110 §5.6.4). */
static bool take_quoted(struct slice *rest) {
    if (!take_char(rest, '"'))
        return false;
    while (!take_char(rest, '"')) {
        (void)take_char(rest, '\\');
        if (rest->len == 0 || (ascii_is_control(rest->ptr[0]) && rest->ptr[0] != '\t'))
            return false;
        *rest = slice_after(*rest, 1);
    }
    return true;
}

/* A parameter with its semicolon (RFC 9110 §5.6.6); an empty one, which recipients are to pass
 * over, is not worth sending. */
static bool take_parameter(struct slice *rest) {
    take_blanks(rest);
    if (!take_char(rest, ';'))
        return false;
    take_blanks(rest);
    return take_token(rest) && take_char(rest, '=') && (take_token(rest) || take_quoted(rest));
}

static bool is_media_type(struct slice text) {
    if (!take_token(&text) || !take_char(&text, '/') || !take_token(&text))
        return false;
    while (text.len > 0) {
        if (!take_parameter(&text))
            return false;
    }
    return true;
}

int types_add(struct types *types, const char *text, struct err *err) {
    struct slice rest = slice_of_text(text);
    (void)take_char(&rest, '.');
    struct slice extension = rest;
    bool is_token = take_token(&rest);
    extension.len -= rest.len;
    if (!is_token || !take_char(&rest, '='))
        return err_set(err, EINVAL, "'%s' is not EXT=TYPE (as in log=text/plain)", text);
    if (!is_media_type(rest))
        return err_set(err, EINVAL,
                       "'%s' is no media type (as in text/plain or text/html; charset=utf-8)",
                       rest.ptr);
    if (rest.len > TYPES_LEN_MAX)
        return err_set(err, EINVAL, "'%s' is longer than %d bytes", rest.ptr, TYPES_LEN_MAX);
    CHECK(types->count < TYPES_MAX);
    types->items[types->count].extension = extension;
    types->items[types->count++].type = rest;
    return 0;
}

/* Whether the name ends with a dot and the extension. */
static bool has_extension(struct slice name, struct slice extension) {
    if (name.len <= extension.len)
        return false;
    struct slice end = slice_after(name, name.len - extension.len - 1);
    return end.ptr[0] == '.' && slice_equal_nocase(slice_after(end, 1), extension);
}

struct slice types_of_name(const struct types *types, struct slice name) {
    for (size_t i = types->count; i-- > 0;) {
        if (has_extension(name, types->items[i].extension))
            return types->items[i].type;
    }
    return SLICE_NONE;
}
