/* A server without its process: a loop that the test turns by hand, a docroot in a temporary tree,
 * and visitors, each the other end of a connection. Everything happens in one thread, so that after
 * a turn all that can have happened has happened.
 *
 * All of it is in the header: it calls the serve floor, which the tests of other floors don't link.
 */
#pragma once

#include "serve/connections.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    STAGE_SMALL = 100,
    STAGE_MIDDLE = 5000,
    STAGE_BIG = 32 * 1024 + 300, /* more than --cache-file-max by default */
};

struct stage {
    struct tree tree;
    uint64_t cache_size; /* set by the test; 0: every request is looked up */
    bool live;           /* the same: --live */
    struct options options;
    struct loop loop;
    struct roots roots;
    struct server server;
    size_t fds;      /* open before */
    size_t fds_open; /* and with it, as long as nobody visits */
};

struct visitor {
    int fd;        /* -1: not connected */
    int server_fd; /* its number; the connection owns it */
    struct peer peer;
    bool is_far; /* not on the server's machine */
    bool ended;  /* the server has closed, or shut its side */
    size_t len;
    char bytes[256 * 1024]; /* received; NUL-terminated */
};

/* Files: small (worth a copy), middle (in memory), big (by sendfile), and a directory. */
static inline void stage_make_tree(struct stage *stage) {
    tree_make(&stage->tree);
    tree_file(&stage->tree, "small", 1, STAGE_SMALL);
    tree_file(&stage->tree, "middle", 2, STAGE_MIDDLE);
    tree_file(&stage->tree, "big", 3, STAGE_BIG);
    tree_text(&stage->tree, "directory/inner", "inner");
}

/* With the default options, but for the cache; the test may change `server` behind it. */
static inline void stage_open(struct stage *stage) {
    struct err err = ERR_INIT;
    char name[] = "pronto";
    char *argv[] = {name, NULL};
    (void)signal(SIGPIPE, SIG_IGN); /* as in a worker */
    stage_make_tree(stage);
    stage->fds = process_count_fds(getpid());
    assert_int_equal(options_load(&stage->options, 1, argv, &err), 0);
    stage->options.cache_size = stage->cache_size;
    stage->options.live = stage->live;
    stage->options.root = stage->tree.path;
    assert_int_equal(roots_open(&stage->roots, &stage->options, &err), 0);
    assert_int_equal(loop_init(&stage->loop, &err), 0);
    assert_int_equal(
        server_init(&stage->server, &stage->loop, &stage->roots, &stage->options, &err), 0);
    stage->fds_open = process_count_fds(getpid());
}

/* Another server of the same tree, with the options as they are now. */
static inline void stage_serve_anew(struct stage *stage) {
    struct err err = ERR_INIT;
    connections_close_all(&stage->server);
    server_deinit(&stage->server);
    assert_int_equal(
        server_init(&stage->server, &stage->loop, &stage->roots, &stage->options, &err), 0);
    memset(stage->server.boundary, 'b', sizeof stage->server.boundary);
}

static inline void stage_close(struct stage *stage) {
    connections_close_all(&stage->server);
    assert_int_equal(stage->server.connections, 0);
    assert_int_equal(stage->server.held_bytes, 0);
    assert_true(outq_is_empty(&stage->server.output));
    server_deinit(&stage->server);
    loop_deinit(&stage->loop);
    roots_deinit(&stage->roots);
    assert_int_equal(process_count_fds(getpid()), stage->fds);
    tree_remove(&stage->tree);
}

/* Makes the connection; whoever has sent something meanwhile opens it with visitor_enter(). */
static inline void visitor_connect(struct visitor *visitor) {
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    visitor->fd = fds[0];
    visitor->server_fd = fds[1];
    visitor->ended = false;
    visitor->len = 0;
    visitor->bytes[0] = '\0';
}

static inline void visitor_enter(struct stage *stage, const struct visitor *visitor) {
    connections_open(&stage->server, visitor->server_fd, &visitor->peer, !visitor->is_far);
}

static inline void visitor_leave(struct visitor *visitor) {
    if (visitor->fd >= 0)
        (void)close(visitor->fd);
    visitor->fd = -1;
}

/* Sends what the socket takes; returns how many bytes it took. */
static inline size_t visitor_send(const struct visitor *visitor, const char *ptr, size_t len) {
    ssize_t sent = write(visitor->fd, ptr, len);
    return sent > 0 ? (size_t)sent : 0;
}

static inline void visitor_send_text(const struct visitor *visitor, const char *text) {
    assert_int_equal(visitor_send(visitor, text, strlen(text)), strlen(text));
}

static inline void visitor_half_close(const struct visitor *visitor) {
    assert_int_equal(shutdown(visitor->fd, SHUT_WR), 0);
}

/* Whether the server still reads what is sent to it. */
static inline bool visitor_is_heard(const struct visitor *visitor) {
    return visitor_send(visitor, "x", 1) == 1;
}

/* Receives what there is; whether there was anything, or the end. */
static inline bool visitor_receive(struct visitor *visitor) {
    size_t before = visitor->len;
    bool had_ended = visitor->ended;
    ssize_t count = 1;
    while (visitor->fd >= 0 && count > 0) {
        size_t room = sizeof visitor->bytes - 1 - visitor->len;
        assert_true(room > 0);
        count = read(visitor->fd, visitor->bytes + visitor->len, room);
        visitor->len += count > 0 ? (size_t)count : 0;
        visitor->ended |= count == 0 || (count < 0 && errno != EAGAIN);
    }
    visitor->bytes[visitor->len] = '\0';
    return visitor->len > before || visitor->ended != had_ended;
}

/* Forgets what was received. */
static inline void visitor_forget(struct visitor *visitor) {
    visitor->len = 0;
    visitor->bytes[0] = '\0';
}

/* How often `text` was received. */
static inline size_t visitor_count(const struct visitor *visitor, const char *text) {
    size_t count = 0;
    const char *at = visitor->bytes;
    while ((at = memmem(at, (size_t)(visitor->bytes + visitor->len - at), text, strlen(text))) !=
           NULL) {
        at += strlen(text);
        count++;
    }
    return count;
}

/* What a connection has queued and entered is its own, or gone, before it is another one's turn. */
static inline void stage_turn(struct stage *stage) {
    assert_int_equal(loop_turn(&stage->loop, 0), 0);
    assert_true(outq_is_empty(&stage->server.output));
    assert_int_equal(stage->server.ledger.count, 0);
    connections_expire(&stage->server);
}

/* Whether the server has let go of its connections and the visitor has yet to hear so: on a busy
 * machine the kernel may deliver a segment later than the call that sent it returns. */
static inline bool stage_end_is_underway(const struct stage *stage, const struct visitor *visitor) {
    struct pollfd end = {visitor->fd, POLLIN, 0};
    return stage->server.connections == 0 && visitor->fd >= 0 && !visitor->ended &&
           poll(&end, 1, 100) > 0;
}

/* Turns until neither the server nor the visitor does anything more. */
static inline void stage_settle(struct stage *stage, struct visitor *visitor) {
    int quiet = 0;
    for (int turns = 0; quiet < 3 || stage_end_is_underway(stage, visitor); turns++) {
        row_assert("the server comes to rest", turns < 200000);
        stage_turn(stage);
        bool moved = visitor_receive(visitor);
        quiet = moved || loop_is_busy(&stage->loop) ? 0 : quiet + 1;
    }
}

/* Sends a text, and what comes of it. */
static inline void stage_ask(struct stage *stage, struct visitor *visitor, const char *text) {
    visitor_send_text(visitor, text);
    stage_settle(stage, visitor);
}

/* A new visitor that has been let in and has nothing asked yet. */
static inline void stage_invite(struct stage *stage, struct visitor *visitor) {
    visitor_connect(visitor);
    visitor_enter(stage, visitor);
}

/* The answer to a request on a connection of its own, for which the visitor leaves the one it has;
 * borrowed until something else is received. */
static inline struct slice stage_ask_anew(struct stage *stage, struct visitor *visitor,
                                          const char *text) {
    visitor_leave(visitor);
    stage_invite(stage, visitor);
    stage_ask(stage, visitor, text);
    return slice_of(visitor->bytes, visitor->len);
}

static inline const char *stage_reason_name(unsigned reason) {
    static const char *const names[] = {
#define CLOSE_REASON(name) #name,
#include "serve/close_reason.def"
#undef CLOSE_REASON
    };
    return reason < CLOSE_REASON_COUNT ? names[reason] : "none";
}

/* Fails unless since the last call one connection was closed, for that reason. */
static inline void stage_assert_closed(struct stage *stage, const char *row,
                                       enum close_reason reason) {
    for (unsigned i = 0; i < CLOSE_REASON_COUNT; i++) {
        if (stage->server.tally->closed[i] != (i == reason ? 1 : 0))
            fail_msg("%s: closed %llu times for %s, expected one close for %s", row,
                     (unsigned long long)stage->server.tally->closed[i], stage_reason_name(i),
                     stage_reason_name(reason));
        stage->server.tally->closed[i] = 0;
    }
}

/* Fails if since the last call any connection was closed. */
static inline void stage_assert_none_closed(const struct stage *stage, const char *row) {
    for (unsigned i = 0; i < CLOSE_REASON_COUNT; i++) {
        if (stage->server.tally->closed[i] != 0)
            fail_msg("%s: closed for %s", row, stage_reason_name(i));
    }
}
