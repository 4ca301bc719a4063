/* The state machine
 *
 * A connection is in one of four states, named after what it waits for. What is done between two
 * waits is done in one turn, in a function per state; it returns how the turn goes on.
 *
 * - READ: for a request. What arrives goes to the worker's scratch; whole requests are answered
 *   into the worker's output queue, which is flushed at the end of the turn. If the client takes
 *   everything, nothing is left behind.
 * - SEND: for the client to take the rest of its answers, which the connection owns meanwhile.
 *   Nothing is read before it has them: who does not read is not answered.
 * - MAKE: for its next turn, in which more of an answer is made that is not there as a whole, or
 *   more is found out that must be known before it can be begun.
 * - LINGER: for the client to close. Closing a socket with unread input resets the connection, and
 *   a reset can destroy an answer that has not been read yet. So the sending side is shut, and what
 *   still comes is thrown away, within bounds (RFC 9112 §9.6).
 *
 * Between turns a connection owns memory only for what is unfinished: `rest`, input that is no
 * whole request yet (or is not answered yet), `output`, and `delivery`. An idle one owns its struct
 * alone.
 *
 * A new connection is not registered with epoll before it has to wait: its request is usually there
 * when it is accepted, and where it is also its last, the registration is saved. */
#include "serve/connection.h"

#include "base/check.h"
#include "http/body.h"
#include "serve/delivery.h"
#include "serve/exchange.h"
#include "sys/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    REQUESTS_PER_TURN = 64,
    SEND_BYTES_PER_TURN = 512 * 1024,
    LINGER_BYTES = 1024 * 1024, /* thrown away at most */
};

enum state { STATE_READ, STATE_SEND, STATE_MAKE, STATE_LINGER };

/* How a turn goes on after a step. */
enum step {
    STEP_AGAIN,  /* another step at once */
    STEP_YIELD,  /* another turn, after the others */
    STEP_WAIT,   /* a turn when something happens */
    STEP_CLOSED, /* no more: close for `reason` */
};

struct rest {
    size_t len;
    char bytes[];
};

struct connection {
    struct source source;
    struct deadline deadline;
    struct server *server;     /* borrowed */
    struct rest *rest;         /* NULL: none */
    struct outq *output;       /* STATE_SEND only, else NULL */
    struct delivery *delivery; /* what is still to be made of the last answer; NULL: nothing */
    struct body
        body; /* where the content of the request at the start of `rest` is at; with `in_body` */
    size_t unacked_bytes; /* STATE_SEND: what the client had not acknowledged when the deadline
                             started */
    uint32_t linger_left; /* bytes that may still be thrown away */
    uint8_t state;
    uint8_t awaited;     /* enum server_deadline: the one that is running */
    uint8_t reason;      /* enum close_reason, once it is known */
    bool registered : 1; /* with epoll */
    bool in_body : 1;    /* `rest` is a head whose content has not been passed over yet */
    bool past_body : 1;  /* `rest` starts with the head of a request that has lost its content */
    bool backlog : 1;    /* `rest` may hold a whole request */
    bool closing : 1;    /* the last answer is queued or sent */
    bool lingering : 1;  /* there may be unread input when it has been sent */
    bool peer_done : 1;  /* the client has shut its sending side */
};

static void close_connection(struct connection *conn, enum close_reason reason) {
    struct server *server = conn->server;
    deadline_stop(&conn->deadline);
    list_remove(&conn->source.place);
    (void)close(conn->source.fd); /* takes it out of epoll, too */
    outq_free(conn->output);
    delivery_free(conn->delivery);
    free(conn->rest);
    free(conn);
    server->connections--;
    server->closed[reason]++;
    server_wake_starved(server);
}

static enum step closed(struct connection *conn, enum close_reason reason) {
    conn->reason = (uint8_t)reason;
    return STEP_CLOSED;
}

/* Whether a request has begun: empty lines before it, or left over from the last one, don't count
 * (RFC 9112 §2.2). */
static bool has_begun(struct slice input) {
    for (size_t i = 0; i < input.len; i++) {
        if (input.ptr[i] != '\r' && input.ptr[i] != '\n')
            return true;
    }
    return false;
}

/* Starts the deadline, but leaves one running that has been started for the same thing: a drip of
 * bytes, or an event of no interest, does not extend it. */
static void await(struct connection *conn, enum server_deadline deadline) {
    struct server *server = conn->server;
    if (conn->awaited == deadline)
        return;
    conn->awaited = (uint8_t)deadline;
    deadline_start(&conn->deadline, &server->deadlines[deadline], server->loop->now_ms);
    if (deadline == DEADLINE_IDLE) /* it can be shed from now on */
        server_wake_starved(server);
}

/* The socket has room again only after a good part of its buffer has been taken, which a slow
 * client needs a while for. So what counts is what the client has acknowledged. */
static void await_taking(struct connection *conn) {
    if (conn->awaited != DEADLINE_SEND)
        conn->unacked_bytes = socket_unacked_bytes(conn->source.fd);
    await(conn, DEADLINE_SEND);
}

/* Something has been achieved: the next deadline starts anew. */
static void progress(struct connection *conn) {
    conn->awaited = DEADLINE_NONE;
}

/* Sending */

/* The last answer has been handed to the kernel. The connection can be closed at once if the client
 * has all of it, and has nothing more to say. */
static enum step finish(struct connection *conn, bool readable) {
    bool linger = readable || conn->lingering || socket_unacked_bytes(conn->source.fd) > 0;
    if (conn->peer_done || !linger)
        return closed(conn, (enum close_reason)conn->reason);
    if (shutdown(conn->source.fd, SHUT_WR) < 0)
        return closed(conn, CLOSE_PEER_GONE);
    conn->state = STATE_LINGER;
    conn->linger_left = LINGER_BYTES;
    return STEP_AGAIN;
}

/* There is more of the answer, when it is this connection's turn again. */
static enum step make_more_later(struct connection *conn) {
    conn->state = STATE_MAKE;
    conn->source.is_heavy = true;
    await_taking(conn);
    return STEP_YIELD;
}

/* What comes after everything has been sent. */
static enum step next_request(struct connection *conn) {
    if (conn->delivery != NULL)
        return make_more_later(conn);
    conn->state = STATE_READ;
    conn->source.is_heavy = false;
    bool readable = (conn->source.ready & EPOLLIN) != 0;
    if (conn->closing)
        return finish(conn, readable);
    if (conn->backlog) {
        await(conn, DEADLINE_HEAD);
        return STEP_YIELD;
    }
    if (conn->peer_done)
        return closed(conn, CLOSE_PEER_CLOSED);
    if (conn->in_body)
        await(conn, DEADLINE_BODY);
    else if (conn->rest != NULL && has_begun(slice_of(conn->rest->bytes, conn->rest->len)))
        await(conn, DEADLINE_HEAD);
    else if (conn->awaited != DEADLINE_HEAD) /* the first head is due from accept on */
        await(conn, DEADLINE_IDLE);
    return readable ? STEP_YIELD : STEP_WAIT;
}

/* Goes on after a flush that did not send everything; the rest is in conn->output. */
static enum step flushed(struct connection *conn, enum outq_outcome outcome, uint64_t sent) {
    if (sent > 0)
        progress(conn);
    conn->state = STATE_SEND;
    conn->source.is_heavy = conn->output->has_file || conn->delivery != NULL;
    await_taking(conn);
    switch (outcome) {
    case OUTQ_SENT:
        break;
    case OUTQ_BLOCKED:
        conn->source.ready &= ~(uint32_t)EPOLLOUT;
        return STEP_WAIT;
    case OUTQ_PAUSED:
        return STEP_YIELD;
    case OUTQ_PEER_GONE:
        return closed(conn, CLOSE_PEER_GONE);
    case OUTQ_FILE_CHANGED:
        return closed(conn, CLOSE_FILE_CHANGED);
    case OUTQ_FAULT:
        return closed(conn, CLOSE_FAULT);
    }
    return next_request(conn);
}

/* Sends what has been queued in the worker's scratch; what the client does not take is the
 * connection's from then on. */
static enum step flush_scratch(struct connection *conn) {
    struct outq *scratch = &conn->server->output;
    uint64_t sent = 0;
    if (outq_is_empty(scratch))
        return next_request(conn);
    progress(conn);
    enum outq_outcome outcome = outq_flush(scratch, conn->source.fd, SEND_BYTES_PER_TURN, &sent);
    if (outcome == OUTQ_SENT)
        return next_request(conn);
    conn->output = outq_detach(scratch);
    if (conn->output == NULL)
        return closed(conn, CLOSE_FAULT);
    return flushed(conn, outcome, sent);
}

/* Finds out more of what an answer is to say, until it can be given. */
static enum step prepare_more(struct connection *conn) {
    if (delivery_prepare(conn->delivery))
        return make_more_later(conn);
    conn->state = STATE_READ;
    return STEP_AGAIN;
}

static void end_delivery(struct connection *conn) {
    delivery_free(conn->delivery);
    conn->delivery = NULL;
}

/* Queues more of an answer, and sends it. */
static enum step make_more(struct connection *conn) {
    struct outq *scratch = &conn->server->output;
    progress(conn);
    if (conn->delivery->preparing)
        return prepare_more(conn);
    enum delivery_outcome outcome = delivery_fill(conn->delivery, scratch);
    if (outcome != DELIVERY_MORE)
        end_delivery(conn);
    switch (outcome) {
    case DELIVERY_MORE:
    case DELIVERY_DONE:
        return flush_scratch(conn);
    case DELIVERY_FILE_CHANGED:
        outq_clear(scratch);
        return closed(conn, CLOSE_FILE_CHANGED);
    case DELIVERY_FAULT:
        outq_clear(scratch);
        break;
    }
    return closed(conn, CLOSE_FAULT);
}

static enum step send_rest(struct connection *conn) {
    uint64_t sent = 0;
    if ((conn->source.ready & EPOLLOUT) == 0)
        return STEP_WAIT;
    enum outq_outcome outcome =
        outq_flush(conn->output, conn->source.fd, SEND_BYTES_PER_TURN, &sent);
    if (outcome != OUTQ_SENT)
        return flushed(conn, outcome, sent);
    outq_free(conn->output);
    conn->output = NULL;
    progress(conn);
    return next_request(conn);
}

/* Answering */

static void refuse(struct connection *conn, enum refusal refusal, enum method method) {
    exchange_refuse(conn->server, refusal, method);
    conn->closing = true;
    conn->lingering = true;
    conn->reason = refusal == REFUSAL_TIMEOUT ? CLOSE_HEAD_TIMEOUT : CLOSE_REFUSED;
}

/* Returns false where the request is to be answered later. */
static bool answer(struct connection *conn, const struct request *request, bool persist) {
    switch (exchange_answer(conn->server, request, persist, &conn->delivery)) {
    case EXCHANGE_PERSISTS:
        break;
    case EXCHANGE_CLOSES:
        conn->closing = true;
        conn->lingering = !persist;
        conn->reason = CLOSE_ANSWERED;
        break;
    case EXCHANGE_LATER:
        return false;
    }
    conn->in_body = false;
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
static bool start_body(struct connection *conn, const struct request *request, bool wanted,
                       bool waiting) {
    if (waiting && !wanted) {
        (void)answer(conn, request, false);
        return false;
    }
    body_start(&conn->body, request->framing, request->content_length, conn->server->max_body);
    conn->in_body = true;
    progress(conn);
    return true;
}

/* Passes over the content of the request at the start of `input`. TAKE_ONE: it ends, after `len`
 * bytes, or the request was answered without it. */
static enum take take_body(struct connection *conn, const struct request *request,
                           struct slice *input, size_t *len) {
    struct slice content = slice_after(*input, request->head.len);
    bool wanted = method_is_allowed(request->method) && !request->expects_unknown;
    bool starts = !conn->in_body;
    bool waiting = starts && content.len == 0 && request_has_content(request) &&
                   (request->expects_continue || request->expects_unknown);
    if (starts && !start_body(conn, request, wanted, waiting))
        return TAKE_ONE;
    switch (body_consume(&conn->body, content, len)) {
    case BODY_DONE:
        break;
    case BODY_MORE:
        if (waiting)
            exchange_continue(conn->server);
        *input = request->head; /* what is left of it */
        return TAKE_MORE;
    case BODY_BAD:
        refuse(conn, REFUSAL_BAD_CHUNK, request->method);
        break;
    case BODY_TOO_LARGE:
        if (wanted)
            refuse(conn, REFUSAL_CONTENT_TOO_LARGE, request->method);
        else
            (void)answer(conn, request, false);
        break;
    }
    return TAKE_ONE;
}

/* Keeps a request whose content has been passed over, without that: its head is moved to where what
 * follows it starts. */
static void put_off(struct connection *conn, const struct request *request, struct slice *input,
                    size_t content_len) {
    char *start = conn->server->input + (input->ptr - conn->server->input) + content_len;
    memmove(start, request->head.ptr, request->head.len);
    *input = slice_of(start, input->len - content_len);
    conn->past_body = true;
}

/* Answers the request at the start of `input`, and cuts it off. With TAKE_MORE and TAKE_LATER,
 * `input` is what must be kept. */
static enum take take_request(struct connection *conn, struct slice *input) {
    struct request request;
    size_t content_len = 0;
    if (input->len == 0)
        return TAKE_MORE;
    switch (request_parse(*input, conn->server->max_head, &request)) {
    case REQUEST_MORE:
        return TAKE_MORE;
    case REQUEST_REFUSED:
        refuse(conn, request.refusal, request.method);
        return TAKE_ONE;
    case REQUEST_WHOLE:
        break;
    }
    if (request.framing != BODY_NONE && !conn->past_body &&
        take_body(conn, &request, input, &content_len) == TAKE_MORE)
        return TAKE_MORE;
    if (!conn->closing && !answer(conn, &request, true)) {
        put_off(conn, &request, input, content_len);
        return TAKE_LATER;
    }
    conn->past_body = false;
    *input = slice_after(*input, request.head.len + content_len);
    return TAKE_ONE;
}

/* The method of a request that is not whole, as far as it has come. */
static enum method method_of(const struct connection *conn, struct slice input) {
    struct request request;
    (void)request_parse(input, conn->server->max_head, &request);
    return request.method;
}

/* Keeps input for a later turn. */
static bool keep_rest(struct connection *conn, struct slice input) {
    if (input.len == 0)
        return true;
    conn->rest = malloc(sizeof *conn->rest + input.len);
    if (conn->rest == NULL)
        return false;
    conn->rest->len = input.len;
    memcpy(conn->rest->bytes, input.ptr, input.len);
    return true;
}

/* Answers the whole requests in the first `len` bytes of the scratch. */
static enum step answer_requests(struct connection *conn, size_t len) {
    struct server *server = conn->server;
    struct slice input = slice_of(server->input, len);
    enum take take = TAKE_ONE;
    conn->backlog = false;
    for (int i = 0; take == TAKE_ONE && !conn->closing; i++) {
        bool more_is_made = i > 0 && conn->delivery != NULL;
        if (i == REQUESTS_PER_TURN || more_is_made || !outq_has_room(&server->output)) {
            conn->backlog = input.len > 0;
            break;
        }
        take = take_request(conn, &input);
    }
    conn->backlog |= take == TAKE_LATER;
    if (conn->peer_done && take == TAKE_MORE && has_begun(input))
        refuse(conn, REFUSAL_INCOMPLETE, method_of(conn, input));
    if (conn->closing) {
        conn->lingering |= input.len > 0;
    } else if (!keep_rest(conn, input)) {
        outq_clear(&server->output);
        return closed(conn, CLOSE_FAULT);
    }
    return flush_scratch(conn);
}

/* Reading */

/* Moves the rest of the last turn to the start of the scratch; returns its length. */
static size_t take_rest(struct connection *conn) {
    if (conn->rest == NULL)
        return 0;
    size_t len = conn->rest->len;
    memcpy(conn->server->input, conn->rest->bytes, len);
    free(conn->rest);
    conn->rest = NULL;
    return len;
}

/* Reads to the scratch behind its first `at` bytes. Returns the bytes read; 0 at the end or when
 * there are none yet, which conn->source.ready and conn->peer_done tell apart; or -errno. */
static ssize_t read_scratch(struct connection *conn, size_t at) {
    size_t room = conn->server->input_capacity - at;
    ssize_t len;
    CHECK(room > 0);
    do
        len = recv(conn->source.fd, conn->server->input + at, room, 0);
    while (len < 0 && errno == EINTR);
    if (len < 0 && errno != EAGAIN)
        return -errno;
    if (len == 0)
        conn->peer_done = true;
    /* Fewer bytes than there was room for: it is drained, unless the end has been announced and is
     * still to be read. */
    bool drained = len < 0 || ((size_t)len < room && (conn->source.ready & EPOLLRDHUP) == 0);
    if (drained || conn->peer_done)
        conn->source.ready &= ~(uint32_t)EPOLLIN;
    return len < 0 ? 0 : len;
}

/* Changes of files that came with this turn's events have been noticed. Where the end of a request
 * may have come later, so may a change that was made before it was sent: if it came in pieces, or
 * if this turn had no event of it. */
static void notice_changes(struct connection *conn, bool in_pieces) {
    if (in_pieces || !loop_reported(conn->server->loop, &conn->source))
        store_notice(&conn->server->store);
}

static enum step read_requests(struct connection *conn) {
    if (!conn->backlog && (conn->source.ready & EPOLLIN) == 0)
        return next_request(conn);
    size_t len = take_rest(conn);
    if (!conn->backlog) { /* what is there already is answered before more is read */
        ssize_t count = read_scratch(conn, len);
        if (count < 0)
            return closed(conn, CLOSE_PEER_GONE);
        if (count > 0)
            notice_changes(conn, len > 0);
        len += (size_t)count;
    }
    return answer_requests(conn, len);
}

static enum step discard(struct connection *conn) {
    if (conn->awaited != DEADLINE_SEND) /* it is given that only while it is still reading */
        await(conn, DEADLINE_LINGER);
    if ((conn->source.ready & EPOLLIN) == 0)
        return STEP_WAIT;
    ssize_t count = read_scratch(conn, 0);
    if (count < 0)
        return closed(conn, CLOSE_PEER_GONE);
    if (conn->peer_done)
        return closed(conn, (enum close_reason)conn->reason);
    if ((size_t)count >= conn->linger_left)
        return closed(conn, CLOSE_LINGER_LIMIT);
    conn->linger_left -= (uint32_t)count;
    return (conn->source.ready & EPOLLIN) != 0 ? STEP_YIELD : STEP_WAIT;
}

/* Turns */

static enum step run_state(struct connection *conn) {
    switch ((enum state)conn->state) {
    case STATE_READ:
        return read_requests(conn);
    case STATE_SEND:
        return send_rest(conn);
    case STATE_MAKE:
        return make_more(conn);
    case STATE_LINGER:
        return discard(conn);
    }
    return STEP_WAIT;
}

static bool is_registered(struct connection *conn) {
    if (!conn->registered)
        conn->registered =
            loop_add(conn->server->loop, &conn->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP) == 0;
    return conn->registered;
}

/* Does what a step has led to; `conn` may be gone afterwards. */
static void carry_on(struct connection *conn, enum step step) {
    while (step == STEP_AGAIN)
        step = run_state(conn);
    if (step == STEP_YIELD)
        loop_again(conn->server->loop, &conn->source);
    else if (step == STEP_CLOSED)
        close_connection(conn, (enum close_reason)conn->reason);
    else if (!is_registered(conn))
        close_connection(conn, CLOSE_FAULT);
}

static void run(struct source *source) {
    struct connection *conn = list_entry(source, struct connection, source);
    carry_on(conn, run_state(conn));
}

void connection_open(struct server *server, int fd) {
    struct connection *conn = calloc(1, sizeof *conn);
    if (conn == NULL) {
        (void)close(fd);
        server->closed[CLOSE_FAULT]++;
        return;
    }
    source_init(&conn->source, fd, run);
    conn->source.ready = EPOLLIN | EPOLLOUT; /* worth a try */
    deadline_init(&conn->deadline);
    conn->server = server;
    conn->state = STATE_READ;
    server->connections++;
    await(conn, DEADLINE_HEAD);
    run(&conn->source);
}

/* Deadlines */

static struct connection *connection_of(struct deadline *deadline) {
    return list_entry(deadline, struct connection, deadline);
}

/* The client is told that it was too slow, if it is listening. */
static void time_out_request(struct connection *conn) {
    struct slice input = slice_of(conn->server->input, take_rest(conn));
    refuse(conn, REFUSAL_TIMEOUT, method_of(conn, input));
    carry_on(conn, flush_scratch(conn));
}

/* Gives a client more time that has taken something since the deadline started. */
static void expire_taking(struct connection *conn) {
    size_t unacked_bytes = socket_unacked_bytes(conn->source.fd);
    if (unacked_bytes >= conn->unacked_bytes) {
        close_connection(conn, CLOSE_SEND_TIMEOUT);
    } else if (unacked_bytes == 0 && conn->state == STATE_LINGER) {
        close_connection(conn, CLOSE_LINGER_TIMEOUT);
    } else {
        progress(conn);
        await_taking(conn);
    }
}

/* A client that does not close may still be reading: then it has as long as any other. */
static void expire_linger(struct connection *conn) {
    if (socket_unacked_bytes(conn->source.fd) > 0)
        await_taking(conn);
    else
        close_connection(conn, CLOSE_LINGER_TIMEOUT);
}

static void expire(struct connection *conn, enum server_deadline deadline) {
    switch (deadline) {
    case DEADLINE_HEAD:
    case DEADLINE_BODY:
        time_out_request(conn);
        break;
    case DEADLINE_IDLE:
        close_connection(conn, CLOSE_IDLE_TIMEOUT);
        break;
    case DEADLINE_SEND:
        expire_taking(conn);
        break;
    case DEADLINE_LINGER:
        expire_linger(conn);
        break;
    case DEADLINE_NONE:
    case DEADLINE_COUNT:
        break;
    }
}

void connections_expire(struct server *server) {
    for (unsigned i = 0; i < DEADLINE_COUNT; i++) {
        struct deadline *deadline;
        while ((deadline = deadline_expired(&server->deadlines[i], server->loop->now_ms)) != NULL)
            expire(connection_of(deadline), (enum server_deadline)i);
    }
    if (server->loop->now_ms >= server->starved_retry_ms)
        server_wake_starved(server);
}

bool connections_shed(struct server *server) {
    list_for_each(link, &server->deadlines[DEADLINE_IDLE].members) {
        struct connection *conn = connection_of(list_entry(link, struct deadline, link));
        if ((conn->source.ready & EPOLLIN) == 0) { /* else its request has come, or its end */
            close_connection(conn, CLOSE_SHED);
            return true;
        }
    }
    return false;
}

void connections_close_idle(struct server *server) {
    list_for_each(link, &server->deadlines[DEADLINE_IDLE].members)
        close_connection(connection_of(list_entry(link, struct deadline, link)), CLOSE_DRAINED);
    list_for_each(link, &server->deadlines[DEADLINE_HEAD].members) {
        struct connection *conn = connection_of(list_entry(link, struct deadline, link));
        if (conn->rest == NULL)
            close_connection(conn, CLOSE_DRAINED);
    }
}

void connections_close_all(struct server *server) {
    for (unsigned i = 0; i < DEADLINE_COUNT; i++) {
        list_for_each(link, &server->deadlines[i].members)
            close_connection(connection_of(list_entry(link, struct deadline, link)), CLOSE_DRAINED);
    }
}
