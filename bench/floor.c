/* floor: the least that a program on epoll can do for each of the works that `make bench` measures,
 * as a floor under the servers' figures. It is no web server: it looks for the ends of request
 * heads, and answers each with the same bytes, whatever was asked for. */
#include "base/number.h"
#include "conf/address.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 256,
    INPUT_BYTES = 64 * 1024,
    BATCH_BYTES = 64 * 1024, /* replies that one send() takes at most, if there is more than one */
    TAIL_BYTES = 3,          /* of "\r\n\r\n", what one read can leave to the next */
};

struct client {
    uint64_t owed; /* replies */
    uint64_t sent; /* bytes of the first of them */
    char tail[TAIL_BYTES];
    unsigned char tail_length;
};

struct floor {
    int epoll;
    int listener;
    bool close;             /* each connection after its reply */
    char *replies;          /* one after the other, or a head alone where a file follows it */
    size_t replies_count;   /* in `replies` */
    uint64_t head_bytes;    /* of `replies`, per reply */
    uint64_t reply_bytes;   /* in all */
    int file;               /* what follows the head, or -1 */
    struct client *clients; /* by descriptor */
};

enum progress { PROGRESS_WAIT, PROGRESS_MORE, PROGRESS_END };

static void fail(const char *what) {
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

/* Sends what it can of the replies that are owed; the number of bytes, or -1. */
static ssize_t send_replies(const struct floor *floor, int fd, const struct client *client) {
    if (client->sent >= floor->head_bytes) {
        off_t from = (off_t)(client->sent - floor->head_bytes);
        return sendfile(fd, floor->file, &from, floor->reply_bytes - client->sent);
    }
    uint64_t count = client->owed < floor->replies_count ? client->owed : floor->replies_count;
    return send(fd, floor->replies + client->sent, count * floor->head_bytes - client->sent,
                MSG_NOSIGNAL | (floor->file >= 0 ? MSG_MORE : 0));
}

/* PROGRESS_MORE: nothing is owed any more. */
static enum progress flush(const struct floor *floor, int fd, struct client *client) {
    while (client->owed > 0) {
        ssize_t count = send_replies(floor, fd, client);
        if (count <= 0)
            return count < 0 && errno == EAGAIN ? PROGRESS_WAIT : PROGRESS_END;
        client->sent += (uint64_t)count;
        client->owed -= client->sent / floor->reply_bytes;
        client->sent %= floor->reply_bytes;
        if (client->owed == 0 && floor->close)
            return PROGRESS_END;
    }
    return PROGRESS_MORE;
}

/* Counts the heads that end in the input, and keeps what may be the begin of another end. */
static void count_heads(struct client *client, const char *input, size_t length) {
    const char *end = input + length;
    const char *at = input;
    for (const char *found; (found = memmem(at, (size_t)(end - at), "\r\n\r\n", 4)) != NULL;
         at = found + 4)
        client->owed++;
    size_t left = (size_t)(end - at);
    client->tail_length = (unsigned char)(left < TAIL_BYTES ? left : TAIL_BYTES);
    memcpy(client->tail, end - client->tail_length, client->tail_length);
}

/* Edge-triggered: reads until there is nothing more. A short read says so, too, unless the end of
 * input may be behind it. */
static enum progress serve(const struct floor *floor, int fd, struct client *client, bool hangup) {
    static char input[TAIL_BYTES + INPUT_BYTES];
    for (;;) {
        enum progress progress = flush(floor, fd, client);
        if (progress != PROGRESS_MORE)
            return progress;
        size_t before = client->tail_length;
        memcpy(input, client->tail, before);
        ssize_t count = recv(fd, input + before, INPUT_BYTES, 0);
        if (count <= 0)
            return count < 0 && errno == EAGAIN ? PROGRESS_WAIT : PROGRESS_END;
        count_heads(client, input, before + (size_t)count);
        if (count < INPUT_BYTES && !hangup)
            return flush(floor, fd, client) == PROGRESS_END ? PROGRESS_END : PROGRESS_WAIT;
    }
}

/* A connection that is over with its first read (TCP_DEFER_ACCEPT makes that likely) is never
 * registered with epoll. */
static void accept_clients(const struct floor *floor) {
    int fd;
    while ((fd = accept4(floor->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct client *client = &floor->clients[fd];
        *client = (struct client){0};
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                    .data.fd = fd};
        if (serve(floor, fd, client, false) == PROGRESS_END ||
            epoll_ctl(floor->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
            close(fd);
    }
}

static _Noreturn void run(const struct floor *floor) {
    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        int count = epoll_wait(floor->epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == floor->listener)
                accept_clients(floor);
            else if (serve(floor, fd, &floor->clients[fd],
                           (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) ==
                     PROGRESS_END)
                close(fd);
        }
    }
}

static void open_listener(struct floor *floor, const struct address *address) {
    int on = 1;
    floor->epoll = epoll_create1(EPOLL_CLOEXEC);
    floor->listener =
        socket(address->socket.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = floor->listener};
    if (floor->epoll < 0 || floor->listener < 0 ||
        setsockopt(floor->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        setsockopt(floor->listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 ||
        (floor->close &&
         setsockopt(floor->listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof on) < 0) ||
        bind(floor->listener, &address->socket.any, address_len(address)) < 0 ||
        listen(floor->listener, SOMAXCONN) < 0 ||
        epoll_ctl(floor->epoll, EPOLL_CTL_ADD, floor->listener, &event) < 0)
        fail("listening");
}

/* A head of the size that servers send, and content where it does not come from a file. */
static void make_replies(struct floor *floor, uint64_t body_bytes) {
    char head[512];
    int length =
        snprintf(head, sizeof head,
                 "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: "
                 "floor\r\nContent-Type: application/octet-stream\r\nContent-Length: "
                 "%llu\r\nETag: \"0123456789abcdef-0123-012345\"\r\nLast-Modified: Thu, "
                 "01 Jan 1970 00:00:00 GMT\r\nAccept-Ranges: bytes\r\n%s\r\n",
                 (unsigned long long)body_bytes, floor->close ? "Connection: close\r\n" : "");
    size_t in_memory = (size_t)length + (floor->file < 0 ? (size_t)body_bytes : 0);
    floor->head_bytes = in_memory;
    floor->reply_bytes = (uint64_t)length + body_bytes;
    floor->replies_count = floor->file < 0 && in_memory < BATCH_BYTES ? BATCH_BYTES / in_memory : 1;
    floor->replies = malloc(floor->replies_count * in_memory);
    if (floor->replies == NULL)
        fail("making the reply");
    memset(floor->replies, 'x', floor->replies_count * in_memory);
    for (size_t i = 0; i < floor->replies_count; i++)
        memcpy(floor->replies + i * in_memory, head, (size_t)length);
}

/* Room for as many clients as there can be descriptors; what is not touched costs nothing. */
static void make_clients(struct floor *floor) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        fail("getrlimit");
    floor->clients = calloc(limit.rlim_cur, sizeof *floor->clients);
    if (floor->clients == NULL)
        fail("making room for clients");
}

static uint64_t open_file(struct floor *floor, const char *path) {
    struct stat status;
    floor->file = open(path, O_RDONLY | O_CLOEXEC);
    if (floor->file < 0 || fstat(floor->file, &status) < 0)
        fail(path);
    return (uint64_t)status.st_size;
}

static const char usage[] =
    "usage: floor --address HOST:PORT [--body BYTES | --file PATH] [--close]\n"
    "Answers every request with a reply of BYTES from memory (1024), or with the file's content "
    "by\n"
    "sendfile(2). --close: closes each connection after its reply, and defers accept.\n";

int main(int argc, char *argv[]) {
    static const struct option options[] = {{"address", required_argument, NULL, 'a'},
                                            {"body", required_argument, NULL, 'b'},
                                            {"file", required_argument, NULL, 'f'},
                                            {"close", no_argument, NULL, 'c'},
                                            {NULL, 0, NULL, 0}};
    struct floor floor = {.file = -1};
    struct address address;
    struct err err;
    bool bad = address_parse("127.0.0.1:8080", &address, &err) < 0;
    uint64_t body_bytes = 1024;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'a')
            bad |= address_parse(optarg, &address, &err) < 0;
        else if (option == 'b')
            bad |= !number_parse(slice_of_text(optarg), UINT32_MAX, &body_bytes);
        else if (option == 'f')
            body_bytes = open_file(&floor, optarg);
        else if (option == 'c')
            floor.close = true;
        else
            bad = true;
    }
    if (bad || optind != argc) {
        fputs(usage, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* sendfile(2) has no MSG_NOSIGNAL */
    make_replies(&floor, body_bytes);
    make_clients(&floor);
    open_listener(&floor, &address);
    run(&floor);
}
