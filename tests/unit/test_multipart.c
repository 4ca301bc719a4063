#include "http/multipart.h"

#include "support/guard.h"
#include "support/row.h"

#include <stdio.h>

#define BOUNDARY "0123456789abcdef0123456789abcdef"

static const struct representation representation = {
    .content_type = SLICE_INIT("text/plain; charset=utf-8"),
    .etag = SLICE_INIT("\"a\""),
    .length = 8000,
};

static void first_part(struct buf *buf) {
    const struct range_set ranges = {.items = {{500, 500}, {7000, 1000}}, .count = 2};
    multipart_write_part(buf, SLICE(BOUNDARY), &representation, &ranges, 0);
}

static void second_part(struct buf *buf) {
    const struct range_set ranges = {.items = {{500, 500}, {7000, 1000}}, .count = 2};
    multipart_write_part(buf, SLICE(BOUNDARY), &representation, &ranges, 1);
}

static void largest_part(struct buf *buf) {
    struct representation largest = representation;
    const struct range_set ranges = {.items = {{UINT64_MAX - 1, 1}}, .count = 1};
    largest.length = UINT64_MAX;
    multipart_write_part(buf, SLICE(BOUNDARY), &largest, &ranges, 0);
}

static void end(struct buf *buf) {
    multipart_write_end(buf, SLICE(BOUNDARY));
}

static const struct {
    const char *name;
    void (*write)(struct buf *buf);
    struct slice text;
} rows[] = {
    {"rfc9110-14.6 first part", first_part,
     SLICE_INIT("--" BOUNDARY "\r\nContent-Type: text/plain; charset=utf-8\r\n"
                "Content-Range: bytes 500-999/8000\r\n\r\n")},
    {"rfc9110-14.6 second part", second_part,
     SLICE_INIT("\r\n--" BOUNDARY "\r\nContent-Type: text/plain; charset=utf-8\r\n"
                "Content-Range: bytes 7000-7999/8000\r\n\r\n")},
    {"the largest numbers", largest_part,
     SLICE_INIT("--" BOUNDARY "\r\nContent-Type: text/plain; charset=utf-8\r\n"
                "Content-Range: bytes 18446744073709551614-18446744073709551614/"
                "18446744073709551615\r\n\r\n")},
    {"rfc2046-5.1.1 end", end, SLICE_INIT("\r\n--" BOUNDARY "--\r\n")},
};

/* Into a room of just the right size, and into those that are smaller. */
static void test_bytes(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        for (size_t capacity = 0; capacity <= rows[i].text.len; capacity++) {
            char *room = guard_room(capacity);
            struct buf buf = BUF_INIT(room, capacity);
            rows[i].write(&buf);
            row_assert_number(row_at(rows[i].name, capacity), buf.overflow,
                              capacity < rows[i].text.len);
            if (!buf.overflow)
                row_assert_slice(rows[i].name, buf_slice(&buf), rows[i].text);
            guard_free(room, capacity);
        }
    }
}

/* The length of what is written for these ranges, with their content. */
static uint64_t written(const struct representation *of, const struct range_set *ranges) {
    static char memory[RANGE_MAX * 1024];
    struct buf buf = BUF_INIT(memory, sizeof memory);
    uint64_t content = 0;
    for (size_t i = 0; i < ranges->count; i++) {
        multipart_write_part(&buf, SLICE(BOUNDARY), of, ranges, i);
        content += ranges->items[i].len;
    }
    multipart_write_end(&buf, SLICE(BOUNDARY));
    assert_false(buf.overflow);
    return buf.len + content;
}

/* The example of RFC 9110 §15.3.7.2, with the bytes counted by hand. */
static void test_rfc9110_15_3_7_2_length(void **state) {
    (void)state;
    struct representation pdf = {.content_type = SLICE_INIT("application/pdf"), .length = 8000};
    const struct range_set ranges = {.items = {{500, 500}, {7000, 1000}}, .count = 2};
    const char first[] = "--" BOUNDARY "\r\nContent-Type: application/pdf\r\n"
                         "Content-Range: bytes 500-999/8000\r\n\r\n";
    const char second[] = "\r\n--" BOUNDARY "\r\nContent-Type: application/pdf\r\n"
                          "Content-Range: bytes 7000-7999/8000\r\n\r\n";
    const char last[] = "\r\n--" BOUNDARY "--\r\n";
    assert_int_equal(multipart_length(&pdf, &ranges),
                     strlen(first) + 500 + strlen(second) + 1000 + strlen(last));
}

/* Numbers of every count of digits. */
static void test_length_is_what_is_written(void **state) {
    (void)state;
    struct representation of = representation;
    for (of.length = 100; of.length < INT64_MAX / 10; of.length *= 10) {
        for (uint64_t first = 1; first < of.length / 4; first *= 7) {
            struct range_set ranges = {.count = 0};
            while (ranges.count < RANGE_MAX) {
                uint64_t step = of.length / RANGE_MAX;
                ranges.items[ranges.count] =
                    (struct range){(first + ranges.count * step) % (of.length - 1),
                                   1 + (ranges.count * first) % (of.length / 100)};
                ranges.count++;
                row_assert_number(row_at("first", first), multipart_length(&of, &ranges),
                                  written(&of, &ranges));
            }
        }
    }
}

static void test_largest(void **state) {
    (void)state;
    char type[256];
    struct representation of = {.content_type = slice_of(type, sizeof type), .length = INT64_MAX};
    struct range_set ranges = {.count = RANGE_MAX};
    memset(type, 't', sizeof type);
    for (size_t i = 0; i < RANGE_MAX; i++)
        ranges.items[i] = (struct range){(uint64_t)INT64_MAX / RANGE_MAX * i, INT64_MAX / 17};
    assert_true(multipart_length(&of, &ranges) == written(&of, &ranges));
    ranges.items[0] = (struct range){0, INT64_MAX};
    ranges.count = 1;
    assert_true(multipart_length(&of, &ranges) > INT64_MAX);
    assert_true(multipart_length(&of, &ranges) == written(&of, &ranges));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_rfc9110_15_3_7_2_length),
        cmocka_unit_test(test_length_is_what_is_written),
        cmocka_unit_test(test_largest),
    };
    return cmocka_run_group_tests_name("multipart", tests, NULL, NULL);
}
