#include "http/multipart.h"

#include "http/head.h"

void multipart_write_part(struct buf *buf, const struct multipart *multipart, size_t index) {
    buf_put(buf, index > 0 ? SLICE("\r\n--") : SLICE("--"));
    buf_put(buf, multipart->boundary);
    buf_put(buf, SLICE("\r\n"));
    head_field(buf, SLICE("Content-Type"), multipart->representation->content_type);
    head_content_range(buf, &multipart->ranges->items[index], multipart->representation->length);
    head_end(buf);
}

void multipart_write_end(struct buf *buf, const struct multipart *multipart) {
    buf_put(buf, SLICE("\r\n--"));
    buf_put(buf, multipart->boundary);
    buf_put(buf, SLICE("--\r\n"));
}

uint64_t multipart_length(const struct multipart *multipart) {
    char memory[MULTIPART_PART_MAX];
    struct buf buf = BUF_INIT(memory, sizeof memory);
    uint64_t sum = 0;
    for (size_t i = 0; i < multipart->ranges->count; i++) {
        multipart_write_part(&buf, multipart, i);
        sum += buf.len + multipart->ranges->items[i].len;
        buf.len = 0;
    }
    multipart_write_end(&buf, multipart);
    return sum + buf.len;
}
