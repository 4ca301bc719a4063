/* Clients that never pause, while the server is reloaded and upgraded and its workers are killed:
 * who takes over takes everything over.
 *
 * PRONTO_CHANGES says how many reloads and kills there are, and four times as many as upgrades; the
 * standard is small enough for every run. */
#include "support/load.h"
#include "support/scene.h"

#include <signal.h>
#include <stdlib.h>

enum { CHANGES = 8, ANSWERS = 40 };

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

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_reloads_lose_nothing),
        scene_test(test_upgrades_lose_nothing),
        scene_test(test_kills_lose_what_was_in_flight),
        scene_test(test_all_of_them_in_turn),
    };
    return cmocka_run_group_tests_name("lossless", tests, NULL, NULL);
}
