/* The master and its workers: how they start, are replaced, and stop without leaving anything. */
#include "support/client.h"
#include "support/scene.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LARGE = 32 << 20, END_TIMEOUT_MS = 15000 };

static void make_files(const struct scene *scene) {
    tree_text(&scene->tree, "a.txt", "some text");
    tree_file(&scene->tree, "large.bin", 1, LARGE);
}

/* Starts a download that takes its time, of which the first bytes have come. */
static void start_download(struct client *client, uint16_t port) {
    client_open_narrow(client, port, 65536);
    client_send_request(client, "GET", "/large.bin", "");
    assert_true(client_receive(client, CLIENT_TIMEOUT_MS));
}

static void finish_download(struct client *client) {
    struct response response;
    client_read(client, false, &response);
    response_assert_status(&response, 200);
    response_assert_content(&response, 1, LARGE);
    response_deinit(&response);
    client_close(client);
}

/* Fails unless the master ends with that exit code, and none of the workers is left. */
static void expect_end(struct scene *scene, const pid_t *workers, size_t count, int exit_code) {
    struct process *process = &scene->server.process;
    if (!process_wait(process, END_TIMEOUT_MS))
        fail_msg("the master does not end");
    for (size_t i = 0; i < count; i++)
        assert_false(process_is_alive(workers[i]));
    server_assert_unreported(&scene->server);
    char *text = process_text(process->err_fd);
    if (process_exit_code(process) != exit_code)
        fail_msg("exit code %d, expected %d:\n%s", process_exit_code(process), exit_code, text);
    free(text);
}

static void test_workers_are_as_many_as_asked_for(void **state) {
    struct scene *scene = *state;
    pid_t workers[SERVER_WORKERS_MAX];
    make_files(scene);
    scene_serve(scene, "--workers", "3", NULL);
    assert_int_equal(server_workers(&scene->server, workers), 3);
    /* Each has the same, and nothing of another's. */
    assert_int_equal(process_count_fds(workers[0]), process_count_fds(workers[1]));
    assert_int_equal(process_count_fds(workers[0]), process_count_fds(workers[2]));
    client_expect_once(scene->server.port, "/a.txt", 200);
}

static void test_workers_are_one_per_cpu_by_default(void **state) {
    struct scene *scene = *state;
    pid_t workers[SERVER_WORKERS_MAX];
    cpu_set_t cpus;
    assert_int_equal(sched_getaffinity(0, sizeof cpus, &cpus), 0);
    scene_serve(scene, NULL);
    if (CPU_COUNT(&cpus) > SERVER_WORKERS_MAX)
        note_cannot_test("%d CPUs: only %d workers are counted", CPU_COUNT(&cpus),
                         SERVER_WORKERS_MAX);
    else
        assert_int_equal(server_workers(&scene->server, workers), CPU_COUNT(&cpus));
}

static void kill_worker(pid_t worker) {
    assert_int_equal(kill(worker, SIGKILL), 0);
    for (int i = 0; i < 5000 && process_is_alive(worker); i++)
        note_pause_ms(1);
    assert_false(process_is_alive(worker));
}

static bool is_among(pid_t pid, const pid_t *pids, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (pids[i] == pid)
            return true;
    }
    return false;
}

/* The new worker takes over the queue of the dead one: connections wait there, and none is lost. */
static void test_a_killed_worker_is_replaced(void **state) {
    enum { WORKERS = 2, KILLS = 4, REQUESTS = 50 };
    struct scene *scene = *state;
    pid_t before[SERVER_WORKERS_MAX];
    pid_t after[SERVER_WORKERS_MAX];
    make_files(scene);
    scene_serve(scene, "--workers", "2", NULL);
    assert_int_equal(server_workers(&scene->server, before), WORKERS);
    size_t fds = server_settled_fds(&scene->server);
    for (size_t i = 0; i < KILLS; i++) {
        pid_t killed = before[i % WORKERS];
        kill_worker(killed);
        for (int j = 0; j < REQUESTS; j++)
            client_expect_once(scene->server.port, "/a.txt", 200);
        assert_int_equal(server_await_workers(&scene->server, after, WORKERS), WORKERS);
        assert_false(is_among(killed, after, WORKERS));
        assert_true(is_among(before[(i + 1) % WORKERS], after, WORKERS));
        /* Keep the places: the survivor where it was. */
        before[i % WORKERS] = after[0] == before[(i + 1) % WORKERS] ? after[1] : after[0];
    }
    assert_int_equal(server_await_fds(&scene->server, fds), fds);
}

static void test_all_workers_killed_at_once(void **state) {
    struct scene *scene = *state;
    pid_t before[SERVER_WORKERS_MAX];
    pid_t after[SERVER_WORKERS_MAX];
    make_files(scene);
    scene_serve(scene, "--workers", "3", NULL);
    size_t count = server_workers(&scene->server, before);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(kill(before[i], i == 1 ? SIGALRM : SIGKILL), 0);
    /* Until they are gone: one may still accept a connection with its last breath. */
    for (size_t i = 0; i < count; i++) {
        for (int j = 0; j < 10000 && process_is_alive(before[i]); j++)
            note_pause_ms(1);
        assert_false(process_is_alive(before[i]));
    }
    for (int i = 0; i < 30; i++)
        client_expect_once(scene->server.port, "/a.txt", 200);
    assert_int_equal(server_await_workers(&scene->server, after, 3), 3);
    for (size_t i = 0; i < count; i++)
        assert_false(is_among(before[i], after, 3));
}

/* Only the connections of the killed worker are lost. */
static void test_connections_of_other_workers_survive(void **state) {
    enum { CONNECTIONS = 40 };
    struct scene *scene = *state;
    struct client clients[CONNECTIONS];
    pid_t workers[SERVER_WORKERS_MAX];
    make_files(scene);
    scene_serve(scene, "--workers", "2", NULL);
    assert_int_equal(server_workers(&scene->server, workers), 2);
    size_t fds[2] = {process_count_fds(workers[0]), process_count_fds(workers[1])};
    for (int i = 0; i < CONNECTIONS; i++) {
        client_open(&clients[i], scene->server.port);
        client_expect(&clients[i], "/a.txt", 200);
    }
    size_t survivors = process_count_fds(workers[1]) - fds[1];
    /* The kernel spreads them; all 40 on one of two is one chance in 2^39. */
    assert_in_range(survivors, 1, CONNECTIONS - 1);
    assert_int_equal(process_count_fds(workers[0]) - fds[0], CONNECTIONS - survivors);
    kill_worker(workers[0]);
    size_t alive = 0;
    for (int i = 0; i < CONNECTIONS; i++) {
        if (client_receive(&clients[i], 0)) /* the end of it */
            continue;
        client_expect(&clients[i], "/a.txt", 200);
        alive++;
    }
    assert_int_equal(alive, survivors);
    for (int i = 0; i < CONNECTIONS; i++)
        client_close(&clients[i]);
}

static void check_graceful(struct scene *scene, int number, bool group) {
    struct client client;
    pid_t workers[SERVER_WORKERS_MAX];
    make_files(scene);
    scene_serve(scene, "--workers", "2", NULL);
    size_t count = server_workers(&scene->server, workers);
    start_download(&client, scene->server.port);
    assert_int_equal(kill(scene->server.process.pid, number), 0);
    /* As a terminal does on Ctrl-C. */
    for (size_t i = 0; i < count && group; i++)
        assert_int_equal(kill(workers[i], number), 0);
    note_pause_ms(300);
    assert_false(process_wait(&scene->server.process, 0));
    finish_download(&client);
    expect_end(scene, workers, count, 0);
}

static void test_sigterm_lets_a_download_finish(void **state) {
    check_graceful(*state, SIGTERM, false);
}

static void test_sigint_lets_a_download_finish(void **state) {
    check_graceful(*state, SIGINT, false);
}

static void test_sigint_to_all_lets_a_download_finish(void **state) {
    check_graceful(*state, SIGINT, true);
}

static void test_sigquit_lets_a_download_finish(void **state) {
    check_graceful(*state, SIGQUIT, false);
}

static void test_idle_connections_do_not_hold_up_a_stop(void **state) {
    struct scene *scene = *state;
    struct client silent;
    struct client idle;
    pid_t workers[SERVER_WORKERS_MAX];
    make_files(scene);
    scene_serve(scene, "--drain-timeout", "60s", NULL);
    size_t count = server_workers(&scene->server, workers);
    client_open(&silent, scene->server.port);
    client_open(&idle, scene->server.port);
    client_expect(&idle, "/a.txt", 200);
    assert_int_equal(kill(scene->server.process.pid, SIGTERM), 0);
    expect_end(scene, workers, count, 0);
    client_expect_end(&idle);
    client_close(&idle);
    client_close(&silent);
}

/* RFC 9112 §9.6: what is under way is answered, and the answer says that it was the last. */
static void test_rfc9112_9_6_a_request_under_way_gets_the_last_answer(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    pid_t workers[SERVER_WORKERS_MAX];
    make_files(scene);
    scene_serve(scene, "--drain-timeout", "60s", NULL);
    size_t count = server_workers(&scene->server, workers);
    client_open(&client, scene->server.port);
    client_expect(&client, "/a.txt", 200);
    client_send_text(&client, "GET /a.txt HTTP/1.1\r\nHost:");
    note_pause_ms(300);
    assert_int_equal(kill(scene->server.process.pid, SIGTERM), 0);
    note_pause_ms(500);
    client_send_text(&client, " x\r\n\r\n");
    client_read(&client, false, &response);
    response_assert_status(&response, 200);
    assert_true(response_closes(&response));
    response_deinit(&response);
    client_expect_end(&client);
    client_close(&client);
    expect_end(scene, workers, count, 0);
}

/* A connection that the kernel takes for a server that is stopping would wait for nothing. */
static void test_new_connections_are_refused_while_stopping(void **state) {
    struct scene *scene = *state;
    struct client download;
    struct client client;
    pid_t workers[SERVER_WORKERS_MAX];
    make_files(scene);
    scene_serve(scene, "--workers", "2", "--drain-timeout", "60s", NULL);
    size_t count = server_workers(&scene->server, workers);
    start_download(&download, scene->server.port);
    assert_int_equal(kill(scene->server.process.pid, SIGTERM), 0);
    int64_t deadline = note_now_ms() + 10000;
    while (client_try_open(&client, scene->server.port)) {
        client_close(&client);
        if (note_now_ms() > deadline)
            fail_msg("connections are still taken 10 s after SIGTERM");
        note_pause_ms(10);
    }
    finish_download(&download);
    expect_end(scene, workers, count, 0);
}

static void test_the_drain_timeout_ends_a_download(void **state) {
    struct scene *scene = *state;
    struct client client;
    pid_t workers[SERVER_WORKERS_MAX];
    make_files(scene);
    scene_serve(scene, "--drain-timeout", "500ms", NULL);
    size_t count = server_workers(&scene->server, workers);
    start_download(&client, scene->server.port);
    int64_t start = note_now_ms();
    assert_int_equal(kill(scene->server.process.pid, SIGTERM), 0);
    expect_end(scene, workers, count, 0);
    assert_true(note_now_ms() - start >= 450);
    client_receive_all(&client);
    assert_in_range(client.len, 1, LARGE - 1);
    client_close(&client);
}

static void test_a_second_signal_ends_at_once(void **state) {
    struct scene *scene = *state;
    struct client client;
    pid_t workers[SERVER_WORKERS_MAX];
    make_files(scene);
    scene_serve(scene, "--drain-timeout", "1h", NULL);
    size_t count = server_workers(&scene->server, workers);
    start_download(&client, scene->server.port);
    assert_int_equal(kill(scene->server.process.pid, SIGTERM), 0);
    note_pause_ms(500);
    assert_false(process_wait(&scene->server.process, 0));
    assert_int_equal(kill(scene->server.process.pid, SIGINT), 0);
    expect_end(scene, workers, count, 0);
    client_close(&client);
}

/* A worker that does not even hear the signal is not waited for beyond the drain timeout. */
static void test_a_worker_that_hangs_is_ended(void **state) {
    struct scene *scene = *state;
    pid_t workers[SERVER_WORKERS_MAX];
    scene_serve(scene, "--workers", "2", "--drain-timeout", "200ms", NULL);
    size_t count = server_workers(&scene->server, workers);
    assert_int_equal(kill(workers[0], SIGSTOP), 0);
    assert_int_equal(kill(scene->server.process.pid, SIGTERM), 0);
    assert_true(process_wait(&scene->server.process, END_TIMEOUT_MS));
    for (size_t i = 0; i < count; i++)
        assert_false(process_is_alive(workers[i]));
}

static void test_no_worker_survives_a_killed_master(void **state) {
    struct scene *scene = *state;
    struct client client;
    pid_t workers[SERVER_WORKERS_MAX];
    make_files(scene);
    scene_serve(scene, "--workers", "3", NULL);
    size_t count = server_workers(&scene->server, workers);
    assert_int_equal(count, 3);
    /* One that is busy is no exception. */
    start_download(&client, scene->server.port);
    assert_int_equal(kill(scene->server.process.pid, SIGKILL), 0);
    assert_true(process_wait(&scene->server.process, 5000));
    int64_t deadline = note_now_ms() + 5000;
    size_t alive = count;
    while (alive > 0 && note_now_ms() < deadline) {
        note_pause_ms(5);
        alive = 0;
        for (size_t i = 0; i < count; i++)
            alive += process_is_alive(workers[i]);
    }
    assert_int_equal(alive, 0);
    server_assert_unreported(&scene->server);
    client_close(&client);
}

/* A stop that comes while it starts: whenever it comes, it ends and nothing is left. */
static void test_a_stop_while_starting_leaves_nothing(void **state) {
    struct scene *scene = *state;
    const char *const argv[] = {server_binary(),  "--listen", "127.0.0.1:0", "--workers", "3",
                                scene->tree.path, NULL};
    pid_t left[8];
    for (int delay_ms = 0; delay_ms <= 60; delay_ms += 3) {
        struct process process = PROCESS_INIT;
        process_start(&process, NULL, argv);
        note_pause_ms(delay_ms);
        assert_int_equal(kill(process.pid, SIGTERM), 0);
        if (!process_wait(&process, END_TIMEOUT_MS))
            fail_msg("does not end when stopped %d ms after its start", delay_ms);
        int exit_code = process_exit_code(&process);
        /* Before it can listen to signals, they do what they always do. */
        if (exit_code != 0 && exit_code != -SIGTERM)
            fail_msg("exit code %d when stopped %d ms after its start", exit_code, delay_ms);
        for (int i = 0; i < 500 && process_children(getpid(), left, 8) > 0; i++)
            note_pause_ms(10);
        assert_int_equal(process_children(getpid(), left, 8), 0);
        process_deinit(&process);
    }
}

static void test_a_stop_says_what_it_waits_for(void **state) {
    struct scene *scene = *state;
    struct client client;
    make_files(scene);
    scene_serve(scene, "--workers", "1", NULL);
    start_download(&client, scene->server.port);
    assert_int_equal(kill(scene->server.process.pid, SIGTERM), 0);
    server_await_text(&scene->server, "finishing the responses under way");
    finish_download(&client);
}

static void test_a_stop_with_nothing_to_wait_for_is_silent(void **state) {
    struct scene *scene = *state;
    make_files(scene);
    scene_serve(scene, "--workers", "1", "--drain-timeout", "0s", NULL);
    assert_int_equal(kill(scene->server.process.pid, SIGTERM), 0);
    assert_true(process_wait(&scene->server.process, END_TIMEOUT_MS));
    assert_false(server_says(&scene->server, "finishing the responses under way"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_workers_are_as_many_as_asked_for),
        scene_test(test_workers_are_one_per_cpu_by_default),
        scene_test(test_a_killed_worker_is_replaced),
        scene_test(test_all_workers_killed_at_once),
        scene_test(test_connections_of_other_workers_survive),
        scene_test(test_sigterm_lets_a_download_finish),
        scene_test(test_sigint_lets_a_download_finish),
        scene_test(test_sigint_to_all_lets_a_download_finish),
        scene_test(test_sigquit_lets_a_download_finish),
        scene_test(test_idle_connections_do_not_hold_up_a_stop),
        scene_test(test_rfc9112_9_6_a_request_under_way_gets_the_last_answer),
        scene_test(test_new_connections_are_refused_while_stopping),
        scene_test(test_the_drain_timeout_ends_a_download),
        scene_test(test_a_second_signal_ends_at_once),
        scene_test(test_a_worker_that_hangs_is_ended),
        scene_test(test_no_worker_survives_a_killed_master),
        scene_test(test_a_stop_while_starting_leaves_nothing),
        scene_test(test_a_stop_says_what_it_waits_for),
        scene_test(test_a_stop_with_nothing_to_wait_for_is_silent),
    };
    return cmocka_run_group_tests_name("processes", tests, NULL, NULL);
}
