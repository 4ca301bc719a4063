/* Field lines of a request (RFC 9112 §5, RFC 9110 §5). */
#pragma once

#include "base/slice.h"

enum field {
#define FIELD(name, text, kind) FIELD_##name,
#include "http/field.def"
#undef FIELD
    FIELD_COUNT,
};

enum field_kind { FIELD_SINGLE, FIELD_LIST, FIELD_HINT };

/* The field of that name, whatever its case, or FIELD_COUNT for one that pronto does not read. */
enum field field_of_name(struct slice name);

enum field_kind field_kind(enum field field);

/* Whether `c` may be part of a token, such as a field name or a method (RFC 9110 §5.6.2): what
 * ascii_is_token() says, from a table, as heads are read with it. */
bool field_is_token_char(char c);

/* Whether `c` may be part of a field value: HTAB, SP, VCHAR and obs-text (RFC 9110 §5.5). */
bool field_is_value_char(char c);

/* Takes the next element off a comma-separated list (RFC 9110 §5.6.1), without the white space
 * around it; empty elements are passed over. A comma within a quoted string is no separator.
 * Returns false at the end. */
bool field_list_next(struct slice *rest, struct slice *element);
