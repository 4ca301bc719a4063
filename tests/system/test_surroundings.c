/* Whoever starts pronto may have left the process in any state: descriptors closed, nobody reading
 * the messages, signals ignored. It serves, and stops, all the same. */
#include "support/client.h"
#include "support/scene.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIMEOUT_MS = 15000 };

/* A server that is started without being listened to. */
struct start {
    const char *root;
    char address[32];
    uint16_t port;
    void (*disturb)(void);
};

static void run(void *context) {
    const struct start *start = context;
    start->disturb();
    (void)execl(server_binary(), "pronto", "--listen", start->address, "--workers", "1",
                start->root, (char *)NULL);
    _exit(127);
}

static void close_standard_descriptors(void) {
    for (int fd = 0; fd <= 2; fd++)
        (void)close(fd);
}

static void break_stderr(void) {
    int ends[2];
    if (pipe(ends) == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
    }
}

/* A pipe that is full, and whose reader, the process itself, never reads. */
static void fill_stderr(void) {
    int ends[2];
    char bytes[4096] = {0};
    if (pipe(ends) < 0)
        return;
    (void)fcntl(ends[1], F_SETFL, O_NONBLOCK);
    while (write(ends[1], bytes, sizeof bytes) > 0)
        continue;
    (void)fcntl(ends[1], F_SETFL, 0);
    (void)dup2(ends[1], STDERR_FILENO);
}

static void ignore_children(void) {
    (void)signal(SIGCHLD, SIG_IGN);
}

/* Waits until the port is served, and fetches a file. */
static void await_service(uint16_t port) {
    struct client client;
    int64_t deadline = note_now_ms() + TIMEOUT_MS;
    while (!client_try_open(&client, port)) {
        if (note_now_ms() > deadline)
            fail_msg("port %u is not served", (unsigned)port);
        note_pause_ms(10);
    }
    client_expect(&client, "/a.txt", 200);
    client_close(&client);
}

/* Kills the worker, which the master would say if it could, and waits for the next one. */
static void replace_worker(const struct process *process) {
    pid_t workers[SERVER_WORKERS_MAX];
    int64_t deadline = note_now_ms() + TIMEOUT_MS;
    assert_int_equal(process_children(process->pid, workers, SERVER_WORKERS_MAX), 1);
    pid_t killed = workers[0];
    assert_int_equal(kill(killed, SIGKILL), 0);
    while (process_is_alive(killed) ||
           process_children(process->pid, workers, SERVER_WORKERS_MAX) != 1) {
        if (note_now_ms() > deadline)
            fail_msg("the worker is not replaced");
        note_pause_ms(10);
    }
}

static void check(struct scene *scene, void (*disturb)(void)) {
    struct process process = PROCESS_INIT;
    struct start start = {.root = scene->tree.path, .port = server_free_port(), .disturb = disturb};
    (void)snprintf(start.address, sizeof start.address, "127.0.0.1:%u", (unsigned)start.port);
    tree_text(&scene->tree, "a.txt", "some text");
    process_fork(&process, run, &start);
    await_service(start.port);
    replace_worker(&process);
    await_service(start.port);
    assert_int_equal(kill(process.pid, SIGTERM), 0);
    assert_true(process_wait(&process, TIMEOUT_MS));
    assert_int_equal(process_exit_code(&process), 0);
    process_deinit(&process);
}

static void test_standard_descriptors_closed(void **state) {
    check(*state, close_standard_descriptors);
}

static void test_nobody_reads_stderr(void **state) {
    check(*state, break_stderr);
}

static void test_stderr_is_full(void **state) {
    check(*state, fill_stderr);
}

static void test_children_are_ignored(void **state) {
    check(*state, ignore_children);
}

/* The kernel holds a connection back until its first bytes are there; a stop must not reset it. */
static void test_a_connection_without_bytes_survives_the_stop(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    tree_text(&scene->tree, "a.txt", "some text");
    scene_serve(scene, "--workers", "1", NULL);
    client_open(&client, scene->server.port);
    note_pause_ms(50);
    assert_int_equal(kill(scene->server.process.pid, SIGTERM), 0);
    note_pause_ms(50);
    client_get(&client, "/a.txt", &response);
    response_assert_status(&response, 200);
    assert_true(response_closes(&response));
    response_deinit(&response);
    client_close(&client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_standard_descriptors_closed),
        scene_test(test_nobody_reads_stderr),
        scene_test(test_stderr_is_full),
        scene_test(test_children_are_ignored),
        scene_test(test_a_connection_without_bytes_survives_the_stop),
    };
    return cmocka_run_group_tests_name("surroundings", tests, NULL, NULL);
}
