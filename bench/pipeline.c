/* pipeline: a client that asks many times at once on each of a few connections, and takes as little
 * of its CPU per answer as it can: so that a rate says how fast the server is, not the client.
 *
 * The first answer of a connection is read in full. Those after it are expected to be like it: to
 * begin where the one before ends, and to have the ends of their heads where that had it. This is
 * two comparisons of a few bytes, and is enough to be sure of the length: an answer of another
 * length moves the begin of the next. An answer that is not like it is read in full again. */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 256,
    ANSWER_MAX = 64 * 1024, /* with its head */
    INPUT_MAX = 256 * 1024, /* what one recv() takes at most */
};

struct settings {
    struct address address;
    const char *path;
    uint64_t connections;
    uint64_t depth; /* requests in a batch */
    uint64_t seconds;
    bool json;
};

struct connection {
    int fd;               /* -1: none */
    bool answered;        /* `answer` is the last one that was read in full */
    struct answer answer; /* what the next one is expected to be like */
    uint64_t unanswered;  /* requests of the batch under way; 0: there is none */
    size_t sent;          /* bytes of it */
    uint64_t sent_ns;
    char *rest; /* an answer that has not come as a whole; ANSWER_MAX */
    size_t rest_length;
};

struct client {
    const struct settings *settings;
    char *batch; /* requests */
    size_t batch_length;
    char *input;
    int epoll;
    struct connection *connections;
    uint64_t open;   /* connections */
    uint64_t closed; /* connections, by the server as it may; others took their places */
    uint64_t answers;
    uint64_t content_bytes; /* of each answer, once there is one */
    struct failures failures;
    uint64_t begin_ns, end_ns, deadline_ns;
    struct samples batches;
};

static const char answer_begin[] = "HTTP/1.1 200 ";

/* What is no good answer is nothing to measure. */
static _Noreturn void refuse_answer(const char *why, struct slice answer) {
    struct slice line = slice_of(answer.ptr, slice_find(answer, '\r'));
    fprintf(stderr, "pipeline: %s: \"%.*s\"\n", why, (int)(line.len < 80 ? line.len : 80),
            line.ptr);
    exit(EXIT_FAILURE);
}

/* The length of the answer that `input` begins with, read in full; 0 where it is not complete. */
static size_t read_answer(struct client *client, struct connection *connection,
                          struct slice input) {
    struct answer answer = {0};
    switch (answer_read(input, &answer)) {
    case ANSWER_BAD:
        refuse_answer("an answer is not 200 with a Content-Length", input);
    case ANSWER_INCOMPLETE:
        if (input.len >= ANSWER_MAX)
            refuse_answer("the head of an answer is too long", input);
        return 0;
    case ANSWER_GOOD:
        break;
    }
    if (answer.head_bytes + answer.content_bytes > ANSWER_MAX)
        refuse_answer("an answer is too long", input);
    if (answer.closes && !connection->answered)
        refuse_answer("the server closes connections after one answer", input);
    if (client->answers > 0 && answer.content_bytes != client->content_bytes)
        refuse_answer("the length of the content has changed", input);
    if (input.len < answer.head_bytes + answer.content_bytes)
        return 0;
    client->content_bytes = answer.content_bytes;
    connection->answer = answer;
    connection->answered = true;
    return answer.head_bytes + answer.content_bytes;
}

/* Whether there is another answer like the last one that was read in full. */
static bool is_alike(const struct connection *connection, size_t length, struct slice input) {
    return connection->answered && input.len >= length &&
           memcmp(input.ptr, answer_begin, sizeof answer_begin - 1) == 0 &&
           memcmp(input.ptr + connection->answer.head_bytes - 4, "\r\n\r\n", 4) == 0;
}

/* Counts the answers in the input. Returns what is left of it. */
static struct slice take_answers(struct client *client, struct connection *connection,
                                 struct slice input) {
    uint64_t before = connection->unanswered;
    while (connection->unanswered > 0 && input.len > 0 && !connection->answer.closes) {
        size_t length = connection->answer.head_bytes + connection->answer.content_bytes;
        if (!is_alike(connection, length, input))
            length = read_answer(client, connection, input);
        if (length == 0)
            break;
        input = slice_after(input, length);
        connection->unanswered--;
    }
    client->answers += before - connection->unanswered;
    return input;
}

static void end_connection(struct client *client, struct connection *connection,
                           const char *failure) {
    if (failure != NULL)
        failures_add(&client->failures, failure);
    close(connection->fd);
    connection->fd = -1;
    client->open--;
}

/* The server has ended it. It may do so between two answers (RFC 9112 §9.5), but not before the
 * first one; and where it resets the connection, answers may be lost on their way, unless the whole
 * batch came too late. */
static void end_by_server(struct client *client, struct connection *connection, bool reset) {
    const char *failure = NULL;
    if (!connection->answered)
        failure = "no connection, or it ended before its first answer";
    else if (connection->rest_length > 0)
        failure = "a connection ended within an answer";
    else if (reset && connection->unanswered < client->settings->depth)
        failure = "a connection was reset within a batch";
    else
        client->closed++;
    end_connection(client, connection, failure);
}

/* Sends what the socket takes. What goes wrong is what recv() will say, too. */
static void send_batch(const struct client *client, struct connection *connection) {
    ssize_t count = send(connection->fd, client->batch + connection->sent,
                         client->batch_length - connection->sent, MSG_NOSIGNAL);
    if (count > 0)
        connection->sent += (size_t)count;
}

static void begin_batch(const struct client *client, struct connection *connection, uint64_t now) {
    connection->unanswered = client->settings->depth;
    connection->sent = 0;
    connection->sent_ns = now;
    send_batch(client, connection);
}

/* All requests of a batch are answered: the next one goes out while there is time, unless the
 * server has ended the connection, which the next recv() says. */
static void end_batch(struct client *client, struct connection *connection, bool hangup) {
    client->end_ns = now_ns();
    samples_add(&client->batches, client->end_ns - connection->sent_ns);
    if (client->end_ns >= client->deadline_ns)
        end_connection(client, connection, NULL);
    else if (!hangup)
        begin_batch(client, connection, client->end_ns);
}

/* What comes behind an answer that closes its connection is of no interest (RFC 9112 §9.6). */
static void take_input(struct client *client, struct connection *connection, struct slice input,
                       bool hangup) {
    struct slice rest = take_answers(client, connection, input);
    connection->rest_length = 0;
    if (connection->answer.closes) {
        client->end_ns = now_ns();
        client->closed++;
        end_connection(client, connection, NULL);
    } else if (connection->unanswered > 0) {
        memcpy(connection->rest, rest.ptr, rest.len);
        connection->rest_length = rest.len;
    } else if (rest.len > 0) {
        refuse_answer("there are more answers than requests", rest);
    } else {
        end_batch(client, connection, hangup);
    }
}

/* Edge-triggered: a short read says that there is nothing more, unless the end is behind it. */
static void read_input(struct client *client, struct connection *connection, bool hangup) {
    ssize_t count;
    do {
        size_t before = connection->rest_length;
        if (before > 0)
            memcpy(client->input, connection->rest, before);
        count = recv(connection->fd, client->input + before, INPUT_MAX, 0);
        if (count < 0 && errno == EAGAIN)
            return;
        if (count <= 0)
            end_by_server(client, connection, count < 0);
        else
            take_input(client, connection, slice_of(client->input, before + (size_t)count), hangup);
    } while (connection->fd >= 0 && (count == INPUT_MAX || hangup));
}

static void on_event(struct client *client, struct connection *connection, uint32_t events) {
    if (connection->sent < client->batch_length)
        send_batch(client, connection);
    read_input(client, connection, (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
}

static void open_connection(struct client *client, struct connection *connection) {
    const struct address *address = &client->settings->address;
    int fd = open_socket(address);
    *connection = (struct connection){.fd = fd, .rest = connection->rest};
    client->open++;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = connection};
    if (!begin_connection(fd, address)) {
        end_connection(client, connection, "connect() failed");
        return;
    }
    begin_batch(client, connection, now_ns());
    if (epoll_ctl(client->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        fail("epoll_ctl");
}

static void open_missing(struct client *client) {
    for (uint64_t i = 0; i < client->settings->connections; i++)
        if (client->connections[i].fd < 0)
            open_connection(client, &client->connections[i]);
}

/* Runs until time is up, and what was under way then is answered. */
static void run(struct client *client) {
    const struct settings *settings = client->settings;
    struct epoll_event events[EVENTS_MAX];
    client->begin_ns = client->end_ns = now_ns();
    client->deadline_ns = client->begin_ns + settings->seconds * ns_per_s;
    uint64_t last_ns = client->deadline_ns + GRACE_S * ns_per_s;
    for (uint64_t now = client->begin_ns; now < last_ns; now = now_ns()) {
        if (now < client->deadline_ns && client->open < settings->connections)
            open_missing(client);
        if (now >= client->deadline_ns && client->open == 0)
            return;
        int count = epoll_wait(client->epoll, events, EVENTS_MAX, 100);
        for (int i = 0; i < count; i++)
            on_event(client, events[i].data.ptr, events[i].events);
    }
    for (uint64_t i = 0; i < settings->connections; i++)
        if (client->connections[i].fd >= 0)
            end_connection(client, &client->connections[i], "no answer in time");
}

static void print_text(const struct client *client, double seconds, double per_second) {
    printf("%llu requests in %.3f s, %.0f/s", (unsigned long long)client->answers, seconds,
           per_second);
    print_text_failures(&client->failures);
    printf("%llu connections closed by the server; %llu bytes of content in each answer\n",
           (unsigned long long)client->closed, (unsigned long long)client->content_bytes);
    print_text_samples("batch", &client->batches);
}

static void print_json(const struct client *client, double seconds, double per_second) {
    printf("{\"requests\": %llu, \"seconds\": %.6f, \"per_second\": %.1f, \"closed\": %llu, "
           "\"content_bytes\": %llu",
           (unsigned long long)client->answers, seconds, per_second,
           (unsigned long long)client->closed, (unsigned long long)client->content_bytes);
    print_json_failures(&client->failures);
    print_json_samples("batch_us", &client->batches);
    puts("}");
}

static void print_report(struct client *client) {
    double seconds = (double)(client->end_ns - client->begin_ns) / (double)ns_per_s;
    double per_second = rate_of(client->answers, client->begin_ns, client->end_ns);
    samples_sort(&client->batches);
    if (client->settings->json)
        print_json(client, seconds, per_second);
    else
        print_text(client, seconds, per_second);
}

static const char usage[] =
    "usage: pipeline [--address HOST:PORT] [--path PATH] [--connections N] [--depth D]\n"
    "                [--seconds S] [--json]\n"
    "Asks for PATH D times at once (16) on each of N connections (64), again as soon as all D are\n"
    "answered, for S seconds (3). Prints how many requests were answered, and how long a batch of\n"
    "D took from when it was sent. Connections that the server closes are opened anew, and\n"
    "counted. The first answer that is not 200 with a Content-Length ends the program.\n";

static bool parse_options(int argc, char *argv[], struct settings *settings) {
    const struct option_row rows[] = {
        {"address", OPTION_ADDRESS, &settings->address},
        {"path", OPTION_TEXT, &settings->path},
        {"connections", OPTION_COUNT, &settings->connections},
        {"depth", OPTION_COUNT, &settings->depth},
        {"seconds", OPTION_COUNT, &settings->seconds},
        {"json", OPTION_FLAG, &settings->json},
    };
    return options_parse(argc, argv, rows, sizeof rows / sizeof *rows);
}

static void client_init(struct client *client, const struct settings *settings) {
    char request[REQUEST_MAX];
    size_t length = make_request(&settings->address, settings->path, "", request);
    *client = (struct client){.settings = settings, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    if (client->epoll < 0)
        fail("epoll_create1");
    client->batch_length = length * settings->depth;
    client->batch = take_memory(NULL, settings->depth, length);
    for (uint64_t i = 0; i < settings->depth; i++)
        memcpy(client->batch + i * length, request, length);
    client->input = take_memory(NULL, ANSWER_MAX + INPUT_MAX, 1);
    client->connections = take_memory(NULL, settings->connections, sizeof *client->connections);
    for (uint64_t i = 0; i < settings->connections; i++)
        client->connections[i] =
            (struct connection){.fd = -1, .rest = take_memory(NULL, ANSWER_MAX, 1)};
}

int main(int argc, char *argv[]) {
    struct settings settings = {
        .address = default_address(), .path = "/", .connections = 64, .depth = 16, .seconds = 3};
    if (!parse_options(argc, argv, &settings)) {
        fputs(usage, stderr);
        return 2;
    }
    raise_descriptor_limit();
    struct client client;
    client_init(&client, &settings);
    run(&client);
    print_report(&client);
    return client.failures.count == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
