/* What a file's response holds: every byte of it, and its type. */
#include "base/slice.h"
#include "support/client.h"
#include "support/scene.h"

#include <stdio.h>
#include <string.h>

#define MIB (1024u * 1024u)

static const unsigned sizes[] = {0,     1,     2,     1023,    1024,    32767,
                                 32768, 32769, 65536, MIB + 1, 64 * MIB};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static void make_sizes(const struct scene *scene) {
    char name[16];
    for (unsigned i = 0; i < SIZES; i++) {
        (void)snprintf(name, sizeof name, "%u.bin", i);
        tree_file(&scene->tree, name, i, sizes[i]);
    }
}

static void fetch_size(struct client *client, const char *method, unsigned i) {
    struct response response;
    char target[16];
    char length[16];
    (void)snprintf(target, sizeof target, "/%u.bin", i);
    (void)snprintf(length, sizeof length, "%u", sizes[i]);
    client_request(client, method, target, "", &response);
    response_assert_status(&response, 200);
    response_assert_field(&response, "Content-Length", length);
    response_assert_no_field(&response, "Connection");
    if (strcmp(method, "GET") == 0)
        response_assert_content(&response, i, sizes[i]);
    response_deinit(&response);
}

static void test_every_byte_of_every_size_over_one_connection(void **state) {
    struct scene *scene = *state;
    struct client client;
    make_sizes(scene);
    scene_serve(scene, NULL);
    client_open(&client, scene->server.port);
    for (unsigned i = 0; i < SIZES; i++)
        fetch_size(&client, "GET", i);
    /* And from large to small, with heads between: bodies must not reach into what follows. */
    for (unsigned i = SIZES; i-- > 0;) {
        fetch_size(&client, "HEAD", i);
        fetch_size(&client, "GET", i);
    }
    client_close(&client);
}

static void test_every_size_pipelined_in_one_write(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    char requests[SIZES * 64];
    size_t len = 0;
    make_sizes(scene);
    scene_serve(scene, NULL);
    for (unsigned i = SIZES; i-- > 0;)
        len += (size_t)snprintf(requests + len, sizeof requests - len,
                                "GET /%u.bin HTTP/1.1\r\nHost: x\r\n\r\n", i);
    client_open(&client, scene->server.port);
    client_send(&client, requests, len);
    for (unsigned i = SIZES; i-- > 0;) {
        client_read(&client, false, &response);
        response_assert_content(&response, i, sizes[i]);
        response_deinit(&response);
    }
    client_close(&client);
}

static void write_bytes(const struct scene *scene, const char *name, struct slice bytes) {
    tree_text(&scene->tree, name, "");
    FILE *file = fopen(tree_path(&scene->tree, name), "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
}

static const struct {
    const char *file;
    const char *target;
    const char *type;
} types[] = {
    {"a.html", "/a.html", "text/html; charset=utf-8"},
    {"a.htm", "/a.htm", "text/html; charset=utf-8"},
    {"a.css", "/a.css", "text/css; charset=utf-8"},
    {"a.js", "/a.js", "text/javascript; charset=utf-8"},
    {"a.mjs", "/a.mjs", "text/javascript; charset=utf-8"},
    {"a.txt", "/a.txt", "text/plain; charset=utf-8"},
    {"a.md", "/a.md", "text/markdown; charset=utf-8"},
    {"a.csv", "/a.csv", "text/csv; charset=utf-8"},
    {"a.json", "/a.json", "application/json"},
    {"a.png", "/a.png", "image/png"},
    {"a.jpg", "/a.jpg", "image/jpeg"},
    {"a.jpeg", "/a.jpeg", "image/jpeg"},
    {"a.gif", "/a.gif", "image/gif"},
    {"a.webp", "/a.webp", "image/webp"},
    {"a.pdf", "/a.pdf", "application/pdf"},
    {"a.wasm", "/a.wasm", "application/wasm"},
    {"a.mp4", "/a.mp4", "video/mp4"},
    {"a.woff2", "/a.woff2", "font/woff2"},
    {"a.zip", "/a.zip", "application/zip"},
    {"upper.HTML", "/upper.HTML", "text/html; charset=utf-8"},
    {"two.html.png", "/two.html.png", "image/png"},
    {"encoded.css", "/encoded%2Ecss", "text/css; charset=utf-8"},
    {"a.svg", "/a.svg", "image/svg+xml"},
    {"a.unknown", "/a.unknown", "text/plain; charset=utf-8"},
    {"none", "/none", "text/plain; charset=utf-8"},
    {"dir.html/none", "/dir.html/none", "text/plain; charset=utf-8"},
    {"ends.", "/ends.", "text/plain; charset=utf-8"},
};

static void test_content_types(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        tree_text(&scene->tree, types[i].file, types[i].file);
    scene_serve(scene, NULL);
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        client_get(&client, types[i].target, &response);
        response_assert_status(&response, 200);
        response_assert_text(&response, types[i].file);
        response_assert_field(&response, "Content-Type", types[i].type);
        response_deinit(&response);
    }
    client_close(&client);
}

static const struct {
    const char *file;
    struct slice content;
    const char *type;
} contents[] = {
    {"README", SLICE_INIT("Read me: caf\xc3\xa9\n"), "text/plain; charset=utf-8"},
    {"script", SLICE_INIT("#!/bin/sh\n"), "text/plain; charset=utf-8"},
    {"page", SLICE_INIT("<!DOCTYPE html><script>alert(1)</script>"), "text/plain; charset=utf-8"},
    {"empty", SLICE_INIT(""), "text/plain; charset=utf-8"},
    {"latin1", SLICE_INIT("caf\xe9\n"), "application/octet-stream"},
    {"tool",
     SLICE_INIT("\x7f"
                "ELF\x02\0"),
     "application/octet-stream"},
    {"v1.2-notes", SLICE_INIT("notes\n"), "text/plain; charset=utf-8"},
    {"core.4711", SLICE_INIT("\0\0"), "application/octet-stream"},
    {"bytes.txt", SLICE_INIT("\0"), "text/plain; charset=utf-8"},
    {"text.bin", SLICE_INIT("text"), "application/octet-stream"},
};

/* Where the name says nothing, and only there; and from the cache as well. */
static void test_content_types_by_content(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++)
        write_bytes(scene, contents[i].file, contents[i].content);
    scene_serve(scene, NULL);
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < 2 * (sizeof contents / sizeof contents[0]); i++) {
        char target[64];
        size_t at = i / 2;
        (void)snprintf(target, sizeof target, "/%s", contents[at].file);
        client_get(&client, target, &response);
        response_assert_status(&response, 200);
        response_assert_field(&response, "Content-Type", contents[at].type);
        response_deinit(&response);
    }
    client_close(&client);
}

static void expect_type(const struct scene *scene, const char *target, const char *fields,
                        const char *type) {
    struct client client;
    struct response response;
    client_open(&client, scene->server.port);
    client_request(&client, "GET", target, fields, &response);
    response_assert_field(&response, "Content-Type", type);
    response_deinit(&response);
    client_close(&client);
}

static void test_the_type_changes_with_the_content(void **state) {
    struct scene *scene = *state;
    write_bytes(scene, "README", SLICE("text"));
    scene_serve(scene, NULL);
    for (int i = 0; i < 3; i++) {
        write_bytes(scene, "README", SLICE("text"));
        expect_type(scene, "/README", "", "text/plain; charset=utf-8");
        write_bytes(scene, "README", SLICE("te\0t"));
        expect_type(scene, "/README", "", "application/octet-stream");
    }
}

static void test_siblings_of_a_file_without_extension(void **state) {
    struct scene *scene = *state;
    write_bytes(scene, "README", SLICE("text"));
    write_bytes(scene, "README.gz", SLICE("\x1f\x8b"));
    write_bytes(scene, "tool", SLICE("\0"));
    write_bytes(scene, "tool.br", SLICE("letters"));
    scene_serve(scene, NULL);
    expect_type(scene, "/README", "Accept-Encoding: gzip\r\n", "text/plain; charset=utf-8");
    expect_type(scene, "/tool", "Accept-Encoding: br\r\n", "application/octet-stream");
    expect_type(scene, "/README.gz", "", "application/gzip");
}

/* As long as a type may be: heads and parts must have room for it. */
#define LONGEST_80 \
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzab"
#define LONGEST "text/" LONGEST_80 "; a=" LONGEST_80 "; " LONGEST_80 "=b12"

static void test_mime(void **state) {
    struct scene *scene = *state;
    struct response response;
    struct client client;
    static const char *const files[] = {"app.ts", "app.ts.gz", "a.tar.gz", "a.LOG"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        tree_text(&scene->tree, files[i], files[i]);
    tree_file(&scene->tree, "data.long", 1, 5000); /* more than two parts of it */
    assert_int_equal(strlen(LONGEST), 255);
    scene_serve(scene, "--mime", "ts=text/x-early", "--mime", ".ts=text/plain",
                "--mime=tar.gz=application/x-gtar", "--mime=log=text/plain; charset=\"latin1\"",
                "--mime=long=" LONGEST, NULL);
    expect_type(scene, "/app.ts", "", "text/plain");
    expect_type(scene, "/app.ts", "Accept-Encoding: gzip\r\n", "text/plain");
    expect_type(scene, "/app.ts.gz", "", "application/gzip");
    expect_type(scene, "/a.tar.gz", "", "application/x-gtar");
    expect_type(scene, "/a.LOG", "", "text/plain; charset=\"latin1\"");
    expect_type(scene, "/data.long", "", LONGEST);
    client_open(&client, scene->server.port);
    client_request(&client, "GET", "/data.long", "Range: bytes=0-0,2-2\r\n", &response);
    response_assert_status(&response, 206);
    assert_non_null(strstr(response.body, "\r\nContent-Type: " LONGEST "\r\n"));
    response_deinit(&response);
    client_close(&client);
}

static void test_fields_of_a_representation(void **state) {
    struct scene *scene = *state;
    struct response response;
    tree_text(&scene->tree, "a.txt", "text");
    scene_serve(scene, NULL);
    client_get_once(scene->server.port, "/a.txt", &response);
    response_assert_field(&response, "Content-Length", "4");
    response_assert_field(&response, "Cache-Control", "no-cache");
    response_assert_field(&response, "X-Content-Type-Options", "nosniff");
    (void)response_parse_date(response_field(&response, "Last-Modified"));
    const char *etag = response_field(&response, "ETag");
    size_t len = strlen(etag);
    /* RFC 9110 §8.8.3: a strong one is quoted, and has no W/. */
    assert_true(len > 2 && etag[0] == '"' && strchr(etag + 1, '"') == etag + len - 1);
    response_deinit(&response);
}

static void expect_text(uint16_t port, const char *target, const char *text) {
    struct response response;
    client_get_once(port, target, &response);
    response_assert_status(&response, 200);
    response_assert_text(&response, text);
    response_deinit(&response);
}

static void test_a_query_does_not_matter_to_a_file(void **state) {
    struct scene *scene = *state;
    tree_text(&scene->tree, "a.txt", "text");
    tree_text(&scene->tree, "index.html", "index");
    scene_serve(scene, NULL);
    expect_text(scene->server.port, "/a.txt?", "text");
    expect_text(scene->server.port, "/a.txt?v=1&w=../%00?/x", "text");
    expect_text(scene->server.port, "/?/a.txt", "index");
}

static void test_a_single_file_as_root(void **state) {
    struct scene *scene = *state;
    struct response response;
    tree_text(&scene->tree, "page.html", "<p>the one page");
    tree_text(&scene->tree, "secret.txt", "not this one");
    const char *const words[] = {"--listen", "127.0.0.1:0", tree_path(&scene->tree, "page.html"),
                                 NULL};
    server_start(&scene->server, NULL, 1, words);
    client_get_once(scene->server.port, "/", &response);
    response_assert_status(&response, 200);
    response_assert_text(&response, "<p>the one page");
    response_assert_field(&response, "Content-Type", "text/html; charset=utf-8");
    response_deinit(&response);
    client_expect_once(scene->server.port, "/secret.txt", 404);
    client_expect_once(scene->server.port, "/../secret.txt", 400);
}

static void test_the_current_directory_is_the_default_root(void **state) {
    struct scene *scene = *state;
    tree_text(&scene->tree, "a.txt", "here");
    const struct process_options options = {.directory = scene->tree.path};
    const char *const words[] = {"--listen", "127.0.0.1:0", NULL};
    server_start(&scene->server, &options, 1, words);
    expect_text(scene->server.port, "/a.txt", "here");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_every_byte_of_every_size_over_one_connection),
        scene_test(test_every_size_pipelined_in_one_write),
        scene_test(test_content_types),
        scene_test(test_content_types_by_content),
        scene_test(test_the_type_changes_with_the_content),
        scene_test(test_siblings_of_a_file_without_extension),
        scene_test(test_mime),
        scene_test(test_fields_of_a_representation),
        scene_test(test_a_query_does_not_matter_to_a_file),
        scene_test(test_a_single_file_as_root),
        scene_test(test_the_current_directory_is_the_default_root),
    };
    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
