/* Files that change while they are sent. Those that change before a request are in test_fresh.c. */
#include "support/client.h"
#include "support/scene.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LARGE = 64 << 20 };

/* Starts on a large file, of which the first bytes have come, with one worker. */
static void start_download(struct scene *scene, struct client *client) {
    tree_file(&scene->tree, "large.bin", 1, LARGE);
    scene_serve(scene, "--workers", "1", NULL);
    client_open_narrow(client, scene->server.port, 65536);
    client_send_request(client, "GET", "/large.bin", "");
    assert_true(client_receive(client, CLIENT_TIMEOUT_MS));
}

static void finish_download(struct client *client) {
    struct response response;
    client_read(client, false, &response);
    response_assert_content(&response, 1, LARGE);
    response_deinit(&response);
}

static void test_a_file_truncated_while_it_is_sent(void **state) {
    struct scene *scene = *state;
    struct client client;
    pid_t before[SERVER_WORKERS_MAX];
    pid_t after[SERVER_WORKERS_MAX];
    start_download(scene, &client);
    assert_int_equal(server_workers(&scene->server, before), 1);
    assert_int_equal(truncate(tree_path(&scene->tree, "large.bin"), 100000), 0);
    client_receive_all(&client);
    static const char announced[] = "Content-Length: 67108864\r\n";
    assert_non_null(memmem(client.data, client.len, announced, sizeof announced - 1));
    /* Padding it to the length that was announced would be a lie. */
    assert_in_range(client.len, 1, LARGE - 1);
    client_close(&client);
    client_expect_once(scene->server.port, "/large.bin", 200);
    assert_int_equal(server_workers(&scene->server, after), 1);
    assert_int_equal(before[0], after[0]);
}

/* What was announced is sent, and not a byte more; the next answer on the connection is whole. */
static void test_a_file_that_grows_while_it_is_sent(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    start_download(scene, &client);
    int fd = open(tree_path(&scene->tree, "large.bin"), O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "more", 4), 4);
    (void)close(fd);
    finish_download(&client);
    client_request(&client, "GET", "/large.bin", "Range: bytes=-4\r\n", &response);
    response_assert_status(&response, 206);
    response_assert_text(&response, "more");
    response_deinit(&response);
    client_close(&client);
}

static void test_a_file_removed_while_it_is_sent(void **state) {
    struct scene *scene = *state;
    struct client client;
    start_download(scene, &client);
    assert_int_equal(unlink(tree_path(&scene->tree, "large.bin")), 0);
    finish_download(&client);
    client_expect(&client, "/large.bin", 404);
    client_close(&client);
}

/* Replaced by rename(2), as careful programs write: each response is the old or the new whole. */
static void test_a_file_replaced_while_it_is_sent(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    tree_file(&scene->tree, "new.bin", 3, 5000);
    start_download(scene, &client);
    assert_int_equal(
        rename(tree_path(&scene->tree, "new.bin"), tree_path(&scene->tree, "large.bin")), 0);
    finish_download(&client);
    client_get(&client, "/large.bin", &response);
    response_assert_content(&response, 3, 5000);
    response_deinit(&response);
    client_close(&client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_a_file_truncated_while_it_is_sent),
        scene_test(test_a_file_that_grows_while_it_is_sent),
        scene_test(test_a_file_removed_while_it_is_sent),
        scene_test(test_a_file_replaced_while_it_is_sent),
    };
    return cmocka_run_group_tests_name("changes", tests, NULL, NULL);
}
