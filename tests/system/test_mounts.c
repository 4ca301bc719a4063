/* Several roots: each is served beneath its own, and none leads into another. */
#include "support/client.h"
#include "support/row.h"
#include "support/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOUNTS = 5, WORD_MAX = 512 };

/* What is mounted, each beneath the tree; "site" is the root. */
static const char *const mounts[MOUNTS][2] = {
    {"/docs", "docs"},         {"/docs/api/", "api"}, {"/site again", "site"},
    {"/one.txt", "docs/page"}, {"/no/such", "api"},
};

static void make_tree(const struct scene *scene) {
    const struct tree *tree = &scene->tree;
    tree_text(tree, "site/file", "site");
    tree_text(tree, "site/docs/file", "covered");
    tree_text(tree, "site/docs/only", "covered");
    tree_text(tree, "docs/file", "docs");
    tree_text(tree, "docs/page", "<p>one");
    tree_text(tree, "docs/.dot", "hidden");
    tree_text(tree, "docs/.well-known/file", "known");
    tree_text(tree, "docs/sub/index.html", "index");
    tree_text(tree, "docs/sub/file", "sub");
    tree_text(tree, "docs/api/file", "covered");
    tree_text(tree, "api/file", "api");
    tree_text(tree, "secret", "in no root");
    tree_link(tree, "docs/inside", "sub/file");
    tree_link(tree, "docs/relative", "../site/file");
    tree_link(tree, "docs/absolute", tree_path(tree, "site/file"));
    tree_link(tree, "docs/outside", "../secret");
    tree_link(tree, "site/into", "../docs/file");
    tree_link(tree, "site/directory", "../docs");
}

/* Makes the tree, and serves it. */
static void serve(struct scene *scene, const char *option) {
    char texts[MOUNTS][WORD_MAX];
    const char *words[2 * MOUNTS + 8] = {"--listen", "127.0.0.1:0", option};
    size_t count = 3;
    make_tree(scene);
    for (size_t i = 0; i < MOUNTS; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%s=%s/%s", mounts[i][0], scene->tree.path,
                       mounts[i][1]);
        words[count++] = "--mount";
        words[count++] = texts[i];
    }
    words[count] = tree_path(&scene->tree, "site");
    server_start(&scene->server, NULL, 1, words);
}

struct row {
    const char *target;
    int status;
    const char *text; /* NULL: whatever */
};

static void expect_rows(const struct scene *scene, const struct row rows[], size_t count) {
    struct client client;
    client_open(&client, scene->server.port);
    for (size_t times = 0; times < 2; times++) {
        for (size_t i = 0; i < count; i++) {
            struct response response;
            client_get(&client, rows[i].target, &response);
            row_assert_number(rows[i].target, response.status, rows[i].status);
            if (rows[i].text != NULL)
                row_assert_slice(rows[i].target, slice_of_text(response.body),
                                 slice_of_text(rows[i].text));
            response_deinit(&response);
        }
    }
    client_close(&client);
}

static void test_the_longest_path_decides(void **state) {
    static const struct row rows[] = {
        {"/file", 200, "site"},
        {"/docs/file", 200, "docs"},
        {"/docs/sub/file", 200, "sub"},
        {"/docs/sub/", 200, "index"},
        {"/docs/api/file", 200, "api"},
        {"/site%20again/file", 200, "site"},
        {"/site%20again/docs/file", 200, "covered"},
        {"/no/such/file", 200, "api"},
        {"/no/", 404, NULL},
        {"/docs/only", 404, NULL},
        {"/docs2", 404, NULL},
        {"/docs2/file", 404, NULL},
        {"/doc", 404, NULL},
    };
    serve(*state, "--listing=on");
    expect_rows(*state, rows, ROWS_COUNT(rows));
}

/* A path is decoded and normalised before the root is chosen. */
static void test_a_path_is_normalised_first(void **state) {
    static const struct row rows[] = {
        {"/%64ocs/file", 200, "docs"},      {"//docs//file", 200, "docs"},
        {"/./docs/./file", 200, "docs"},    {"/docs/../file", 200, "site"},
        {"/docs/%2e%2e/file", 200, "site"}, {"/x/../docs/file", 200, "docs"},
        {"/docs/api/../file", 200, "docs"}, {"/docs%2ffile", 404, NULL},
        {"/docs/..%2fsecret", 404, NULL},
    };
    serve(*state, "--listing=on");
    expect_rows(*state, rows, ROWS_COUNT(rows));
    const struct scene *scene = *state;
    client_expect_once(scene->server.port, "/docs/../../secret", 400);
    client_expect_once(scene->server.port, "/docs/%2e%2e/%2e%2e/secret", 400);
}

static void test_no_link_leads_from_one_root_into_another(void **state) {
    static const struct row rows[] = {
        {"/docs/inside", 200, "sub"}, {"/docs/relative", 404, NULL}, {"/docs/absolute", 404, NULL},
        {"/docs/outside", 404, NULL}, {"/into", 404, NULL},          {"/directory/file", 404, NULL},
        {"/directory/", 404, NULL},
    };
    serve(*state, "--listing=on");
    expect_rows(*state, rows, ROWS_COUNT(rows));
}

static void test_options_hold_for_mounts(void **state) {
    static const struct row rows[] = {
        {"/docs/inside", 404, NULL},
        {"/docs/file", 200, "docs"},
        {"/docs/.dot", 404, NULL},
        {"/docs/.well-known/file", 200, "known"},
    };
    serve(*state, "--symlinks=none");
    expect_rows(*state, rows, ROWS_COUNT(rows));
}

static void test_hidden_holds_for_mounts(void **state) {
    static const struct row rows[] = {{"/docs/.dot", 200, "hidden"}};
    serve(*state, "--hidden");
    expect_rows(*state, rows, ROWS_COUNT(rows));
}

static void test_a_mount_without_its_slash(void **state) {
    static const char *const rows[][2] = {
        {"/docs", "/docs/"},
        {"/docs?a=b", "/docs/?a=b"},
        {"/docs/api", "/docs/api/"},
        {"/docs/sub", "/docs/sub/"},
        {"/site%20again", "/site%20again/"},
        {"//docs", "/docs/"},
    };
    struct scene *scene = *state;
    serve(scene, "--listing=on");
    for (size_t times = 0; times < 2; times++) {
        for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
            struct response response;
            client_get_once(scene->server.port, rows[i][0], &response);
            response_assert_status(&response, 301);
            response_assert_field(&response, "Location", rows[i][1]);
            response_deinit(&response);
        }
    }
}

static void test_a_single_file_is_mounted(void **state) {
    static const struct row rows[] = {
        {"/one.txt", 200, "<p>one"},
        {"/one.txt/", 200, "<p>one"},
        {"/one.txt/page", 200, "<p>one"},
        {"/one.txt/file", 404, NULL},
        {"/one", 404, NULL},
    };
    serve(*state, "--listing=on");
    expect_rows(*state, rows, ROWS_COUNT(rows));
}

/* Fails unless each part is in the answer, in this order. In 1.0 a listing comes without chunks. */
static void expect_parts(const struct scene *scene, const char *target, const char *const parts[]) {
    struct client client;
    char request[128];
    (void)snprintf(request, sizeof request, "GET %s HTTP/1.0\r\n\r\n", target);
    client_open(&client, scene->server.port);
    client_send_text(&client, request);
    client_receive_all(&client);
    char *text = strndup(client.data + client.start, client.len);
    assert_non_null(text);
    const char *at = text;
    for (size_t i = 0; parts[i] != NULL; i++) {
        at = strstr(at, parts[i]);
        if (at == NULL)
            fail_msg("%s: no '%s' in its place:\n%s", target, parts[i], text);
    }
    free(text);
    client_close(&client);
}

static void test_listings_show_mounts(void **state) {
    static const char *const root[] = {"\"docs\"", "\"directory\"", "\"./docs/\"", "\"site again\"",
                                       "\"file\"", "\"one.txt\"",   "\"size\":6",  "]",
                                       NULL};
    static const char *const docs[] = {"\"api\"", "\"sub\"", "\"file\"", "\"inside\"", "]", NULL};
    static const char *const api[] = {"<title>api/",
                                      "<a href=\"./../../\">Index</a>",
                                      "<a href=\"./../\"><bdi>docs</bdi></a>",
                                      "<a href=\"./\"><bdi>api</bdi></a>",
                                      "Up</a>",
                                      "<a href=\"./file\">",
                                      NULL};
    serve(*state, "--listing=on");
    expect_parts(*state, "/?format=json", root);
    expect_parts(*state, "/docs/?format=json", docs);
    expect_parts(*state, "/docs/api/", api);
}

static void test_archives_hold_one_root(void **state) {
    struct scene *scene = *state;
    struct response response;
    serve(scene, "--listing=on");
    client_get_once(scene->server.port, "/docs/?archive=tar", &response);
    response_assert_status(&response, 200);
    response_assert_field(&response, "Content-Disposition",
                          "attachment; filename=\"docs.tar\"; filename*=UTF-8''docs.tar");
    assert_non_null(memmem(response.body, response.body_len, "docs/sub/file", 13));
    assert_null(memmem(response.body, response.body_len, "docs/api", 8));
    response_deinit(&response);
    client_get_once(scene->server.port, "/?archive=tar", &response);
    response_assert_status(&response, 200);
    assert_non_null(memmem(response.body, response.body_len, "files/file", 10));
    assert_null(memmem(response.body, response.body_len, "files/docs", 10));
    response_deinit(&response);
}

static void expect_text(const struct scene *scene, const char *target, const char *text) {
    const struct row row = {target, 200, text};
    expect_rows(scene, &row, 1);
}

static void test_changes_are_seen_in_each(void **state) {
    static const struct {
        const char *name;
        const char *targets[2];
    } files[] = {
        {"site/file", {"/file", "/site%20again/file"}},
        {"docs/file", {"/docs/file", "/docs/./file"}},
        {"docs/page", {"/one.txt", "/docs/page"}},
        {"api/file", {"/docs/api/file", "/no/such/file"}},
    };
    struct scene *scene = *state;
    serve(scene, "--listing=on");
    for (int change = 0; change < 20; change++) {
        for (size_t i = 0; i < ROWS_COUNT(files); i++) {
            char text[32];
            (void)snprintf(text, sizeof text, "change %d", change);
            tree_text(&scene->tree, files[i].name, text);
            expect_text(scene, files[i].targets[0], text);
            expect_text(scene, files[i].targets[1], text);
        }
    }
    expect_text(scene, "/site%20again/docs/file", "covered");
}

/* At the start */

/* Runs the binary to its end; the caller frees what it said. */
static char *run(const char *const words[], int exit_code) {
    struct process process = PROCESS_INIT;
    process_start(&process, NULL, words);
    assert_true(process_wait(&process, 20000));
    char *said = process_text(exit_code == 0 ? process.out_fd : process.err_fd);
    if (process_exit_code(&process) != exit_code)
        fail_msg("exit code %d, expected %d: %s", process_exit_code(&process), exit_code, said);
    process_deinit(&process);
    return said;
}

static void test_mounts_are_checked(void **state) {
    struct scene *scene = *state;
    char mount[WORD_MAX];
    make_tree(scene);
    const char *site = tree_path(&scene->tree, "site");
    const struct {
        const char *path;
        const char *name;
        int exit_code;
        const char *said;
    } rows[] = {
        {"/docs", "docs", 0, "the options, the root and the mounts are fine\n"},
        {"/docs", "absent", 1, "pronto: --mount /docs: cannot serve "},
        {"/docs/", "absent", 1, "No such file or directory"},
        {"docs", "docs", 2, "is not /PATH=DIR"},
        {"/", "docs", 2, "'/' is the root"},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        (void)snprintf(mount, sizeof mount, "%s=%s/%s", rows[i].path, scene->tree.path,
                       rows[i].name);
        const char *const words[] = {server_binary(), "--check", "--mount", mount, site, NULL};
        char *said = run(words, rows[i].exit_code);
        note_assert_contains(said, rows[i].said);
        free(said);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_the_longest_path_decides),
        scene_test(test_a_path_is_normalised_first),
        scene_test(test_no_link_leads_from_one_root_into_another),
        scene_test(test_options_hold_for_mounts),
        scene_test(test_hidden_holds_for_mounts),
        scene_test(test_a_mount_without_its_slash),
        scene_test(test_a_single_file_is_mounted),
        scene_test(test_listings_show_mounts),
        scene_test(test_archives_hold_one_root),
        scene_test(test_changes_are_seen_in_each),
        scene_test(test_mounts_are_checked),
    };
    return cmocka_run_group_tests_name("mounts", tests, NULL, NULL);
}
