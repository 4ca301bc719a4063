/* What a target names, and what it can't be made to name. */
#include "support/client.h"
#include "support/scene.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

struct row {
    const char *target;
    int status;
    const char *text; /* of a 200 */
};

/* Asks for each row on one connection, which a 400 closes. */
static void check_rows(uint16_t port, const struct row *rows, size_t count) {
    struct client client;
    struct response response;
    client_open(&client, port);
    for (size_t i = 0; i < count; i++) {
        client_get(&client, rows[i].target, &response);
        if (response.status != rows[i].status)
            fail_msg("GET %s: expected %d, got:\n%s", rows[i].target, rows[i].status,
                     response.head);
        if (response.status == 200)
            response_assert_text(&response, rows[i].text);
        else
            response_assert_page(&response);
        if (response_closes(&response)) {
            client_expect_end(&client);
            client_close(&client);
            client_open(&client, port);
        }
        response_deinit(&response);
    }
    client_close(&client);
}

#define CHECK_ROWS(scene, rows) \
    check_rows((scene)->server.port, rows, sizeof(rows) / sizeof((rows)[0]))

static void test_names_are_decoded_once(void **state) {
    static const char *const files[] = {
        "a b.txt",   "gr\xc3\xbc\xc3\x9f.txt",
        "100%.txt",  "a?b.txt",
        "a#b.txt",   "%41.txt",
        "a+b.txt",   "a;b=c&d.txt",
        "~(a).txt",  "A.txt",
        "a\nb",      "back\\slash",
        "\"q\".txt", "a:b.txt",
        "@.txt",     "\xff\xfe",
    };
    static const struct row rows[] = {
        {"/a%20b.txt", 200, "a b.txt"},
        {"/gr%C3%BC%c3%9f.txt", 200, "gr\xc3\xbc\xc3\x9f.txt"},
        {"/100%25.txt", 200, "100%.txt"},
        {"/a%3Fb.txt", 200, "a?b.txt"},
        {"/a%23b.txt", 200, "a#b.txt"},
        {"/%2541.txt", 200, "%41.txt"},
        {"/%41.txt", 200, "A.txt"},
        {"/a+b.txt", 200, "a+b.txt"},
        {"/a%2Bb.txt", 200, "a+b.txt"},
        {"/a;b=c&d.txt", 200, "a;b=c&d.txt"},
        {"/~(a).txt", 200, "~(a).txt"},
        {"/%7e%28a%29%2etxt", 200, "~(a).txt"},
        {"/a%0Ab", 200, "a\nb"},
        {"/back%5Cslash", 200, "back\\slash"},
        {"/%22q%22.txt", 200, "\"q\".txt"},
        {"/a:b.txt", 200, "a:b.txt"},
        {"/@.txt", 200, "@.txt"},
        {"/%FF%FE", 200, "\xff\xfe"},
    };
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        tree_text(&scene->tree, files[i], files[i]);
    scene_serve(scene, NULL);
    CHECK_ROWS(scene, rows);
}

static void test_paths_are_resolved_beneath_the_root(void **state) {
    static const struct row rows[] = {
        {"/dir/../a.txt", 200, "a"},
        {"/dir/./sub/../../a.txt", 200, "a"},
        {"/dir//sub///b.txt", 200, "b"},
        {"//a.txt", 200, "a"},
        {"/./a.txt", 200, "a"},
        {"/absent/../a.txt", 200, "a"},
        {"/%2e/a.txt", 200, "a"},
        {"/dir/%2E%2e/a.txt", 200, "a"},
        {"/a.txt/", 404, NULL},
        {"/a.txt/b", 404, NULL},
        {"/absent", 404, NULL},
        {"/absent/", 404, NULL},
        {"/dir/absent.txt", 404, NULL},
        {"/A.TXT", 404, NULL},
        /* RFC 3986 §5.2.4 would stop at the root; going above it is an attempt at something. */
        {"/../a.txt", 400, NULL},
        {"/..", 400, NULL},
        {"/../etc/passwd", 400, NULL},
        {"/%2e%2e/etc/passwd", 400, NULL},
        {"/%2e./etc/passwd", 400, NULL},
        {"/dir/../../etc/passwd", 400, NULL},
        {"/dir/%2e%2e/%2e%2e/%2e%2e/etc/passwd", 400, NULL},
        {"//../etc/passwd", 400, NULL},
        {"/..%2fetc/passwd", 404, NULL},
        {"/..%2f..%2fetc%2fpasswd", 404, NULL},
        {"/%252e%252e/etc/passwd", 404, NULL},
        {"/dir%2fsub/b.txt", 404, NULL},
        {"/dir%2Fsub%2Fb.txt", 404, NULL},
        {"/%2f", 404, NULL},
        {"/%2fetc%2fpasswd", 404, NULL},
        {"/..%5cetc%5cpasswd", 404, NULL},
        {"//etc/passwd", 404, NULL},
        {"/a.txt%00", 400, NULL},
        {"/%00", 400, NULL},
        {"/a.txt%00.html", 400, NULL},
        {"/%", 400, NULL},
        {"/%4", 400, NULL},
        {"/a.txt%", 400, NULL},
        {"/%zz", 400, NULL},
        {"/%4g", 400, NULL},
        {"/%-1", 400, NULL},
    };
    struct scene *scene = *state;
    tree_text(&scene->tree, "a.txt", "a");
    tree_text(&scene->tree, "dir/sub/b.txt", "b");
    scene_serve(scene, NULL);
    CHECK_ROWS(scene, rows);
}

/* The same attempts from a subdirectory that is the root, beside a file that must stay outside. */
static void test_nothing_beside_the_root_is_served(void **state) {
    static const struct row rows[] = {
        {"/in.txt", 200, "inside"},
        {"/../outside.txt", 400, NULL},
        {"/%2e%2e/outside.txt", 400, NULL},
        {"/..%2foutside.txt", 404, NULL},
        {"/%2e%2e%2foutside.txt", 404, NULL},
        {"/link/outside.txt", 404, NULL},
        {"/../root-beside/out.txt", 400, NULL},
    };
    struct scene *scene = *state;
    tree_text(&scene->tree, "outside.txt", "outside");
    tree_text(&scene->tree, "root-beside/out.txt", "outside");
    tree_text(&scene->tree, "root/in.txt", "inside");
    tree_link(&scene->tree, "root/link", "..");
    const char *const words[] = {"--listen", "127.0.0.1:0", tree_path(&scene->tree, "root"), NULL};
    server_start(&scene->server, NULL, 1, words);
    CHECK_ROWS(scene, rows);
}

static void test_long_names_and_paths(void **state) {
    struct scene *scene = *state;
    char longest[300] = "/";
    char deep[128] = "";
    char text[8300];
    memset(longest + 1, 'n', 255);
    for (int i = 0; i < 30; i++)
        strcat(deep, "/d");
    strcat(deep, "/f.txt");
    tree_text(&scene->tree, longest + 1, "255 bytes");
    tree_text(&scene->tree, deep + 1, "deep");
    scene_serve(scene, NULL);
    const struct row rows[] = {{longest, 200, "255 bytes"}, {deep, 200, "deep"}};
    CHECK_ROWS(scene, rows);
    longest[256] = 'n';
    client_expect_once(scene->server.port, longest, 404);
    /* Longer than PATH_MAX, and longer than NAME_MAX. */
    for (size_t i = 0; i + 2 <= 6000; i += 2)
        memcpy(text + i, "/d", 3);
    client_expect_once(scene->server.port, text, 404);
    memset(text + 1, 'n', 5000);
    client_expect_once(scene->server.port, text, 404);
}

static void expect_redirect(uint16_t port, const char *target, const char *location) {
    struct client client;
    struct response response;
    client_open(&client, port);
    client_get(&client, target, &response);
    response_assert_status(&response, 301);
    response_assert_field(&response, "Location", location);
    response_assert_page(&response);
    assert_false(response_closes(&response));
    response_deinit(&response);
    client_request(&client, "HEAD", target, "", &response);
    response_assert_field(&response, "Location", location);
    response_deinit(&response);
    client_close(&client);
}

static void test_a_directory_without_its_slash_redirects(void **state) {
    struct scene *scene = *state;
    tree_text(&scene->tree, "dir/index.html", "index");
    tree_directory(&scene->tree, "dir/sub");
    tree_directory(&scene->tree, "a b");
    tree_directory(&scene->tree, "gr\xc3\xbcn");
    tree_directory(&scene->tree, "q?#%");
    tree_directory(&scene->tree, "x\r\nSet-Cookie: a=b");
    tree_directory(&scene->tree, "<script>");
    scene_serve(scene, NULL);
    uint16_t port = scene->server.port;
    expect_redirect(port, "/dir", "/dir/");
    expect_redirect(port, "/dir?x=1&y=%20?", "/dir/?x=1&y=%20?");
    expect_redirect(port, "/dir?", "/dir/?");
    expect_redirect(port, "/dir/sub", "/dir/sub/");
    expect_redirect(port, "/dir/../dir//sub", "/dir/sub/");
    expect_redirect(port, "/a%20b", "/a%20b/");
    expect_redirect(port, "/gr%c3%bcn", "/gr%C3%BCn/");
    expect_redirect(port, "/q%3F%23%25", "/q%3F%23%25/");
    expect_redirect(port, "/x%0d%0aSet-Cookie:%20a=b", "/x%0D%0ASet-Cookie:%20a=b/");
    expect_redirect(port, "/%3Cscript%3E", "/%3Cscript%3E/");
}

/* "//host/" in a Location is another host's address (RFC 3986 §4.2). */
static void test_redirects_never_lead_to_another_host(void **state) {
    struct scene *scene = *state;
    tree_directory(&scene->tree, "evil.example");
    tree_directory(&scene->tree, "\\evil.example");
    scene_serve(scene, NULL);
    uint16_t port = scene->server.port;
    expect_redirect(port, "//evil.example", "/evil.example/");
    expect_redirect(port, "///evil.example?q", "/evil.example/?q");
    expect_redirect(port, "/.//evil.example", "/evil.example/");
    expect_redirect(port, "/x/..//evil.example", "/evil.example/");
    expect_redirect(port, "http://other.example//evil.example", "/evil.example/");
    expect_redirect(port, "/%5Cevil.example", "/%5Cevil.example/");
}

static void test_index_files(void **state) {
    static const struct row rows[] = {
        {"/", 200, "root"},        {"/index.html", 200, "root"}, {"/with/", 200, "with"},
        {"/with/?q", 200, "with"}, {"/without/", 403, NULL},     {"/nested/", 403, NULL},
    };
    struct scene *scene = *state;
    tree_text(&scene->tree, "index.html", "root");
    tree_text(&scene->tree, "with/index.html", "with");
    tree_text(&scene->tree, "without/other.html", "other");
    /* A directory of that name is no index file. */
    tree_text(&scene->tree, "nested/index.html/a.txt", "a");
    scene_serve(scene, "--listing", "off", NULL);
    CHECK_ROWS(scene, rows);
}

static void test_index_takes_the_first_of_several_names(void **state) {
    static const struct row rows[] = {
        {"/both/", 200, "home"},
        {"/second/", 200, "default"},
        {"/standard/", 403, NULL},
    };
    struct scene *scene = *state;
    tree_text(&scene->tree, "both/home.htm", "home");
    tree_text(&scene->tree, "both/default.html", "default");
    tree_text(&scene->tree, "second/default.html", "default");
    tree_text(&scene->tree, "standard/index.html", "index");
    scene_serve(scene, "--index", "home.htm,default.html", "--listing", "off", NULL);
    CHECK_ROWS(scene, rows);
}

static void make_hidden(const struct tree *tree) {
    tree_text(tree, ".secret", "secret");
    tree_text(tree, "dir/.htpasswd", "password");
    tree_text(tree, ".git/config", "config");
    tree_text(tree, "dir/.git/sub/config", "config");
    tree_text(tree, ".well-known/security.txt", "contact");
    tree_text(tree, "dir/.well-known/a.txt", "a");
    tree_text(tree, ".well-known/.secret", "secret");
}

static void test_dotfiles_are_absent(void **state) {
    static const struct row rows[] = {
        {"/.secret", 404, NULL},
        {"/%2Esecret", 404, NULL},
        {"/dir/.htpasswd", 404, NULL},
        {"/.git", 404, NULL},
        {"/.git/", 404, NULL},
        {"/.git/config", 404, NULL},
        {"/%2egit/config", 404, NULL},
        {"/dir/.git/sub/config", 404, NULL},
        {"/.well-known/security.txt", 200, "contact"},
        {"/.well-known/.secret", 404, NULL},
        {"/...", 404, NULL},
    };
    struct scene *scene = *state;
    make_hidden(&scene->tree);
    tree_text(&scene->tree, "...", "three dots");
    scene_serve(scene, NULL);
    CHECK_ROWS(scene, rows);
}

static void test_hidden_serves_dotfiles(void **state) {
    static const struct row rows[] = {
        {"/.secret", 200, "secret"},
        {"/%2Esecret", 200, "secret"},
        {"/dir/.htpasswd", 200, "password"},
        {"/.git/config", 200, "config"},
        {"/.git/", 403, NULL},
        {"/.well-known/.secret", 200, "secret"},
        {"/../etc/passwd", 400, NULL},
    };
    struct scene *scene = *state;
    make_hidden(&scene->tree);
    scene_serve(scene, "--hidden", "--listing", "off", NULL);
    CHECK_ROWS(scene, rows);
}

static void make_links(const struct tree *tree) {
    tree_text(tree, "outside.txt", "outside");
    tree_text(tree, "root/dir/a.txt", "a");
    tree_link(tree, "root/inside", "dir/a.txt");
    tree_link(tree, "root/inside-dir", "dir");
    tree_link(tree, "root/dir/up", "../dir/a.txt");
    tree_link(tree, "root/chain", "inside");
    tree_link(tree, "root/outside", "../outside.txt");
    tree_link(tree, "root/chain-out", "outside");
    tree_link(tree, "root/absolute", "/etc/passwd");
    tree_link(tree, "root/absolute-dir", "/etc");
    /* What counts is where it ends, not which way it takes. */
    tree_link(tree, "root/up-and-back", "../root/dir/a.txt");
    tree_link(tree, "root/absolute-inside", tree_path(tree, "root/dir/a.txt"));
    tree_link(tree, "root/beside", "../root-beside/b.txt");
    tree_text(tree, "root-beside/b.txt", "b");
    tree_link(tree, "root/dangling", "absent");
    tree_link(tree, "root/loop", "loop");
    tree_link(tree, "root/proc", "/proc/self/root/etc/passwd");
}

static void serve_links(struct scene *scene, const char *symlinks) {
    make_links(&scene->tree);
    const char *const words[] = {
        "--listen", "127.0.0.1:0", "--symlinks", symlinks, tree_path(&scene->tree, "root"), NULL};
    server_start(&scene->server, NULL, 1, words);
}

static void test_symlinks_are_followed_inside_the_root(void **state) {
    static const struct row rows[] = {
        {"/dir/a.txt", 200, "a"},
        {"/inside", 200, "a"},
        {"/inside-dir/a.txt", 200, "a"},
        {"/dir/up", 200, "a"},
        {"/chain", 200, "a"},
        {"/outside", 404, NULL},
        {"/chain-out", 404, NULL},
        {"/absolute", 404, NULL},
        {"/absolute-dir", 404, NULL},
        {"/absolute-dir/passwd", 404, NULL},
        {"/dangling", 404, NULL},
        {"/loop", 404, NULL},
        {"/loop/a", 404, NULL},
        {"/up-and-back", 200, "a"},
        {"/absolute-inside", 200, "a"},
        {"/beside", 404, NULL},
        {"/proc", 404, NULL},
    };
    struct scene *scene = *state;
    serve_links(scene, "inside");
    CHECK_ROWS(scene, rows);
}

static void test_symlinks_none_follows_no_link(void **state) {
    static const struct row rows[] = {
        {"/dir/a.txt", 200, "a"},   {"/inside", 404, NULL},      {"/inside-dir/a.txt", 404, NULL},
        {"/inside-dir", 404, NULL}, {"/dir/up", 404, NULL},      {"/chain", 404, NULL},
        {"/outside", 404, NULL},    {"/absolute", 404, NULL},    {"/dangling", 404, NULL},
        {"/loop", 404, NULL},       {"/up-and-back", 404, NULL}, {"/absolute-inside", 404, NULL},
    };
    struct scene *scene = *state;
    serve_links(scene, "none");
    CHECK_ROWS(scene, rows);
}

static void make_socket(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        fail_msg("%s: %s", path, strerror(errno));
    (void)close(fd);
}

/* Returns whether a device node could be made that can be opened. */
static bool make_device(const char *path) {
    struct statvfs file_system;
    if (mknod(path, S_IFCHR | 0644, makedev(1, 5)) != 0) {
        note_cannot_test("device nodes: mknod: %s (it takes root)", strerror(errno));
        return false;
    }
    if (statvfs(path, &file_system) == 0 && (file_system.f_flag & ST_NODEV) != 0) {
        note_cannot_test("device nodes: %s is on a file system mounted with nodev", path);
        return false;
    }
    return true;
}

/* Opening a FIFO that nobody writes to blocks forever if it is done naively. */
static void test_special_files_are_absent_and_do_not_hang(void **state) {
    struct scene *scene = *state;
    tree_text(&scene->tree, "a.txt", "a");
    assert_int_equal(mkfifo(tree_path(&scene->tree, "fifo"), 0644), 0);
    make_socket(tree_path(&scene->tree, "socket"));
    bool has_device = make_device(tree_path(&scene->tree, "zero"));
    scene_serve(scene, "--workers", "1", NULL);
    client_expect_once(scene->server.port, "/fifo", 404);
    client_expect_once(scene->server.port, "/fifo/", 404);
    client_expect_once(scene->server.port, "/socket", 404);
    if (has_device)
        client_expect_once(scene->server.port, "/zero", 404);
    client_expect_once(scene->server.port, "/a.txt", 200);
}

/* As an ordinary user, since root may read everything. */
static void test_what_may_not_be_read_is_forbidden(void **state) {
    static const struct row rows[] = {
        {"/open.txt", 200, "open"},    {"/closed.txt", 403, NULL}, {"/closed/a.txt", 403, NULL},
        {"/closed-index/", 403, NULL}, {"/open.txt", 200, "open"},
    };
    struct scene *scene = *state;
    tree_text(&scene->tree, "open.txt", "open");
    tree_text(&scene->tree, "closed.txt", "closed");
    tree_text(&scene->tree, "closed/a.txt", "a");
    tree_text(&scene->tree, "closed-index/index.html", "index");
    tree_mode(&scene->tree, "closed.txt", 0);
    tree_mode(&scene->tree, "closed", 0);
    tree_mode(&scene->tree, "closed-index/index.html", 0);
    scene_serve_unprivileged(scene, "--listing", "off", NULL);
    CHECK_ROWS(scene, rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_names_are_decoded_once),
        scene_test(test_paths_are_resolved_beneath_the_root),
        scene_test(test_nothing_beside_the_root_is_served),
        scene_test(test_long_names_and_paths),
        scene_test(test_a_directory_without_its_slash_redirects),
        scene_test(test_redirects_never_lead_to_another_host),
        scene_test(test_index_files),
        scene_test(test_index_takes_the_first_of_several_names),
        scene_test(test_dotfiles_are_absent),
        scene_test(test_hidden_serves_dotfiles),
        scene_test(test_symlinks_are_followed_inside_the_root),
        scene_test(test_symlinks_none_follows_no_link),
        scene_test(test_special_files_are_absent_and_do_not_hang),
        scene_test(test_what_may_not_be_read_is_forbidden),
    };
    return cmocka_run_group_tests_name("paths", tests, NULL, NULL);
}
