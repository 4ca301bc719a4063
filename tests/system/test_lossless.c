/* Clients that never pause, while the server is reloaded and upgraded and its workers are killed:
 * who takes over takes everything over.
 *
 * PRONTO_CHANGES says how many reloads and kills there are, and four times as many as upgrades; the
 * standard is small enough for every run. */
#include "support/client.h"
#include "support/load.h"
#include "support/scene.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHANGES = 6, ANSWERS = 40, LATE = 24 };

static size_t changes(void) {
    const char *text = getenv("PRONTO_CHANGES");
    long number = text != NULL ? strtol(text, NULL, 10) : CHANGES;
    assert_in_range(number, 1, 100000);
    return (size_t)number;
}

static void serve(struct scene *scene, struct load *load) {
    tree_file(&scene->tree, "load.bin", 7, LOAD_FILE_SIZE);
    scene_serve(scene, "--workers", "2", NULL);
    load_start(load, scene->server.port);
    load_await(load, ANSWERS);
}

static void expect_no_loss(struct load *load) {
    struct load_counts counts = load_stop(load);
    if (counts.lost > 0)
        fail_msg("%llu requests were lost, %llu answered; the last one: %s",
                 (unsigned long long)counts.lost, (unsigned long long)counts.answered,
                 counts.reason);
}

static void reload(struct scene *scene, size_t count) {
    assert_int_equal(kill(scene->server.process.pid, SIGHUP), 0);
    server_await_times(&scene->server, "pronto: reloaded", count);
}

static void test_reloads_lose_nothing(void **state) {
    struct scene *scene = *state;
    struct load load;
    serve(scene, &load);
    for (size_t i = 1; i <= changes(); i++) {
        reload(scene, i);
        load_await(&load, ANSWERS);
    }
    expect_no_loss(&load);
}

static void test_upgrades_lose_nothing(void **state) {
    struct scene *scene = *state;
    struct load load;
    serve(scene, &load);
    for (size_t i = 1; i <= (changes() + 3) / 4; i++) {
        assert_int_equal(kill(scene->server.process.pid, SIGUSR2), 0);
        server_follow(&scene->server, i);
        load_await(&load, ANSWERS);
    }
    expect_no_loss(&load);
}

/* A client has one request under way. */
static void test_kills_lose_what_was_in_flight(void **state) {
    struct scene *scene = *state;
    struct load load;
    pid_t workers[SERVER_WORKERS_MAX];
    serve(scene, &load);
    for (size_t i = 0; i < changes(); i++) {
        assert_int_equal(server_await_workers(&scene->server, workers, 2), 2);
        assert_int_equal(kill(workers[i % 2], SIGKILL), 0);
        server_await_times(&scene->server, "another takes its place", i + 1);
        load_await(&load, ANSWERS);
    }
    struct load_counts counts = load_stop(&load);
    assert_in_range(counts.lost, 0, changes() * LOAD_CLIENTS);
}

static void test_all_of_them_in_turn(void **state) {
    struct scene *scene = *state;
    struct load load;
    pid_t workers[SERVER_WORKERS_MAX];
    size_t upgrades = 0;
    serve(scene, &load);
    for (size_t i = 0; i < changes(); i++) {
        assert_int_equal(server_await_workers(&scene->server, workers, 2), 2);
        uint64_t before = load_counts(&load).lost;
        assert_int_equal(kill(workers[0], SIGKILL), 0);
        server_await_times(&scene->server, "another takes its place", i + 1);
        load_await(&load, ANSWERS);
        assert_in_range(load_counts(&load).lost, 0, before + LOAD_CLIENTS);
        reload(scene, i + 1);
        if (i % 4 != 3)
            continue;
        assert_int_equal(kill(scene->server.process.pid, SIGUSR2), 0);
        server_follow(&scene->server, ++upgrades);
    }
    load_await(&load, ANSWERS);
    struct load_counts counts = load_stop(&load);
    assert_in_range(counts.lost, 0, changes() * LOAD_CLIENTS);
}

/* Starts the server through a name in the tree, which a script can take the place of. */
static void serve_by_name(struct scene *scene, struct load *load) {
    const char *const words[] = {"--listen",  "127.0.0.1:0", scene->tree.path,
                                 "--workers", "2",           NULL};
    tree_file(&scene->tree, "load.bin", 7, LOAD_FILE_SIZE);
    tree_link(&scene->tree, "pronto", server_binary());
    server_start_as(&scene->server, NULL, 1, tree_path(&scene->tree, "pronto"), words);
    load_start(load, scene->server.port);
    load_await(load, ANSWERS);
}

/* Sockets come and go with their workers: those that come get nothing too early, and those that go
 * nothing too late. */
static void test_upgrades_to_other_numbers_of_workers_lose_nothing(void **state) {
    static const char *const numbers[] = {"5", "1", "3", "2"};
    struct scene *scene = *state;
    struct load load;
    serve_by_name(scene, &load);
    for (size_t i = 0; i < changes(); i++) {
        char script[1024];
        (void)snprintf(script, sizeof script,
                       "#!/bin/bash\nexec -a \"$0\" '%s' \"$@\" --workers %s\n", server_binary(),
                       numbers[i % 4]);
        (void)remove(tree_path(&scene->tree, "pronto"));
        tree_text(&scene->tree, "pronto", script);
        tree_mode(&scene->tree, "pronto", 0755);
        assert_int_equal(kill(scene->server.process.pid, SIGUSR2), 0);
        server_follow(&scene->server, i + 1);
        load_await(&load, ANSWERS);
    }
    expect_no_loss(&load);
}

static void test_reloads_with_other_numbers_of_workers_lose_nothing(void **state) {
    struct scene *scene = *state;
    struct load load;
    cpu_set_t all;
    cpu_set_t one;
    process_cpus(&all, &one);
    if (CPU_COUNT(&all) < 2) {
        note_cannot_test("more and fewer workers: it takes several CPUs");
        return;
    }
    tree_file(&scene->tree, "load.bin", 7, LOAD_FILE_SIZE);
    scene_serve(scene, NULL);
    load_start(&load, scene->server.port);
    for (size_t i = 1; i <= changes(); i++) {
        const cpu_set_t *set = i % 2 == 1 ? &one : &all;
        assert_int_equal(sched_setaffinity(scene->server.process.pid, sizeof *set, set), 0);
        reload(scene, i);
        load_await(&load, ANSWERS);
    }
    expect_no_loss(&load);
}

/* Clients that have connected, and whose requests come after the change: the kernel has their
 * connections, and which socket they are for is settled. */
static void test_fewer_workers_answer_who_is_late(void **state) {
    struct scene *scene = *state;
    struct client clients[LATE];
    tree_text(&scene->tree, "a.txt", "one");
    tree_text(&scene->tree, "pronto.conf", "workers = 4\n");
    scene_serve(scene, "--config", tree_path(&scene->tree, "pronto.conf"), NULL);
    for (size_t i = 0; i < LATE; i++)
        client_open(&clients[i], scene->server.port);
    tree_text(&scene->tree, "pronto.conf", "workers = 1\n");
    reload(scene, 1);
    for (size_t i = 0; i < LATE; i++) {
        client_expect(&clients[i], "/a.txt", 200);
        client_close(&clients[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_reloads_lose_nothing),
        scene_test(test_upgrades_lose_nothing),
        scene_test(test_kills_lose_what_was_in_flight),
        scene_test(test_all_of_them_in_turn),
        scene_test(test_upgrades_to_other_numbers_of_workers_lose_nothing),
        scene_test(test_reloads_with_other_numbers_of_workers_lose_nothing),
        scene_test(test_fewer_workers_answer_who_is_late),
    };
    return cmocka_run_group_tests_name("lossless", tests, NULL, NULL);
}
