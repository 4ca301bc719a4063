/* Range requests (RFC 9110 §14): every byte of what was asked for, and what it is said to be. */
#include "support/client.h"
#include "support/content.h"
#include "support/scene.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GIB (1024ull * 1024 * 1024)

enum { RANGES_MAX = 16, KIB = 1024, MIB = 1024 * 1024, HOLE = 200 };

/* A sparse file has content only in the last HOLE bytes before each of these. */
static const uint64_t islands[] = {HOLE, 4 * GIB + HOLE / 2, 5 * GIB};

struct file {
    const char *name;
    uint64_t seed;
    uint64_t size;
    bool sparse;
};

/* Files up to 32 KiB are sent from memory, those up to 4 KiB behind their head. */
static const struct file files[] = {
    {"0.txt", 1, 0, false},
    {"1.txt", 2, 1, false},
    {"4k.txt", 3, 4096, false},
    {"32k.txt", 4, 32 * KIB, false},
    {"100k.txt", 5, 100 * KIB, false},
    {"8m.txt", 6, 8 * MIB, false},
    {"5g.txt", 7, 5 * GIB, true},
};
enum { EMPTY, BYTE, PAGE, MEMORY, SMALL, LARGE, HUGE, FILES };

#define TYPE "text/plain; charset=utf-8"

struct range {
    uint64_t first;
    uint64_t len;
};

static void make_sparse(const struct scene *scene, const struct file *file) {
    char bytes[HOLE];
    tree_file(&scene->tree, file->name, 0, 0);
    int fd = open(tree_path(&scene->tree, file->name), O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)file->size), 0);
    for (size_t i = 0; i < sizeof islands / sizeof islands[0]; i++) {
        content_fill(file->seed, islands[i] - HOLE, bytes, HOLE);
        assert_int_equal(pwrite(fd, bytes, HOLE, (off_t)(islands[i] - HOLE)), HOLE);
    }
    (void)close(fd);
}

static void serve(struct scene *scene) {
    for (int i = 0; i < FILES; i++) {
        if (files[i].sparse)
            make_sparse(scene, &files[i]);
        else
            tree_file(&scene->tree, files[i].name, files[i].seed, files[i].size);
    }
    scene_serve(scene, NULL);
}

/* Fails unless `ptr` holds what the file has there; in a sparse one, within an island. */
static void check_bytes(const struct file *file, struct range range, const char *ptr) {
    content_assert(file->seed, range.first, ptr, range.len);
}

static void send_ranges(struct client *client, const char *method, const struct file *file,
                        const char *ranges, const char *more) {
    char target[32];
    char fields[1024];
    (void)snprintf(target, sizeof target, "/%s", file->name);
    (void)snprintf(fields, sizeof fields, "Range: bytes=%s\r\n%s", ranges, more);
    client_send_request(client, method, target, fields);
}

static void check_metadata(const struct response *response) {
    response_assert_field(response, "Accept-Ranges", "bytes");
    response_assert_field(response, "Cache-Control", "no-cache");
    response_assert_field(response, "X-Content-Type-Options", "nosniff");
    assert_int_equal(response_count_field(response, "ETag"), 1);
    assert_int_equal(response_count_field(response, "Last-Modified"), 1);
    assert_false(response_closes(response));
}

static void check_one(const struct response *response, const struct file *file,
                      struct range range) {
    char text[128];
    response_assert_status(response, 206);
    (void)snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)range.first,
                   (unsigned long long)(range.first + range.len - 1),
                   (unsigned long long)file->size);
    response_assert_field(response, "Content-Range", text);
    response_assert_field(response, "Content-Type", TYPE);
    assert_int_equal(response->body_len, range.len);
    check_metadata(response);
    check_bytes(file, range, response->body);
}

static void read_one(struct client *client, const struct file *file, struct range range) {
    struct response response;
    client_read(client, false, &response);
    check_one(&response, file, range);
    response_deinit(&response);
}

static void read_whole(struct client *client, const struct file *file, bool to_head) {
    struct response response;
    char length[32];
    client_read(client, to_head, &response);
    response_assert_status(&response, 200);
    (void)snprintf(length, sizeof length, "%llu", (unsigned long long)file->size);
    response_assert_field(&response, "Content-Length", length);
    response_assert_field(&response, "Content-Type", TYPE);
    response_assert_no_field(&response, "Content-Range");
    check_metadata(&response);
    if (!to_head)
        check_bytes(file, (struct range){0, file->size}, response.body);
    response_deinit(&response);
}

static void read_416(struct client *client, const struct file *file, bool to_head) {
    struct response response;
    char text[64];
    client_read(client, to_head, &response);
    response_assert_status(&response, 416);
    (void)snprintf(text, sizeof text, "bytes */%llu", (unsigned long long)file->size);
    response_assert_field(&response, "Content-Range", text);
    response_assert_no_field(&response, "ETag");
    response_assert_page(&response);
    assert_false(response_closes(&response));
    response_deinit(&response);
}

/* Takes exactly these bytes. */
static void take(const struct response *response, size_t *at, const char *text) {
    size_t len = strlen(text);
    if (response->body_len - *at < len || memcmp(response->body + *at, text, len) != 0)
        fail_msg("at byte %zu of %zu there is not:\n%s\nbut:\n%.*s", *at, response->body_len, text,
                 (int)(response->body_len - *at < 200 ? response->body_len - *at : 200),
                 response->body + *at);
    *at += len;
}

/* The boundary of a multipart response (RFC 2046 §5.1.1). */
static void read_boundary(const struct response *response, char *boundary, size_t size) {
    static const char type[] = "multipart/byteranges; boundary=";
    const char *value = response_field(response, "Content-Type");
    assert_int_equal(response_count_field(response, "Content-Type"), 1);
    if (strncmp(value, type, sizeof type - 1) != 0)
        fail_msg("not multipart:\n%s", response->head);
    (void)snprintf(boundary, size, "%s", value + sizeof type - 1);
    assert_in_range(strlen(boundary), 16, 70);
    assert_int_equal(strspn(boundary, "0123456789abcdef"), strlen(boundary));
}

static void check_parts(const struct response *response, const struct file *file,
                        const struct range *ranges, size_t count) {
    char boundary[128];
    char text[512];
    size_t at = 0;
    response_assert_status(response, 206);
    response_assert_no_field(response, "Content-Range"); /* RFC 9110 §15.3.7.2 */
    check_metadata(response);
    read_boundary(response, boundary, sizeof boundary);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(text, sizeof text,
                       "%s--%s\r\nContent-Type: " TYPE "\r\nContent-Range: bytes %llu-%llu/%llu"
                       "\r\n\r\n",
                       i > 0 ? "\r\n" : "", boundary, (unsigned long long)ranges[i].first,
                       (unsigned long long)(ranges[i].first + ranges[i].len - 1),
                       (unsigned long long)file->size);
        take(response, &at, text);
        assert_true(response->body_len - at >= ranges[i].len);
        check_bytes(file, ranges[i], response->body + at);
        at += ranges[i].len;
    }
    (void)snprintf(text, sizeof text, "\r\n--%s--\r\n", boundary);
    take(response, &at, text);
    assert_int_equal(at, response->body_len);
}

static void read_parts(struct client *client, const struct file *file, const struct range *ranges,
                       size_t count) {
    struct response response;
    client_read(client, false, &response);
    check_parts(&response, file, ranges, count);
    response_deinit(&response);
}

static void ask_one(struct client *client, const struct file *file, struct range range) {
    char text[64];
    (void)snprintf(text, sizeof text, "%llu-%llu", (unsigned long long)range.first,
                   (unsigned long long)(range.first + range.len - 1));
    send_ranges(client, "GET", file, text, "");
    read_one(client, file, range);
}

/* From and to all places where the way that bytes are sent could change. */
static void test_rfc9110_15_3_7_1_one_range(void **state) {
    static const uint64_t places[] = {0,     1,      2,     4095,        4096,
                                      4097,  32767,  32768, 32769,       65536,
                                      99999, 102399, MIB,   8 * MIB - 2, 8 * MIB - 1};
    enum { PLACES = sizeof places / sizeof places[0] };
    struct scene *scene = *state;
    struct client client;
    serve(scene);
    client_open(&client, scene->server.port);
    for (int i = BYTE; i <= LARGE; i++) {
        for (int first = 0; first < PLACES; first++) {
            for (int last = first; last < PLACES && places[last] < files[i].size; last++)
                ask_one(&client, &files[i],
                        (struct range){places[first], places[last] - places[first] + 1});
        }
    }
    client_close(&client);
}

/* Each byte alone, and each number of bytes from the start and from the end, over one connection.
 */
static void test_every_byte_alone(void **state) {
    struct scene *scene = *state;
    struct client client;
    const struct file *file = &files[PAGE];
    serve(scene);
    client_open(&client, scene->server.port);
    for (uint64_t i = 0; i < file->size; i += i < 100 ? 1 : 37) {
        char text[32];
        ask_one(&client, file, (struct range){i, 1});
        (void)snprintf(text, sizeof text, "%llu-", (unsigned long long)i);
        send_ranges(&client, "GET", file, text, "");
        read_one(&client, file, (struct range){i, file->size - i});
        (void)snprintf(text, sizeof text, "-%llu", (unsigned long long)i + 1);
        send_ranges(&client, "GET", file, text, "");
        read_one(&client, file, (struct range){file->size - i - 1, i + 1});
    }
    client_close(&client);
}

static const struct {
    int file;
    const char *text;
    size_t count; /* 0: the whole with 200; -1: 416 */
    struct range ranges[RANGES_MAX];
} sets[] = {
    {LARGE, "0-0,8388607-8388607", 2, {{0, 1}, {8388607, 1}}},
    {LARGE, "-1,0-0", 2, {{8388607, 1}, {0, 1}}},
    {LARGE, "5-9,1-2,3-4,1000-8000000", 2, {{1, 9}, {1000, 7999001}}},
    {LARGE,
     "0-2097151,3145728-5242879,-2097152",
     3,
     {{0, 2097152}, {3145728, 2097152}, {6291456, 2097152}}},
    {LARGE, "0-,1-,2-", 1, {{0, 8388608}}},
    {LARGE, "10-19,9999999-,30-39", 2, {{10, 10}, {30, 10}}},
    {LARGE, "9-,5-6,0-1", 0, {{0, 0}}}, /* as much as the whole, and more heads */
    {SMALL, "0-99,1000-33999,102300-", 3, {{0, 100}, {1000, 33000}, {102300, 100}}},
    {MEMORY, "0-4999,6000-6099,7000-31999", 3, {{0, 5000}, {6000, 100}, {7000, 25000}}},
    /* As much as fits: heads and copies have to find room in what is kept free for a response. */
    {MEMORY,
     "0-4089,4100-8189,8200-12289,12300-16389,16400-20489,20500-24589,24600-28689,28700-31500",
     8,
     {{0, 4090},
      {4100, 4090},
      {8200, 4090},
      {12300, 4090},
      {16400, 4090},
      {20500, 4090},
      {24600, 4090},
      {28700, 2801}}},
    {PAGE, "0-99,200-299,-100", 3, {{0, 100}, {200, 100}, {3996, 100}}},
    {PAGE, "0-2000,2002-", 0, {{0, 0}}},
    {BYTE, "0-0", 1, {{0, 1}}},
    {BYTE, "0-,0-0,-1,-5", 1, {{0, 1}}},
    {BYTE, "-1000", 1, {{0, 1}}},
    {BYTE, "1-", (size_t)-1, {{0, 0}}},
    {EMPTY, "0-", (size_t)-1, {{0, 0}}},
    {EMPTY, "0-0,1-1", (size_t)-1, {{0, 0}}},
    {EMPTY, "-0", (size_t)-1, {{0, 0}}},
    {EMPTY, "-1", 0, {{0, 0}}},
    {LARGE, "8388608-", (size_t)-1, {{0, 0}}},
    {LARGE, "99999999999999999999999999-", (size_t)-1, {{0, 0}}},
    {LARGE, "8388608-,9000000-9000001", (size_t)-1, {{0, 0}}},
    {SMALL, "5-4", 0, {{0, 0}}},
    {SMALL, "0-1;2-3", 0, {{0, 0}}},
    {SMALL, "", 0, {{0, 0}}},
    {HUGE, "-200", 1, {{5368708920, 200}}},
    {HUGE, "5368709119-", 1, {{5368709119, 1}}},
    {HUGE, "4294967200-4294967300", 1, {{4294967200, 101}}},
    {HUGE, "4294967296-4294967296", 1, {{4294967296, 1}}},
    {HUGE, "5368709000-99999999999", 1, {{5368709000, 120}}},
    {HUGE, "5368709120-", (size_t)-1, {{0, 0}}},
    {HUGE,
     "-1,4294967290-4294967299,0-9,5368709000-5368709009",
     4,
     {{5368709119, 1}, {4294967290, 10}, {0, 10}, {5368709000, 10}}},
};
enum { SETS = sizeof sets / sizeof sets[0] };

static void read_set(struct client *client, size_t i) {
    const struct file *file = &files[sets[i].file];
    if (sets[i].count == (size_t)-1)
        read_416(client, file, false);
    else if (sets[i].count == 0)
        read_whole(client, file, false);
    else if (sets[i].count == 1)
        read_one(client, file, sets[i].ranges[0]);
    else
        read_parts(client, file, sets[i].ranges, sets[i].count);
}

static void test_rfc9110_14_2_sets(void **state) {
    struct scene *scene = *state;
    struct client client;
    serve(scene);
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < SETS; i++) {
        send_ranges(&client, "GET", &files[sets[i].file], sets[i].text, "");
        read_set(&client, i);
    }
    client_close(&client);
}

/* All of them in one write, and HEAD between: nothing may reach into what follows. */
static void test_sets_pipelined(void **state) {
    enum { ROUNDS = 4 };
    struct scene *scene = *state;
    struct client client;
    static char requests[ROUNDS * SETS * 512];
    size_t len = 0;
    serve(scene);
    for (size_t i = 0; i < (size_t)ROUNDS * SETS; i++) {
        for (int head = 0; head < 2; head++)
            len += (size_t)snprintf(requests + len, sizeof requests - len,
                                    "%s /%s HTTP/1.1\r\nHost: x\r\nRange: bytes=%s\r\n\r\n",
                                    head == 1 ? "HEAD" : "GET", files[sets[i % SETS].file].name,
                                    sets[i % SETS].text);
        assert_true(len < sizeof requests);
    }
    client_open(&client, scene->server.port);
    client_send(&client, requests, len);
    for (size_t i = 0; i < (size_t)ROUNDS * SETS; i++) {
        read_set(&client, i % SETS);
        read_whole(&client, &files[sets[i % SETS].file], true); /* RFC 9110 §14.2 */
    }
    client_close(&client);
}

/* Many parts of a file by sendfile(2), so that a response takes as many pieces as one can. */
static void test_many_parts_pipelined(void **state) {
    enum { ROUNDS = 30 };
    struct scene *scene = *state;
    struct client client;
    struct range ranges[RANGES_MAX];
    char text[512];
    size_t len = 0;
    serve(scene);
    for (size_t i = 0; i < RANGES_MAX; i++) {
        ranges[i] = (struct range){i * 6000, 5 + i * 300};
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%zu-%zu", i > 0 ? ", " : "",
                                i * 6000, i * 6000 + 4 + i * 300);
    }
    client_open(&client, scene->server.port);
    for (int i = 0; i < ROUNDS; i++)
        send_ranges(&client, "GET", &files[SMALL], text, "");
    for (int i = 0; i < ROUNDS; i++)
        read_parts(&client, &files[SMALL], ranges, RANGES_MAX);
    (void)snprintf(text + len, sizeof text - len, ", 102399-"); /* one too many */
    send_ranges(&client, "GET", &files[SMALL], text, "");
    read_whole(&client, &files[SMALL], false);
    client_close(&client);
}

/* A client that takes little at a time: parts are left half sent at any byte. */
static void test_slow_reader_of_parts(void **state) {
    static const struct range ranges[] = {
        {1, 1500000}, {2000000, 10}, {2000020, 3000000}, {6000000, 2388608}};
    struct scene *scene = *state;
    struct client client;
    serve(scene);
    client_open_narrow(&client, scene->server.port, 4096);
    send_ranges(&client, "GET", &files[LARGE], "1-1500000,2000000-2000009,2000020-5000019,6000000-",
                "");
    send_ranges(&client, "GET", &files[SMALL], "50000-50009", "");
    for (int i = 0; i < 100; i++) {
        (void)client_receive(&client, CLIENT_TIMEOUT_MS);
        note_pause_ms(2);
    }
    assert_true(client.len < 6000000); /* else it was not slow */
    read_parts(&client, &files[LARGE], ranges, sizeof ranges / sizeof ranges[0]);
    read_one(&client, &files[SMALL], (struct range){50000, 10});
    client_close(&client);
}

static void test_rfc9110_14_2_other_fields_and_units(void **state) {
    struct scene *scene = *state;
    struct client client;
    const struct file *file = &files[SMALL];
    serve(scene);
    client_open(&client, scene->server.port);
    send_ranges(&client, "GET", file, "1-2", "Range: bytes=1-2\r\n"); /* twice */
    read_whole(&client, file, false);
    client_send_request(&client, "GET", "/100k.txt", "Range: lines=1-2\r\n");
    read_whole(&client, file, false);
    client_send_request(&client, "GET", "/100k.txt", "range: BYTES=1-2\r\n");
    read_one(&client, file, (struct range){1, 2});
    client_send_text(&client, "GET /100k.txt HTTP/1.0\r\nRange: bytes=1-2\r\n\r\n");
    struct response response;
    client_read(&client, false, &response);
    response_assert_status(&response, 206);
    response_assert_field(&response, "Content-Length", "2");
    response_deinit(&response);
    client_expect_end(&client);
    client_close(&client);
}

#define MODIFIED "Wed, 01 Jan 2020 12:00:00 GMT"

static void test_rfc9110_13_1_5_if_range(void **state) {
    static const struct timespec modified[2] = {{1577880000, 5}, {1577880000, 5}};
    static const struct {
        const char *fields; /* "%s" stands for the entity tag */
        bool applies;
    } rows[] = {
        {"If-Range: %s\r\n", true},
        {"If-Range: W/%s\r\n", false},
        {"If-Range: \"x\"\r\n", false},
        {"If-Range: %s, \"x\"\r\n", false},
        {"If-Range: %s\r\nIf-Range: \"x\"\r\n", false},
        {"If-Range: " MODIFIED "\r\n", true},
        {"If-Range: Wed, 01 Jan 2020 11:59:59 GMT\r\n", false},
        {"If-Range: Wed, 01 Jan 2020 12:00:01 GMT\r\n", false},
        {"If-Match: %s\r\nIf-Range: \"x\"\r\n", false},
        {"If-None-Match: \"x\"\r\nIf-Range: %s\r\n", true},
    };
    struct scene *scene = *state;
    struct client client;
    struct response response;
    const struct file *file = &files[SMALL];
    char etag[128];
    char fields[512];
    serve(scene);
    assert_int_equal(utimensat(AT_FDCWD, tree_path(&scene->tree, file->name), modified, 0), 0);
    client_open(&client, scene->server.port);
    client_get(&client, "/100k.txt", &response);
    (void)snprintf(etag, sizeof etag, "%s", response_field(&response, "ETag"));
    response_deinit(&response);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *mark = strstr(rows[i].fields, "%s");
        int before = mark != NULL ? (int)(mark - rows[i].fields) : (int)strlen(rows[i].fields);
        (void)snprintf(fields, sizeof fields, "%.*s%s%s", before, rows[i].fields,
                       mark != NULL ? etag : "", mark != NULL ? mark + 2 : "");
        send_ranges(&client, "GET", file, "40000-49999", fields);
        if (rows[i].applies)
            read_one(&client, file, (struct range){40000, 10000});
        else
            read_whole(&client, file, false);
    }
    (void)snprintf(fields, sizeof fields, "If-None-Match: %s\r\n", etag);
    client_request(&client, "GET", "/100k.txt", fields, &response);
    response_assert_status(&response, 304);
    response_deinit(&response);
    client_close(&client);
}

/* The first half of one version and the second of another must never become one file. */
static void test_rfc9110_13_1_5_file_that_changed(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    struct file changed = files[SMALL];
    char fields[256];
    serve(scene);
    client_open(&client, scene->server.port);
    send_ranges(&client, "GET", &files[SMALL], "0-49999", "");
    client_read(&client, false, &response);
    check_one(&response, &files[SMALL], (struct range){0, 50000});
    (void)snprintf(fields, sizeof fields, "If-Range: %s\r\n", response_field(&response, "ETag"));
    response_deinit(&response);
    changed.seed = 99;
    changed.size += 1; /* time stamps may be as coarse as a scheduler tick */
    tree_file(&scene->tree, changed.name, changed.seed, changed.size);
    send_ranges(&client, "GET", &changed, "50000-", fields);
    read_whole(&client, &changed, false);
    client_close(&client);
}

/* Runs curl, which must succeed, and compares what is then in `out`. */
static void check_curl(struct scene *scene, const struct file *file, struct range range,
                       const char *option, const char *value) {
    struct process curl;
    char url[64];
    struct stat stat_out;
    const char *out = tree_path(&scene->tree, "out");
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/%s", scene->server.port, file->name);
    const char *const argv[] = {"curl", "-sSf", option, value, "-o", out, url, NULL};
    process_start(&curl, NULL, argv);
    assert_true(process_wait(&curl, CLIENT_TIMEOUT_MS));
    if (process_exit_code(&curl) != 0)
        fail_msg("curl %s %s: exit code %d: %s", option, value, process_exit_code(&curl),
                 process_text(curl.err_fd));
    process_deinit(&curl);
    assert_int_equal(stat(out, &stat_out), 0);
    assert_int_equal(stat_out.st_size, range.len);
    char *bytes = malloc(range.len + 1);
    int fd = open(out, O_RDONLY | O_CLOEXEC);
    assert_true(bytes != NULL && fd >= 0);
    assert_int_equal(read(fd, bytes, range.len), range.len);
    check_bytes(file, range, bytes);
    (void)close(fd);
    free(bytes);
}

static void test_curl(void **state) {
    static const uint64_t lengths[] = {1, 4095, 3000000, 8 * MIB - 1};
    struct scene *scene = *state;
    serve(scene);
    check_curl(scene, &files[LARGE], (struct range){100, 5000000}, "-r", "100-5000099");
    check_curl(scene, &files[LARGE], (struct range){8 * MIB - 9, 9}, "-r", "-9");
    check_curl(scene, &files[HUGE], (struct range){5 * GIB - 120, 120}, "-r", "5368709000-");
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        tree_file(&scene->tree, "out", files[LARGE].seed, lengths[i]);
        check_curl(scene, &files[LARGE], (struct range){0, 8 * MIB}, "-C", "-");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_rfc9110_15_3_7_1_one_range),
        scene_test(test_every_byte_alone),
        scene_test(test_rfc9110_14_2_sets),
        scene_test(test_sets_pipelined),
        scene_test(test_many_parts_pipelined),
        scene_test(test_slow_reader_of_parts),
        scene_test(test_rfc9110_14_2_other_fields_and_units),
        scene_test(test_rfc9110_13_1_5_if_range),
        scene_test(test_rfc9110_13_1_5_file_that_changed),
        scene_test(test_curl),
    };
    return cmocka_run_group_tests_name("ranges", tests, NULL, NULL);
}
