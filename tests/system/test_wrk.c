/* A load generator: wrk, which presses as hard as it can. */
#include "support/client.h"
#include "support/scene.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CLIENT_END_TIMEOUT_MS = 60000 };

/* The number behind a label in wrk's output; -1 where it is absent. */
static long number_behind(const char *text, const char *label) {
    const char *at = strstr(text, label);
    return at != NULL ? strtol(at + strlen(label), NULL, 10) : -1;
}

/* "  123456 requests in 2.00s" */
static long count_requests(const char *text) {
    const char *at = strstr(text, " requests in ");
    while (at != NULL && at > text && isdigit((unsigned char)at[-1]))
        at--;
    return at != NULL ? strtol(at, NULL, 10) : -1;
}

static void start_wrk(struct process *wrk, const struct scene *scene, const char *seconds) {
    static char url[64];
    static char duration[16];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/1k.bin", scene->server.port);
    (void)snprintf(duration, sizeof duration, "-d%s", seconds);
    const char *const argv[] = {"wrk", "-t2", "-c64", duration, url, NULL};
    process_start(wrk, NULL, argv);
}

/* Waits for its end; returns what it printed. */
static char *finish_wrk(struct process *wrk) {
    assert_true(process_wait(wrk, CLIENT_END_TIMEOUT_MS));
    if (process_exit_code(wrk) == 127)
        fail_msg("wrk cannot be run; `make deps` installs it");
    assert_int_equal(process_exit_code(wrk), 0);
    char *out = process_text(wrk->out_fd);
    process_deinit(wrk);
    return out;
}

static void test_wrk_sees_no_error(void **state) {
    struct scene *scene = *state;
    struct process wrk = PROCESS_INIT;
    tree_file(&scene->tree, "1k.bin", 1, 1024);
    scene_serve(scene, NULL);
    start_wrk(&wrk, scene, "2s");
    char *out = finish_wrk(&wrk);
    note_assert_lacks(out, "Socket errors");
    note_assert_lacks(out, "Non-2xx");
    assert_in_range(count_requests(out), 1000, 100000000);
    free(out);
    client_expect_once(scene->server.port, "/1k.bin", 200);
}

/* Only the connections of the killed worker are lost, and others take their place. */
static void test_wrk_goes_on_when_a_worker_is_killed(void **state) {
    enum { CONNECTIONS = 64 };
    struct scene *scene = *state;
    struct process wrk = PROCESS_INIT;
    pid_t before[SERVER_WORKERS_MAX];
    pid_t after[SERVER_WORKERS_MAX];
    tree_file(&scene->tree, "1k.bin", 1, 1024);
    scene_serve(scene, "--workers", "2", NULL);
    assert_int_equal(server_workers(&scene->server, before), 2);
    start_wrk(&wrk, scene, "4s");
    note_pause_ms(1200);
    assert_int_equal(kill(before[0], SIGKILL), 0);
    for (int i = 0; i < 10000 && process_is_alive(before[0]); i++)
        note_pause_ms(1);
    assert_int_equal(server_await_workers(&scene->server, after, 2), 2);
    assert_true(after[0] != before[0] && after[1] != before[0]);
    assert_false(process_wait(&wrk, 0));
    client_expect_once(scene->server.port, "/1k.bin", 200);
    char *out = finish_wrk(&wrk);
    note_assert_lacks(out, "Non-2xx");
    if (strstr(out, "Socket errors") != NULL) {
        assert_int_equal(number_behind(out, "connect "), 0);
        assert_in_range(number_behind(out, "read "), 0, CONNECTIONS);
        assert_int_equal(number_behind(out, "write "), 0);
        assert_int_equal(number_behind(out, "timeout "), 0);
    }
    assert_in_range(count_requests(out), 1000, 100000000);
    free(out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_wrk_sees_no_error),
        scene_test(test_wrk_goes_on_when_a_worker_is_killed),
    };
    return cmocka_run_group_tests_name("wrk", tests, NULL, NULL);
}
