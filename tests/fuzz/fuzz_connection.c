/* A whole connection. Input: what the client sends, and between it, as single bytes, what else
 * happens:
 *
 *   01  the server takes a turn: what was sent so far has arrived
 *   02  the client shuts its sending side
 *   03  the client leaves at once; what it has not read makes that a reset
 *   04  the client reads nothing from now on
 *   05  it reads again
 *   06  time passes, more than any deadline has
 *   07  the server closes what is idle longest, as if it ran out of descriptors
 *   08  the server is to stop: it closes idle connections, and every answer is the last one
 *   0e  before the first turn: the socket has next to no buffer
 *   0f  connections may hold nothing together, but for a few bytes each
 *
 * What comes back must be well-formed answers to what was asked, no more of them than that, and the
 * same ones however the bytes were split.
 *
 * Half of the mutations know that form: they put in, take out, repeat or move whole lines, requests
 * and actions, so that what libFuzzer makes is mostly a conversation, and goes wrong in one place.
 */
#include "serve/connections.h"

#include "fuzz/fuzz.h"
#include "http/request.h"
#include "support/content.h"
#include "support/response.h"
#include "support/stage.h"

#include <fcntl.h>

enum action {
    ACTION_TURN = 1,
    ACTION_HALF_CLOSE = 2,
    ACTION_LEAVE = 3,
    ACTION_STOP_READING = 4,
    ACTION_READ = 5,
    ACTION_WAIT = 6,
    ACTION_SHED = 7,
    ACTION_DRAIN = 8,
    ACTION_NARROW = 14,
    ACTION_TIGHT = 15,
};

enum {
    SENT_MAX = 4096,
    RECEIVED_MAX = 2 * STAGE_BIG, /* more than any answer */
    MAX_HEAD = 512,
    MAX_BODY = 300,
    LONG_MS = 200 * 1000,
};

struct client {
    int fd; /* -1: it has left */
    int server_fd;
    bool entered;      /* the server has been given its end */
    bool reads;        /* takes what comes */
    bool ended;        /* the server has closed, or shut its side */
    bool disturbed;    /* something happened that the bytes alone don't say */
    struct slice sent; /* into sent_bytes */
    char sent_bytes[SENT_MAX];

    /* What was asked: found as the server should find it, but in all bytes together. */
    size_t asked_at;         /* bytes of `sent` that are whole requests */
    size_t asked;            /* requests in them */
    bool asked_all;          /* behind the last one comes nothing that could be read */
    enum method last_method; /* of the request that is not whole */
    bool to_head[SENT_MAX];  /* by request: whether it is HEAD */

    /* What came back. */
    size_t answers;
    size_t interims;
    bool closes;        /* the last one said that it is */
    size_t timeout_len; /* 1 + length of the page of a 408, whose method is not known */
    uint64_t hash;      /* of all of them */
    size_t len;
    char received[RECEIVED_MAX];
};

static struct stage stage;
static uint64_t
    idle_fds; /* bit 1 << fd: open before this input; libFuzzer opens some between two */

static void remove_tree(void) {
    tree_remove(&stage.tree);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    CHECK(setenv("CMOCKA_TEST_ABORT", "1", 1) == 0); /* assertions of tests/support abort, too */
    stage_open(&stage);
    stage.server.max_head = MAX_HEAD;
    stage.server.max_body = MAX_BODY;
    stage.server.listing = false; /* to 1.0, a listing would end with the connection */
    CHECK(atexit(remove_tree) == 0);
    return 0;
}

/* What was asked */

/* Finds the next whole request in what was sent. */
static bool find_asked(struct client *client) {
    struct slice rest = slice_after(client->sent, client->asked_at);
    struct request request;
    struct body body;
    size_t content_len = 0;
    if (client->asked_all || rest.len == 0)
        return false;
    enum request_outcome outcome = request_parse(rest, MAX_HEAD, &request);
    client->last_method = request.method;
    if (outcome == REQUEST_MORE)
        return false;
    client->asked_all = true;
    if (outcome == REQUEST_WHOLE) {
        body_start(&body, request.framing, request.content_length, MAX_BODY);
        rest = slice_after(rest, request.head.len);
        switch (body_consume(&body, rest, &content_len)) {
        case BODY_DONE:
            client->asked_all = false;
            break;
        case BODY_MORE:
            client->asked_all = false;
            return false;
        case BODY_BAD:
        case BODY_TOO_LARGE:
            content_len = 0;
            break;
        }
        client->asked_at += request.head.len + content_len;
    }
    client->to_head[client->asked++] = request.method == METHOD_HEAD;
    return true;
}

/* Whether the next answer is to HEAD. A request that is not whole may be answered, once: behind it
 * comes nothing. */
static bool next_is_to_head(struct client *client) {
    while (client->asked <= client->answers && find_asked(client))
        continue;
    if (client->answers < client->asked)
        return client->to_head[client->answers];
    CHECK(client->answers == client->asked);
    CHECK(client->sent.len > client->asked_at);
    return client->last_method == METHOD_HEAD;
}

/* What came back */

static void mix(struct client *client, const char *ptr, size_t len) {
    for (size_t i = 0; i < len; i++)
        client->hash = (client->hash ^ (unsigned char)ptr[i]) * 1099511628211u;
}

/* Which of the files is of that size; "inner" is none of these. */
static uint64_t seed_of(size_t size) {
    return size == STAGE_SMALL ? 1 : size == STAGE_MIDDLE ? 2 : size == STAGE_BIG ? 3 : 0;
}

/* One range is the bytes that it says; several end as they should. */
static void check_part(const struct response *response) {
    const char *range = response_field(response, "Content-Range");
    size_t first;
    size_t last;
    size_t size;
    if (range == NULL) {
        CHECK(response->body_len > 4);
        CHECK(memcmp(response->body + response->body_len - 4, "--\r\n", 4) == 0);
        return;
    }
    CHECK(sscanf(range, "bytes %zu-%zu/%zu", &first, &last, &size) == 3);
    CHECK(first <= last && last < size && response->body_len == last - first + 1);
    if (seed_of(size) != 0)
        content_assert(seed_of(size), first, response->body, response->body_len);
    else
        CHECK(memcmp(response->body, &"inner"[first], response -> body_len) == 0);
}

static void check_content(const struct response *response) {
    uint64_t seed = seed_of(response->body_len);
    if (seed != 0)
        response_assert_content(response, (unsigned)seed, response->body_len);
    else
        response_assert_text(response, "inner");
}

static void check_answer(const struct response *response, bool to_head) {
    const char *location = response_field(response, "Location");
    CHECK((response->status == 301) == (location != NULL));
    CHECK(location == NULL || (location[0] == '/' && location[1] != '/'));
    if (to_head)
        return;
    if (response->status == 200)
        check_content(response);
    else if (response->status == 206)
        check_part(response);
    else if (response->status != 204 && response->status != 304)
        response_assert_page(response);
}

/* Any number may come of those that were asked for, but none behind the last answer. */
static void take_interim(struct client *client, const struct response *response) {
    CHECK(response->status == 100);
    CHECK(strcmp(response->head, "HTTP/1.1 100 Continue\r\n\r\n") == 0);
    client->interims++;
    CHECK(client->interims <= client->answers + 1);
}

static void take_answer(struct client *client, const struct response *response, bool to_head) {
    client->closes = response_closes(response);
    client->answers++;
    mix(client, response->head, strcspn(response->head, "\r"));
    mix(client, response->body, response->body_len);
    if (response->status != 408)
        check_answer(response, to_head);
    else
        client->timeout_len = 1 + strtoul(response_field(response, "Content-Length"), NULL, 10);
}

/* Takes the answers off the front of what was received. */
static void take_answers(struct client *client) {
    static const char timeout[] = "HTTP/1.1 408 ";
    const size_t start = sizeof timeout - 1;
    size_t at = 0;
    while (at < client->len && !client->closes) {
        struct response response;
        const char *ptr = client->received + at;
        if (client->len - at < start)
            break;
        bool interim = memcmp(ptr, "HTTP/1.1 1", strlen("HTTP/1.1 1")) == 0;
        bool late = memcmp(ptr, timeout, start) == 0;
        bool to_head = late || (!interim && next_is_to_head(client));
        size_t len = response_parse(ptr, client->len - at, to_head, &response);
        if (len == 0)
            break;
        if (response.status < 200)
            take_interim(client, &response);
        else
            take_answer(client, &response, to_head);
        response_deinit(&response);
        at += len;
    }
    client->len -= at;
    memmove(client->received, client->received + at, client->len);
}

/* Receives what there is; whether there was anything, or the end. */
static bool receive(struct client *client) {
    bool any = false;
    while (client->reads && client->fd >= 0 && !client->ended) {
        size_t room = sizeof client->received - client->len;
        CHECK(room > 0);
        ssize_t count = read(client->fd, client->received + client->len, room);
        if (count < 0 && errno == EAGAIN)
            break;
        any = true;
        client->ended = count <= 0;
        client->len += count > 0 ? (size_t)count : 0;
        take_answers(client);
    }
    return any;
}

/* What happens */

static void settle(struct client *client) {
    int quiet = 0;
    for (int turns = 0; quiet < 2; turns++) {
        CHECK(turns < 100000);
        stage_turn(&stage);
        bool moved = receive(client);
        quiet = moved || !list_is_empty(&stage.loop.ready) ? 0 : quiet + 1;
    }
}

static void enter(struct client *client) {
    static const struct peer peer;
    if (client->entered)
        return;
    client->entered = true;
    connections_open(&stage.server, client->server_fd, &peer, true);
}

static void turn(struct client *client) {
    enter(client);
    stage_turn(&stage);
    (void)receive(client);
}

static void leave(struct client *client) {
    if (client->fd >= 0)
        (void)close(client->fd);
    client->fd = -1;
}

/* All that was sent has been read by then, unless the client does not read. */
static void let_time_pass(struct client *client) {
    enter(client);
    settle(client);
    stage.loop.now_ms += LONG_MS;
    connections_expire(&stage.server);
    (void)receive(client);
}

static void drain(void) {
    stage.server.draining = true;
    connections_close_idle(&stage.server);
}

static void narrow(const struct client *client) {
    int size = 1;
    if (!client->entered)
        (void)setsockopt(client->server_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

/* Whether `byte` was none that is sent. */
static bool act(struct client *client, uint8_t byte) {
    switch (byte) {
    case ACTION_TURN:
        turn(client);
        return true;
    case ACTION_HALF_CLOSE:
        (void)shutdown(client->fd, SHUT_WR);
        return true;
    case ACTION_LEAVE:
        leave(client);
        break;
    case ACTION_STOP_READING:
        client->reads = false;
        return true;
    case ACTION_READ:
        client->reads = true;
        return true;
    case ACTION_WAIT:
        let_time_pass(client);
        break;
    case ACTION_SHED:
        (void)connections_shed(&stage.server);
        break;
    case ACTION_DRAIN:
        drain();
        break;
    case ACTION_NARROW:
        narrow(client);
        return true;
    case ACTION_TIGHT:
        stage.server.held_max = 0;
        break;
    default:
        return false;
    }
    client->disturbed = true;
    return true;
}

static bool is_action(uint8_t byte) {
    return (byte >= ACTION_TURN && byte <= ACTION_DRAIN) || byte == ACTION_NARROW ||
           byte == ACTION_TIGHT;
}

/* Sends bytes up to the next action; what the socket does not take was never sent. */
static size_t say(struct client *client, const uint8_t *data, size_t size) {
    size_t len = 0;
    while (len < size && !is_action(data[len]))
        len++;
    if (client->fd < 0)
        return len;
    ssize_t sent = write(client->fd, data, len);
    if (sent > 0) {
        memcpy(client->sent_bytes + client->sent.len, data, (size_t)sent);
        client->sent.len += (size_t)sent;
    }
    return len;
}

static void start(struct client *client) {
    int fds[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    memset(client, 0, offsetof(struct client, received));
    client->fd = fds[0];
    client->server_fd = fds[1];
    client->reads = true;
    client->sent = slice_of(client->sent_bytes, 0);
    client->last_method = METHOD_UNKNOWN;
}

/* What was received ends where an answer does, unless the server lost patience. */
static void check_end(const struct client *client) {
    bool cut = stage.server.tally->closed[CLOSE_SEND_TIMEOUT] > 0 ||
               stage.server.tally->closed[CLOSE_BUFFERS_FULL] > 0;
    CHECK(client->ended);
    CHECK(client->len == 0 || cut || client->len + 1 == client->timeout_len);
}

static uint64_t open_fds(void) {
    uint64_t open = 0;
    for (int fd = 0; fd < 24; fd++)
        open |= (uint64_t)(fcntl(fd, F_GETFD) >= 0) << fd;
    return open;
}

static void check_nothing_left(void) {
    uint64_t closes = 0;
    for (unsigned i = 0; i < CLOSE_REASON_COUNT; i++)
        closes += stage.server.tally->closed[i];
    CHECK(closes == 1);
    CHECK(stage.server.tally->closed[CLOSE_FAULT] == 0);
    CHECK(stage.server.connections == 0);
    CHECK(stage.server.held_bytes == 0);
    CHECK(tally_open_connections(stage.server.tally) == 0);
    CHECK(outq_is_empty(&stage.server.output) && stage.server.output.bytes.len == 0);
    CHECK(list_is_empty(&stage.loop.ready));
    for (unsigned i = 0; i < DEADLINE_COUNT; i++)
        CHECK(list_is_empty(&stage.server.deadlines[i].members));
    CHECK(open_fds() == idle_fds);
}

/* The client reads what is still to come, and goes. */
static void finish(struct client *client) {
    enter(client);
    client->reads = true;
    if (client->fd >= 0) {
        (void)shutdown(client->fd, SHUT_WR);
        settle(client);
        check_end(client);
        leave(client);
    }
    settle(client);
    check_nothing_left();
    *stage.server.tally = (struct tally){0};
    stage.server.draining = false;
    stage.server.held_max = stage.options.buffer_size;
}

/* A client that waits for 100 (Continue) is answered by when it sends what. */
static bool depends_on_time(struct slice sent) {
    for (size_t i = 0; i + 6 <= sent.len; i++) {
        if (slice_equal_nocase(slice_of(sent.ptr + i, 6), SLICE("expect")))
            return true;
    }
    return false;
}

/* The same bytes, all there when the connection is accepted. */
static void check_against_whole(const struct client *client) {
    static struct client whole;
    start(&whole);
    CHECK(say(&whole, (const uint8_t *)client->sent.ptr, client->sent.len) == client->sent.len);
    CHECK(whole.sent.len == client->sent.len);
    finish(&whole);
    CHECK(whole.answers == client->answers);
    CHECK(whole.hash == client->hash);
}

/* Mutations that know the form */

/* What a conversation is made of, but for the actions. */
static const char *const fragments[] = {
    "GET /small HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /middle HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD /big HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /big HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /directory/inner HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "GET /directory HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /absent HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "GET /small HTTP/1.1\r\nHost: a\r\n",
    "Host: a\r\n",
    "Connection: close\r\n",
    "Content-Length: 10\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Expect: 100-continue\r\n",
    "Range: bytes=1-2,5-9,-3\r\n",
    "If-None-Match: *\r\n",
    "\r\n",
    "5\r\nabcde\r\n",
    "0\r\n\r\n",
};

static const char actions[] = {ACTION_TURN,   ACTION_HALF_CLOSE, ACTION_LEAVE, ACTION_STOP_READING,
                               ACTION_READ,   ACTION_WAIT,       ACTION_SHED,  ACTION_DRAIN,
                               ACTION_NARROW, ACTION_TIGHT};

/* A small generator, so that the same seed makes the same mutation. */
static size_t next_random(uint32_t *random, size_t limit) {
    *random = *random * 1664525u + 1013904223u;
    return (*random >> 8) % limit;
}

/* A place at which a line ends or an action stands, from a random one on; or the end. */
static size_t find_seam(const uint8_t *data, size_t size, uint32_t *random) {
    size_t at = next_random(random, size + 1);
    while (at < size && at > 0 && data[at - 1] != '\n' && !is_action(data[at - 1]))
        at++;
    return at;
}

/* Puts a text at the place; leaves all as it is where there is no room. */
static size_t put_in(uint8_t *data, size_t size, size_t max, size_t at, struct slice text) {
    if (text.len > max - size)
        return size;
    memmove(data + at + text.len, data + at, size - at);
    memcpy(data + at, text.ptr, text.len);
    return size + text.len;
}

static size_t put_in_fragment(uint8_t *data, size_t size, size_t max, uint32_t *random) {
    const char *text = fragments[next_random(random, sizeof fragments / sizeof fragments[0])];
    return put_in(data, size, max, find_seam(data, size, random), slice_of(text, strlen(text)));
}

/* Anywhere: what is sent comes in pieces of any size. */
static size_t put_in_action(uint8_t *data, size_t size, size_t max, uint32_t *random) {
    const char *action = &actions[next_random(random, sizeof actions)];
    return put_in(data, size, max, next_random(random, size + 1), slice_of(action, 1));
}

static size_t take_out(uint8_t *data, size_t size, size_t max, uint32_t *random) {
    (void)max;
    size_t from = find_seam(data, size, random);
    size_t to = from + find_seam(data + from, size - from, random);
    memmove(data + from, data + to, size - to);
    return size - (to - from);
}

/* Says something once more, here or elsewhere. */
static size_t repeat(uint8_t *data, size_t size, size_t max, uint32_t *random) {
    static char copy[SENT_MAX];
    size_t from = find_seam(data, size, random);
    size_t len = find_seam(data + from, size - from, random);
    if (len > sizeof copy)
        return size;
    memcpy(copy, data + from, len);
    return put_in(data, size, max, find_seam(data, size, random), slice_of(copy, len));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed) {
    static size_t (*const mutations[])(uint8_t *, size_t, size_t, uint32_t *) = {
        put_in_fragment, put_in_fragment, put_in_action, put_in_action, take_out, repeat};
    const size_t count = sizeof mutations / sizeof mutations[0];
    uint32_t random = seed;
    size_t choice = next_random(&random, 2 * count);
    if (choice >= count || size > max)
        return LLVMFuzzerMutate(data, size, max);
    return mutations[choice](data, size, max, &random);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct client client;
    if (size > SENT_MAX)
        return 0;
    idle_fds = open_fds();
    start(&client);
    for (size_t at = 0; at < size;) {
        if (act(&client, data[at]))
            at++;
        else
            at += say(&client, data + at, size - at);
    }
    finish(&client);
    if (!client.disturbed && !depends_on_time(client.sent))
        check_against_whole(&client);
    return 0;
}
