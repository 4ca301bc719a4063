/* Conditional requests (RFC 9110 §13). */
#include "support/client.h"
#include "support/scene.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* In the middle of a second, which a date can't say. */
static const struct timespec modified[2] = {{1577880000, 500000000}, {1577880000, 500000000}};

#define BEFORE  "Wed, 01 Jan 2020 11:59:59 GMT"
#define SAME    "Wed, 01 Jan 2020 12:00:00 GMT"
#define AFTER   "Wed, 01 Jan 2020 12:00:01 GMT"
#define RFC850  "Wednesday, 01-Jan-20 12:00:00 GMT"
#define ASCTIME "Wed Jan  1 12:00:00 2020"

struct row {
    const char *fields; /* "<E>" stands for the entity tag of the file */
    int status;
};

static const struct row rows[] = {
    {"", 200},
    {"If-None-Match: <E>\r\n", 304},
    {"If-None-Match: W/<E>\r\n", 304},
    {"If-None-Match: \"x\"\r\n", 200},
    {"If-None-Match: \"x\", <E>\r\n", 304},
    {"If-None-Match: \"x\" ,W/\"y\",\t<E> , \"z\"\r\n", 304},
    {"If-None-Match: \"x,y\", \"\", <E>\r\n", 304},
    {"If-None-Match: \"x\"\r\nIf-None-Match: <E>\r\n", 304},
    {"If-None-Match: *\r\n", 304},
    {"If-None-Match: \"*\"\r\n", 200},
    {"If-None-Match: w/<E>\r\n", 200},
    {"If-Modified-Since: " SAME "\r\n", 304},
    {"If-Modified-Since: " AFTER "\r\n", 304},
    {"If-Modified-Since: " BEFORE "\r\n", 200},
    {"If-Modified-Since: " RFC850 "\r\n", 304},
    {"If-Modified-Since: " ASCTIME "\r\n", 304},
    {"If-Modified-Since: yesterday\r\n", 200},
    {"If-Modified-Since: Wed, 01 Jan 2020 12:00:00 CET\r\n", 200},
    {"If-Modified-Since: Wed, 99 Jan 2020 12:00:00 GMT\r\n", 200},
    {"If-Modified-Since: 1577880000\r\n", 200},
    {"If-Match: <E>\r\n", 200},
    {"If-Match: *\r\n", 200},
    {"If-Match: \"x\", <E>\r\n", 200},
    {"If-Match: \"x\"\r\n", 412},
    {"If-Match: W/<E>\r\n", 412},
    {"If-Unmodified-Since: " SAME "\r\n", 200},
    {"If-Unmodified-Since: " AFTER "\r\n", 200},
    {"If-Unmodified-Since: " BEFORE "\r\n", 412},
    {"If-Unmodified-Since: whenever\r\n", 200},
    /* RFC 9110 §13.2.2: the order, and what makes what moot. */
    {"If-None-Match: \"x\"\r\nIf-Modified-Since: " SAME "\r\n", 200},
    {"If-None-Match: <E>\r\nIf-Modified-Since: " BEFORE "\r\n", 304},
    {"If-Match: <E>\r\nIf-Unmodified-Since: " BEFORE "\r\n", 200},
    {"If-Match: \"x\"\r\nIf-Unmodified-Since: " SAME "\r\n", 412},
    {"If-Match: \"x\"\r\nIf-None-Match: <E>\r\n", 412},
    {"If-Match: <E>\r\nIf-None-Match: <E>\r\n", 304},
    {"If-Unmodified-Since: " BEFORE "\r\nIf-Modified-Since: " SAME "\r\n", 412},
    {"If-Unmodified-Since: " SAME "\r\nIf-Modified-Since: " SAME "\r\n", 304},
};

/* Replaces "<E>". */
static void expand(const char *fields, const char *etag, char *text, size_t size) {
    size_t len = 0;
    for (const char *mark; (mark = strstr(fields, "<E>")) != NULL; fields = mark + 3)
        len +=
            (size_t)snprintf(text + len, size - len, "%.*s%s", (int)(mark - fields), fields, etag);
    (void)snprintf(text + len, size - len, "%s", fields);
}

static void serve(struct scene *scene, char *etag, size_t size) {
    struct response response;
    tree_text(&scene->tree, "a.txt", "some text");
    tree_directory(&scene->tree, "dir");
    assert_int_equal(utimensat(AT_FDCWD, tree_path(&scene->tree, "a.txt"), modified, 0), 0);
    scene_serve(scene, "--listing", "off", NULL);
    client_get_once(scene->server.port, "/a.txt", &response);
    response_assert_field(&response, "Last-Modified", SAME);
    (void)snprintf(etag, size, "%s", response_field(&response, "ETag"));
    response_deinit(&response);
}

static void check_row(struct client *client, const char *method, const struct row *row,
                      const char *etag) {
    char fields[512];
    struct response response;
    expand(row->fields, etag, fields, sizeof fields);
    client_request(client, method, "/a.txt", fields, &response);
    if (response.status != row->status)
        fail_msg("expected %d for\n%sgot\n%s", row->status, fields, response.head);
    assert_false(response_closes(&response));
    if (row->status == 412) {
        if (strcmp(method, "GET") == 0)
            response_assert_page(&response);
    } else {
        response_assert_field(&response, "ETag", etag);
        response_assert_field(&response, "Last-Modified", SAME);
        response_assert_field(&response, "Cache-Control", "no-cache");
    }
    response_deinit(&response);
}

static void test_rfc9110_13_2_2_preconditions(void **state) {
    struct scene *scene = *state;
    struct client client;
    char etag[128];
    serve(scene, etag, sizeof etag);
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_row(&client, "GET", &rows[i], etag);
        check_row(&client, "HEAD", &rows[i], etag);
    }
    client_close(&client);
}

/* RFC 9110 §15.4.5: the body of a 304 is empty whatever its fields say. */
static void test_rfc9110_15_4_5_not_modified_has_no_content(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    char etag[128];
    serve(scene, etag, sizeof etag);
    client_open(&client, scene->server.port);
    client_send_text(&client, "GET /a.txt HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n"
                              "GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read(&client, false, &response);
    response_assert_status(&response, 304);
    response_assert_no_field(&response, "Content-Type");
    if (response_field(&response, "Content-Length") != NULL)
        response_assert_field(&response, "Content-Length", "9");
    response_deinit(&response);
    client_read(&client, false, &response);
    response_assert_text(&response, "some text");
    response_deinit(&response);
    client_close(&client);
}

/* RFC 9110 §13.2.1: a precondition is looked at only where the answer would be a success. */
static void test_rfc9110_13_2_1_other_answers_come_first(void **state) {
    static const struct {
        const char *method;
        const char *target;
        const char *fields;
        int status;
    } requests[] = {
        {"GET", "/absent", "If-Match: *\r\n", 404},
        {"GET", "/absent", "If-None-Match: *\r\n", 404},
        {"GET", "/dir", "If-None-Match: *\r\n", 301},
        {"GET", "/dir/", "If-Match: \"x\"\r\n", 403},
        {"POST", "/a.txt", "If-Match: \"x\"\r\n", 405},
        {"OPTIONS", "/a.txt", "If-Match: \"x\"\r\n", 204},
        {"OPTIONS", "/a.txt", "If-None-Match: *\r\n", 204},
    };
    struct scene *scene = *state;
    struct client client;
    struct response response;
    char etag[128];
    serve(scene, etag, sizeof etag);
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        client_request(&client, requests[i].method, requests[i].target, requests[i].fields,
                       &response);
        response_assert_status(&response, requests[i].status);
        response_deinit(&response);
    }
    client_close(&client);
}

/* Two changes within a second share a date; the strong entity tag has to tell them apart. */
static void test_rfc9110_8_8_1_entity_tags_change_within_a_second(void **state) {
    static const struct timespec later[2] = {{1577880000, 500000001}, {1577880000, 500000001}};
    struct scene *scene = *state;
    struct response response;
    char etag[128];
    serve(scene, etag, sizeof etag);
    assert_int_equal(utimensat(AT_FDCWD, tree_path(&scene->tree, "a.txt"), later, 0), 0);
    struct stat stat_later;
    assert_int_equal(stat(tree_path(&scene->tree, "a.txt"), &stat_later), 0);
    if (stat_later.st_mtim.tv_nsec != 500000001) {
        note_cannot_test("nanoseconds of time stamps: the file system does not keep them");
        return;
    }
    client_get_once(scene->server.port, "/a.txt", &response);
    response_assert_field(&response, "Last-Modified", SAME);
    assert_string_not_equal(response_field(&response, "ETag"), etag);
    response_deinit(&response);
}

/* A file from a machine whose clock is ahead was modified, as far as clients are told, just now. */
static void test_rfc9110_8_8_2_1_last_modified_is_not_after_date(void **state) {
    static const struct timespec ahead[2] = {{4000000000, 0}, {4000000000, 0}};
    struct scene *scene = *state;
    struct client client;
    struct response response;
    char fields[256];
    char etag[128];
    serve(scene, etag, sizeof etag);
    assert_int_equal(utimensat(AT_FDCWD, tree_path(&scene->tree, "a.txt"), ahead, 0), 0);
    client_open(&client, scene->server.port);
    client_get(&client, "/a.txt", &response);
    long long said = response_parse_date(response_field(&response, "Last-Modified"));
    assert_true(said <= response_parse_date(response_field(&response, "Date")));
    assert_true(said > 1577880001);
    (void)snprintf(fields, sizeof fields, "Range: bytes=0-0\r\nIf-Range: %s\r\n",
                   response_field(&response, "Last-Modified"));
    response_deinit(&response);
    client_request(&client, "GET", "/a.txt", fields, &response);
    response_assert_status(&response, 200);
    (void)snprintf(fields, sizeof fields, "If-None-Match: %s\r\n",
                   response_field(&response, "ETag"));
    response_deinit(&response);
    client_request(&client, "GET", "/a.txt", fields, &response);
    response_assert_status(&response, 304);
    response_deinit(&response);
    client_request(&client, "GET", "/a.txt", "If-Modified-Since: " AFTER "\r\n", &response);
    response_assert_status(&response, 200);
    response_deinit(&response);
    client_close(&client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_rfc9110_13_2_2_preconditions),
        scene_test(test_rfc9110_15_4_5_not_modified_has_no_content),
        scene_test(test_rfc9110_13_2_1_other_answers_come_first),
        scene_test(test_rfc9110_8_8_1_entity_tags_change_within_a_second),
        scene_test(test_rfc9110_8_8_2_1_last_modified_is_not_after_date),
    };
    return cmocka_run_group_tests_name("preconditions", tests, NULL, NULL);
}
