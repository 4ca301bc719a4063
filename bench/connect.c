/* connect: a client that measures what load generators leave out: how fast a server takes new
 * connections, and how long they wait for it. With --hold it opens connections, asks once on each,
 * and keeps them idle, for the sake of the server's memory. */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 256,
    HEAD_MAX = 2048,
    CONNECTIONS_PER_SOURCE = 25000, /* of some 28,000 ports that the kernel gives out */
    HOLD_S = 120,                   /* for opening all connections of --hold */
};

struct settings {
    struct address address;
    const char *path;
    uint64_t connections; /* 0: as many as the time allows */
    uint64_t in_flight;
    uint64_t seconds;
    uint64_t hold; /* 0: every connection is closed after its answer */
    bool json;
};

/* A connection under way; a slot takes the next one when it is done. */
struct slot {
    int fd; /* -1: none */
    bool connected;
    bool answered; /* a byte of the answer has come */
    uint64_t started_ns, connected_ns;
    char head[HEAD_MAX];
    size_t head_length;
    bool head_complete;
    uint64_t content_left;
};

struct client {
    const struct settings *settings;
    char request[REQUEST_MAX];
    size_t request_length;
    int epoll;
    struct slot *slots;
    int *held;
    uint64_t held_count;
    uint64_t started; /* connections */
    uint64_t done;
    struct failures failures;
    uint64_t begin_ns, end_ns;
    struct samples connect, first_byte;
};

/* A slot's connection is over; `failure` is NULL where all went well. */
static void end_connection(struct client *client, struct slot *slot, const char *failure) {
    if (failure != NULL) {
        failures_add(&client->failures, failure);
        close(slot->fd);
    } else {
        client->done++;
        client->end_ns = now_ns();
        if (client->settings->hold == 0) {
            close(slot->fd);
        } else {
            epoll_ctl(client->epoll, EPOLL_CTL_DEL, slot->fd, NULL);
            client->held[client->held_count++] = slot->fd;
        }
    }
    slot->fd = -1;
}

/* Beyond the ports of one source address there are those of the next: 127.0.0.2 and so on. */
static void bind_source(const struct client *client, int fd) {
    int on = 1;
    struct sockaddr_in source = {.sin_family = AF_INET};
    source.sin_addr.s_addr =
        htonl(INADDR_LOOPBACK + (uint32_t)(client->started / CONNECTIONS_PER_SOURCE));
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) < 0 ||
        bind(fd, (const struct sockaddr *)(const void *)&source, sizeof source) < 0)
        fail("bind");
}

/* The request goes out at once, and only where the kernel wants to wait do we. */
static const char *send_request(struct client *client, struct slot *slot) {
    ssize_t count = send(slot->fd, client->request, client->request_length, MSG_NOSIGNAL);
    if (count < 0 && errno == EAGAIN)
        return NULL;
    if (count != (ssize_t)client->request_length)
        return "no connection, or it could not take the request";
    slot->connected = true;
    samples_add(&client->connect, slot->connected_ns - slot->started_ns);
    return NULL;
}

static void start_connection(struct client *client, struct slot *slot) {
    const struct address *address = &client->settings->address;
    int fd = open_socket(address);
    if (client->settings->hold > CONNECTIONS_PER_SOURCE &&
        address->socket.any.sa_family == AF_INET && address_is_loopback(address))
        bind_source(client, fd);
    *slot = (struct slot){.fd = fd, .started_ns = now_ns()};
    client->started++;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = slot};
    const char *failure = NULL;
    if (!begin_connection(fd, address))
        failure = "connect() failed";
    slot->connected_ns = now_ns();
    if (failure == NULL)
        failure = send_request(client, slot);
    if (failure != NULL)
        end_connection(client, slot, failure);
    else if (epoll_ctl(client->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        fail("epoll_ctl");
}

/* Takes in what belongs to the head, and with its end the content's length; the number of bytes
 * taken, or -1 for an answer other than 200, and for one that does not say its length. */
static ssize_t read_head(struct slot *slot, const char *bytes, size_t count) {
    size_t room = HEAD_MAX - slot->head_length;
    size_t before = slot->head_length;
    size_t taken = count < room ? count : room;
    memcpy(slot->head + before, bytes, taken);
    slot->head_length += taken;
    struct answer answer;
    switch (answer_read(slice_of(slot->head, slot->head_length), &answer)) {
    case ANSWER_INCOMPLETE:
        return slot->head_length < HEAD_MAX ? (ssize_t)taken : -1;
    case ANSWER_BAD:
        return -1;
    case ANSWER_GOOD:
        break;
    }
    slot->content_left = answer.content_bytes;
    slot->head_complete = true;
    return (ssize_t)(answer.head_bytes - before);
}

/* Whether `count` bytes of input are what a good answer has next. */
static const char *take_input(struct client *client, struct slot *slot, const char *input,
                              size_t count) {
    if (!slot->answered) {
        slot->answered = true;
        samples_add(&client->first_byte, now_ns() - slot->started_ns);
    }
    if (!slot->head_complete) {
        ssize_t taken = read_head(slot, input, count);
        if (taken < 0)
            return "the answer is not 200 with a Content-Length";
        count -= (size_t)taken;
    }
    if (count > slot->content_left)
        return "the answer is too long";
    slot->content_left -= count;
    return NULL;
}

static void read_answer(struct client *client, struct slot *slot) {
    static char input[64 * 1024];
    for (;;) {
        ssize_t count = recv(slot->fd, input, sizeof input, 0);
        if (count < 0 && errno == EAGAIN)
            return;
        bool complete = slot->head_complete && slot->content_left == 0;
        if (count <= 0) {
            end_connection(client, slot,
                           count < 0 ? "the connection was reset"
                           : complete && client->settings->hold == 0
                               ? NULL
                               : "the connection ended early");
            return;
        }
        const char *failure = take_input(client, slot, input, (size_t)count);
        complete = slot->head_complete && slot->content_left == 0;
        if (failure != NULL || (complete && client->settings->hold > 0)) {
            end_connection(client, slot, failure);
            return;
        }
    }
}

static void on_event(struct client *client, struct slot *slot) {
    const char *failure = NULL;
    if (slot->fd >= 0 && !slot->connected) {
        slot->connected_ns = now_ns();
        failure = send_request(client, slot);
    }
    if (failure != NULL)
        end_connection(client, slot, failure);
    else if (slot->fd >= 0)
        read_answer(client, slot);
}

/* Whether another connection is to be started. */
static bool wants_more(const struct client *client, uint64_t now, uint64_t deadline) {
    const struct settings *settings = client->settings;
    if (settings->hold > 0)
        return client->started < settings->hold && client->failures.count == 0;
    return now < deadline &&
           (settings->connections == 0 || client->started < settings->connections);
}

/* Runs until all connections have ended (or are held), or time is up. */
static void run(struct client *client) {
    const struct settings *settings = client->settings;
    struct epoll_event events[EVENTS_MAX];
    client->begin_ns = client->end_ns = now_ns();
    uint64_t seconds = settings->hold > 0 ? HOLD_S : settings->seconds;
    uint64_t deadline = client->begin_ns + seconds * ns_per_s;
    for (uint64_t now = client->begin_ns; now < deadline + GRACE_S * ns_per_s; now = now_ns()) {
        bool busy = false;
        for (uint64_t i = 0; i < settings->in_flight; i++) {
            if (client->slots[i].fd < 0 && wants_more(client, now, deadline))
                start_connection(client, &client->slots[i]);
            busy |= client->slots[i].fd >= 0;
        }
        if (!busy && !wants_more(client, now, deadline))
            return;
        int count = epoll_wait(client->epoll, events, EVENTS_MAX, 100);
        for (int i = 0; i < count; i++)
            on_event(client, events[i].data.ptr);
    }
    for (uint64_t i = 0; i < settings->in_flight; i++)
        if (client->slots[i].fd >= 0)
            end_connection(client, &client->slots[i], "no answer in time");
}

/* Keeps the connections until standard input ends or --seconds are over; those that the server has
 * closed meanwhile count as failed. */
static void hold(struct client *client) {
    printf("holding %llu\n", (unsigned long long)client->held_count);
    fflush(stdout);
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    poll(&input, 1, client->settings->seconds > 0 ? (int)client->settings->seconds * 1000 : -1);
    for (uint64_t i = 0; i < client->held_count; i++) {
        char byte;
        if (recv(client->held[i], &byte, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN)
            failures_add(&client->failures, "the server closed idle connections");
    }
}

static void print_text(const struct client *client, double seconds, double per_second) {
    printf("%llu connections in %.3f s, %.0f/s", (unsigned long long)client->done, seconds,
           per_second);
    print_text_failures(&client->failures);
    print_text_samples("connect", &client->connect);
    print_text_samples("first byte", &client->first_byte);
}

static void print_json(const struct client *client, double seconds, double per_second) {
    printf("{\"connections\": %llu, \"seconds\": %.3f, \"per_second\": %.1f",
           (unsigned long long)client->done, seconds, per_second);
    print_json_failures(&client->failures);
    print_json_samples("connect_us", &client->connect);
    print_json_samples("first_byte_us", &client->first_byte);
    puts("}");
}

static void print_report(struct client *client) {
    double seconds = (double)(client->end_ns - client->begin_ns) / (double)ns_per_s;
    double per_second = rate_of(client->done, client->begin_ns, client->end_ns);
    samples_sort(&client->connect);
    samples_sort(&client->first_byte);
    if (client->settings->json)
        print_json(client, seconds, per_second);
    else
        print_text(client, seconds, per_second);
}

static const char usage[] =
    "usage: connect [--address HOST:PORT] [--path PATH] [--in-flight K] [--json]\n"
    "               [--seconds S] [--connections N | --hold N]\n"
    "Opens connections for S seconds (3), or N of them, K at a time (64): asks for PATH on each, "
    "once,\nreads the answer and the connection's end, and prints how many there were and how long "
    "they took:\nto be connected, and to the first byte of the answer. --hold N opens N, asks on "
    "each, and keeps\nthem idle until standard input ends, or for S seconds.\n";

static bool parse_options(int argc, char *argv[], struct settings *settings) {
    const struct option_row rows[] = {
        {"address", OPTION_ADDRESS, &settings->address},
        {"path", OPTION_TEXT, &settings->path},
        {"connections", OPTION_NUMBER, &settings->connections},
        {"in-flight", OPTION_COUNT, &settings->in_flight},
        {"seconds", OPTION_NUMBER, &settings->seconds},
        {"hold", OPTION_NUMBER, &settings->hold},
        {"json", OPTION_FLAG, &settings->json},
    };
    return options_parse(argc, argv, rows, sizeof rows / sizeof *rows);
}

static void client_init(struct client *client, const struct settings *settings) {
    *client = (struct client){.settings = settings, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    if (client->epoll < 0)
        fail("epoll_create1");
    client->request_length =
        make_request(&settings->address, settings->path,
                     settings->hold > 0 ? "" : "Connection: close\r\n", client->request);
    client->slots = take_memory(NULL, settings->in_flight, sizeof *client->slots);
    for (uint64_t i = 0; i < settings->in_flight; i++)
        client->slots[i].fd = -1;
    client->held = take_memory(NULL, settings->hold + 1, sizeof *client->held);
}

int main(int argc, char *argv[]) {
    struct settings settings = {.address = default_address(), .path = "/", .in_flight = 64};
    if (!parse_options(argc, argv, &settings)) {
        fputs(usage, stderr);
        return 2;
    }
    if (settings.seconds == 0 && settings.hold == 0)
        settings.seconds = settings.connections > 0 ? 3600 : 3;
    raise_descriptor_limit();
    struct client client;
    client_init(&client, &settings);
    run(&client);
    if (settings.hold > 0 && client.failures.count == 0)
        hold(&client);
    print_report(&client);
    return client.failures.count == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
