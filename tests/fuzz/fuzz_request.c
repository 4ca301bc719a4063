/* The request parser. Input: what a client sends. */
#include "http/request.h"

#include "base/ascii.h"
#include "base/buf.h"
#include "fuzz/fuzz.h"
#include "support/same_request.h"

static struct parsed read_head(struct slice input, size_t max_head) {
    struct parsed parsed = {.input = input};
    parsed.outcome = request_parse(input, max_head, &parsed.request);
    return parsed;
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

static void check_whole(const struct parsed *parsed) {
    const struct request *request = &parsed->request;
    CHECK(request->refusal == REFUSAL_NONE);
    CHECK(request->head.ptr == parsed->input.ptr);
    CHECK(request->head.len <= parsed->input.len);
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

static void check_alone(const struct parsed *parsed) {
    switch (parsed->outcome) {
    case REQUEST_WHOLE:
        check_whole(parsed);
        break;
    case REQUEST_MORE:
        break;
    case REQUEST_REFUSED:
        CHECK(parsed->request.refusal > REFUSAL_NONE && parsed->request.refusal < REFUSAL_COUNT);
        CHECK(status_code(refusal_status(parsed->request.refusal)) >= 400);
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
static void check_prefix(const struct parsed *whole, size_t len) {
    struct slice copy = fuzz_copy(slice_of(whole->input.ptr, len));
    struct parsed prefix = read_head(copy, SIZE_MAX);
    struct parsed limited = read_head(whole->input, len);
    if (prefix.outcome == REQUEST_MORE) {
        CHECK(whole->outcome != REQUEST_WHOLE || len < whole->request.head.len);
        CHECK(limited.outcome == REQUEST_REFUSED);
        CHECK(limited.request.refusal == refusal_of_limit(copy));
        CHECK(limited.request.method == prefix.request.method);
    } else {
        CHECK(parsed_is_same(&prefix, whole));
        CHECK(parsed_is_same(&prefix, &limited));
    }
    fuzz_free(copy);
}

/* Parsed with the memo of what came before, which is gone. */
static void check_memo(struct request_memo *memo, struct slice input) {
    struct slice copy = fuzz_copy(input);
    struct parsed alone = read_head(copy, SIZE_MAX);
    struct parsed with = {.input = copy};
    with.outcome = request_parse_with(memo, copy, SIZE_MAX, &with.request);
    CHECK(parsed_is_same(&alone, &with));
    fuzz_free(copy);
}

/* The same fields behind another line of another version, more of them, and all of them again. */
static void check_memos(struct slice head, struct slice input) {
    static const struct slice lines[] = {SLICE_INIT("HEAD /a HTTP/1.1\r\n"),
                                         SLICE_INIT("GET /b HTTP/1.0\r\n")};
    static struct request_memo memo;
    char memory[2048];
    struct slice fields = slice_after(head, slice_find(head, '\n') + 1);
    memo.len = 0;
    check_memo(&memo, head);
    check_memo(&memo, input);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct buf other = BUF_INIT(memory, sizeof memory);
        buf_put(&other, lines[i]);
        buf_put(&other, fields);
        if (!other.overflow)
            check_memo(&memo, buf_slice(&other));
    }
    check_memo(&memo, input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice copy = fuzz_copy(slice_of((const char *)data, size));
    struct parsed whole = read_head(copy, SIZE_MAX);
    check_alone(&whole);
    for (size_t len = 0; len <= size; len += fuzz_step(len, size))
        check_prefix(&whole, len);
    if (whole.outcome == REQUEST_WHOLE) {
        check_prefix(&whole, whole.request.head.len - 1);
        check_prefix(&whole, whole.request.head.len);
        check_memos(whole.request.head, copy);
    }
    fuzz_free(copy);
    return 0;
}
