#include "serve/connections.h"

#include "base/placement.h"
#include "serve/connection.h"

enum {
    PATIENCE_MS = 1000,       /* a request that takes longer to arrive gives way to others */
    TAKER_PATIENCE_MS = 2000, /* so does who takes too little of an answer for longer */
    TAKERS_LOOKED_AT = 16,    /* at a time, for one that does */
    EXPIRED_PER_TURN = 32,    /* of each deadline */
};

static struct connection *connection_at(struct list *link) {
    return connection_of_deadline(list_entry(link, struct deadline, link));
}

/* Giving way */

static int64_t waited_ms(const struct server *server, const struct deadline *due,
                         enum server_deadline deadline) {
    return server->deadlines[deadline].duration_ms - (due->due_ms - server->loop->now_ms);
}

/* The one that has waited longest in the queue, for `patience_ms` at least, or NULL. */
static struct connection *find_waiting(struct server *server, enum server_deadline deadline,
                                       int64_t patience_ms) {
    list_for_each(link, &server->deadlines[deadline].members) {
        if (waited_ms(server, list_entry(link, struct deadline, link), deadline) < patience_ms)
            break;
        if (!connection_is_readable(connection_at(link)))
            return connection_at(link);
    }
    return NULL;
}

/* One that takes too little, as far as that can be said yet, or NULL. Others that are looked at
 * have their time anew, so that they are not looked at again and again. */
static struct connection *find_slow_taker(struct server *server) {
    for (int i = 0; i < TAKERS_LOOKED_AT; i++) {
        struct deadline *first = deadline_first(&server->deadlines[DEADLINE_SEND]);
        int64_t waited = first != NULL ? waited_ms(server, first, DEADLINE_SEND) : 0;
        if (waited < TAKER_PATIENCE_MS)
            return NULL;
        struct connection *conn = connection_of_deadline(first);
        if (!connection_takes_enough(conn, waited))
            return conn;
    }
    return NULL;
}

/* The one that gives way, or NULL. */
static struct connection *find_dispensable(struct server *server) {
    static const struct {
        enum server_deadline deadline;
        int64_t patience_ms;
    } rows[] = {{DEADLINE_IDLE, 0}, {DEADLINE_HEAD, PATIENCE_MS}, {DEADLINE_BODY, PATIENCE_MS}};
    struct connection *conn = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && conn == NULL; i++)
        conn = find_waiting(server, rows[i].deadline, rows[i].patience_ms);
    return conn != NULL ? conn : find_slow_taker(server);
}

APART bool connections_shed(struct server *server) {
    struct connection *conn = find_dispensable(server);
    if (conn != NULL)
        connection_close(conn, CLOSE_SHED);
    return conn != NULL;
}

APART bool connections_can_shed(struct server *server) {
    return find_dispensable(server) != NULL;
}

/* Where there are more connections than is comfortable, one gives way for the new one, and another,
 * so that the reserve of descriptors comes back once it has been used. */
static void make_room(struct server *server) {
    for (int i = 0; i < 2 && server->connections > server->comfortable; i++)
        (void)connections_shed(server);
}

void connections_open(struct server *server, int fd, const struct peer *peer, bool near) {
    struct connection *conn = connection_new(server, fd, peer, near);
    if (conn == NULL)
        return;
    make_room(server);
    connection_start(conn);
}

/* Deadlines */

/* Ends those of a queue that are due, a turn's worth of them: thousands that came together are due
 * together, and others wait meanwhile. The loop does not sleep while any are left. */
static void expire_due(struct server *server, enum server_deadline deadline) {
    struct deadline_queue *queue = &server->deadlines[deadline];
    for (int i = 0; i < EXPIRED_PER_TURN; i++) {
        struct deadline *due = deadline_expired(queue, server->loop->now_ms);
        if (due == NULL)
            break;
        connection_expire(connection_of_deadline(due), deadline);
    }
}

/* Lets those take their turn that wait for something to be told of. */
static void wake_news(struct server *server) {
    list_for_each(link, &server->deadlines[DEADLINE_NEWS].members)
        connection_wake(connection_at(link));
}

void connections_expire(struct server *server) {
    if (live_settle(&server->live))
        wake_news(server);
    for (unsigned i = 0; i < DEADLINE_COUNT; i++)
        expire_due(server, (enum server_deadline)i);
    if (server->loop->now_ms >= server->starved_retry_ms)
        server_wake_starved(server);
}

/* Closing */

void connections_close_idle(struct server *server) {
    static const enum server_deadline waiting[] = {DEADLINE_IDLE, DEADLINE_HEAD};
    live_end(&server->live);
    wake_news(server);
    for (size_t i = 0; i < sizeof waiting / sizeof waiting[0]; i++) {
        list_for_each(link, &server->deadlines[waiting[i]].members)
            connection_drain(connection_at(link));
    }
}

void connections_close_all(struct server *server) {
    for (unsigned i = 0; i < DEADLINE_COUNT; i++) {
        list_for_each(link, &server->deadlines[i].members)
            connection_close(connection_at(link), CLOSE_DRAINED);
    }
}
