/* Rules of the site's own, as a client and the operator see them. */
#include "support/client.h"
#include "support/scene.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { END_TIMEOUT_MS = 60000 };

/* What curl makes of a path: the content goes to `file`, and what is printed behind it is as
 * `format` has it (curl(1), --write-out). The caller frees what was printed. */
static char *curl(const struct scene *scene, const char *path, const char *file,
                  const char *format) {
    char url[256];
    struct process process = PROCESS_INIT;
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", scene->server.port, path);
    const char *const words[] = {"curl",        "--silent", "--max-time",   "30",
                                 "--output",    file,       "--globoff",    url,
                                 "--write-out", format,     "--path-as-is", NULL};
    process_start(&process, NULL, words);
    assert_true(process_wait(&process, END_TIMEOUT_MS));
    if (process_exit_code(&process) != 0)
        fail_msg("curl %s: exit code %d; `make deps` installs it", url,
                 process_exit_code(&process));
    char *out = process_text(process.out_fd);
    process_deinit(&process);
    return out;
}

static void expect(const struct scene *scene, const char *path, const char *format,
                   const char *want) {
    char *out = curl(scene, path, "/dev/null", format);
    if (strcmp(out, want) != 0)
        fail_msg("%s: %s, not %s", path, out, want);
    free(out);
}

static void expect_redirect(const struct scene *scene, const char *path, const char *want) {
    expect(scene, path, "%{http_code} %header{location}", want);
}

/* The examples of docs/rules.md. */
static const char redirects[] = "# Pages have moved\n"
                                "/blog/my-post.php  /blog/my-post\n"
                                "/news/*            /blog/:splat  302\n"
                                "/app/*             /app/index.html  200\n"
                                "/posts/:year/:slug /blog/:slug?year=:year   308\n"
                                "/shop/*            https://shop.example/:splat  302\n"
                                "/old.html          /new.html                 301!\n"
                                "/drop              /b?\n"
                                "/wiki              /wiki/Help%3AContents\n";
static const char headers[] = "/*\n"
                              "  X-Frame-Options: DENY\n"
                              "  Cache-Control: no-cache\n"
                              "/assets/*\n"
                              "  ! Cache-Control\n"
                              "  Cache-Control: public, max-age=31536000, immutable\n"
                              "/feed\n"
                              "  Content-Type: application/atom+xml\n";

static void make_site(const struct scene *scene) {
    tree_text(&scene->tree, "_redirects", redirects);
    tree_text(&scene->tree, "_headers", headers);
    tree_text(&scene->tree, "index.html", "top");
    tree_text(&scene->tree, "app/index.html", "the program");
    tree_text(&scene->tree, "app/logo.svg", "a file wins");
    tree_text(&scene->tree, "old.html", "old");
    tree_text(&scene->tree, "assets/a.css", "css");
    tree_text(&scene->tree, "feed", "<feed/>");
}

static void test_redirects(void **state) {
    struct scene *scene = *state;
    make_site(scene);
    scene_serve(scene, NULL);
    for (int times = 0; times < 2; times++) {
        expect_redirect(scene, "/blog/my-post.php", "301 /blog/my-post");
        expect_redirect(scene, "/blog/my-post.php?a=b", "301 /blog/my-post?a=b");
        expect_redirect(scene, "/news/2024/", "302 /blog/2024/");
        expect_redirect(scene, "/news", "302 /blog/");
        expect_redirect(scene, "/posts/2024/hello", "308 /blog/hello?year=2024");
        expect_redirect(scene, "/shop/a/b?c", "302 https://shop.example/a/b?c");
        expect_redirect(scene, "/old.html", "301 /new.html");
        expect_redirect(scene, "/drop?a", "301 /b?");
        expect_redirect(scene, "/wiki", "301 /wiki/Help%3AContents");
        expect_redirect(scene, "/nothing", "404 ");
        expect_redirect(scene, "/news/%0d%0aSet-Cookie:a", "302 /blog/%0D%0ASet-Cookie:a");
        expect_redirect(scene, "/news//b.example/", "302 /blog/b.example/");
    }
}

static void expect_content(const struct scene *scene, const char *path, const char *content) {
    struct response response;
    client_get_once(scene->server.port, path, &response);
    response_assert_status(&response, 200);
    response_assert_text(&response, content);
    response_deinit(&response);
}

static void test_rewrites(void **state) {
    struct scene *scene = *state;
    make_site(scene);
    scene_serve(scene, NULL);
    expect_content(scene, "/app/users/7", "the program");
    expect_content(scene, "/app/logo.svg", "a file wins");
    tree_text(&scene->tree, "app/index.html", "the new program");
    expect_content(scene, "/app/users/7", "the new program");
    tree_text(&scene->tree, "app/users/7", "a file of its own");
    expect_content(scene, "/app/users/7", "a file of its own");
}

static void test_fields(void **state) {
    struct scene *scene = *state;
    make_site(scene);
    scene_serve(scene, NULL);
    static const char format[] = "%{http_code} %header{x-frame-options} %header{cache-control}";
    expect(scene, "/", format, "200 DENY no-cache");
    expect(scene, "/assets/a.css", format, "200 DENY public, max-age=31536000, immutable");
    expect(scene, "/assets/none", format, "404 DENY no-cache");
    expect(scene, "/news/a", format, "302 DENY no-cache");
    expect(scene, "/feed", "%{content_type}", "application/atom+xml");
}

/* Nor are copies that a build has compressed. */
static void test_files_of_rules_are_not_served(void **state) {
    struct scene *scene = *state;
    static const char *const paths[] = {"/_redirects",  "/_headers",      "/_headers/",
                                        "/%5fheaders",  "/a/../_headers", "/_redirects.gz",
                                        "/_headers.br", "//_headers"};
    struct response response;
    make_site(scene);
    tree_text(&scene->tree, "_redirects.gz", "gz");
    tree_text(&scene->tree, "_headers.br", "br");
    assert_int_equal(unlink(tree_path(&scene->tree, "index.html")), 0);
    scene_serve(scene, "--hidden", NULL);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        client_expect_once(scene->server.port, paths[i], 404);
    static const char *const views[] = {"/?format=text", "/?format=json", "/?format=html"};
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        char *listing = curl(scene, views[i], "-", "%{http_code}");
        note_assert_contains(listing, "old.html");
        assert_null(strstr(listing, "_redirects"));
        assert_null(strstr(listing, "_headers"));
        free(listing);
    }
    client_get_once(scene->server.port, "/?archive=tar", &response);
    response_assert_status(&response, 200);
    assert_non_null(memmem(response.body, response.body_len, "old.html", 8));
    assert_null(memmem(response.body, response.body_len, "_redirects", 10));
    assert_null(memmem(response.body, response.body_len, "_headers", 8));
    response_deinit(&response);
}

static size_t count_said(const struct scene *scene, const char *needle) {
    char *text = process_text(scene->server.process.err_fd);
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, needle)) != NULL; at++)
        count++;
    free(text);
    return count;
}

/* So often that each of three workers is asked, as far as the kernel's choice can be foreseen. */
enum { ASKED = 100 };

static void expect_location(const struct scene *scene, const char *location) {
    struct response response;
    client_get_once(scene->server.port, "/a", &response);
    response_assert_field(&response, "Location", location);
    response_deinit(&response);
}

/* Of several workers each reads the rules, and one tells of mistakes. */
static void test_rules_change_while_it_runs(void **state) {
    struct scene *scene = *state;
    static const char mistake[] = "pronto: _redirects: line 2: '/c' has no target";
    tree_text(&scene->tree, "_redirects", "/a /one\n");
    scene_serve(scene, "--workers", "3", NULL);
    expect_redirect(scene, "/a", "301 /one");
    tree_text(&scene->tree, "_redirects", "/a /two 302\n");
    for (size_t i = 0; i < ASKED; i++)
        expect_location(scene, "/two");
    tree_text(&scene->tree, "_redirects", "/a /three\n/c\n");
    for (size_t i = 0; i < ASKED; i++)
        expect_location(scene, "/two");
    server_await_text(&scene->server, mistake);
    assert_int_equal(count_said(scene, mistake), 1);
    server_await_text(&scene->server, "_redirects: the rules that were read before stay in force");
    tree_text(&scene->tree, "_redirects", "/a /three\n/c /d\n");
    for (size_t i = 0; i < ASKED; i++)
        expect_location(scene, "/three");
    assert_int_equal(unlink(tree_path(&scene->tree, "_redirects")), 0);
    for (size_t i = 0; i < ASKED; i++)
        client_expect_once(scene->server.port, "/a", 404);
    server_await_text(&scene->server, "_redirects: no mistake is left");
    assert_int_equal(count_said(scene, "_redirects"), 3);
}

/* Without a cache there is no watch. */
static void test_rules_change_without_a_cache(void **state) {
    struct scene *scene = *state;
    tree_text(&scene->tree, "_redirects", "/a /one\n");
    scene_serve(scene, "--cache-size", "0", NULL);
    expect_redirect(scene, "/a", "301 /one");
    tree_text(&scene->tree, "_redirects", "/a /two\n");
    (void)usleep(1100 * 1000);
    expect_redirect(scene, "/a", "301 /two");
}

static void make_fifo(const struct scene *scene) {
    assert_int_equal(mkfifo(tree_path(&scene->tree, "_redirects"), 0644), 0);
}

static void make_link_to_device(const struct scene *scene) {
    tree_link(&scene->tree, "_redirects", "/dev/zero");
}

static void make_link_outside(const struct scene *scene) {
    tree_link(&scene->tree, "_redirects", "/etc/passwd");
}

static void make_directory(const struct scene *scene) {
    tree_directory(&scene->tree, "_redirects");
}

/* What stands in for the file while it runs neither holds the server up nor is read. */
static void test_what_is_no_file(void **state) {
    struct scene *scene = *state;
    static void (*const make[])(const struct scene *scene) = {make_fifo, make_link_to_device,
                                                              make_link_outside, make_directory};
    scene_serve(scene, NULL);
    for (size_t i = 0; i < sizeof make / sizeof make[0]; i++) {
        tree_text(&scene->tree, "_redirects", "/a /one\n");
        expect_redirect(scene, "/a", "301 /one");
        assert_int_equal(remove(tree_path(&scene->tree, "_redirects")), 0);
        make[i](scene);
        expect_redirect(scene, "/a", "404 ");
        assert_int_equal(remove(tree_path(&scene->tree, "_redirects")), 0);
    }
    assert_int_equal(count_said(scene, "_redirects"), 0);
}

static void test_a_file_that_is_too_large(void **state) {
    struct scene *scene = *state;
    tree_text(&scene->tree, "_redirects", "/a /one\n");
    scene_serve(scene, "--workers", "1", NULL);
    expect_redirect(scene, "/a", "301 /one");
    assert_int_equal(truncate(tree_path(&scene->tree, "_redirects"), (off_t)1 << 40), 0);
    expect_redirect(scene, "/a", "301 /one");
    server_await_text(&scene->server, "_redirects: the file is larger than 1048576 bytes");
}

/* Runs the server to its end, which has to come by itself, with exit code 1 and that text. */
static void expect_failure(const struct scene *scene, bool check, const char *text) {
    struct process process = PROCESS_INIT;
    const struct process_options options = {.unprivileged = true};
    const char *const words[] = {server_binary(),          "--listen", "0", scene->tree.path,
                                 check ? "--check" : NULL, NULL};
    process_start(&process, &options, words);
    assert_true(process_wait(&process, END_TIMEOUT_MS));
    char *err = process_text(process.err_fd);
    if (process_exit_code(&process) != 1 || strstr(err, text) == NULL)
        fail_msg("exit code %d, and it said: %s", process_exit_code(&process), err);
    free(err);
    process_deinit(&process);
}

static void test_a_mistake_at_start(void **state) {
    struct scene *scene = *state;
    for (int check = 0; check < 2; check++) {
        tree_text(&scene->tree, "_headers", "/*\n X: y\n Location: /b\n");
        expect_failure(scene, check == 1,
                       "pronto: _headers: line 3: 'Location' is for redirects: write a rule into "
                       "_redirects\n");
        tree_text(&scene->tree, "_headers", "");
        tree_text(&scene->tree, "_redirects", "/a b\n\nc d\n");
        expect_failure(scene, check == 1, "pronto: _redirects: line 1: 'b' is no target");
        expect_failure(scene, check == 1, "pronto: _redirects: line 3: 'c' is no path");
        tree_text(&scene->tree, "_redirects", "/a /b\n");
        tree_mode(&scene->tree, "_redirects", 0);
        expect_failure(scene, check == 1, "pronto: _redirects: the file cannot be read");
        tree_mode(&scene->tree, "_redirects", 0644);
    }
}

/* It is no mistake: the file may be made later. So it is told by --check alone. */
static void test_a_rewrite_to_nothing(void **state) {
    struct scene *scene = *state;
    struct process process = PROCESS_INIT;
    const char *const words[] = {server_binary(), "--check", scene->tree.path, NULL};
    tree_text(&scene->tree, "index.html", "index");
    tree_text(&scene->tree, "_redirects", "/a/* / 200\n\n/b /gone.html 200\n/c /gone.html\n");
    process_start(&process, NULL, words);
    assert_true(process_wait(&process, END_TIMEOUT_MS));
    char *err = process_text(process.err_fd);
    assert_int_equal(process_exit_code(&process), 0);
    assert_string_equal(err,
                        "pronto: _redirects: line 3: '/gone.html' is no file, nor a directory with "
                        "an index file, so that the rule leads to nothing: put one there, or write "
                        "another path\n");
    free(err);
    process_deinit(&process);
    scene_serve(scene, NULL);
    assert_int_equal(count_said(scene, "_redirects"), 0);
}

static void test_cors(void **state) {
    struct scene *scene = *state;
    struct client client = CLIENT_INIT;
    struct response response;
    make_site(scene);
    scene_serve(scene, "--cors", NULL);
    static const char format[] = "%{http_code} %header{access-control-allow-origin}";
    expect(scene, "/", format, "200 *");
    expect(scene, "/nothing", format, "404 *");
    expect(scene, "/news", format, "302 *");
    client_open(&client, scene->server.port);
    client_request(&client, "OPTIONS", "/feed",
                   "Origin: https://b.example\r\nAccess-Control-Request-Method: GET\r\n",
                   &response);
    response_assert_status(&response, 204);
    response_assert_field(&response, "Access-Control-Allow-Origin", "*");
    response_assert_field(&response, "Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
    response_assert_field(&response, "Access-Control-Allow-Headers", "*");
    response_deinit(&response);
    client_close(&client);
}

static void test_cache_control(void **state) {
    struct scene *scene = *state;
    make_site(scene);
    assert_int_equal(unlink(tree_path(&scene->tree, "_headers")), 0);
    scene_serve(scene, "--cache-control", "public, max-age=60", NULL);
    expect(scene, "/", "%header{cache-control}", "public, max-age=60");
    expect(scene, "/nothing", "%header{cache-control}", "no-cache");
    expect(scene, "/news", "%header{cache-control}", "no-cache");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_redirects),
        scene_test(test_rewrites),
        scene_test(test_fields),
        scene_test(test_files_of_rules_are_not_served),
        scene_test(test_rules_change_while_it_runs),
        scene_test(test_rules_change_without_a_cache),
        scene_test(test_what_is_no_file),
        scene_test(test_a_file_that_is_too_large),
        scene_test(test_a_mistake_at_start),
        scene_test(test_a_rewrite_to_nothing),
        scene_test(test_cors),
        scene_test(test_cache_control),
    };
    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
