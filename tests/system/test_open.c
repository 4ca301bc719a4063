/* --open: a browser of the operator's choice, which inherits nothing of the server. */
#include "support/client.h"
#include "support/scene.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Puts a program that is found as xdg-open before all others, or in their place. */
static void install_opener(const struct scene *scene, const char *script) {
    char path[1024];
    const char *directory = tree_path(&scene->tree, "bin");
    if (script != NULL) {
        tree_text(&scene->tree, "bin/xdg-open", script);
        tree_mode(&scene->tree, "bin/xdg-open", 0755);
        (void)snprintf(path, sizeof path, "%s:%s", directory, getenv("PATH"));
    }
    assert_int_equal(setenv("PATH", script != NULL ? path : directory, 1), 0);
    assert_int_equal(setenv("OPENED", tree_path(&scene->tree, "opened"), 1), 0);
}

static char *kept_path;

static int setup(void **state) {
    kept_path = strdup(getenv("PATH"));
    int result = scene_setup(state);
    const struct scene *scene = *state;
    tree_directory(&scene->tree, "bin");
    return result;
}

static int teardown(void **state) {
    (void)setenv("PATH", kept_path, 1);
    free(kept_path);
    return scene_teardown(state);
}

/* What the program has written, once it has; the caller frees it. */
static char *await_opened(const struct scene *scene) {
    int64_t deadline_ms = note_now_ms() + CLIENT_TIMEOUT_MS;
    const char *path = tree_path(&scene->tree, "opened");
    const char *const argv[] = {"cat", path, NULL};
    int exit_code;
    while (access(path, F_OK) != 0) {
        assert_true(note_now_ms() < deadline_ms);
        note_pause_ms(5);
    }
    return process_run(argv, &exit_code);
}

/* It gets the URL when that is answered, and nothing of the server's: neither its descriptors, nor
 * its blocked signals, nor its session. */
static void test_the_url_is_opened(void **state) {
    struct scene *scene = *state;
    char expected[256];
    /* Those who started the test may ignore signals, too. */
    static const char *const own[] = {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status", NULL};
    int exit_code;
    char *signals = process_run(own, &exit_code);
    install_opener(scene, "#!/bin/sh\n"
                          "exec >\"$OPENED.part\"\n"
                          "echo \"$1\"\n"
                          "grep -E '^Sig(Blk|Ign)' /proc/self/status\n"
                          "for fd in /proc/$$/fd/*; do\n"
                          "  readlink $fd | grep -E 'socket|anon_inode'\n"
                          "done\n"
                          "[ \"$(cut -d' ' -f6 /proc/$$/stat)\" = $$ ] && echo leader\n"
                          "mv \"$OPENED.part\" \"$OPENED\"\n");
    scene_serve(scene, "--open", NULL);
    char *opened = await_opened(scene);
    (void)snprintf(expected, sizeof expected, "http://localhost:%u/\n%sleader\n",
                   scene->server.port, signals);
    assert_string_equal(opened, expected);
    free(opened);
    free(signals);
}

/* What goes wrong is told, and nothing else comes of it. */
static void test_what_cannot_be_opened_is_told(void **state) {
    static const struct {
        const char *script;
        const char *says;
    } rows[] = {
        {"#!/bin/sh\nexit 3\n", "pronto: cannot open a browser: xdg-open exited with status 3; the "
                                "URL is http://localhost:"},
        {NULL,
         "pronto: cannot open a browser: there is no xdg-open (the package xdg-utils has it); "
         "the URL is http://localhost:"},
    };
    struct scene *scene = *state;
    tree_text(&scene->tree, "a.txt", "some text");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        install_opener(scene, rows[i].script);
        scene_serve(scene, "--open", NULL);
        server_await_text(&scene->server, rows[i].says);
        client_expect_once(scene->server.port, "/a.txt", 200);
        server_stop(&scene->server);
        (void)unlink(tree_path(&scene->tree, "bin/xdg-open"));
        (void)setenv("PATH", kept_path, 1);
    }
}

/* One that goes on does not keep the server from stopping, nor is it ended with it. */
static void test_a_browser_outlives_the_server(void **state) {
    struct scene *scene = *state;
    install_opener(scene, "#!/bin/sh\n"
                          "echo $$ >\"$OPENED.part\"\n"
                          "mv \"$OPENED.part\" \"$OPENED\"\n"
                          "exec sleep 600\n");
    scene_serve(scene, "--open", NULL);
    char *opened = await_opened(scene);
    pid_t pid = (pid_t)strtol(opened, NULL, 10);
    free(opened);
    (void)kill(scene->server.process.pid, SIGTERM);
    assert_true(process_wait(&scene->server.process, CLIENT_TIMEOUT_MS));
    assert_int_equal(process_exit_code(&scene->server.process), 0);
    assert_true(process_is_alive(pid));
    assert_int_equal(kill(pid, SIGKILL), 0);
}

static void test_a_local_socket_has_no_url(void **state) {
    struct scene *scene = *state;
    char address[256];
    install_opener(scene, "#!/bin/sh\n>\"$OPENED\"\n");
    (void)snprintf(address, sizeof address, "unix:%s", tree_path(&scene->tree, "socket"));
    const char *const words[] = {"--listen", address, "--open", scene->tree.path, NULL};
    server_start(&scene->server, NULL, 1, words);
    server_await_text(&scene->server, "pronto: there is no URL for --open");
    server_stop(&scene->server);
    assert_int_not_equal(access(tree_path(&scene->tree, "opened"), F_OK), 0);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(test_the_url_is_opened),
        test(test_what_cannot_be_opened_is_told),
        test(test_a_browser_outlives_the_server),
        test(test_a_local_socket_has_no_url),
    };
    return cmocka_run_group_tests_name("open", tests, NULL, NULL);
}
