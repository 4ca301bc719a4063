/* What the service manager is told, over a real socket. */
#include "support/client.h"
#include "support/manager.h"
#include "support/scene.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void serve(struct scene *scene, struct manager *manager, int watchdog_ms) {
    tree_text(&scene->tree, "a.txt", "some text");
    manager_open(manager, tree_path(&scene->tree, "manager"), watchdog_ms);
    scene_serve(scene, "--workers", "2", NULL);
    manager_forget();
}

static void send_signal(const struct scene *scene, int number) {
    assert_int_equal(kill(scene->server.process.pid, number), 0);
}

static void test_start_and_stop(void **state) {
    struct scene *scene = *state;
    struct manager manager;
    serve(scene, &manager, 0);
    (void)manager_await(&manager, "READY=1", "STOPPING=1");
    assert_int_equal(manager.sender, scene->server.process.pid);
    note_assert_contains(manager.message, "STATUS=serving ");
    note_assert_contains(manager.message, " with 2 workers");
    send_signal(scene, SIGTERM);
    (void)manager_await(&manager, "STOPPING=1", "READY=1");
    assert_true(process_wait(&scene->server.process, 15000));
    manager_close(&manager);
}

/* What the root is called must not tell the service manager anything of its own. */
static void test_a_root_that_is_named_like_a_message(void **state) {
    static const char name[] = "a\nMAINPID=1";
    struct scene *scene = *state;
    struct manager manager;
    tree_directory(&scene->tree, name);
    char *root = strdup(tree_path(&scene->tree, name));
    const char *const words[] = {"--listen", "127.0.0.1:0", root, NULL};
    manager_open(&manager, tree_path(&scene->tree, "manager"), 0);
    server_start(&scene->server, NULL, 1, words);
    manager_forget();
    (void)manager_await(&manager, "READY=1", "MAINPID=");
    note_assert_contains(manager.message, "a\\x0aMAINPID=1 with ");
    manager_close(&manager);
    free(root);
}

static int64_t now_us(void) {
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void test_reload(void **state) {
    struct scene *scene = *state;
    struct manager manager;
    serve(scene, &manager, 0);
    (void)manager_await(&manager, "READY=1", NULL);
    int64_t before_us = now_us();
    send_signal(scene, SIGHUP);
    (void)manager_await(&manager, "RELOADING=1", "READY=1");
    const char *text = strstr(manager.message, "MONOTONIC_USEC=");
    assert_non_null(text);
    int64_t said_us = strtoll(text + strlen("MONOTONIC_USEC="), NULL, 10);
    assert_in_range(said_us, before_us - 1000, now_us()); /* it counts in milliseconds */
    (void)manager_await(&manager, "READY=1", "STOPPING=1");
    manager_close(&manager);
}

/* Where it fails, the state it is in is the one that was ready. */
static void test_a_reload_that_fails(void **state) {
    struct scene *scene = *state;
    struct manager manager;
    serve(scene, &manager, 0);
    (void)manager_await(&manager, "READY=1", NULL);
    tree_text(&scene->tree, "_redirects", "/c\n");
    send_signal(scene, SIGHUP);
    (void)manager_await(&manager, "RELOADING=1", "READY=1");
    (void)manager_await(&manager, "READY=1", "STOPPING=1");
    server_await_text(&scene->server, "cannot reload");
    (void)unlink(tree_path(&scene->tree, "_redirects"));
    manager_close(&manager);
}

/* Who serves says so when the manager has heard of it, and is heard from then on. */
static void test_upgrade(void **state) {
    struct scene *scene = *state;
    struct manager manager;
    serve(scene, &manager, 0);
    (void)manager_await(&manager, "READY=1", NULL);
    pid_t old = scene->server.process.pid;
    send_signal(scene, SIGUSR2);
    pid_t new = (pid_t)strtol(manager_await(&manager, "MAINPID=", "READY=1"), NULL, 10);
    assert_int_equal(manager.sender, old);
    (void)manager_await(&manager, "READY=1", "STOPPING=1");
    assert_int_equal(manager.sender, new);
    server_follow(&scene->server, 1);
    assert_int_equal(scene->server.process.pid, new);
    send_signal(scene, SIGTERM);
    (void)manager_await(&manager, "STOPPING=1", "READY=1");
    assert_int_equal(manager.sender, new);
    assert_true(process_wait(&scene->server.process, 15000));
    manager_close(&manager);
}

/* Also by the one that took over. */
static void test_watchdog(void **state) {
    struct scene *scene = *state;
    struct manager manager;
    serve(scene, &manager, 100);
    for (size_t i = 1; i <= 2; i++) {
        for (int j = 0; j < 3; j++) {
            (void)manager_await(&manager, "WATCHDOG=1", "STOPPING=1");
            assert_int_equal(manager.sender, scene->server.process.pid);
        }
        send_signal(scene, SIGUSR2);
        (void)manager_await(&manager, "MAINPID=", NULL);
        server_follow(&scene->server, i);
        do
            (void)manager_await(&manager, "WATCHDOG=1", NULL);
        while (manager.sender != scene->server.process.pid);
    }
    manager_close(&manager);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_start_and_stop), scene_test(test_a_root_that_is_named_like_a_message),
        scene_test(test_reload),         scene_test(test_a_reload_that_fails),
        scene_test(test_upgrade),        scene_test(test_watchdog),
    };
    return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
