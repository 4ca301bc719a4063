/* A connection is run when something has happened on it, and goes on until it must wait: an answer
 * is sent before the next request is read, so that at most one is held in memory. A turn is bounded
 * by what can have been read: one buffer.
 *
 * The doors are tried once a second besides: where there were no descriptors, the edge has passed.
 */
#include "serve/visits.h"

#include "sys/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SECOND_MS = 1000, LINGER_BYTES = 1 << 20 };

struct visit {
    struct source source;
    struct deadline deadline;
    struct list link; /* in visits.all */
    struct visits *visits;
    struct admin_text output; /* owned */
    size_t sent;              /* bytes of it */
    size_t input_len;
    size_t thrown_away; /* bytes, while lingering */
    bool streams;       /* it is sent events */
    bool closing;       /* the output is the last */
    bool lingering;
    char input[VISITS_HEAD_MAX];
};

/* What comes of a step. */
enum step { STEP_AGAIN, STEP_WAIT, STEP_CLOSE };

static void close_visit(struct visit *visit) {
    struct visits *visits = visit->visits;
    deadline_stop(&visit->deadline);
    list_remove(&visit->link);
    loop_close(visits->loop, &visit->source);
    visits->count--;
    visits->streams -= visit->streams ? 1 : 0;
    free(visit->output.ptr);
    free(visit);
}

static void await(struct visit *visit, enum visits_deadline what) {
    struct visits *visits = visit->visits;
    deadline_start(&visit->deadline, &visits->deadlines[what], visits->loop->now_ms);
}

/* Sending */

/* The output has been taken. */
static enum step output_taken(struct visit *visit) {
    free(visit->output.ptr);
    visit->output = (struct admin_text){NULL, 0};
    visit->sent = 0;
    if (visit->streams) {
        await(visit, VISITS_NOTHING);
    } else if (visit->closing) {
        (void)shutdown(visit->source.fd, SHUT_WR);
        visit->lingering = true;
        await(visit, VISITS_LINGER);
    } else {
        await(visit, visit->input_len > 0 ? VISITS_HEAD : VISITS_IDLE);
    }
    return STEP_AGAIN;
}

static enum step send_output(struct visit *visit) {
    ssize_t len = send(visit->source.fd, visit->output.ptr + visit->sent,
                       visit->output.len - visit->sent, MSG_NOSIGNAL);
    if (len < 0 && errno == EINTR)
        return STEP_AGAIN;
    if (len < 0 && errno != EAGAIN)
        return STEP_CLOSE;
    if (len < 0) {
        visit->source.ready &= ~(uint32_t)EPOLLOUT;
        return STEP_WAIT;
    }
    visit->sent += (size_t)len;
    await(visit, VISITS_SEND);
    return visit->sent == visit->output.len ? output_taken(visit) : STEP_AGAIN;
}

/* Reading */

/* Takes an answer, and what it means for the connection. */
static enum step take_answer(struct visit *visit, enum admin_outcome outcome) {
    if (outcome == ADMIN_NO_MEMORY)
        return STEP_CLOSE;
    if (outcome == ADMIN_STREAM) {
        visit->streams = true;
        visit->visits->streams++;
    }
    await(visit, VISITS_SEND);
    return STEP_AGAIN;
}

/* Answers the request at the start of the input. Content is not read: behind an answer to what has
 * some, the connection closes. */
static enum step answer(struct visit *visit, const struct request *request) {
    struct visits *visits = visit->visits;
    bool persist = request->keep_alive && request->minor_version > 0 &&
                   !request_has_content(request) && !visits->stopping;
    size_t left = VISITS_STREAMS_MAX - visits->streams;
    enum admin_outcome outcome =
        admin_answer(&visits->admin, request, persist, left, visits->loop->time_s, &visit->output);
    visit->closing = !persist;
    visit->input_len -= request->head.len;
    memmove(visit->input, visit->input + request->head.len, visit->input_len);
    return take_answer(visit, outcome);
}

static enum step refuse(struct visit *visit, enum refusal refusal) {
    visit->closing = true;
    return take_answer(visit, admin_refuse(refusal, visit->visits->loop->time_s, &visit->output));
}

/* Reads into the buffer behind its first `at` bytes. Returns how many; 0: there are none now. -1:
 * at the end, or where the connection is lost. */
static ssize_t receive(struct visit *visit, size_t at) {
    ssize_t len = source_receive(&visit->source, visit->input + at, sizeof visit->input - at);
    if (len > 0)
        return len;
    return len == -EAGAIN ? 0 : -1;
}

static enum step read_more(struct visit *visit) {
    ssize_t len = receive(visit, visit->input_len);
    if (len == 0)
        return STEP_WAIT;
    if (len < 0)
        return STEP_CLOSE;
    if (visit->input_len == 0)
        await(visit, VISITS_HEAD);
    visit->input_len += (size_t)len;
    return STEP_AGAIN;
}

static enum step read_request(struct visit *visit) {
    struct request request;
    if (visit->input_len == 0)
        return read_more(visit);
    switch (request_parse(slice_of(visit->input, visit->input_len), sizeof visit->input - 1,
                          &request)) {
    case REQUEST_WHOLE:
        return answer(visit, &request);
    case REQUEST_REFUSED:
        return refuse(visit, request.refusal);
    case REQUEST_MORE:
        break;
    }
    return read_more(visit);
}

/* What still comes from somebody who is told nothing more, or who has nothing more to say. */
static enum step throw_away(struct visit *visit) {
    ssize_t len = receive(visit, 0);
    if (len == 0)
        return STEP_WAIT;
    visit->thrown_away += len > 0 ? (size_t)len : 0;
    return len < 0 || visit->thrown_away > LINGER_BYTES ? STEP_CLOSE : STEP_AGAIN;
}

/* Turns */

static enum step step(struct visit *visit) {
    if (visit->output.ptr != NULL)
        return (visit->source.ready & EPOLLOUT) != 0 ? send_output(visit) : STEP_WAIT;
    if (visit->streams || visit->lingering)
        return (visit->source.ready & EPOLLIN) != 0 ? throw_away(visit) : STEP_WAIT;
    if (visit->input_len == 0 && (visit->source.ready & EPOLLIN) == 0)
        return STEP_WAIT;
    return read_request(visit);
}

/* A turn ends when it must wait, or has had its share. */
static void run(struct source *source) {
    enum { STEPS_PER_TURN = 64 };
    struct visit *visit = list_entry(source, struct visit, source);
    enum step next = STEP_AGAIN;
    for (int i = 0; i < STEPS_PER_TURN && next == STEP_AGAIN; i++)
        next = step(visit);
    if (next == STEP_CLOSE)
        close_visit(visit);
    else if (next == STEP_AGAIN)
        loop_again(visit->visits->loop, source);
}

/* Coming and going */

static struct visit *visit_of(struct deadline *deadline) {
    return list_entry(deadline, struct visit, deadline);
}

/* Makes room for one more. */
static bool has_room(struct visits *visits) {
    if (visits->count < VISITS_MAX)
        return true;
    struct deadline *idle = deadline_first(&visits->deadlines[VISITS_IDLE]);
    if (idle != NULL)
        close_visit(visit_of(idle));
    return idle != NULL;
}

static void open_visit(struct visits *visits, int fd) {
    struct visit *visit = has_room(visits) ? malloc(sizeof *visit) : NULL;
    if (visit == NULL) {
        (void)close(fd);
        return;
    }
    *visit = (struct visit){.visits = visits};
    source_init(&visit->source, fd, run);
    deadline_init(&visit->deadline);
    list_append(&visits->all, &visit->link);
    visits->count++;
    await(visit, VISITS_IDLE);
    if (loop_add(visits->loop, &visit->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP) < 0)
        close_visit(visit);
}

/* An error is of one connection, or of all: then it is tried again in a second. */
static void run_door(struct source *source) {
    struct visits_door *door = list_entry(source, struct visits_door, source);
    struct peer peer;
    int fd;
    for (int i = 0; i < VISITS_MAX && (fd = socket_accept(source->fd, &peer)) >= 0; i++)
        open_visit(door->visits, fd);
}

int visits_init(struct visits *visits, struct loop *loop, const struct metrics *metrics,
                const int *sockets, size_t socket_count) {
    static const int64_t durations_ms[VISITS_DEADLINES] = {
        [VISITS_NOTHING] = INT32_MAX, [VISITS_IDLE] = 120000, [VISITS_HEAD] = 10000,
        [VISITS_SEND] = 10000,        [VISITS_LINGER] = 2000,
    };
    *visits = (struct visits){.loop = loop, .admin = {.metrics = metrics}};
    list_init(&visits->all);
    for (int i = 0; i < VISITS_DEADLINES; i++)
        deadline_queue_init(&visits->deadlines[i], durations_ms[i]);
    int result = 0;
    for (size_t i = 0; i < socket_count && result == 0; i++) {
        struct visits_door *door = &visits->doors[i];
        door->visits = visits;
        source_init(&door->source, sockets[i], run_door);
        result = loop_add(loop, &door->source, EPOLLIN);
        visits->door_count = i + 1;
    }
    visits_tick(visits);
    return result;
}

void visits_stop(struct visits *visits) {
    visits->stopping = true;
    for (size_t i = 0; i < visits->door_count; i++)
        loop_remove(visits->loop, &visits->doors[i].source);
    visits->door_count = 0;
    list_for_each(link, &visits->all) {
        struct visit *visit = list_entry(link, struct visit, link);
        if (visit->streams)
            close_visit(visit);
    }
}

void visits_deinit(struct visits *visits) {
    if (visits->all.next == NULL)
        return;
    list_for_each(link, &visits->all)
        close_visit(list_entry(link, struct visit, link));
}

/* Time */

static bool is_ready_for_event(const struct visit *visit) {
    return visit->streams && visit->output.ptr == NULL;
}

/* A client that has not taken the last event misses this one. */
static void send_events(struct visits *visits, const struct admin_text *event) {
    list_for_each(link, &visits->all) {
        struct visit *visit = list_entry(link, struct visit, link);
        if (!is_ready_for_event(visit))
            continue;
        visit->output.ptr = malloc(event->len);
        if (visit->output.ptr == NULL)
            continue;
        memcpy(visit->output.ptr, event->ptr, event->len);
        visit->output.len = event->len;
        await(visit, VISITS_SEND);
        loop_again(visits->loop, &visit->source);
    }
}

static void look(struct visits *visits) {
    struct admin_text event;
    admin_look(&visits->admin, visits->loop->now_ns);
    if (visits->streams > 0 &&
        admin_tell(&visits->admin, visits->loop->time_s, &event) == ADMIN_ANSWERED) {
        send_events(visits, &event);
        free(event.ptr);
    }
    for (size_t i = 0; i < visits->door_count; i++)
        loop_again(visits->loop, &visits->doors[i].source);
}

void visits_tick(struct visits *visits) {
    int64_t now_ms = visits->loop->now_ms;
    for (int i = 0; i < VISITS_DEADLINES; i++) {
        struct deadline *deadline;
        while ((deadline = deadline_expired(&visits->deadlines[i], now_ms)) != NULL)
            close_visit(visit_of(deadline));
    }
    if (now_ms < visits->look_at_ms)
        return;
    visits->look_at_ms = now_ms + SECOND_MS;
    look(visits);
}

int64_t visits_wait_ms(const struct visits *visits) {
    int64_t now_ms = visits->loop->now_ms;
    int64_t wait_ms = deadline_sooner_ms(-1, visits->look_at_ms, now_ms);
    for (int i = 0; i < VISITS_DEADLINES; i++)
        wait_ms = deadline_wait_ms(&visits->deadlines[i], now_ms, wait_ms);
    return wait_ms;
}
