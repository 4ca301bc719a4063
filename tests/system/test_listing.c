/* Listings, as curl and a client that follows links get them from the real server. */
#include "support/client.h"
#include "support/nasty_names.h"
#include "support/scene.h"
#include "support/shell.h"
#include "support/unserved.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MANY = 20000, MOST = 100000, MEMORY_BYTES = 16 << 20 };

static void serve(struct scene *scene) {
    scene_serve(scene, "--workers", "1", NULL);
    shell_tell(scene);
}

/* Names that HTML, URIs, JSON, terminals and shells stumble over: of files, each with its name in
 * it, and of directories that are not empty. */
static void make_nasty(const struct tree *tree) {
    tree_directory(tree, "files");
    tree_directory(tree, "directories");
    for (size_t i = 0; i < NASTY_COUNT; i++) {
        char name[512];
        (void)snprintf(name, sizeof name, "files/%s", nasty_names[i]);
        tree_text(tree, name, nasty_names[i]);
        (void)snprintf(name, sizeof name, "directories/%s/%zu", nasty_names[i], i);
        tree_text(tree, name, nasty_names[i]);
    }
}

static void test_every_name_is_listed_as_it_is(void **state) {
    struct scene *scene = *state;
    make_nasty(&scene->tree);
    serve(scene);
    shell_run(
        "for directory in files directories; do\n"
        "  for format in html json text; do\n"
        "    curl -sSf -D \"$TREE/.head\" \"$URL/$directory/?format=$format\" > \"$TREE/.out\"\n"
        "    policy=$(sed -n 's/^Content-Security-Policy: \\(.*\\)\\r$/\\1/p' \"$TREE/.head\")\n"
        "    python3 tests/support/listing.py $format \"$TREE/$directory\" \"$policy\" < "
        "\"$TREE/.out\"\n"
        "  done\n"
        "done\n");
}

/* Each link leads to its file, whatever it is called. */
static void test_every_link_leads_to_its_file(void **state) {
    struct scene *scene = *state;
    make_nasty(&scene->tree);
    serve(scene);
    shell_run("files=$(find \"$TREE\" -type f -printf x | wc -c)\n"
              "directories=$(find \"$TREE\" -mindepth 1 -type d -printf x | wc -c)\n"
              "test \"$files\" -gt 200\n"
              "for type in text/html application/json; do\n"
              "  echo \"$type $files files, $directories directories\"\n"
              "done > \"$TREE/.want\"\n"
              "python3 tests/support/links.py \"$URL/\" \"$TREE\" > \"$TREE/.got\"\n"
              "cmp \"$TREE/.want\" \"$TREE/.got\"");
}

static void expect_text(const char *script, const char *text) {
    char *out = shell_read(script);
    assert_string_equal(out, text);
    free(out);
}

#define NAMES(query) "curl -sSf \"$URL/sorted/?format=text" query "\" | sed 's/.*  //'"

static void test_orders(void **state) {
    struct scene *scene = *state;
    tree_file(&scene->tree, "sorted/a", 1, 30);
    tree_file(&scene->tree, "sorted/b", 1, 10);
    tree_file(&scene->tree, "sorted/C", 1, 20);
    tree_directory(&scene->tree, "sorted/z");
    shell_tell(scene);
    shell_run("touch -d 2001-01-01 \"$TREE/sorted/C\"; touch -d 2002-01-01 \"$TREE/sorted/a\";"
              "touch -d 2003-01-01 \"$TREE/sorted/b\"");
    serve(scene);
    expect_text(NAMES(""), "z/\na\nb\nC\n");
    expect_text(NAMES("&order=desc"), "z/\nC\nb\na\n");
    expect_text(NAMES("&sort=size"), "z/\nb\nC\na\n");
    expect_text(NAMES("&sort=time&order=desc"), "z/\nb\na\nC\n");
}

static void test_rfc9110_12_5_1_accept(void **state) {
    struct scene *scene = *state;
    tree_text(&scene->tree, "a.txt", "a");
    serve(scene);
    static const char type[] = "-o /dev/null -w '%{content_type}' \"$URL/\"";
    static const struct {
        const char *options;
        const char *type;
    } rows[] = {
        {"", "text/html; charset=utf-8"},
        {"-H 'Accept: application/json'", "application/json"},
        {"-H 'Accept: text/plain, text/html;q=0.5'", "text/plain; charset=utf-8"},
        {"-H 'Accept:'", "text/html; charset=utf-8"},
        {"--http1.0 -H 'Accept: application/json'", "application/json"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char script[256];
        (void)snprintf(script, sizeof script, "curl -sSf %s %s", rows[i].options, type);
        expect_text(script, rows[i].type);
    }
}

static void test_listing_off(void **state) {
    struct scene *scene = *state;
    struct response response;
    static const char *const targets[] = {"/", "/?format=json", "/?archive=tar"};
    tree_text(&scene->tree, "a.txt", "a");
    scene_serve(scene, "--listing", "off", NULL);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        client_get_once(scene->server.port, targets[i], &response);
        response_assert_status(&response, 403);
        response_assert_page(&response);
        note_assert_lacks(response.body, "a.txt");
        response_deinit(&response);
    }
}

/* What would not be served is not listed: where links lead, and what starts with a dot. */
static void test_what_is_not_served_is_not_listed(void **state) {
    static const struct unserved_row rows[] = {
        {"inside", "inner/\nto-inner/\nto-itself/\nfile\nto-file\n"},
        {"none", "inner/\nfile\n"},
    };
    struct scene *scene = *state;
    unserved_make(&scene->tree);
    unserved_check(scene, rows, sizeof rows / sizeof rows[0],
                   "curl -sSf \"$URL/in/?format=text\" | sed 's/.*  //'");
}

/* A listing of which its client takes nothing does not keep others waiting, and arrives whole. */
static void test_many_entries_while_others_are_answered(void **state) {
    struct scene *scene = *state;
    struct client reader;
    struct client other;
    struct response response;
    tree_many(&scene->tree, "many", MANY);
    tree_text(&scene->tree, "a.txt", "a");
    serve(scene);
    client_open_narrow(&reader, scene->server.port, 4096);
    client_send_request(&reader, "GET", "/many/", "");
    client_send_request(&reader, "GET", "/a.txt", "");
    client_open(&other, scene->server.port);
    for (int i = 0; i < 100; i++)
        client_expect(&other, "/a.txt", 200);
    client_read(&reader, false, &response);
    response_assert_status(&response, 200);
    response_assert_field(&response, "Transfer-Encoding", "chunked");
    size_t rows = 0;
    for (const char *at = response.body; (at = strstr(at, "\"./file-")) != NULL; at++)
        rows++;
    assert_int_equal(rows, MANY);
    note_assert_contains(strstr(response.body, "id=\"count\""), "20000 files");
    response_deinit(&response);
    client_read(&reader, false, &response);
    response_assert_text(&response, "a");
    response_deinit(&response);
    client_close(&reader);
    client_close(&other);
    shell_run("curl -sSf \"$URL/many/?format=json\" > \"$TREE/out\";"
              "python3 tests/support/listing.py json \"$TREE/many\" < \"$TREE/out\"");
}

/* The directory has been read, and waits in memory for the client, which has its first entries. */
static void test_memory_of_a_listing(void **state) {
    struct scene *scene = *state;
    struct client reader;
    pid_t worker[SERVER_WORKERS_MAX];
    if (server_is_sanitized()) {
        note_say("memory is not measured in a build with sanitizers");
        return;
    }
    tree_many(&scene->tree, "many", MOST);
    tree_text(&scene->tree, "a.txt", "a");
    serve(scene);
    assert_int_equal(server_workers(&scene->server, worker), 1);
    client_expect_once(scene->server.port, "/a.txt", 200);
    size_t before = process_memory(worker[0], "Rss");
    client_open_narrow(&reader, scene->server.port, 4096);
    client_send_request(&reader, "GET", "/many/?format=text", "");
    while (reader.len < 65536)
        assert_true(client_receive(&reader, CLIENT_TIMEOUT_MS));
    size_t during = process_memory(worker[0], "Rss");
    note_say("memory: %zu KiB before, %zu KiB with a listing of %d", before / 1024, during / 1024,
             MOST);
    assert_in_range(during, 0, before + MEMORY_BYTES);
    client_close(&reader);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_every_name_is_listed_as_it_is),
        scene_test(test_every_link_leads_to_its_file),
        scene_test(test_orders),
        scene_test(test_rfc9110_12_5_1_accept),
        scene_test(test_listing_off),
        scene_test(test_what_is_not_served_is_not_listed),
        scene_test(test_many_entries_while_others_are_answered),
        scene_test(test_memory_of_a_listing),
    };
    return cmocka_run_group_tests_name("listing", tests, NULL, NULL);
}
