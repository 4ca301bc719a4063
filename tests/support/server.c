#include "support/server.h"

#include "support/note.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WORDS_MAX = 32, START_TIMEOUT_MS = 30000, STOP_TIMEOUT_MS = 30000 };

/* A worker that is killed ends when the kernel has let go of what it watched (inotify), and so long
 * as a machine is busy, that takes up to 20 seconds now and then. */
enum { AWAIT_MS = 60000 };

static const char announcement[] = "pronto: listening on ";

const char *server_binary(void) {
    const char *path = getenv("PRONTO");
    if (path == NULL)
        fail_msg("set PRONTO to the binary under test, as `make test` does");
    return path;
}

uint16_t server_free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

bool server_is_sanitized(void) {
    static const char symbol[] = "__asan_init";
    struct stat stat;
    int fd = open(server_binary(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &stat) != 0)
        fail_msg("%s cannot be read", server_binary());
    size_t size = (size_t)stat.st_size;
    void *image = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    (void)close(fd);
    if (image == MAP_FAILED)
        fail_msg("%s cannot be mapped", server_binary());
    bool found = memmem(image, size, symbol, sizeof symbol - 1) != NULL;
    (void)munmap(image, size);
    return found;
}

static size_t count_announcements(const char *text) {
    size_t count = 0;
    const char *at = text;
    while ((at = strstr(at, announcement)) != NULL) {
        at += sizeof announcement - 1;
        count += strchr(at, '\n') != NULL;
    }
    return count;
}

/* Waits for the announcements, and returns stderr. */
static char *await_announcements(struct server *server, size_t addresses) {
    int64_t deadline = note_now_ms() + START_TIMEOUT_MS;
    for (;;) {
        bool ended = process_wait(&server->process, 0);
        char *text = process_text(server->process.err_fd);
        if (count_announcements(text) >= addresses)
            return text;
        if (ended || note_now_ms() > deadline)
            fail_msg("the server %s; its stderr:\n%s",
                     ended ? "ended" : "did not say that it listens", text);
        free(text);
        note_pause_ms(2);
    }
}

void server_start(struct server *server, const struct process_options *options, size_t addresses,
                  const char *const words[]) {
    server_start_as(server, options, addresses, server_binary(), words);
}

void server_start_as(struct server *server, const struct process_options *options, size_t addresses,
                     const char *program, const char *const words[]) {
    const char *argv[WORDS_MAX] = {program};
    for (size_t i = 0; words[i] != NULL; i++) {
        assert_in_range(i, 0, WORDS_MAX - 3);
        argv[i + 1] = words[i];
    }
    process_start(&server->process, options, argv);
    free(await_announcements(server, addresses));
    server->port = addresses > 0 ? server_port(server, "http://") : 0;
}

/* The port in "host:8080/", as its last colon has it: a host may hold colons. */
static uint16_t port_of(const char *url) {
    size_t len = strcspn(url, "/\n");
    while (len > 0 && url[len - 1] != ':')
        len--;
    return (uint16_t)strtoul(url + len, NULL, 10);
}

/* The same of the URL that starts with `prefix` and is announced with those words. */
static uint16_t find_port(const struct server *server, const char *words, const char *prefix) {
    char *text = process_text(server->process.err_fd);
    uint16_t port = 0;
    for (const char *at = text; port == 0 && (at = strstr(at, words)) != NULL;) {
        at += strlen(words);
        if (strncmp(at, prefix, strlen(prefix)) == 0)
            port = port_of(at + strlen("http://"));
    }
    free(text);
    return port;
}

uint16_t server_port(const struct server *server, const char *prefix) {
    return find_port(server, announcement, prefix);
}

uint16_t server_admin_port(const struct server *server) {
    return find_port(server, "pronto: status on ", "http://");
}

bool server_says(const struct server *server, const char *needle) {
    char *text = process_text(server->process.err_fd);
    bool found = strstr(text, needle) != NULL;
    free(text);
    return found;
}

size_t server_times(const struct server *server, const char *needle) {
    char *text = process_text(server->process.err_fd);
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, needle)) != NULL; at++)
        count++;
    free(text);
    return count;
}

void server_await_times(const struct server *server, const char *needle, size_t count) {
    int64_t deadline = note_now_ms() + AWAIT_MS;
    while (server_times(server, needle) < count) {
        if (note_now_ms() > deadline) {
            char *text = process_text(server->process.err_fd);
            note_say("its stderr:\n%s", text);
            free(text);
            fail_msg("the server does not say \"%s\" %zu times", needle, count);
        }
        note_pause_ms(5);
    }
}

void server_await_text(const struct server *server, const char *needle) {
    server_await_times(server, needle, 1);
}

/* The last one that it has named. */
static pid_t new_master(const struct server *server) {
    static const char words[] = "upgraded: pid ";
    char *text = process_text(server->process.err_fd);
    long pid = 0;
    for (const char *at = text; (at = strstr(at, words)) != NULL;) {
        at += sizeof words - 1;
        pid = strtol(at, NULL, 10);
    }
    free(text);
    return (pid_t)pid;
}

void server_follow(struct server *server, size_t count) {
    server_await_times(server, "upgraded: pid ", count);
    if (!process_wait(&server->process, STOP_TIMEOUT_MS) ||
        process_exit_code(&server->process) != 0)
        fail_msg("the old master does not end as it should");
    server->process.pid = new_master(server);
    assert_true(process_is_alive(server->process.pid));
}

size_t server_workers(const struct server *server, pid_t workers[SERVER_WORKERS_MAX]) {
    return process_children(server->process.pid, workers, SERVER_WORKERS_MAX);
}

size_t server_await_workers(const struct server *server, pid_t workers[SERVER_WORKERS_MAX],
                            size_t count) {
    int64_t deadline = note_now_ms() + AWAIT_MS;
    size_t found;
    while ((found = server_workers(server, workers)) != count && note_now_ms() < deadline)
        note_pause_ms(2);
    return found;
}

size_t server_count_fds(const struct server *server) {
    pid_t workers[SERVER_WORKERS_MAX];
    size_t count = server_workers(server, workers);
    size_t fds = 0;
    for (size_t i = 0; i < count; i++)
        fds += process_count_fds(workers[i]);
    return fds;
}

size_t server_settled_fds(const struct server *server) {
    size_t fds = server_count_fds(server);
    for (int unchanged = 0; unchanged < 20; unchanged++) {
        note_pause_ms(10);
        size_t now = server_count_fds(server);
        if (now != fds)
            unchanged = 0;
        fds = now;
    }
    return fds;
}

size_t server_await_fds(const struct server *server, size_t count) {
    int64_t deadline = note_now_ms() + AWAIT_MS;
    size_t fds;
    while ((fds = server_count_fds(server)) > count && note_now_ms() < deadline)
        note_pause_ms(5);
    return fds;
}

static const char *find_report(const char *text) {
    const char *report = strstr(text, "Sanitizer");
    return report != NULL ? report : strstr(text, "runtime error:");
}

void server_assert_unreported(const struct server *server) {
    char *text = process_text(server->process.err_fd);
    if (find_report(text) != NULL)
        fail_msg("a sanitizer reports:\n%s", text);
    free(text);
}

/* A process that another has taken the place of, for a reason of its own: SIGILL, SIGABRT, SIGBUS,
 * SIGFPE or SIGSEGV (signal(7)). Tests kill with others. */
static bool has_crashed(const char *text) {
    static const char *const ends[] = {
        "was killed by signal 4 ", "was killed by signal 6 ",  "was killed by signal 7 ",
        "was killed by signal 8 ", "was killed by signal 11 ",
    };
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (strstr(text, ends[i]) != NULL)
            return true;
    }
    return false;
}

static size_t count_alive(const pid_t *pids, size_t count) {
    size_t alive = 0;
    for (size_t i = 0; i < count; i++)
        alive += process_is_alive(pids[i]);
    return alive;
}

/* What is wrong with a server that has ended, or NULL. */
static const char *judge_end(const struct server *server, const char *text, const pid_t *workers,
                             size_t count) {
    if (find_report(text) != NULL)
        return "a sanitizer reports";
    if (!server->rogue && strstr(text, "syscall.def") != NULL)
        return "a system call is refused";
    if (has_crashed(text))
        return "a process has crashed";
    if (process_exit_code(&server->process) != 0)
        return "the exit code is not 0";
    if (count_alive(workers, count) > 0)
        return "workers are left";
    return NULL;
}

void server_end(struct server *server, char complaint[SERVER_COMPLAINT_MAX]) {
    pid_t workers[SERVER_WORKERS_MAX];
    complaint[0] = '\0';
    if (server->process.pid > 0) {
        size_t count = server_workers(server, workers);
        (void)kill(server->process.pid, SIGTERM);
        bool ended = process_wait(&server->process, STOP_TIMEOUT_MS);
        char *text = process_text(server->process.err_fd);
        const char *wrong =
            ended ? judge_end(server, text, workers, count) : "it did not end after SIGTERM";
        if (wrong != NULL)
            (void)snprintf(complaint, SERVER_COMPLAINT_MAX, "stop: %s (exit code %d); stderr:\n%s",
                           wrong, ended ? process_exit_code(&server->process) : -1, text);
        free(text);
    }
    process_deinit(&server->process);
}

void server_stop(struct server *server) {
    char complaint[SERVER_COMPLAINT_MAX];
    server_end(server, complaint);
    if (complaint[0] != '\0')
        fail_msg("%s", complaint);
}
