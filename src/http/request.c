/* A head is read from left to right in one pass, and each byte is judged when it is reached. So a
 * prefix of a head is either refused for what it holds or waits for more, and where the input was
 * split makes no difference. What depends on several fields (Host, framing, persistence) is judged
 * at the empty line. */
#include "http/request.h"

#include "base/ascii.h"
#include "base/number.h"
#include "base/placement.h"
#include "http/authority.h"

#include <string.h>

_Static_assert(FIELD_COUNT <= 32, "one bit per field in request.repeated");

enum { EMPTY_LINES_MAX = 2 }; /* RFC 9112 §2.2: at least one is to be ignored */

enum step { STEP_DONE, STEP_MORE, STEP_REFUSED };

struct cursor {
    const char *at;
    const char *end;
};

static COLD enum step refuse(struct request *request, enum refusal refusal) {
    request->refusal = refusal;
    return STEP_REFUSED;
}

/* Takes CRLF and nothing else (RFC 9112 §2.2 lets a recipient take a bare LF; two readers that
 * differ on that make request smuggling possible). */
static enum step take_line_end(struct cursor *cursor, struct request *request,
                               enum refusal refusal) {
    if (cursor->at == cursor->end)
        return STEP_MORE;
    if (cursor->at[0] != '\r')
        return refuse(request, refusal);
    if (cursor->at + 1 == cursor->end)
        return STEP_MORE;
    if (cursor->at[1] != '\n')
        return refuse(request, refusal);
    cursor->at += 2;
    return STEP_DONE;
}

static enum step take_empty_lines(struct cursor *cursor, struct request *request) {
    for (int i = 0; i < EMPTY_LINES_MAX; i++) {
        if (cursor->at == cursor->end)
            return STEP_MORE;
        if (cursor->at[0] != '\r')
            return STEP_DONE;
        enum step step = take_line_end(cursor, request, REFUSAL_BAD_REQUEST_LINE);
        if (step != STEP_DONE)
            return step;
    }
    return STEP_DONE;
}

static void skip_token(struct cursor *cursor) {
    const char *at = cursor->at;
    while (at < cursor->end && field_is_token_char(*at))
        at++;
    cursor->at = at;
}

static bool take_usual_method(struct cursor *cursor, struct request *request) {
    static const char usual[] = "GET ";
    const size_t len = sizeof usual - 1;
    if ((size_t)(cursor->end - cursor->at) < len || memcmp(cursor->at, usual, len) != 0)
        return false;
    request->method = METHOD_GET;
    cursor->at += len;
    return true;
}

static enum step take_method(struct cursor *cursor, struct request *request) {
    const char *start = cursor->at;
    if (take_usual_method(cursor, request))
        return STEP_DONE;
    skip_token(cursor);
    if (cursor->at == cursor->end)
        return STEP_MORE;
    if (*cursor->at != ' ' || cursor->at == start)
        return refuse(request, REFUSAL_BAD_REQUEST_LINE);
    request->method = method_parse(slice_of(start, (size_t)(cursor->at - start)));
    cursor->at++;
    return STEP_DONE;
}

/* Any visible ASCII character is taken here; whether together they name something is for the target
 * to say. */
static enum step take_target(struct cursor *cursor, struct request *request) {
    const char *start = cursor->at;
    const char *end = cursor->end;
    request->target = slice_of(start, 0); /* until its end is found */
    if (end - start > REQUEST_TARGET_MAX)
        end = start + REQUEST_TARGET_MAX;
    cursor->at = ascii_skip(start, end, '!');
    if (cursor->at == cursor->end)
        return STEP_MORE;
    if (*cursor->at != ' ' || cursor->at == start) {
        bool visible = *cursor->at > ' ' && *cursor->at < 0x7f;
        return refuse(request, visible ? REFUSAL_TARGET_TOO_LONG : REFUSAL_BAD_REQUEST_LINE);
    }
    request->target = slice_of(start, (size_t)(cursor->at - start));
    cursor->at++;
    return STEP_DONE;
}

/* The line end behind it too, where all of it is as it mostly is. */
static bool take_usual_version(struct cursor *cursor, struct request *request) {
    static const char usual[] = "HTTP/1.1\r\n";
    const size_t len = sizeof usual - 1;
    if ((size_t)(cursor->end - cursor->at) < len || memcmp(cursor->at, usual, len) != 0)
        return false;
    request->minor_version = 1;
    cursor->at += len;
    return true;
}

static enum step take_version(struct cursor *cursor, struct request *request) {
    static const char pattern[] = "HTTP/d.d"; /* d: a digit */
    const size_t len = sizeof pattern - 1;
    if (take_usual_version(cursor, request))
        return STEP_DONE;
    for (size_t i = 0; i < len; i++) {
        if (cursor->at + i == cursor->end)
            return STEP_MORE;
        char c = cursor->at[i];
        if (pattern[i] == 'd' ? !ascii_is_digit(c) : c != pattern[i])
            return refuse(request, REFUSAL_BAD_REQUEST_LINE);
    }
    if (cursor->at[len - 3] != '1')
        return refuse(request, REFUSAL_BAD_VERSION);
    request->minor_version = cursor->at[len - 1] == '0' ? 0 : 1;
    cursor->at += len;
    return take_line_end(cursor, request, REFUSAL_BAD_REQUEST_LINE);
}

static enum step keep_field(struct request *request, struct slice name, struct slice value) {
    enum field field = field_of_name(name);
    if (field == FIELD_COUNT)
        return STEP_DONE;
    if (request->fields[field].ptr == NULL) {
        request->fields[field] = value;
        request->present |= 1u << field;
        return STEP_DONE;
    }
    if (field_kind(field) == FIELD_SINGLE)
        return refuse(request, REFUSAL_REPEATED_FIELD);
    request->repeated |= 1u << field;
    return STEP_DONE;
}

static void skip_value(struct cursor *cursor) {
    const char *at = ascii_skip(cursor->at, cursor->end, ' ');
    while (at < cursor->end && field_is_value_char(*at))
        at = ascii_skip(at + 1, cursor->end, ' ');
    cursor->at = at;
}

static enum step take_field(struct cursor *cursor, struct request *request) {
    const char *start = cursor->at;
    skip_token(cursor);
    if (cursor->at == cursor->end)
        return STEP_MORE;
    /* RFC 9112 §5.1: no white space before the colon; §5.2: none at the start of the line. */
    if (*cursor->at != ':' || cursor->at == start)
        return refuse(request, REFUSAL_BAD_FIELD_LINE);
    struct slice name = slice_of(start, (size_t)(cursor->at - start));
    const char *value = ++cursor->at;
    skip_value(cursor);
    struct slice text = slice_trim(slice_of(value, (size_t)(cursor->at - value)));
    enum step step = take_line_end(cursor, request, REFUSAL_BAD_FIELD_LINE);
    return step == STEP_DONE ? keep_field(request, name, text) : step;
}

static enum step take_fields(struct cursor *cursor, struct request *request) {
    for (int count = 0;; count++) {
        if (cursor->at == cursor->end)
            return STEP_MORE;
        if (*cursor->at == '\r')
            return take_line_end(cursor, request, REFUSAL_BAD_FIELD_LINE);
        if (count == REQUEST_FIELDS_MAX)
            return refuse(request, REFUSAL_HEAD_TOO_LARGE);
        enum step step = take_field(cursor, request);
        if (step != STEP_DONE)
            return step;
    }
}

/* RFC 9112 §3.2: required in 1.1, and an authority wherever it stands. */
static bool host_is_valid(const struct request *request) {
    struct slice host = request->fields[FIELD_HOST];
    return host.ptr != NULL ? authority_is_valid(host) : request->minor_version == 0;
}

/* RFC 9112 §6.1: the only coding pronto reads is chunked, and it comes last and once. */
static enum refusal judge_transfer_encoding(const struct request *request) {
    struct slice rest = request->fields[FIELD_TRANSFER_ENCODING];
    struct slice coding;
    bool chunked = false;
    bool other = false;
    if (request->minor_version == 0 || request->fields[FIELD_CONTENT_LENGTH].ptr != NULL)
        return REFUSAL_BAD_TRANSFER_ENCODING;
    while (slice_cut(&rest, ',', &coding)) {
        coding = slice_trim(coding);
        if (chunked ||
            coding.len == 0) /* something follows chunked, or nothing stands where a name should */
            return REFUSAL_BAD_TRANSFER_ENCODING;
        if (slice_equal_nocase(coding, SLICE("chunked")))
            chunked = true;
        else
            other = true;
    }
    if (!chunked)
        return REFUSAL_BAD_TRANSFER_ENCODING;
    return other ? REFUSAL_UNKNOWN_TRANSFER_CODING : REFUSAL_NONE;
}

/* RFC 9112 §6.3 */
static enum refusal judge_framing(struct request *request) {
    struct slice length = request->fields[FIELD_CONTENT_LENGTH];
    if (request->fields[FIELD_TRANSFER_ENCODING].ptr != NULL) {
        request->framing = BODY_CHUNKED;
        return judge_transfer_encoding(request);
    }
    if (length.ptr != NULL) {
        request->framing = BODY_LENGTH;
        if (!number_parse(length, INT64_MAX, &request->content_length))
            return REFUSAL_BAD_CONTENT_LENGTH;
    }
    return REFUSAL_NONE;
}

/* RFC 9112 §9.3 */
static void judge_persistence(struct request *request) {
    struct slice line = SLICE_NONE;
    bool close = false;
    bool keep_alive = request->minor_version > 0;
    while (request_field_next(request, FIELD_CONNECTION, &line)) {
        struct slice rest = line;
        struct slice option;
        while (field_list_next(&rest, &option)) {
            if (slice_equal_nocase(option, SLICE("close")))
                close = true;
            else if (slice_equal_nocase(option, SLICE("keep-alive")))
                keep_alive = true;
        }
    }
    request->keep_alive = keep_alive && !close;
}

/* RFC 9110 §10.1.1; a 1.0 client does not know interim answers. */
static void judge_expectation(struct request *request) {
    struct slice line = SLICE_NONE;
    if (request->minor_version == 0)
        return;
    while (request_field_next(request, FIELD_EXPECT, &line)) {
        struct slice rest = line;
        struct slice expectation;
        while (field_list_next(&rest, &expectation)) {
            if (slice_equal_nocase(expectation, SLICE("100-continue")))
                request->expects_continue = true;
            else
                request->expects_unknown = true;
        }
    }
}

static enum step judge(struct request *request) {
    if (!host_is_valid(request))
        return refuse(request, REFUSAL_BAD_HOST);
    enum refusal refusal = judge_framing(request);
    if (refusal != REFUSAL_NONE)
        return refuse(request, refusal);
    judge_persistence(request);
    judge_expectation(request);
    return STEP_DONE;
}

static enum step take_line(struct cursor *cursor, struct request *request) {
    enum step step = take_empty_lines(cursor, request);
    if (step == STEP_DONE)
        step = take_method(cursor, request);
    if (step == STEP_DONE)
        step = take_target(cursor, request);
    if (step == STEP_DONE)
        step = take_version(cursor, request);
    return step;
}

/* What fields say, of which the values stand at the same places of another text. */
static void copy_fields(struct request *to, const char *to_text, const struct request *from,
                        const char *from_text) {
    to->keep_alive = from->keep_alive;
    to->expects_continue = from->expects_continue;
    to->expects_unknown = from->expects_unknown;
    to->framing = from->framing;
    to->content_length = from->content_length;
    to->present = from->present;
    to->repeated = from->repeated;
    to->wording = from->wording;
    for (uint32_t left = from->present; left != 0; left &= left - 1) {
        int field = __builtin_ctz(left);
        struct slice value = from->fields[field];
        to->fields[field] = slice_of(to_text + (value.ptr - from_text), value.len);
    }
}

/* Takes all fields at once where they are those that are remembered, behind a line of the same
 * version, on which it depends what some of them say. */
static bool recall_fields(const struct request_memo *memo, struct cursor *cursor,
                          struct request *request) {
    const char *text = cursor->at;
    if (memo->len == 0 || (size_t)(cursor->end - text) < memo->len ||
        memo->request.minor_version != request->minor_version ||
        memcmp(text, memo->text, memo->len) != 0)
        return false;
    copy_fields(request, text, &memo->request, memo->text);
    cursor->at += memo->len;
    return true;
}

static void remember_fields(struct request_memo *memo, struct slice text, struct request *request) {
    if (text.len > sizeof memo->text)
        return;
    request->wording = ++memo->wordings;
    memcpy(memo->text, text.ptr, text.len);
    memo->len = text.len;
    memo->request.minor_version = request->minor_version;
    copy_fields(&memo->request, memo->text, request, text.ptr);
}

static void end_head(const struct cursor *cursor, struct request *request) {
    request->head.len = (size_t)(cursor->at - request->head.ptr);
}

/* Takes fields that are read, and remembers them. */
static APART enum step take_new_fields(struct request_memo *memo, struct cursor *cursor,
                                       struct request *request) {
    const char *text = cursor->at;
    enum step step = take_fields(cursor, request);
    if (step != STEP_DONE)
        return step;
    end_head(cursor, request);
    step = judge(request);
    if (step == STEP_DONE && memo != NULL)
        remember_fields(memo, slice_of(text, (size_t)(cursor->at - text)), request);
    return step;
}

/* Takes what is behind the request line. */
static enum step take_rest(struct request_memo *memo, struct cursor *cursor,
                           struct request *request) {
    if (memo == NULL || !recall_fields(memo, cursor, request))
        return take_new_fields(memo, cursor, request);
    end_head(cursor, request);
    return STEP_DONE;
}

/* RFC 9112 §3: a target that takes all the room there is for a head is too long, too. */
static enum refusal refusal_of_full_head(const struct request *request) {
    bool in_target = request->target.ptr != NULL && request->target.len == 0;
    return in_target ? REFUSAL_TARGET_TOO_LONG : REFUSAL_HEAD_TOO_LARGE;
}

HOT enum request_outcome request_parse_with(struct request_memo *memo, struct slice input,
                                            size_t max_head, struct request *request) {
    bool full = input.len >= max_head;
    struct cursor cursor = {.at = input.ptr, .end = input.ptr + (full ? max_head : input.len)};

    *request = (struct request){.method = METHOD_UNKNOWN, .head = input};
    enum step step = take_line(&cursor, request);
    if (step == STEP_DONE)
        step = take_rest(memo, &cursor, request);
    if (step == STEP_MORE) {
        if (!full)
            return REQUEST_MORE;
        step = refuse(request, refusal_of_full_head(request));
    }
    return step == STEP_DONE ? REQUEST_WHOLE : REQUEST_REFUSED;
}

enum request_outcome request_parse(struct slice input, size_t max_head, struct request *request) {
    return request_parse_with(NULL, input, max_head, request);
}

/* All lines are known to be well-formed. */
bool request_find_next_line(const struct request *request, enum field field, struct slice *value) {
    const char *end = request->head.ptr + request->head.len;
    const char *at = value->ptr + value->len;
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        struct slice rest = slice_of(at + 1, (size_t)(end - at - 1));
        struct slice line;
        struct slice name;
        at++;
        if (!slice_cut(&rest, '\r', &line) || !slice_cut(&line, ':', &name) || line.ptr == NULL)
            return false; /* the empty line */
        if (field_of_name(name) == field) {
            *value = slice_trim(line);
            return true;
        }
    }
    return false;
}
