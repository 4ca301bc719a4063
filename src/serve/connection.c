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
 *   more is found out that must be known before it can be begun. Or, where an answer goes on only
 *   when something happens, for that: nothing is read meanwhile.
 * - LINGER: for the client to close. Closing a socket with unread input resets the connection, and
 *   a reset can destroy an answer that has not been read yet. So the sending side is shut, and what
 *   still comes is thrown away, within bounds (RFC 9112 §9.6).
 *
 * Between turns a connection owns memory only for what is unfinished: input that is no whole
 * request yet, and output that the client has not taken, or that has not been made yet. An idle one
 * owns its struct alone.
 *
 * A new connection is not registered with epoll before it has to wait: its request is usually there
 * when it is accepted, and where it is also its last, the registration is saved. */
#include "serve/connection.h"

#include "base/check.h"
#include "base/placement.h"
#include "serve/client.h"
#include "serve/intake.h"
#include "serve/outq.h"
#include "serve/taking.h"
#include "sys/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SEND_BYTES_PER_TURN = 512 * 1024,
    LINGER_BYTES = 1024 * 1024, /* thrown away at most */
    OWN_BYTES = 4096,           /* a connection may hold these, whatever the others hold */
};

enum state { STATE_READ, STATE_SEND, STATE_MAKE, STATE_LINGER };

/* How a turn goes on after a step. */
enum step {
    STEP_AGAIN,  /* another step at once */
    STEP_YIELD,  /* another turn, after the others */
    STEP_WAIT,   /* a turn when something happens */
    STEP_CLOSED, /* no more: close for `reason` */
};

struct connection {
    struct source source;
    struct deadline deadline;
    struct server *server; /* borrowed */
    struct outq *output;   /* STATE_SEND only, else NULL */
    uint32_t held_bytes;   /* its part of the server's */
    uint32_t linger_left;  /* bytes that may still be thrown away */
    uint8_t state;
    uint8_t awaited;    /* enum server_deadline: the one that is running */
    uint8_t reason;     /* enum close_reason, with STEP_CLOSED */
    bool peer_done : 1; /* the client has shut its sending side */
    bool counted : 1;   /* in the server's quota, as its peer's */
    bool near : 1;      /* the other end of the socket is on this machine */
    struct intake intake;
    struct account account; /* its peer is the one that a PROXY header named, if one came */
    struct taking taking;   /* of answers, by the client; with DEADLINE_SEND */
};

HOT FLAT APART void connection_close(struct connection *conn, enum close_reason reason) {
    struct server *server = conn->server;
    deadline_stop(&conn->deadline);
    if (reason == CLOSE_SEND_TIMEOUT || reason == CLOSE_BUFFERS_FULL)
        socket_forget_unsent(conn->source.fd);
    loop_close(server->loop, &conn->source);
    ledger_close(&server->ledger, &conn->account);
    outq_free(conn->output);
    intake_deinit(&conn->intake);
    if (conn->counted)
        quota_leave(&server->quota, &conn->account.peer);
    server->held_bytes -= conn->held_bytes;
    free(conn);
    server->connections--;
    counter_add(&server->tally->closed[reason], 1);
    server_wake_starved(server);
}

/* Counts the connection as its client's. Returns false where that has as many as it may have. A
 * proxy that is trusted has those of many clients, and any number. */
static bool enter_quota(struct connection *conn) {
    struct server *server = conn->server;
    if (server->quota.max == 0 || client_is_trusted(&server->trusted, &conn->account.peer))
        return true;
    conn->counted = quota_enter(&server->quota, &conn->account.peer);
    return conn->counted;
}

static enum step closed(struct connection *conn, enum close_reason reason) {
    conn->reason = (uint8_t)reason;
    return STEP_CLOSED;
}

/* Starts the deadline, but leaves one running that has been started for the same thing: a drip of
 * bytes, or an event of no interest, does not extend it. */
static HOT void await(struct connection *conn, enum server_deadline deadline) {
    struct server *server = conn->server;
    if (conn->awaited == deadline)
        return;
    conn->awaited = (uint8_t)deadline;
    deadline_start(&conn->deadline, &server->deadlines[deadline], server->loop->now_ms);
    if (deadline == DEADLINE_IDLE) /* it can be shed from now on */
        server_wake_starved(server);
}

/* The time is not started again by what the client takes: when it is over, that must have been
 * enough, or one byte now and then would hold an answer for ever. */
static void await_taking(struct connection *conn) {
    if (conn->awaited != DEADLINE_SEND)
        taking_start(&conn->taking, conn->source.fd);
    await(conn, DEADLINE_SEND);
}

/* Something has been achieved: the next deadline starts anew. */
static void progress(struct connection *conn) {
    conn->awaited = DEADLINE_NONE;
}

static bool is_registered(struct connection *conn) {
    return conn->source.is_added ||
           loop_add(conn->server->loop, &conn->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP) == 0;
}

/* Sending */

/* Sends what is queued, about a turn's worth of it, and counts. */
static HOT enum outq_outcome flush(struct connection *conn, struct outq *queue, uint64_t *sent) {
    struct server *server = conn->server;
    unsigned answers = queue->answers;
    int64_t begun_ns = queue->begun_ns;
    enum outq_outcome outcome = outq_flush(queue, conn->source.fd, SEND_BYTES_PER_TURN, sent);
    taking_add(&conn->taking, *sent);
    counter_add(&server->tally->sent_bytes, *sent);
    if (outcome == OUTQ_SENT && server->timed && answers > 0)
        stopwatch_add(&server->stopwatch, &server->tally->request_times, answers, begun_ns);
    return outcome;
}

/* The last answer has been handed to the kernel. The connection can be closed at once if the client
 * has all of it, and has nothing more to say. */
static APART enum step finish(struct connection *conn, bool readable) {
    bool near = conn->near && conn->intake.parting;
    bool linger =
        readable || conn->intake.lingering || !taking_is_over(&conn->taking, conn->source.fd, near);
    if (conn->peer_done || !linger)
        return closed(conn, (enum close_reason)conn->intake.reason);
    if (shutdown(conn->source.fd, SHUT_WR) < 0)
        return closed(conn, CLOSE_PEER_GONE);
    conn->state = STATE_LINGER;
    conn->linger_left = LINGER_BYTES;
    return STEP_AGAIN;
}

/* There is more of the answer, when it is this connection's turn again. */
static COLD enum step make_more_later(struct connection *conn) {
    conn->state = STATE_MAKE;
    conn->source.is_heavy = true;
    await_taking(conn);
    return STEP_YIELD;
}

/* What comes after everything has been sent. */
static HOT enum step next_request(struct connection *conn) {
    if (conn->intake.delivery != NULL)
        return make_more_later(conn);
    conn->state = STATE_READ;
    conn->source.is_heavy = false;
    bool readable = (conn->source.ready & EPOLLIN) != 0;
    if (conn->intake.closing)
        return finish(conn, readable);
    if (conn->intake.backlog) {
        await(conn, DEADLINE_HEAD);
        return STEP_YIELD;
    }
    if (conn->peer_done)
        return closed(conn, CLOSE_PEER_CLOSED);
    if (conn->intake.in_body)
        await(conn, DEADLINE_BODY);
    else if (intake_has_begun(&conn->intake))
        await(conn, DEADLINE_HEAD);
    else if (conn->awaited != DEADLINE_HEAD) /* the first head is due from accept on */
        await(conn, DEADLINE_IDLE);
    return readable ? STEP_YIELD : STEP_WAIT;
}

/* Goes on after a flush that did not send everything; the rest is in conn->output. */
static COLD enum step flushed(struct connection *conn, enum outq_outcome outcome) {
    conn->state = STATE_SEND;
    conn->source.is_heavy = conn->output->has_file || conn->intake.delivery != NULL;
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

/* Accounts for what has been sent: of what a delivery has queued just now, that is `queued` bytes;
 * and where it is not done, there will be more. */
static HOT bool account_for(struct connection *conn, uint64_t queued, uint64_t sent) {
    const struct delivery *delivery = conn->intake.delivery;
    bool more = delivery != NULL && !delivery->preparing;
    return ledger_sent(&conn->server->ledger, &conn->account, queued, sent, more);
}

/* What the client has not taken is the connection's from now on. */
static COLD enum step keep_output(struct connection *conn, bool accounted,
                                  enum outq_outcome outcome) {
    conn->output = outq_detach(&conn->server->output);
    if (!accounted || conn->output == NULL)
        return closed(conn, CLOSE_FAULT);
    return flushed(conn, outcome);
}

/* Sends what has been queued in the worker's scratch; what the client does not take is the
 * connection's from then on. */
static HOT enum step flush_scratch(struct connection *conn) {
    struct outq *scratch = &conn->server->output;
    uint64_t queued = scratch->queued_bytes;
    uint64_t sent = 0;
    enum outq_outcome outcome = OUTQ_SENT;
    /* An answer may end with no bytes; it is counted all the same, and before any other. */
    if (!outq_is_empty(scratch) || scratch->answers > 0) {
        if (conn->state != STATE_MAKE) /* else it is more of the same answer */
            progress(conn);
        outcome = flush(conn, scratch, &sent);
    }
    bool accounted = account_for(conn, queued, sent);
    if (accounted && outcome == OUTQ_SENT)
        return next_request(conn);
    return keep_output(conn, accounted, outcome);
}

/* Finds out more of what an answer is to say, until it can be given. It may take long, and nothing
 * is sent meanwhile by which it could be told that nobody waits for it any more; epoll tells. */
static COLD enum step prepare_more(struct connection *conn) {
    if (!is_registered(conn))
        return closed(conn, CLOSE_FAULT);
    if ((conn->source.ready & (EPOLLERR | EPOLLHUP)) != 0)
        return closed(conn, CLOSE_PEER_GONE);
    if (delivery_prepare(conn->intake.delivery))
        return make_more_later(conn);
    conn->state = STATE_READ;
    return STEP_AGAIN;
}

static COLD void end_delivery(struct connection *conn) {
    delivery_free(conn->intake.delivery);
    conn->intake.delivery = NULL;
}

/* There is nothing to tell now. Who has shut its sending side meanwhile has gone away: an answer
 * that has no end is not waited for in any other way. */
static COLD enum step wait_for_news(struct connection *conn) {
    const uint32_t gone = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    if ((conn->source.ready & gone) != 0)
        return closed(conn, CLOSE_PEER_CLOSED);
    progress(conn);
    await(conn, DEADLINE_NEWS);
    return STEP_WAIT;
}

/* Queues more of an answer, and sends it. */
static APART enum step make_more(struct connection *conn) {
    struct outq *scratch = &conn->server->output;
    if (conn->intake.delivery->preparing)
        return prepare_more(conn);
    enum delivery_outcome outcome = delivery_fill(conn->intake.delivery, scratch);
    if (outcome == DELIVERY_DONE)
        outq_note_end(scratch, conn->intake.delivery->answered_ns);
    if (outcome != DELIVERY_MORE && outcome != DELIVERY_WAIT) {
        end_delivery(conn);
        progress(conn);
    }
    switch (outcome) {
    case DELIVERY_WAIT:
        return outq_is_empty(scratch) ? wait_for_news(conn) : flush_scratch(conn);
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

static APART enum step send_rest(struct connection *conn) {
    uint64_t sent = 0;
    if ((conn->source.ready & EPOLLOUT) == 0)
        return STEP_WAIT;
    enum outq_outcome outcome = flush(conn, conn->output, &sent);
    (void)account_for(conn, 0, sent); /* takes no memory: what is sent was kept before */
    if (outcome != OUTQ_SENT)
        return flushed(conn, outcome);
    outq_free(conn->output);
    conn->output = NULL;
    if (conn->intake.delivery == NULL)
        progress(conn);
    return next_request(conn);
}

/* Reading */

/* Reads to the scratch behind its first `at` bytes. Returns the bytes read; 0 at the end or when
 * there are none yet, which conn->source.ready and conn->peer_done tell apart; or -errno. */
static HOT ssize_t read_scratch(struct connection *conn, size_t at) {
    size_t room = conn->server->input_capacity - at;
    CHECK(room > 0);
    ssize_t len = source_receive(&conn->source, conn->server->input + at, room);
    conn->peer_done |= len == 0;
    return len == -EAGAIN ? 0 : len;
}

/* Changes of files that came with this turn's events have been noticed. Where the end of a request
 * may have come later, so may a change that was made before it was sent: if it came in pieces, or
 * if this turn had no event of it. */
static void notice_changes(struct connection *conn, bool in_pieces) {
    if (in_pieces || !loop_reported(conn->server->loop, &conn->source))
        store_notice(&conn->server->store);
}

/* Answers what is in the first `len` bytes of the scratch. */
static enum step answer_requests(struct connection *conn, size_t len) {
    if (!intake_answer(&conn->intake, conn->server, len, conn->peer_done)) {
        outq_clear(&conn->server->output);
        return closed(conn, CLOSE_FAULT);
    }
    return flush_scratch(conn);
}

/* Now it is known whose it is, and what is in the first `len` bytes of the scratch. A proxy whose
 * connection is closed without an answer would take the server for broken, so it is told. */
static COLD enum step begin_proxied(struct connection *conn, const struct proxy *proxy,
                                    size_t len) {
    conn->account.peer = client_of_proxy(&conn->account.peer, proxy);
    if (!enter_quota(conn)) {
        intake_refuse(&conn->intake, conn->server, REFUSAL_CROWDED);
        conn->intake.reason = CLOSE_CROWDED;
        return flush_scratch(conn);
    }
    return answer_requests(conn, len);
}

static COLD enum step read_preamble(struct connection *conn, size_t len) {
    struct proxy proxy;
    switch (intake_take_preamble(&conn->intake, conn->server, &len, conn->peer_done, &proxy)) {
    case PREAMBLE_PASSED:
        return begin_proxied(conn, &proxy, len);
    case PREAMBLE_MORE:
        return next_request(conn);
    case PREAMBLE_REFUSED:
        return flush_scratch(conn);
    case PREAMBLE_FAULT:
        break;
    }
    return closed(conn, CLOSE_FAULT);
}

static enum step read_requests(struct connection *conn) {
    if (!conn->intake.backlog && (conn->source.ready & EPOLLIN) == 0)
        return next_request(conn);
    size_t len = intake_resume(&conn->intake, conn->server);
    if (!conn->intake.backlog) { /* what is there already is answered before more is read */
        ssize_t count = read_scratch(conn, len);
        if (count < 0)
            return closed(conn, CLOSE_PEER_GONE);
        if (count > 0)
            notice_changes(conn, len > 0);
        len += (size_t)count;
    }
    ledger_begin(&conn->server->ledger, &conn->account);
    return conn->intake.preamble ? read_preamble(conn, len) : answer_requests(conn, len);
}

static COLD enum step discard(struct connection *conn) {
    if (conn->awaited != DEADLINE_SEND) /* it is given that only while it is still reading */
        await(conn, DEADLINE_LINGER);
    if ((conn->source.ready & EPOLLIN) == 0)
        return STEP_WAIT;
    ssize_t count = read_scratch(conn, 0);
    if (count < 0)
        return closed(conn, CLOSE_PEER_GONE);
    if (conn->peer_done)
        return closed(conn, (enum close_reason)conn->intake.reason);
    if ((size_t)count >= conn->linger_left)
        return closed(conn, CLOSE_LINGER_LIMIT);
    conn->linger_left -= (uint32_t)count;
    return (conn->source.ready & EPOLLIN) != 0 ? STEP_YIELD : STEP_WAIT;
}

/* Turns */

static HOT enum step run_state(struct connection *conn) {
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

/* Counts what the connection holds between turns. Returns false where that is too much: more than a
 * few bytes, and more than all may hold together. Most hold nothing. */
static HOT bool hold(struct connection *conn) {
    struct server *server = conn->server;
    uint64_t output_bytes = conn->output != NULL ? conn->output->cost_bytes : 0;
    uint64_t bytes =
        intake_held_bytes(&conn->intake) + output_bytes + ledger_held_bytes(&conn->account);
    uint64_t before = conn->held_bytes;
    if (bytes == before)
        return true;
    server->held_bytes = server->held_bytes - before + bytes;
    conn->held_bytes = (uint32_t)bytes; /* of one turn: far from 4 GiB */
    return bytes <= before || bytes <= OWN_BYTES || server->held_bytes <= server->held_max;
}

/* Does what a step has led to; `conn` may be gone afterwards. */
static HOT void carry_on(struct connection *conn, enum step step) {
    while (step == STEP_AGAIN)
        step = run_state(conn);
    if (step != STEP_CLOSED && !hold(conn))
        step = closed(conn, CLOSE_BUFFERS_FULL);
    if (step == STEP_YIELD)
        loop_again(conn->server->loop, &conn->source);
    else if (step == STEP_CLOSED)
        connection_close(conn, (enum close_reason)conn->reason);
    else if (!is_registered(conn))
        connection_close(conn, CLOSE_FAULT);
}

static HOT FLAT APART void run(struct source *source) {
    struct connection *conn = list_entry(source, struct connection, source);
    carry_on(conn, run_state(conn));
}

struct connection *connection_new(struct server *server, int fd, const struct peer *peer,
                                  bool near) {
    struct connection *conn = malloc(sizeof *conn); /* sooner than calloc(3) */
    counter_add(&server->tally->accepted, 1);
    if (conn == NULL) {
        (void)close(fd);
        counter_add(&server->tally->closed[CLOSE_FAULT], 1);
        return NULL;
    }
    *conn = (struct connection){
        .server = server, .state = STATE_READ, .near = near, .account = {.peer = *peer}};
    source_init(&conn->source, fd, run);
    conn->source.ready = EPOLLIN | EPOLLOUT; /* worth a try */
    deadline_init(&conn->deadline);
    conn->intake.preamble = server->proxy_protocol && client_is_trusted(&server->trusted, peer);
    server->connections++;
    if (enter_quota(conn))
        return conn;
    connection_close(conn, CLOSE_CROWDED);
    return NULL;
}

void connection_start(struct connection *conn) {
    await(conn, DEADLINE_HEAD);
    run(&conn->source);
}

/* Deadlines */

struct connection *connection_of_deadline(struct deadline *deadline) {
    return list_entry(deadline, struct connection, deadline);
}

/* The client is told that it was too slow, if it is listening. */
static void time_out_request(struct connection *conn) {
    ledger_begin(&conn->server->ledger, &conn->account);
    intake_time_out(&conn->intake, conn->server);
    carry_on(conn, flush_scratch(conn));
}

/* What the client has done in `waited_ms`, of the time that it has been given to take some of an
 * answer. */
static enum taken judge_taking(const struct connection *conn, int64_t waited_ms) {
    if (conn->state == STATE_MAKE) /* it waits for the server */
        return TAKEN_ENOUGH;
    return taking_judge(&conn->taking, conn->source.fd,
                        taking_least_bytes(conn->server->min_rate, waited_ms));
}

/* Gives a client the same time once more. */
static void await_more_taking(struct connection *conn) {
    progress(conn);
    await_taking(conn);
}

bool connection_takes_enough(struct connection *conn, int64_t waited_ms) {
    if (judge_taking(conn, waited_ms) == TAKEN_TOO_LITTLE)
        return false;
    await_more_taking(conn);
    return true;
}

static void expire_taking(struct connection *conn) {
    enum taken taken = judge_taking(conn, conn->server->deadlines[DEADLINE_SEND].duration_ms);
    if (taken == TAKEN_TOO_LITTLE)
        connection_close(conn, CLOSE_SEND_TIMEOUT);
    else if (taken == TAKEN_ALL && conn->state == STATE_LINGER)
        connection_close(conn, CLOSE_LINGER_TIMEOUT);
    else
        await_more_taking(conn);
}

/* A client that does not close may still be reading: then it has as long as any other. */
static void expire_linger(struct connection *conn) {
    if (socket_unacked_bytes(conn->source.fd) > 0)
        await_taking(conn);
    else
        connection_close(conn, CLOSE_LINGER_TIMEOUT);
}

void connection_expire(struct connection *conn, enum server_deadline deadline) {
    switch (deadline) {
    case DEADLINE_NEWS:
        run(&conn->source);
        break;
    case DEADLINE_HEAD:
    case DEADLINE_BODY:
        time_out_request(conn);
        break;
    case DEADLINE_IDLE:
        connection_close(conn, CLOSE_IDLE_TIMEOUT);
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

void connection_wake(struct connection *conn) {
    loop_again(conn->server->loop, &conn->source);
}

bool connection_is_readable(const struct connection *conn) {
    return (conn->source.ready & EPOLLIN) != 0;
}

void connection_drain(struct connection *conn) {
    char byte;
    if (conn->awaited == DEADLINE_HEAD && conn->intake.rest != NULL)
        return;
    if (recv(conn->source.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) {
        connection_close(conn, CLOSE_DRAINED);
        return;
    }
    conn->source.ready |= EPOLLIN;
    connection_wake(conn);
}
