/* The head of a request: its line and its fields (RFC 9112 §2 to §6). */
#pragma once

#include "base/slice.h"
#include "http/body.h"
#include "http/field.h"
#include "http/method.h"
#include "http/refusal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum request_outcome {
    REQUEST_WHOLE,   /* the head is there and `request` is filled in */
    REQUEST_MORE,    /* so far so good: read more and parse again from the start */
    REQUEST_REFUSED, /* answer `request->refusal` and close; of the rest, what came before the
                        mistake may be known: the method, fields */
};

enum {
    REQUEST_TARGET_MAX = 8192, /* bytes (RFC 9112 §3 recommends at least 8000) */
    REQUEST_FIELDS_MAX = 100,  /* field lines */
    REQUEST_MEMO_MAX = 1024,   /* bytes of fields that a memo has room for */
};

/* All slices point into the input. */
struct request {
    enum method method;
    uint8_t minor_version;     /* 0 or 1; later minor versions are read as 1 (RFC 9110 §2.5) */
    bool keep_alive;           /* the client lets the connection persist (RFC 9112 §9.3) */
    bool expects_continue;     /* waits for a 100 before it sends the content */
    bool expects_unknown;      /* expects something else: 417 */
    enum refusal refusal;      /* REQUEST_REFUSED only */
    enum body_framing framing; /* how the end of the content is found */
    uint64_t content_length;   /* BODY_LENGTH only; bytes */
    struct slice head;         /* from the start of the input to the end of the empty line; where it
                                  is not whole, all of the input */
    struct slice target;       /* as it was sent */
    struct slice fields[FIELD_COUNT]; /* the value of the first line of each; ptr NULL: absent */
    uint32_t present;                 /* bit 1 << field: there is a line of it */
    uint32_t repeated;                /* the same: there are more */
    uint64_t wording; /* requests that have the same number have the same version and the same
                         fields, word for word; 0: nothing is known of that */
};

/* Parses the head at the start of `input`, of which at most `max_head` bytes are read as a head.
 * Nothing is copied; the request borrows from `input`. It keeps nothing between calls, and what it
 * says about some bytes it says about them however they were split: if it returns other than
 * REQUEST_MORE for an input, it returns the same for every longer one. */
enum request_outcome request_parse(struct slice input, size_t max_head, struct request *request);

/* What the fields of one head say. Most clients send the same ones with one request after another,
 * so that they need not be read again. All zero: nothing is remembered. */
struct request_memo {
    uint64_t wordings;      /* that have been remembered so far */
    size_t len;             /* of `text`; 0: nothing is remembered */
    struct request request; /* what `text` says behind a line of this version, and nothing else;
                               values of fields that are present point into `text` */
    char text[REQUEST_MEMO_MAX]; /* from behind a request line to the end of the empty line */
};

/* The same as request_parse(), but sooner where the fields are those that the memo has of an
 * earlier call. One that is remembered, or was, has a number for its wording, among all that were
 * parsed with the same memo. The memo must stay where it is between calls. */
enum request_outcome request_parse_with(struct request_memo *memo, struct slice input,
                                        size_t max_head, struct request *request);

/* Whether there is content behind the head, were it only the end of a chunked one. */
static inline bool request_has_content(const struct request *request) {
    return request->framing == BODY_CHUNKED || request->content_length > 0;
}

/* Whether there are more lines of the field than the first. */
static inline bool request_is_repeated(const struct request *request, enum field field) {
    return (request->repeated & 1u << field) != 0;
}

/* The value of the next line of the field after the one whose value `*value` is; false: none. */
bool request_find_next_line(const struct request *request, enum field field, struct slice *value);

/* Walks all lines of a LIST field: start with `*value` = SLICE_NONE; false at the end. */
static inline bool request_field_next(const struct request *request, enum field field,
                                      struct slice *value) {
    if (value->ptr == NULL) {
        *value = request->fields[field];
        return value->ptr != NULL;
    }
    return request_is_repeated(request, field) && request_find_next_line(request, field, value);
}

/* The value of a HINT field: SLICE_NONE where it is absent, or there more than once. */
static inline struct slice request_hint(const struct request *request, enum field field) {
    return request_is_repeated(request, field) ? SLICE_NONE : request->fields[field];
}
