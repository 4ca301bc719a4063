/* RFC 9110 §9.3.2: HEAD is GET without the content. For each status that a GET can get, the head of
 * the answer to HEAD is the same to the byte, but for the time that Date says, and nothing follows
 * it. Not here: 405, which no GET or HEAD gets, and 500 and 503, which no request can bring about.
 */
#include "support/client.h"
#include "support/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum connection { KEPT, CLOSED };

struct row {
    const char *name;
    int status;
    enum connection connection;
    const char *request; /* behind the method and a space, to the end of the head */
};

/* Stand for so many bytes of a target, and of a field's value; the server is started with these
 * limits for the whole head and for content. */
#define LONG_TARGET "<8192>"
#define LONG_VALUE  "<5000>"
#define MAX_HEAD    "10000"
#define MAX_BODY    "1000"

#define H                   "Host: x\r\n"
#define OF(target, fields)  target " HTTP/1.1\r\n" H fields "\r\n"
#define OF_TXT(fields)      OF("/a.txt", fields)
#define MODIFIED_SINCE_1970 "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
#define NOT_SINCE_2100      "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n"

static const struct row rows[] = {
    {"a small file", 200, KEPT, OF_TXT("")},
    {"an empty file", 200, KEPT, OF("/empty.txt", "")},
    {"a file behind its head", 200, KEPT, OF("/20k.bin", "")},
    {"a file by sendfile", 200, KEPT, OF("/large.bin", "")},
    {"an index file", 200, KEPT, OF("/", "")},
    {"an absolute target", 200, KEPT, OF("http://y/a.txt", "")},
    {"content, thrown away", 200, KEPT, OF_TXT("Content-Length: 3\r\n") "abc"},
    {"close", 200, CLOSED, OF_TXT("Connection: close\r\n")},
    {"close, by sendfile", 200, CLOSED, OF("/large.bin", "Connection: close\r\n")},
    {"HTTP/1.0", 200, CLOSED, "/a.txt HTTP/1.0\r\n\r\n"},
    {"HTTP/1.0, kept", 200, KEPT, "/a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"},
    {"HTTP/1.9", 200, KEPT, "/a.txt HTTP/1.9\r\n" H "\r\n"},

    {"a directory without its slash", 301, KEPT, OF("/dir", "")},
    {"the same with a query", 301, KEPT, OF("/dir?a=b", "")},
    {"the same in HTTP/1.0", 301, CLOSED, "/dir HTTP/1.0\r\n\r\n"},

    {"If-None-Match", 304, KEPT, OF_TXT("If-None-Match: *\r\n")},
    {"If-None-Match, by sendfile", 304, KEPT, OF("/large.bin", "If-None-Match: *\r\n")},
    {"If-Modified-Since", 304, KEPT, OF_TXT(NOT_SINCE_2100)},
    {"If-Modified-Since, close", 304, CLOSED, OF_TXT(NOT_SINCE_2100 "Connection: close\r\n")},

    {"a bad escape", 400, CLOSED, OF("/%zz", "")},
    {"above the root", 400, CLOSED, OF("/../a.txt", "")},
    {"two spaces in the request line", 400, CLOSED, "/a.txt  HTTP/1.1\r\n" H "\r\n"},
    {"no target", 400, CLOSED, "HTTP/1.1\r\n" H "\r\n"},
    {"HTTP/0.9", 400, CLOSED, "/a.txt\r\n"},
    {"no Host", 400, CLOSED, "/a.txt HTTP/1.1\r\n\r\n"},
    {"two Hosts", 400, CLOSED, OF_TXT(H)},
    {"LF alone", 400, CLOSED, "/a.txt HTTP/1.1\n" H "\n"},
    {"a space before a colon", 400, CLOSED, OF_TXT("X : a\r\n")},
    {"a bad Content-Length", 400, CLOSED, OF_TXT("Content-Length: a\r\n")},
    {"a bad chunk", 400, CLOSED, OF_TXT("Transfer-Encoding: chunked\r\n") "x\r\n"},

    {"no index file", 403, KEPT, OF("/dir/", "")},
    {"a file that may not be read", 403, KEPT, OF("/closed.txt", "")},
    {"the same, close", 403, CLOSED, OF("/closed.txt", "Connection: close\r\n")},

    {"absent", 404, KEPT, OF("/absent", "")},
    {"an escaped slash", 404, KEPT, OF("/a%2Ftxt", "")},
    {"absent in HTTP/1.0", 404, CLOSED, "/absent HTTP/1.0\r\n\r\n"},
    {"absent, content thrown away", 404, KEPT, OF("/absent", "Content-Length: 3\r\n") "abc"},

    {"If-Match", 412, KEPT, OF_TXT("If-Match: \"x\"\r\n")},
    {"If-Unmodified-Since", 412, KEPT, OF_TXT(MODIFIED_SINCE_1970)},

    {"too much content", 413, CLOSED, OF_TXT("Content-Length: 1001\r\n")},
    {"too much content in chunks", 413, CLOSED, OF_TXT("Transfer-Encoding: chunked\r\n") "3e9\r\n"},

    {"a long target", 414, CLOSED, OF("/" LONG_TARGET, "")},
    {"an unknown expectation", 417, KEPT, OF_TXT("Expect: the-worst\r\n")},
    {"a long head", 431, CLOSED, OF_TXT("X: " LONG_VALUE "\r\nY: " LONG_VALUE "\r\n")},
    {"an unknown transfer coding", 501, CLOSED, OF_TXT("Transfer-Encoding: gzip, chunked\r\n")},
    {"HTTP/2.0", 505, CLOSED, "/a.txt HTTP/2.0\r\n" H "\r\n"},
    {"HTTP/0.9 by its number", 505, CLOSED, "/a.txt HTTP/0.9\r\n" H "\r\n"},
};

/* Needs encoded siblings beside "/a.txt". */
static const struct row sibling_rows[] = {
    {"an encoded sibling", 200, KEPT, OF_TXT("Accept-Encoding: gzip\r\n")},
    {"one by sendfile", 200, KEPT, OF_TXT("Accept-Encoding: br\r\n")},
    {"the plain file of it", 200, KEPT, OF_TXT("Accept-Encoding: identity\r\n")},
    {"not modified", 304, KEPT, OF_TXT("Accept-Encoding: gzip\r\nIf-None-Match: *\r\n")},
    {"nothing acceptable", 406, KEPT, OF_TXT("Accept-Encoding: identity;q=0\r\n")},
    {"the same without siblings", 406, KEPT, OF("/large.bin", "Accept-Encoding: *;q=0\r\n")},
    {"the same, close", 406, CLOSED, OF_TXT("Accept-Encoding: *;q=0\r\nConnection: close\r\n")},
    {"If-Match", 412, KEPT, OF_TXT("Accept-Encoding: gzip\r\nIf-Match: \"x\"\r\n")},
};

/* Copies `text`, with "<5000>" replaced by so many bytes. The caller frees it. */
static char *expand(const char *method, const char *text) {
    size_t room = strlen(text) + 65536;
    char *expanded = malloc(room);
    assert_non_null(expanded);
    size_t len = (size_t)snprintf(expanded, room, "%s ", method);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at != '<') {
            expanded[len++] = *at;
            continue;
        }
        size_t count = strtoul(at + 1, NULL, 10);
        assert_true(len + count + strlen(text) < room);
        memset(expanded + len, 'a', count);
        len += count;
        at = strchr(at, '>');
    }
    expanded[len] = '\0';
    return expanded;
}

/* A second may have passed between two answers. */
static void blank_date(struct response *response) {
    static const char name[] = "\r\nDate: ";
    char *date = strstr(response->head, name);
    assert_non_null(date);
    memset(date + strlen(name), 'x', strlen("Sun, 06 Nov 1994 08:49:37 GMT"));
}

/* What the connection has after the answer: that to the next request, which was sent together with
 * the first, or nothing. So content behind a head would be seen. */
static void check_what_follows(struct client *client, const struct row *row) {
    struct response response;
    if (row->connection == KEPT) {
        client_read(client, false, &response);
        response_assert_status(&response, 200);
        response_assert_text(&response, "what follows");
        response_deinit(&response);
        client_half_close(client);
    }
    client_expect_end(client);
}

/* Sends the request, and another one with it where that is answered too. */
static void ask(uint16_t port, const char *method, const struct row *row,
                struct response *response) {
    struct client client;
    char *request = expand(method, row->request);
    client_open(&client, port);
    client_send_text(&client, request);
    if (row->connection == KEPT)
        client_send_request(&client, "GET", "/follows.txt", "");
    client_read(&client, strcmp(method, "HEAD") == 0, response);
    if (response->status != row->status)
        fail_msg("%s, %s: expected %d, got:\n%s", row->name, method, row->status, response->head);
    check_what_follows(&client, row);
    client_close(&client);
    free(request);
    blank_date(response);
}

static void check_row(uint16_t port, const struct row *row) {
    struct response get;
    struct response head;
    ask(port, "GET", row, &get);
    ask(port, "HEAD", row, &head);
    if (strcmp(get.head, head.head) != 0)
        fail_msg("%s: the head of GET is\n%sand that of HEAD\n%s", row->name, get.head, head.head);
    response_deinit(&get);
    response_deinit(&head);
}

static void serve(struct scene *scene) {
    tree_text(&scene->tree, "follows.txt", "what follows");
    tree_text(&scene->tree, "a.txt", "some text\n");
    tree_text(&scene->tree, "index.html", "<p>index");
    tree_file(&scene->tree, "empty.txt", 0, 0);
    tree_file(&scene->tree, "20k.bin", 1, 20 * 1024);
    tree_file(&scene->tree, "large.bin", 2, 100 * 1024);
    tree_directory(&scene->tree, "dir");
    tree_text(&scene->tree, "closed.txt", "closed");
    tree_mode(&scene->tree, "closed.txt", 0);
    scene_serve_unprivileged(scene, "--max-head", MAX_HEAD, "--max-body", MAX_BODY,
                             "--head-timeout", "500ms", "--listing", "off", NULL);
}

static void test_rfc9110_9_3_2_head_has_the_head_of_get(void **state) {
    struct scene *scene = *state;
    serve(scene);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_row(scene->server.port, &rows[i]);
}

static void test_rfc9110_9_3_2_head_of_an_encoded_sibling(void **state) {
    struct scene *scene = *state;
    serve(scene);
    tree_text(&scene->tree, "a.txt.gz", "encoded");
    tree_file(&scene->tree, "a.txt.br", 3, 100 * 1024);
    for (size_t i = 0; i < sizeof sibling_rows / sizeof sibling_rows[0]; i++)
        check_row(scene->server.port, &sibling_rows[i]);
}

/* RFC 9110 §15.5.9: the rest of the request never comes. */
static void test_rfc9110_9_3_2_head_of_a_timeout(void **state) {
    static const struct row half[] = {
        {"half a head", 408, CLOSED, "/a.txt HTTP/1.1\r\nHost: x\r\n"},
        {"half a request line", 408, CLOSED, "/a.t"},
    };
    struct scene *scene = *state;
    serve(scene);
    for (size_t i = 0; i < sizeof half / sizeof half[0]; i++) {
        struct response get;
        struct response head;
        struct client client;
        for (int to_head = 0; to_head < 2; to_head++) {
            char *request = expand(to_head ? "HEAD" : "GET", half[i].request);
            client_open(&client, scene->server.port);
            client_send_text(&client, request);
            client_read(&client, to_head, to_head ? &head : &get);
            client_expect_end(&client);
            client_close(&client);
            free(request);
        }
        response_assert_status(&get, 408);
        blank_date(&get);
        blank_date(&head);
        assert_string_equal(get.head, head.head);
        response_deinit(&get);
        response_deinit(&head);
    }
}

/* RFC 9112 §8: the client ends its side before the request is whole. */
static void test_rfc9110_9_3_2_head_of_an_incomplete_request(void **state) {
    struct scene *scene = *state;
    struct response response;
    struct client client;
    char heads[2][4096];
    serve(scene);
    for (int to_head = 0; to_head < 2; to_head++) {
        client_open(&client, scene->server.port);
        client_send_text(&client, to_head ? "HEAD" : "GET");
        client_send_text(&client, " /a.txt HTTP/1.1\r\nHost: x\r\n");
        client_half_close(&client);
        client_read(&client, to_head, &response);
        client_expect_end(&client);
        client_close(&client);
        response_assert_status(&response, 400);
        blank_date(&response);
        (void)snprintf(heads[to_head], sizeof heads[0], "%s", response.head);
        response_deinit(&response);
    }
    assert_string_equal(heads[0], heads[1]);
}

/* RFC 9110 §14.2: ranges are for GET. So HEAD never gets 206 or 416: its head is that of a GET
 * without Range, and a Range that If-Range is about changes nothing. */
static void test_rfc9110_14_2_head_has_no_ranges(void **state) {
    static const char *const fields[] = {
        "Range: bytes=0-0\r\n",
        "Range: bytes=-1\r\n",
        "Range: bytes=0-0,5-6\r\n",
        "Range: bytes=999999-\r\n",
        "Range: bytes=0-0\r\nIf-Range: \"x\"\r\n",
        "Range: junk\r\n",
    };
    static const char *const targets[] = {"/a.txt", "/empty.txt", "/20k.bin", "/large.bin"};
    struct scene *scene = *state;
    struct client client;
    struct response get;
    struct response head;
    serve(scene);
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        client_get(&client, targets[i], &get);
        blank_date(&get);
        for (size_t j = 0; j < sizeof fields / sizeof fields[0]; j++) {
            client_request(&client, "HEAD", targets[i], fields[j], &head);
            response_assert_status(&head, 200);
            blank_date(&head);
            assert_string_equal(get.head, head.head);
            response_deinit(&head);
        }
        response_deinit(&get);
    }
    client_expect(&client, "/follows.txt", 200);
    client_close(&client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_rfc9110_9_3_2_head_has_the_head_of_get),
        scene_test(test_rfc9110_9_3_2_head_of_an_encoded_sibling),
        scene_test(test_rfc9110_9_3_2_head_of_a_timeout),
        scene_test(test_rfc9110_9_3_2_head_of_an_incomplete_request),
        scene_test(test_rfc9110_14_2_head_has_no_ranges),
    };
    return cmocka_run_group_tests_name("head", tests, NULL, NULL);
}
