/* --live, as programs see it: pages with a script behind them, and a stream of events. What a
 * browser makes of these is in tests/browser. */
#include "support/client.h"
#include "support/curl.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCRIPT "<script async src=\"/.pronto/live.js\"></script>\n"

/* A client that reads events, and one that asks for files. */
static struct client news = CLIENT_INIT;
static struct client reader = CLIENT_INIT;

static int teardown(void **state) {
    client_close(&news);
    client_close(&reader);
    return scene_teardown(state);
}

#define test(f) cmocka_unit_test_setup_teardown(f, scene_setup, teardown)

static void make_site(const struct scene *scene) {
    tree_text(&scene->tree, "index.html", "top\n");
    tree_text(&scene->tree, "style.css", "a {}\n");
    tree_text(&scene->tree, "dist/app.js", "1\n");
}

static void listen_for_news(const struct scene *scene) {
    client_open(&news, scene->server.port);
    client_send_request(&news, "GET", "/.pronto/live", "");
    client_open(&reader, scene->server.port);
}

/* Where that is in what the stream has told; NULL: nowhere yet. */
static const char *find_news(const char *text) {
    return news.len > 0 ? memmem(news.data + news.start, news.len, text, strlen(text)) : NULL;
}

/* Waits until the stream has told that, and forgets all that it has told up to there. */
static void await_news(const char *text) {
    const char *at;
    while ((at = find_news(text)) == NULL) {
        if (!client_receive(&news, CLIENT_TIMEOUT_MS) || news.ended)
            fail_msg("'%s' is not told of, but '%.*s'", text, (int)news.len,
                     news.len > 0 ? news.data + news.start : "");
    }
    size_t taken = (size_t)(at - (news.data + news.start)) + strlen(text);
    news.start += taken;
    news.len -= taken;
}

static void replace(const struct scene *scene, const char *name, const char *text) {
    char from[256];
    tree_text(&scene->tree, "saved~", text);
    (void)snprintf(from, sizeof from, "%s", tree_path(&scene->tree, "saved~"));
    assert_int_equal(rename(from, tree_path(&scene->tree, name)), 0);
}

static void test_pages_have_a_script(void **state) {
    struct scene *scene = *state;
    make_site(scene);
    tree_text(&scene->tree, "404.html", "gone\n");
    scene_serve(scene, "--live", "--workers", "3", NULL);
    curl_expect(curl(scene, "/", NULL), "top\n" SCRIPT);
    curl_expect(curl(scene, "/style.css", NULL), "a {}\n");
    curl_expect(curl(scene, "/nothing", NULL), "gone\n" SCRIPT);
    curl_expect(curl(scene, "/", "--range", "2-6", NULL), "p\n<sc");
    curl_expect(curl(scene, "/", "--head", "--output", "/dev/null", "--write-out",
                     "%header{content-length}", NULL),
                "51");
}

/* What a browser has kept of a page without the script is not taken for the one with it, nor the
 * other way round. */
static void test_validators_are_not_those_of_the_file(void **state) {
    struct scene *scene = *state;
    make_site(scene);
    scene_serve(scene, NULL);
    char *etag = curl(scene, "/", "--head", "--output", "/dev/null", "--write-out",
                      "If-None-Match: %header{etag}", NULL);
    char *date = curl(scene, "/", "--head", "--output", "/dev/null", "--write-out",
                      "If-Modified-Since: %header{last-modified}", NULL);
    curl_expect(curl(scene, "/", "--header", etag, "--write-out", "%{http_code}", NULL), "304");
    server_stop(&scene->server);
    scene_serve(scene, "--live", NULL);
    curl_expect(curl(scene, "/", "--header", etag, "--write-out", "%{http_code}", NULL),
                "top\n" SCRIPT "200");
    curl_expect(curl(scene, "/", "--header", date, "--write-out", "%{http_code}", NULL),
                "top\n" SCRIPT "200");
    free(etag);
    free(date);
    etag = curl(scene, "/", "--head", "--output", "/dev/null", "--write-out",
                "If-None-Match: %header{etag}", NULL);
    curl_expect(curl(scene, "/", "--header", etag, "--write-out", "%{http_code}", NULL), "304");
    free(etag);
}

static void test_without_it_files_are_sent_as_they_are(void **state) {
    struct scene *scene = *state;
    make_site(scene);
    tree_text(&scene->tree, ".pronto/live", "a file of the site's own\n");
    scene_serve(scene, "--hidden", NULL);
    curl_expect(curl(scene, "/", NULL), "top\n");
    curl_expect(curl(scene, "/.pronto/live", NULL), "a file of the site's own\n");
    assert_false(server_says(&scene->server, "live"));
}

/* Files are changed as editors and builds do. */
static void test_changes_are_told_of(void **state) {
    struct scene *scene = *state;
    make_site(scene);
    scene_serve(scene, "--live", NULL);
    assert_true(server_says(&scene->server, "pages load again when files change"));
    listen_for_news(scene);
    await_news(",null,\"\"]]}\n\n"); /* all that was before the server */

    client_expect(&reader, "/style.css", 200);
    tree_text(&scene->tree, "style.css", "b {}\n");
    await_news(",\"/style.css\",\"text/css; charset=utf-8\"]");

    client_expect(&reader, "/?query", 200);
    replace(scene, "index.html", "new\n");
    await_news(",\"/\",\"text/html; charset=utf-8\"]");

    client_expect(&reader, "/dist/app.js", 200);
    assert_int_equal(unlink(tree_path(&scene->tree, "dist/app.js")), 0);
    assert_int_equal(rmdir(tree_path(&scene->tree, "dist")), 0);
    await_news(",\"/dist/app.js\",\"text/javascript; charset=utf-8\"]");
    client_expect(&reader, "/dist/app.js", 404);
    tree_text(&scene->tree, "dist/app.js", "2\n");
    await_news(",\"/dist/app.js\",\"text/javascript; charset=utf-8\"]");
}

static void test_the_stream_ends_with_the_server(void **state) {
    struct scene *scene = *state;
    make_site(scene);
    scene_serve(scene, "--live", NULL);
    listen_for_news(scene);
    await_news("\n\n");
    server_stop(&scene->server);
    client_receive_all(&news);
    assert_int_equal(news.error, 0);
    assert_true(news.len >= 5);
    assert_memory_equal(news.data + news.start + news.len - 5, "0\r\n\r\n", 5);
}

static void test_a_reload_is_another_server(void **state) {
    struct scene *scene = *state;
    char name[2][17] = {"", ""};
    make_site(scene);
    scene_serve(scene, "--live", NULL);
    for (int i = 0; i < 2; i++) {
        listen_for_news(scene);
        await_news("\"server\":\"");
        while (news.len < 16)
            assert_true(client_receive(&news, CLIENT_TIMEOUT_MS));
        memcpy(name[i], news.data + news.start, 16);
        if (i == 0) {
            assert_int_equal(kill(scene->server.process.pid, SIGHUP), 0);
            server_await_text(&scene->server, "reloaded");
            client_receive_all(&news);
        }
        client_close(&news);
        client_close(&reader);
    }
    assert_string_not_equal(name[0], name[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        test(test_pages_have_a_script),
        test(test_validators_are_not_those_of_the_file),
        test(test_without_it_files_are_sent_as_they_are),
        test(test_changes_are_told_of),
        test(test_the_stream_ends_with_the_server),
        test(test_a_reload_is_another_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
