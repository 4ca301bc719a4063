/* SIGUSR2: the binary that is now on disk takes over, or nothing changes. */
#include "support/client.h"
#include "support/scene.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGE = 32 << 20, END_TIMEOUT_MS = 15000 };

static const char reloaded[] = "pronto: reloaded: ";
static const char upgraded[] = "pronto: upgraded: pid ";
static const char failed[] = "pronto: cannot upgrade: ";

/* Has the name "pronto" in the tree lead to another program. */
static void install(const struct scene *scene, const char *program) {
    (void)unlink(tree_path(&scene->tree, "pronto"));
    if (program != NULL)
        tree_link(&scene->tree, "pronto", program);
}

/* A script instead of a binary. One that goes on as the binary keeps its name, for the next time.
 */
static void install_script(const struct scene *scene, const char *script) {
    char text[1024];
    (void)snprintf(text, sizeof text, "#!/bin/bash\n%s\n", script);
    install(scene, NULL);
    tree_text(&scene->tree, "pronto", text);
    tree_mode(&scene->tree, "pronto", 0755);
}

/* Starts what the name leads to, for the directory "site". */
static void serve(struct scene *scene, size_t addresses, const char *const more[]) {
    const char *words[24] = {"--listen", "127.0.0.1:0", "--ready-timeout", "10s"};
    size_t count = 4;
    for (; more != NULL && *more != NULL; more++)
        words[count++] = *more;
    words[count++] = tree_path(&scene->tree, "site");
    words[count] = NULL;
    tree_text(&scene->tree, "site/a.txt", "some text");
    server_start_as(&scene->server, NULL, addresses, tree_path(&scene->tree, "pronto"), words);
}

#define SERVE(scene, ...) serve(scene, 1, (const char *const[]){__VA_ARGS__, NULL})

static void send_signal(const struct scene *scene, int number) {
    assert_int_equal(kill(scene->server.process.pid, number), 0);
}

static void upgrade(struct scene *scene, size_t count) {
    send_signal(scene, SIGUSR2);
    server_follow(&scene->server, count);
}

static void expect_served(uint16_t port, int times) {
    for (int i = 0; i < times; i++)
        client_expect_once(port, "/a.txt", 200);
}

static void test_the_new_one_serves(void **state) {
    struct scene *scene = *state;
    pid_t workers[SERVER_WORKERS_MAX];
    install(scene, server_binary());
    SERVE(scene, "--workers", "3");
    for (size_t i = 1; i <= 3; i++) {
        pid_t old = scene->server.process.pid;
        upgrade(scene, i);
        assert_false(process_is_alive(old));
        assert_int_equal(server_await_workers(&scene->server, workers, 3), 3);
        expect_served(scene->server.port, 20);
    }
    assert_int_equal(server_times(&scene->server, "listening on "), 1);
    send_signal(scene, SIGHUP);
    server_await_text(&scene->server, reloaded);
}

/* Without a slash in its name, it is looked up where it was found, however the shell did that. */
static void test_a_name_without_a_path(void **state) {
    struct scene *scene = *state;
    char script[1024];
    install(scene, server_binary());
    (void)snprintf(script, sizeof script, "exec -a pronto '%s' \"$@\"", server_binary());
    tree_text(&scene->tree, "start", script);
    const char *const words[] = {tree_path(&scene->tree, "start"), "--listen", "127.0.0.1:0",
                                 scene->tree.path, NULL};
    tree_text(&scene->tree, "a.txt", "some text");
    server_start_as(&scene->server, NULL, 1, "bash", words);
    upgrade(scene, 1);
    expect_served(scene->server.port, 5);
}

static void test_a_download_survives(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    install(scene, server_binary());
    tree_file(&scene->tree, "site/large.bin", 1, LARGE);
    SERVE(scene, "--workers", "2");
    pid_t old = scene->server.process.pid;
    client_open_narrow(&client, scene->server.port, 65536);
    client_send_request(&client, "GET", "/large.bin", "");
    assert_true(client_receive(&client, CLIENT_TIMEOUT_MS));
    send_signal(scene, SIGUSR2);
    server_await_text(&scene->server, upgraded);
    expect_served(scene->server.port, 5);
    assert_true(process_is_alive(old));
    client_read(&client, false, &response);
    response_assert_content(&response, 1, LARGE);
    response_deinit(&response);
    client_close(&client);
    server_follow(&scene->server, 1);
}

/* What can't take over, and what is said of it. */
static const struct {
    const char *name;
    const char *script; /* NULL: there is no such file */
    const char *reason;
} bad[] = {
    {"it ends at once", "exit 3", "exited with status 3"},
    {"it succeeds at once", "exit 0", "exited with status 0"},
    {"it kills itself", "kill -9 $$", "was killed by signal 9 (Killed)"},
    {"it is not there", NULL, "exited with status 127"},
    {"it hangs", "exec sleep 1000", "was not ready in time"},
    {"it hangs, and does not hear", "trap '' TERM; while :; do sleep 1; done",
     "was killed by signal 9"},
};

static void test_what_cannot_take_over(void **state) {
    struct scene *scene = *state;
    pid_t before[SERVER_WORKERS_MAX];
    pid_t after[SERVER_WORKERS_MAX];
    install(scene, server_binary());
    SERVE(scene, "--workers", "2", "--ready-timeout", "2s");
    assert_int_equal(server_workers(&scene->server, before), 2);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (bad[i].script != NULL)
            install_script(scene, bad[i].script);
        else
            install(scene, NULL);
        send_signal(scene, SIGUSR2);
        server_await_times(&scene->server, failed, i + 1);
        if (!server_says(&scene->server, bad[i].reason))
            fail_msg("%s: it does not say \"%s\"", bad[i].name, bad[i].reason);
        expect_served(scene->server.port, 5);
        assert_int_equal(server_await_workers(&scene->server, after, 2), 2);
    }
    for (size_t i = 0; i < 4; i++)
        assert_true(before[i % 2] != after[i / 2] || i % 2 == i / 2);
    assert_int_equal(process_count_zombies(scene->server.process.pid), 0);
    install(scene, server_binary());
    upgrade(scene, 1);
    expect_served(scene->server.port, 5);
}

/* The new one has other words, and does not like them. */
static void test_words_that_are_wrong(void **state) {
    struct scene *scene = *state;
    char script[512];
    install(scene, server_binary());
    SERVE(scene, "--workers", "1");
    (void)snprintf(script, sizeof script, "exec '%s' --frobnicate", server_binary());
    install_script(scene, script);
    send_signal(scene, SIGUSR2);
    server_await_text(&scene->server, failed);
    server_await_text(&scene->server, "unknown option '--frobnicate'");
    server_await_text(&scene->server, "exited with status 2");
    expect_served(scene->server.port, 5);
}

/* It serves the same address with another number of workers. */
static void test_more_and_fewer_workers(void **state) {
    static const char *const numbers[] = {"3", "1", "4", "2"};
    struct scene *scene = *state;
    pid_t workers[SERVER_WORKERS_MAX];
    install(scene, server_binary());
    SERVE(scene, "--workers", "2");
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char script[512];
        size_t count = (size_t)atoi(numbers[i]);
        (void)snprintf(script, sizeof script, "exec -a \"$0\" '%s' \"$@\" --workers %s",
                       server_binary(), numbers[i]);
        install_script(scene, script);
        upgrade(scene, i + 1);
        assert_int_equal(server_await_workers(&scene->server, workers, count), count);
        expect_served(scene->server.port, 40);
    }
}

/* Addresses that stay keep their sockets, others come and go. */
static void test_other_addresses(void **state) {
    struct scene *scene = *state;
    char script[1024];
    uint16_t port;
    install(scene, server_binary());
    const char *const more[] = {"--listen", "127.0.0.2:0", NULL};
    serve(scene, 2, more);
    port = scene->server.port;
    uint16_t gone = server_port(&scene->server, "http://127.0.0.2:");
    (void)snprintf(script, sizeof script,
                   "exec '%s' --listen 127.0.0.3:0 --listen 127.0.0.1:%u '%s'", server_binary(),
                   (unsigned)port, tree_path(&scene->tree, "site"));
    install_script(scene, script);
    upgrade(scene, 1);
    uint16_t new = server_port(&scene->server, "http://127.0.0.3:");
    assert_true(new != 0);
    expect_served(port, 20);
    struct client client;
    client_open_at(&client, "127.0.0.3", new);
    client_expect(&client, "/a.txt", 200);
    client_close(&client);
    char message[128];
    (void)snprintf(message, sizeof message, "no longer listening on http://127.0.0.2:%u/",
                   (unsigned)gone);
    server_await_text(&scene->server, message);
}

/* An upgrade that hangs, until it is let go. */
static void install_waiting(const struct scene *scene) {
    char script[1024];
    (void)snprintf(script, sizeof script,
                   "echo waiting >&2; while [ ! -e '%s' ]; do sleep 0.05; done; "
                   "exec -a \"$0\" '%s' \"$@\"",
                   tree_path(&scene->tree, "go"), server_binary());
    install_script(scene, script);
}

/* Has a server on an upgrade that goes on when there is a file "go". */
static void begin_upgrade(struct scene *scene) {
    install(scene, server_binary());
    SERVE(scene, "--workers", "2");
    install_waiting(scene);
    send_signal(scene, SIGUSR2);
    server_await_text(&scene->server, "waiting");
}

/* What is asked for during an upgrade waits, and is done by who serves then. */
static void test_a_reload_during_an_upgrade(void **state) {
    struct scene *scene = *state;
    begin_upgrade(scene);
    send_signal(scene, SIGHUP);
    note_pause_ms(200);
    assert_int_equal(server_times(&scene->server, reloaded), 0);
    tree_text(&scene->tree, "go", "");
    server_follow(&scene->server, 1);
    server_await_times(&scene->server, reloaded, 1);
    expect_served(scene->server.port, 20);
}

static void test_a_reload_during_an_upgrade_that_fails(void **state) {
    struct scene *scene = *state;
    install(scene, server_binary());
    SERVE(scene, "--workers", "2", "--ready-timeout", "2s");
    install_script(scene, "echo waiting >&2; exec sleep 1000");
    send_signal(scene, SIGUSR2);
    server_await_text(&scene->server, "waiting");
    send_signal(scene, SIGHUP);
    send_signal(scene, SIGHUP);
    server_await_text(&scene->server, failed);
    server_await_times(&scene->server, reloaded, 1);
    expect_served(scene->server.port, 20);
    assert_int_equal(server_times(&scene->server, reloaded), 1);
}

static void test_an_upgrade_during_an_upgrade(void **state) {
    struct scene *scene = *state;
    begin_upgrade(scene);
    send_signal(scene, SIGUSR2);
    tree_text(&scene->tree, "go", "");
    server_await_times(&scene->server, upgraded, 2);
    server_follow(&scene->server, 2);
    expect_served(scene->server.port, 20);
}

/* Whichever is heard first, both are done. */
static void test_both_at_once(void **state) {
    struct scene *scene = *state;
    install(scene, server_binary());
    for (int i = 0; i < 6; i++) {
        SERVE(scene, "--workers", "2");
        send_signal(scene, i % 2 == 0 ? SIGHUP : SIGUSR2);
        note_pause_ms(i);
        send_signal(scene, i % 2 == 0 ? SIGUSR2 : SIGHUP);
        server_follow(&scene->server, 1);
        server_await_times(&scene->server, reloaded, 1);
        expect_served(scene->server.port, 20);
        server_stop(&scene->server);
        scene->server = (struct server)SERVER_INIT;
    }
}

/* Fails if any descendant of the test is left. */
static void expect_nobody(int delay_ms) {
    pid_t left[8];
    int64_t deadline = note_now_ms() + END_TIMEOUT_MS;
    while (process_children(getpid(), left, 8) > 0) {
        if (note_now_ms() > deadline)
            fail_msg("process %d is left of a stop after %d ms", (int)left[0], delay_ms);
        note_pause_ms(5);
    }
}

/* A stop, whenever it comes, stops both. */
static void test_a_stop_leaves_nobody(void **state) {
    struct scene *scene = *state;
    install(scene, server_binary());
    for (int delay_ms = 0; delay_ms <= 300; delay_ms += 12) {
        SERVE(scene, "--workers", "2");
        send_signal(scene, SIGUSR2);
        note_pause_ms(delay_ms);
        if (server_says(&scene->server, upgraded))
            server_follow(&scene->server, 1);
        send_signal(scene, SIGTERM);
        if (!process_wait(&scene->server.process, END_TIMEOUT_MS))
            fail_msg("it does not end when stopped after %d ms", delay_ms);
        expect_nobody(delay_ms);
        server_assert_unreported(&scene->server);
        assert_int_equal(process_exit_code(&scene->server.process), 0);
        process_deinit(&scene->server.process);
        scene->server = (struct server)SERVER_INIT;
    }
}

static void test_a_stop_ends_one_that_hangs(void **state) {
    struct scene *scene = *state;
    install(scene, server_binary());
    SERVE(scene, "--workers", "2");
    install_script(scene, "echo waiting >&2; exec sleep 1000");
    send_signal(scene, SIGUSR2);
    server_await_text(&scene->server, "waiting");
    send_signal(scene, SIGTERM);
    assert_true(process_wait(&scene->server.process, END_TIMEOUT_MS));
    assert_int_equal(process_exit_code(&scene->server.process), 0);
    expect_nobody(0);
}

/* The old master is gone before it could be relieved: the new one serves all the same. */
static void test_the_old_one_is_killed(void **state) {
    struct scene *scene = *state;
    pid_t children[SERVER_WORKERS_MAX];
    begin_upgrade(scene);
    send_signal(scene, SIGKILL);
    assert_true(process_wait(&scene->server.process, END_TIMEOUT_MS));
    tree_text(&scene->tree, "go", "");
    expect_served(scene->server.port, 5);
    assert_int_equal(process_children(getpid(), children, SERVER_WORKERS_MAX), 1);
    scene->server.process.pid = children[0];
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_the_new_one_serves),
        scene_test(test_a_name_without_a_path),
        scene_test(test_a_download_survives),
        scene_test(test_what_cannot_take_over),
        scene_test(test_words_that_are_wrong),
        scene_test(test_more_and_fewer_workers),
        scene_test(test_other_addresses),
        scene_test(test_a_reload_during_an_upgrade),
        scene_test(test_a_reload_during_an_upgrade_that_fails),
        scene_test(test_an_upgrade_during_an_upgrade),
        scene_test(test_both_at_once),
        scene_test(test_a_stop_leaves_nobody),
        scene_test(test_a_stop_ends_one_that_hangs),
        scene_test(test_the_old_one_is_killed),
    };
    return cmocka_run_group_tests_name("upgrade", tests, NULL, NULL);
}
