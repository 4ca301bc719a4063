/* When a connection persists, in which pieces requests may come, and that answers keep their order.
 */
#include "support/client.h"
#include "support/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void serve_text(struct scene *scene) {
    tree_text(&scene->tree, "a.txt", "some text");
    scene_serve(scene, NULL);
}

struct row {
    const char *request;
    bool persists;
    const char *connection; /* the value in the response; NULL: not looked at */
};

/* RFC 9112 §9.3 */
static const struct row rows[] = {
    {"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n", true, NULL},
    {"GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", true, NULL},
    {"GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: \r\n\r\n", true, NULL},
    {"GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: closed, not-close\r\n\r\n", true, NULL},
    {"GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false, "close"},
    {"GET /a.txt HTTP/1.1\r\nHost: x\r\nconnection:CLOSE\r\n\r\n", false, "close"},
    {"GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: x, close\r\n\r\n", false, "close"},
    {"GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, close\r\n\r\n", false, "close"},
    {"GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: x\r\nConnection: close\r\n\r\n", false,
     "close"},
    {"GET /a.txt HTTP/1.7\r\nHost: x\r\n\r\n", true, NULL},
    {"GET /a.txt HTTP/1.0\r\n\r\n", false, NULL},
    {"GET /a.txt HTTP/1.0\r\nHost: x\r\nConnection: x\r\n\r\n", false, NULL},
    {"GET /a.txt HTTP/1.0\r\nConnection: close\r\n\r\n", false, NULL},
    {"GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true, "keep-alive"},
    {"GET /a.txt HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true, "keep-alive"},
    {"GET /a.txt HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false, NULL},
};

static void check_row(uint16_t port, const struct row *row) {
    struct client client;
    struct response response;
    client_open(&client, port);
    client_send_text(&client, row->request);
    client_read(&client, false, &response);
    response_assert_status(&response, 200);
    response_assert_text(&response, "some text");
    if (row->connection != NULL &&
        (response_field(&response, "Connection") == NULL ||
         strcasecmp(response_field(&response, "Connection"), row->connection) != 0))
        fail_msg("no 'Connection: %s' for\n%sin\n%s", row->connection, row->request, response.head);
    if (row->persists && response_closes(&response))
        fail_msg("closes after\n%s", row->request);
    response_deinit(&response);
    if (row->persists)
        client_expect(&client, "/a.txt", 200);
    else
        client_expect_end(&client);
    client_close(&client);
}

static void test_rfc9112_9_3_persistence(void **state) {
    struct scene *scene = *state;
    serve_text(scene);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_row(scene->server.port, &rows[i]);
}

/* RFC 9112 §9.6: what follows "close" is not answered. */
static void test_rfc9112_9_6_nothing_is_answered_after_close(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    serve_text(scene);
    client_open(&client, scene->server.port);
    client_send_text(&client, "GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n"
                              "GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                              "GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read(&client, false, &response);
    assert_false(response_closes(&response));
    response_deinit(&response);
    client_read(&client, false, &response);
    assert_true(response_closes(&response));
    response_deinit(&response);
    client_expect_end(&client);
    client_close(&client);
}

/* The answer may still be in the server's kernel when the server is done with it. Bytes that arrive
 * then, such as the empty line that old clients send, must not reset it away. */
static void test_rfc9112_9_6_a_late_byte_does_not_destroy_the_last_answer(void **state) {
    enum { SIZE = 300000 };
    struct scene *scene = *state;
    struct client client;
    struct response response;
    tree_file(&scene->tree, "a.bin", 1, SIZE);
    scene_serve(scene, NULL);
    client_open_narrow(&client, scene->server.port, 4096);
    client_send_request(&client, "GET", "/a.bin", "Connection: close\r\n");
    note_pause_ms(200);
    client_send_text(&client, "\r\n");
    note_pause_ms(50);
    client_read(&client, false, &response);
    response_assert_content(&response, 1, SIZE);
    response_deinit(&response);
    client_close(&client);
}

/* RFC 9112 §9.3 and §2.3: the answer to 1.0 is still a 1.1 message, which response_parse() checks.
 */
static void test_a_thousand_requests_one_after_another(void **state) {
    struct scene *scene = *state;
    struct client client;
    serve_text(scene);
    client_open(&client, scene->server.port);
    for (int i = 0; i < 1000; i++)
        client_expect(&client, i % 3 == 0 ? "/absent" : "/a.txt", i % 3 == 0 ? 404 : 200);
    client_close(&client);
}

enum { PIPELINED = 1000, FILES = 7, REQUEST_MAX = 64 };

/* Of sizes that fill the server's buffers unevenly, the last larger than they are. */
static size_t file_size(unsigned i) {
    static const size_t sizes[FILES] = {10, 0, 1000, 333, 4096, 1, 40000};
    return sizes[i % FILES];
}

static unsigned pipelined_file(unsigned i) {
    return i % 50 == 49 ? FILES - 1 : i * 5 % (FILES - 1);
}

/* Writes the requests, every tenth of them a HEAD and every eleventh for an absent file. */
static char *make_pipeline(size_t *len) {
    char *requests = malloc(PIPELINED * REQUEST_MAX);
    assert_non_null(requests);
    *len = 0;
    for (unsigned i = 0; i < PIPELINED; i++) {
        const char *method = i % 10 == 9 ? "HEAD" : "GET";
        const char *directory = i % 11 == 10 ? "absent/" : "";
        *len += (size_t)snprintf(requests + *len, REQUEST_MAX,
                                 "%s /%s%u.bin HTTP/1.1\r\nHost: x\r\n\r\n", method, directory,
                                 pipelined_file(i));
    }
    return requests;
}

static void expect_pipeline(struct client *client) {
    struct response response;
    for (unsigned i = 0; i < PIPELINED; i++) {
        bool to_head = i % 10 == 9;
        unsigned file = pipelined_file(i);
        client_read(client, to_head, &response);
        response_assert_status(&response, i % 11 == 10 ? 404 : 200);
        if (response.status == 200 && !to_head)
            response_assert_content(&response, file, file_size(file));
        response_deinit(&response);
    }
    assert_int_equal(client->len, 0);
}

static void check_pipeline(struct scene *scene, size_t piece, bool closes) {
    struct client client;
    size_t len;
    char *requests = make_pipeline(&len);
    client_open(&client, scene->server.port);
    client_send_pieces(&client, requests, len, piece, 0);
    if (closes)
        client_half_close(&client);
    expect_pipeline(&client);
    if (closes)
        client_expect_end(&client);
    client_close(&client);
    free(requests);
}

static void serve_pipeline_files(struct scene *scene) {
    char name[16];
    for (unsigned i = 0; i < FILES; i++) {
        (void)snprintf(name, sizeof name, "%u.bin", i);
        tree_file(&scene->tree, name, i, file_size(i));
    }
    scene_serve(scene, NULL);
}

static void test_rfc9112_9_3_2_a_thousand_pipelined_in_one_write(void **state) {
    struct scene *scene = *state;
    serve_pipeline_files(scene);
    check_pipeline(scene, SIZE_MAX, false);
}

static void test_rfc9112_9_3_2_a_thousand_pipelined_in_odd_pieces(void **state) {
    static const size_t pieces[] = {7, 31, 97, 1009, 4099, 16381, 16384, 16385};
    struct scene *scene = *state;
    serve_pipeline_files(scene);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
        check_pipeline(scene, pieces[i], false);
}

/* A client that says that it has no more requests is still owed the answers. */
static void test_rfc9112_9_6_a_half_closed_client_gets_all_answers(void **state) {
    struct scene *scene = *state;
    serve_pipeline_files(scene);
    check_pipeline(scene, SIZE_MAX, true);
}

static void test_a_half_closed_client_gets_a_large_answer(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    tree_file(&scene->tree, "large.bin", 1, 8 << 20);
    scene_serve(scene, NULL);
    client_open_narrow(&client, scene->server.port, 4096);
    client_send_request(&client, "GET", "/large.bin", "");
    client_half_close(&client);
    note_pause_ms(50);
    client_read(&client, false, &response);
    response_assert_content(&response, 1, 8 << 20);
    client_expect_end(&client);
    response_deinit(&response);
    client_close(&client);
}

/* RFC 9112 §8: half a request may be told so, and must not stay open. */
static void test_rfc9112_8_half_a_request_and_then_the_end(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    serve_text(scene);
    client_open(&client, scene->server.port);
    client_send_text(&client, "GET /a.txt HT");
    client_half_close(&client);
    client_receive_all(&client);
    if (client.len > 0) {
        client_read(&client, false, &response);
        response_assert_status(&response, 400);
        response_assert_page(&response);
        response_deinit(&response);
    }
    client_expect_end(&client);
    client_close(&client);
    client_open(&client, scene->server.port);
    client_half_close(&client);
    client_expect_end(&client);
    client_close(&client);
}

static void test_a_request_of_one_byte_at_a_time(void **state) {
    static const char requests[] = "\r\nGET /a.txt?one HTTP/1.1\r\nHost: localhost\r\n"
                                   "Accept: */*\r\nContent-Length: 3\r\n\r\nabc"
                                   "GET /a.txt HTTP/1.1\r\nHost:x\r\nTransfer-Encoding: "
                                   "chunked\r\n\r\n2;a=b\r\nab\r\n0\r\nT: v\r\n\r\n"
                                   "GET /a.txt HTTP/1.0\r\n\r\n";
    struct scene *scene = *state;
    struct client client;
    struct response response;
    serve_text(scene);
    client_open(&client, scene->server.port);
    client_send_pieces(&client, requests, sizeof requests - 1, 1, 1);
    for (int i = 0; i < 3; i++) {
        client_read(&client, false, &response);
        response_assert_status(&response, 200);
        response_assert_text(&response, "some text");
        response_deinit(&response);
    }
    client_expect_end(&client);
    client_close(&client);
}

/* Split in two at every place: each half arrives by itself. */
static void test_a_request_split_at_every_byte(void **state) {
    static const char request[] = "GET /a.txt HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"\"\r\n\r\n";
    struct scene *scene = *state;
    struct client client;
    struct response response;
    serve_text(scene);
    client_open(&client, scene->server.port);
    for (size_t first = 1; first < sizeof request - 1; first++) {
        client_send(&client, request, first);
        note_pause_ms(1);
        client_send(&client, request + first, sizeof request - 1 - first);
        client_read(&client, false, &response);
        response_assert_text(&response, "some text");
        response_deinit(&response);
    }
    client_close(&client);
}

/* The second request is there in part when the first is answered. */
static void test_a_whole_request_and_part_of_the_next(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    serve_text(scene);
    client_open(&client, scene->server.port);
    client_send_text(&client, "GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\nGET /abs");
    client_read(&client, false, &response);
    response_assert_text(&response, "some text");
    response_deinit(&response);
    client_send_text(&client, "ent HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read(&client, false, &response);
    response_assert_status(&response, 404);
    response_deinit(&response);
    client_close(&client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_rfc9112_9_3_persistence),
        scene_test(test_rfc9112_9_6_nothing_is_answered_after_close),
        scene_test(test_rfc9112_9_6_a_late_byte_does_not_destroy_the_last_answer),
        scene_test(test_a_thousand_requests_one_after_another),
        scene_test(test_rfc9112_9_3_2_a_thousand_pipelined_in_one_write),
        scene_test(test_rfc9112_9_3_2_a_thousand_pipelined_in_odd_pieces),
        scene_test(test_rfc9112_9_6_a_half_closed_client_gets_all_answers),
        scene_test(test_a_half_closed_client_gets_a_large_answer),
        scene_test(test_rfc9112_8_half_a_request_and_then_the_end),
        scene_test(test_a_request_of_one_byte_at_a_time),
        scene_test(test_a_request_split_at_every_byte),
        scene_test(test_a_whole_request_and_part_of_the_next),
    };
    return cmocka_run_group_tests_name("connections", tests, NULL, NULL);
}
