/* Writes the heads of responses (RFC 9112 §4, RFC 9110 §8). Nothing is decided here. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"
#include "http/date.h"
#include "http/range.h"
#include "http/representation.h"
#include "http/status.h"

#include <stdbool.h>
#include <stdint.h>

/* What the head says about the connection (RFC 9112 §9.6). */
enum head_connection {
    HEAD_CONNECTION_IMPLIED, /* nothing: the client's version says it */
    HEAD_CONNECTION_CLOSE,
    HEAD_CONNECTION_KEEP_ALIVE, /* to a 1.0 client that asked for it */
};

/* How most heads begin for a second, in one piece to copy: the line of a 200, Date (RFC 9110
 * §6.6.1), which is always of the same length, and Server; and, where it is the last answer, that
 * the connection is closed. */
#define HEAD_OPENING_FRAME "HTTP/1.1 200 OK\r\nDate: \r\nServer: pronto\r\n"
#define HEAD_CLOSE         "Connection: close\r\n"
enum {
    HEAD_OPENING_LEN = sizeof HEAD_OPENING_FRAME - 1 + DATE_LEN,
    HEAD_OPENING_MAX = HEAD_OPENING_LEN + sizeof HEAD_CLOSE - 1,
};

struct head_opening {
    int64_t time_s; /* what Date says, in seconds since the epoch */
    char text[HEAD_OPENING_MAX];
};

void head_open(struct head_opening *opening, int64_t time_s);

/* The opening's; `closes`: with what is said where the connection is closed. */
static inline struct slice head_opening_text(const struct head_opening *opening, bool closes) {
    return slice_of(opening->text, closes ? HEAD_OPENING_MAX : HEAD_OPENING_LEN);
}

/* Starts a head: status line, the fields of the opening; with `cors`, that scripts of any origin
 * may read all of the response (Fetch standard, "CORS protocol"); and Connection. */
void head_start(struct buf *buf, enum status status, const struct head_opening *opening, bool cors,
                enum head_connection connection);

/* The fields of the answer to a preflight (the same). */
void head_preflight(struct buf *buf);

void head_field(struct buf *buf, struct slice name, struct slice value);
void head_field_number(struct buf *buf, struct slice name, uint64_t value);

/* The fields that a 304 repeats from the 200 (RFC 9110 §15.4.5). */
void head_validators(struct buf *buf, const struct representation *representation);

/* The fields of a 200: content, and behind it what head_validators() writes. */
void head_representation(struct buf *buf, const struct representation *representation);

/* The fields of a 206 with one range, and with several (RFC 9110 §15.3.7). */
void head_partial(struct buf *buf, const struct representation *representation,
                  const struct range *range);
void head_multipart(struct buf *buf, const struct representation *representation,
                    struct slice boundary, uint64_t length);

/* That Accept-Encoding has a say in the answer (RFC 9110 §12.5.5). */
void head_vary(struct buf *buf);

/* Content-Range of a part, and of a 416 (RFC 9110 §14.4). */
void head_content_range(struct buf *buf, const struct range *range, uint64_t complete_length);
void head_unsatisfied_range(struct buf *buf, uint64_t complete_length);

/* The fields of an error's page, which has neither validators nor ranges, whatever it is made of.
 * Of a policy, it has the further lines. */
void head_page(struct buf *buf, const struct representation *page);

/* The empty line. */
void head_end(struct buf *buf);
