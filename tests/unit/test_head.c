#include "http/head.h"

#include "support/guard.h"
#include "support/row.h"

#define DATE    "Sun, 06 Nov 1994 08:49:37 GMT"
#define START   "HTTP/1.1 200 OK\r\nDate: " DATE "\r\nServer: pronto\r\n"
#define NOSNIFF "X-Content-Type-Options: nosniff\r\n"
#define METADATA                                                      \
    "Accept-Ranges: bytes\r\nETag: \"1-2-3\"\r\nLast-Modified: " DATE \
    "\r\nCache-Control: no-cache\r\n"

static const struct head_policy standard = {.cache_control = SLICE_INIT("no-cache")};

static const struct head_policy silent = {
    .unsaid =
        1u << HEAD_NOSNIFF | 1u << HEAD_ACCEPT_RANGES | 1u << HEAD_ETAG | 1u << HEAD_LAST_MODIFIED,
};

static const struct head_policy further = {
    .cache_control = SLICE_INIT("max-age=7"),
    .lines = SLICE_INIT("A: b\r\nC: d\r\n"),
};

static const struct representation representation = {
    .policy = &standard,
    .content_type = SLICE_INIT("text/plain; charset=utf-8"),
    .etag = SLICE_INIT("\"1-2-3\""),
    .last_modified_s = 784111777,
    .length = 5000000000,
};

static const struct representation coded = {
    .policy = &standard,
    .content_type = SLICE_INIT("text/plain; charset=utf-8"),
    .content_coding = SLICE_INIT("br"),
    .negotiated = true,
    .etag = SLICE_INIT("\"1-2-3-br\""),
    .last_modified_s = 784111777,
    .length = 7,
};

static const struct head_opening opening = {.text = START};

static void start(struct buf *buf) {
    head_start(buf, STATUS_OK, &opening, false, HEAD_CONNECTION_IMPLIED);
}

static void start_and_close(struct buf *buf) {
    head_start(buf, STATUS_BAD_REQUEST, &opening, false, HEAD_CONNECTION_CLOSE);
}

static void start_and_keep_alive(struct buf *buf) {
    head_start(buf, STATUS_NOT_MODIFIED, &opening, false, HEAD_CONNECTION_KEEP_ALIVE);
}

static void field(struct buf *buf) {
    head_field(buf, SLICE("Allow"), SLICE("GET, HEAD"));
}

static void empty_field(struct buf *buf) {
    head_field(buf, SLICE("Allow"), SLICE(""));
}

static void number(struct buf *buf) {
    head_field_number(buf, SLICE("Content-Length"), 0);
}

static void largest_number(struct buf *buf) {
    head_field_number(buf, SLICE("Content-Length"), UINT64_MAX);
}

static void validators(struct buf *buf) {
    head_validators(buf, &representation);
}

static void content(struct buf *buf) {
    head_representation(buf, &representation);
}

static void partial(struct buf *buf) {
    head_partial(buf, &representation, &(struct range){4294967296, 2});
}

static void multipart(struct buf *buf) {
    head_multipart(buf, &representation, SLICE("b0"), 77);
}

static void coded_validators(struct buf *buf) {
    head_validators(buf, &coded);
}

static void coded_content(struct buf *buf) {
    head_representation(buf, &coded);
}

static void coded_partial(struct buf *buf) {
    head_partial(buf, &coded, &(struct range){1, 2});
}

static void coded_multipart(struct buf *buf) {
    head_multipart(buf, &coded, SLICE("b0"), 77);
}

/* The plain one of several. */
static void negotiated_content(struct buf *buf) {
    struct representation plain = representation;
    plain.negotiated = true;
    head_representation(buf, &plain);
}

static void first_byte(struct buf *buf) {
    head_content_range(buf, &(struct range){0, 1}, 1);
}

static void last_byte(struct buf *buf) {
    head_content_range(buf, &(struct range){UINT64_MAX - 1, 1}, UINT64_MAX);
}

static void unsatisfied(struct buf *buf) {
    head_unsatisfied_range(buf, representation.length);
}

static void unsatisfied_empty(struct buf *buf) {
    head_unsatisfied_range(buf, 0);
}

static void page_of(struct buf *buf, const struct head_policy *policy) {
    const struct representation page = {
        .policy = policy, .content_type = SLICE("text/html; charset=utf-8"), .length = 321};
    head_page(buf, &page);
}

static void page(struct buf *buf) {
    page_of(buf, &standard);
}

static void coded_page(struct buf *buf) {
    const struct representation page = {.policy = &standard,
                                        .content_type = SLICE("text/html; charset=utf-8"),
                                        .content_coding = SLICE("br"),
                                        .negotiated = true,
                                        .etag = SLICE("\"1-2-3-br\""),
                                        .length = 7};
    head_page(buf, &page);
}

/* An error may be over the next time, whatever is said of files. */
static void further_page(struct buf *buf) {
    page_of(buf, &further);
}

static void silent_page(struct buf *buf) {
    page_of(buf, &silent);
}

static void shared(struct buf *buf) {
    head_start(buf, STATUS_OK, &opening, true, HEAD_CONNECTION_IMPLIED);
}

static struct representation with(const struct head_policy *policy) {
    struct representation other = representation;
    other.policy = policy;
    return other;
}

static void further_content(struct buf *buf) {
    const struct representation other = with(&further);
    head_representation(buf, &other);
}

static void further_validators(struct buf *buf) {
    const struct representation other = with(&further);
    head_validators(buf, &other);
}

static void silent_content(struct buf *buf) {
    const struct representation other = with(&silent);
    head_representation(buf, &other);
}

static void silent_partial(struct buf *buf) {
    const struct representation other = with(&silent);
    head_partial(buf, &other, &(struct range){4294967296, 2});
}

static void silent_multipart(struct buf *buf) {
    const struct representation other = with(&silent);
    head_multipart(buf, &other, SLICE("b0"), 77);
}

static void whole(struct buf *buf) {
    start(buf);
    content(buf);
    head_end(buf);
}

#define CODED                                                                         \
    "Content-Encoding: br\r\nAccept-Ranges: bytes\r\nVary: Accept-Encoding\r\nETag: " \
    "\"1-2-3-br\"\r\nLast-Modified: " DATE "\r\nCache-Control: no-cache\r\n"

static const struct {
    const char *name;
    void (*write)(struct buf *buf);
    struct slice text;
} rows[] = {
    {"start", start, SLICE_INIT(START)},
    {"rfc9112-9.6 start and close", start_and_close,
     SLICE_INIT("HTTP/1.1 400 Bad Request\r\nDate: " DATE
                "\r\nServer: pronto\r\nConnection: close\r\n")},
    {"start and keep-alive", start_and_keep_alive,
     SLICE_INIT("HTTP/1.1 304 Not Modified\r\nDate: " DATE
                "\r\nServer: pronto\r\nConnection: keep-alive\r\n")},
    {"field", field, SLICE_INIT("Allow: GET, HEAD\r\n")},
    {"field without a value", empty_field, SLICE_INIT("Allow: \r\n")},
    {"zero", number, SLICE_INIT("Content-Length: 0\r\n")},
    {"the largest number", largest_number, SLICE_INIT("Content-Length: 18446744073709551615\r\n")},
    {"rfc9110-15.4.5 validators", validators,
     SLICE_INIT("ETag: \"1-2-3\"\r\nLast-Modified: " DATE "\r\nCache-Control: no-cache\r\n")},
    {"representation", content,
     SLICE_INIT("Content-Type: text/plain; charset=utf-8\r\nContent-Length: 5000000000\r\n" NOSNIFF
                    METADATA)},
    {"rfc9110-15.3.7.1 one range", partial,
     SLICE_INIT("Content-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n" NOSNIFF
                "Content-Range: bytes 4294967296-4294967297/5000000000\r\n" METADATA)},
    {"rfc9110-15.3.7.2 several ranges", multipart,
     SLICE_INIT("Content-Type: multipart/byteranges; boundary=b0\r\nContent-Length: 77\r\n" NOSNIFF
                    METADATA)},
    {"rfc9110-12.5.5 vary", head_vary, SLICE_INIT("Vary: Accept-Encoding\r\n")},
    {"rfc9110-15.4.5 validators of a coding", coded_validators,
     SLICE_INIT("Vary: Accept-Encoding\r\nETag: \"1-2-3-br\"\r\nLast-Modified: " DATE
                "\r\nCache-Control: no-cache\r\n")},
    {"rfc9110-8.4 a coding", coded_content,
     SLICE_INIT("Content-Type: text/plain; charset=utf-8\r\nContent-Length: 7\r\n" NOSNIFF CODED)},
    {"rfc9110-14.1.2 a range of a coding", coded_partial,
     SLICE_INIT("Content-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n" NOSNIFF
                "Content-Range: bytes 1-2/7\r\n" CODED)},
    {"rfc9110-14.1.2 ranges of a coding", coded_multipart,
     SLICE_INIT("Content-Type: multipart/byteranges; boundary=b0\r\nContent-Length: 77\r\n" NOSNIFF
                    CODED)},
    {"rfc9110-12.5.5 the plain one of several", negotiated_content,
     SLICE_INIT("Content-Type: text/plain; charset=utf-8\r\nContent-Length: 5000000000\r\n" NOSNIFF
                "Accept-Ranges: bytes\r\nVary: Accept-Encoding\r\nETag: \"1-2-3\"\r\n"
                "Last-Modified: " DATE "\r\nCache-Control: no-cache\r\n")},
    {"rfc9110-14.4 the first byte", first_byte, SLICE_INIT("Content-Range: bytes 0-0/1\r\n")},
    {"rfc9110-14.4 the last byte", last_byte,
     SLICE_INIT("Content-Range: bytes "
                "18446744073709551614-18446744073709551614/18446744073709551615\r\n")},
    {"rfc9110-14.4 unsatisfied", unsatisfied, SLICE_INIT("Content-Range: bytes */5000000000\r\n")},
    {"rfc9110-14.4 unsatisfied, empty", unsatisfied_empty,
     SLICE_INIT("Content-Range: bytes */0\r\n")},
    {"page", page,
     SLICE_INIT("Content-Type: text/html; charset=utf-8\r\nContent-Length: 321\r\n" NOSNIFF
                "Cache-Control: no-cache\r\n")},
    {"page of a site's own, coded", coded_page,
     SLICE_INIT("Content-Type: text/html; charset=utf-8\r\nContent-Length: 7\r\n" NOSNIFF
                "Content-Encoding: br\r\nVary: Accept-Encoding\r\nCache-Control: no-cache\r\n")},
    {"page with further fields", further_page,
     SLICE_INIT("Content-Type: text/html; charset=utf-8\r\nContent-Length: 321\r\n" NOSNIFF
                "Cache-Control: no-cache\r\nA: b\r\nC: d\r\n")},
    {"page whose type may be guessed", silent_page,
     SLICE_INIT("Content-Type: text/html; charset=utf-8\r\nContent-Length: 321\r\n"
                "Cache-Control: no-cache\r\n")},
    {"other origins", shared,
     SLICE_INIT(START "Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: *\r\n")},
    {"preflight", head_preflight,
     SLICE_INIT("Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n"
                "Access-Control-Allow-Headers: *\r\nAccess-Control-Max-Age: 86400\r\n")},
    {"further fields", further_content,
     SLICE_INIT("Content-Type: text/plain; charset=utf-8\r\nContent-Length: 5000000000\r\n" NOSNIFF
                "Accept-Ranges: bytes\r\nETag: \"1-2-3\"\r\nLast-Modified: " DATE
                "\r\nCache-Control: max-age=7\r\nA: b\r\nC: d\r\n")},
    {"rfc9110-15.4.5 further fields", further_validators,
     SLICE_INIT("ETag: \"1-2-3\"\r\nLast-Modified: " DATE
                "\r\nCache-Control: max-age=7\r\nA: b\r\nC: d\r\n")},
    {"nothing that can be left out", silent_content,
     SLICE_INIT("Content-Type: text/plain; charset=utf-8\r\nContent-Length: 5000000000\r\n")},
    {"nothing that can be left out, one range", silent_partial,
     SLICE_INIT("Content-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n"
                "Content-Range: bytes 4294967296-4294967297/5000000000\r\n")},
    {"nothing that can be left out, several ranges", silent_multipart,
     SLICE_INIT("Content-Type: multipart/byteranges; boundary=b0\r\nContent-Length: 77\r\n")},
    {"end", head_end, SLICE_INIT("\r\n")},
    {"whole", whole,
     SLICE_INIT(START
                "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 5000000000\r\n" NOSNIFF
                    METADATA "\r\n")},
};

/* Into a room of just the right size. */
static void test_bytes(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char *room = guard_room(rows[i].text.len);
        struct buf buf = BUF_INIT(room, rows[i].text.len);
        rows[i].write(&buf);
        row_assert_slice(rows[i].name, buf_slice(&buf), rows[i].text);
        row_assert(rows[i].name, !buf.overflow);
        guard_free(room, rows[i].text.len);
    }
}

static void test_rooms_that_are_too_small(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        for (size_t capacity = 0; capacity < rows[i].text.len; capacity++) {
            char *room = guard_room(capacity);
            struct buf buf = BUF_INIT(room, capacity);
            rows[i].write(&buf);
            row_assert(row_at(rows[i].name, capacity), buf.overflow);
            guard_free(room, capacity);
        }
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_rooms_that_are_too_small),
    };
    return cmocka_run_group_tests_name("head", tests, NULL, NULL);
}
