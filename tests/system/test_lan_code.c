/* The QR code of --lan, as a telephone would read it from the terminal. */
#include "support/picture.h"
#include "support/pty.h"
#include "support/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pty pty = PTY_INIT;

static int teardown(void **state) {
    pty_deinit(&pty);
    return scene_teardown(state);
}

/* Serves the tree with --lan, and waits for the banner; false: no terminal, or nobody else could
 * reach this machine. */
static bool show(const struct scene *scene, const char *const settings[]) {
    const char *const argv[] = {server_binary(), "--lan", "-w", "1", scene->tree.path, NULL};
    if (!pty_start(&pty, settings, argv))
        return false;
    (void)pty_await(&pty, 0, "Ctrl-C stops");
    if (strstr(pty.text, "  Network  ") != NULL)
        return true;
    note_cannot_test("--lan's QR code: there is no interface but the loopback");
    return false;
}

/* The first URL for others, without colours around it; the caller frees it. */
static char *network_url(void) {
    const char *at = strstr(strstr(pty.text, "  Network  "), "http://");
    return strndup(at, strcspn(at, "\x1b\r\n"));
}

/* Fails unless the code stands between empty lines and says that URL. */
static void expect_code(const struct scene *scene, bool reversed) {
    static struct picture picture;
    char expected[256];
    const char *path = tree_path(&scene->tree, "code.pgm");
    const char *at = strstr(pty.text, "\r\n\r\n");
    assert_non_null(at);
    picture_of_blocks(&picture, at + strlen("\r\n\r\n"), reversed);
    picture_write(&picture, path);
    char *url = network_url();
    char *decoded = picture_decode(&path, 1);
    (void)snprintf(expected, sizeof expected, "%s\n", url);
    assert_string_equal(decoded, expected);
    free(decoded);
    free(url);
}

static void test_the_first_url_for_others_is_a_code(void **state) {
    static const char *const settings[] = {"NO_COLOR", NULL,      "TERM", "xterm",
                                           "LC_ALL",   "C.UTF-8", NULL};
    if (show(*state, settings))
        expect_code(*state, false);
}

static void test_without_colours(void **state) {
    static const char *const settings[] = {"NO_COLOR", "1",       "TERM", "xterm",
                                           "LC_ALL",   "C.UTF-8", NULL};
    if (show(*state, settings))
        expect_code(*state, true);
}

/* Where it could not be drawn, the URL is there alone. */
static void test_terminals_that_cannot_show_it(void **state) {
    static const char *const dumb[] = {"TERM", "dumb", "LC_ALL", "C.UTF-8", NULL};
    static const char *const latin[] = {"TERM", "xterm", "LC_ALL", "it_IT.ISO-8859-1", NULL};
    static const char *const *const rows[] = {dumb, latin};
    for (size_t i = 0; i < 2; i++) {
        if (!show(*state, rows[i]))
            return;
        assert_null(strstr(pty.text, "\r\n\r\n"));
        pty_deinit(&pty);
    }
}

#define test(f) cmocka_unit_test_setup_teardown(f, scene_setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(test_the_first_url_for_others_is_a_code),
        test(test_without_colours),
        test(test_terminals_that_cannot_show_it),
    };
    return cmocka_run_group_tests_name("lan_code", tests, NULL, NULL);
}
