/* The request parser. Input: what a client sends. */
#include "http/request.h"

#include "base/ascii.h"
#include "fuzz/fuzz.h"

struct reading {
    struct slice input;
    enum request_outcome outcome;
    struct request request;
};

static struct reading read_head(struct slice input, size_t max_head) {
    struct reading reading = {.input = input};
    reading.outcome = request_parse(input, max_head, &reading.request);
    return reading;
}

static bool is_same_place(const struct reading *a, struct slice in_a, const struct reading *b,
                          struct slice in_b) {
    if (in_a.ptr == NULL || in_b.ptr == NULL)
        return in_a.ptr == in_b.ptr;
    return in_a.ptr - a->input.ptr == in_b.ptr - b->input.ptr && in_a.len == in_b.len;
}

/* Both must have come to the same end. */
static void check_same(const struct reading *a, const struct reading *b) {
    const struct request *x = &a->request;
    const struct request *y = &b->request;
    CHECK(a->outcome == b->outcome);
    CHECK(x->refusal == y->refusal);
    CHECK(x->method == y->method);
    if (a->outcome != REQUEST_WHOLE)
        return;
    CHECK(x->minor_version == y->minor_version);
    CHECK(x->keep_alive == y->keep_alive);
    CHECK(x->expects_continue == y->expects_continue);
    CHECK(x->expects_unknown == y->expects_unknown);
    CHECK(x->framing == y->framing);
    CHECK(x->content_length == y->content_length);
    CHECK(x->repeated == y->repeated);
    CHECK(is_same_place(a, x->head, b, y->head));
    CHECK(is_same_place(a, x->target, b, y->target));
    for (unsigned i = 0; i < FIELD_COUNT; i++)
        CHECK(is_same_place(a, x->fields[i], b, y->fields[i]));
}

/* The lines of a head, cut by another reader than the parser: at each LF, which must have a CR
 * before it. */
static bool next_line(struct slice *rest, struct slice *line) {
    size_t end = slice_find(*rest, '\n');
    CHECK(end < rest->len && end > 0 && rest->ptr[end - 1] == '\r');
    *line = slice_of(rest->ptr, end - 1);
    *rest = slice_after(*rest, end + 1);
    return rest->len > 0;
}

/* How many lines are named so. Empty lines before the request line name nothing. */
static size_t count_lines(struct slice head, struct slice name) {
    struct slice line;
    size_t count = 0;
    while (next_line(&head, &line)) {
        if (line.len > name.len && line.ptr[name.len] == ':' &&
            slice_equal_nocase(slice_of(line.ptr, name.len), name))
            count++;
    }
    return count;
}

static size_t count_all_lines(struct slice head) {
    struct slice line;
    size_t count = 1;
    while (next_line(&head, &line))
        count++;
    return count;
}

static void check_value(struct slice value, struct slice head) {
    CHECK(fuzz_is_within(value, head));
    CHECK(slice_trim(value).len == value.len);
    for (size_t i = 0; i < value.len; i++)
        CHECK(field_is_value_char(value.ptr[i]));
}

static void check_field(const struct request *request, enum field field, struct slice name) {
    struct slice value = SLICE_NONE;
    size_t lines = count_lines(request->head, name);
    size_t walked = 0;
    while (request_field_next(request, field, &value)) {
        check_value(value, request->head);
        walked++;
        CHECK(walked <= lines);
    }
    CHECK(walked == lines);
    CHECK((request->fields[field].ptr != NULL) == (lines > 0));
    CHECK(((request->repeated & 1u << field) != 0) == (lines > 1));
    CHECK(lines <= 1 || field_kind(field) != FIELD_SINGLE);
    CHECK((request_hint(request, field).ptr != NULL) == (lines == 1));
}

static void check_fields(const struct request *request) {
#define FIELD(name, text, kind) check_field(request, FIELD_##name, SLICE(text));
#include "http/field.def"
#undef FIELD
    CHECK(count_all_lines(request->head) <= 2 + 1 + REQUEST_FIELDS_MAX + 1);
}

/* What request smuggling needs must not get through. */
static void check_framing(const struct request *request) {
    size_t lengths = count_lines(request->head, SLICE("Content-Length"));
    size_t encodings = count_lines(request->head, SLICE("Transfer-Encoding"));
    CHECK(lengths + encodings <= 1);
    CHECK((request->framing == BODY_LENGTH) == (lengths == 1));
    CHECK((request->framing == BODY_CHUNKED) == (encodings == 1));
    CHECK(request->framing != BODY_CHUNKED || request->minor_version > 0);
    CHECK(request->framing == BODY_LENGTH || request->content_length == 0);
    CHECK(request->content_length <= INT64_MAX);
    CHECK(request->minor_version == 0 || request->fields[FIELD_HOST].ptr != NULL);
}

static void check_whole(const struct reading *reading) {
    const struct request *request = &reading->request;
    CHECK(request->refusal == REFUSAL_NONE);
    CHECK(request->head.ptr == reading->input.ptr);
    CHECK(request->head.len <= reading->input.len);
    CHECK(request->head.len > 4);
    CHECK(memcmp(request->head.ptr + request->head.len - 4, "\r\n\r\n", 4) == 0);
    CHECK(slice_find(request->head, '\0') == request->head.len);
    CHECK(fuzz_is_within(request->target, request->head));
    CHECK(request->target.len > 0 && request->target.len <= REQUEST_TARGET_MAX);
    for (size_t i = 0; i < request->target.len; i++)
        CHECK(request->target.ptr[i] > ' ' && request->target.ptr[i] < 0x7f);
    check_fields(request);
    check_framing(request);
}

static void check_alone(const struct reading *reading) {
    switch (reading->outcome) {
    case REQUEST_WHOLE:
        check_whole(reading);
        break;
    case REQUEST_MORE:
        break;
    case REQUEST_REFUSED:
        CHECK(reading->request.refusal > REFUSAL_NONE && reading->request.refusal < REFUSAL_COUNT);
        CHECK(status_code(refusal_status(reading->request.refusal)) >= 400);
        break;
    }
}

/* Why a prefix that ends at the limit is refused: for its target, if it ends in that. */
static enum refusal refusal_of_limit(struct slice prefix) {
    size_t method_end = slice_find(prefix, ' ');
    if (method_end == prefix.len)
        return REFUSAL_HEAD_TOO_LARGE;
    struct slice rest = slice_after(prefix, method_end + 1);
    return slice_find(rest, ' ') == rest.len ? REFUSAL_TARGET_TOO_LONG : REFUSAL_HEAD_TOO_LARGE;
}

/* A prefix says "more" or the same as all of it. A limit of as many bytes says what the prefix
 * says, but that there is no more to come. */
static void check_prefix(const struct reading *whole, size_t len) {
    struct slice copy = fuzz_copy(slice_of(whole->input.ptr, len));
    struct reading prefix = read_head(copy, SIZE_MAX);
    struct reading limited = read_head(whole->input, len);
    if (prefix.outcome == REQUEST_MORE) {
        CHECK(whole->outcome != REQUEST_WHOLE || len < whole->request.head.len);
        CHECK(limited.outcome == REQUEST_REFUSED);
        CHECK(limited.request.refusal == refusal_of_limit(copy));
        CHECK(limited.request.method == prefix.request.method);
    } else {
        check_same(&prefix, whole);
        check_same(&prefix, &limited);
    }
    fuzz_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice copy = fuzz_copy(slice_of((const char *)data, size));
    struct reading whole = read_head(copy, SIZE_MAX);
    check_alone(&whole);
    for (size_t len = 0; len <= size; len += fuzz_step(len, size))
        check_prefix(&whole, len);
    if (whole.outcome == REQUEST_WHOLE) {
        check_prefix(&whole, whole.request.head.len - 1);
        check_prefix(&whole, whole.request.head.len);
    }
    fuzz_free(copy);
    return 0;
}
