#include "http/head.h"

#include "base/check.h"
#include "base/placement.h"
#include "http/method.h"

COLD void head_field(struct buf *buf, struct slice name, struct slice value) {
    buf_put(buf, name);
    buf_put(buf, SLICE(": "));
    buf_put(buf, value);
    buf_put(buf, SLICE("\r\n"));
}

void head_field_number(struct buf *buf, struct slice name, uint64_t value) {
    buf_put(buf, name);
    buf_put(buf, SLICE(": "));
    buf_put_number(buf, value);
    buf_put(buf, SLICE("\r\n"));
}

APART void head_open(struct head_opening *opening, int64_t time_s) {
    struct buf buf = BUF_INIT(opening->text, sizeof opening->text);
    char date[DATE_LEN];
    date_format(time_s, date);
    buf_put(&buf, status_line(STATUS_OK));
    head_field(&buf, SLICE("Date"), slice_of(date, sizeof date));
    head_field(&buf, SLICE("Server"), SLICE("pronto"));
    buf_put(&buf, SLICE(HEAD_CLOSE));
    CHECK(!buf.overflow && buf.len == HEAD_OPENING_MAX);
    opening->time_s = time_s;
}

/* There are no credentials to be had here, so any origin may send what it likes. */
COLD void head_preflight(struct buf *buf) {
    buf_put(buf, SLICE("Access-Control-Allow-Methods: "));
    buf_put(buf, method_allow());
    buf_put(buf, SLICE("\r\n"
                       "Access-Control-Allow-Headers: *\r\n"
                       "Access-Control-Max-Age: 86400\r\n"));
}

void head_start(struct buf *buf, enum status status, const struct head_opening *opening, bool cors,
                enum head_connection connection) {
    struct slice rest = head_opening_text(opening, false);
    if (status != STATUS_OK) {
        buf_put(buf, status_line(status));
        rest = slice_after(rest, status_line(STATUS_OK).len);
    }
    buf_put(buf, rest);
    if (cors)
        buf_put(buf, SLICE("Access-Control-Allow-Origin: *\r\n"
                           "Access-Control-Expose-Headers: *\r\n"));
    switch (connection) {
    case HEAD_CONNECTION_IMPLIED:
        break;
    case HEAD_CONNECTION_CLOSE:
        buf_put(buf, SLICE(HEAD_CLOSE));
        break;
    case HEAD_CONNECTION_KEEP_ALIVE:
        buf_put(buf, SLICE("Connection: keep-alive\r\n"));
        break;
    }
}

COLD void head_vary(struct buf *buf) {
    buf_put(buf, SLICE("Vary: Accept-Encoding\r\n"));
}

static bool says(const struct head_policy *policy, enum head_unsaid field) {
    return (policy->unsaid & 1u << field) == 0;
}

void head_validators(struct buf *buf, const struct representation *representation) {
    const struct head_policy *policy = representation->policy;
    if (representation->negotiated)
        head_vary(buf);
    if (representation->etag.ptr != NULL && says(policy, HEAD_ETAG))
        head_field(buf, SLICE("ETag"), representation->etag);
    if (representation_is_dated(representation) && says(policy, HEAD_LAST_MODIFIED)) {
        char date[DATE_LEN];
        date_format(representation->last_modified_s, date);
        head_field(buf, SLICE("Last-Modified"), slice_of(date, sizeof date));
    }
    if (policy->cache_control.ptr != NULL)
        head_field(buf, SLICE("Cache-Control"), policy->cache_control);
    buf_put(buf, policy->lines);
}

/* The type is what Content-Type says; browsers are not to guess another one. */
static void put_nosniff(struct buf *buf, const struct head_policy *policy) {
    if (says(policy, HEAD_NOSNIFF))
        buf_put(buf, SLICE("X-Content-Type-Options: nosniff\r\n"));
}

static void put_content(struct buf *buf, const struct representation *representation,
                        uint64_t length) {
    head_field(buf, SLICE("Content-Type"), representation->content_type);
    if (length != REPRESENTATION_LENGTH_UNKNOWN)
        head_field_number(buf, SLICE("Content-Length"), length);
    put_nosniff(buf, representation->policy);
}

static void put_coding(struct buf *buf, const struct representation *representation) {
    if (representation->content_coding.ptr != NULL)
        head_field(buf, SLICE("Content-Encoding"), representation->content_coding);
}

/* What the bytes are of, whatever part of them is sent. */
static void put_metadata(struct buf *buf, const struct representation *representation) {
    put_coding(buf, representation);
    if (representation->length != REPRESENTATION_LENGTH_UNKNOWN &&
        says(representation->policy, HEAD_ACCEPT_RANGES))
        buf_put(buf, SLICE("Accept-Ranges: bytes\r\n"));
    head_validators(buf, representation);
}

void head_representation(struct buf *buf, const struct representation *representation) {
    put_content(buf, representation, representation->length);
    put_metadata(buf, representation);
}

void head_partial(struct buf *buf, const struct representation *representation,
                  const struct range *range) {
    put_content(buf, representation, range->len);
    head_content_range(buf, range, representation->length);
    put_metadata(buf, representation);
}

void head_multipart(struct buf *buf, const struct representation *representation,
                    struct slice boundary, uint64_t length) {
    buf_put(buf, SLICE("Content-Type: multipart/byteranges; boundary="));
    buf_put(buf, boundary);
    buf_put(buf, SLICE("\r\n"));
    head_field_number(buf, SLICE("Content-Length"), length);
    put_nosniff(buf, representation->policy);
    put_metadata(buf, representation);
}

void head_content_range(struct buf *buf, const struct range *range, uint64_t complete_length) {
    buf_put(buf, SLICE("Content-Range: bytes "));
    buf_put_number(buf, range->first);
    buf_put_char(buf, '-');
    buf_put_number(buf, range->first + range->len - 1);
    buf_put_char(buf, '/');
    buf_put_number(buf, complete_length);
    buf_put(buf, SLICE("\r\n"));
}

COLD void head_unsatisfied_range(struct buf *buf, uint64_t complete_length) {
    buf_put(buf, SLICE("Content-Range: bytes */"));
    buf_put_number(buf, complete_length);
    buf_put(buf, SLICE("\r\n"));
}

/* Whatever is said of files, an error may be over the next time (RFC 9111 §5.2.2.4). */
void head_page(struct buf *buf, const struct representation *page) {
    put_content(buf, page, page->length);
    put_coding(buf, page);
    if (page->negotiated)
        head_vary(buf);
    buf_put(buf, SLICE("Cache-Control: no-cache\r\n"));
    buf_put(buf, page->policy->lines);
}

void head_end(struct buf *buf) {
    buf_put(buf, SLICE("\r\n"));
}
