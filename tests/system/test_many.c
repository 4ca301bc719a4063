/* Many connections at once: none is mixed up with another, they cost little, and nothing of them is
 * left when they are gone. */
#include "support/client.h"
#include "support/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { FILES = 8, MEMORY_PER_CONNECTION_MAX = 512, FDS_SPARE = 200 };

/* From files that fit into a packet to files that don't fit into a socket's buffer. */
static size_t file_size(size_t i) {
    static const size_t sizes[FILES] = {100, 1024, 5000, 16384, 40000, 100000, 300000, 0};
    return sizes[i % FILES];
}

static void make_files(const struct scene *scene) {
    char name[32];
    for (unsigned i = 0; i < FILES; i++) {
        (void)snprintf(name, sizeof name, "%u.bin", i);
        tree_file(&scene->tree, name, i, file_size(i));
    }
}

static void raise_fd_limit(void) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* As many of `wanted` connections as the limit of open fds lets one process have. */
static size_t affordable(size_t wanted) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur >= wanted + FDS_SPARE)
        return wanted;
    note_cannot_test("%zu connections: the limit of open fds is %llu", wanted,
                     (unsigned long long)limit.rlim_cur);
    assert_true(limit.rlim_cur > 2 * FDS_SPARE);
    return (size_t)limit.rlim_cur - FDS_SPARE;
}

static struct client *open_clients(uint16_t port, size_t count) {
    struct client *clients = calloc(count, sizeof *clients);
    assert_non_null(clients);
    for (size_t i = 0; i < count; i++)
        client_open(&clients[i], port);
    return clients;
}

static void close_clients(struct client *clients, size_t count) {
    for (size_t i = 0; i < count; i++)
        client_close(&clients[i]);
    free(clients);
}

/* Takes the response of client `i` in the round if it is whole by now. */
static bool take_file(struct client *client, size_t file) {
    struct response response;
    if (!client_take(client, false, &response))
        return false;
    response_assert_status(&response, 200);
    response_assert_content(&response, (unsigned)(file % FILES), file_size(file));
    response_deinit(&response);
    return true;
}

/* All clients ask for a file each; then all read in turns, a little each, until all are done. */
static void fetch_round(struct client *clients, size_t count, size_t round) {
    char target[32];
    bool *done = calloc(count, sizeof *done);
    assert_non_null(done);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(target, sizeof target, "/%zu.bin", (i + round) % FILES);
        client_send_request(&clients[i], "GET", target, "");
    }
    int64_t progress = note_now_ms();
    for (size_t left = count; left > 0;) {
        for (size_t i = 0; i < count; i++) {
            if (done[i])
                continue;
            if (client_receive(&clients[i], 0))
                progress = note_now_ms();
            done[i] = take_file(&clients[i], i + round);
            left -= done[i];
            assert_true(done[i] || (!clients[i].ended && clients[i].error == 0));
        }
        if (note_now_ms() - progress > CLIENT_TIMEOUT_MS)
            fail_msg("%zu of %zu connections hang", left, count);
    }
    free(done);
}

static void test_a_thousand_connections_at_once(void **state) {
    enum { CONNECTIONS = 1000, ROUNDS = 3 };
    struct scene *scene = *state;
    raise_fd_limit();
    size_t count = affordable(CONNECTIONS);
    make_files(scene);
    scene_serve(scene, "--cache-size", "0", NULL); /* or files that are kept open count, too */
    for (size_t i = 0; i < 2 * FILES; i++) {
        char target[32];
        (void)snprintf(target, sizeof target, "/%zu.bin", i % FILES);
        client_expect_once(scene->server.port, target, 200);
    }
    size_t fds = server_settled_fds(&scene->server);
    struct client *clients = open_clients(scene->server.port, count);
    for (size_t round = 0; round < ROUNDS; round++)
        fetch_round(clients, count, round);
    close_clients(clients, count);
    assert_int_equal(server_await_fds(&scene->server, fds), fds);
}

/* Bytes of memory that the workers don't share with anyone. */
static size_t private_memory(const struct server *server) {
    pid_t workers[SERVER_WORKERS_MAX];
    size_t count = server_workers(server, workers);
    size_t memory = 0;
    for (size_t i = 0; i < count; i++)
        memory += process_memory(workers[i], "Private_Dirty");
    return memory;
}

static struct client *open_idle(uint16_t port, size_t count) {
    struct client *clients = calloc(count, sizeof *clients);
    assert_non_null(clients);
    for (size_t i = 0; i < count; i++) {
        client_open(&clients[i], port);
        client_expect(&clients[i], "/0.bin", 200);
        /* What it received is of no use any more, and would fill our own memory. */
        free(clients[i].data);
        clients[i].data = NULL;
        clients[i].room = 0;
    }
    return clients;
}

static void check_memory(size_t before, size_t after, size_t count) {
    size_t each = after > before ? (after - before) / count : 0;
    if (server_is_sanitized()) {
        note_say("memory per idle connection is not measured in a build with sanitizers");
        return;
    }
    note_say("%zu idle connections: %zu bytes of user memory each", count, each);
    assert_in_range(each, 0, MEMORY_PER_CONNECTION_MAX);
}

static void test_ten_thousand_idle_connections(void **state) {
    enum { CONNECTIONS = 10000, WARM_UP = 100 };
    struct scene *scene = *state;
    raise_fd_limit();
    size_t count = affordable(CONNECTIONS);
    make_files(scene);
    scene_serve(scene, "--cache-size", "0", NULL); /* or files that are kept open count, too */
    struct client *clients = open_idle(scene->server.port, WARM_UP);
    close_clients(clients, WARM_UP);
    size_t fds = server_settled_fds(&scene->server);
    size_t before = private_memory(&scene->server);
    clients = open_idle(scene->server.port, count);
    size_t after = private_memory(&scene->server);
    assert_true(server_count_fds(&scene->server) >= fds + count);
    check_memory(before, after, count);
    /* Another one is served, and so is each of those that were idle. */
    client_expect_once(scene->server.port, "/5.bin", 200);
    for (size_t i = 0; i < count; i += 100)
        client_expect(&clients[i], "/1.bin", 200);
    close_clients(clients, count);
    assert_int_equal(server_await_fds(&scene->server, fds), fds);
    client_expect_once(scene->server.port, "/0.bin", 200);
}

/* The design: with no fd left the connection that has been idle longest is closed for the new one.
 */
static void test_more_connections_than_fds(void **state) {
    enum { FDS = 64, CONNECTIONS = 150 };
    struct scene *scene = *state;
    struct client clients[CONNECTIONS];
    make_files(scene);
    const struct process_options options = {.max_fds = FDS};
    const char *const words[] = {"--listen", "127.0.0.1:0",    "--workers",
                                 "1",        scene->tree.path, NULL};
    server_start(&scene->server, &options, 1, words);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        client_open(&clients[i], scene->server.port);
        client_expect(&clients[i], "/1.bin", 200);
    }
    client_expect(&clients[CONNECTIONS - 1], "/6.bin", 200);
    client_expect_end(&clients[0]);
    for (size_t i = 0; i < CONNECTIONS; i++)
        client_close(&clients[i]);
    client_expect_once(scene->server.port, "/6.bin", 200);
}

/* Every way that an answer can take, as a request and in what it is asked for. */
static const struct {
    const char *method;
    const char *target;
    const char *fields;
} kinds[] = {
    {"GET", "/small.bin", ""},
    {"GET", "/large.bin", ""},
    {"HEAD", "/small.bin", ""},
    {"HEAD", "/large.bin", ""},
    {"GET", "/small.bin", "If-None-Match: *\r\n"},
    {"GET", "/large.bin", "If-None-Match: *\r\n"},
    {"GET", "/large.bin", "If-Match: \"x\"\r\n"},
    {"GET", "/large.bin", "Connection: close\r\n"},
    {"GET", "/large.bin", "Content-Length: x\r\n"},
    {"GET", "/small.bin/", ""},
    {"GET", "/dir", ""},
    {"GET", "/dir/", ""},
    {"GET", "/with/", ""},
    {"HEAD", "/with/", ""},
    {"GET", "/nested/", ""},
    {"GET", "/absent", ""},
    {"GET", "/absent/", ""},
    {"GET", "/small.bin/absent", ""},
    {"GET", "/link", ""},
    {"GET", "/link-out", ""},
    {"GET", "/link-dir/", ""},
    {"GET", "/fifo", ""},
    {"GET", "/.hidden", ""},
    {"GET", "/../x", ""},
    {"OPTIONS", "/small.bin", ""},
    {"POST", "/small.bin", ""},
};

static void make_kinds(const struct tree *tree) {
    tree_file(tree, "small.bin", 1, 1000);
    tree_file(tree, "large.bin", 2, 1 << 20);
    tree_directory(tree, "dir");
    tree_text(tree, "with/index.html", "index");
    tree_text(tree, "nested/index.html/a", "a");
    tree_text(tree, ".hidden", "hidden");
    tree_link(tree, "link", "small.bin");
    tree_link(tree, "link-out", "/etc/passwd");
    tree_link(tree, "link-dir", "dir");
    assert_int_equal(mkfifo(tree_path(tree, "fifo"), 0644), 0);
}

/* Asks for each kind, and once more without waiting for the answer. */
static void ask_for_all_kinds(uint16_t port) {
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct client client;
        struct response response;
        client_open(&client, port);
        client_request(&client, kinds[i].method, kinds[i].target, kinds[i].fields, &response);
        response_deinit(&response);
        client_close(&client);
        client_open(&client, port);
        client_send_request(&client, kinds[i].method, kinds[i].target, kinds[i].fields);
        client_close(&client);
    }
}

static void test_no_answer_leaves_a_descriptor_open(void **state) {
    enum { ROUNDS = 10 };
    struct scene *scene = *state;
    make_kinds(&scene->tree);
    scene_serve(scene, "--workers", "1", NULL);
    /* The first rounds may open what is kept. */
    ask_for_all_kinds(scene->server.port);
    ask_for_all_kinds(scene->server.port);
    size_t fds = server_settled_fds(&scene->server);
    for (int i = 0; i < ROUNDS; i++)
        ask_for_all_kinds(scene->server.port);
    assert_int_equal(server_await_fds(&scene->server, fds), fds);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_a_thousand_connections_at_once),
        scene_test(test_ten_thousand_idle_connections),
        scene_test(test_no_answer_leaves_a_descriptor_open),
        scene_test(test_more_connections_than_fds),
    };
    return cmocka_run_group_tests_name("many", tests, NULL, NULL);
}
