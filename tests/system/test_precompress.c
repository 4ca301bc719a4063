/* docs/precompress.sh: what it makes is what is served. */
#include "support/note.h"
#include "support/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { END_TIMEOUT_MS = 60000, PAGE_BYTES = 20000 };

/* Runs a shell's command line, with the tree's path as $1, the server's URL as $2, and one more
 * word as $3; fails unless it succeeds. */
static void run_with(const struct scene *scene, const char *command, const char *word) {
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", scene->server.port);
    const char *const argv[] = {"sh", "-c", command, "sh", scene->tree.path, url, word, NULL};
    struct process process = PROCESS_INIT;
    process_start(&process, NULL, argv);
    assert_true(process_wait(&process, END_TIMEOUT_MS));
    char *err = process_text(process.err_fd);
    int exit_code = process_exit_code(&process);
    if (exit_code != 0)
        note_say("%s", err);
    free(err);
    process_deinit(&process);
    if (exit_code != 0)
        fail_msg("%s: exit code %d", command, exit_code);
}

static void run(const struct scene *scene, const char *command) {
    run_with(scene, command, "");
}

static void write_page(const struct scene *scene, const char *name, char letter) {
    static char text[PAGE_BYTES + 1];
    memset(text, letter, PAGE_BYTES);
    tree_text(&scene->tree, name, text);
}

static const struct {
    const char *token;
    const char *extension;
    const char *decode;
} codings[] = {
    {"gzip", "gz", "gzip"},
    {"br", "br", "brotli"},
    {"zstd", "zst", "zstd -q"},
};

static const char *const pages[] = {"page.html", "a b/it's \"odd\".css", "-dash.js"};
static const char *const urls[] = {"page.html", "a%20b/it%27s%20%22odd%22.css", "-dash.js"};

/* Each coding of each page is sent, and is the page. */
static void expect_all(const struct scene *scene) {
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        for (size_t j = 0; j < sizeof codings / sizeof codings[0]; j++) {
            char command[512];
            (void)snprintf(command, sizeof command,
                           "cd \"$1\" && curl -sS -D head.tmp -o body.tmp -H 'Accept-Encoding: %s' "
                           "\"$2/%s\" && grep -qi '^Content-Encoding: %s' head.tmp && "
                           "%s -dc <body.tmp | cmp - \"./$3\"",
                           codings[j].token, urls[i], codings[j].token, codings[j].decode);
            run_with(scene, command, pages[i]);
        }
    }
}

static void make_pages(const struct scene *scene) {
    tree_directory(&scene->tree, "a b");
    write_page(scene, "page.html", 'a');
    write_page(scene, "a b/it's \"odd\".css", 'b');
    write_page(scene, "-dash.js", 'c');
    write_page(scene, "photo.jpg", 'd');
    tree_text(&scene->tree, "small.txt", "small");
    run(scene, "docs/precompress.sh \"$1\"");
}

static void test_what_is_made_is_served(void **state) {
    struct scene *scene = *state;
    make_pages(scene);
    scene_serve(scene, NULL);
    expect_all(scene);
    run(scene, "cd \"$1\" && test ! -e photo.jpg.gz && test ! -e small.txt.gz");
}

/* Nothing is made twice; what has changed is made anew, and what does not get smaller removed. */
static void test_what_has_changed(void **state) {
    struct scene *scene = *state;
    make_pages(scene);
    scene_serve(scene, NULL);
    run(scene, "cd \"$1\" && ls -i --ignore=before.tmp >before.tmp");
    run(scene, "docs/precompress.sh \"$1\"");
    run(scene, "cd \"$1\" && ls -i --ignore=before.tmp | cmp - before.tmp");
    write_page(scene, "page.html", 'e');
    run(scene, "docs/precompress.sh \"$1\"");
    expect_all(scene);
    run(scene, "cd \"$1\" && head -c 4000 /dev/urandom >page.html && touch -d tomorrow page.html");
    run(scene, "docs/precompress.sh \"$1\"");
    run(scene, "cd \"$1\" && test ! -e page.html.gz && test ! -e page.html.br");
}

static void test_usage(void **state) {
    run(*state, "docs/precompress.sh 2>&1 | grep -q '^usage: '");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        scene_test(test_what_is_made_is_served),
        scene_test(test_what_has_changed),
        scene_test(test_usage),
    };
    return cmocka_run_group_tests_name("precompress", tests, NULL, NULL);
}
