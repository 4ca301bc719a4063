/* Sockets that pronto is given: by systemd-socket-activate, as systemd does, and by the test. */
#include "support/client.h"
#include "support/load.h"
#include "support/scene.h"
#include "support/shell.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { END_TIMEOUT_MS = 15000, WORDS_MAX = 8 };

/* A socket of the test's own, on any port of 127.0.0.1. */
static int open_socket(int type, bool listens, uint16_t *port) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    if (listens)
        assert_int_equal(listen(fd, 128), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* What the test gives to the server that it starts. */
struct gift {
    int fds[4];
    int count;
    const char *words[WORDS_MAX]; /* behind "--workers 2", the last one the root */
};

static void give(void *context) {
    const struct gift *gift = context;
    const char *words[WORDS_MAX + 4] = {"pronto", "--workers", "2"};
    char text[32];
    int copies[4];
    for (int i = 0; i < gift->count; i++)
        copies[i] = fcntl(gift->fds[i], F_DUPFD_CLOEXEC, 64);
    for (int i = 0; i < gift->count; i++)
        (void)dup2(copies[i], 3 + i);
    (void)snprintf(text, sizeof text, "%d", (int)getpid());
    (void)setenv("LISTEN_PID", text, 1);
    (void)snprintf(text, sizeof text, "%d", gift->count);
    (void)setenv("LISTEN_FDS", text, 1);
    (void)setenv("LISTEN_FDNAMES", "a:b:c:d", 1);
    for (size_t i = 0; gift->words[i] != NULL; i++)
        words[3 + i] = gift->words[i];
    (void)execv(server_binary(), (char *const *)(uintptr_t)words);
    _exit(127);
}

/* The sockets are the server's alone from then on. */
static void start_with(struct scene *scene, struct gift *gift) {
    tree_text(&scene->tree, "a.txt", "some text");
    process_fork(&scene->server.process, give, gift);
    for (int i = 0; i < gift->count; i++)
        (void)close(gift->fds[i]);
}

static void test_one_socket_for_all_workers(void **state) {
    struct scene *scene = *state;
    uint16_t port;
    pid_t workers[SERVER_WORKERS_MAX];
    struct gift gift = {.count = 1, .words = {scene->tree.path}};
    gift.fds[0] = open_socket(SOCK_STREAM, true, &port);
    start_with(scene, &gift);
    server_await_text(&scene->server, "listening on http://127.0.0.1:");
    assert_int_equal(server_port(&scene->server, "http://"), port);
    assert_int_equal(server_workers(&scene->server, workers), 2);
    for (int i = 0; i < 40; i++)
        client_expect_once(port, "/a.txt", 200);
    /* What was given is kept, however often others take over. */
    for (size_t i = 1; i <= 2; i++) {
        assert_int_equal(kill(scene->server.process.pid, SIGHUP), 0);
        server_await_times(&scene->server, "pronto: reloaded", i);
        assert_int_equal(kill(scene->server.process.pid, SIGUSR2), 0);
        server_await_times(&scene->server, "upgraded", i);
        server_follow(&scene->server, i);
        for (int j = 0; j < 20; j++)
            client_expect_once(port, "/a.txt", 200);
    }
}

/* Connections at once are more than one worker's turn. */
static void test_many_connections_at_once(void **state) {
    enum { COUNT = 200 };
    struct scene *scene = *state;
    uint16_t port;
    static struct client clients[COUNT];
    struct gift gift = {.count = 1, .words = {scene->tree.path}};
    gift.fds[0] = open_socket(SOCK_STREAM, true, &port);
    start_with(scene, &gift);
    server_await_text(&scene->server, "listening on");
    for (size_t i = 0; i < COUNT; i++) {
        client_open(&clients[i], port);
        client_send_request(&clients[i], "GET", "/a.txt", "");
    }
    for (size_t i = 0; i < COUNT; i++) {
        struct response response;
        client_read(&clients[i], false, &response);
        response_assert_status(&response, 200);
        response_deinit(&response);
        client_close(&clients[i]);
    }
}

/* One worker may have been woken for a connection, and no other: it is not left in the queue. */
static void test_reloads_lose_nothing(void **state) {
    enum { RELOADS = 6, ANSWERS = 40 };
    struct scene *scene = *state;
    struct load load;
    uint16_t port;
    struct gift gift = {.count = 1, .words = {scene->tree.path}};
    gift.fds[0] = open_socket(SOCK_STREAM, true, &port);
    tree_file(&scene->tree, "load.bin", 7, LOAD_FILE_SIZE);
    start_with(scene, &gift);
    load_start(&load, port);
    for (size_t i = 1; i <= RELOADS; i++) {
        load_await(&load, ANSWERS);
        assert_int_equal(kill(scene->server.process.pid, SIGHUP), 0);
        server_await_times(&scene->server, "pronto: reloaded", i);
    }
    load_await(&load, ANSWERS);
    struct load_counts counts = load_stop(&load);
    if (counts.lost > 0)
        fail_msg("%llu requests were lost; the last one: %s", (unsigned long long)counts.lost,
                 counts.reason);
}

static void test_options_choose_among_them(void **state) {
    struct scene *scene = *state;
    uint16_t ports[2];
    char address[32];
    char message[96];
    struct client client;
    struct gift gift = {.count = 2};
    for (int i = 0; i < 2; i++)
        gift.fds[i] = open_socket(SOCK_STREAM, true, &ports[i]);
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)ports[1]);
    const char *const words[] = {"--listen", address, "--listen", "127.0.0.2:0", scene->tree.path};
    memcpy(gift.words, words, sizeof words);
    start_with(scene, &gift);
    server_await_times(&scene->server, "pronto: listening on ", 2);
    (void)snprintf(message, sizeof message, "no longer listening on http://127.0.0.1:%u/",
                   (unsigned)ports[0]);
    server_await_text(&scene->server, message);
    client_expect_once(ports[1], "/a.txt", 200);
    assert_false(client_try_open(&client, ports[0]));
    client_open_at(&client, "127.0.0.2", server_port(&scene->server, "http://127.0.0.2:"));
    client_expect(&client, "/a.txt", 200);
    client_close(&client);
}

static void expect_refusal(struct scene *scene, struct gift *gift, const char *reason) {
    start_with(scene, gift);
    assert_true(process_wait(&scene->server.process, END_TIMEOUT_MS));
    assert_int_equal(process_exit_code(&scene->server.process), 1);
    server_await_text(&scene->server, reason);
    process_deinit(&scene->server.process);
    scene->server = (struct server)SERVER_INIT;
}

static void test_what_is_no_listening_socket(void **state) {
    struct scene *scene = *state;
    uint16_t port;
    const int fds[] = {open_socket(SOCK_STREAM, false, &port),
                       open_socket(SOCK_DGRAM, false, &port),
                       open("/dev/null", O_RDWR | O_CLOEXEC)};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        struct gift gift = {.count = 1, .fds = {fds[i]}, .words = {scene->tree.path}};
        expect_refusal(scene, &gift, "descriptor 3, which was passed (LISTEN_FDS), is no stream");
    }
}

/* systemd-socket-activate listens, and starts the program when somebody connects. */

static bool has_activate(void) {
    return access("/usr/bin/systemd-socket-activate", X_OK) == 0 ||
           access("/usr/local/bin/systemd-socket-activate", X_OK) == 0;
}

/* Starts it for two addresses; a NULL is none. */
static void activate(struct scene *scene, const char *one, const char *other) {
    const char *argv[16] = {"systemd-socket-activate", "-l", one};
    size_t count = 3;
    if (other != NULL) {
        argv[count++] = "-l";
        argv[count++] = other;
    }
    argv[count++] = server_binary();
    argv[count++] = "--workers";
    argv[count++] = "2";
    argv[count++] = scene->tree.path;
    tree_text(&scene->tree, "a.txt", "some text");
    process_start(&scene->server.process, NULL, argv);
    server_await_times(&scene->server, "Listening on", other != NULL ? 2 : 1);
}

static uint16_t free_port(void) {
    uint16_t port;
    (void)close(open_socket(SOCK_STREAM, true, &port));
    return port;
}

static void test_systemd_with_one_socket(void **state) {
    struct scene *scene = *state;
    char address[32];
    uint16_t port = free_port();
    if (!has_activate()) {
        note_cannot_test("socket activation: there is no systemd-socket-activate");
        return;
    }
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)port);
    activate(scene, address, NULL);
    for (int i = 0; i < 20; i++)
        client_expect_once(port, "/a.txt", 200);
    server_await_text(&scene->server, "pronto: listening on"); /* when all workers are ready */
    assert_int_equal(server_port(&scene->server, "http://"), port);
    assert_int_equal(server_times(&scene->server, "pronto: listening on"), 1);
}

/* The socket's file is not pronto's to remove. */
static void test_systemd_with_a_local_one_too(void **state) {
    struct scene *scene = *state;
    char address[32];
    char path[256];
    struct stat stat;
    uint16_t port = free_port();
    if (!has_activate()) {
        note_cannot_test("socket activation: there is no systemd-socket-activate");
        return;
    }
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)port);
    (void)snprintf(path, sizeof path, "%s", tree_path(&scene->tree, "socket"));
    activate(scene, address, path);
    shell_tell(scene);
    shell_run("for i in 1 2 3 4 5; do curl --silent --show-error --max-time 30 "
              "--unix-socket \"$TREE/socket\" http://localhost/a.txt; done");
    for (int i = 0; i < 20; i++)
        client_expect_once(port, "/a.txt", 200);
    server_await_times(&scene->server, "pronto: listening on", 2);
    server_stop(&scene->server);
    scene->server = (struct server)SERVER_INIT;
    assert_int_equal(lstat(path, &stat), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_one_socket_for_all_workers),   scene_test(test_many_connections_at_once),
        scene_test(test_reloads_lose_nothing),         scene_test(test_options_choose_among_them),
        scene_test(test_what_is_no_listening_socket),  scene_test(test_systemd_with_one_socket),
        scene_test(test_systemd_with_a_local_one_too),
    };
    return cmocka_run_group_tests_name("activation", tests, NULL, NULL);
}
