/* Clients that don't go on. Limits are set to a fraction of a second; that the server waits at
 * least that long is not asserted finely, since a loaded machine may be late but never early. */
#include "support/client.h"
#include "support/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST "GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n"

static void serve(struct scene *scene, const char *option, const char *value) {
    tree_text(&scene->tree, "a.txt", "some text");
    scene_serve(scene, option, value, NULL);
}

static void expect_408(struct client *client) {
    struct response response;
    client_read(client, false, &response);
    response_assert_status(&response, 408);
    response_assert_page(&response);
    assert_true(response_closes(&response));
    client_expect_end(client);
    response_deinit(&response);
}

static void test_rfc9110_15_5_9_half_a_head_gets_408(void **state) {
    static const char *const starts[] = {"G", "GET /a.txt HTTP/1.1\r\nHost: x\r\n", "\r\n"};
    struct scene *scene = *state;
    struct client client;
    serve(scene, "--head-timeout", "300ms");
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        client_open(&client, scene->server.port);
        int64_t start = note_now_ms();
        client_send_text(&client, starts[i]);
        expect_408(&client);
        assert_true(note_now_ms() - start >= 250);
        client_close(&client);
    }
}

/* One byte every 50 ms keeps the connection busy, but must not keep it alive. */
static void test_a_drip_does_not_extend_the_head_timeout(void **state) {
    static const char start[] = "GET /a.txt HTTP/1.1\r\nX: ";
    struct scene *scene = *state;
    struct client client;
    serve(scene, "--head-timeout", "300ms");
    client_open(&client, scene->server.port);
    client_send(&client, start, sizeof start - 1);
    for (int i = 0; i < 300 && client.len == 0; i++) {
        client_send(&client, "a", 1);
        (void)client_receive(&client, 50);
    }
    assert_true(client.len > 0);
    expect_408(&client);
    client_close(&client);
}

static void test_the_second_head_has_the_same_time(void **state) {
    struct scene *scene = *state;
    struct client client;
    serve(scene, "--head-timeout", "300ms");
    client_open(&client, scene->server.port);
    client_expect(&client, "/a.txt", 200);
    /* Idle for longer than that is no fault. */
    note_pause_ms(500);
    client_expect(&client, "/a.txt", 200);
    client_send_text(&client, "GET /a.txt HTTP/1.1\r\n");
    expect_408(&client);
    client_close(&client);
}

/* Also behind a whole request in the same bytes. */
static void test_half_a_head_behind_a_whole_one(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    serve(scene, "--head-timeout", "300ms");
    client_open(&client, scene->server.port);
    client_send_text(&client, REQUEST "GET /a.txt HTT");
    client_read(&client, false, &response);
    response_assert_status(&response, 200);
    response_deinit(&response);
    expect_408(&client);
    client_close(&client);
}

/* Nothing is sent at all: the connection ends, with or without a 408. */
static void test_a_silent_connection_ends(void **state) {
    struct scene *scene = *state;
    struct client client;
    serve(scene, "--head-timeout", "300ms");
    client_open(&client, scene->server.port);
    client_receive_all(&client);
    if (client.len > 0)
        expect_408(&client);
    client_close(&client);
}

/* Content that does not come is bounded as well, and what it is bounded by can't be the client. */
static void test_content_that_does_not_come_ends(void **state) {
    struct scene *scene = *state;
    struct client client;
    tree_text(&scene->tree, "a.txt", "some text");
    scene_serve(scene, "--head-timeout", "300ms", "--idle-timeout", "300ms", NULL);
    client_open(&client, scene->server.port);
    client_send_request(&client, "GET", "/a.txt", "Content-Length: 10\r\n");
    client_receive_all(&client);
    assert_int_equal(client.error, 0);
    client_close(&client);
}

static void test_an_idle_connection_ends_silently(void **state) {
    struct scene *scene = *state;
    struct client client;
    serve(scene, "--idle-timeout", "300ms");
    client_open(&client, scene->server.port);
    client_expect(&client, "/a.txt", 200);
    int64_t start = note_now_ms();
    client_expect_end(&client);
    assert_true(note_now_ms() - start >= 250);
    client_close(&client);
}

/* Requests start the time anew. */
static void test_requests_extend_the_idle_timeout(void **state) {
    struct scene *scene = *state;
    struct client client;
    serve(scene, "--idle-timeout", "1500ms");
    client_open(&client, scene->server.port);
    for (int i = 0; i < 7; i++) {
        client_expect(&client, "/a.txt", 200);
        note_pause_ms(300);
    }
    client_close(&client);
}

/* The end of waiting for a client that was refused and goes on sending: bounded, too. */
static void test_lingering_ends(void **state) {
    struct scene *scene = *state;
    struct client client;
    serve(scene, "--head-timeout", "300ms");
    client_expect_once(scene->server.port, "/a.txt", 200);
    size_t fds = server_settled_fds(&scene->server);
    client_open(&client, scene->server.port);
    client_send_text(&client, "not HTTP\r\n\r\n");
    client_receive_all(&client);
    assert_true(client.len > 0);
    /* The client keeps its side open. */
    int64_t deadline = note_now_ms() + CLIENT_TIMEOUT_MS;
    while (server_count_fds(&scene->server) > fds && note_now_ms() < deadline) {
        client_send_text(&client, "x");
        note_pause_ms(10);
    }
    assert_true(server_count_fds(&scene->server) <= fds);
    client_close(&client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_rfc9110_15_5_9_half_a_head_gets_408),
        scene_test(test_a_drip_does_not_extend_the_head_timeout),
        scene_test(test_the_second_head_has_the_same_time),
        scene_test(test_half_a_head_behind_a_whole_one),
        scene_test(test_a_silent_connection_ends),
        scene_test(test_content_that_does_not_come_ends),
        scene_test(test_an_idle_connection_ends_silently),
        scene_test(test_requests_extend_the_idle_timeout),
        scene_test(test_lingering_ends),
    };
    return cmocka_run_group_tests_name("timeouts", tests, NULL, NULL);
}
