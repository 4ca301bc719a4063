/* What pronto shows at a terminal: the banner, a line for each request as long as somebody could
 * read them, and a summary at the end. */
#include "support/client.h"
#include "support/pty.h"
#include "support/scene.h"
#include "support/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WORDS_MAX = 8 };

static const char *const colourful[] = {"NO_COLOR", NULL,      "TERM", "xterm",
                                        "LC_ALL",   "C.UTF-8", NULL};
static const char *const colourless[] = {"NO_COLOR", "1", "TERM", "xterm", NULL};
static const char *const dumb[] = {"NO_COLOR", NULL, "TERM", "dumb", NULL};

static struct pty pty = PTY_INIT;

static int setup(void **state) {
    int result = scene_setup(state);
    struct scene *scene = *state;
    tree_text(&scene->tree, "a.txt", "some text");
    return result;
}

static int teardown(void **state) {
    pty_deinit(&pty);
    return scene_teardown(state);
}

/* Serves the tree at a terminal, and waits for the banner; false: there are no terminals. */
static bool show(const struct scene *scene, const char *const settings[],
                 const char *const words[]) {
    const char *argv[WORDS_MAX + 3] = {server_binary()};
    size_t count = 1;
    for (; words[count - 1] != NULL; count++)
        argv[count] = words[count - 1];
    argv[count] = scene->tree.path;
    if (!pty_start(&pty, settings, argv))
        return false;
    (void)pty_await(&pty, 0, "Ctrl-C stops");
    return true;
}

#define SHOW(scene, settings, ...) show(scene, settings, (const char *const[]){__VA_ARGS__, NULL})

static uint16_t port_shown(void) {
    size_t at = pty_await(&pty, 0, "http://localhost:");
    return (uint16_t)strtoul(pty.text + at + strlen("http://localhost:"), NULL, 10);
}

/* Types Ctrl-C, and returns the last line. */
static const char *stop(void) {
    size_t from = pty.len;
    pty_type(&pty, "\x03");
    assert_int_equal(pty_finish(&pty), 0);
    size_t at = pty.len;
    while (at > from && strchr("\r\n", pty.text[at - 1]) != NULL)
        pty.text[--at] = '\0';
    while (at > from && pty.text[at - 1] != '\n')
        at--;
    return pty.text + at;
}

/* Where the words stand in the line that has them. */
static size_t column_of(const char *line, const char *words) {
    const char *at = strstr(pty.text, line);
    assert_non_null(at);
    const char *start = at;
    while (start > pty.text && start[-1] != '\n')
        start--;
    const char *found = strstr(start, words);
    assert_non_null(found);
    return (size_t)(found - start);
}

static void test_banner_lines_and_summary(void **state) {
    const struct scene *scene = *state;
    char line[512];
    if (!SHOW(scene, colourless, "--listen", "127.0.0.1:0", "--workers", "1"))
        return;
    uint16_t port = port_shown();
    (void)snprintf(line, sizeof line,
                   "  serving %s  (1 worker)\r\n"
                   "  Local    http://localhost:%u/\r\n",
                   scene->tree.path, port);
    (void)pty_await(&pty, 0, line);
    client_expect_once(port, "/a.txt", 200);
    client_expect_once(port, "/there-is-nothing-here", 404);
    (void)pty_await(&pty, pty_await(&pty, 0, "/there-is-nothing-here"), "\n");
    note_assert_contains(pty.text, "  200  GET /a.txt  ");
    note_assert_contains(pty.text, "  404  GET /there-is-nothing-here  ");
    assert_int_equal(column_of("/a.txt", " 127.0.0.1"), column_of("/there-is", " 127.0.0.1"));
    assert_int_equal(column_of("/a.txt", " ms"), column_of("/there-is", " ms"));
    const char *summary = stop();
    note_assert_contains(summary, "  2 requests, ");
    note_assert_contains(summary, " B, 1 error, p50 ");
    note_assert_contains(summary, " ms, p99 ");
    note_assert_contains(summary, " s");
}

/* Somebody takes nothing of an answer, and is not waited for any longer. */
static void test_a_second_ctrl_c(void **state) {
    const struct scene *scene = *state;
    struct client client;
    char byte;
    tree_file(&scene->tree, "large", 1, 64 << 20);
    if (!SHOW(scene, colourless, "--listen", "127.0.0.1:0", "--workers", "1"))
        return;
    client_open(&client, port_shown());
    client_send_text(&client, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(recv(client.fd, &byte, 1, MSG_PEEK), 1);
    size_t from = pty.len;
    pty_type(&pty, "\x03");
    (void)pty_await(&pty, from, "^C\r\n");
    const char *summary = stop();
    assert_memory_equal(summary, "  1 request, ", strlen("  1 request, "));
    client_close(&client);
}

static void test_colours(void **state) {
    const struct scene *scene = *state;
    if (!SHOW(scene, colourful, "--listen", "127.0.0.1:0"))
        return;
    uint16_t port = port_shown();
    client_expect_once(port, "/a.txt", 200);
    client_expect_once(port, "/absent", 404);
    (void)pty_await(&pty, 0, "  \x1b[32m200\x1b[0m  GET /a.txt  ");
    (void)pty_await(&pty, 0, "  \x1b[33m404\x1b[0m  GET /absent  ");
    note_assert_contains(stop(), ", \x1b[31m1 error\x1b[0m, ");
}

/* Nothing but plain text, whatever happens. */
static void expect_plain(const struct scene *scene, const char *const settings[]) {
    if (!SHOW(scene, settings, "--lan"))
        return;
    uint16_t port = port_shown();
    client_expect_once(port, "/a.txt", 200);
    client_expect_once(port, "/absent", 404);
    (void)pty_await(&pty, 0, "/absent");
    note_assert_contains(stop(), ", 1 error, ");
    assert_null(strchr(pty.text, '\x1b'));
    pty_deinit(&pty);
}

static void test_no_color_and_dumb_terminals(void **state) {
    expect_plain(*state, colourless);
    expect_plain(*state, dumb);
}

static void test_a_taken_port(void **state) {
    struct scene *scene = *state;
    char words[64];
    if (!SHOW(scene, colourless, "--workers", "1"))
        return;
    uint16_t first = port_shown(); /* 8080, unless somebody has that */
    struct pty before = pty;
    pty = (struct pty)PTY_INIT;
    assert_true(SHOW(scene, colourless, "--workers", "1"));
    uint16_t port = port_shown();
    assert_in_range(port, first + 1, 8280);
    (void)snprintf(words, sizeof words, "pronto: port 8080 is taken, using %u instead", port);
    (void)pty_await(&pty, 0, words);
    client_expect_once(port, "/a.txt", 200);
    (void)stop();
    pty_deinit(&pty);
    pty = before;
    (void)stop();
}

/* Asks that often, on a connection of its own. */
static void ask(uint16_t port, size_t times) {
    struct client client;
    client_open(&client, port);
    for (size_t i = 0; i < times; i++) {
        client_expect(&client, "/a.txt", 200);
        if (i % 20 == 0)
            pty_gather(&pty);
    }
    client_close(&client);
}

static size_t count_shown(void) {
    size_t count = 0;
    for (const char *at = pty.text; (at = strstr(at, "GET /a.txt  ")) != NULL; at++)
        count++;
    return count;
}

/* What the lines say that sum up. */
static size_t count_summed_up(void) {
    static const char words[] = " more request";
    size_t sum = 0;
    for (const char *at = pty.text; (at = strstr(at, words)) != NULL; at++) {
        const char *number = at;
        while (number > pty.text && number[-1] >= '0' && number[-1] <= '9')
            number--;
        sum += strtoul(number, NULL, 10);
    }
    return sum;
}

/* Waits until so many requests have their line, or are summed up. */
static void await_requests(size_t count) {
    int64_t deadline_ms = note_now_ms() + CLIENT_TIMEOUT_MS;
    while (count_shown() + count_summed_up() < count && note_now_ms() < deadline_ms)
        (void)pty_await(&pty, pty.len, "\n");
    assert_int_equal(count_shown() + count_summed_up(), count);
}

/* Every request has its line, or is in one of those that sum up. */
static void test_many_requests_are_summed_up(void **state) {
    const struct scene *scene = *state;
    if (!SHOW(scene, colourless, "--listen", "127.0.0.1:0", "--workers", "3"))
        return;
    uint16_t port = port_shown();
    for (int i = 0; i < 4; i++)
        ask(port, 1000);
    await_requests(4000);
    assert_true(count_summed_up() > 0);
    note_assert_contains(stop(), "  4000 requests, ");
}

/* The master wakes up by itself as long as it takes, and not only when it stops. */
static void test_the_last_second_is_summed_up(void **state) {
    const struct scene *scene = *state;
    if (!SHOW(scene, colourless, "--listen", "127.0.0.1:0", "--workers", "1"))
        return;
    uint16_t port = port_shown();
    ask(port, 2000);
    await_requests(2000);
    (void)stop();
}

/* Who asks for a log gets all of it. */
static void test_a_log_that_was_asked_for(void **state) {
    const struct scene *scene = *state;
    if (!SHOW(scene, colourless, "--listen", "127.0.0.1:0", "--access-log", "-"))
        return;
    ask(port_shown(), 500);
    await_requests(500);
    assert_int_equal(count_shown(), 500);
    note_assert_contains(stop(), "  500 requests, ");
}

static void test_quiet(void **state) {
    const struct scene *scene = *state;
    char address[32];
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", server_free_port());
    const char *const argv[] = {server_binary(), "-q", "--listen", address, scene->tree.path, NULL};
    if (!pty_start(&pty, colourless, argv))
        return;
    uint16_t port = (uint16_t)strtoul(strchr(address, ':') + 1, NULL, 10);
    struct client client = CLIENT_INIT;
    int64_t deadline_ms = note_now_ms() + CLIENT_TIMEOUT_MS;
    while (!client_try_open(&client, port) && note_now_ms() < deadline_ms)
        note_pause_ms(5);
    client_expect(&client, "/a.txt", 200);
    client_close(&client);
    (void)stop();
    assert_string_equal(pty.text, "^C");
}

/* The first lines of the document that are indented, but for the command; the caller frees them. */
static char *first_screen(void) {
    static const char command[] = "    $ pronto ~/site\n";
    const char *const argv[] = {"cat", "docs/terminal.md", NULL};
    int exit_code;
    char *document = process_run(argv, &exit_code);
    assert_int_equal(exit_code, 0);
    char *screen = calloc(1, strlen(document) + 1);
    const char *at = strstr(document, command);
    assert_non_null(at);
    at += sizeof command - 1;
    while (strncmp(at, "    ", 4) == 0) {
        size_t len = strcspn(at, "\n") + 1;
        (void)strncat(screen, at + 4, len - 4);
        at += len;
    }
    free(document);
    return screen;
}

static void cut_out(char *text, const char *part) {
    char *at = strstr(text, part);
    assert_non_null(at);
    memmove(at, at + strlen(part), strlen(at + strlen(part)) + 1);
}

/* The first screen of docs/terminal.md is what it looks like, but for numbers, the place and walls.
 */
static void test_the_document_shows_it(void **state) {
    const struct scene *scene = *state;
    static const char *const targets[] = {"/", "/style.css", "/favicon.png", "/pronto.svg"};
    tree_file(&scene->tree, "index.html", 1, 7000);
    tree_file(&scene->tree, "style.css", 2, 8300);
    char page[1401] = "<!DOCTYPE html>404";
    memset(page + strlen(page), ' ', sizeof page - 1 - strlen(page));
    memcpy(page + sizeof page - sizeof "</html>", "</html>", sizeof "</html>");
    tree_text(&scene->tree, "404.html", page);
    tree_file(&scene->tree, "pronto.svg", 4, 793);
    if (!SHOW(scene, colourless, "--listen", "127.0.0.1:0", "--workers", "2"))
        return;
    for (size_t i = 0; i < 4; i++) {
        char words[32];
        (void)snprintf(words, sizeof words, "GET %s ", targets[i]);
        client_expect_once(port_shown(), targets[i], i == 2 ? 404 : 200);
        (void)pty_await(&pty, pty_await(&pty, 0, words), "\n");
    }
    pty_type(&pty, "\x03");
    assert_int_equal(pty_finish(&pty), 0);
    char *screen = first_screen();
    cut_out(screen, "/home/me/site");
    cut_out(pty.text, scene->tree.path);
    screen_normalise(screen);
    screen_normalise(pty.text);
    assert_string_equal(pty.text, screen);
    free(screen);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(test_banner_lines_and_summary),
        test(test_a_second_ctrl_c),
        test(test_colours),
        test(test_no_color_and_dumb_terminals),
        test(test_a_taken_port),
        test(test_many_requests_are_summed_up),
        test(test_the_last_second_is_summed_up),
        test(test_a_log_that_was_asked_for),
        test(test_the_document_shows_it),
        test(test_quiet),
    };
    return cmocka_run_group_tests_name("terminal", tests, NULL, NULL);
}
