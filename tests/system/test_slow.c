/* Clients that take much time or much work must not take it from the others. One worker, so that
 * all share it. */
#include "support/client.h"
#include "support/scene.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGE = 64 << 20, OTHERS = 50 };

static void make_files(const struct scene *scene) {
    tree_file(&scene->tree, "small.bin", 2, 1000);
    tree_file(&scene->tree, "large.bin", 1, LARGE);
}

static void serve(struct scene *scene) {
    make_files(scene);
    scene_serve(scene, "--workers", "1", NULL);
}

/* Fetches a file on connections of their own, which fails if it takes CLIENT_TIMEOUT_MS once. */
static void serve_others(const struct scene *scene) {
    struct response response;
    for (int i = 0; i < OTHERS; i++) {
        client_get_once(scene->server.port, "/small.bin", &response);
        response_assert_status(&response, 200);
        response_assert_content(&response, 2, 1000);
        response_deinit(&response);
    }
}

static void test_a_slow_reader_does_not_hold_up_others(void **state) {
    struct scene *scene = *state;
    struct client slow;
    struct response response;
    serve(scene);
    client_open_narrow(&slow, scene->server.port, 65536);
    client_send_request(&slow, "GET", "/large.bin", "");
    for (int i = 0; i < 5; i++) {
        (void)client_receive(&slow, CLIENT_TIMEOUT_MS);
        serve_others(scene);
    }
    assert_false(slow.ended);
    client_read(&slow, false, &response);
    response_assert_content(&response, 1, LARGE);
    response_deinit(&response);
    client_close(&slow);
}

/* Clients that take as much as they can get. */
static void test_fast_readers_do_not_hold_up_others(void **state) {
    enum { FAST = 4 };
    struct scene *scene = *state;
    struct client fast[FAST];
    struct response response;
    serve(scene);
    for (int i = 0; i < FAST; i++) {
        client_open(&fast[i], scene->server.port);
        client_send_request(&fast[i], "GET", "/large.bin", "");
    }
    serve_others(scene);
    for (int i = 0; i < FAST; i++) {
        client_read(&fast[i], false, &response);
        response_assert_content(&response, 1, LARGE);
        response_deinit(&response);
        client_close(&fast[i]);
    }
}

/* Makes the server open what it may keep open, before its fds are counted. */
static void warm_up(const struct scene *scene) {
    struct client client;
    struct response response;
    client_open(&client, scene->server.port);
    client_expect(&client, "/small.bin", 200);
    client_request(&client, "HEAD", "/large.bin", "", &response);
    response_assert_status(&response, 200);
    response_deinit(&response);
    client_close(&client);
}

/* Whoever takes no byte is dropped: its socket is gone from the server, and what then is still on
 * its way is less than the file. */
static void test_a_client_that_never_reads_is_dropped(void **state) {
    struct scene *scene = *state;
    struct client client;
    make_files(scene);
    scene_serve(scene, "--workers", "1", "--send-timeout", "500ms", NULL);
    warm_up(scene);
    size_t fds = server_settled_fds(&scene->server);
    client_open_narrow(&client, scene->server.port, 4096);
    client_send_request(&client, "GET", "/large.bin", "");
    int64_t deadline = note_now_ms() + CLIENT_TIMEOUT_MS;
    while (server_count_fds(&scene->server) <= fds && note_now_ms() < deadline)
        note_pause_ms(1);
    assert_true(server_count_fds(&scene->server) > fds);
    assert_int_equal(server_await_fds(&scene->server, fds), fds);
    client_receive_all(&client);
    assert_in_range(client.len, 1, LARGE - 1);
    client_expect_once(scene->server.port, "/small.bin", 200);
    client_close(&client);
}

/* Slowness is not silence: a reader that takes a little all the time is not dropped, although the
 * socket's buffer in the server's kernel may not have room again for longer than that. */
static void test_a_slow_reader_is_not_dropped(void **state) {
    enum { SIZE = 8 << 20 };
    struct scene *scene = *state;
    struct client client;
    struct response response;
    tree_file(&scene->tree, "file.bin", 1, SIZE);
    scene_serve(scene, "--send-timeout", "1500ms", "--head-timeout", "300ms", "--idle-timeout",
                "300ms", NULL);
    client_open_narrow(&client, scene->server.port, 4096);
    client_send_request(&client, "GET", "/file.bin", "");
    int64_t start = note_now_ms();
    while (note_now_ms() - start < 4000) {
        (void)client_receive(&client, 0);
        note_pause_ms(20);
    }
    assert_false(client.ended);
    client_read(&client, false, &response);
    response_assert_content(&response, 1, SIZE);
    response_deinit(&response);
    client_close(&client);
}

/* Sends requests without end, and throws the answers away. */
static void run_pipeliner(void *context) {
    static const char request[] = "GET /small.bin HTTP/1.1\r\nHost: x\r\n\r\n";
    const struct scene *scene = context;
    static char requests[sizeof request * 1000];
    size_t len = 0;
    struct client client;
    for (int i = 0; i < 1000; i++) {
        memcpy(requests + len, request, sizeof request - 1);
        len += sizeof request - 1;
    }
    client_open(&client, scene->server.port);
    while (!client.ended && client.error == 0) {
        client_send(&client, requests, len);
        client.start = 0;
        client.len = 0;
    }
}

static void test_endless_pipeliners_do_not_hold_up_others(void **state) {
    enum { PIPELINERS = 3 };
    struct scene *scene = *state;
    struct process pipeliners[PIPELINERS];
    serve(scene);
    for (int i = 0; i < PIPELINERS; i++)
        process_fork(&pipeliners[i], run_pipeliner, scene);
    note_pause_ms(300);
    serve_others(scene);
    for (int i = 0; i < PIPELINERS; i++) {
        /* It has to be at it still, or the test shows nothing. */
        assert_false(process_wait(&pipeliners[i], 0));
        process_deinit(&pipeliners[i]);
    }
    serve_others(scene);
}

/* Pipelines requests and takes no answer: what it can make the server hold is bounded. */
static void test_a_pipeliner_that_reads_nothing(void **state) {
    static const char request[] = "GET /small.bin HTTP/1.1\r\nHost: x\r\n\r\n";
    enum { REQUESTS = 20000 };
    struct scene *scene = *state;
    struct client client;
    struct response response;
    size_t len = 0;
    serve(scene);
    char *requests = malloc(REQUESTS * sizeof request);
    assert_non_null(requests);
    for (int i = 0; i < REQUESTS; i++, len += sizeof request - 1)
        memcpy(requests + len, request, sizeof request);
    client_open_narrow(&client, scene->server.port, 4096);
    ssize_t sent = 0;
    for (size_t total = 0; total < len; total += (size_t)sent) {
        sent = write(client.fd, requests + total, len - total < 4096 ? len - total : 4096);
        assert_true(sent > 0);
        if (total > 100000)
            break; /* more would wait for the server, which waits for us */
    }
    serve_others(scene);
    for (int i = 0; i < 1000; i++) {
        client_read(&client, false, &response);
        response_assert_content(&response, 2, 1000);
        response_deinit(&response);
    }
    client_close(&client);
    free(requests);
    serve_others(scene);
}

/* Leaving in the middle of a response is the most ordinary of errors. */
static void test_clients_that_leave_in_the_middle(void **state) {
    struct scene *scene = *state;
    struct client client;
    pid_t before[SERVER_WORKERS_MAX];
    pid_t after[SERVER_WORKERS_MAX];
    serve(scene);
    assert_int_equal(server_workers(&scene->server, before), 1);
    for (int i = 0; i < 50; i++) {
        client_open(&client, scene->server.port);
        client_send_request(&client, "GET", "/large.bin", "");
        if (i % 2 == 0)
            (void)client_receive(&client, CLIENT_TIMEOUT_MS);
        client_close(&client);
    }
    serve_others(scene);
    assert_int_equal(server_workers(&scene->server, after), 1);
    assert_int_equal(before[0], after[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_a_slow_reader_does_not_hold_up_others),
        scene_test(test_fast_readers_do_not_hold_up_others),
        scene_test(test_a_client_that_never_reads_is_dropped),
        scene_test(test_a_slow_reader_is_not_dropped),
        scene_test(test_endless_pipeliners_do_not_hold_up_others),
        scene_test(test_a_pipeliner_that_reads_nothing),
        scene_test(test_clients_that_leave_in_the_middle),
    };
    return cmocka_run_group_tests_name("slow", tests, NULL, NULL);
}
