/* The content of requests: read, thrown away, and never taken for the next request. */
#include "support/client.h"
#include "support/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define H    "Host: x\r\n"
#define NEXT "GET /next.txt HTTP/1.1\r\n" H "\r\n"
/* Content that would be answered with 404 if it were taken for a request. */
#define SMUGGLED     "GET /smuggled HTTP/1.1\r\n" H "\r\n"
#define SMUGGLED_LEN "35"
_Static_assert(sizeof SMUGGLED - 1 == 35, "SMUGGLED_LEN is its length");

struct row {
    const char *name;
    const char *request;
    int status;
};

#define LENGTH(method, len, body) \
    method " /a.txt HTTP/1.1\r\n" H "Content-Length: " len "\r\n\r\n" body
#define CHUNKED(body) "GET /a.txt HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n" body

static const struct row accepted[] = {
    {"no content", LENGTH("GET", "0", ""), 200},
    {"leading zeros", LENGTH("GET", "0000000000000000000000003", "abc"), 200},
    {"GET", LENGTH("GET", SMUGGLED_LEN, SMUGGLED), 200},
    {"HEAD", LENGTH("HEAD", SMUGGLED_LEN, SMUGGLED), 200},
    {"OPTIONS", LENGTH("OPTIONS", SMUGGLED_LEN, SMUGGLED), 204},
    {"absent", "GET /absent HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", 404},
    {"1.0",
     "GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: " SMUGGLED_LEN
     "\r\n\r\n" SMUGGLED,
     200},
    {"no chunks", CHUNKED("0\r\n\r\n"), 200},
    {"one chunk", CHUNKED("23\r\n" SMUGGLED "\r\n0\r\n\r\n"), 200},
    {"several chunks", CHUNKED("1\r\na\r\n00A\r\n0123456789\r\na\r\n0123456789\r\n000\r\n\r\n"),
     200},
    {"extensions", CHUNKED("3;a;b=c;d=\"e;\"\r\nabc\r\n0;x=y\r\n\r\n"), 200},
    {"trailers", CHUNKED("3\r\nabc\r\n0\r\nX: y\r\nZ:\r\n\r\n"), 200},
    {"a coding in capitals",
     "GET /a.txt HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 200},
};

static void serve(struct scene *scene, const char *max_body) {
    tree_text(&scene->tree, "a.txt", "some text");
    tree_text(&scene->tree, "next.txt", "the next");
    scene_serve(scene, "--max-body", max_body, NULL);
}

static void expect_row(struct client *client, const struct row *row) {
    struct response response;
    client_read(client, strncmp(row->request, "HEAD", 4) == 0, &response);
    if (response.status != row->status)
        fail_msg("%s: expected %d, got:\n%s", row->name, row->status, response.head);
    if (response_closes(&response))
        fail_msg("%s: closes:\n%s", row->name, response.head);
    response_deinit(&response);
}

static void expect_next(struct client *client) {
    struct response response;
    client_read(client, false, &response);
    response_assert_status(&response, 200);
    response_assert_text(&response, "the next");
    response_deinit(&response);
}

static void expect_next_or_end(struct client *client, const struct response *response) {
    if (response_closes(response))
        client_expect_end(client);
    else
        expect_next(client);
}

/* Once in one write with the next request, and once in pieces. */
static void test_rfc9112_6_3_the_next_request_is_found_behind_the_content(void **state) {
    struct scene *scene = *state;
    struct client client;
    serve(scene, "1M");
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        char text[1024];
        int len = snprintf(text, sizeof text, "%s" NEXT, accepted[i].request);
        client_send(&client, text, (size_t)len);
        expect_row(&client, &accepted[i]);
        expect_next(&client);
        client_send_pieces(&client, text, (size_t)len, 9, 1);
        expect_row(&client, &accepted[i]);
        expect_next(&client);
    }
    client_close(&client);
}

static const struct row refused[] = {
    {"no size", CHUNKED("\r\nabc\r\n0\r\n\r\n"), 400},
    {"a size that is no number", CHUNKED("zz\r\nabc\r\n0\r\n\r\n"), 400},
    {"a size with 0x", CHUNKED("0x3\r\nabc\r\n0\r\n\r\n"), 400},
    {"a size with a sign", CHUNKED("+3\r\nabc\r\n0\r\n\r\n"), 400},
    {"a negative size", CHUNKED("-3\r\nabc\r\n0\r\n\r\n"), 400},
    {"a space before the size", CHUNKED(" 3\r\nabc\r\n0\r\n\r\n"), 400},
    {"a size that overflows", CHUNKED("10000000000000003\r\nabc\r\n0\r\n\r\n"), 400},
    {"LF behind the size", CHUNKED("3\nabc\r\n0\r\n\r\n"), 400},
    {"LF behind the chunk", CHUNKED("3\r\nabc\n0\r\n\r\n"), 400},
    {"more than the size says", CHUNKED("3\r\nabcd\r\n0\r\n\r\n"), 400},
    {"less than the size says", CHUNKED("5\r\nabc\r\n0\r\n\r\n"), 400},
    {"LF at the end", CHUNKED("3\r\nabc\r\n0\r\n\n"), 400},
    {"content over the limit", CHUNKED("201\r\n") /* of which nothing need be read */, 413},
};

/* The last answer before the connection is closed. The request itself may have been answered before
 * the error was found. */
static int last_status(struct client *client) {
    struct response response;
    int status = 0;
    client_receive_all(client);
    while (client_take(client, false, &response)) {
        assert_true(status == 0 || status == 200);
        status = response.status;
        assert_int_equal(response_closes(&response), status >= 400);
        response_deinit(&response);
    }
    assert_int_equal(client->len, 0);
    assert_int_equal(client->error, 0);
    return status;
}

static void test_rfc9112_7_1_bad_chunks_are_refused(void **state) {
    struct scene *scene = *state;
    struct client client;
    serve(scene, "512");
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        client_open(&client, scene->server.port);
        client_send_text(&client, refused[i].request);
        client_send_text(&client, NEXT);
        int status = last_status(&client);
        if (status != refused[i].status)
            fail_msg("%s: expected %d, got %d", refused[i].name, refused[i].status, status);
        client_close(&client);
    }
}

/* Sends `size` bytes of content, in chunks of 1000 if `chunked`, and the next request behind them.
 */
static void send_content(struct client *client, size_t size, bool chunked) {
    static char piece[1000];
    char fields[64];
    char chunk_head[16];
    memset(piece, 'b', sizeof piece);
    (void)snprintf(fields, sizeof fields, "Content-Length: %zu\r\n", size);
    client_send_request(client, "GET", "/a.txt",
                        chunked ? "Transfer-Encoding: chunked\r\n" : fields);
    for (size_t count; size > 0; size -= count) {
        count = size < sizeof piece ? size : sizeof piece;
        (void)snprintf(chunk_head, sizeof chunk_head, "%zx\r\n", count);
        if (chunked)
            client_send_text(client, chunk_head);
        client_send(client, piece, count);
        if (chunked)
            client_send_text(client, "\r\n");
    }
    client_send_text(client, chunked ? "0\r\n\r\n" NEXT : NEXT);
}

static void test_content_up_to_the_limit_is_thrown_away(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    serve(scene, "1M");
    client_open(&client, scene->server.port);
    for (int i = 0; i < 4; i++) {
        send_content(&client, i < 2 ? 1 << 20 : 70000, i % 2 == 1);
        client_read(&client, false, &response);
        response_assert_text(&response, "some text");
        response_deinit(&response);
        expect_next(&client);
    }
    client_close(&client);
}

static void test_rfc9110_15_5_14_content_over_the_limit(void **state) {
    struct scene *scene = *state;
    struct client client;
    serve(scene, "100K");
    for (int i = 0; i < 2; i++) {
        client_open(&client, scene->server.port);
        send_content(&client, 100 * 1024 + 1, i == 1);
        assert_int_equal(last_status(&client), 413);
        client_close(&client);
    }
}

/* A method that is not allowed has content, too: it may be skipped or the connection closed, but
 * never taken for a request. */
static void test_content_of_a_refused_method_is_no_request(void **state) {
    static const struct row rows[] = {
        {"POST", LENGTH("POST", SMUGGLED_LEN, SMUGGLED) NEXT, 405},
        {"BREW", LENGTH("BREW", SMUGGLED_LEN, SMUGGLED) NEXT, 501},
        {"POST, chunked",
         "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n23\r\n" SMUGGLED
         "\r\n0\r\n\r\n" NEXT,
         405},
    };
    struct scene *scene = *state;
    struct client client;
    struct response response;
    serve(scene, "1M");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        client_open(&client, scene->server.port);
        client_send_text(&client, rows[i].request);
        client_read(&client, false, &response);
        response_assert_status(&response, rows[i].status);
        expect_next_or_end(&client, &response);
        response_deinit(&response);
        client_close(&client);
    }
}

/* RFC 9110 §10.1.1: sends the content once it is asked for. A server that does not want it answers
 * at once instead, and then can't go on, since it can't know whether the content follows. */
static void test_rfc9110_10_1_1_continue(void **state) {
    static const char *const fields[] = {
        "Expect: 100-continue\r\nContent-Length: 35\r\n",
        "Expect: 100-Continue\r\nContent-Length: 35\r\n",
        "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n",
    };
    struct scene *scene = *state;
    struct client client;
    struct response response;
    serve(scene, "1M");
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        client_open(&client, scene->server.port);
        client_request(&client, "GET", "/a.txt", fields[i], &response);
        if (response.status == 100) {
            response_deinit(&response);
            client_send_text(&client, i == 2 ? "23\r\n" SMUGGLED "\r\n0\r\n\r\n" : SMUGGLED);
            client_read(&client, false, &response);
            assert_false(response_closes(&response));
            client_send_text(&client, NEXT);
            expect_next(&client);
        } else {
            assert_true(response_closes(&response));
            client_expect_end(&client);
        }
        response_assert_text(&response, "some text");
        response_deinit(&response);
        client_close(&client);
    }
}

/* Content that comes with the head makes a 100 needless, but not wrong. */
static void test_rfc9110_10_1_1_content_that_does_not_wait(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    serve(scene, "1M");
    client_open(&client, scene->server.port);
    client_send_text(&client, "GET /a.txt HTTP/1.1\r\n" H
                              "Expect: 100-continue\r\nContent-Length: " SMUGGLED_LEN
                              "\r\n\r\n" SMUGGLED NEXT);
    client_read(&client, false, &response);
    if (response.status == 100) {
        response_deinit(&response);
        client_read(&client, false, &response);
    }
    response_assert_text(&response, "some text");
    expect_next_or_end(&client, &response);
    response_deinit(&response);
    client_close(&client);
}

static void test_rfc9110_10_1_1_no_100_where_there_is_nothing_to_wait_for(void **state) {
    static const struct row rows[] = {
        {"no content", "GET /a.txt HTTP/1.1\r\n" H "Expect: 100-continue\r\n\r\n", 200},
        {"too much content",
         "GET /a.txt HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 600\r\n\r\n", 413},
        {"a refused method",
         "POST /a.txt HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n", 405},
        {"1.0", "GET /a.txt HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", 200},
        {"another expectation",
         "GET /a.txt HTTP/1.1\r\n" H "Expect: more\r\nContent-Length: 3\r\n\r\n", 417},
    };
    struct scene *scene = *state;
    struct client client;
    struct response response;
    serve(scene, "512");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        client_open(&client, scene->server.port);
        client_send_text(&client, rows[i].request);
        client_read(&client, false, &response);
        if (response.status != rows[i].status)
            fail_msg("%s: expected %d, got:\n%s", rows[i].name, rows[i].status, response.head);
        response_deinit(&response);
        client_close(&client);
    }
}

/* The connection ends in the middle of the content: no worker may mind. */
static void test_content_that_never_comes(void **state) {
    struct scene *scene = *state;
    struct client client;
    pid_t before[SERVER_WORKERS_MAX];
    pid_t after[SERVER_WORKERS_MAX];
    serve(scene, "1M");
    size_t workers = server_workers(&scene->server, before);
    for (int i = 0; i < 4; i++) {
        client_open(&client, scene->server.port);
        client_send_text(&client, i % 2 == 0 ? LENGTH("GET", "99", "abc") : CHUNKED("99\r\nabc"));
        if (i < 2) {
            client_half_close(&client);
            (void)last_status(&client);
        }
        client_close(&client);
    }
    client_expect_once(scene->server.port, "/a.txt", 200);
    assert_int_equal(server_workers(&scene->server, after), workers);
    assert_memory_equal(before, after, workers * sizeof before[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_rfc9112_6_3_the_next_request_is_found_behind_the_content),
        scene_test(test_rfc9112_7_1_bad_chunks_are_refused),
        scene_test(test_content_up_to_the_limit_is_thrown_away),
        scene_test(test_rfc9110_15_5_14_content_over_the_limit),
        scene_test(test_content_of_a_refused_method_is_no_request),
        scene_test(test_rfc9110_10_1_1_continue),
        scene_test(test_rfc9110_10_1_1_content_that_does_not_wait),
        scene_test(test_rfc9110_10_1_1_no_100_where_there_is_nothing_to_wait_for),
        scene_test(test_content_that_never_comes),
    };
    return cmocka_run_group_tests_name("bodies", tests, NULL, NULL);
}
