/* slowhttptest(1), which others test their servers with: slow heads, slow content, slow reading,
 * and ranges that overlap. The service stays available meanwhile, by its own judgement and by ours.
 */
#include "support/client.h"
#include "support/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECONDS = 20, LARGE = 32 << 20, WORDS_MAX = 32, FDS = 1000 };

/* More connections than there are descriptors. */
#define CONNECTIONS "1200"
#define PER_SECOND  "200"

static const struct {
    const char *name;
    const char *target;
    const char *words[16];
} attacks[] = {
    {"slow heads", "/small.bin", {"-H", "-i", "3", "-t", "GET", "-x", "24"}},
    {"slow content", "/small.bin", {"-B", "-i", "3", "-s", "8192", "-t", "POST", "-x", "10"}},
    {"slow reading",
     "/large.bin",
     {"-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32", "-k", "3"}},
    {"ranges", "/large.bin", {"-R", "-t", "HEAD", "-a", "10", "-b", "3000"}},
};

static void attack(struct process *process, const struct scene *scene, size_t row) {
    char url[128];
    char seconds[16];
    const char *argv[WORDS_MAX] = {
        "slowhttptest", "-c", CONNECTIONS, "-r", PER_SECOND, "-p", "5", "-l", seconds, "-u", url};
    size_t count = 0;
    while (argv[count] != NULL)
        count++;
    (void)snprintf(seconds, sizeof seconds, "%d", SECONDS);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", scene->server.port,
                   attacks[row].target);
    for (size_t i = 0; attacks[row].words[i] != NULL; i++)
        argv[count++] = attacks[row].words[i];
    process_start(process, NULL, argv);
}

/* Asks for a file until the attack is over. Returns how often; the longest wait is in milliseconds.
 */
static unsigned ask_meanwhile(const struct scene *scene, struct process *attacker,
                              int64_t *longest_ms) {
    unsigned asked = 0;
    int64_t deadline = note_now_ms() + (2 * SECONDS + 60) * 1000;
    for (*longest_ms = 0; !process_wait(attacker, 20) && note_now_ms() < deadline; asked++) {
        struct response response;
        int64_t start_ms = note_now_ms();
        client_get_once(scene->server.port, "/small.bin", &response);
        int64_t took_ms = note_now_ms() - start_ms;
        *longest_ms = took_ms > *longest_ms ? took_ms : *longest_ms;
        response_assert_status(&response, 200);
        response_assert_content(&response, 2, 1000);
        response_deinit(&response);
    }
    return asked;
}

static void run_attack(const struct scene *scene, size_t row, size_t fds) {
    struct process process = PROCESS_INIT;
    int64_t longest_ms;
    attack(&process, scene, row);
    unsigned asked = ask_meanwhile(scene, &process, &longest_ms);
    char *output = process_text(process.out_fd);
    note_say("%s: %u answers meanwhile, the longest wait %lld ms", attacks[row].name, asked,
             (long long)longest_ms);
    assert_true(asked > 0);
    assert_int_equal(process_exit_code(&process), 0);
    note_assert_contains(output, "YES"); /* whether it was available, as often as it looked */
    note_assert_lacks(output, "mNO");    /* in red */
    free(output);
    process_deinit(&process);
    assert_in_range(server_await_fds(&scene->server, fds), 1, fds);
    client_expect_once(scene->server.port, "/small.bin", 200);
}

static void test_slowhttptest(void **state) {
    struct scene *scene = *state;
    const struct process_options options = {.max_fds = FDS};
    const char *const words[] = {"--listen", "127.0.0.1:0",    "--workers",
                                 "1",        scene->tree.path, NULL};
    tree_file(&scene->tree, "small.bin", 2, 1000);
    tree_file(&scene->tree, "large.bin", 1, LARGE);
    server_start(&scene->server, &options, 1, words);
    client_expect_once(scene->server.port, "/small.bin", 200);
    client_expect_once(scene->server.port, "/large.bin", 200);
    size_t fds = server_settled_fds(&scene->server);
    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++)
        run_attack(scene, i, fds);
}

int main(void) {
    const struct CMUnitTest tests[] = {scene_test(test_slowhttptest)};
    return cmocka_run_group_tests_name("slowhttptest", tests, NULL, NULL);
}
