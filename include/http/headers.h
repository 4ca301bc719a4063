/* The rules of a file `_headers`: fields that answers to some paths carry, and fields that they do
 * not. docs/rules.md is the reference. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"
#include "http/pattern.h"
#include "http/rules.h"

#include <stdbool.h>
#include <stddef.h>

struct headers_field {
    struct slice name;
    struct slice value; /* as written; SLICE_NONE: the field is removed */
    unsigned line;      /* in the file, from 1 */
};

struct headers_rule {
    struct pattern path;
    size_t first; /* of its fields, which stand one behind the other */
    size_t count;
    unsigned line;
};

/* All text is borrowed from what headers_parse() was given. */
struct headers {
    struct headers_rule *rules; /* the caller's, RULES_HEADERS_MAX of them */
    size_t rules_count;
    struct headers_field *fields; /* the caller's, RULES_FIELDS_MAX of them */
    size_t fields_count;
};

#define HEADERS_INIT(rules_memory, fields_memory) \
    { .rules = (rules_memory), .fields = (fields_memory) }

enum headers_state {
    HEADERS_STANDS,
    HEADERS_UNDONE, /* by a later rule: set, and then removed, or the other way round */
    HEADERS_TAKEN,
};

/* A field of a rule that matched. */
struct headers_change {
    const struct headers_rule *rule;
    const struct headers_field *field;
    struct slice value; /* with what the path's placeholders stand for; SLICE_NONE: removed */
    enum headers_state state;
};

/* All that the rules say of one path, in the order of the file. */
struct headers_changes {
    struct headers_change *items; /* the caller's */
    size_t capacity;
    size_t count;
    struct buf values; /* the caller's room for values with placeholders */
};

/* What becomes of a field that the server itself would send. */
enum headers_verdict {
    HEADERS_UNTOUCHED,
    HEADERS_REMOVED,
    HEADERS_REPLACED,
};

/* Reads a file. True where nothing is wrong in it; else there are faults, and no rules. */
bool headers_parse(struct slice text, struct headers *headers, struct rules_faults *faults);

/* Sets `changes` to what the rules say of `path`, decoded and normalised as in struct target; it
 * borrows from the rules, and from `changes->values`. Returns false where the caller's room is too
 * small; as many items as headers->fields_count are enough. */
bool headers_apply(const struct headers *headers, struct slice path,
                   struct headers_changes *changes);

/* What becomes of the server's own field `name`. For HEADERS_REPLACED, the value is written to
 * `value`: what several rules say, joined with ", " (RFC 9110 §5.3). headers_write() passes over
 * what was taken. */
enum headers_verdict headers_take(struct headers_changes *changes, struct slice name,
                                  struct buf *value);

/* The same without taking it. */
enum headers_verdict headers_judge(const struct headers_changes *changes, struct slice name);

/* Writes the fields that were not taken, as field lines: one for each name, but one for each value
 * of Set-Cookie. Values are what a field may hold, without control characters but HTAB. */
void headers_write(struct headers_changes *changes, struct buf *buf);
