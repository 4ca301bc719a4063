/* The conversations of tests/conversations as the parsers alone hear them: head, content and
 * target, without files or sockets. What they make of the bytes may not depend on how the bytes
 * arrive, and has to be what the conversation expects as far as parsers decide it: which bytes are
 * a request, what is refused and with which status, and whether the connection persists. */
#include "http/body.h"
#include "http/request.h"
#include "http/target.h"
#include "support/conversation.h"
#include "support/guard.h"
#include "support/row.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_HEAD = 16384,
    MAX_BODY = 1024 * 1024,
    OUTCOMES_MAX = 256,
    CONVERSATIONS_MIN = 220,
    /* Inputs up to this are split everywhere; of longer ones, the start and the end are. */
    SHORT_MAX = 1024,
    LONG_PIECES = 150,
};

/* One request, or the refusal that ends it all. */
struct outcome {
    enum refusal refusal; /* REFUSAL_NONE: a request to be answered */
    enum method method;
    bool expects_unknown;
    bool keep_alive;
    size_t end; /* bytes from the start of the conversation; 0: not known */
};

struct hearing {
    struct outcome outcomes[OUTCOMES_MAX];
    size_t count;
    bool over;    /* nothing that follows is a request */
    size_t heard; /* bytes of requests that are done, and of content that is gone */
    char *rest;
    size_t rest_len;
    struct body body; /* with in_body */
    bool in_body;     /* `rest` is a head whose content has not come to its end */
};

static struct conversations conversations;
static char *sent; /* what the client of the conversation at hand sends */

static int setup(void **state) {
    (void)state;
    conversations_read(&conversations, "\"2d-a-1\"");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    conversations_free(&conversations);
    free(sent);
    return 0;
}

static void note_outcome(struct hearing *hearing, const struct request *request,
                         enum refusal refusal) {
    assert_in_range(hearing->count, 0, OUTCOMES_MAX - 1);
    bool request_done = refusal == REFUSAL_NONE;
    hearing->outcomes[hearing->count++] = (struct outcome){
        .refusal = refusal,
        .method = request->method,
        .expects_unknown = request->expects_unknown,
        .keep_alive = request_done && request->keep_alive,
        .end = request_done ? hearing->heard : 0,
    };
    hearing->in_body = false;
    hearing->over = !request_done || !request->keep_alive;
}

static void note_request(struct hearing *hearing, const struct request *request) {
    char memory[REQUEST_TARGET_MAX];
    struct buf path = BUF_INIT(memory, sizeof memory);
    struct target target;
    enum target_outcome outcome = target_parse(request->method, request->target, &path, &target);
    bool bad = outcome == TARGET_BAD || outcome == TARGET_ABOVE;
    note_outcome(hearing, request, bad ? REFUSAL_BAD_TARGET : REFUSAL_NONE);
}

static bool content_is_wanted(const struct request *request) {
    return method_is_allowed(request->method) && !request->expects_unknown;
}

/* A request that is answered before its content has come, and so is the last one. */
static void note_without_content(struct hearing *hearing, struct request *request) {
    request->keep_alive = false;
    note_request(hearing, request);
    hearing->outcomes[hearing->count - 1].end = 0;
}

/* Passes over content behind the head. Returns false where there is more to come; `*input` is then
 * what must be kept. */
static bool hear_content(struct hearing *hearing, struct request *request, struct slice *input) {
    size_t consumed = 0;
    if (!hearing->in_body)
        body_start(&hearing->body, request->framing, request->content_length, MAX_BODY);
    hearing->in_body = true;
    struct slice content = slice_after(*input, request->head.len);
    switch (body_consume(&hearing->body, content, &consumed)) {
    case BODY_DONE:
        hearing->heard += request->head.len + consumed;
        *input = slice_after(content, consumed);
        note_request(hearing, request);
        return true;
    case BODY_MORE:
        assert_int_equal(consumed, content.len);
        hearing->heard += consumed;
        *input = request->head;
        return false;
    case BODY_BAD:
        note_outcome(hearing, request, REFUSAL_BAD_CHUNK);
        return true;
    case BODY_TOO_LARGE:
        if (content_is_wanted(request))
            note_outcome(hearing, request, REFUSAL_CONTENT_TOO_LARGE);
        else
            note_without_content(hearing, request);
        return true;
    }
    return true;
}

/* Takes one request off `*input`; false where there is no whole one. */
static bool hear_request(struct hearing *hearing, struct slice *input) {
    struct request request;
    if (input->len == 0)
        return false;
    switch (request_parse(*input, MAX_HEAD, &request)) {
    case REQUEST_MORE:
        return false;
    case REQUEST_REFUSED:
        note_outcome(hearing, &request, request.refusal);
        return true;
    case REQUEST_WHOLE:
        break;
    }
    return hear_content(hearing, &request, input);
}

/* Hears the rest and the piece behind it, on memory of exactly that length. */
static void hear(struct hearing *hearing, struct slice piece) {
    size_t len = hearing->rest_len + piece.len;
    char *memory = guard_room(len);
    if (hearing->rest_len > 0)
        memcpy(memory, hearing->rest, hearing->rest_len);
    if (piece.len > 0)
        memcpy(memory + hearing->rest_len, piece.ptr, piece.len);
    struct slice input = slice_of(memory, len);
    while (!hearing->over && hear_request(hearing, &input))
        continue;
    free(hearing->rest);
    hearing->rest_len = hearing->over ? 0 : input.len;
    hearing->rest = malloc(hearing->rest_len + 1);
    assert_non_null(hearing->rest);
    memcpy(hearing->rest, input.ptr, hearing->rest_len);
    guard_free(memory, len);
}

/* What becomes of a request whose end has not come: refused where it never will, answered at once
 * where its content is not wanted anyway (RFC 9110 §10.1.1). */
static void hear_end(struct hearing *hearing, const char *name, bool half_closed) {
    struct request request;
    struct slice rest = slice_of(hearing->rest, hearing->rest_len);
    if (rest.len > 0 && !hearing->over) {
        enum request_outcome outcome = request_parse(rest, MAX_HEAD, &request);
        bool waits = request.expects_continue || request.expects_unknown;
        if (half_closed) {
            note_outcome(hearing, &request, REFUSAL_INCOMPLETE);
        } else {
            row_assert(name, outcome == REQUEST_WHOLE && waits && !content_is_wanted(&request));
            note_without_content(hearing, &request);
        }
    }
    free(hearing->rest);
}

/* The steps up to the last response: what the client sends behind it comes to nothing. */
static size_t steps_that_count(const struct conversation *conversation) {
    size_t count = conversation->count;
    while (count > 0 && conversation->steps[count - 1].kind != CONVERSATION_EXPECT)
        count--;
    return count;
}

/* All that a client sends, in one piece; valid until the next call. */
static struct slice input_of(const struct conversation *conversation, bool *half_closed) {
    struct buf all = BUF_INIT(NULL, 0);
    size_t count = steps_that_count(conversation);
    *half_closed = false;
    for (size_t i = 0; i < count; i++)
        all.capacity += conversation->steps[i].bytes.len;
    sent = realloc(sent, all.capacity + 1);
    assert_non_null(sent);
    all.ptr = sent;
    for (size_t i = 0; i < count; i++) {
        buf_put(&all, conversation->steps[i].bytes);
        *half_closed |= conversation->steps[i].kind == CONVERSATION_HALF_CLOSE;
    }
    return buf_slice(&all);
}

static bool is_refusal(const struct outcome *outcome) {
    return outcome->refusal != REFUSAL_NONE;
}

/* Statuses that only a parser gives. */
static bool is_status_of_refusal(int status) {
    return status == 400 || status == 413 || status == 414 || status == 431 || status == 505;
}

static void assert_response(const char *name, const struct outcome *outcome,
                            const struct conversation_response *response) {
    if (response->content != CONVERSATION_NOTHING)
        row_assert_number(name, response->to_head, outcome->method == METHOD_HEAD);
    if (is_refusal(outcome)) {
        row_assert_number(name, status_code(refusal_status(outcome->refusal)), response->status);
        return;
    }
    row_assert(name, !is_status_of_refusal(response->status));
    row_assert_number(name, response->status == 417, outcome->expects_unknown);
    if (outcome->expects_unknown)
        return;
    row_assert_number(name, response->status == 501, outcome->method == METHOD_UNKNOWN);
    if (outcome->method != METHOD_UNKNOWN)
        row_assert_number(name, response->status != 405, method_is_allowed(outcome->method));
}

/* What was heard against what the conversation expects. */
static void assert_expected(const struct conversation *conversation, const struct hearing *heard,
                            bool half_closed) {
    const char *name = conversation->name;
    size_t count = 0;
    for (size_t i = 0; i < conversation->count; i++) {
        const struct conversation_step *step = &conversation->steps[i];
        if (step->kind != CONVERSATION_EXPECT || step->response.status < 200)
            continue;
        row_assert(row_at(name, count), count < heard->count);
        assert_response(row_at(name, count), &heard->outcomes[count], &step->response);
        count++;
    }
    row_assert_number(name, heard->count, count);
    enum conversation_end open = half_closed ? CONVERSATION_ENDED : CONVERSATION_KEPT;
    row_assert_number(name, heard->over ? CONVERSATION_CLOSED : open, conversation->end);
}

static void assert_same(const char *name, const struct hearing *got, const struct hearing *want) {
    row_assert_number(name, got->count, want->count);
    row_assert_number(name, got->over, want->over);
    for (size_t i = 0; i < want->count; i++) {
        const struct outcome *a = &got->outcomes[i];
        const struct outcome *b = &want->outcomes[i];
        row_assert_number(name, a->refusal, b->refusal);
        row_assert_number(name, a->method, b->method);
        row_assert_number(name, a->keep_alive, b->keep_alive);
        row_assert_number(name, a->expects_unknown, b->expects_unknown);
        row_assert_number(name, a->end, b->end);
    }
}

/* Hears it in pieces: up to `split`, and from there `piece` bytes at a time. */
static void hear_pieces(struct hearing *hearing, const char *name, struct slice input,
                        bool half_closed, size_t split, size_t piece) {
    *hearing = (struct hearing){.count = 0};
    hear(hearing, slice_of(input.ptr, split));
    while (split < input.len) {
        size_t len = input.len - split < piece ? input.len - split : piece;
        hear(hearing, slice_of(input.ptr + split, len));
        split += len;
    }
    hear_end(hearing, name, half_closed);
}

/* The next place to split at; all, or those near the ends and some between. */
static size_t next_split(size_t split, size_t len) {
    bool near = split < SHORT_MAX / 4 || len - split <= SHORT_MAX / 4;
    size_t step = len <= SHORT_MAX || near ? 1 : len / LONG_PIECES + 1;
    return split + step;
}

static void check_conversation(const struct conversation *conversation) {
    static struct hearing whole;
    static struct hearing pieces;
    const char *name = conversation->name;
    bool half_closed;
    struct slice input = input_of(conversation, &half_closed);
    size_t piece = input.len <= SHORT_MAX ? 1 : input.len / LONG_PIECES;
    hear_pieces(&whole, name, input, half_closed, input.len, 1);
    assert_expected(conversation, &whole, half_closed);
    for (size_t split = 0; split < input.len; split = next_split(split, input.len)) {
        hear_pieces(&pieces, name, input, half_closed, split, input.len);
        assert_same(row_at(name, split), &pieces, &whole);
    }
    hear_pieces(&pieces, name, input, half_closed, 0, piece);
    assert_same(name, &pieces, &whole);
}

static void test_conversations(void **state) {
    (void)state;
    for (size_t i = 0; i < conversations.count; i++)
        check_conversation(&conversations.items[i]);
}

static void test_names_are_unique(void **state) {
    (void)state;
    for (size_t i = 0; i < conversations.count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(conversations.items[i].name, conversations.items[k].name) == 0)
                fail_msg("%s and %s are both '%s'", conversations.items[k].place,
                         conversations.items[i].place, conversations.items[i].name);
        }
    }
}

static void test_there_are_enough(void **state) {
    (void)state;
    row_assert("conversations", conversations.count >= CONVERSATIONS_MIN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_unique),
        cmocka_unit_test(test_there_are_enough),
        cmocka_unit_test(test_conversations),
    };
    return cmocka_run_group_tests_name("request_conversations", tests, setup, teardown);
}
