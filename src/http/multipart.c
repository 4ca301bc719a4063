#include "http/multipart.h"

#include "base/check.h"
#include "http/head.h"

/* A part's head: boundary, media type and three numbers, with room to spare. */
enum { PART_HEAD_MAX = 512 };

void multipart_write_part(struct buf *buf, struct slice boundary,
                          const struct representation *representation,
                          const struct range_set *ranges, size_t index) {
    buf_put(buf, index > 0 ? SLICE("\r\n--") : SLICE("--"));
    buf_put(buf, boundary);
    buf_put(buf, SLICE("\r\n"));
    head_field(buf, SLICE("Content-Type"), representation->content_type);
    head_content_range(buf, &ranges->items[index], representation->length);
    head_end(buf);
}

void multipart_write_end(struct buf *buf, struct slice boundary) {
    buf_put(buf, SLICE("\r\n--"));
    buf_put(buf, boundary);
    buf_put(buf, SLICE("--\r\n"));
}

/* Found by writing it all, so that it can't differ from what is sent. */
uint64_t multipart_length(const struct representation *representation,
                          const struct range_set *ranges) {
    static const char any_boundary[MULTIPART_BOUNDARY_LEN] = {0};
    const struct slice boundary = slice_of(any_boundary, sizeof any_boundary);
    char memory[PART_HEAD_MAX];
    struct buf buf = BUF_INIT(memory, sizeof memory);
    uint64_t sum = 0;
    for (size_t i = 0; i < ranges->count; i++) {
        multipart_write_part(&buf, boundary, representation, ranges, i);
        sum += buf.len + ranges->items[i].len;
        buf.len = 0;
    }
    multipart_write_end(&buf, boundary);
    CHECK(!buf.overflow);
    return sum + buf.len;
}
