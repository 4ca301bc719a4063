/* SIGHUP: another generation of workers takes over, or nothing changes. */
#include "support/client.h"
#include "support/scene.h"
#include "support/tracer.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LARGE = 32 << 20, END_TIMEOUT_MS = 15000 };

static const char reloaded[] = "pronto: reloaded: ";
static const char failed[] = "pronto: cannot reload: ";

/* Two versions of a site, and a link that says which one is served. */
static void make_versions(const struct scene *scene) {
    tree_text(&scene->tree, "one/a.txt", "one");
    tree_text(&scene->tree, "two/a.txt", "two");
    tree_file(&scene->tree, "one/large.bin", 1, LARGE);
    tree_link(&scene->tree, "current", "one");
}

/* There is one at any time; NULL: none from now on. */
static void choose(const struct scene *scene, const char *version) {
    char current[4096];
    (void)snprintf(current, sizeof current, "%s", tree_path(&scene->tree, "current"));
    if (version == NULL) {
        (void)unlink(current);
        return;
    }
    tree_link(&scene->tree, "next", version);
    assert_int_equal(rename(tree_path(&scene->tree, "next"), current), 0);
}

static void serve_current(struct scene *scene, const char *workers) {
    const char *const words[] = {"--listen",    "127.0.0.1:0", "--drain-timeout",
                                 "5s",          "--workers",   workers,
                                 "--unix-mode", "600",         tree_path(&scene->tree, "current"),
                                 NULL};
    server_start(&scene->server, NULL, 1, words);
}

static void hang_up(const struct scene *scene) {
    assert_int_equal(kill(scene->server.process.pid, SIGHUP), 0);
}

static void reload(const struct scene *scene, size_t count) {
    hang_up(scene);
    server_await_times(&scene->server, reloaded, count);
}

static void expect_text(uint16_t port, const char *text) {
    struct response response;
    client_get_once(port, "/a.txt", &response);
    response_assert_status(&response, 200);
    response_assert_text(&response, text);
    response_deinit(&response);
}

static bool is_text(uint16_t port, const char *text) {
    struct response response;
    client_get_once(port, "/a.txt", &response);
    bool is = response.status == 200 && strcmp(response.body, text) == 0;
    response_deinit(&response);
    return is;
}

/* Once the reload is done, every connection is answered by the new workers. As the root is looked
 * at now and then, there may have been a reload without being asked for. */
static void test_another_root(void **state) {
    struct scene *scene = *state;
    make_versions(scene);
    serve_current(scene, "2");
    expect_text(scene->server.port, "one");
    for (size_t i = 1; i <= 4; i++) {
        choose(scene, i % 2 == 1 ? "two" : "one");
        reload(scene, i);
        for (int j = 0; j < 3000 && !is_text(scene->server.port, i % 2 == 1 ? "two" : "one"); j++)
            note_pause_ms(5);
        for (int j = 0; j < 20; j++)
            expect_text(scene->server.port, i % 2 == 1 ? "two" : "one");
    }
    assert_int_equal(server_times(&scene->server, "listening on "), 1);
}

static void test_the_workers_are_others(void **state) {
    struct scene *scene = *state;
    pid_t before[SERVER_WORKERS_MAX];
    pid_t after[SERVER_WORKERS_MAX];
    make_versions(scene);
    serve_current(scene, "3");
    assert_int_equal(server_workers(&scene->server, before), 3);
    reload(scene, 1);
    for (int i = 0; i < 3000 && server_workers(&scene->server, after) != 3; i++)
        note_pause_ms(5);
    assert_int_equal(server_workers(&scene->server, after), 3);
    for (size_t i = 0; i < 9; i++)
        assert_true(before[i % 3] != after[i / 3]);
}

static void test_a_download_survives(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    make_versions(scene);
    serve_current(scene, "2");
    client_open_narrow(&client, scene->server.port, 65536);
    client_send_request(&client, "GET", "/large.bin", "");
    assert_true(client_receive(&client, CLIENT_TIMEOUT_MS));
    choose(scene, "two");
    reload(scene, 1);
    expect_text(scene->server.port, "two");
    client_read(&client, false, &response);
    response_assert_status(&response, 200);
    response_assert_content(&response, 1, LARGE);
    response_deinit(&response);
    client_close(&client);
}

/* RFC 9112 §9.6: a request that has begun is answered by those who began to read it, and the
 * connection closed. */
static void test_rfc9112_9_6_a_request_under_way(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    make_versions(scene);
    serve_current(scene, "1");
    client_open(&client, scene->server.port);
    client_expect(&client, "/a.txt", 200);
    client_send_text(&client, "GET /a.txt HTTP/1.1\r\nHost:");
    note_pause_ms(200);
    choose(scene, "two");
    reload(scene, 1);
    note_pause_ms(400);
    client_send_text(&client, " x\r\n\r\n");
    client_read(&client, false, &response);
    response_assert_status(&response, 200);
    response_assert_text(&response, "one");
    assert_true(response_closes(&response));
    response_deinit(&response);
    client_expect_end(&client);
    client_close(&client);
}

static void test_an_idle_connection_is_closed(void **state) {
    struct scene *scene = *state;
    struct client client;
    make_versions(scene);
    serve_current(scene, "1");
    client_open(&client, scene->server.port);
    client_expect(&client, "/a.txt", 200);
    reload(scene, 1);
    client_expect_end(&client);
    client_close(&client);
}

/* The old workers serve on, and the next reload, of something better, is done. */
static void expect_failure(struct scene *scene, const char *reason, size_t count) {
    pid_t before[SERVER_WORKERS_MAX];
    pid_t after[SERVER_WORKERS_MAX];
    size_t workers = server_workers(&scene->server, before);
    hang_up(scene);
    server_await_times(&scene->server, failed, count);
    server_await_text(&scene->server, reason);
    server_await_text(&scene->server, "what was served is served on");
    expect_text(scene->server.port, "one");
    assert_int_equal(server_await_workers(&scene->server, after, workers), workers);
    for (size_t i = 0; i < workers; i++)
        assert_int_equal(before[i], after[i]);
}

static void test_a_root_that_is_not_there(void **state) {
    struct scene *scene = *state;
    make_versions(scene);
    serve_current(scene, "2");
    choose(scene, NULL);
    expect_failure(scene, "cannot serve", 1);
    choose(scene, "two");
    reload(scene, 1);
    expect_text(scene->server.port, "two");
}

static void test_a_mistake_in_the_rules(void **state) {
    struct scene *scene = *state;
    make_versions(scene);
    serve_current(scene, "2");
    tree_text(&scene->tree, "two/_redirects", "/a /b\n/c\n");
    choose(scene, "two");
    expect_failure(scene, "the files of rules have 1 mistake", 1);
    server_await_text(&scene->server, "_redirects: line 2");
    tree_text(&scene->tree, "two/_redirects", "/a /b\n");
    reload(scene, 1);
    expect_text(scene->server.port, "two");
}

/* One of the new workers is killed before it has done anything; those that are ready by then may
 * have accepted connections, and drain. */
static void test_a_new_worker_that_dies(void **state) {
    struct scene *scene = *state;
    struct tracer tracer;
    make_versions(scene);
    serve_current(scene, "2");
    if (!tracer_attach(&tracer, scene->server.process.pid))
        return;
    hang_up(scene);
    pid_t first = tracer_await_child(&tracer);
    pid_t second = tracer_await_child(&tracer);
    tracer_release(&tracer, first);
    tracer_kill(&tracer, second);
    tracer_detach(&tracer);
    server_await_times(&scene->server, failed, 1);
    server_await_text(&scene->server, "was killed by signal 9 (Killed) before it was ready");
    for (int i = 0; i < 20; i++)
        expect_text(scene->server.port, "one");
    choose(scene, "two");
    reload(scene, 1);
    expect_text(scene->server.port, "two");
}

/* It is never ready, and is given up. */
static void test_a_new_worker_that_hangs(void **state) {
    struct scene *scene = *state;
    struct tracer tracer;
    tree_text(&scene->tree, "a.txt", "one");
    scene_serve(scene, "--workers", "1", "--ready-timeout", "3s", "--drain-timeout", "100ms", NULL);
    if (!tracer_attach(&tracer, scene->server.process.pid))
        return;
    hang_up(scene);
    pid_t child = tracer_await_child(&tracer);
    server_await_text(&scene->server, "were not ready in time");
    expect_text(scene->server.port, "one");
    for (int i = 0; i < 3000 && process_is_alive(child); i++)
        note_pause_ms(5);
    assert_false(process_is_alive(child));
    tracer_detach(&tracer);
    reload(scene, 1);
}

/* However many there are: each is heard, and the last one is done after it was asked for. */
static void test_many_at_once(void **state) {
    enum { TIMES = 12 };
    struct scene *scene = *state;
    make_versions(scene);
    serve_current(scene, "2");
    for (int i = 0; i < TIMES; i++) {
        choose(scene, i == TIMES - 1 ? "two" : "one");
        hang_up(scene);
        note_pause_ms(i);
    }
    server_await_text(&scene->server, reloaded);
    for (int i = 0; i < 3000 && server_times(&scene->server, reloaded) < 2; i++)
        note_pause_ms(5);
    int64_t deadline = note_now_ms() + END_TIMEOUT_MS;
    struct response response;
    bool is_new = false;
    while (!is_new && note_now_ms() < deadline) {
        client_get_once(scene->server.port, "/a.txt", &response);
        is_new = strcmp(response.body, "two") == 0;
        response_deinit(&response);
    }
    assert_true(is_new);
    pid_t workers[SERVER_WORKERS_MAX];
    assert_int_equal(server_await_workers(&scene->server, workers, 2), 2);
    assert_in_range(server_times(&scene->server, reloaded), 2, TIMES);
    assert_int_equal(server_times(&scene->server, failed), 0);
}

/* Workers that drain for long are not piled up without end. */
static void test_generations_are_bounded(void **state) {
    enum { DOWNLOADS = 8, GENERATIONS = 6 };
    struct scene *scene = *state;
    struct client clients[DOWNLOADS];
    pid_t workers[SERVER_WORKERS_MAX];
    make_versions(scene);
    const char *const words[] = {"--listen",
                                 "127.0.0.1:0",
                                 "--drain-timeout",
                                 "1h",
                                 "--workers",
                                 "1",
                                 tree_path(&scene->tree, "current"),
                                 NULL};
    server_start(&scene->server, NULL, 1, words);
    for (size_t i = 0; i < DOWNLOADS; i++) {
        client_open_narrow(&clients[i], scene->server.port, 65536);
        client_send_request(&clients[i], "GET", "/large.bin", "");
        assert_true(client_receive(&clients[i], CLIENT_TIMEOUT_MS));
        hang_up(scene);
        if (i + 1 < GENERATIONS)
            server_await_times(&scene->server, reloaded, i + 1);
    }
    assert_int_equal(server_workers(&scene->server, workers), GENERATIONS);
    assert_int_equal(server_times(&scene->server, reloaded), GENERATIONS - 1);
    client_close(&clients[0]); /* makes room for one more */
    server_await_times(&scene->server, reloaded, GENERATIONS);
    for (size_t i = 1; i < DOWNLOADS; i++)
        client_close(&clients[i]);
    assert_int_equal(server_await_workers(&scene->server, workers, 1), 1);
}

static size_t settled_master_fds(const struct scene *scene) {
    pid_t workers[SERVER_WORKERS_MAX];
    assert_int_equal(server_await_workers(&scene->server, workers, 2), 2);
    note_pause_ms(50);
    return process_count_fds(scene->server.process.pid);
}

static void test_nothing_is_left_of_twenty(void **state) {
    enum { TIMES = 20 };
    struct scene *scene = *state;
    pid_t workers[SERVER_WORKERS_MAX];
    make_versions(scene);
    serve_current(scene, "2");
    size_t master_fds = settled_master_fds(scene);
    size_t fds = server_settled_fds(&scene->server);
    for (size_t i = 1; i <= TIMES; i++)
        reload(scene, i);
    assert_int_equal(settled_master_fds(scene), master_fds);
    assert_int_equal(server_settled_fds(&scene->server), fds);
    assert_int_equal(process_count_zombies(scene->server.process.pid), 0);
    assert_int_equal(server_workers(&scene->server, workers), 2);
    assert_int_equal(process_count_fds(workers[0]), process_count_fds(workers[1]));
}

/* The number of workers is that of the CPUs, of which it may use other ones now. */
static void test_more_and_fewer_workers(void **state) {
    struct scene *scene = *state;
    pid_t workers[SERVER_WORKERS_MAX];
    cpu_set_t all;
    cpu_set_t one;
    tree_text(&scene->tree, "a.txt", "one");
    process_cpus(&all, &one);
    if (CPU_COUNT(&all) < 2 || CPU_COUNT(&all) > SERVER_WORKERS_MAX) {
        note_cannot_test("more and fewer workers: it takes several CPUs");
        return;
    }
    scene_serve(scene, NULL);
    for (size_t i = 1; i <= 6; i++) {
        const cpu_set_t *set = i % 2 == 1 ? &one : &all;
        assert_int_equal(sched_setaffinity(scene->server.process.pid, sizeof *set, set), 0);
        reload(scene, i);
        size_t count = (size_t)CPU_COUNT(set);
        assert_int_equal(server_await_workers(&scene->server, workers, count), count);
        for (int j = 0; j < 30; j++)
            expect_text(scene->server.port, "one");
    }
}

/* A stop during a reload, whenever it comes, stops all. */
static void test_a_stop_leaves_nothing(void **state) {
    struct scene *scene = *state;
    pid_t left[8];
    make_versions(scene);
    for (int delay_ms = 0; delay_ms <= 60; delay_ms += 4) {
        serve_current(scene, "2");
        hang_up(scene);
        note_pause_ms(delay_ms);
        server_stop(&scene->server);
        scene->server = (struct server)SERVER_INIT;
        assert_int_equal(process_children(getpid(), left, 8), 0);
    }
}

/* A killed worker of those that drain is not replaced, one of those that serve is. */
static void test_a_worker_is_killed_during_the_drain(void **state) {
    struct scene *scene = *state;
    struct client client;
    pid_t before[SERVER_WORKERS_MAX];
    pid_t workers[SERVER_WORKERS_MAX];
    make_versions(scene);
    serve_current(scene, "1");
    assert_int_equal(server_workers(&scene->server, before), 1);
    client_open_narrow(&client, scene->server.port, 65536);
    client_send_request(&client, "GET", "/large.bin", "");
    assert_true(client_receive(&client, CLIENT_TIMEOUT_MS));
    reload(scene, 1);
    assert_int_equal(server_workers(&scene->server, workers), 2);
    pid_t new = workers[0] == before[0] ? workers[1] : workers[0];
    assert_int_equal(kill(before[0], SIGKILL), 0);
    assert_int_equal(server_await_workers(&scene->server, workers, 1), 1);
    assert_int_equal(workers[0], new);
    assert_int_equal(server_times(&scene->server, "another takes its place"), 0);
    assert_int_equal(kill(new, SIGKILL), 0);
    server_await_times(&scene->server, "another takes its place", 1);
    expect_text(scene->server.port, "one");
    client_close(&client);
}

/* A terminal, of which the server is the session's first process. */
static void run_in_terminal(void *context) {
    const struct scene *scene = context;
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    bool ready = terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0;
    pid_t pid = fork();
    if (pid == 0) {
        ready = ready && setsid() > 0 && open(ptsname(terminal), O_RDWR) >= 0;
        (void)close(terminal);
        if (ready)
            (void)execl(server_binary(), "pronto", "--listen", "127.0.0.1:0", scene->tree.path,
                        (char *)NULL);
        _exit(127);
    }
    while (access(tree_path(&scene->tree, "close"), F_OK) != 0)
        note_pause_ms(5);
    (void)close(terminal);
    int status = 0;
    (void)waitpid(pid, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* It also sends SIGHUP, and then nobody is there to reload for. */
static void test_a_closed_terminal_stops(void **state) {
    struct scene *scene = *state;
    struct process *process = &scene->server.process;
    process_fork(process, run_in_terminal, scene);
    server_await_text(&scene->server, "listening on");
    tree_text(&scene->tree, "close", "");
    assert_true(process_wait(process, END_TIMEOUT_MS));
    assert_int_equal(process_exit_code(process), 0);
    assert_int_equal(server_times(&scene->server, reloaded), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_another_root),
        scene_test(test_the_workers_are_others),
        scene_test(test_a_download_survives),
        scene_test(test_rfc9112_9_6_a_request_under_way),
        scene_test(test_an_idle_connection_is_closed),
        scene_test(test_a_root_that_is_not_there),
        scene_test(test_a_mistake_in_the_rules),
        scene_test(test_a_new_worker_that_dies),
        scene_test(test_a_new_worker_that_hangs),
        scene_test(test_many_at_once),
        scene_test(test_generations_are_bounded),
        scene_test(test_nothing_is_left_of_twenty),
        scene_test(test_more_and_fewer_workers),
        scene_test(test_a_stop_leaves_nothing),
        scene_test(test_a_worker_is_killed_during_the_drain),
        scene_test(test_a_closed_terminal_stops),
    };
    return cmocka_run_group_tests_name("reload", tests, NULL, NULL);
}
