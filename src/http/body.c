/* Chunked framing is read byte by byte by a state machine, but for the data itself, which is
 * skipped in one step. The grammar is taken at its strictest: what two readers could see two ways
 * (a bare LF, white space behind a size, a size with a sign or too many digits) is refused, since a
 * proxy in front may have seen it the other way. */
#include "http/body.h"

#include "base/ascii.h"
#include "http/field.h"

enum body_state {
    STATE_DONE,
    STATE_CONTENT,    /* content of known length */
    STATE_SIZE,       /* digits of a chunk's size */
    STATE_SIZE_BLANK, /* white space between the size and the ';' of an extension */
    STATE_EXTENSION,  /* behind the ';' */
    STATE_QUOTED,     /* in a quoted string of an extension */
    STATE_QUOTED_PAIR,
    STATE_SIZE_LF, /* the LF of a size line */
    STATE_DATA,    /* a chunk's content */
    STATE_DATA_CR, /* the CRLF behind it */
    STATE_DATA_LF,
    STATE_TRAILER_START, /* a trailer field, or the last CRLF */
    STATE_TRAILER_NAME,
    STATE_TRAILER_VALUE,
    STATE_TRAILER_LF,
    STATE_END_LF, /* the last LF */
    STATE_BAD,
};

/* A size of at most 16 digits can't overflow 64 bits. */
enum { SIZE_DIGITS_MAX = 16 };

void body_start(struct body *body, enum body_framing framing, uint64_t content_length,
                uint64_t max) {
    *body = (struct body){.allowed = max};
    switch (framing) {
    case BODY_NONE:
        body->state = STATE_DONE;
        break;
    case BODY_LENGTH:
        body->state = content_length > 0 ? STATE_CONTENT : STATE_DONE;
        body->remaining = content_length;
        break;
    case BODY_CHUNKED:
        body->state = STATE_SIZE;
        break;
    }
}

static enum body_state after_size_digit(struct body *body, char c) {
    int digit = ascii_hex_value(c);
    if (digit >= 0) {
        if (body->size_digits++ == SIZE_DIGITS_MAX)
            return STATE_BAD;
        body->remaining = body->remaining << 4 | (uint64_t)digit;
        return STATE_SIZE;
    }
    if (body->size_digits == 0)
        return STATE_BAD;
    if (c == '\r')
        return STATE_SIZE_LF;
    if (c == ';')
        return STATE_EXTENSION;
    return ascii_is_blank(c) ? STATE_SIZE_BLANK : STATE_BAD;
}

static enum body_state after_size_line(struct body *body) {
    body->size_digits = 0;
    return body->remaining > 0 ? STATE_DATA : STATE_TRAILER_START;
}

/* Bytes that carry no content are bounded, so that they can't go on forever. */
static bool counts_as_overhead(enum body_state state) {
    switch (state) {
    case STATE_SIZE_BLANK:
    case STATE_EXTENSION:
    case STATE_QUOTED:
    case STATE_QUOTED_PAIR:
    case STATE_TRAILER_NAME:
    case STATE_TRAILER_VALUE:
        return true;
    case STATE_DONE:
    case STATE_CONTENT:
    case STATE_SIZE:
    case STATE_SIZE_LF:
    case STATE_DATA:
    case STATE_DATA_CR:
    case STATE_DATA_LF:
    case STATE_TRAILER_START:
    case STATE_TRAILER_LF:
    case STATE_END_LF:
    case STATE_BAD:
        return false;
    }
    return false;
}

/* The state after one byte of framing. */
static enum body_state step(struct body *body, char c) {
    switch ((enum body_state)body->state) {
    case STATE_SIZE:
        return after_size_digit(body, c);
    case STATE_SIZE_BLANK: /* RFC 9112 §7.1.1: BWS, to be read but never sent */
        return c == ';' ? STATE_EXTENSION : ascii_is_blank(c) ? STATE_SIZE_BLANK : STATE_BAD;
    case STATE_EXTENSION:
        return c == '\r'                ? STATE_SIZE_LF
               : c == '"'               ? STATE_QUOTED
               : field_is_value_char(c) ? STATE_EXTENSION
                                        : STATE_BAD;
    case STATE_QUOTED: /* a line end here is framing to one reader, and text to another */
        return c == '"'                 ? STATE_EXTENSION
               : c == '\\'              ? STATE_QUOTED_PAIR
               : field_is_value_char(c) ? STATE_QUOTED
                                        : STATE_BAD;
    case STATE_QUOTED_PAIR:
        return field_is_value_char(c) ? STATE_QUOTED : STATE_BAD;
    case STATE_SIZE_LF:
        return c == '\n' ? after_size_line(body) : STATE_BAD;
    case STATE_DATA_CR:
        return c == '\r' ? STATE_DATA_LF : STATE_BAD;
    case STATE_DATA_LF:
        return c == '\n' ? STATE_SIZE : STATE_BAD;
    case STATE_TRAILER_START:
        return c == '\r' ? STATE_END_LF : field_is_token_char(c) ? STATE_TRAILER_NAME : STATE_BAD;
    case STATE_TRAILER_NAME:
        return c == ':'                 ? STATE_TRAILER_VALUE
               : field_is_token_char(c) ? STATE_TRAILER_NAME
                                        : STATE_BAD;
    case STATE_TRAILER_VALUE:
        return c == '\r'                ? STATE_TRAILER_LF
               : field_is_value_char(c) ? STATE_TRAILER_VALUE
                                        : STATE_BAD;
    case STATE_TRAILER_LF:
        return c == '\n' ? STATE_TRAILER_START : STATE_BAD;
    case STATE_END_LF:
        return c == '\n' ? STATE_DONE : STATE_BAD;
    case STATE_DONE:
    case STATE_CONTENT:
    case STATE_DATA:
    case STATE_BAD:
        break;
    }
    return STATE_BAD;
}

/* Skips content; returns how many bytes of `available` it takes. */
static size_t skip_content(struct body *body, size_t available) {
    size_t count = available;
    if (body->remaining <= available)
        count = (size_t)body->remaining;
    body->remaining -= count;
    body->allowed -= count;
    if (body->remaining == 0)
        body->state = body->state == STATE_DATA ? STATE_DATA_CR : STATE_DONE;
    return count;
}

enum body_outcome body_consume(struct body *body, struct slice input, size_t *consumed) {
    size_t at = 0;
    for (;;) {
        if (body->state == STATE_DONE)
            break;
        /* Known before the content comes, so refused before it comes. */
        if (body->state == STATE_CONTENT || body->state == STATE_DATA) {
            if (body->remaining > body->allowed)
                return BODY_TOO_LARGE;
        }
        if (at == input.len) {
            *consumed = at;
            return BODY_MORE;
        }
        if (body->state == STATE_CONTENT || body->state == STATE_DATA) {
            at += skip_content(body, input.len - at);
            continue;
        }
        body->state = (uint8_t)step(body, input.ptr[at++]);
        if (body->state == STATE_BAD)
            return BODY_BAD;
        if (counts_as_overhead((enum body_state)body->state) &&
            body->overhead++ == BODY_OVERHEAD_MAX)
            return BODY_BAD;
    }
    *consumed = at;
    return BODY_DONE;
}
