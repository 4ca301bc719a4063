/* Writes the heads of responses (RFC 9112 §4, RFC 9110 §8). Nothing is decided here. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"
#include "http/date.h"
#include "http/range.h"
#include "http/representation.h"
#include "http/status.h"

#include <stdint.h>

/* What the head says about the connection (RFC 9112 §9.6). */
enum head_connection {
    HEAD_CONNECTION_IMPLIED, /* nothing: the client's version says it */
    HEAD_CONNECTION_CLOSE,
    HEAD_CONNECTION_KEEP_ALIVE, /* to a 1.0 client that asked for it */
};

/* A Date field, always of the same length (RFC 9110 §6.6.1). */
enum { HEAD_DATE_LEN = 6 + DATE_LEN + 2 };
void head_date(struct buf *buf, int64_t time_s);

/* Starts a head: status line, Date, what `common` has, and Connection. `date_line` is what
 * head_date() wrote, `common` what head_common() did. */
void head_start(struct buf *buf, enum status status, struct slice date_line, struct slice common,
                enum head_connection connection);

/* The fields that are in every head, whatever it is of: Server; and with `cors`, that scripts of
 * any origin may read all of the response (Fetch standard, "CORS protocol"). */
struct slice head_common(bool cors);

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
