/* Archives, as they are downloaded and unpacked by hand. */
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

enum {
    MIB = 1 << 20,
    MOST = 99999, /* with their directory, all that one archive takes */
    MEMORY_BYTES = 16 << 20,
};

/* Serves the directory "root" of the tree: what is unpacked and downloaded is beside it. */
static void serve(struct scene *scene) {
    const char *const words[] = {
        "--listen", "127.0.0.1:0", "--workers", "1", tree_path(&scene->tree, "root"), NULL};
    server_start(&scene->server, NULL, 1, words);
    shell_tell(scene);
}

/* What is in a directory, each with its kind, mode, time, size and sum, is the same as in another.
 */
#define COMPARE(one, other)                                                                   \
    "list() { (cd \"$1\" && find . -printf '%P\\0%y %m %T@ ' \\( -type f -printf '%s\\0' -o " \
    "-printf '\\0' \\) | sort -z && find . -type f -print0 | sort -z | xargs -0 md5sum); }\n" \
    "list \"$TREE/" one "\" > \"$TREE/one\"; list \"$TREE/" other "\" > \"$TREE/other\"\n"    \
    "test -s \"$TREE/one\"; cmp \"$TREE/one\" \"$TREE/other\"\n"

/* Names of all kinds, of which paths become longer than a header has room for. */
static void make_site(const struct tree *tree) {
    char name[2048];
    for (size_t i = 0; i < NASTY_COUNT; i++) {
        (void)snprintf(name, sizeof name, "root/site/files/%s", nasty_names[i]);
        tree_text(tree, name, nasty_names[i]);
        (void)snprintf(name, sizeof name, "root/site/directories/%s/%s", nasty_names[i],
                       nasty_names[NASTY_COUNT - 1 - i]);
        tree_text(tree, name, nasty_names[i]);
    }
    tree_text(tree, "root/site/caf\xc3\xa9/\xe6\x97\xa5\xe6\x9c\xac.txt", "text");
    tree_directory(tree, "root/site/empty/empty");
    tree_file(tree, "root/site/large", 5, 3 * MIB + 17);
    tree_file(tree, "root/site/nothing", 6, 0);
    tree_text(tree, "root/site/modes/script", "#!/bin/sh");
    tree_text(tree, "root/site/modes/private", "private");
    tree_mode(tree, "root/site/modes/script", 0755);
    tree_mode(tree, "root/site/modes/private", 0600);
    tree_mode(tree, "root/site/modes", 0750);
}

static void test_curl_into_tar_restores_a_tree(void **state) {
    struct scene *scene = *state;
    make_site(&scene->tree);
    tree_directory(&scene->tree, "unpacked");
    shell_tell(scene);
    shell_run("touch -d '2001-02-03 04:05:06.789' \"$TREE/root/site/large\"\n"
              "touch -d '1999-12-31 23:59:59' \"$TREE/root/site/empty\" \"$TREE/root/site\"\n");
    serve(scene);
    shell_run("curl -sSf \"$URL/site/?archive=tar\" | tar xp --warning=no-unknown-keyword -C "
              "\"$TREE/unpacked\"\n" COMPARE("root/site", "unpacked/site"));
}

/* As browsers do: the name that the answer proposes. */
static void test_the_name_of_the_download(void **state) {
    struct scene *scene = *state;
    tree_text(&scene->tree, "root/my files/a.txt", "a");
    serve(scene);
    char *out = shell_read("curl -sSf -o /dev/null -D - \"$URL/my%20files/?archive=tar\"");
    note_assert_contains(out, "\r\nContent-Disposition: attachment; filename=\"my_files.tar\"; "
                              "filename*=UTF-8''my%20files.tar\r\n");
    free(out);
    out = shell_read("curl -sSf \"$URL/my%20files/?archive=tar\" | tar t");
    assert_string_equal(out, "my files/\nmy files/a.txt\n");
    free(out);
    out = shell_read("curl -sSfL \"$URL/my%20files?archive=tar\" | tar t"); /* by the redirect */
    assert_string_equal(out, "my files/\nmy files/a.txt\n");
    free(out);
}

/* A size that has no room in the field of old headers. Nobody has to send it to see it. */
static void test_a_file_of_more_than_8_gib(void **state) {
    struct scene *scene = *state;
    tree_text(&scene->tree, "root/large/a", "");
    assert_int_equal(truncate(tree_path(&scene->tree, "root/large/a"), (off_t)9 << 30), 0);
    tree_text(&scene->tree, "root/large/b", "behind it");
    serve(scene);
    /* tar complains that it is cut short. */
    char *out = shell_read("curl -sSf -r 0-8191 \"$URL/large/?archive=tar\" > \"$TREE/start\"\n"
                           "tar tvf \"$TREE/start\" 2> /dev/null || true\n");
    note_assert_contains(out, " 9663676416 ");
    note_assert_contains(out, " large/a\n");
    free(out);
    /* The end of it is the header of b, its content, and zeros. */
    out = shell_read("curl -sSf -r -4096 \"$URL/large/?archive=tar\" | tr -d '\\000'");
    note_assert_contains(out, "large/b");
    note_assert_contains(out, "behind it");
    free(out);
}

/* RFC 9110 §14: -C - takes up a download where it broke off, in a header, in a file, in its end. */
static void test_rfc9110_14_downloads_resume(void **state) {
    static const char *const lengths[] = {"1", "511", "512", "10000", "2000000", "3000000"};
    struct scene *scene = *state;
    make_site(&scene->tree);
    serve(scene);
    shell_run("curl -sSf -o \"$TREE/whole\" \"$URL/site/?archive=tar\"");
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        char script[512];
        (void)snprintf(script, sizeof script,
                       "head -c %s \"$TREE/whole\" > \"$TREE/part\"\n"
                       "status=$(curl -sSf -C - -o \"$TREE/part\" -w '%%{http_code}' "
                       "\"$URL/site/?archive=tar\")\n"
                       "test \"$status\" = 206; cmp \"$TREE/whole\" \"$TREE/part\"",
                       lengths[i]);
        shell_run(script);
    }
}

/* The tag depends on what is in it alone, so that another server goes on where the first ended. */
static void test_rfc9110_13_1_5_downloads_resume_after_a_restart(void **state) {
    struct scene *scene = *state;
    make_site(&scene->tree);
    serve(scene);
    shell_run("curl -sSf -D \"$TREE/head\" -o \"$TREE/whole\" \"$URL/site/?archive=tar\"\n"
              "head -c 1000000 \"$TREE/whole\" > \"$TREE/part\"");
    server_stop(&scene->server);
    serve(scene);
    static const char resume[] =
        "tag=$(sed -n 's/^ETag: \\(.*\\)\\r$/\\1/p' \"$TREE/head\"); test -n \"$tag\"\n"
        "curl -sSf -r 1000000- -H \"If-Range: $tag\" -o \"$TREE/rest\" -w '%{http_code}' "
        "\"$URL/site/?archive=tar\"";
    char *status = shell_read(resume);
    assert_string_equal(status, "206");
    free(status);
    shell_run("cat \"$TREE/rest\" >> \"$TREE/part\"; cmp \"$TREE/whole\" \"$TREE/part\"");
    tree_text(&scene->tree, "root/site/added", "added");
    status = shell_read(resume);
    assert_string_equal(status, "200");
    free(status);
}

/* What comes behind a file that takes long is not what was planned any more. */
static const struct {
    const char *name;
    const char *script;
} changes[] = {
    {"longer", "echo more >> \"$TREE/root/changing/b\""},
    {"other content, and another time", "echo B > \"$TREE/root/changing/b\""},
    {"removed", "rm \"$TREE/root/changing/b\""},
    {"another file of the same name", "cp -p \"$TREE/root/changing/b\" \"$TREE/c\"; mv \"$TREE/c\" "
                                      "\"$TREE/root/changing/b\""},
    {"its directory moved", "mv \"$TREE/root/changing\" \"$TREE/root/elsewhere\""},
};

static void test_a_file_that_changes_ends_the_archive(void **state) {
    struct scene *scene = *state;
    tree_directory(&scene->tree, "root");
    serve(scene);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct client client;
        tree_text(&scene->tree, "root/changing/a", "");
        assert_int_equal(truncate(tree_path(&scene->tree, "root/changing/a"), 64 * MIB), 0);
        tree_text(&scene->tree, "root/changing/b", "b\n");
        client_open_narrow(&client, scene->server.port, 4096);
        client_send_request(&client, "GET", "/changing/?archive=tar", "");
        assert_true(client_receive(&client, CLIENT_TIMEOUT_MS));
        shell_run(changes[i].script);
        client_receive_all(&client);
        const char *length = strstr(client.data, "\r\nContent-Length: ");
        const char *end = strstr(client.data, "\r\n\r\n");
        assert_true(length != NULL && end != NULL && length < end);
        size_t whole = strtoul(length + strlen("\r\nContent-Length: "), NULL, 10) +
                       (size_t)(end - client.data) + 4;
        if (client.len >= whole || client.len < whole - 64 * 1024)
            fail_msg("%s: %zu bytes of %zu", changes[i].name, client.len, whole);
        client_close(&client);
        shell_run("rm -r \"$TREE/root\"/*");
    }
}

/* curl says so, too. */
static void test_rfc9112_8_an_archive_that_breaks_off_is_told(void **state) {
    struct scene *scene = *state;
    tree_text(&scene->tree, "root/a", "");
    assert_int_equal(truncate(tree_path(&scene->tree, "root/a"), 64 * MIB), 0);
    tree_text(&scene->tree, "root/b", "b");
    serve(scene);
    char *out = shell_read(
        "code=0; { curl -sS --limit-rate 20M \"$URL/?archive=tar\" 2> /dev/null || "
        "echo $? > \"$TREE/code\"; } | { head -c 1000; echo more >> \"$TREE/root/b\"; cat; } > "
        "/dev/null; cat \"$TREE/code\"");
    assert_string_equal(out, "18\n"); /* CURLE_PARTIAL_FILE */
    free(out);
}

/* What would not be served is not in it, and neither is what links to directories lead to. */
static void test_what_is_not_served_is_not_archived(void **state) {
    static const struct unserved_row rows[] = {
        {"inside", "in/\nin/file\nin/inner/\nin/inner/deep\nin/to-file\n"},
        {"none", "in/\nin/file\nin/inner/\nin/inner/deep\n"},
    };
    struct scene *scene = *state;
    unserved_make(&scene->tree);
    unserved_check(scene, rows, sizeof rows / sizeof rows[0],
                   "curl -sSf \"$URL/in/?archive=tar\" | tar t | LC_ALL=C sort");
}

/* As many members as there may be, with the client in the middle of it. */
static void test_memory_of_an_archive(void **state) {
    struct scene *scene = *state;
    struct client reader;
    pid_t worker[SERVER_WORKERS_MAX];
    if (server_is_sanitized()) {
        note_say("memory is not measured in a build with sanitizers");
        return;
    }
    tree_many(&scene->tree, "root/many", MOST);
    serve(scene);
    assert_int_equal(server_workers(&scene->server, worker), 1);
    client_expect_once(scene->server.port, "/absent", 404);
    size_t before = process_memory(worker[0], "Rss");
    client_open_narrow(&reader, scene->server.port, 4096);
    client_send_request(&reader, "GET", "/many/?archive=tar", "");
    while (reader.len < 65536)
        assert_true(client_receive(&reader, CLIENT_TIMEOUT_MS));
    note_assert_contains(reader.data, "HTTP/1.1 200 ");
    size_t during = process_memory(worker[0], "Rss");
    note_say("memory: %zu KiB before, %zu KiB with an archive of %d", before / 1024, during / 1024,
             MOST);
    assert_in_range(during, 0, before + MEMORY_BYTES);
    client_close(&reader);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_curl_into_tar_restores_a_tree),
        scene_test(test_the_name_of_the_download),
        scene_test(test_a_file_of_more_than_8_gib),
        scene_test(test_rfc9110_14_downloads_resume),
        scene_test(test_rfc9110_13_1_5_downloads_resume_after_a_restart),
        scene_test(test_a_file_that_changes_ends_the_archive),
        scene_test(test_rfc9112_8_an_archive_that_breaks_off_is_told),
        scene_test(test_what_is_not_served_is_not_archived),
        scene_test(test_memory_of_an_archive),
    };
    return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
