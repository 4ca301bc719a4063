/* What is served is removed, moved or replaced while the server runs. Nobody tells it: no signal.
 */
#include "support/client.h"
#include "support/scene.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { AWAIT_MS = 20000 };

static void move(const struct scene *scene, const char *from, const char *to) {
    assert_int_equal(rename(tree_path(&scene->tree, from), tree_path(&scene->tree, to)), 0);
}

static void serve(struct scene *scene, const char *root) {
    const char *const words[] = {
        "--listen", "127.0.0.1:0", "--workers", "1", tree_path(&scene->tree, root), NULL};
    server_start(&scene->server, NULL, 1, words);
}

/* What one request is answered with: its status, and "" or the text. */
static int ask(const struct scene *scene, const char *target, char text[64]) {
    struct response response;
    client_get_once(scene->server.port, target, &response);
    int status = response.status;
    (void)snprintf(text, 64, "%s", status == 200 ? response.body : "");
    response_deinit(&response);
    return status;
}

/* Asks until that is the answer. */
static void await_answer(const struct scene *scene, const char *target, int status,
                         const char *want) {
    char text[64];
    int64_t deadline_ms = note_now_ms() + AWAIT_MS;
    while (ask(scene, target, text) != status || strcmp(text, want) != 0) {
        if (note_now_ms() > deadline_ms)
            fail_msg("%s is not answered with %d \"%s\"", target, status, want);
        note_pause_ms(10);
    }
}

static void expect_answer(const struct scene *scene, const char *target, int status,
                          const char *want) {
    char text[64];
    assert_int_equal(ask(scene, target, text), status);
    assert_string_equal(text, want);
}

/* What a build does: it removes what it made last time, and makes it anew. */
static void test_a_root_is_removed_and_made_anew(void **state) {
    struct scene *scene = *state;
    tree_text(&scene->tree, "dist/a.txt", "old");
    serve(scene, "dist");
    expect_answer(scene, "/a.txt", 200, "old");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(unlink(tree_path(&scene->tree, "dist/a.txt")), 0);
        assert_int_equal(rmdir(tree_path(&scene->tree, "dist")), 0);
        expect_answer(scene, "/a.txt", 404, "");
        expect_answer(scene, "/", 404, "");
        server_await_times(&scene->server, "dist is gone; ", (size_t)i + 1);
        tree_text(&scene->tree, "dist/a.txt", "new");
        await_answer(scene, "/a.txt", 200, "new");
    }
    assert_int_equal(server_times(&scene->server, "dist is gone; "), 2);
}

/* What a careful deployment does: another directory takes its name. */
static void test_a_root_is_exchanged(void **state) {
    struct scene *scene = *state;
    tree_text(&scene->tree, "dist/a.txt", "old");
    tree_text(&scene->tree, "next/a.txt", "new");
    serve(scene, "dist");
    expect_answer(scene, "/a.txt", 200, "old");
    move(scene, "dist", "before");
    move(scene, "next", "dist");
    await_answer(scene, "/a.txt", 200, "new");
}

static void test_a_link_is_pointed_elsewhere(void **state) {
    struct scene *scene = *state;
    tree_text(&scene->tree, "one/a.txt", "old");
    tree_text(&scene->tree, "two/a.txt", "new");
    tree_link(&scene->tree, "current", "one");
    serve(scene, "current");
    expect_answer(scene, "/a.txt", 200, "old");
    tree_link(&scene->tree, "next", "two");
    move(scene, "next", "current");
    await_answer(scene, "/a.txt", 200, "new");
    assert_false(server_says(&scene->server, "is gone"));
}

/* The default root is the directory that it was started in. */
static void test_the_working_directory_is_replaced(void **state) {
    struct scene *scene = *state;
    tree_text(&scene->tree, "dist/a.txt", "old");
    tree_text(&scene->tree, "next/a.txt", "new");
    const struct process_options options = {.directory = tree_path(&scene->tree, "dist")};
    const char *const words[] = {"--listen", "127.0.0.1:0", "--workers", "1", NULL};
    server_start(&scene->server, &options, 1, words);
    expect_answer(scene, "/a.txt", 200, "old");
    assert_int_equal(unlink(tree_path(&scene->tree, "dist/a.txt")), 0);
    assert_int_equal(rmdir(tree_path(&scene->tree, "dist")), 0);
    server_await_text(&scene->server, " is gone; ");
    move(scene, "next", "dist");
    await_answer(scene, "/a.txt", 200, "new");
}

static void test_what_is_mounted_is_replaced(void **state) {
    struct scene *scene = *state;
    char mount[512];
    tree_text(&scene->tree, "root/b.txt", "there");
    tree_text(&scene->tree, "docs/a.txt", "old");
    tree_text(&scene->tree, "next/a.txt", "new");
    (void)snprintf(mount, sizeof mount, "/docs=%s", tree_path(&scene->tree, "docs"));
    const char *const words[] = {"--listen",
                                 "127.0.0.1:0",
                                 "--workers",
                                 "1",
                                 "--mount",
                                 mount,
                                 tree_path(&scene->tree, "root"),
                                 NULL};
    server_start(&scene->server, NULL, 1, words);
    expect_answer(scene, "/docs/a.txt", 200, "old");
    move(scene, "docs", "before");
    server_await_text(&scene->server, "docs is gone; ");
    expect_answer(scene, "/b.txt", 200, "there");
    move(scene, "next", "docs");
    await_answer(scene, "/docs/a.txt", 200, "new");
}

/* A mistake in the new one's rules: what was served is served on, until there is none any more. */
static void test_a_replacement_that_cannot_be_served(void **state) {
    struct scene *scene = *state;
    tree_text(&scene->tree, "dist/a.txt", "old");
    tree_text(&scene->tree, "next/a.txt", "new");
    tree_text(&scene->tree, "next/_redirects", "/c\n");
    serve(scene, "dist");
    move(scene, "dist", "before");
    move(scene, "next", "dist");
    server_await_text(&scene->server, "pronto: cannot reload: the files of rules have 1 mistake");
    expect_answer(scene, "/a.txt", 200, "old");
    tree_text(&scene->tree, "dist/_redirects", "/c /d\n");
    await_answer(scene, "/a.txt", 200, "new");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_a_root_is_removed_and_made_anew),
        scene_test(test_a_root_is_exchanged),
        scene_test(test_a_link_is_pointed_elsewhere),
        scene_test(test_the_working_directory_is_replaced),
        scene_test(test_what_is_mounted_is_replaced),
        scene_test(test_a_replacement_that_cannot_be_served),
    };
    return cmocka_run_group_tests_name("roots", tests, NULL, NULL);
}
