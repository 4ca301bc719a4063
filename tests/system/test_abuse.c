/* Clients that mean harm: many connections that ask slowly, or take slowly, or do nothing. Others
 * are served meanwhile, and nothing is left when they have gone. What is asserted are answers and
 * numbers; how long anything takes, `make abuse` says. */
#include "support/client.h"
#include "support/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FEW_FDS = 64, SPARE_FDS = 100, LARGE = 32 << 20 };

static void make_files(const struct scene *scene) {
    tree_file(&scene->tree, "small.bin", 2, 1000);
    tree_file(&scene->tree, "large.bin", 1, LARGE);
}

static void expect_service(const struct scene *scene) {
    struct response response;
    client_get_once(scene->server.port, "/small.bin", &response);
    response_assert_status(&response, 200);
    response_assert_content(&response, 2, 1000);
    response_deinit(&response);
}

/* As many of `wanted` connections as the test may have. */
static size_t affordable(size_t wanted) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur >= wanted + SPARE_FDS)
        return wanted;
    note_cannot_test("%zu connections: the limit of open fds is %llu", wanted,
                     (unsigned long long)limit.rlim_cur);
    assert_true(limit.rlim_cur > 2 * SPARE_FDS);
    return (size_t)limit.rlim_cur - SPARE_FDS;
}

static struct client *open_clients(uint16_t port, size_t count, const char *text) {
    struct client *clients = calloc(count, sizeof *clients);
    assert_non_null(clients);
    for (size_t i = 0; i < count; i++) {
        client_open(&clients[i], port);
        client_send_text(&clients[i], text);
    }
    return clients;
}

static void close_clients(struct client *clients, size_t count) {
    for (size_t i = 0; i < count; i++)
        client_close(&clients[i]);
    free(clients);
}

/* One more byte on each that is still open. */
static void drip(struct client *clients, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!clients[i].ended && clients[i].error == 0)
            (void)send(clients[i].fd, "a", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}

/* How many have ended by now. */
static size_t count_ended(struct client *clients, size_t count) {
    size_t ended = 0;
    for (size_t i = 0; i < count; i++) {
        if (!clients[i].ended && clients[i].error == 0)
            (void)client_receive(&clients[i], 0);
        ended += clients[i].ended || clients[i].error != 0;
    }
    return ended;
}

/* Drips until all are gone, which is up to the server, and looks that others are served. */
static void drip_until_gone(const struct scene *scene, struct client *clients, size_t count) {
    int64_t deadline = note_now_ms() + CLIENT_TIMEOUT_MS;
    size_t ended = 0;
    while (ended < count && note_now_ms() < deadline) {
        drip(clients, count);
        expect_service(scene);
        note_pause_ms(20);
        ended = count_ended(clients, count);
    }
    assert_int_equal(ended, count);
}

static size_t count_answered(const struct client *clients, size_t count, const char *start) {
    size_t answered = 0;
    for (size_t i = 0; i < count; i++)
        answered += clients[i].len > 0 &&
                    strncmp(clients[i].data + clients[i].start, start, strlen(start)) == 0;
    return answered;
}

static const struct {
    const char *name;
    const char *start;
} drips[] = {
    {"heads", "GET /small.bin HTTP/1.1\r\nHost: x\r\nX: "},
    {"content", "POST /small.bin HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"},
    {"chunks", "POST /small.bin HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n"},
    {"later heads", "GET /small.bin HTTP/1.1\r\nHost: x\r\n\r\nGET /small.bin HTTP/1.1\r\nX: "},
};

/* They are gone after the time that a request has, however long they would go on; each was told,
 * and nobody else noticed. */
static void test_drips_are_gone_when_their_time_is_over(void **state) {
    enum { DRIPS = 200 };
    struct scene *scene = *state;
    make_files(scene);
    scene_serve(scene, "--workers", "1", "--head-timeout", "1s", "--idle-timeout", "1s", NULL);
    expect_service(scene);
    size_t fds = server_settled_fds(&scene->server);
    for (size_t i = 0; i < sizeof drips / sizeof drips[0]; i++) {
        struct client *clients = open_clients(scene->server.port, DRIPS, drips[i].start);
        drip_until_gone(scene, clients, DRIPS);
        bool later = strcmp(drips[i].name, "later heads") == 0;
        size_t told = count_answered(clients, DRIPS, later ? "HTTP/1.1 200" : "HTTP/1.1 408");
        note_say("%s: %zu of %d were told", drips[i].name, told, DRIPS);
        assert_int_equal(told, DRIPS);
        close_clients(clients, DRIPS);
        assert_int_equal(server_await_fds(&scene->server, fds), fds);
    }
}

/* Many more than there are descriptors: they keep nobody out for longer than a moment, although the
 * time of a request is longer than this test may take. */
static void test_more_drips_than_descriptors(void **state) {
    enum { DRIPS = 300, ROUNDS = 5 };
    struct scene *scene = *state;
    const struct process_options options = {.max_fds = FEW_FDS};
    const char *const words[] = {"--listen",       "127.0.0.1:0", "--workers",      "1",
                                 "--head-timeout", "1h",          scene->tree.path, NULL};
    make_files(scene);
    server_start(&scene->server, &options, 1, words);
    expect_service(scene);
    struct client *clients = open_clients(scene->server.port, DRIPS, drips[0].start);
    for (int i = 0; i < ROUNDS; i++) {
        drip(clients, DRIPS);
        expect_service(scene);
    }
    client_expect_once(scene->server.port, "/large.bin", 200); /* it takes a descriptor more */
    close_clients(clients, DRIPS);
    expect_service(scene);
}

/* Fifteen thousand, as far as the limit of descriptors allows: half of them idle, half of them in
 * the middle of a head. */
static void test_fifteen_thousand_drips(void **state) {
    enum { WANTED = 15000, OTHERS = 200 };
    struct scene *scene = *state;
    size_t count = affordable(WANTED) / 2;
    make_files(scene);
    scene_serve(scene, "--workers", "1", "--head-timeout", "1h", NULL);
    expect_service(scene);
    size_t fds = server_settled_fds(&scene->server);
    struct client *idle = open_clients(scene->server.port, count, "");
    struct client *dripping = open_clients(scene->server.port, count, drips[0].start);
    for (size_t i = 0; i < count; i++)
        client_expect(&idle[i], "/small.bin", 200);
    for (int i = 0; i < OTHERS; i++) {
        if (i % 20 == 0)
            drip(dripping, count);
        expect_service(scene);
    }
    assert_true(server_count_fds(&scene->server) >= 2 * count);
    assert_int_equal(count_ended(idle, count), 0);
    assert_int_equal(count_ended(dripping, count), 0);
    close_clients(idle, count);
    close_clients(dripping, count);
    assert_int_equal(server_await_fds(&scene->server, fds), fds);
}

/* Processor time of a process, in seconds. */
static double processor_s(pid_t pid) {
    char path[64];
    char text[1024];
    unsigned long user = 0;
    unsigned long system = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    (void)fclose(file);
    const char *rest = strrchr(text, ')'); /* proc(5): fields 14 and 15 */
    assert_non_null(rest);
    assert_int_equal(
        sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system), 2);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* The descriptors are used up, and hundreds wait to be accepted. The server waits, too: it does not
 * go round and round. A loaded machine makes the time longer and the share smaller. */
static void test_no_descriptors_left(void **state) {
    enum { CLIENTS = 500, WATCHED_MS = 2000 };
    struct scene *scene = *state;
    pid_t worker[SERVER_WORKERS_MAX];
    const struct process_options options = {.max_fds = FEW_FDS};
    const char *const words[] = {"--listen", "127.0.0.1:0",    "--workers",
                                 "1",        scene->tree.path, NULL};
    make_files(scene);
    server_start(&scene->server, &options, 1, words);
    expect_service(scene);
    size_t fds = server_settled_fds(&scene->server);
    assert_int_equal(server_workers(&scene->server, worker), 1);
    struct client *clients =
        open_clients(scene->server.port, CLIENTS, "GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n");
    note_pause_ms(200); /* for what they have asked */
    int64_t start_ms = note_now_ms();
    double start_s = processor_s(worker[0]);
    note_pause_ms(WATCHED_MS);
    double used_s = processor_s(worker[0]) - start_s;
    double watched_s = (double)(note_now_ms() - start_ms) / 1000;
    size_t open = server_count_fds(&scene->server);
    note_say("%zu descriptors are open, %.1f %% of a processor is used", open,
             100 * used_s / watched_s);
    assert_in_range(open, FEW_FDS / 2, FEW_FDS + 8); /* some may have been handed down to it */
    assert_true(used_s < 0.05 * watched_s);
    close_clients(clients, CLIENTS);
    assert_in_range(server_await_fds(&scene->server, fds + 1), 1, fds + 1);
    for (int i = 0; i < 20; i++)
        expect_service(scene);
    client_expect_once(scene->server.port, "/large.bin", 200);
}

/* A few bytes at a time, without end: that would hold the answer for an hour. The default rate is
 * lower than this client's. */
static void test_a_reader_that_is_too_slow_is_dropped(void **state) {
    struct scene *scene = *state;
    struct client client;
    char bytes[64];
    make_files(scene);
    scene_serve(scene, "--workers", "1", "--send-timeout", "1s", "--min-rate", "64K", NULL);
    expect_service(scene);
    client_open_narrow(&client, scene->server.port, 4096);
    client_send_request(&client, "GET", "/large.bin", "");
    int64_t deadline = note_now_ms() + CLIENT_TIMEOUT_MS;
    ssize_t count = 1;
    size_t taken = 0;
    while (count > 0 && note_now_ms() < deadline) {
        count = recv(client.fd, bytes, sizeof bytes, 0);
        taken += count > 0 ? (size_t)count : 0;
        note_pause_ms(10);
    }
    assert_true(count <= 0);
    assert_in_range(taken, 1, LARGE / 2);
    client_close(&client);
    expect_service(scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_drips_are_gone_when_their_time_is_over),
        scene_test(test_more_drips_than_descriptors),
        scene_test(test_fifteen_thousand_drips),
        scene_test(test_no_descriptors_left),
        scene_test(test_a_reader_that_is_too_slow_is_dropped),
    };
    return cmocka_run_group_tests_name("abuse", tests, NULL, NULL);
}
