/* connect: a client that measures what load generators leave out: how fast a server takes new
 * connections, and how long they wait for it. With --hold it opens connections, asks once on each,
 * and keeps them idle, for the sake of the server's memory. */
#include "base/number.h"
#include "conf/address.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 256,
    HEAD_MAX = 2048,
    REQUEST_MAX = 1024,
    CONNECTIONS_PER_SOURCE = 25000, /* of some 28,000 ports that the kernel gives out */
    GRACE_S = 5,                    /* for what is under way when time is up */
    HOLD_S = 120,                   /* for opening all connections of --hold */
};

static const uint64_t ns_per_s = 1000000000;

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

struct samples {
    uint64_t *ns;
    size_t count;
    size_t room;
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
    uint64_t failed;
    const char *first_failure;
    uint64_t begin_ns, end_ns;
    struct samples connect, first_byte;
};

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * ns_per_s + (uint64_t)now.tv_nsec;
}

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "connect: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static void *take_memory(void *old, size_t count, size_t size) {
    void *memory = reallocarray(old, count, size);
    if (memory == NULL)
        fail("memory");
    return memory;
}

static void samples_add(struct samples *samples, uint64_t ns) {
    if (samples->count == samples->room) {
        samples->room = samples->room > 0 ? 2 * samples->room : 4096;
        samples->ns = take_memory(samples->ns, samples->room, sizeof *samples->ns);
    }
    samples->ns[samples->count++] = ns;
}

static int compare_ns(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static void samples_sort(struct samples *samples) {
    if (samples->count > 0)
        qsort(samples->ns, samples->count, sizeof *samples->ns, compare_ns);
}

/* In microseconds; the samples are sorted. */
static double percentile(const struct samples *samples, double share) {
    if (samples->count == 0)
        return 0;
    size_t at = (size_t)(share * (double)samples->count);
    return (double)samples->ns[at < samples->count ? at : samples->count - 1] / 1000;
}

/* A slot's connection is over; `failure` is NULL where all went well. */
static void end_connection(struct client *client, struct slot *slot, const char *failure) {
    if (failure != NULL) {
        client->failed++;
        if (client->first_failure == NULL)
            client->first_failure = failure;
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

/* Over loopback a connection stands, or is refused, as soon as connect() returns, whatever that
 * says; so the request goes out at once, and only where the kernel wants to wait do we. */
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
    sa_family_t family = address->socket.any.sa_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("socket");
    if (client->settings->hold > CONNECTIONS_PER_SOURCE && family == AF_INET &&
        address_is_loopback(address))
        bind_source(client, fd);
    *slot = (struct slot){.fd = fd, .started_ns = now_ns()};
    client->started++;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = slot};
    const char *failure = NULL;
    if (connect(fd, &address->socket.any, address_len(address)) < 0 && errno != EINPROGRESS)
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
    static const char length_name[] = "\r\nContent-Length: ";
    size_t room = HEAD_MAX - 1 - slot->head_length;
    size_t before = slot->head_length;
    size_t taken = count < room ? count : room;
    memcpy(slot->head + before, bytes, taken);
    slot->head_length += taken;
    slot->head[slot->head_length] = '\0';
    char *end = strstr(slot->head, "\r\n\r\n");
    if (end == NULL)
        return slot->head_length < HEAD_MAX - 1 ? (ssize_t)taken : -1;
    end[2] = '\0';
    const char *field = strcasestr(slot->head, length_name);
    if (field == NULL || strncmp(slot->head, "HTTP/1.1 200 ", 13) != 0)
        return -1;
    slot->content_left = strtoull(field + sizeof length_name - 1, NULL, 10);
    slot->head_complete = true;
    return (ssize_t)((size_t)(end + 4 - slot->head) - before);
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
        return client->started < settings->hold && client->failed == 0;
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
        if (recv(client->held[i], &byte, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN) {
            client->failed++;
            client->first_failure = "the server closed idle connections";
        }
    }
}

static void print_text_samples(const char *name, const struct samples *samples) {
    printf("%-12s p50 %.1f  p90 %.1f  p99 %.1f  max %.1f us\n", name, percentile(samples, 0.5),
           percentile(samples, 0.9), percentile(samples, 0.99), percentile(samples, 1));
}

static void print_text(const struct client *client, double seconds, double per_second) {
    printf("%llu connections in %.3f s, %.0f/s; %llu failed%s%s\n",
           (unsigned long long)client->done, seconds, per_second,
           (unsigned long long)client->failed, client->failed > 0 ? ", the first: " : "",
           client->failed > 0 ? client->first_failure : "");
    print_text_samples("connect", &client->connect);
    print_text_samples("first byte", &client->first_byte);
}

static void print_json_samples(const char *name, const struct samples *samples) {
    printf(", \"%s\": {\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"max\": %.1f}", name,
           percentile(samples, 0.5), percentile(samples, 0.9), percentile(samples, 0.99),
           percentile(samples, 1));
}

static void print_json(const struct client *client, double seconds, double per_second) {
    printf("{\"connections\": %llu, \"seconds\": %.3f, \"per_second\": %.1f, \"failed\": %llu, "
           "\"first_failure\": \"%s\"",
           (unsigned long long)client->done, seconds, per_second,
           (unsigned long long)client->failed, client->failed > 0 ? client->first_failure : "");
    print_json_samples("connect_us", &client->connect);
    print_json_samples("first_byte_us", &client->first_byte);
    puts("}");
}

static void print_report(struct client *client) {
    double seconds = (double)(client->end_ns - client->begin_ns) / (double)ns_per_s;
    double per_second = seconds > 0 ? (double)client->done / seconds : 0;
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

static bool parse_number(uint64_t *value) {
    return number_parse(slice_of_text(optarg), 10000000, value);
}

static bool parse_options(int argc, char *argv[], struct settings *settings) {
    static const struct option options[] = {{"address", required_argument, NULL, 'a'},
                                            {"path", required_argument, NULL, 'p'},
                                            {"connections", required_argument, NULL, 'n'},
                                            {"in-flight", required_argument, NULL, 'k'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {"hold", required_argument, NULL, 'h'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    struct err err;
    bool good = address_parse("127.0.0.1:8080", &settings->address, &err) == 0;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'a':
            good &= address_parse(optarg, &settings->address, &err) == 0;
            break;
        case 'p':
            settings->path = optarg;
            break;
        case 'n':
            good &= parse_number(&settings->connections);
            break;
        case 'k':
            good &= parse_number(&settings->in_flight) && settings->in_flight > 0;
            break;
        case 's':
            good &= parse_number(&settings->seconds);
            break;
        case 'h':
            good &= parse_number(&settings->hold);
            break;
        case 'j':
            settings->json = true;
            break;
        default:
            good = false;
        }
    }
    return good && optind == argc;
}

static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void client_init(struct client *client, const struct settings *settings) {
    char host[ADDRESS_TEXT_MAX];
    address_format(&settings->address, host);
    *client = (struct client){.settings = settings, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    if (client->epoll < 0)
        fail("epoll_create1");
    int length = snprintf(client->request, REQUEST_MAX, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n",
                          settings->path, host, settings->hold > 0 ? "" : "Connection: close\r\n");
    if (length >= REQUEST_MAX) {
        errno = ENAMETOOLONG;
        fail("--path");
    }
    client->request_length = (size_t)length;
    client->slots = take_memory(NULL, settings->in_flight, sizeof *client->slots);
    for (uint64_t i = 0; i < settings->in_flight; i++)
        client->slots[i].fd = -1;
    client->held = take_memory(NULL, settings->hold + 1, sizeof *client->held);
}

int main(int argc, char *argv[]) {
    struct settings settings = {.path = "/", .in_flight = 64};
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
    if (settings.hold > 0 && client.failed == 0)
        hold(&client);
    print_report(&client);
    return client.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
