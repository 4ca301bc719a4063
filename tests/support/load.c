#include "support/load.h"

#include "support/content.h"
#include "support/note.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { TIMEOUT_S = 20, WAIT_MS = 60000, ANSWER_MAX = LOAD_FILE_SIZE + 4096 };

/* One writer each. */
struct tally {
    _Atomic uint64_t answered;
    _Atomic uint64_t lost;
    char reason[LOAD_REASON_MAX];
};

struct load_shared {
    atomic_bool stop;
    uint16_t port;
    struct tally tallies[LOAD_CLIENTS];
};

struct client_context {
    struct load_shared *shared;
    size_t number;
};

/* A loss; returns false. */
static bool lose(struct tally *tally, const char *what, int error) {
    (void)snprintf(tally->reason, sizeof tally->reason, "%s%s%s", what, error != 0 ? ": " : "",
                   error != 0 ? strerror(error) : "");
    atomic_fetch_add(&tally->lost, 1);
    return false;
}

static int open_connection(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    const struct timeval timeout = {.tv_sec = TIMEOUT_S};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

/* Whether it is the whole answer, with the content; NULL: it is, else what is wrong. */
static const char *judge(const char *answer, size_t len) {
    static char content[LOAD_FILE_SIZE];
    const char *end = memmem(answer, len, "\r\n\r\n", 4);
    if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0)
        return "not a 200";
    content_fill(7, 0, content, sizeof content);
    if (end == NULL || memcmp(end + 4, content, sizeof content) != 0)
        return "another content";
    return NULL;
}

static bool is_whole(const char *answer, size_t len) {
    const char *end = memmem(answer, len, "\r\n\r\n", 4);
    return end != NULL && len - (size_t)(end + 4 - answer) >= LOAD_FILE_SIZE;
}

/* Asks once. Returns whether the connection can be used again. */
static bool ask(int fd, bool keep, struct tally *tally) {
    char answer[ANSWER_MAX + 1];
    const char *request = keep ? "GET /load.bin HTTP/1.1\r\nHost: x\r\n\r\n"
                               : "GET /load.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    size_t len = 0;
    if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
        return lose(tally, "send", errno);
    while (!is_whole(answer, len)) {
        ssize_t count = recv(fd, answer + len, ANSWER_MAX - len, 0);
        if (count < 0)
            return lose(tally, len == 0 ? "no answer" : "half an answer", errno);
        if (count == 0)
            return lose(tally, len == 0 ? "closed without an answer" : "closed in an answer", 0);
        len += (size_t)count;
    }
    answer[len] = '\0';
    const char *wrong = judge(answer, len);
    if (wrong != NULL)
        return lose(tally, wrong, 0);
    atomic_fetch_add(&tally->answered, 1);
    return keep && strstr(answer, "\r\nConnection: close\r\n") == NULL;
}

static void run(void *context) {
    const struct client_context *client = context;
    struct tally *tally = &client->shared->tallies[client->number];
    bool keep = client->number % 2 == 0;
    int fd = -1;
    while (!atomic_load(&client->shared->stop)) {
        if (fd < 0)
            fd = open_connection(client->shared->port);
        if (fd < 0) {
            (void)lose(tally, "connect", errno);
            continue;
        }
        if (!ask(fd, keep, tally)) {
            (void)close(fd);
            fd = -1;
        }
    }
}

void load_start(struct load *load, uint16_t port) {
    load->shared =
        mmap(NULL, sizeof *load->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(load->shared != MAP_FAILED);
    load->shared->port = port;
    for (size_t i = 0; i < LOAD_CLIENTS; i++) {
        struct client_context client = {load->shared, i};
        load->processes[i] = (struct process)PROCESS_INIT;
        process_fork(&load->processes[i], run, &client);
    }
}

struct load_counts load_counts(const struct load *load) {
    struct load_counts counts = {0};
    for (size_t i = 0; i < LOAD_CLIENTS; i++) {
        const struct tally *tally = &load->shared->tallies[i];
        counts.answered += atomic_load(&tally->answered);
        counts.lost += atomic_load(&tally->lost);
        if (tally->reason[0] != '\0')
            memcpy(counts.reason, tally->reason, sizeof counts.reason);
    }
    return counts;
}

void load_await(const struct load *load, uint64_t answers) {
    uint64_t wanted = load_counts(load).answered + answers;
    int64_t deadline = note_now_ms() + WAIT_MS;
    while (load_counts(load).answered < wanted) {
        if (note_now_ms() > deadline)
            fail_msg("the clients get no more answers; the last loss: %s",
                     load_counts(load).reason);
        note_pause_ms(1);
    }
}

struct load_counts load_stop(struct load *load) {
    atomic_store(&load->shared->stop, true);
    for (size_t i = 0; i < LOAD_CLIENTS; i++) {
        assert_true(process_wait(&load->processes[i], WAIT_MS));
        assert_int_equal(process_exit_code(&load->processes[i]), 0);
        process_deinit(&load->processes[i]);
    }
    struct load_counts counts = load_counts(load);
    (void)munmap(load->shared, sizeof *load->shared);
    return counts;
}
