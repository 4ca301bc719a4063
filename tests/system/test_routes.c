/* Addresses that no file has: clean URLs, the routes of an application, and a site's own pages of
 * errors, as curl gets them. */
#include "support/client.h"
#include "support/curl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS "%{http_code} "
#define HTML   "Accept: text/html,application/xhtml+xml,*/*;q=0.8"
#define JSON   "Accept: application/json, text/plain, */*"

/* Fails unless curl prints this: the content, and the status behind it. */
static void expect(const struct scene *scene, const char *path, const char *accept,
                   const char *printed) {
    char *out = curl(scene, path, "--header", accept, "--write-out", STATUS, NULL);
    if (strcmp(out, printed) != 0)
        fail_msg("%s: expected '%s', got '%s'", path, printed, out);
    free(out);
}

static void make_site(const struct scene *scene) {
    tree_text(&scene->tree, "index.html", "top ");
    tree_text(&scene->tree, "about.html", "about ");
    tree_text(&scene->tree, "blog/index.html", "blog ");
    tree_text(&scene->tree, "files/a.txt", "a file ");
}

static void test_clean_urls(void **state) {
    struct scene *scene = *state;
    make_site(scene);
    scene_serve(scene, "--clean-urls", NULL);
    expect(scene, "/about", HTML, "about 200 ");
    expect(scene, "/about?q=a/b", HTML, "about 200 ");
    expect(scene, "/about.html", HTML, "about 200 ");
    expect(scene, "/blog", HTML, "blog 200 ");
    expect(scene, "/blog/", HTML, "blog 200 ");
    char *head = curl(scene, "/files?q", "--head", NULL);
    note_assert_contains(head, "HTTP/1.1 301 ");
    note_assert_contains(head, "\r\nLocation: /files/?q\r\n");
    free(head);
}

static void test_clean_urls_are_fresh(void **state) {
    struct scene *scene = *state;
    tree_text(&scene->tree, "404.html", "nothing ");
    scene_serve(scene, "--clean-urls", NULL);
    expect(scene, "/news", HTML, "nothing 404 ");
    expect(scene, "/news", HTML, "nothing 404 ");
    tree_text(&scene->tree, "news/index.html", "index ");
    expect(scene, "/news", HTML, "index 200 ");
    tree_text(&scene->tree, "news.html", "page ");
    expect(scene, "/news", HTML, "page 200 ");
    assert_int_equal(unlink(tree_path(&scene->tree, "news.html")), 0);
    expect(scene, "/news", HTML, "index 200 ");
}

static void test_no_clean_urls_unasked(void **state) {
    struct scene *scene = *state;
    make_site(scene);
    scene_serve(scene, NULL);
    client_expect_once(scene->server.port, "/about", 404);
    client_expect_once(scene->server.port, "/blog", 301);
}

static void test_an_application_answers_for_its_routes(void **state) {
    struct scene *scene = *state;
    make_site(scene);
    scene_serve(scene, "--spa", "/index.html", NULL);
    expect(scene, "/users/12", HTML, "top 200 ");
    expect(scene, "/users/12/", HTML, "top 200 ");
    expect(scene, "/users?q", "Accept: */*", "top 200 ");
    expect(scene, "/users", "Accept:", "top 200 ");
    expect(scene, "/files/a.txt", HTML, "a file 200 ");
    client_expect_once(scene->server.port, "/app.js", 404);
    client_expect_once(scene->server.port, "/.git/config", 404);
    client_expect_once(scene->server.port, "/files", 301);
}

/* RFC 9110 §12.5.5: another Accept could get the application, or not. */
static void test_rfc9110_12_5_5_routes_vary(void **state) {
    static const struct {
        const char *method;
        const char *target;
        const char *fields;
        int status;
        bool varies;
    } rows[] = {
        {"GET", "/users", HTML "\r\n", 200, true},
        {"GET", "/users", JSON "\r\n", 404, true},
        {"HEAD", "/users", "", 200, true},
        {"HEAD", "/users", JSON "\r\n", 404, true},
        {"GET", "/users", "If-None-Match: *\r\n", 304, true},
        {"GET", "/users", "Range: bytes=0-1\r\n", 206, true},
        {"GET", "/users", "Range: bytes=9-\r\n", 416, true},
        {"GET", "/index.html", "", 200, false},
        {"GET", "/app.js", "", 404, false},
        {"OPTIONS", "/users", "", 204, false},
        {"POST", "/users", "", 405, false},
    };
    struct scene *scene = *state;
    struct client client;
    make_site(scene);
    scene_serve(scene, "--spa", "index.html", NULL);
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct response response;
        client_request(&client, rows[i].method, rows[i].target, rows[i].fields, &response);
        response_assert_status(&response, rows[i].status);
        if (rows[i].varies)
            response_assert_field(&response, "Vary", "Accept");
        else
            response_assert_no_field(&response, "Vary");
        response_deinit(&response);
    }
    client_close(&client);
}

/* What a route is answered with is the file: the same validators, and fresh. */
static void test_an_application_is_its_file(void **state) {
    struct scene *scene = *state;
    const char *etag;
    make_site(scene);
    scene_serve(scene, "--spa", "index.html", NULL);
    etag = tree_path(&scene->tree, "etag");
    curl_expect(curl(scene, "/index.html", "--etag-save", etag, NULL), "top ");
    curl_expect(curl(scene, "/users", "--etag-compare", etag, "--write-out", STATUS, NULL), "304 ");
    curl_expect(curl(scene, "/users", "-r", "1-2", "--write-out", STATUS, NULL), "op206 ");
    tree_text(&scene->tree, "index.html", "new ");
    curl_expect(curl(scene, "/users", "--etag-compare", etag, "--write-out", STATUS, NULL),
                "new 200 ");
    tree_text(&scene->tree, "users", "a file now ");
    expect(scene, "/users", HTML, "a file now 200 ");
}

static void test_an_application_must_be_there(void **state) {
    static const struct {
        const char *file;
        const char *message;
        int exit_code;
    } rows[] = {
        {"app.html", "there is no such file beneath the root", 1},
        {"files", "it is a directory", 1},
        {"../index.html", "is no path beneath the root", 2},
        {".hidden", "see --hidden", 1},
    };
    struct scene *scene = *state;
    make_site(scene);
    tree_text(&scene->tree, ".hidden", "hidden");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct process process = PROCESS_INIT;
        const char *const argv[] = {server_binary(), "--spa", rows[i].file, scene->tree.path, NULL};
        process_start(&process, NULL, argv);
        assert_true(process_wait(&process, CLIENT_TIMEOUT_MS));
        assert_int_equal(process_exit_code(&process), rows[i].exit_code);
        char *text = process_text(process.err_fd);
        note_assert_contains(text, rows[i].message);
        free(text);
        process_deinit(&process);
    }
}

static void test_error_pages(void **state) {
    struct scene *scene = *state;
    make_site(scene);
    tree_text(&scene->tree, "404.html", "own 404 ");
    tree_text(&scene->tree, "403.html", "own 403 ");
    scene_serve(scene, "--listing", "off", NULL);
    expect(scene, "/absent", HTML, "own 404 404 ");
    expect(scene, "/deep/absent.png?q", HTML, "own 404 404 ");
    expect(scene, "/a%2Fb", HTML, "own 404 404 ");
    expect(scene, "/404.html", HTML, "own 404 200 ");
    expect(scene, "/files/", HTML, "own 403 403 ");
    tree_text(&scene->tree, "404.html", "new ");
    expect(scene, "/absent", HTML, "new 404 ");
    assert_int_equal(unlink(tree_path(&scene->tree, "404.html")), 0);
    char *out = curl(scene, "/absent", NULL);
    note_assert_contains(out, "<title>404 Not Found</title>");
    free(out);
}

/* An error has no version of its own that a client could come back with. */
static void test_error_pages_have_no_validators(void **state) {
    static const char *const fields[] = {"", "Range: bytes=0-1\r\n", "If-None-Match: *\r\n",
                                         "If-Match: \"x\"\r\n"};
    struct scene *scene = *state;
    struct client client;
    tree_text(&scene->tree, "404.html", "own");
    scene_serve(scene, NULL);
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < 2 * sizeof fields / sizeof fields[0]; i++) {
        struct response response;
        client_request(&client, i % 2 == 0 ? "GET" : "HEAD", "/absent", fields[i / 2], &response);
        response_assert_status(&response, 404);
        response_assert_field(&response, "Content-Type", "text/html; charset=utf-8");
        response_assert_field(&response, "Content-Length", "3");
        response_assert_field(&response, "Cache-Control", "no-cache");
        response_assert_no_field(&response, "ETag");
        response_assert_no_field(&response, "Last-Modified");
        response_assert_no_field(&response, "Accept-Ranges");
        if (i % 2 == 0)
            response_assert_text(&response, "own");
        response_deinit(&response);
    }
    client_close(&client);
}

static void test_error_pages_are_encoded(void **state) {
    struct scene *scene = *state;
    int exit_code;
    tree_text(&scene->tree, "404.html", "own 404, and a page that is worth its gzip header\n");
    const char *const gzip[] = {"gzip", "--keep", tree_path(&scene->tree, "404.html"), NULL};
    free(process_run(gzip, &exit_code));
    assert_int_equal(exit_code, 0);
    scene_serve(scene, NULL);
    curl_expect(curl(scene, "/absent", "--compressed", "--write-out", STATUS, NULL),
                "own 404, and a page that is worth its gzip header\n404 ");
    char *head = curl(scene, "/absent", "--compressed", "--head", NULL);
    note_assert_contains(head, "\r\nContent-Encoding: gzip\r\n");
    note_assert_contains(head, "\r\nVary: Accept-Encoding\r\n");
    free(head);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_clean_urls),
        scene_test(test_clean_urls_are_fresh),
        scene_test(test_no_clean_urls_unasked),
        scene_test(test_an_application_answers_for_its_routes),
        scene_test(test_rfc9110_12_5_5_routes_vary),
        scene_test(test_an_application_is_its_file),
        scene_test(test_an_application_must_be_there),
        scene_test(test_error_pages),
        scene_test(test_error_pages_have_no_validators),
        scene_test(test_error_pages_are_encoded),
    };
    return cmocka_run_group_tests_name("routes", tests, NULL, NULL);
}
