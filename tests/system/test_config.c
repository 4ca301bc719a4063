/* The configuration file: a server that is run by one. */
#include "support/client.h"
#include "support/scene.h"
#include "support/shell.h"

#include <stdio.h>

/* Starts the server by a file with that text, and more words. */
static void serve(struct scene *scene, const char *text, const char *word) {
    const char *words[] = {"--config", tree_path(&scene->tree, "conf"), word, NULL};
    tree_text(&scene->tree, "conf", text);
    server_start(&scene->server, NULL, 1, words);
}

static void test_file_alone(void **state) {
    struct scene *scene = *state;
    struct client client = CLIENT_INIT;
    struct response response;
    char text[512];
    tree_text(&scene->tree, "site/a.html", "<p>a");
    tree_text(&scene->tree, "site/.b", "b");
    tree_text(&scene->tree, "other/c", "c");
    (void)snprintf(text, sizeof text,
                   "root = %s\nlisten = 127.0.0.1:0 # any\nhidden = on\nclean-urls = on\n"
                   "mount = /other=%s\ncache-control = \"public, max-age=60\"\n",
                   tree_path(&scene->tree, "site"), tree_path(&scene->tree, "other"));
    serve(scene, text, NULL);
    client_open(&client, scene->server.port);
    client_expect(&client, "/.b", 200);
    client_expect(&client, "/other/c", 200);
    client_get(&client, "/a", &response);
    assert_int_equal(response.status, 200);
    assert_string_equal(response_field(&response, "Cache-Control"), "public, max-age=60");
    response_deinit(&response);
    client_close(&client);
    server_stop(&scene->server);
}

static void test_command_line_wins(void **state) {
    struct scene *scene = *state;
    char text[512];
    tree_text(&scene->tree, "site/.b", "b");
    (void)snprintf(text, sizeof text, "root = %s\nlisten = 127.0.0.1:0\nhidden = on\n",
                   tree_path(&scene->tree, "site"));
    serve(scene, text, "--hidden=off");
    client_expect_once(scene->server.port, "/.b", 404);
    server_stop(&scene->server);
}

/* Runs in a tree that has what the example in the documentation names. */
static void test_documented_file(void **state) {
    struct scene *scene = *state;
    tree_text(&scene->tree, "www/index.html", "<p>a");
    tree_directory(&scene->tree, "docs");
    shell_tell(scene);
    shell_run("awk '/^```conf$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "
              "docs/operations.md > \"$TREE/conf\"\n"
              "cd \"$TREE\"\n"
              "grep -q '^root = ' conf\n"
              "test \"$(\"$PRONTO\" -c conf --check | head -n 1)\" = "
              "'pronto: the options, the root and the mounts are fine'\n");
}

static void test_printed_file_serves_the_same(void **state) {
    struct scene *scene = *state;
    tree_text(&scene->tree, "a #b/.c", "c");
    shell_tell(scene);
    shell_run("cd \"$TREE\"\n"
              "\"$PRONTO\" --listen 127.0.0.1:0 --hidden -w1 'a #b' --print-config > conf\n"
              "\"$PRONTO\" -c conf --print-config | cmp conf -\n"
              "\"$PRONTO\" -c conf --explain /.c | grep -q '200 OK'\n");
}

static void test_mistakes_are_told_with_their_lines(void **state) {
    struct scene *scene = *state;
    shell_tell(scene);
    shell_run("cd \"$TREE\"\n"
              "printf '# a\\nmax-head = 5\\n' > conf\n"
              "set +e\n"
              "\"$PRONTO\" -c conf --check 2> message\n"
              "test $? = 2 || exit 1\n"
              "echo \"pronto: conf:2: max-head: '5' is out of range (512 to 65536 bytes)\" | "
              "cmp - message || exit 1\n"
              "\"$PRONTO\" -c absent 2> message\n"
              "test $? = 2 || exit 1\n"
              "echo 'pronto: cannot read the options in absent: No such file or directory' | "
              "cmp - message || exit 1\n");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        scene_test(test_file_alone),
        scene_test(test_command_line_wins),
        scene_test(test_documented_file),
        scene_test(test_printed_file_serves_the_same),
        scene_test(test_mistakes_are_told_with_their_lines),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
