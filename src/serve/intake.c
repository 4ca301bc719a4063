#include "serve/intake.h"

#include "base/placement.h"
#include "serve/exchange.h"

#include <stdlib.h>
#include <string.h>

enum { REQUESTS_PER_TURN = LEDGER_TURN_MAX };

struct intake_rest {
    size_t len;
    char bytes[];
};

/* Whether a request has begun: empty lines before it, or left over from the last one, don't count
 * (RFC 9112 §2.2). */
static bool has_begun(struct slice input) {
    for (size_t i = 0; i < input.len; i++) {
        if (input.ptr[i] != '\r' && input.ptr[i] != '\n')
            return true;
    }
    return false;
}

static COLD void refuse(struct intake *intake, struct server *server, enum refusal refusal,
                        const struct request *request) {
    exchange_refuse(server, refusal, request);
    intake->closing = true;
    intake->lingering = true;
    intake->reason = refusal == REFUSAL_TIMEOUT ? CLOSE_HEAD_TIMEOUT : CLOSE_REFUSED;
}

/* The answer to a request that was put off, which has been there for a while. */
static COLD enum exchange_outcome answer_at_last(struct server *server,
                                                 const struct request *request, bool persist,
                                                 struct delivery **delivery) {
    int64_t begun_ns = server->ledger.begun_ns;
    server->ledger.begun_ns = (*delivery)->begun_ns;
    enum exchange_outcome outcome = exchange_answer(server, request, persist, delivery);
    server->ledger.begun_ns = begun_ns;
    return outcome;
}

static enum exchange_outcome exchange(struct intake *intake, struct server *server,
                                      const struct request *request, bool persist) {
    struct delivery **delivery = &intake->delivery;
    if (*delivery != NULL && (*delivery)->begun_ns != 0)
        return answer_at_last(server, request, persist, delivery);
    enum exchange_outcome outcome = exchange_answer(server, request, persist, delivery);
    if (outcome == EXCHANGE_LATER)
        (*delivery)->begun_ns = server->ledger.begun_ns;
    return outcome;
}

/* Returns false where the request is to be answered later. */
static HOT bool answer(struct intake *intake, struct server *server, const struct request *request,
                       bool persist) {
    switch (exchange(intake, server, request, persist)) {
    case EXCHANGE_PERSISTS:
        break;
    case EXCHANGE_CLOSES:
        intake->closing = true;
        intake->lingering = !persist;
        intake->parting = !request->keep_alive;
        intake->reason = CLOSE_ANSWERED;
        break;
    case EXCHANGE_LATER:
        return false;
    }
    intake->in_body = false;
    return true;
}

enum take {
    TAKE_MORE,  /* there is no whole request */
    TAKE_ONE,   /* one was answered, or refused */
    TAKE_LATER, /* there is one, and it cannot be answered yet */
};

/* Starts on the content of a request. Returns false where the request was answered without it: what
 * follows on the connection may be the content or the next request, which only a 100 would have
 * told (RFC 9110 §10.1.1). */
static COLD bool start_body(struct intake *intake, struct server *server,
                            const struct request *request, bool wanted, bool waiting) {
    if (waiting && !wanted) {
        (void)answer(intake, server, request, false);
        return false;
    }
    body_start(&intake->body, request->framing, request->content_length, server->max_body);
    intake->in_body = true;
    return true;
}

/* Passes over the content of the request at the start of `input`. TAKE_ONE: it ends, after `len`
 * bytes, or the request was answered without it. */
static COLD enum take take_body(struct intake *intake, struct server *server,
                                const struct request *request, struct slice *input, size_t *len) {
    struct slice content = slice_after(*input, request->head.len);
    bool wanted = method_is_allowed(request->method) && !request->expects_unknown;
    bool starts = !intake->in_body;
    bool waiting = starts && content.len == 0 && request_has_content(request) &&
                   (request->expects_continue || request->expects_unknown);
    if (starts && !start_body(intake, server, request, wanted, waiting))
        return TAKE_ONE;
    switch (body_consume(&intake->body, content, len)) {
    case BODY_DONE:
        break;
    case BODY_MORE:
        if (waiting)
            exchange_continue(server);
        *input = request->head; /* what is left of it */
        return TAKE_MORE;
    case BODY_BAD:
        refuse(intake, server, REFUSAL_BAD_CHUNK, request);
        break;
    case BODY_TOO_LARGE:
        if (wanted)
            refuse(intake, server, REFUSAL_CONTENT_TOO_LARGE, request);
        else
            (void)answer(intake, server, request, false);
        break;
    }
    return TAKE_ONE;
}

/* Keeps a request whose content has been passed over, without that: its head is moved to where what
 * follows it starts. */
static COLD void put_off(struct intake *intake, const struct server *server,
                         const struct request *request, struct slice *input, size_t content_len) {
    char *start = server->input + (input->ptr - server->input) + content_len;
    memmove(start, request->head.ptr, request->head.len);
    *input = slice_of(start, input->len - content_len);
    intake->past_body = true;
}

/* Answers the request at the start of `input`, and cuts it off. With TAKE_MORE and TAKE_LATER,
 * `input` is what must be kept. */
static HOT enum take take_request(struct intake *intake, struct server *server,
                                  struct slice *input) {
    struct request request;
    size_t content_len = 0;
    switch (request_parse_with(&server->memo, *input, server->max_head, &request)) {
    case REQUEST_MORE:
        return TAKE_MORE;
    case REQUEST_REFUSED:
        refuse(intake, server, request.refusal, &request);
        return TAKE_ONE;
    case REQUEST_WHOLE:
        break;
    }
    if (request.framing != BODY_NONE && !intake->past_body &&
        take_body(intake, server, &request, input, &content_len) == TAKE_MORE)
        return TAKE_MORE;
    if (!intake->closing && !answer(intake, server, &request, true)) {
        put_off(intake, server, &request, input, content_len);
        return TAKE_LATER;
    }
    intake->past_body = false;
    *input = slice_after(*input, request.head.len + content_len);
    return TAKE_ONE;
}

/* Refuses a request that is not whole, as far as it has come. */
static COLD void refuse_part(struct intake *intake, struct server *server, enum refusal refusal,
                             struct slice input) {
    struct request request;
    (void)request_parse(input, server->max_head, &request);
    refuse(intake, server, refusal, &request);
}

/* Keeps input for a later turn. */
static APART bool keep_rest(struct intake *intake, struct slice input) {
    if (input.len == 0)
        return true;
    intake->rest = malloc(sizeof *intake->rest + input.len);
    if (intake->rest == NULL)
        return false;
    intake->rest->len = input.len;
    memcpy(intake->rest->bytes, input.ptr, input.len);
    return true;
}

size_t intake_resume(struct intake *intake, struct server *server) {
    if (intake->rest == NULL)
        return 0;
    size_t len = intake->rest->len;
    memcpy(server->input, intake->rest->bytes, len);
    free(intake->rest);
    intake->rest = NULL;
    return len;
}

/* Answers requests until a turn is over, or none is whole. */
static enum take take_requests(struct intake *intake, struct server *server, struct slice *input) {
    enum take take = TAKE_ONE;
    for (int i = 0; take == TAKE_ONE && !intake->closing; i++) {
        bool more_is_made = i > 0 && intake->delivery != NULL;
        if (input->len == 0)
            return TAKE_MORE;
        if (i == REQUESTS_PER_TURN || more_is_made || !outq_has_room(&server->output)) {
            intake->backlog = true;
            break;
        }
        take = take_request(intake, server, input);
    }
    return take;
}

HOT bool intake_answer(struct intake *intake, struct server *server, size_t len, bool peer_done) {
    struct slice input = slice_of(server->input, len);
    intake->backlog = false;
    enum take take = take_requests(intake, server, &input);
    intake->backlog |= take == TAKE_LATER;
    if (peer_done && take == TAKE_MORE && has_begun(input))
        refuse_part(intake, server, REFUSAL_INCOMPLETE, input);
    if (intake->closing) {
        intake->lingering |= input.len > 0;
        return true;
    }
    return keep_rest(intake, input);
}

void intake_time_out(struct intake *intake, struct server *server) {
    struct slice input = slice_of(server->input, intake_resume(intake, server));
    refuse_part(intake, server, REFUSAL_TIMEOUT, input);
}

void intake_refuse(struct intake *intake, struct server *server, enum refusal refusal) {
    static const struct request unknown = {.method = METHOD_UNKNOWN};
    refuse(intake, server, refusal, &unknown);
}

COLD enum intake_preamble intake_take_preamble(struct intake *intake, struct server *server,
                                               size_t *len, bool peer_done, struct proxy *proxy) {
    struct slice input = slice_of(server->input, *len);
    enum proxy_outcome outcome = proxy_parse(input, proxy);
    if (outcome == PROXY_WHOLE) {
        intake->preamble = false;
        *len -= proxy->len;
        memmove(server->input, server->input + proxy->len, *len);
        return PREAMBLE_PASSED;
    }
    if (outcome == PROXY_MORE && !(peer_done && input.len > 0))
        return keep_rest(intake, input) ? PREAMBLE_MORE : PREAMBLE_FAULT;
    intake_refuse(intake, server, REFUSAL_BAD_PROXY);
    return PREAMBLE_REFUSED;
}

bool intake_has_begun(const struct intake *intake) {
    return intake->rest != NULL && has_begun(slice_of(intake->rest->bytes, intake->rest->len));
}

size_t intake_held_bytes(const struct intake *intake) {
    return intake->rest != NULL ? sizeof *intake->rest + intake->rest->len : 0;
}

void intake_deinit(struct intake *intake) {
    delivery_free(intake->delivery);
    free(intake->rest);
    intake->delivery = NULL;
    intake->rest = NULL;
}
