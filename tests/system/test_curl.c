/* curl, as it is used by hand: what it makes of the answers, and the files that it leaves. */
#include "support/client.h"
#include "support/content.h"
#include "support/curl.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KIB = 1024, MIB = 1024 * 1024, MODIFIED_S = 1577880000 };

/* The bytes of a file; the caller frees them. */
static char *read_file(const struct scene *scene, const char *name, size_t *len) {
    struct stat stat_file;
    int fd = open(tree_path(&scene->tree, name), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && fstat(fd, &stat_file) == 0);
    *len = (size_t)stat_file.st_size;
    char *bytes = malloc(*len + 1);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, *len), *len);
    (void)close(fd);
    return bytes;
}

/* Fails unless the file holds that content, and nothing else. */
static void check_file(const struct scene *scene, const char *name, unsigned seed, size_t size) {
    size_t len;
    char *bytes = read_file(scene, name, &len);
    assert_int_equal(len, size);
    content_assert(seed, 0, bytes, len);
    free(bytes);
}

/* Fails unless two files hold the same. */
static void check_same(const struct scene *scene, const char *one, const char *other) {
    size_t one_len;
    size_t other_len;
    char *one_bytes = read_file(scene, one, &one_len);
    char *other_bytes = read_file(scene, other, &other_len);
    assert_int_equal(one_len, other_len);
    assert_memory_equal(one_bytes, other_bytes, one_len);
    free(one_bytes);
    free(other_bytes);
}

static void touch(const struct scene *scene, const char *name, time_t time_s) {
    const struct timespec times[2] = {{time_s, 0}, {time_s, 0}};
    assert_int_equal(utimensat(AT_FDCWD, tree_path(&scene->tree, name), times, 0), 0);
}

static void expect_head(const struct scene *scene, const char *path, const char *start) {
    char *out = curl(scene, path, "--head", NULL);
    if (strncmp(out, start, strlen(start)) != 0)
        fail_msg("curl --head %s: expected %s, got:\n%s", path, start, out);
    free(out);
}

static void test_pages_and_heads(void **state) {
    static const char page[] = "<!DOCTYPE html>\n<p>The page.\n";
    static const char *const options[] = {"--http1.1", "--http1.0", "--compressed"};
    struct scene *scene = *state;
    tree_text(&scene->tree, "index.html", page);
    tree_directory(&scene->tree, "empty");
    scene_serve(scene, NULL);
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        curl_expect(curl(scene, "/", options[i], NULL), page);
    expect_head(scene, "/", "HTTP/1.1 200 OK\r\n");
    expect_head(scene, "/empty", "HTTP/1.1 301 Moved Permanently\r\n");
    expect_head(scene, "/empty/", "HTTP/1.1 200 OK\r\n");
    expect_head(scene, "/absent", "HTTP/1.1 404 Not Found\r\n");
    expect_head(scene, "/../etc/passwd", "HTTP/1.1 400 Bad Request\r\n");
    expect_head(scene, "/%2e%2e/etc/passwd", "HTTP/1.1 400 Bad Request\r\n");
}

static void test_uploads_get_their_answer(void **state) {
    struct scene *scene = *state;
    char data[512];
    tree_text(&scene->tree, "index.html", "page");
    tree_file(&scene->tree, "upload.bin", 1, 3 * MIB);
    scene_serve(scene, NULL);
    (void)snprintf(data, sizeof data, "@%s", tree_path(&scene->tree, "upload.bin"));
    /* Larger than --max-body and than what is thrown away: curl expects a 100 for it. */
    char *out = curl(scene, "/", "--data-binary", data, "--write-out", "%{http_code}", NULL);
    note_assert_contains(out, "</html>");
    assert_string_equal(out + strlen(out) - 3, "405");
    free(out);
}

/* RFC 9110 §14: -C - takes up a download where it was left, and asks for what is missing only. */
static void test_rfc9110_14_downloads_resume(void **state) {
    static const struct {
        const char *part; /* what the first call got */
        const char *rest; /* what the second has to get: status, bytes */
    } rows[] = {
        {"0-0", "206 8388607"},
        {"0-4095", "206 8384512"},
        {"0-2999999", "206 5388608"},
        {"0-8388606", "206 1"},
    };
    struct scene *scene = *state;
    tree_file(&scene->tree, "file.bin", 7, 8 * MIB);
    scene_serve(scene, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *out = tree_path(&scene->tree, "out");
        free(curl(scene, "/file.bin", "-o", out, "-r", rows[i].part, NULL));
        curl_expect(curl(scene, "/file.bin", "-o", out, "-C", "-", "--write-out",
                         "%{http_code} %{size_download}", NULL),
                    rows[i].rest);
        check_file(scene, "out", 7, 8 * MIB);
    }
}

/* RFC 9110 §15.5.17: there is nothing left to get, and to curl, 416 means that it has all. */
static void test_rfc9110_15_5_17_whole_downloads_stay(void **state) {
    struct scene *scene = *state;
    tree_file(&scene->tree, "file.bin", 7, 8 * MIB);
    tree_file(&scene->tree, "out", 7, 8 * MIB);
    scene_serve(scene, NULL);
    curl_expect(curl(scene, "/file.bin", "-o", tree_path(&scene->tree, "out"), "-C", "-",
                     "--write-out", "%{http_code}", NULL),
                "416");
    check_file(scene, "out", 7, 8 * MIB);
}

/* RFC 9110 §14.6: curl prints the parts as they come. */
static void test_rfc9110_14_6_several_ranges_are_parts(void **state) {
    static const char text[] = "0123456789abcdefghijABCDEFGHIJ and more, so that parts are shorter "
                               "than the whole even with their heads before them.";
    struct scene *scene = *state;
    char boundary[128];
    char expected[1024];
    char page[4096];
    memset(page, '.', sizeof page - 1);
    page[sizeof page - 1] = '\0';
    memcpy(page, text, sizeof text - 1);
    tree_text(&scene->tree, "a.txt", page);
    scene_serve(scene, NULL);
    char *out = curl(scene, "/a.txt", "-r", "0-9,20-29", NULL);
    assert_int_equal(sscanf(out, "--%127[^\r]", boundary), 1);
    (void)snprintf(expected, sizeof expected,
                   "--%s\r\nContent-Type: text/plain; charset=utf-8\r\n"
                   "Content-Range: bytes 0-9/4095\r\n\r\n0123456789\r\n"
                   "--%s\r\nContent-Type: text/plain; charset=utf-8\r\n"
                   "Content-Range: bytes 20-29/4095\r\n\r\nABCDEFGHIJ\r\n--%s--\r\n",
                   boundary, boundary, boundary);
    curl_expect(out, expected);
}

/* Makes a text that can be compressed, and gzip's form of it beside it. Returns that one's size. */
static size_t make_gzipped(const struct scene *scene, const char *name, size_t lines) {
    const char *path = tree_path(&scene->tree, name);
    struct stat stat_gz;
    char gz[64];
    int exit_code;
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    for (size_t i = 0; i < lines; i++)
        assert_true(fprintf(file, "line %zu, %zx\n", i, i * i * 2654435761u) > 0);
    assert_int_equal(fclose(file), 0);
    const char *const gzip[] = {"gzip", "--keep", "--best", path, NULL};
    free(process_run(gzip, &exit_code));
    assert_int_equal(exit_code, 0);
    (void)snprintf(gz, sizeof gz, "%s.gz", name);
    assert_int_equal(stat(tree_path(&scene->tree, gz), &stat_gz), 0);
    return (size_t)stat_gz.st_size;
}

/* RFC 9110 §8.4.1.3: with --compressed, the bytes that cross the wire are those of the sibling, and
 * what curl makes of them is the plain file. From memory, and by sendfile(2). */
static void test_rfc9110_8_4_1_3_compressed_siblings_are_decoded(void **state) {
    static const struct {
        const char *target;
        size_t lines;
    } files[] = {{"/small.txt", 500}, {"/large.txt", 20000}};
    struct scene *scene = *state;
    char size[32];
    scene_serve(scene, NULL);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const char *name = files[i].target + 1;
        size_t gz_size = make_gzipped(scene, name, files[i].lines);
        assert_int_equal(gz_size > (size_t)32 * KIB, i == 1);
        (void)snprintf(size, sizeof size, "%zu", gz_size);
        curl_expect(curl(scene, files[i].target, "--compressed", "-o",
                         tree_path(&scene->tree, "out"), "--write-out", "%{size_download}", NULL),
                    size);
        check_same(scene, "out", name);
        free(curl(scene, files[i].target, "-o", tree_path(&scene->tree, "plain"), NULL));
        check_same(scene, "plain", name);
    }
}

/* A call with -z, of which curl keeps what it got in "out", with its date. The status is looked for
 * in the head: curl compares dates, too, and reports a 304 that the server has not sent. */
static void expect_since(const struct scene *scene, const char *since, const char *status) {
    char line[64];
    size_t len;
    free(curl(scene, "/file.bin", "-R", "-o", tree_path(&scene->tree, "out"), "-z", since, "-D",
              tree_path(&scene->tree, "head"), NULL));
    char *head = read_file(scene, "head", &len);
    (void)snprintf(line, sizeof line, "HTTP/1.1 %s ", status);
    if (len < strlen(line) || memcmp(head, line, strlen(line)) != 0)
        fail_msg("curl -z '%s': expected %s, got:\n%.*s", since, status, (int)len, head);
    free(head);
}

/* RFC 9110 §13.1.3: what has not changed is not sent, and what curl has is not overwritten. */
static void test_rfc9110_13_1_3_time_conditions(void **state) {
    struct scene *scene = *state;
    tree_file(&scene->tree, "file.bin", 7, 50 * KIB);
    touch(scene, "file.bin", MODIFIED_S);
    scene_serve(scene, NULL);
    char out[512]; /* tree_path() forgets what it returned */
    (void)snprintf(out, sizeof out, "%s", tree_path(&scene->tree, "out"));
    expect_since(scene, "1 Jan 2019", "200");
    check_file(scene, "out", 7, 50 * KIB);
    /* Other content with the date that curl gave the file: it would be seen if it were written. */
    tree_file(&scene->tree, "out", 8, 10);
    touch(scene, "out", MODIFIED_S);
    expect_since(scene, out, "304");
    check_file(scene, "out", 8, 10);
    expect_since(scene, "Wed, 01 Jan 2020 12:00:00 GMT", "304");
    check_file(scene, "out", 8, 10);
    tree_file(&scene->tree, "file.bin", 9, 40 * KIB);
    touch(scene, "file.bin", MODIFIED_S + 1);
    expect_since(scene, out, "200");
    check_file(scene, "out", 9, 40 * KIB);
    expect_since(scene, out, "304"); /* with -R it has the date of Last-Modified */
}

static void expect_compared(const struct scene *scene, const char *status) {
    const char *etag = tree_path(&scene->tree, "etag");
    curl_expect(curl(scene, "/file.bin", "--etag-save", etag, "--etag-compare", etag, "-o",
                     tree_path(&scene->tree, "out"), "--write-out", "%{http_code}", NULL),
                status);
}

/* RFC 9110 §13.1.2: the same by the entity tag, which curl keeps in a file. */
static void test_rfc9110_13_1_2_etag_conditions(void **state) {
    struct scene *scene = *state;
    tree_file(&scene->tree, "file.bin", 7, 50 * KIB);
    scene_serve(scene, NULL);
    tree_text(&scene->tree, "etag", "");
    expect_compared(scene, "200");
    check_file(scene, "out", 7, 50 * KIB);
    tree_file(&scene->tree, "out", 8, 10);
    expect_compared(scene, "304");
    check_file(scene, "out", 8, 10);
    expect_compared(scene, "304"); /* the tag was in the 304, too, and so is still there */
    tree_file(&scene->tree, "file.bin", 9, 40 * KIB);
    expect_compared(scene, "200");
    check_file(scene, "out", 9, 40 * KIB);
    expect_compared(scene, "304");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_pages_and_heads),
        scene_test(test_uploads_get_their_answer),
        scene_test(test_rfc9110_14_downloads_resume),
        scene_test(test_rfc9110_15_5_17_whole_downloads_stay),
        scene_test(test_rfc9110_14_6_several_ranges_are_parts),
        scene_test(test_rfc9110_8_4_1_3_compressed_siblings_are_decoded),
        scene_test(test_rfc9110_13_1_3_time_conditions),
        scene_test(test_rfc9110_13_1_2_etag_conditions),
    };
    return cmocka_run_group_tests_name("curl", tests, NULL, NULL);
}
