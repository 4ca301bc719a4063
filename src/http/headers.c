#include "http/headers.h"

#include "base/ascii.h"
#include "http/field.h"
#include "http/head.h"
#include "http/uri.h"

/* Reading */

/* Names that have no place in a file, and why. */
static const struct {
    struct slice name;
    enum rules_mistake mistake;
} reserved[] = {
    /* They frame the message, or are about the connection. */
    {SLICE_INIT("Connection"), RULES_FRAMING},
    {SLICE_INIT("Content-Encoding"), RULES_FRAMING},
    {SLICE_INIT("Content-Length"), RULES_FRAMING},
    {SLICE_INIT("Content-Range"), RULES_FRAMING},
    {SLICE_INIT("Date"), RULES_FRAMING},
    {SLICE_INIT("Keep-Alive"), RULES_FRAMING},
    {SLICE_INIT("Server"), RULES_FRAMING},
    {SLICE_INIT("TE"), RULES_FRAMING},
    {SLICE_INIT("Trailer"), RULES_FRAMING},
    {SLICE_INIT("Transfer-Encoding"), RULES_FRAMING},
    {SLICE_INIT("Upgrade"), RULES_FRAMING},
    /* Conditional requests and ranges are answered by what the file is, not by what is said of it.
     */
    {SLICE_INIT("Accept-Ranges"), RULES_VALIDATOR},
    {SLICE_INIT("ETag"), RULES_VALIDATOR},
    {SLICE_INIT("Last-Modified"), RULES_VALIDATOR},
    {SLICE_INIT("Location"), RULES_LOCATION},
    /* Netlify asks for a password then. */
    {SLICE_INIT("Basic-Auth"), RULES_PASSWORD},
};

static bool is_token(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        if (!field_is_token_char(text.ptr[i]))
            return false;
    }
    return text.len > 0;
}

static enum rules_mistake judge_name(struct slice name, bool removed) {
    if (!is_token(name))
        return RULES_BAD_NAME;
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (slice_equal_nocase(name, reserved[i].name))
            return removed && reserved[i].mistake == RULES_VALIDATOR ? RULES_OK
                                                                     : reserved[i].mistake;
    }
    return RULES_OK;
}

/* Reads "Name: value" or "! Name"; `part` is set to what a mistake is about. Of control characters
 * there is only HTAB in a line. */
static enum rules_mistake parse_field(struct slice line, struct headers_field *field,
                                      struct slice *part) {
    bool removed = line.ptr[0] == '!';
    struct slice rest = line;
    *part = line;
    if (removed) {
        field->name = slice_trim(slice_after(line, 1));
        field->value = SLICE_NONE;
    } else {
        (void)slice_cut(&rest, ':', &field->name);
        if (rest.ptr == NULL)
            return RULES_NO_COLON;
        field->value = slice_trim(rest);
    }
    *part = field->name;
    enum rules_mistake mistake = judge_name(field->name, removed);
    if (mistake == RULES_OK && !removed && field->value.len == 0)
        return RULES_NO_VALUE;
    return mistake;
}

static enum rules_mistake add_field(struct headers *headers, struct slice line, unsigned number,
                                    struct slice *part) {
    struct headers_field field = {.line = number};
    if (headers->rules_count == 0) {
        *part = line;
        return RULES_NO_PATH;
    }
    enum rules_mistake mistake = parse_field(line, &field, part);
    if (mistake != RULES_OK)
        return mistake;
    if (headers->fields_count == RULES_FIELDS_MAX)
        return RULES_FIELDS;
    headers->fields[headers->fields_count++] = field;
    headers->rules[headers->rules_count - 1].count++;
    return RULES_OK;
}

/* A rule whose path is wrong is added, too, so that its fields are not said to be without one. */
static enum rules_mistake add_rule(struct headers *headers, struct slice line, unsigned number,
                                   struct slice *part) {
    struct headers_rule rule = {.first = headers->fields_count, .line = number};
    *part = line;
    if (headers->rules_count == RULES_HEADERS_MAX)
        return RULES_MANY_HEADERS;
    enum rules_mistake mistake = pattern_parse(line, &rule.path);
    headers->rules[headers->rules_count++] = rule;
    return mistake == RULES_NO_SLASH ? RULES_MARGIN : mistake;
}

bool headers_parse(struct slice text, struct headers *headers, struct rules_faults *faults) {
    const size_t faults_before = faults->count;
    struct rules_reader reader;
    struct slice line;
    headers->rules_count = 0;
    headers->fields_count = 0;
    rules_start(&reader, text, faults);
    while (rules_next(&reader, &line)) {
        struct slice part = SLICE_NONE;
        enum rules_mistake mistake = ascii_is_blank(line.ptr[0])
                                         ? add_field(headers, slice_trim(line), reader.line, &part)
                                         : add_rule(headers, line, reader.line, &part);
        if (mistake != RULES_OK)
            rules_fault_add(faults, reader.line, mistake, part);
        if (mistake == RULES_MANY_HEADERS || mistake == RULES_FIELDS)
            break; /* once is enough */
    }
    if (faults->count == faults_before)
        return true;
    headers->rules_count = 0;
    headers->fields_count = 0;
    return false;
}

/* Applying */

/* What stays of a capture: nothing that has a meaning in a field (RFC 9110 §5.6.2, delimiters), but
 * slashes. */
static bool is_value_char(char c) {
    return uri_is_unreserved_char(c) || c == '/';
}

/* The value with what was captured; a colon and a word that is no placeholder stay, as in
 * "https://host:port". */
static struct slice expand(struct slice value, const struct pattern_captures *captures,
                           struct buf *buf) {
    const size_t start = buf->len;
    struct slice literal;
    struct slice name;
    while (pattern_template_next(&value, &literal, &name)) {
        struct slice captured;
        buf_put(buf, literal);
        if (name.ptr == NULL)
            continue;
        if (pattern_value(captures, name, &captured))
            uri_write_encoded(buf, captured, is_value_char);
        else
            buf_put(buf, slice_of(name.ptr - 1, name.len + 1));
    }
    /* SLICE_NONE would be a removal. */
    return buf->len > start ? slice_of(buf->ptr + start, buf->len - start) : SLICE("");
}

/* A removal undoes what rules before it set, and setting undoes a removal. */
static void undo(struct headers_changes *changes, const struct headers_change *change) {
    for (size_t i = 0; i < changes->count; i++) {
        struct headers_change *earlier = &changes->items[i];
        if ((earlier->value.ptr == NULL) != (change->value.ptr == NULL) &&
            slice_equal_nocase(earlier->field->name, change->field->name))
            earlier->state = HEADERS_UNDONE;
    }
}

static bool apply_rule(const struct headers *headers, const struct headers_rule *rule,
                       const struct pattern_captures *captures, struct headers_changes *changes) {
    for (size_t i = 0; i < rule->count; i++) {
        const struct headers_field *field = &headers->fields[rule->first + i];
        struct headers_change change = {.rule = rule, .field = field, .value = field->value};
        if (captures->count > 0 && slice_find(field->value, ':') < field->value.len)
            change.value = expand(field->value, captures, &changes->values);
        if (changes->count == changes->capacity || changes->values.overflow)
            return false;
        undo(changes, &change);
        changes->items[changes->count++] = change;
    }
    return true;
}

bool headers_apply(const struct headers *headers, struct slice path,
                   struct headers_changes *changes) {
    changes->count = 0;
    changes->values.len = 0;
    changes->values.overflow = false;
    for (size_t i = 0; i < headers->rules_count; i++) {
        struct pattern_captures captures;
        if (pattern_match(&headers->rules[i].path, path, &captures) &&
            !apply_rule(headers, &headers->rules[i], &captures, changes))
            return false;
    }
    return true;
}

enum headers_verdict headers_take(struct headers_changes *changes, struct slice name,
                                  struct buf *value) {
    enum headers_verdict verdict = HEADERS_UNTOUCHED;
    for (size_t i = 0; i < changes->count; i++) {
        struct headers_change *change = &changes->items[i];
        if (change->state != HEADERS_STANDS || !slice_equal_nocase(change->field->name, name))
            continue;
        change->state = HEADERS_TAKEN;
        if (change->value.ptr == NULL) {
            verdict = HEADERS_REMOVED;
            continue;
        }
        if (verdict == HEADERS_REPLACED)
            buf_put(value, SLICE(", "));
        buf_put(value, change->value);
        verdict = HEADERS_REPLACED;
    }
    return verdict;
}

enum headers_verdict headers_judge(const struct headers_changes *changes, struct slice name) {
    enum headers_verdict verdict = HEADERS_UNTOUCHED;
    for (size_t i = 0; i < changes->count; i++) {
        const struct headers_change *change = &changes->items[i];
        if (change->state != HEADERS_STANDS || !slice_equal_nocase(change->field->name, name))
            continue;
        verdict = change->value.ptr != NULL ? HEADERS_REPLACED : HEADERS_REMOVED;
    }
    return verdict;
}

void headers_write(struct headers_changes *changes, struct buf *buf) {
    for (size_t i = 0; i < changes->count; i++) {
        struct headers_change *change = &changes->items[i];
        struct slice name = change->field->name;
        if (change->state != HEADERS_STANDS || change->value.ptr == NULL)
            continue;
        /* RFC 9110 §5.3: a cookie may hold commas, so its lines cannot be joined. */
        if (slice_equal_nocase(name, SLICE("Set-Cookie"))) {
            head_field(buf, name, change->value);
            change->state = HEADERS_TAKEN;
            continue;
        }
        buf_put(buf, name);
        buf_put(buf, SLICE(": "));
        (void)headers_take(changes, name, buf);
        buf_put(buf, SLICE("\r\n"));
    }
}
