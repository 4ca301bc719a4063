/* Clients that go away in all manners, at every byte: nothing is left of them, and nobody else
 * notices. */
#include "support/client.h"
#include "support/scene.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { LARGE = 4 << 20 };

static const char request[] = "GET /large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n";

/* Closes so that the server is sent a reset (socket(7), SO_LINGER). */
static void reset(struct client *client) {
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    client_close(client);
}

static void serve(struct scene *scene, pid_t *worker) {
    tree_file(&scene->tree, "large.bin", 1, LARGE);
    tree_text(&scene->tree, "a.txt", "text");
    scene_serve(scene, "--workers", "1", "--idle-timeout", "1s", "--head-timeout", "60s", NULL);
    client_expect_once(scene->server.port, "/a.txt", 200);
    assert_int_equal(server_workers(&scene->server, worker), 1);
}

/* The same worker serves on, and has no more descriptors than before. */
static void expect_unimpressed(const struct scene *scene, pid_t worker, size_t fds) {
    pid_t after[SERVER_WORKERS_MAX];
    client_expect_once(scene->server.port, "/a.txt", 200);
    assert_int_equal(server_workers(&scene->server, after), 1);
    assert_int_equal(after[0], worker);
    assert_in_range(server_await_fds(&scene->server, fds), 1, fds);
}

static void test_a_reset_after_each_byte_of_a_request(void **state) {
    struct scene *scene = *state;
    pid_t workers[SERVER_WORKERS_MAX];
    serve(scene, workers);
    client_expect_once(scene->server.port, "/large.bin", 200); /* is kept open from now on */
    size_t fds = server_settled_fds(&scene->server);
    for (size_t k = 0; k < sizeof request; k++) {
        struct client client;
        client_open(&client, scene->server.port);
        client_send(&client, request, k);
        if (k % 2 == 0) /* else the reset comes with it */
            note_pause_ms(1);
        reset(&client);
    }
    expect_unimpressed(scene, workers[0], fds);
}

/* Writing to a socket that was reset raises SIGPIPE, for which sendfile(2) has no flag. */
static void test_a_reset_while_much_is_sent(void **state) {
    enum { TIMES = 200 };
    struct scene *scene = *state;
    pid_t workers[SERVER_WORKERS_MAX];
    serve(scene, workers);
    client_expect_once(scene->server.port, "/large.bin", 200);
    size_t fds = server_settled_fds(&scene->server);
    for (size_t i = 0; i < TIMES; i++) {
        struct client client;
        client_open_narrow(&client, scene->server.port, 4096);
        client_send_text(&client, request);
        while (client.len < i * 997 && client_receive(&client, CLIENT_TIMEOUT_MS))
            continue;
        reset(&client);
    }
    expect_unimpressed(scene, workers[0], fds);
}

static void test_many_requests_and_a_reset(void **state) {
    enum { TIMES = 50, DEPTH = 200 };
    struct scene *scene = *state;
    pid_t workers[SERVER_WORKERS_MAX];
    serve(scene, workers);
    size_t fds = server_settled_fds(&scene->server);
    for (size_t i = 0; i < TIMES; i++) {
        struct client client;
        client_open(&client, scene->server.port);
        for (size_t j = 0; j < DEPTH; j++)
            client_send_request(&client, "GET", "/a.txt", "");
        reset(&client);
    }
    expect_unimpressed(scene, workers[0], fds);
}

/* A machine that was switched off says nothing: its connection ends by the idle timeout. */
static void test_a_peer_that_is_gone_without_a_word(void **state) {
    struct scene *scene = *state;
    struct client client;
    pid_t workers[SERVER_WORKERS_MAX];
    const int on = 1;
    serve(scene, workers);
    size_t fds = server_settled_fds(&scene->server);
    client_open(&client, scene->server.port);
    client_expect(&client, "/a.txt", 200);
    if (setsockopt(client.fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof on) != 0) {
        note_cannot_test("a peer that is gone without a word: TCP_REPAIR: %s", strerror(errno));
        client_close(&client);
        return;
    }
    client_close(&client); /* without a packet (tcp(7), net/ipv4/tcp.c) */
    expect_unimpressed(scene, workers[0], fds);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_a_reset_after_each_byte_of_a_request),
        scene_test(test_a_reset_while_much_is_sent),
        scene_test(test_many_requests_and_a_reset),
        scene_test(test_a_peer_that_is_gone_without_a_word),
    };
    return cmocka_run_group_tests_name("resets", tests, NULL, NULL);
}
