/* The framing of content. Input: four bytes that choose how it is framed, how much of it is
 * allowed, how it is split and how long it is said to be, and then the content; "2500" starts one
 * that is chunked. */
#include "http/body.h"

#include "base/ascii.h"
#include "fuzz/fuzz.h"
#include "http/field.h"

#include <stdbool.h>

enum { CHOICES = 4 };

struct framing {
    enum body_framing framing;
    uint64_t max;
    uint64_t length;
};

struct result {
    enum body_outcome outcome;
    size_t consumed; /* BODY_DONE and BODY_MORE only */
};

/* Feeds the input in pieces; `next` says how long each is. */
static struct result feed(const struct framing *framing, struct slice input,
                          size_t (*next)(uint32_t *state), uint32_t state) {
    struct body body;
    struct result result = {BODY_MORE, 0};
    size_t len;
    body_start(&body, framing->framing, framing->length, framing->max);
    for (size_t at = 0; result.outcome == BODY_MORE && at <= input.len; at += len) {
        size_t consumed = SIZE_MAX;
        len = next(&state);
        if (len > input.len - at)
            len = input.len - at;
        struct slice piece = slice_of(input.ptr + at, len);
        result.outcome = body_consume(&body, piece, &consumed);
        if (result.outcome == BODY_BAD || result.outcome == BODY_TOO_LARGE)
            break;
        CHECK(consumed <= len);
        CHECK(result.outcome == BODY_DONE || consumed == len);
        result.consumed = at + consumed;
        if (len == 0 && at == input.len)
            break;
    }
    return result;
}

static size_t all_at_once(uint32_t *state) {
    (void)state;
    return SIZE_MAX;
}

static size_t one_by_one(uint32_t *state) {
    (void)state;
    return 1;
}

/* 0 to 7 bytes, now and then more; nothing is a piece, too. */
static size_t at_random(uint32_t *state) {
    *state = *state * 1664525 + 1013904223;
    return *state >> 30 == 0 ? *state >> 22 & 63 : *state >> 20 & 7;
}

static void check_same(struct result a, struct result b) {
    CHECK(a.outcome == b.outcome);
    CHECK(a.outcome == BODY_BAD || a.outcome == BODY_TOO_LARGE || a.consumed == b.consumed);
}

/* Another reader of chunked content, which has all of it in front of it and goes by lines. */
struct oracle {
    struct slice rest;
    uint64_t content;
};

/* A line without the CRLF that ends it; neither CR nor LF is in it otherwise. */
static bool cut_line(struct slice *rest, struct slice *line) {
    size_t end = slice_find(*rest, '\r');
    if (end + 1 >= rest->len || rest->ptr[end + 1] != '\n')
        return false;
    *line = slice_of(rest->ptr, end);
    *rest = slice_after(*rest, end + 2);
    return slice_find(*line, '\n') == line->len;
}

static bool is_text(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        if (!field_is_value_char(text.ptr[i]))
            return false;
    }
    return true;
}

/* Whether all quoted strings end where the text does, or before. */
static bool quotes_are_closed(struct slice text) {
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        if (quoted && text.ptr[i] == '\\')
            i++;
        else if (text.ptr[i] == '"')
            quoted = !quoted;
    }
    return !quoted;
}

static bool read_size(struct slice line, uint64_t *size) {
    size_t digits = 0;
    *size = 0;
    while (digits < line.len && ascii_hex_value(line.ptr[digits]) >= 0)
        *size = *size * 16 + (uint64_t)ascii_hex_value(line.ptr[digits++]);
    struct slice extension = slice_after(line, digits);
    if (digits == 0 || digits > 16)
        return false;
    if (extension.len == 0)
        return true;
    extension = slice_trim(extension);
    return extension.len > 0 && extension.ptr[0] == ';' && is_text(extension) &&
           quotes_are_closed(extension);
}

static bool read_trailers(struct slice *rest) {
    struct slice line;
    while (cut_line(rest, &line)) {
        struct slice name;
        if (line.len == 0)
            return true;
        if (!is_text(line) || !slice_cut(&line, ':', &name) || line.ptr == NULL || name.len == 0)
            return false;
        for (size_t i = 0; i < name.len; i++) {
            if (!field_is_token_char(name.ptr[i]))
                return false;
        }
    }
    return false;
}

/* Whether there is whole chunked content at the start; how long it is, and how much is in it. */
static bool read_chunked(struct oracle *oracle) {
    struct slice line;
    uint64_t size;
    while (cut_line(&oracle->rest, &line) && read_size(line, &size)) {
        if (size == 0)
            return read_trailers(&oracle->rest);
        if (size + 2 < size || oracle->rest.len < size + 2)
            return false;
        oracle->content += size;
        oracle->rest = slice_after(oracle->rest, (size_t)size);
        if (!slice_starts_with(oracle->rest, SLICE("\r\n")))
            return false;
        oracle->rest = slice_after(oracle->rest, 2);
    }
    return false;
}

static void check_chunked(const struct framing *framing, struct slice input, struct result result) {
    struct oracle oracle = {.rest = input};
    bool whole = read_chunked(&oracle);
    if (result.outcome == BODY_DONE) {
        CHECK(whole);
        CHECK(result.consumed == input.len - oracle.rest.len);
        CHECK(oracle.content <= framing->max);
    } else if (whole) {
        CHECK(oracle.content > framing->max || input.len > BODY_OVERHEAD_MAX);
    }
}

static void check_length(const struct framing *framing, struct slice input, struct result result) {
    if (framing->length > framing->max) {
        CHECK(result.outcome == BODY_TOO_LARGE);
    } else if (framing->length > input.len) {
        CHECK(result.outcome == BODY_MORE && result.consumed == input.len);
    } else {
        CHECK(result.outcome == BODY_DONE && result.consumed == framing->length);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const enum body_framing framings[] = {BODY_NONE, BODY_LENGTH, BODY_CHUNKED};
    static const uint64_t limits[] = {0, 3, 40, 1000, INT64_MAX, UINT64_MAX};
    static const uint64_t lengths[] = {0, 1, 5, 40, 999, INT64_MAX};
    if (size < CHOICES)
        return 0;
    struct framing framing = {
        .framing = framings[data[0] % 3],
        .max = limits[data[1] % 6],
        .length = lengths[data[3] % 6],
    };
    struct slice input = fuzz_copy(slice_of((const char *)data + CHOICES, size - CHOICES));
    struct result whole = feed(&framing, input, all_at_once, 0);
    check_same(whole, feed(&framing, input, one_by_one, 0));
    check_same(whole, feed(&framing, input, at_random, data[2]));
    switch (framing.framing) {
    case BODY_NONE:
        CHECK(whole.outcome == BODY_DONE && whole.consumed == 0);
        break;
    case BODY_LENGTH:
        check_length(&framing, input, whole);
        break;
    case BODY_CHUNKED:
        check_chunked(&framing, input, whole);
        break;
    }
    fuzz_free(input);
    return 0;
}
