/* Local sockets: --listen unix:PATH; and the file that says who serves. */
#include "support/client.h"
#include "support/scene.h"
#include "support/shell.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { END_TIMEOUT_MS = 15000 };

/* "unix:" and the path of the socket in the tree; static, until the next call. */
static const char *local_address(const struct scene *scene) {
    static char text[512];
    (void)snprintf(text, sizeof text, "unix:%s", tree_path(&scene->tree, "socket"));
    return text;
}

static void serve(struct scene *scene, const char *name, const char *value) {
    const char *const words[] = {"--listen",
                                 local_address(scene),
                                 "--listen",
                                 "127.0.0.1:0",
                                 "--workers",
                                 "2",
                                 name,
                                 value,
                                 tree_path(&scene->tree, "site"),
                                 NULL};
    tree_text(&scene->tree, "site/a.txt", "some text");
    server_start(&scene->server, NULL, 2, words);
    shell_tell(scene);
}

static bool is_there(const struct scene *scene, const char *name) {
    struct stat stat;
    return lstat(tree_path(&scene->tree, name), &stat) == 0;
}

static void fetch(int times) {
    char script[512];
    (void)snprintf(script, sizeof script,
                   "for i in $(seq %d); do [ \"$(curl --silent --show-error --max-time 30 "
                   "--unix-socket \"$TREE/socket\" http://localhost/a.txt)\" = 'some text' ]; done",
                   times);
    shell_run(script);
}

static void stop(struct scene *scene) {
    server_stop(&scene->server);
    scene->server = (struct server)SERVER_INIT;
}

static void test_is_served(void **state) {
    struct scene *scene = *state;
    serve(scene, "--unix-mode", "600");
    server_await_text(&scene->server, "listening on unix:");
    fetch(20);
    client_expect_once(server_port(&scene->server, "http://"), "/a.txt", 200);
    struct stat stat;
    assert_int_equal(lstat(tree_path(&scene->tree, "socket"), &stat), 0);
    assert_int_equal(stat.st_mode & 0777, 0600);
    stop(scene);
    assert_false(is_there(scene, "socket"));
}

/* A large file, which the kernel sends, and a connection that asks twice. */
static void test_a_large_file_and_a_kept_connection(void **state) {
    struct scene *scene = *state;
    tree_file(&scene->tree, "site/large.bin", 1, 3 << 20);
    serve(scene, "--idle-timeout", "30s");
    shell_run(
        "curl --silent --show-error --unix-socket \"$TREE/socket\" "
        "-o \"$TREE/1\" http://localhost/large.bin -o \"$TREE/2\" http://localhost/large.bin; "
        "cmp \"$TREE/1\" \"$TREE/site/large.bin\"; cmp \"$TREE/2\" \"$TREE/site/large.bin\"");
}

static void test_survives_reloads_and_upgrades(void **state) {
    struct scene *scene = *state;
    struct stat before;
    struct stat after;
    serve(scene, "--unix-mode", "666");
    assert_int_equal(lstat(tree_path(&scene->tree, "socket"), &before), 0);
    for (size_t i = 1; i <= 3; i++) {
        assert_int_equal(kill(scene->server.process.pid, SIGHUP), 0);
        server_await_times(&scene->server, "pronto: reloaded", i);
        fetch(5);
        assert_int_equal(kill(scene->server.process.pid, SIGUSR2), 0);
        server_follow(&scene->server, i);
        fetch(5);
    }
    assert_int_equal(lstat(tree_path(&scene->tree, "socket"), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    stop(scene);
    assert_false(is_there(scene, "socket")); /* it is still pronto's own */
}

static void test_a_killed_worker_is_replaced(void **state) {
    struct scene *scene = *state;
    pid_t workers[SERVER_WORKERS_MAX];
    serve(scene, "--unix-mode", "666");
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(server_await_workers(&scene->server, workers, 2), 2);
        assert_int_equal(kill(workers[i % 2], SIGKILL), 0);
        fetch(5);
        server_await_times(&scene->server, "another takes its place", i + 1);
    }
}

static void test_one_that_is_left_over_is_replaced(void **state) {
    struct scene *scene = *state;
    serve(scene, "--unix-mode", "666");
    assert_int_equal(kill(scene->server.process.pid, SIGKILL), 0);
    assert_true(process_wait(&scene->server.process, END_TIMEOUT_MS));
    process_deinit(&scene->server.process);
    scene->server = (struct server)SERVER_INIT;
    assert_true(is_there(scene, "socket"));
    /* Its workers end when they see that it is gone; until then, they listen. */
    pid_t left[8];
    for (int i = 0; i < 3000 && process_children(getpid(), left, 8) > 0; i++)
        note_pause_ms(5);
    serve(scene, "--unix-mode", "666");
    fetch(5);
}

/* A second pronto does not take the socket of the first. */
static void test_one_that_is_served_stays(void **state) {
    struct scene *scene = *state;
    struct process second = PROCESS_INIT;
    serve(scene, "--unix-mode", "666");
    const char *const argv[] = {server_binary(), "--listen", local_address(scene), scene->tree.path,
                                NULL};
    process_start(&second, NULL, argv);
    assert_true(process_wait(&second, END_TIMEOUT_MS));
    assert_int_equal(process_exit_code(&second), 1);
    char *text = process_text(second.err_fd);
    note_assert_contains(text, "cannot listen on unix:");
    note_assert_contains(text, "something listens there already");
    free(text);
    process_deinit(&second);
    fetch(5);
}

/* Somebody else's socket by the same name is not removed. */
static void test_the_file_of_another_stays(void **state) {
    struct scene *scene = *state;
    serve(scene, "--unix-mode", "666");
    assert_int_equal(unlink(tree_path(&scene->tree, "socket")), 0);
    tree_text(&scene->tree, "socket", "of another");
    stop(scene);
    assert_true(is_there(scene, "socket"));
}

/* The file that says who serves */

static long pid_in(const struct scene *scene) {
    long pid = 0;
    FILE *file = fopen(tree_path(&scene->tree, "pid"), "re");
    if (file == NULL)
        fail_msg("there is no pid file");
    assert_int_equal(fscanf(file, "%ld", &pid), 1);
    (void)fclose(file);
    return pid;
}

static void test_pid_file(void **state) {
    struct scene *scene = *state;
    serve(scene, "--pid-file", tree_path(&scene->tree, "pid"));
    assert_int_equal(pid_in(scene), scene->server.process.pid);
    assert_int_equal(kill(scene->server.process.pid, SIGHUP), 0);
    server_await_text(&scene->server, "reloaded");
    assert_int_equal(pid_in(scene), scene->server.process.pid);
    assert_int_equal(kill(scene->server.process.pid, SIGUSR2), 0);
    server_follow(&scene->server, 1);
    assert_int_equal(pid_in(scene), scene->server.process.pid);
    stop(scene);
    assert_false(is_there(scene, "pid"));
}

/* A new binary that gets as far as to open its sockets, and to write the process id, and fails:
 * what it took over is not its own yet. */
static void test_an_upgrade_that_fails_takes_nothing_along(void **state) {
    struct scene *scene = *state;
    char script[2048];
    struct stat stat;
    const char *const words[] = {"--listen",
                                 local_address(scene),
                                 "--listen",
                                 "127.0.0.1:0",
                                 "--pid-file",
                                 tree_path(&scene->tree, "pid"),
                                 tree_path(&scene->tree, "site"),
                                 NULL};
    tree_text(&scene->tree, "site/a.txt", "some text");
    tree_link(&scene->tree, "pronto", server_binary());
    server_start_as(&scene->server, NULL, 2, tree_path(&scene->tree, "pronto"), words);
    shell_tell(scene);
    (void)snprintf(script, sizeof script,
                   "#!/bin/bash\necho 1 > '%s'\nexec '%s' --listen '%s' --listen 'unix:%s' "
                   "--pid-file /absent/pid '%s'\n",
                   tree_path(&scene->tree, "pid"), server_binary(), local_address(scene),
                   tree_path(&scene->tree, "new"), tree_path(&scene->tree, "site"));
    (void)unlink(tree_path(&scene->tree, "pronto"));
    tree_text(&scene->tree, "pronto", script);
    tree_mode(&scene->tree, "pronto", 0755);
    assert_int_equal(kill(scene->server.process.pid, SIGUSR2), 0);
    server_await_text(&scene->server, "cannot upgrade");
    server_await_text(&scene->server, "cannot write the process id to /absent/pid");
    fetch(5);
    assert_int_equal(pid_in(scene), scene->server.process.pid);
    assert_int_equal(lstat(tree_path(&scene->tree, "socket"), &stat), 0);
    assert_false(is_there(scene, "new"));
}

/* Scripts would signal nobody, or somebody else. */
static void test_a_pid_file_that_cannot_be_written(void **state) {
    struct scene *scene = *state;
    const char *path = tree_path(&scene->tree, "absent/pid");
    const char *const argv[] = {server_binary(),  "--listen", "127.0.0.1:0", "--pid-file", path,
                                scene->tree.path, NULL};
    process_start(&scene->server.process, NULL, argv);
    assert_true(process_wait(&scene->server.process, END_TIMEOUT_MS));
    assert_int_equal(process_exit_code(&scene->server.process), 1);
    server_await_text(&scene->server, "cannot write the process id to ");
    server_await_text(&scene->server, path);
}

static void test_a_pid_file_of_another_stays(void **state) {
    struct scene *scene = *state;
    serve(scene, "--pid-file", tree_path(&scene->tree, "pid"));
    tree_text(&scene->tree, "pid", "1\n");
    stop(scene);
    assert_int_equal(pid_in(scene), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_is_served),
        scene_test(test_a_large_file_and_a_kept_connection),
        scene_test(test_survives_reloads_and_upgrades),
        scene_test(test_a_killed_worker_is_replaced),
        scene_test(test_one_that_is_left_over_is_replaced),
        scene_test(test_one_that_is_served_stays),
        scene_test(test_the_file_of_another_stays),
        scene_test(test_pid_file),
        scene_test(test_an_upgrade_that_fails_takes_nothing_along),
        scene_test(test_a_pid_file_that_cannot_be_written),
        scene_test(test_a_pid_file_of_another_stays),
    };
    return cmocka_run_group_tests_name("local", tests, NULL, NULL);
}
