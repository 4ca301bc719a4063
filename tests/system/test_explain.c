/* --explain: what is told of a URL is what a client gets for it. */
#include "support/client.h"
#include "support/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { RUN_TIMEOUT_MS = 20000 };

static void make_site(const struct scene *scene) {
    tree_text(&scene->tree, "_redirects", "# moved\n/old/* /new/:splat\n/app/* /page.html 200\n");
    tree_text(&scene->tree, "_headers", "/*\n  X-All: yes\n/page.html\n  ! X-All\n  X-Page: 1\n");
    tree_text(&scene->tree, "page.html", "page");
    tree_text(&scene->tree, "with/index.html", "index");
    tree_text(&scene->tree, "without/file", "file");
}

/* Runs it; returns what it printed, which the caller frees. */
static char *run(const char *url, const char *const argv[], int exit_code) {
    struct process process = PROCESS_INIT;
    process_start(&process, NULL, argv);
    assert_true(process_wait(&process, RUN_TIMEOUT_MS));
    char *out = process_text(exit_code == 0 ? process.out_fd : process.err_fd);
    if (process_exit_code(&process) != exit_code)
        fail_msg("%s: exit code %d: %s", url, process_exit_code(&process), out);
    process_deinit(&process);
    return out;
}

static char *explain(const struct scene *scene, const char *url, int exit_code) {
    const char *const argv[] = {server_binary(), "--explain", url, scene->tree.path, NULL};
    return run(url, argv, exit_code);
}

static const struct {
    const char *url;
    const char *lines[5];   /* that are told, among others */
    const char *not_a_line; /* NULL: none */
} rows[] = {
    {"/page.html",
     {"file      page.html\n", "field     _headers:4  ! X-All\n",
      "field     _headers:5  X-Page: 1\n", "HTTP/1.1 200 OK\n", "X-Page: 1\n"},
     "\nX-All: yes\n"},
    {"with/", {"file      with/index.html\n", "\nX-All: yes\n"}, "rule "},
    {"/with", {"file      a directory\n", "HTTP/1.1 301 ", "Location: /with/\n"}, NULL},
    {"/without/", {"file      a directory without an index file\n", "HTTP/1.1 200 OK\n"}, NULL},
    {"/without/?archive=tar", {"HTTP/1.1 200 OK\n", "Content-Type: application/x-tar\n"}, NULL},
    {"http://example.com/old/a%20b?q",
     {"file      none\n", "rule      _redirects:2  /old/* -> /new/:splat\n", "HTTP/1.1 301 ",
      "Location: /new/a%20b?q\n"},
     NULL},
    {"/app/route",
     {"file      page.html\n", "rule      _redirects:3  ", "HTTP/1.1 200 OK\n"},
     "Location"},
    {"/absent", {"file      none\n", "HTTP/1.1 404 "}, "rule "},
    {"/absent%0a%1b%5b0m", {"file      none\n"}, "\x1b"},
};

static void test_what_is_told(void **state) {
    const struct scene *scene = *state;
    make_site(scene);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *out = explain(scene, rows[i].url, 0);
        for (size_t j = 0; j < 5 && rows[i].lines[j] != NULL; j++) {
            if (strstr(out, rows[i].lines[j]) == NULL)
                fail_msg("%s: no '%s' in:\n%s", rows[i].url, rows[i].lines[j], out);
        }
        if (rows[i].not_a_line != NULL && strstr(out, rows[i].not_a_line) != NULL)
            fail_msg("%s: '%s' in:\n%s", rows[i].url, rows[i].not_a_line, out);
        free(out);
    }
}

/* What stands in for what there is not, what is beside a file, and where it is mounted. */
static void test_circumstances(void **state) {
    const struct scene *scene = *state;
    static const struct {
        const char *url;
        const char *spa; /* NULL: none */
        const char *text;
    } cases[] = {
        {"/route", "site/app.html", "file      none\nspa       site/app.html\n\nHTTP/1.1 200 "},
        {"/route", NULL, "file      none\npage      404.html\n\nHTTP/1.1 404 "},
        {"/absent.png", "site/app.html", "file      none\npage      404.html\n\nHTTP/1.1 404 "},
        {"/site/app", NULL,
         "file      none: with .html behind it, it would be there (see --clean-urls)\npage "},
        {"/over/there/app", NULL, "file      none: with .html behind it, it would be there (see "},
        {"/site/app/x", NULL, "file      none\npage "},
        {"/site/app-by-rule", NULL, "file      none: the rule leads to nothing\n"},
        {"/.git/x", NULL, "file      none: a name in it starts with a dot (see --hidden)\npage "},
        {"/coded.css", NULL, "file      coded.css\nsiblings  br, gzip\n\nHTTP/1.1 200 "},
        {"/over/there/app.html", NULL,
         "file      app.html\nmount     /over/there\n\nHTTP/1.1 200 "},
    };
    char mount[1024];
    tree_text(&scene->tree, "404.html", "lost");
    tree_text(&scene->tree, "_redirects", "/site/app-by-rule /nothing 200!\n");
    tree_text(&scene->tree, "site/app.html", "application");
    tree_text(&scene->tree, "site/app-by-rule.html", "of no use");
    tree_text(&scene->tree, "coded.css", "plain");
    tree_text(&scene->tree, "coded.css.br", "br");
    tree_text(&scene->tree, "coded.css.gz", "gzip");
    (void)snprintf(mount, sizeof mount, "--mount=/over/there=%s", tree_path(&scene->tree, "site"));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const argv[] = {server_binary(),  "--explain",
                                    cases[i].url,     mount,
                                    scene->tree.path, cases[i].spa != NULL ? "--spa" : NULL,
                                    cases[i].spa,     NULL};
        char *out = run(cases[i].url, argv, 0);
        if (strstr(out, cases[i].text) == NULL)
            fail_msg("%s: no '%s' in:\n%s", cases[i].url, cases[i].text, out);
        free(out);
    }
}

static void test_what_pages_are_loaded_again_by(void **state) {
    const struct scene *scene = *state;
    static const struct {
        const char *url;
        const char *text;
    } cases[] = {
        {"/.pronto/live.js", "Content-Type: text/javascript"},
        {"/.pronto/live", "Content-Type: text/event-stream"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const argv[] = {server_binary(), "--live",         "--explain",
                                    cases[i].url,    scene->tree.path, NULL};
        char *out = run(cases[i].url, argv, 0);
        note_assert_contains(
            out, "file      none: pronto's own, for pages (see --live)\n\nHTTP/1.1 200 ");
        note_assert_contains(out, cases[i].text);
        free(out);
    }
}

static void test_one_file_alone(void **state) {
    const struct scene *scene = *state;
    tree_text(&scene->tree, "alone.html", "alone");
    const char *const argv[] = {server_binary(), "--explain", "/page.html",
                                tree_path(&scene->tree, "alone.html"), NULL};
    char *out = run("alone", argv, 0);
    note_assert_contains(out, "file      none: one file is served, and nothing beside it\n");
    free(out);
}

/* What is there, and nobody gets, has its reason. */
static void test_why_it_is_not_served(void **state) {
    const struct scene *scene = *state;
    static const struct {
        const char *url;
        const char *option;
        const char *text;
    } cases[] = {
        {"/out", "-w1", "file      none: a symbolic link leads out of the root\n"},
        {"/over/out", "-w1", "file      none: a symbolic link leads out of the root\n"},
        {"/self", "-w1", "file      none: a symbolic link leads to itself\n"},
        {"/inside", "--symlinks=none",
         "file      none: symbolic links are not followed (see --symlinks)\n"},
        {"/inside", "-w1", "file      inside\n"},
        {"/fifo", "-w1", "file      none: what is there is neither a file nor a directory\n"},
        {"/dangling", "-w1", "file      none\n"},
    };
    char mount[1024];
    make_site(scene);
    tree_link(&scene->tree, "out", "/etc/passwd");
    tree_link(&scene->tree, "self", "self");
    tree_link(&scene->tree, "inside", "page.html");
    tree_link(&scene->tree, "dangling", "gone");
    tree_link(&scene->tree, "with/out", "/etc/passwd");
    assert_int_equal(mkfifo(tree_path(&scene->tree, "fifo"), 0644), 0);
    (void)snprintf(mount, sizeof mount, "--mount=/over=%s", tree_path(&scene->tree, "with"));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const argv[] = {server_binary(), cases[i].option,  mount, "--explain",
                                    cases[i].url,    scene->tree.path, NULL};
        char *out = run(cases[i].url, argv, 0);
        if (strstr(out, cases[i].text) == NULL)
            fail_msg("%s: no '%s' in:\n%s", cases[i].url, cases[i].text, out);
        free(out);
    }
}

static void test_what_cannot_be_asked_for(void **state) {
    static const char none[] = "cannot be asked for (write a path as in /a%20b";
    static const char above[] = "leads above the root, and is answered with 400";
    static const struct {
        const char *url;
        const char *message;
    } cases[] = {
        {"a b", none},
        {"/%zz", none},
        {"/a#b", none},
        {"http://", none},
        {"/a\r\nX: y", none},
        {"/../x", above},
        {"../x", above},
        {"/with/../%2e%2e/page.html", above},
        {"http://localhost/..", above},
        {"/with%2Findex.html", "has a %2F, which is part of no name: there is nothing"},
    };
    const struct scene *scene = *state;
    make_site(scene);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *err = explain(scene, cases[i].url, 1);
        if (strstr(err, cases[i].message) == NULL)
            fail_msg("'%s': %s", cases[i].url, err);
        free(err);
    }
    free(explain(scene, "", 0)); /* the root */
}

/* The head is the one that is sent, line by line, but for what depends on the time. */
static void test_the_head_is_the_one_that_is_sent(void **state) {
    static const char *const paths[] = {"/page.html", "/with", "/app/x", "/absent", "/old/x"};
    struct scene *scene = *state;
    struct client client;
    make_site(scene);
    scene_serve(scene, NULL);
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct response response;
        char *out = explain(scene, paths[i], 0);
        client_request(&client, "GET", paths[i], "", &response);
        char *save = NULL;
        for (char *line = strtok_r(response.head, "\r\n", &save); line != NULL;
             line = strtok_r(NULL, "\r\n", &save)) {
            if (strncmp(line, "Date:", 5) != 0 && strstr(out, line) == NULL)
                fail_msg("%s: no '%s' in:\n%s", paths[i], line, out);
        }
        response_deinit(&response);
        free(out);
    }
    client_close(&client);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        scene_test(test_what_is_told),
        scene_test(test_circumstances),
        scene_test(test_what_pages_are_loaded_again_by),
        scene_test(test_one_file_alone),
        scene_test(test_why_it_is_not_served),
        scene_test(test_what_cannot_be_asked_for),
        scene_test(test_the_head_is_the_one_that_is_sent),
    };
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
