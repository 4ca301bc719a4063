#include "http/field.h"

#include "base/ascii.h"

#include <stdint.h>

static const struct {
    struct slice name;
    enum field_kind kind;
} fields[] = {
#define FIELD(name, text, kind) {SLICE_INIT(text), FIELD_##kind},
#include "http/field.def"
#undef FIELD
};

/* What each byte may be part of; a token character may be in a value too. */
enum { VALUE = 1, TOKEN = 2 | VALUE };
static const uint8_t char_classes[256] = {
    ['\t'] = VALUE,         [' '] = VALUE,         ['!'] = TOKEN,         ['"'] = VALUE,
    ['#' ... '\''] = TOKEN, ['(' ... ')'] = VALUE, ['*' ... '+'] = TOKEN, [','] = VALUE,
    ['-' ... '.'] = TOKEN,  ['/'] = VALUE,         ['0' ... '9'] = TOKEN, [':' ... '@'] = VALUE,
    ['A' ... 'Z'] = TOKEN,  ['[' ... ']'] = VALUE, ['^' ... 'z'] = TOKEN, ['{'] = VALUE,
    ['|'] = TOKEN,          ['}'] = VALUE,         ['~'] = TOKEN,         [0x80 ... 0xff] = VALUE,
};

enum field field_of_name(struct slice name) {
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        if (slice_equal_nocase(name, fields[i].name))
            return (enum field)i;
    }
    return FIELD_COUNT;
}

enum field_kind field_kind(enum field field) {
    return fields[field].kind;
}

bool field_is_token_char(char c) {
    return (char_classes[(unsigned char)c] & TOKEN) == TOKEN;
}

bool field_is_value_char(char c) {
    return (char_classes[(unsigned char)c] & VALUE) != 0;
}

/* Offset of the comma that ends the first element, or list.len. */
static size_t element_end(struct slice list) {
    bool quoted = false;
    for (size_t i = 0; i < list.len; i++) {
        char c = list.ptr[i];
        if (quoted && c == '\\')
            i++; /* quoted-pair */
        else if (c == '"')
            quoted = !quoted;
        else if (c == ',' && !quoted)
            return i;
    }
    return list.len;
}

bool field_list_next(struct slice *rest, struct slice *element) {
    while (rest->len > 0) {
        size_t end = element_end(*rest);
        *element = slice_trim(slice_of(rest->ptr, end));
        *rest = slice_after(*rest, end < rest->len ? end + 1 : end);
        if (element->len > 0)
            return true;
    }
    return false;
}
