/* Encoded siblings: files that are kept beside the plain one with a content coding applied, and
 * chosen by Accept-Encoding (RFC 9110 §8.4, §12.5.3). What they hold does not matter to the server,
 * so here it is bytes that tell them apart. */
#include "support/client.h"
#include "support/content.h"
#include "support/scene.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The representations that a file can have; BR to GZIP in the order in which they are chosen. */
enum coding { BR, ZSTD, GZIP, PLAIN, CODINGS, NOT_ACCEPTABLE };

static const struct {
    const char *extension;
    const char *token; /* NULL: no Content-Encoding */
    const char *type;  /* of the file by its own name */
} codings[CODINGS] = {
    {".br", "br", "application/x-brotli"},
    {".zst", "zstd", "application/zstd"},
    {".gz", "gzip", "application/gzip"},
    {"", NULL, "text/plain; charset=utf-8"},
};

enum { ALL = 1 << BR | 1 << ZSTD | 1 << GZIP, SIZE_PLAIN = 5000, SMALL = 0, LARGE = 100 * 1024 };

#define TYPE   "text/plain; charset=utf-8"
#define ACCEPT "Accept-Encoding: "
#define END    "\r\n"

/* A file with siblings. All of them differ in length and in each byte. */
struct resource {
    const char *target;
    unsigned siblings; /* bits 1 << coding */
    uint64_t more;     /* bytes that each of its files is longer */
};

static const struct resource resources[] = {
    {"/all.txt", ALL, SMALL},
    {"/none.txt", 0, SMALL},
    {"/gz.txt", 1 << GZIP, SMALL},
    {"/br.txt", 1 << BR, SMALL},
    {"/zst.txt", 1 << ZSTD, SMALL},
    {"/br-gz.txt", 1 << BR | 1 << GZIP, SMALL},
    {"/zst-gz.txt", 1 << ZSTD | 1 << GZIP, SMALL},
    {"/large.txt", ALL, LARGE},
    {"/large-none.txt", 0, LARGE},
};
enum { ALL_TXT, NONE_TXT, GZ_TXT, BR_TXT, ZST_TXT, BR_GZ_TXT, ZST_GZ_TXT, LARGE_TXT, LARGE_NONE };

static uint64_t size_of(const struct resource *resource, enum coding coding) {
    return (coding == PLAIN ? SIZE_PLAIN : 1000 + 100 * (unsigned)coding) + resource->more;
}

static unsigned seed_of(const struct resource *resource, enum coding coding) {
    return (unsigned)(resource - resources) * CODINGS + coding + 1;
}

static const char *path_of(const struct scene *scene, const char *name, enum coding coding) {
    char text[256];
    (void)snprintf(text, sizeof text, "%s%s", name, codings[coding].extension);
    return tree_path(&scene->tree, text);
}

/* Sets the time of modification, in seconds and nanoseconds since 1970. */
static void touch(const char *path, time_t time_s, long time_ns) {
    const struct timespec times[2] = {{time_s, time_ns}, {time_s, time_ns}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

enum { MODIFIED_S = 1577880000 }; /* Wed, 01 Jan 2020 12:00:00 GMT */

/* Writes the plain file, which is the oldest, or one of its siblings. */
static void write_file(const struct scene *scene, const struct resource *resource,
                       enum coding coding) {
    char name[256];
    (void)snprintf(name, sizeof name, "%s%s", resource->target + 1, codings[coding].extension);
    tree_file(&scene->tree, name, seed_of(resource, coding), size_of(resource, coding));
    touch(tree_path(&scene->tree, name), MODIFIED_S + (coding == PLAIN ? 0 : 1 + coding), 0);
}

static void write_resource(const struct scene *scene, const struct resource *resource) {
    write_file(scene, resource, PLAIN);
    for (int coding = BR; coding < PLAIN; coding++) {
        if ((resource->siblings & 1u << coding) != 0)
            write_file(scene, resource, (enum coding)coding);
    }
}

static void serve(struct scene *scene) {
    for (size_t i = 0; i < sizeof resources / sizeof resources[0]; i++)
        write_resource(scene, &resources[i]);
    scene_serve(scene, "--listing", "off", NULL);
}

/* Fails, and says in which case, unless the head says which coding it is and that it was chosen. */
static void check_coding(const char *name, const struct response *response, enum coding coding,
                         bool varies) {
    const char *token = response_field(response, "Content-Encoding");
    const char *wanted = codings[coding].token;
    bool same =
        token == NULL || wanted == NULL ? token == NULL && wanted == NULL : !strcmp(token, wanted);
    if (!same || response_count_field(response, "Content-Encoding") > 1)
        fail_msg("%s: expected %s, got:\n%s", name, wanted != NULL ? wanted : "the plain file",
                 response->head);
    if (varies)
        response_assert_field(response, "Vary", "Accept-Encoding");
    else
        response_assert_no_field(response, "Vary");
}

/* The same of a whole representation, with its content. */
static void check_whole(const char *name, const struct response *response,
                        const struct resource *resource, enum coding coding, bool to_head) {
    char length[32];
    if (response->status != 200)
        fail_msg("%s: expected 200, got:\n%s", name, response->head);
    check_coding(name, response, coding, resource->siblings != 0);
    (void)snprintf(length, sizeof length, "%llu", (unsigned long long)size_of(resource, coding));
    response_assert_field(response, "Content-Length", length);
    response_assert_field(response, "Content-Type", TYPE);
    assert_false(response_closes(response));
    if (!to_head)
        response_assert_content(response, seed_of(resource, coding), size_of(resource, coding));
}

/* That answer always depends on what was asked for. */
static void check_not_acceptable(const char *name, const struct response *response, bool to_head) {
    if (response->status != 406)
        fail_msg("%s: expected 406, got:\n%s", name, response->head);
    check_coding(name, response, PLAIN, true);
    response_assert_no_field(response, "ETag");
    assert_false(response_closes(response));
    if (!to_head)
        response_assert_page(response);
}

/* A request whose answer is the whole of one representation, or 406. */
static void expect_coding(struct client *client, const char *name, const char *method,
                          const struct resource *resource, const char *fields, enum coding coding) {
    struct response response;
    bool to_head = strcmp(method, "HEAD") == 0;
    client_request(client, method, resource->target, fields, &response);
    if (coding == NOT_ACCEPTABLE)
        check_not_acceptable(name, &response, to_head);
    else
        check_whole(name, &response, resource, coding, to_head);
    response_deinit(&response);
}

/* The entity tag of what these fields choose. */
static void read_etag(struct client *client, const char *target, const char *fields, char *etag,
                      size_t size) {
    struct response response;
    client_request(client, "HEAD", target, fields, &response);
    response_assert_status(&response, 200);
    assert_int_equal(response_count_field(&response, "ETag"), 1);
    (void)snprintf(etag, size, "%s", response_field(&response, "ETag"));
    response_deinit(&response);
}

static const struct {
    const char *name;
    int resource;
    const char *fields;
    enum coding coding;
} choices[] = {
    {"no field", ALL_TXT, "", PLAIN},
    {"an empty field", ALL_TXT, "Accept-Encoding:" END, PLAIN},
    {"only commas", ALL_TXT, ACCEPT ", ," END, PLAIN},
    {"what a browser sends", ALL_TXT, ACCEPT "gzip, deflate, br, zstd" END, BR},
    {"what a browser sends, gzip there", GZ_TXT, ACCEPT "gzip, deflate, br, zstd" END, GZIP},
    {"what a browser sends, none there", NONE_TXT, ACCEPT "gzip, deflate, br, zstd" END, PLAIN},
    {"br", ALL_TXT, ACCEPT "br" END, BR},
    {"zstd", ALL_TXT, ACCEPT "zstd" END, ZSTD},
    {"gzip", ALL_TXT, ACCEPT "gzip" END, GZIP},
    {"x-gzip", ALL_TXT, ACCEPT "x-gzip" END, GZIP},
    {"capitals", ALL_TXT, "ACCEPT-ENCODING: GZip" END, GZIP},
    {"capitals of x-gzip", ALL_TXT, ACCEPT "X-GZIP" END, GZIP},
    {"codings that are not known", ALL_TXT, ACCEPT "deflate, compress, snappy" END, PLAIN},
    {"an extension is no coding", ALL_TXT, ACCEPT "zst, gz" END, PLAIN},
    {"br is not there", GZ_TXT, ACCEPT "br" END, PLAIN},
    {"gzip is not there", BR_TXT, ACCEPT "gzip, zstd" END, PLAIN},

    {"equal: br before zstd before gzip", ALL_TXT, ACCEPT "gzip, zstd, br" END, BR},
    {"equal: zstd before gzip", ALL_TXT, ACCEPT "gzip, zstd" END, ZSTD},
    {"equal: br before gzip", ALL_TXT, ACCEPT "gzip;q=0.5, br;q=0.5" END, BR},
    {"equal, br not there", ZST_GZ_TXT, ACCEPT "gzip, zstd, br" END, ZSTD},
    {"equal, zstd not there", BR_GZ_TXT, ACCEPT "gzip, zstd" END, GZIP},

    {"gzip above br", ALL_TXT, ACCEPT "br;q=0.9, gzip" END, GZIP},
    {"zstd above both", ALL_TXT, ACCEPT "br;q=0.5, zstd;q=0.501, gzip;q=0.5" END, ZSTD},
    {"the thousandth counts", ALL_TXT, ACCEPT "br;q=0.998, gzip;q=0.999" END, GZIP},
    {"the best is not there", BR_GZ_TXT, ACCEPT "zstd, gzip;q=0.2, br;q=0.1" END, GZIP},
    {"white space about a weight", ALL_TXT, ACCEPT "br ; q=0.1 ,\tgzip\t;\tq=0.2" END, GZIP},
    {"Q in capitals", ALL_TXT, ACCEPT "br;Q=0.1, gzip;Q=0.2" END, GZIP},

    {"br refused", ALL_TXT, ACCEPT "br;q=0, gzip, zstd" END, ZSTD},
    {"br refused with decimals", ALL_TXT, ACCEPT "br;q=0.000, gzip" END, GZIP},
    {"all refused", ALL_TXT, ACCEPT "br;q=0, gzip;q=0, zstd;q=0" END, PLAIN},
    {"gzip refused, br not named", ALL_TXT, ACCEPT "gzip;q=0" END, PLAIN},

    {"identity not named: any coding before it", ALL_TXT, ACCEPT "gzip;q=0.001" END, GZIP},
    {"identity", ALL_TXT, ACCEPT "identity" END, PLAIN},
    {"IDENTITY", ALL_TXT, ACCEPT "IDENTITY, gzip;q=0.5" END, PLAIN},
    {"identity above", ALL_TXT, ACCEPT "br;q=0.5, identity;q=0.6" END, PLAIN},
    {"identity equal: after codings", ALL_TXT, ACCEPT "identity, gzip" END, GZIP},
    {"identity below", ALL_TXT, ACCEPT "identity;q=0.5, gzip" END, GZIP},
    {"identity below, but alone there", NONE_TXT, ACCEPT "identity;q=0.1, gzip" END, PLAIN},
    {"identity refused, gzip there", GZ_TXT, ACCEPT "identity;q=0, gzip" END, GZIP},

    {"any", ALL_TXT, ACCEPT "*" END, BR},
    {"any, gzip there", GZ_TXT, ACCEPT "*" END, GZIP},
    {"any, zstd there", ZST_TXT, ACCEPT "*" END, ZSTD},
    {"any, none there", NONE_TXT, ACCEPT "*" END, PLAIN},
    {"any but br", ALL_TXT, ACCEPT "br;q=0, *" END, ZSTD},
    {"any, and gzip above", ALL_TXT, ACCEPT "*;q=0.1, gzip" END, GZIP},
    {"any, and identity above", ALL_TXT, ACCEPT "*;q=0.1, identity" END, PLAIN},
    {"any but identity", ALL_TXT, ACCEPT "*, identity;q=0" END, BR},
    {"gzip and nothing else", ALL_TXT, ACCEPT "gzip, *;q=0" END, GZIP},
    {"identity and nothing else", ALL_TXT, ACCEPT "identity, *;q=0" END, PLAIN},

    {"two lines", ALL_TXT, ACCEPT "gzip" END ACCEPT "br;q=0.5" END, GZIP},
    {"two lines, the best in the second", ALL_TXT, ACCEPT "br;q=0.5" END ACCEPT "gzip" END, GZIP},
    {"the second line refuses", ALL_TXT, ACCEPT "br, gzip" END ACCEPT "br;q=0" END, GZIP},
    {"the second line is empty", ALL_TXT, ACCEPT "gzip" END "Accept-Encoding:" END, GZIP},
    {"an element that is malformed", ALL_TXT, ACCEPT "br;q=9, gzip" END, GZIP},

    {"a large file, br", LARGE_TXT, ACCEPT "br" END, BR},
    {"a large file, zstd", LARGE_TXT, ACCEPT "zstd" END, ZSTD},
    {"a large file, gzip", LARGE_TXT, ACCEPT "gzip" END, GZIP},
    {"a large file, plain", LARGE_TXT, "", PLAIN},
    {"a large file, none there", LARGE_NONE, ACCEPT "gzip" END, PLAIN},

    {"nothing acceptable", NONE_TXT, ACCEPT "identity;q=0" END, NOT_ACCEPTABLE},
    {"nothing acceptable, siblings there", ALL_TXT, ACCEPT "identity;q=0" END, NOT_ACCEPTABLE},
    {"nothing by any", NONE_TXT, ACCEPT "*;q=0" END, NOT_ACCEPTABLE},
    {"nothing by any, siblings there", ALL_TXT, ACCEPT "*;q=0" END, NOT_ACCEPTABLE},
    {"only br, gzip there", GZ_TXT, ACCEPT "br, identity;q=0" END, NOT_ACCEPTABLE},
    {"only br, none there", NONE_TXT, ACCEPT "br, *;q=0" END, NOT_ACCEPTABLE},
    {"only what is unknown", ALL_TXT, ACCEPT "snappy, *;q=0" END, NOT_ACCEPTABLE},
    {"in two lines", ALL_TXT, ACCEPT "identity;q=0" END ACCEPT "*;q=0" END, NOT_ACCEPTABLE},
};
enum { CHOICES = sizeof choices / sizeof choices[0] };

/* RFC 9110 §12.5.3, §12.4.2: by weight, and br, zstd, gzip, identity at equal weight. For HEAD, the
 * same (§9.3.2). */
static void test_rfc9110_12_5_3_weights_choose(void **state) {
    struct scene *scene = *state;
    struct client client;
    serve(scene);
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < CHOICES; i++) {
        const struct resource *resource = &resources[choices[i].resource];
        expect_coding(&client, choices[i].name, "GET", resource, choices[i].fields,
                      choices[i].coding);
        expect_coding(&client, choices[i].name, "HEAD", resource, choices[i].fields,
                      choices[i].coding);
    }
    client_close(&client);
}

/* All of them in one write: the choice of one request must not reach into the next. */
static void test_choices_pipelined(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    serve(scene);
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < CHOICES; i++)
        client_send_request(&client, "GET", resources[choices[i].resource].target,
                            choices[i].fields);
    for (size_t i = 0; i < CHOICES; i++) {
        const struct resource *resource = &resources[choices[i].resource];
        client_read(&client, false, &response);
        if (choices[i].coding == NOT_ACCEPTABLE)
            check_not_acceptable(choices[i].name, &response, false);
        else
            check_whole(choices[i].name, &response, resource, choices[i].coding, false);
        response_deinit(&response);
    }
    client_close(&client);
}

/* RFC 9110 §8.4: the coding is said, and all other fields are those of the plain file. */
static void test_rfc9110_8_4_content_encoding_is_said(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    serve(scene);
    client_open(&client, scene->server.port);
    for (int coding = BR; coding < PLAIN; coding++) {
        char fields[64];
        (void)snprintf(fields, sizeof fields, ACCEPT "%s" END, codings[coding].token);
        client_request(&client, "GET", "/all.txt", fields, &response);
        response_assert_field(&response, "Content-Encoding", codings[coding].token);
        response_assert_field(&response, "Content-Type", TYPE);
        response_assert_field(&response, "Accept-Ranges", "bytes");
        response_assert_field(&response, "Cache-Control", "no-cache");
        response_assert_field(&response, "X-Content-Type-Options", "nosniff");
        assert_int_equal(response_count_field(&response, "ETag"), 1);
        assert_int_equal(response_count_field(&response, "Last-Modified"), 1);
        response_deinit(&response);
    }
    client_close(&client);
}

static void test_http_1_0_clients_choose_too(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    serve(scene);
    client_open(&client, scene->server.port);
    client_send_text(&client, "GET /all.txt HTTP/1.0\r\n" ACCEPT "gzip" END END);
    client_read(&client, false, &response);
    check_coding("HTTP/1.0", &response, GZIP, true);
    response_assert_content(&response, seed_of(&resources[ALL_TXT], GZIP),
                            size_of(&resources[ALL_TXT], GZIP));
    client_expect_end(&client);
    response_deinit(&response);
    client_close(&client);
}

/* RFC 9110 §12.5.5: whoever caches one answer has to know that another field gets another one, also
 * where identity was chosen, or nothing. Where there is no choice, there is no Vary. */
static void test_rfc9110_12_5_5_vary_where_siblings_are(void **state) {
    static const struct {
        const char *fields;
        int status;
    } answers[] = {
        {"", 200},
        {ACCEPT "gzip" END, 200},
        {ACCEPT "identity" END, 200},
        {ACCEPT "snappy" END, 200},
        {"Range: bytes=0-9" END, 206},
        {ACCEPT "gzip" END "Range: bytes=0-9" END, 206},
        {"Range: bytes=0-9,100-109" END, 206},
        {"If-None-Match: *" END, 304},
        {ACCEPT "gzip" END "If-None-Match: *" END, 304},
        {"If-Match: \"x\"" END, 412},
        {ACCEPT "gzip" END "If-Match: \"x\"" END, 412},
        {"Range: bytes=999999-" END, 416},
        {ACCEPT "gzip" END "Range: bytes=999999-" END, 416},
        {ACCEPT "identity;q=0" END, 406},
    };
    static const int of[] = {ALL_TXT, GZ_TXT, LARGE_TXT, NONE_TXT, LARGE_NONE};
    struct scene *scene = *state;
    struct client client;
    struct response response;
    serve(scene);
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < sizeof of / sizeof of[0] * 2; i++) {
        const struct resource *resource = &resources[of[i / 2]];
        bool to_head = i % 2 == 1;
        for (size_t j = 0; j < sizeof answers / sizeof answers[0]; j++) {
            bool of_get = answers[j].status == 206 || answers[j].status == 416;
            client_request(&client, to_head ? "HEAD" : "GET", resource->target, answers[j].fields,
                           &response);
            response_assert_status(&response, to_head && of_get ? 200 : answers[j].status);
            if (resource->siblings != 0 || answers[j].status == 406)
                response_assert_field(&response, "Vary", "Accept-Encoding");
            else
                response_assert_no_field(&response, "Vary");
            response_deinit(&response);
        }
    }
    client_close(&client);
}

/* The tags of all representations, by coding. */
static void read_etags(struct client *client, const char *target, char etags[CODINGS][128]) {
    for (int coding = BR; coding < CODINGS; coding++) {
        char fields[64];
        (void)snprintf(fields, sizeof fields, ACCEPT "%s" END,
                       coding == PLAIN ? "identity" : codings[coding].token);
        read_etag(client, target, fields, etags[coding], sizeof etags[0]);
        size_t len = strlen(etags[coding]);
        assert_true(len > 2 && etags[coding][0] == '"' && etags[coding][len - 1] == '"');
    }
}

static void check_etags_differ(char etags[CODINGS][128]) {
    for (int i = BR; i < CODINGS; i++) {
        for (int j = BR; j < i; j++)
            assert_string_not_equal(etags[i], etags[j]);
    }
}

/* RFC 9110 §8.8.3, §8.8.3.3: each representation has a strong tag of its own; also where the files
 * are one and the same, which only differ in what is said about them. */
static void test_rfc9110_8_8_3_each_coding_has_its_own_etag(void **state) {
    struct scene *scene = *state;
    struct client client;
    char etags[CODINGS][128];
    char again[CODINGS][128];
    tree_text(&scene->tree, "linked.txt", "the same bytes under four names");
    for (int coding = BR; coding < PLAIN; coding++)
        assert_int_equal(link(tree_path(&scene->tree, "linked.txt"),
                              path_of(scene, "linked.txt", (enum coding)coding)),
                         0);
    serve(scene);
    client_open(&client, scene->server.port);
    read_etags(&client, "/all.txt", etags);
    check_etags_differ(etags);
    read_etags(&client, "/all.txt", again);
    assert_memory_equal(etags[GZIP], again[GZIP], strlen(etags[GZIP]) + 1);
    read_etags(&client, "/large.txt", etags);
    check_etags_differ(etags);
    read_etags(&client, "/linked.txt", etags);
    check_etags_differ(etags);
    client_close(&client);
}

/* RFC 9110 §13.1.1, §13.1.2: validators are compared with those of what would be sent. */
static void test_rfc9110_13_1_preconditions_are_of_the_chosen_one(void **state) {
    static const struct {
        const char *accept;
        const char *field;
        enum coding etag;
        int status;
    } rows[] = {
        {"gzip", "If-None-Match", GZIP, 304},   {"gzip", "If-None-Match", PLAIN, 200},
        {"gzip", "If-None-Match", BR, 200},     {"br", "If-None-Match", BR, 304},
        {"zstd", "If-None-Match", ZSTD, 304},   {"identity", "If-None-Match", PLAIN, 304},
        {"", "If-None-Match", PLAIN, 304},      {"identity", "If-None-Match", GZIP, 200},
        {"gzip", "If-Match", GZIP, 200},        {"gzip", "If-Match", PLAIN, 412},
        {"gzip", "If-Match", ZSTD, 412},        {"identity", "If-Match", PLAIN, 200},
        {"identity", "If-Match", GZIP, 412},    {"identity;q=0", "If-Match", GZIP, 406},
        {"*;q=0", "If-None-Match", PLAIN, 406},
    };
    static const int of[] = {ALL_TXT, LARGE_TXT};
    struct scene *scene = *state;
    struct client client;
    struct response response;
    char etags[CODINGS][128];
    char fields[1024];
    serve(scene);
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        const struct resource *resource = &resources[of[i % 2]];
        bool to_head = i / 2 % 2 == 1;
        read_etags(&client, resource->target, etags);
        (void)snprintf(fields, sizeof fields, ACCEPT "%s" END "%s: %s" END, rows[i / 2].accept,
                       rows[i / 2].field, etags[rows[i / 2].etag]);
        client_request(&client, to_head ? "HEAD" : "GET", resource->target, fields, &response);
        if (response.status != rows[i / 2].status)
            fail_msg("expected %d for\n%sgot\n%s", rows[i / 2].status, fields, response.head);
        response_assert_field(&response, "Vary", "Accept-Encoding");
        if (response.status == 304) /* RFC 9110 §15.4.5 */
            response_assert_field(&response, "ETag", etags[rows[i / 2].etag]);
        response_deinit(&response);
    }
    client_close(&client);
}

/* One range of a representation, known by its coding; `fields` are those of the request. */
static void expect_range(struct client *client, const struct resource *resource, const char *fields,
                         enum coding coding, uint64_t first, uint64_t len) {
    struct response response;
    char text[128];
    client_request(client, "GET", resource->target, fields, &response);
    response_assert_status(&response, 206);
    (void)snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)first,
                   (unsigned long long)(first + len - 1),
                   (unsigned long long)size_of(resource, coding));
    response_assert_field(&response, "Content-Range", text);
    response_assert_field(&response, "Content-Type", TYPE);
    check_coding(text, &response, coding, true);
    assert_int_equal(response.body_len, len);
    content_assert(seed_of(resource, coding), first, response.body, len);
    response_deinit(&response);
}

/* Finds the part of a multipart response that is this range, and compares its bytes. */
static void check_part(const struct response *response, const struct resource *resource,
                       enum coding coding, uint64_t first, uint64_t len) {
    char text[128];
    (void)snprintf(text, sizeof text, "\r\nContent-Range: bytes %llu-%llu/%llu\r\n",
                   (unsigned long long)first, (unsigned long long)(first + len - 1),
                   (unsigned long long)size_of(resource, coding));
    const char *end = response->body + response->body_len;
    const char *part = memmem(response->body, response->body_len, text, strlen(text));
    if (part == NULL)
        fail_msg("no part has%sin:\n%s", text, response->head);
    const char *bytes = memmem(part, (size_t)(end - part), "\r\n\r\n", 4);
    assert_true(bytes != NULL && (uint64_t)(end - bytes - 4) > len);
    content_assert(seed_of(resource, coding), first, bytes + 4, len);
    assert_memory_equal(bytes + 4 + len, "\r\n--", 4);
}

static void expect_parts(struct client *client, const struct resource *resource,
                         enum coding coding) {
    struct response response;
    char fields[256];
    uint64_t size = size_of(resource, coding);
    (void)snprintf(fields, sizeof fields, ACCEPT "%s" END "Range: bytes=0-9,300-399,-1" END,
                   coding == PLAIN ? "identity" : codings[coding].token);
    client_request(client, "GET", resource->target, fields, &response);
    response_assert_no_field(&response, "Content-Range");
    if (coding != PLAIN) { /* the whole: parts of it would be decoded with their heads */
        response_assert_status(&response, 200);
        check_coding("several ranges", &response, coding, true);
        assert_int_equal(response.body_len, size);
        content_assert(seed_of(resource, coding), 0, response.body, response.body_len);
        response_deinit(&response);
        return;
    }
    response_assert_status(&response, 206);
    note_assert_contains(response_field(&response, "Content-Type"), "multipart/byteranges; ");
    note_assert_contains(response.body, "\r\nContent-Type: " TYPE "\r\n");
    check_coding("several ranges", &response, coding, true);
    check_part(&response, resource, coding, 0, 10);
    check_part(&response, resource, coding, 300, 100);
    check_part(&response, resource, coding, size - 1, 1);
    response_deinit(&response);
}

static void expect_416(struct client *client, const struct resource *resource, enum coding coding) {
    struct response response;
    char fields[256];
    char range[64];
    unsigned long long size = size_of(resource, coding);
    (void)snprintf(fields, sizeof fields, ACCEPT "%s" END "Range: bytes=%llu-" END,
                   coding == PLAIN ? "identity" : codings[coding].token, size);
    (void)snprintf(range, sizeof range, "bytes */%llu", size);
    client_request(client, "GET", resource->target, fields, &response);
    response_assert_status(&response, 416);
    response_assert_field(&response, "Content-Range", range);
    /* The page is as it is. */
    check_coding("416", &response, PLAIN, true);
    response_assert_page(&response);
    response_deinit(&response);
}

/* RFC 9110 §14.2, §14.4: a range is one of the representation that was chosen, as it is sent. */
static void test_rfc9110_14_2_ranges_are_of_the_encoded_bytes(void **state) {
    static const int of[] = {ALL_TXT, LARGE_TXT};
    struct scene *scene = *state;
    struct client client;
    char fields[256];
    serve(scene);
    client_open(&client, scene->server.port);
    for (int i = 0; i < 2 * CODINGS; i++) {
        const struct resource *resource = &resources[of[i % 2]];
        enum coding coding = (enum coding)(i / 2);
        const char *token = coding == PLAIN ? "identity" : codings[coding].token;
        uint64_t size = size_of(resource, coding);
        (void)snprintf(fields, sizeof fields, ACCEPT "%s" END "Range: bytes=10-99" END, token);
        expect_range(&client, resource, fields, coding, 10, 90);
        (void)snprintf(fields, sizeof fields, ACCEPT "%s" END "Range: bytes=-7" END, token);
        expect_range(&client, resource, fields, coding, size - 7, 7);
        (void)snprintf(fields, sizeof fields, ACCEPT "%s" END "Range: bytes=500-999999" END, token);
        expect_range(&client, resource, fields, coding, 500, size - 500);
        expect_parts(&client, resource, coding);
        expect_416(&client, resource, coding);
    }
    client_close(&client);
}

/* RFC 9110 §13.1.5: the half of one coding must not be joined to the half of another. */
static void test_rfc9110_13_1_5_if_range_is_of_the_chosen_one(void **state) {
    static const int of[] = {ALL_TXT, LARGE_TXT};
    struct scene *scene = *state;
    struct client client;
    char etags[CODINGS][128];
    char fields[1024];
    serve(scene);
    client_open(&client, scene->server.port);
    for (int i = 0; i < 2; i++) {
        const struct resource *resource = &resources[of[i]];
        read_etags(&client, resource->target, etags);
        for (int coding = BR; coding < CODINGS; coding++) {
            (void)snprintf(fields, sizeof fields,
                           ACCEPT "gzip" END "Range: bytes=500-599" END "If-Range: %s" END,
                           etags[coding]);
            if (coding == GZIP)
                expect_range(&client, resource, fields, GZIP, 500, 100);
            else
                expect_coding(&client, "If-Range", "GET", resource, fields, GZIP);
        }
    }
    client_close(&client);
}

/* RFC 9110 §15.5.7: said with a page, and the connection goes on. It is about files: what is
 * answered with a page or a redirect is answered all the same. */
static void test_rfc9110_15_5_7_nothing_is_acceptable(void **state) {
    static const struct {
        const char *target;
        const char *fields;
        int status;
    } rows[] = {
        {"/all.txt", "", 406},
        {"/none.txt", "", 406},
        {"/all.txt", "If-None-Match: *" END, 406},
        {"/all.txt", "If-Match: \"x\"" END, 406},
        {"/all.txt", "Range: bytes=0-9" END, 406},
        {"/all.txt", "Range: bytes=999999-" END, 406},
        {"/absent", "", 404},
        {"/dir", "", 301},
        {"/dir/", "", 403},
    };
    struct scene *scene = *state;
    struct client client;
    struct response response;
    char fields[256];
    tree_directory(&scene->tree, "dir");
    serve(scene);
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)snprintf(fields, sizeof fields, ACCEPT "*;q=0" END "%s", rows[i].fields);
        client_request(&client, "GET", rows[i].target, fields, &response);
        response_assert_status(&response, rows[i].status);
        response_assert_page(&response);
        assert_false(response_closes(&response));
        response_deinit(&response);
    }
    client_expect(&client, "/all.txt", 200);
    client_close(&client);
}

/* A sibling that was not made anew after the file changed would be old content. */
static void test_older_siblings_are_ignored(void **state) {
    static const struct {
        const char *name;
        time_t time_s;
        long time_ns;
        bool chosen;
    } rows[] = {
        {"a day older", MODIFIED_S - 86400, 0, false},
        {"a second older", MODIFIED_S - 1, 500, false},
        {"a nanosecond older", MODIFIED_S, 499, false},
        {"of the same time", MODIFIED_S, 500, true},
        {"a nanosecond newer", MODIFIED_S, 501, true},
        {"newer, with a smaller fraction", MODIFIED_S + 1, 0, true},
        {"before 1970", -1000, 600, false},
    };
    struct scene *scene = *state;
    struct client client;
    struct stat stat_plain;
    serve(scene);
    client_open(&client, scene->server.port);
    touch(path_of(scene, "gz.txt", PLAIN), MODIFIED_S, 500);
    assert_int_equal(stat(path_of(scene, "gz.txt", PLAIN), &stat_plain), 0);
    if (stat_plain.st_mtim.tv_nsec != 500) {
        note_cannot_test("nanoseconds of time stamps: the file system does not keep them");
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct response response;
        touch(path_of(scene, "gz.txt", GZIP), rows[i].time_s, rows[i].time_ns);
        client_request(&client, "GET", "/gz.txt", ACCEPT "gzip" END, &response);
        response_assert_status(&response, 200);
        check_coding(rows[i].name, &response, rows[i].chosen ? GZIP : PLAIN, rows[i].chosen);
        response_assert_content(&response,
                                seed_of(&resources[GZ_TXT], rows[i].chosen ? GZIP : PLAIN),
                                size_of(&resources[GZ_TXT], rows[i].chosen ? GZIP : PLAIN));
        response_deinit(&response);
    }
    client_close(&client);
}

/* One of several that is too old does not keep the others from being chosen. */
static void test_one_older_sibling_leaves_the_others(void **state) {
    struct scene *scene = *state;
    struct client client;
    const struct resource *resource = &resources[ALL_TXT];
    serve(scene);
    touch(path_of(scene, "all.txt", BR), MODIFIED_S - 1, 0);
    client_open(&client, scene->server.port);
    expect_coding(&client, "br is old", "GET", resource, ACCEPT "br, zstd, gzip" END, ZSTD);
    expect_coding(&client, "br is old", "GET", resource, ACCEPT "br" END, PLAIN);
    touch(path_of(scene, "all.txt", ZSTD), MODIFIED_S - 1, 0);
    expect_coding(&client, "zstd, too", "GET", resource, ACCEPT "br, zstd, gzip" END, GZIP);
    expect_coding(&client, "zstd, too", "GET", resource, ACCEPT "br, *;q=0" END, NOT_ACCEPTABLE);
    client_close(&client);
}

/* What can't be sent is no choice, and nothing about it is said. */
static void test_what_is_no_readable_file_is_no_sibling(void **state) {
    static const char *const names[] = {"directory.txt", "fifo.txt",  "closed.txt",
                                        "outside.txt",   "loop.txt",  "dangling.txt",
                                        "upper.txt",     "other.txt", "above/a.txt"};
    struct scene *scene = *state;
    struct client client;
    struct response response;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        tree_text(&scene->tree, names[i], names[i]);
        touch(tree_path(&scene->tree, names[i]), MODIFIED_S, 0);
    }
    tree_directory(&scene->tree, "directory.txt.gz");
    assert_int_equal(mkfifo(tree_path(&scene->tree, "fifo.txt.gz"), 0644), 0);
    tree_text(&scene->tree, "closed.txt.gz", "closed");
    tree_mode(&scene->tree, "closed.txt.gz", 0);
    tree_link(&scene->tree, "outside.txt.gz", "/etc/hostname");
    tree_link(&scene->tree, "loop.txt.gz", "loop.txt.gz");
    tree_link(&scene->tree, "dangling.txt.gz", "absent");
    tree_text(&scene->tree, "upper.txt.GZ", "upper");
    tree_text(&scene->tree, "other.gz", "other");
    tree_text(&scene->tree, "a.txt.gz", "above");
    scene_serve_unprivileged(scene, NULL);
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char target[64];
        (void)snprintf(target, sizeof target, "/%s", names[i]);
        client_request(&client, "GET", target, ACCEPT "gzip" END, &response);
        response_assert_status(&response, 200);
        check_coding(names[i], &response, PLAIN, false);
        response_assert_text(&response, names[i]);
        response_deinit(&response);
    }
    client_close(&client);
}

/* Links are followed as for any file, and the age is that of what they lead to. */
static void test_siblings_behind_links(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    tree_text(&scene->tree, "a.txt", "plain");
    tree_text(&scene->tree, "kept/a.gz", "encoded");
    touch(tree_path(&scene->tree, "a.txt"), MODIFIED_S, 0);
    tree_link(&scene->tree, "a.txt.gz", "kept/a.gz");
    tree_text(&scene->tree, "b.txt", "plain");
    tree_text(&scene->tree, "kept/b.gz", "encoded");
    touch(tree_path(&scene->tree, "b.txt"), MODIFIED_S, 0);
    touch(tree_path(&scene->tree, "kept/b.gz"), MODIFIED_S - 1, 0);
    tree_link(&scene->tree, "b.txt.gz", "kept/b.gz");
    scene_serve(scene, NULL);
    client_open(&client, scene->server.port);
    client_request(&client, "GET", "/a.txt", ACCEPT "gzip" END, &response);
    check_coding("a link inside", &response, GZIP, true);
    response_assert_text(&response, "encoded");
    response_deinit(&response);
    client_request(&client, "GET", "/b.txt", ACCEPT "gzip" END, &response);
    check_coding("a link to an old file", &response, PLAIN, false);
    response_assert_text(&response, "plain");
    response_deinit(&response);
    client_close(&client);
}

static void test_symlinks_none_takes_no_sibling_behind_a_link(void **state) {
    struct scene *scene = *state;
    struct response response;
    struct client client;
    tree_text(&scene->tree, "a.txt", "plain");
    tree_text(&scene->tree, "kept/a.gz", "encoded");
    tree_link(&scene->tree, "a.txt.gz", "kept/a.gz");
    scene_serve(scene, "--symlinks", "none", NULL);
    client_open(&client, scene->server.port);
    client_request(&client, "GET", "/a.txt", ACCEPT "gzip" END, &response);
    check_coding("--symlinks none", &response, PLAIN, false);
    response_assert_text(&response, "plain");
    response_deinit(&response);
    client_close(&client);
}

/* By its own name, a sibling is a file like others: the coding is its type, not applied to it. */
static void test_rfc9110_8_4_a_sibling_by_its_own_name(void **state) {
    static const char *const accepted[] = {"", ACCEPT "gzip, br, zstd" END, ACCEPT "*" END};
    struct scene *scene = *state;
    struct client client;
    struct response response;
    const struct resource *resource = &resources[ALL_TXT];
    serve(scene);
    client_open(&client, scene->server.port);
    for (int i = 0; i < 3 * PLAIN; i++) {
        enum coding coding = (enum coding)(i / 3);
        char target[64];
        (void)snprintf(target, sizeof target, "/all.txt%s", codings[coding].extension);
        client_request(&client, "GET", target, accepted[i % 3], &response);
        response_assert_status(&response, 200);
        response_assert_field(&response, "Content-Type", codings[coding].type);
        check_coding(target, &response, PLAIN, false);
        response_assert_content(&response, seed_of(resource, coding), size_of(resource, coding));
        response_deinit(&response);
    }
    client_close(&client);
}

/* RFC 9110 §8.4: the file that stands for a directory is one like others. */
static void test_rfc9110_8_4_index_files_are_negotiated(void **state) {
    static const char *const targets[] = {"/", "/index.html", "/dir/", "/dir/index.html", "/?q"};
    struct scene *scene = *state;
    struct client client;
    struct response response;
    tree_text(&scene->tree, "index.html", "<p>plain");
    tree_text(&scene->tree, "index.html.gz", "encoded");
    tree_text(&scene->tree, "dir/index.html", "<p>plain");
    tree_text(&scene->tree, "dir/index.html.gz", "encoded");
    scene_serve(scene, NULL);
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        client_request(&client, "GET", targets[i], ACCEPT "gzip" END, &response);
        response_assert_text(&response, "encoded");
        response_assert_field(&response, "Content-Type", "text/html; charset=utf-8");
        check_coding(targets[i], &response, GZIP, true);
        response_deinit(&response);
        client_get(&client, targets[i], &response);
        response_assert_text(&response, "<p>plain");
        check_coding(targets[i], &response, PLAIN, true);
        response_deinit(&response);
    }
    client_close(&client);
}

/* A sibling is another form of a file: without the file there is nothing that it is a form of. */
static void test_a_sibling_alone_is_no_resource(void **state) {
    static const struct {
        const char *target;
        int status;
    } rows[] = {
        {"/a.txt", 404}, {"/a.txt.gz", 200}, {"/dir/", 403}, {"/dir/index.html", 404}, {"/b", 301}};
    struct scene *scene = *state;
    struct client client;
    struct response response;
    tree_text(&scene->tree, "a.txt.gz", "encoded");
    tree_text(&scene->tree, "dir/index.html.gz", "encoded");
    tree_directory(&scene->tree, "b");
    tree_text(&scene->tree, "b.gz", "encoded");
    scene_serve(scene, "--listing", "off", NULL);
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        client_request(&client, "GET", rows[i].target, ACCEPT "gzip" END, &response);
        response_assert_status(&response, rows[i].status);
        check_coding(rows[i].target, &response, PLAIN, false);
        response_deinit(&response);
    }
    client_close(&client);
}

/* The ways in which a file is sent change at 4 KiB and 32 KiB, and siblings go each of them. */
static void test_siblings_of_every_size(void **state) {
    static const unsigned sizes[] = {0, 1, 4095, 4096, 4097, 32767, 32768, 32769, 3 << 20};
    enum { SIZES = sizeof sizes / sizeof sizes[0] };
    struct scene *scene = *state;
    struct client client;
    struct response response;
    char name[32];
    for (unsigned i = 0; i < SIZES; i++) {
        (void)snprintf(name, sizeof name, "%u.txt", i);
        tree_file(&scene->tree, name, 50 + i, sizes[SIZES - 1 - i]);
        (void)snprintf(name, sizeof name, "%u.txt.gz", i);
        tree_file(&scene->tree, name, i, sizes[i]);
    }
    scene_serve(scene, NULL);
    client_open(&client, scene->server.port);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < SIZES; i++) {
            (void)snprintf(name, sizeof name, "/%u.txt", i);
            client_send_request(&client, "GET", name, ACCEPT "gzip" END);
            client_send_request(&client, "HEAD", name, ACCEPT "gzip" END);
            client_send_request(&client, "GET", name, "");
        }
    }
    for (unsigned i = 0; i < 2 * SIZES; i++) {
        client_read(&client, false, &response);
        check_coding("encoded", &response, GZIP, true);
        response_assert_content(&response, i % SIZES, sizes[i % SIZES]);
        response_deinit(&response);
        client_read(&client, true, &response);
        check_coding("HEAD", &response, GZIP, true);
        response_deinit(&response);
        client_read(&client, false, &response);
        check_coding("plain", &response, PLAIN, true);
        response_assert_content(&response, 50 + i % SIZES, sizes[SIZES - 1 - i % SIZES]);
        response_deinit(&response);
    }
    client_close(&client);
}

/* A request sent after siblings came, went or grew old is answered by what is there then. */
static void test_changes_are_seen_at_once(void **state) {
    const struct resource *resource = &resources[GZ_TXT];
    struct scene *scene = *state;
    struct client client;
    struct response response;
    char fields[256];
    char etag[128];
    serve(scene);
    client_open(&client, scene->server.port);
    expect_coding(&client, "at first", "GET", resource, ACCEPT "gzip" END, GZIP);
    assert_int_equal(unlink(path_of(scene, "gz.txt", GZIP)), 0);
    client_request(&client, "GET", resource->target, ACCEPT "gzip" END, &response);
    check_coding("gone", &response, PLAIN, false);
    response_assert_content(&response, seed_of(resource, PLAIN), size_of(resource, PLAIN));
    (void)snprintf(etag, sizeof etag, "%s", response_field(&response, "ETag"));
    response_deinit(&response);
    write_file(scene, resource, GZIP);
    /* The plain file is as it was, but no longer what is chosen. */
    (void)snprintf(fields, sizeof fields, ACCEPT "gzip" END "If-None-Match: %s" END, etag);
    expect_coding(&client, "back", "GET", resource, fields, GZIP);
    expect_coding(&client, "back, not asked for", "GET", resource, "", PLAIN);
    touch(path_of(scene, "gz.txt", PLAIN), MODIFIED_S + 100, 0);
    client_request(&client, "GET", resource->target, ACCEPT "gzip" END, &response);
    check_coding("the file was touched", &response, PLAIN, false);
    response_deinit(&response);
    touch(path_of(scene, "gz.txt", GZIP), MODIFIED_S + 100, 0);
    expect_coding(&client, "the sibling, too", "GET", resource, ACCEPT "gzip" END, GZIP);
    write_file(scene, resource, BR); /* written as of MODIFIED_S, so too old */
    expect_coding(&client, "an old one came", "GET", resource, ACCEPT "br, gzip" END, GZIP);
    touch(path_of(scene, "gz.txt", BR), MODIFIED_S + 101, 0);
    expect_coding(&client, "it was touched", "GET", resource, ACCEPT "br, gzip" END, BR);
    client_close(&client);
}

/* Over and over, so that nothing that is remembered between requests, or told by the kernel, can be
 * late once without being seen. */
static void test_changes_are_seen_each_time(void **state) {
    enum { ROUNDS = 100 };
    const struct resource *resource = &resources[GZ_TXT];
    struct scene *scene = *state;
    struct client client;
    serve(scene);
    client_open(&client, scene->server.port);
    for (int i = 0; i < ROUNDS; i++) {
        enum coding coding = i % 2 == 0 ? BR : ZSTD;
        write_file(scene, resource, coding);
        expect_coding(&client, "came", "GET", resource, ACCEPT "gzip, br, zstd" END, coding);
        assert_int_equal(unlink(path_of(scene, "gz.txt", coding)), 0);
        expect_coding(&client, "went", "GET", resource, ACCEPT "gzip, br, zstd" END, GZIP);
    }
    client_close(&client);
}

/* New content of a sibling is a new representation, with a new tag. */
static void test_a_sibling_that_is_made_anew(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    char etag[128];
    char again[128];
    tree_text(&scene->tree, "a.txt", "plain");
    touch(tree_path(&scene->tree, "a.txt"), MODIFIED_S, 0);
    tree_text(&scene->tree, "a.txt.gz", "first");
    scene_serve(scene, NULL);
    client_open(&client, scene->server.port);
    read_etag(&client, "/a.txt", ACCEPT "gzip" END, etag, sizeof etag);
    note_pause_ms(20); /* the clock of time stamps ticks in 10 ms at worst */
    tree_text(&scene->tree, "a.txt.gz", "other");
    read_etag(&client, "/a.txt", ACCEPT "gzip" END, again, sizeof again);
    assert_string_not_equal(again, etag);
    client_request(&client, "GET", "/a.txt", ACCEPT "gzip" END, &response);
    check_coding("made anew", &response, GZIP, true);
    response_assert_text(&response, "other");
    response_deinit(&response);
    client_close(&client);
}

/* An answer that is no file has no siblings, even if there are files of such names. A site's own
 * page has: test_routes.c. */
static void test_built_in_pages_are_not_negotiated(void **state) {
    static const struct {
        const char *target;
        int status;
    } rows[] = {{"/absent", 404}, {"/dir", 301}, {"/dir/", 403}};
    struct scene *scene = *state;
    struct client client;
    struct response response;
    tree_text(&scene->tree, "absent.gz", "encoded");
    tree_text(&scene->tree, "404.html.gz", "encoded");
    tree_directory(&scene->tree, "dir");
    scene_serve(scene, "--listing", "off", NULL);
    client_open(&client, scene->server.port);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        client_request(&client, "GET", rows[i].target, ACCEPT "gzip, br, zstd" END, &response);
        response_assert_status(&response, rows[i].status);
        response_assert_page(&response);
        check_coding(rows[i].target, &response, PLAIN, false);
        response_deinit(&response);
    }
    client_close(&client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_rfc9110_12_5_3_weights_choose),
        scene_test(test_choices_pipelined),
        scene_test(test_rfc9110_8_4_content_encoding_is_said),
        scene_test(test_http_1_0_clients_choose_too),
        scene_test(test_rfc9110_12_5_5_vary_where_siblings_are),
        scene_test(test_rfc9110_8_8_3_each_coding_has_its_own_etag),
        scene_test(test_rfc9110_13_1_preconditions_are_of_the_chosen_one),
        scene_test(test_rfc9110_14_2_ranges_are_of_the_encoded_bytes),
        scene_test(test_rfc9110_13_1_5_if_range_is_of_the_chosen_one),
        scene_test(test_rfc9110_15_5_7_nothing_is_acceptable),
        scene_test(test_older_siblings_are_ignored),
        scene_test(test_one_older_sibling_leaves_the_others),
        scene_test(test_what_is_no_readable_file_is_no_sibling),
        scene_test(test_siblings_behind_links),
        scene_test(test_symlinks_none_takes_no_sibling_behind_a_link),
        scene_test(test_rfc9110_8_4_a_sibling_by_its_own_name),
        scene_test(test_rfc9110_8_4_index_files_are_negotiated),
        scene_test(test_a_sibling_alone_is_no_resource),
        scene_test(test_siblings_of_every_size),
        scene_test(test_changes_are_seen_at_once),
        scene_test(test_changes_are_seen_each_time),
        scene_test(test_a_sibling_that_is_made_anew),
        scene_test(test_built_in_pages_are_not_negotiated),
    };
    return cmocka_run_group_tests_name("siblings", tests, NULL, NULL);
}
