/* Every error status, with its page, and whether the connection stays: errors in the framing end
 * it, errors in what was asked for do not. */
#include "support/client.h"
#include "support/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum connection {
    KEPT,
    CLOSED, /* and said so */
    ENDED,  /* closed, as HTTP/1.0 does without saying so */
};

struct row {
    const char *name;
    int status;
    enum connection connection;
    const char *request;
    size_t len; /* 0: to the NUL */
};

#define H         "Host: x\r\n"
#define GET(rest) "GET /a.txt HTTP/1.1\r\n" H rest "\r\n"
/* For requests with a NUL in them. */
#define BYTES(text) text, sizeof(text) - 1

static const struct row rows[] = {
    {"one empty line before", 200, KEPT, "\r\n" GET(""), 0},
    {"two empty lines before", 200, KEPT, "\r\n\r\n" GET(""), 0},
    {"three empty lines before", 400, CLOSED, "\r\n\r\n\r\n" GET(""), 0},
    {"LF at the end of the request line", 400, CLOSED, "GET / HTTP/1.1\n" H "\r\n", 0},
    {"LF at the end of a field line", 400, CLOSED, "GET / HTTP/1.1\r\nHost: x\n\r\n", 0},
    {"LF for the empty line", 400, CLOSED, "GET / HTTP/1.1\r\n" H "\n", 0},
    {"LF only", 400, CLOSED, "GET / HTTP/1.1\nHost: x\n\n", 0},
    {"CR alone in a value", 400, CLOSED, GET("X: a\rb\r\n"), 0},
    {"CR alone in the request line", 400, CLOSED, "GET /\r HTTP/1.1\r\n" H "\r\n", 0},
    {"NUL in a value", 400, CLOSED, BYTES(GET("X: a\0b\r\n"))},
    {"NUL in a name", 400, CLOSED, BYTES(GET("X\0Y: ab\r\n"))},
    {"NUL in the target", 400, CLOSED, BYTES("GET /\0 HTTP/1.1\r\n" H "\r\n")},
    {"control character in a value", 400, CLOSED, GET("X: a\001b\r\n"), 0},
    {"DEL in a value", 400, CLOSED, GET("X: a\177b\r\n"), 0},
    {"control character in the target", 400, CLOSED, "GET /\001 HTTP/1.1\r\n" H "\r\n", 0},
    {"HTAB in a value", 200, KEPT, GET("X:\ta\tb\t\r\n"), 0},
    {"obs-text in a value", 200, KEPT, GET("X: gr\374n\r\n"), 0},
    {"an empty value", 200, KEPT, GET("X:\r\n"), 0},

    {"two spaces after the method", 400, CLOSED, "GET  / HTTP/1.1\r\n" H "\r\n", 0},
    {"two spaces before the version", 400, CLOSED, "GET /  HTTP/1.1\r\n" H "\r\n", 0},
    {"HTAB in the request line", 400, CLOSED, "GET\t/ HTTP/1.1\r\n" H "\r\n", 0},
    {"space before the method", 400, CLOSED, " GET / HTTP/1.1\r\n" H "\r\n", 0},
    {"space after the version", 400, CLOSED, "GET / HTTP/1.1 \r\n" H "\r\n", 0},
    {"a space in the target", 400, CLOSED, "GET /a b HTTP/1.1\r\n" H "\r\n", 0},
    {"no target", 400, CLOSED, "GET HTTP/1.1\r\n" H "\r\n", 0},
    {"method only", 400, CLOSED, "GET\r\n\r\n", 0},
    {"method that is no token", 400, CLOSED, "GE(T / HTTP/1.1\r\n" H "\r\n", 0},
    {"not HTTP", 400, CLOSED, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11},
    {"not HTTP, but text", 400, CLOSED, "EHLO example.org\r\n", 0},

    {"HTTP/0.9", 400, CLOSED, "GET /a.txt\r\n", 0},
    {"HTTP/0.9 with a space", 400, CLOSED, "GET /a.txt \r\n", 0},
    {"HTTP/0.9 by its number", 505, CLOSED, "GET /a.txt HTTP/0.9\r\n" H "\r\n", 0},
    {"HTTP/2.0", 505, CLOSED, "GET /a.txt HTTP/2.0\r\n" H "\r\n", 0},
    {"HTTP/2 preface", 505, CLOSED, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0},
    {"HTTP/3.1", 505, CLOSED, "GET /a.txt HTTP/3.1\r\n" H "\r\n", 0},
    {"HTTP/1.2", 200, KEPT, "GET /a.txt HTTP/1.2\r\n" H "\r\n", 0},
    {"HTTP/1.9", 200, KEPT, "GET /a.txt HTTP/1.9\r\n" H "\r\n", 0},
    {"HTTP/1.10", 400, CLOSED, "GET /a.txt HTTP/1.10\r\n" H "\r\n", 0},
    {"HTTP/1", 400, CLOSED, "GET /a.txt HTTP/1\r\n" H "\r\n", 0},
    {"HTTP/1.", 400, CLOSED, "GET /a.txt HTTP/1.\r\n" H "\r\n", 0},
    {"http/1.1", 400, CLOSED, "GET /a.txt http/1.1\r\n" H "\r\n", 0},
    {"HTTPS/1.1", 400, CLOSED, "GET /a.txt HTTPS/1.1\r\n" H "\r\n", 0},

    {"a field name with a space", 400, CLOSED, GET("X Y: a\r\n"), 0},
    {"a space before the colon", 400, CLOSED, GET("X : a\r\n"), 0},
    {"an HTAB before the colon", 400, CLOSED, GET("X\t: a\r\n"), 0},
    {"a folded line", 400, CLOSED, GET("X: a\r\n b\r\n"), 0},
    {"a folded line with HTAB", 400, CLOSED, GET("X: a\r\n\tb\r\n"), 0},
    {"space before the first field", 400, CLOSED, "GET / HTTP/1.1\r\n X: a\r\n" H "\r\n", 0},
    {"a line without a colon", 400, CLOSED, GET("X\r\n"), 0},
    {"an empty name", 400, CLOSED, GET(": a\r\n"), 0},
    {"a name that is no token", 400, CLOSED, GET("X(Y): a\r\n"), 0},

    {"no Host", 400, CLOSED, "GET /a.txt HTTP/1.1\r\n\r\n", 0},
    {"no Host in 1.0", 200, ENDED, "GET /a.txt HTTP/1.0\r\n\r\n", 0},
    {"two Hosts", 400, CLOSED, GET("Host: y\r\n"), 0},
    {"two equal Hosts", 400, CLOSED, GET(H), 0},
    {"two Hosts in 1.0", 400, CLOSED, "GET /a.txt HTTP/1.0\r\n" H H "\r\n", 0},
    {"Host with a space", 400, CLOSED, "GET /a.txt HTTP/1.1\r\nHost: a b\r\n\r\n", 0},
    {"Host with a path", 400, CLOSED, "GET /a.txt HTTP/1.1\r\nHost: a/b\r\n\r\n", 0},
    {"Host with a user", 400, CLOSED, "GET /a.txt HTTP/1.1\r\nHost: u@a\r\n\r\n", 0},
    {"Host with a list", 400, CLOSED, "GET /a.txt HTTP/1.1\r\nHost: a b, c\r\n\r\n", 0},
    {"Host with letters as port", 400, CLOSED, "GET /a.txt HTTP/1.1\r\nHost: a:b\r\n\r\n", 0},
    {"Host with an IPv6 address", 200, KEPT, "GET /a.txt HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0},
    {"Host with an open bracket", 400, CLOSED, "GET /a.txt HTTP/1.1\r\nHost: [::1\r\n\r\n", 0},

    {"absolute form", 200, KEPT, "GET http://y/a.txt HTTP/1.1\r\n" H "\r\n", 0},
    {"absolute form, absent", 404, KEPT, "GET http://y/absent HTTP/1.1\r\n" H "\r\n", 0},
    {"absolute form without Host", 400, CLOSED, "GET http://y/a.txt HTTP/1.1\r\n\r\n", 0},
    {"absolute form, no authority", 400, CLOSED, "GET http:///a.txt HTTP/1.1\r\n" H "\r\n", 0},
    {"asterisk form with GET", 400, CLOSED, "GET * HTTP/1.1\r\n" H "\r\n", 0},
    {"no slash before the path", 400, CLOSED, "GET a.txt HTTP/1.1\r\n" H "\r\n", 0},
    {"a fragment", 400, CLOSED, "GET /a.txt#b HTTP/1.1\r\n" H "\r\n", 0},
    {"above the root", 400, CLOSED, "GET /../a.txt HTTP/1.1\r\n" H "\r\n", 0},
    {"a bad escape", 400, CLOSED, "GET /%zz HTTP/1.1\r\n" H "\r\n", 0},
    {"an escaped NUL", 400, CLOSED, "GET /%00 HTTP/1.1\r\n" H "\r\n", 0},

    {"absent", 404, KEPT, "GET /absent HTTP/1.1\r\n" H "\r\n", 0},
    {"absent, in 1.0", 404, ENDED, "GET /absent HTTP/1.0\r\n\r\n", 0},
    {"an escaped slash", 404, KEPT, "GET /a%2ftxt HTTP/1.1\r\n" H "\r\n", 0},
    {"directory without index", 403, KEPT, "GET /dir/ HTTP/1.1\r\n" H "\r\n", 0},
    {"If-Match", 412, KEPT, GET("If-Match: \"x\"\r\n"), 0},
    {"an unknown expectation", 417, KEPT, GET("Expect: the-worst\r\n"), 0},
    {"absent, and close", 404, CLOSED, "GET /absent HTTP/1.1\r\n" H "Connection: close\r\n\r\n", 0},

    {"get", 501, KEPT, "get /a.txt HTTP/1.1\r\n" H "\r\n", 0},
    {"an unknown method", 501, KEPT, "BREW /a.txt HTTP/1.1\r\n" H "\r\n", 0},
    {"GETS", 501, KEPT, "GETS /a.txt HTTP/1.1\r\n" H "\r\n", 0},
    {"GE", 501, KEPT, "GE /a.txt HTTP/1.1\r\n" H "\r\n", 0},

    {"Content-Length of letters", 400, CLOSED, GET("Content-Length: abc\r\n"), 0},
    {"empty Content-Length", 400, CLOSED, GET("Content-Length:\r\n"), 0},
    {"Content-Length with a sign", 400, CLOSED, GET("Content-Length: +1\r\n"), 0},
    {"negative Content-Length", 400, CLOSED, GET("Content-Length: -1\r\n"), 0},
    {"hexadecimal Content-Length", 400, CLOSED, GET("Content-Length: 0x1\r\n"), 0},
    {"Content-Length with a space", 400, CLOSED, GET("Content-Length: 1 2\r\n"), 0},
    {"Content-Length as a list", 400, CLOSED, GET("Content-Length: 0, 0\r\n"), 0},
    {"two Content-Lengths", 400, CLOSED, GET("Content-Length: 0\r\nContent-Length: 0\r\n"), 0},
    {"Content-Length of 2^63", 400, CLOSED, GET("Content-Length: 9223372036854775808\r\n"), 0},
    {"Content-Length of 2^64", 400, CLOSED, GET("Content-Length: 18446744073709551616\r\n"), 0},
    {"Content-Length of 2^63-1", 413, CLOSED, GET("Content-Length: 9223372036854775807\r\n"), 0},
    {"Content-Length over the limit", 413, CLOSED, GET("Content-Length: 1048577\r\n"), 0},
    {"Transfer-Encoding and Content-Length", 400, CLOSED,
     GET("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n") "0\r\n\r\n", 0},
    {"Transfer-Encoding in 1.0", 400, CLOSED,
     "GET /a.txt HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0},
    {"chunked twice", 400, CLOSED, GET("Transfer-Encoding: chunked, chunked\r\n") "0\r\n\r\n", 0},
    {"chunked in two lines", 400, CLOSED,
     GET("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") "0\r\n\r\n", 0},
    {"chunked, but not last", 400, CLOSED, GET("Transfer-Encoding: chunked, gzip\r\n"), 0},
    {"gzip, chunked", 501, CLOSED, GET("Transfer-Encoding: gzip, chunked\r\n"), 0},
};

static void check_answer(struct client *client, const struct row *row) {
    struct response response;
    client_read(client, false, &response);
    if (response.status != row->status)
        fail_msg("%s: expected %d, got:\n%s", row->name, row->status, response.head);
    if (response.status >= 400)
        response_assert_page(&response);
    if (row->connection != ENDED && response_closes(&response) != (row->connection == CLOSED))
        fail_msg("%s: Connection is wrong in:\n%s", row->name, response.head);
    response_deinit(&response);
}

static void check_row(uint16_t port, const struct row *row) {
    struct client client;
    client_open(&client, port);
    client_send(&client, row->request, row->len > 0 ? row->len : strlen(row->request));
    check_answer(&client, row);
    if (row->connection == KEPT)
        client_expect(&client, "/a.txt", 200);
    else
        client_expect_end(&client);
    client_close(&client);
}

static void test_each_error_and_what_becomes_of_the_connection(void **state) {
    struct scene *scene = *state;
    tree_text(&scene->tree, "a.txt", "some text");
    tree_directory(&scene->tree, "dir");
    scene_serve(scene, "--listing", "off", NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_row(scene->server.port, &rows[i]);
}

/* In every class of status; that the date is the right one is checked for all responses. */
static void test_rfc9110_6_6_1_every_answer_has_a_date(void **state) {
    static const struct {
        const char *request;
        int status;
    } requests[] = {
        {GET(""), 200},
        {GET("Range: bytes=0-0\r\n"), 206},
        {"OPTIONS * HTTP/1.1\r\n" H "\r\n", 204},
        {"GET /dir HTTP/1.1\r\n" H "\r\n", 301},
        {GET("If-None-Match: *\r\n"), 304},
        {"GET /absent HTTP/1.1\r\n" H "\r\n", 404},
        {GET("If-Match: \"x\"\r\n"), 412},
        {GET("Range: bytes=99-\r\n"), 416},
        {"BREW / HTTP/1.1\r\n" H "\r\n", 501},
        {GET("X : a\r\n"), 400},
        {"GET / HTTP/2.0\r\n\r\n", 505},
    };
    struct scene *scene = *state;
    struct client client;
    struct response response;
    tree_text(&scene->tree, "a.txt", "some text");
    tree_directory(&scene->tree, "dir");
    scene_serve(scene, NULL);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        client_open(&client, scene->server.port);
        client_send_text(&client, requests[i].request);
        client_read(&client, false, &response);
        response_assert_status(&response, requests[i].status);
        assert_int_equal(response_count_field(&response, "Date"), 1);
        (void)response_parse_date(response_field(&response, "Date"));
        response_deinit(&response);
        client_close(&client);
    }
}

/* An error in a pipeline is answered after those before it, and nothing after it. */
static void test_an_error_in_a_pipeline(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    tree_text(&scene->tree, "a.txt", "some text");
    scene_serve(scene, NULL);
    client_open(&client, scene->server.port);
    client_send_text(&client, GET("") "GET /absent HTTP/1.1\r\n" H "\r\n" GET("X : a\r\n") GET(""));
    static const int statuses[] = {200, 404, 400};
    for (size_t i = 0; i < 3; i++) {
        client_read(&client, false, &response);
        response_assert_status(&response, statuses[i]);
        response_deinit(&response);
    }
    client_expect_end(&client);
    client_close(&client);
}

/* RFC 9110 §15.5.6: a 405 lists what is allowed. */
static void test_rfc9110_15_5_6_methods_that_are_not_allowed(void **state) {
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE", "TRACE"};
    struct scene *scene = *state;
    struct client client;
    struct response response;
    tree_text(&scene->tree, "a.txt", "some text");
    scene_serve(scene, NULL);
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        client_request(&client, methods[i], "/a.txt", "", &response);
        response_assert_status(&response, 405);
        response_assert_field(&response, "Allow", "GET, HEAD, OPTIONS");
        response_assert_page(&response);
        assert_false(response_closes(&response));
        response_deinit(&response);
    }
    client_request(&client, "CONNECT", "localhost:80", "", &response);
    response_assert_status(&response, 405);
    response_assert_field(&response, "Allow", "GET, HEAD, OPTIONS");
    response_deinit(&response);
    client_close(&client);
    client_expect_once(scene->server.port, "/a.txt", 200);
}

/* RFC 9110 §9.3.7 */
static void test_rfc9110_9_3_7_options(void **state) {
    static const char *const targets[] = {"*", "/", "/a.txt", "http://x", "http://x/a.txt"};
    struct scene *scene = *state;
    struct client client;
    struct response response;
    tree_text(&scene->tree, "a.txt", "some text");
    tree_directory(&scene->tree, "dir");
    scene_serve(scene, NULL);
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        client_request(&client, "OPTIONS", targets[i], "", &response);
        response_assert_status(&response, 204);
        response_assert_field(&response, "Allow", "GET, HEAD, OPTIONS");
        response_deinit(&response);
    }
    client_expect(&client, "/a.txt", 200);
    client_close(&client);
}

/* Sends a GET whose target is `target_len` bytes long, and whose head `head_len` (0: as it comes).
 */
static int status_of_length(uint16_t port, size_t target_len, size_t head_len) {
    struct client client;
    struct response response;
    char *head = malloc(target_len + head_len + 64);
    assert_non_null(head);
    size_t len = (size_t)sprintf(head, "GET /");
    memset(head + len, 'a', target_len - 1);
    len += target_len - 1;
    len += (size_t)sprintf(head + len, " HTTP/1.1\r\n" H);
    if (head_len > 0) {
        size_t value_len = head_len - len - strlen("X: \r\n\r\n");
        len += (size_t)sprintf(head + len, "X: ");
        memset(head + len, 'v', value_len);
        len += value_len;
        len += (size_t)sprintf(head + len, "\r\n");
    }
    len += (size_t)sprintf(head + len, "\r\n");
    client_open(&client, port);
    client_send(&client, head, len);
    client_read(&client, false, &response);
    int status = response.status;
    response_assert_page(&response);
    assert_int_equal(response_closes(&response), status != 404);
    response_deinit(&response);
    client_close(&client);
    free(head);
    return status;
}

static void test_rfc9112_3_limits_of_target_and_head(void **state) {
    struct scene *scene = *state;
    scene_serve(scene, NULL);
    uint16_t port = scene->server.port;
    assert_int_equal(status_of_length(port, 8192, 0), 404);
    assert_int_equal(status_of_length(port, 8193, 0), 414);
    assert_int_equal(status_of_length(port, 10000, 0), 414);
    assert_int_equal(status_of_length(port, 100000, 0), 414);
    assert_int_equal(status_of_length(port, 5, 16384), 404);
    assert_int_equal(status_of_length(port, 5, 16385), 431);
    assert_int_equal(status_of_length(port, 5, 20000), 431);
    assert_int_equal(status_of_length(port, 5, 1 << 20), 431);
}

static void test_max_head_sets_the_limit(void **state) {
    struct scene *scene = *state;
    scene_serve(scene, "--max-head", "1K", NULL);
    uint16_t port = scene->server.port;
    assert_int_equal(status_of_length(port, 5, 1024), 404);
    assert_int_equal(status_of_length(port, 5, 1025), 431);
    assert_int_equal(status_of_length(port, 900, 0), 404);
    assert_int_equal(status_of_length(port, 1020, 0), 414);
    assert_int_equal(status_of_length(port, 5000, 0), 414);
}

static int status_of_fields(uint16_t port, unsigned fields) {
    struct client client;
    struct response response;
    char text[4096];
    size_t len = (size_t)sprintf(text, "GET /absent HTTP/1.1\r\n" H);
    for (unsigned i = 1; i < fields; i++)
        len += (size_t)sprintf(text + len, "X-%u: v\r\n", i);
    len += (size_t)sprintf(text + len, "\r\n");
    client_open(&client, port);
    client_send(&client, text, len);
    client_read(&client, false, &response);
    int status = response.status;
    response_deinit(&response);
    client_close(&client);
    return status;
}

static void test_rfc6585_5_limit_of_fields(void **state) {
    struct scene *scene = *state;
    scene_serve(scene, NULL);
    assert_int_equal(status_of_fields(scene->server.port, 100), 404);
    assert_int_equal(status_of_fields(scene->server.port, 101), 431);
}

/* RFC 9112 §9.6: a close with unread input makes the kernel reset the connection, which would take
 * the answer from a client that is still sending. */
static void test_rfc9112_9_6_the_answer_to_a_flood_arrives(void **state) {
    static char garbage[256 * 1024];
    static const struct {
        const char *start;
        int status;
    } floods[] = {
        {"\x01", 400},
        {"GET / HTTP/1.1\r\n" H "X: ", 431},
        {"GET /", 414},
        {GET("Content-Length: 99999999\r\n"), 413},
    };
    struct scene *scene = *state;
    struct client client;
    struct response response;
    tree_text(&scene->tree, "a.txt", "some text");
    scene_serve(scene, NULL);
    memset(garbage, 'g', sizeof garbage);
    for (size_t i = 0; i < 5 * sizeof floods / sizeof floods[0]; i++) {
        client_open(&client, scene->server.port);
        client_send_text(&client, floods[i % 4].start);
        client_send(&client, garbage, sizeof garbage);
        client_half_close(&client);
        client_read(&client, false, &response);
        response_assert_status(&response, floods[i % 4].status);
        response_assert_page(&response);
        client_expect_end(&client);
        response_deinit(&response);
        client_close(&client);
    }
    client_expect_once(scene->server.port, "/a.txt", 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_each_error_and_what_becomes_of_the_connection),
        scene_test(test_rfc9110_6_6_1_every_answer_has_a_date),
        scene_test(test_an_error_in_a_pipeline),
        scene_test(test_rfc9110_15_5_6_methods_that_are_not_allowed),
        scene_test(test_rfc9110_9_3_7_options),
        scene_test(test_rfc9112_3_limits_of_target_and_head),
        scene_test(test_max_head_sets_the_limit),
        scene_test(test_rfc6585_5_limit_of_fields),
        scene_test(test_rfc9112_9_6_the_answer_to_a_flood_arrives),
    };
    return cmocka_run_group_tests_name("errors", tests, NULL, NULL);
}
