/* Whatever is asked for, a worker's memory and fds stay within bounds. What is kept of the files is
 * bounded by --cache-size, also where no two requests ask for the same. */
#include "support/client.h"
#include "support/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CACHE_SIZE "8M"

enum {
    DIRECTORIES = 20,
    FILES = 20000,
    TARGETS = 1000000,
    CONNECTIONS = 4,
    PIPELINED = 64,
    BATCH = CONNECTIONS * PIPELINED,
    BATCHES_PER_SAMPLE = 100,
    CACHE_BYTES = 8 << 20,
    SPARE_BYTES = 4 << 20,
    SPARE_FDS = 16,
    ROOM_BYTES = 512 << 20,
};

/* What is asked for, and what has to come. */
struct errand {
    char target[192];
    int status;
    char text[32]; /* the content, where the status is 200 */
};

/* Asks for many things on a few connections. */
struct errands {
    struct client clients[CONNECTIONS];
    struct errand list[BATCH];
    pid_t worker;
    size_t memory; /* of the worker, at first and at most since */
    size_t memory_max;
    size_t fds;
    size_t fds_max;
};

static void sample(struct errands *errands) {
    size_t memory = process_memory(errands->worker, "Rss");
    size_t fds = process_count_fds(errands->worker);
    errands->memory_max = memory > errands->memory_max ? memory : errands->memory_max;
    errands->fds_max = fds > errands->fds_max ? fds : errands->fds_max;
}

static void start_errands(struct errands *errands, struct scene *scene) {
    pid_t worker[SERVER_WORKERS_MAX];
    scene_serve(scene, "--workers", "1", "--cache-size", CACHE_SIZE, NULL);
    assert_int_equal(server_workers(&scene->server, worker), 1);
    errands->worker = worker[0];
    for (size_t i = 0; i < CONNECTIONS; i++) {
        client_open(&errands->clients[i], scene->server.port);
        client_expect(&errands->clients[i], "/first.txt", 200);
    }
    errands->memory_max = 0;
    errands->fds_max = 0;
    sample(errands);
    errands->memory = errands->memory_max;
    errands->fds = errands->fds_max;
}

static void end_errands(struct errands *errands) {
    for (size_t i = 0; i < CONNECTIONS; i++)
        client_close(&errands->clients[i]);
    assert_in_range(errands->fds_max, 0, errands->fds + SPARE_FDS);
    if (server_is_sanitized()) {
        note_say("memory is not measured in a build with sanitizers");
        return;
    }
    note_say("memory: %zu KiB at first, %zu KiB at most", errands->memory / 1024,
             errands->memory_max / 1024);
    assert_in_range(errands->memory_max, 0, errands->memory + CACHE_BYTES + SPARE_BYTES);
}

static void send_errands(struct client *client, const struct errand *errand, size_t count) {
    static char text[PIPELINED * 256];
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", errand[i].target);
    assert_in_range(len, 1, sizeof text - 1);
    client_send(client, text, len);
}

/* Takes the next response, if it is whole. client_take() looks at each more closely, and would take
 * most of the test's time. */
static bool take_answer(struct client *client, const struct errand *errand) {
    static const char field[] = "\r\nContent-Length: ";
    const char *head = client->len > 0 ? client->data + client->start : "";
    const char *end = memmem(head, client->len, "\r\n\r\n", 4);
    if (end == NULL)
        return false;
    const char *length = memmem(head, (size_t)(end - head), field, sizeof field - 1);
    assert_non_null(length);
    size_t head_len = (size_t)(end - head) + 4;
    size_t len = strtoul(length + sizeof field - 1, NULL, 10);
    if (client->len - head_len < len)
        return false;
    bool is_right = strtol(head + strlen("HTTP/1.1 "), NULL, 10) == errand->status;
    if (errand->status == 200)
        is_right &= len == strlen(errand->text) && memcmp(end + 4, errand->text, len) == 0;
    if (!is_right)
        fail_msg("GET %s: expected %d '%s', got:\n%.*s", errand->target, errand->status,
                 errand->text, (int)(head_len + len), head);
    client->start += head_len + len;
    client->len -= head_len + len;
    return true;
}

static void read_answer(struct client *client, const struct errand *errand) {
    while (!take_answer(client, errand)) {
        if (!client_receive(client, CLIENT_TIMEOUT_MS))
            fail_msg("GET %s: no answer", errand->target);
    }
}

static void run_batch(struct errands *errands) {
    for (size_t i = 0; i < CONNECTIONS; i++)
        send_errands(&errands->clients[i], &errands->list[i * PIPELINED], PIPELINED);
    for (size_t i = 0; i < BATCH; i++)
        read_answer(&errands->clients[i / PIPELINED], &errands->list[i]);
}

/* Runs at least `count` errands, as name(errand, number) makes them. */
static void run_errands(struct errands *errands, size_t count,
                        void (*name)(struct errand *errand, unsigned number)) {
    unsigned number = 0;
    for (size_t batch = 0; number < count; batch++) {
        for (size_t i = 0; i < BATCH; i++)
            name(&errands->list[i], number++);
        run_batch(errands);
        if (batch % BATCHES_PER_SAMPLE == 0)
            sample(errands);
    }
    sample(errands);
}

static void write_text(char *text, size_t len, unsigned file) {
    (void)snprintf(text, len, "This is file %u.\n", file);
}

static void name_file(char *name, size_t len, unsigned file) {
    (void)snprintf(name, len, "d%02u/f%05u.txt", file % DIRECTORIES, file);
}

static void make_files(const struct tree *tree, void (*name_one)(char *, size_t, unsigned)) {
    char name[64];
    char text[32];
    tree_text(tree, "first.txt", "first");
    for (unsigned i = 0; i < FILES; i++) {
        name_one(name, sizeof name, i);
        write_text(text, sizeof text, i);
        tree_text(tree, name, text);
    }
}

/* A file, under another name each time. */
static void spell_file(struct errand *errand, unsigned number) {
    static const struct {
        const char *start; /* of the target, instead of so many bytes of the file's name */
        size_t skip;
    } spellings[] = {{"/", 0}, {"/%64", 1}, {"/./", 0}, {"/x/../", 0}};
    char name[64];
    unsigned round = number / FILES;
    name_file(name, sizeof name, number % FILES);
    (void)snprintf(errand->target, sizeof errand->target, "%s%s?n=%u", spellings[round % 4].start,
                   name + spellings[round % 4].skip, round);
    errand->status = 200;
    write_text(errand->text, sizeof errand->text, number % FILES);
}

static void spell_absent(struct errand *errand, unsigned number) {
    static const struct {
        const char *start;
        const char *end;
    } spellings[] = {
        {"/d01/absent-", ".txt"},
        {"/absent-", ".txt"},
        {"/absent-", "/index.html"},
        {"/d02/some/directories/that/are/absent/", "/"},
        {"/d03/a-name-as-long-as-those-of-images-that-are-called-after-all-that-is-in-them-",
         ".jpeg"},
    };
    size_t i = number % (sizeof spellings / sizeof spellings[0]);
    (void)snprintf(errand->target, sizeof errand->target, "%s%u%s", spellings[i].start, number,
                   spellings[i].end);
    errand->status = 404;
    errand->text[0] = '\0';
}

static void spell_either(struct errand *errand, unsigned number) {
    if (number % 2 == 0)
        spell_file(errand, number / 2);
    else
        spell_absent(errand, number / 2);
}

static void test_a_million_targets(void **state) {
    static struct errands errands;
    struct scene *scene = *state;
    if (server_is_sanitized()) {
        note_say("memory is not measured in a build with sanitizers");
        return;
    }
    make_files(&scene->tree, name_file);
    start_errands(&errands, scene);
    run_errands(&errands, TARGETS, spell_either);
    end_errands(&errands);
}

static void name_lonely(char *name, size_t len, unsigned file) {
    (void)snprintf(name, len, "m%03u/n%03u/file.txt", file / 200, file % 200);
}

static void spell_lonely(struct errand *errand, unsigned number) {
    char name[64];
    name_lonely(name, sizeof name, number % FILES);
    (void)snprintf(errand->target, sizeof errand->target, "/%s", name);
    errand->status = 200;
    write_text(errand->text, sizeof errand->text, number % FILES);
}

/* Whatever a worker may remember of them, and may have had to forget. */
static void check_lonely(const struct scene *scene, struct client *client, unsigned file) {
    struct errand errand;
    struct response response;
    spell_lonely(&errand, file);
    client_get(client, errand.target, &response);
    response_assert_text(&response, errand.text);
    response_deinit(&response);
    tree_text(&scene->tree, errand.target + 1, "changed");
    client_get(client, errand.target, &response);
    response_assert_text(&response, "changed");
    response_deinit(&response);
    assert_int_equal(unlink(tree_path(&scene->tree, errand.target + 1)), 0);
    client_expect(client, errand.target, 404);
}

static void test_twenty_thousand_directories(void **state) {
    static struct errands errands;
    struct scene *scene = *state;
    make_files(&scene->tree, name_lonely);
    start_errands(&errands, scene);
    run_errands(&errands, FILES, spell_lonely);
    for (unsigned i = 0; i < FILES; i += 37)
        check_lonely(scene, &errands.clients[0], i);
    end_errands(&errands);
}

/* In memory, where there is room, making 20,000 directories takes a second; on a disk, twenty. */
static void prefer_memory(void) {
    static const char directory[] = "/dev/shm";
    struct statvfs stat;
    if (statvfs(directory, &stat) == 0 && access(directory, W_OK) == 0 &&
        (uint64_t)stat.f_bavail * stat.f_frsize > ROOM_BYTES && stat.f_favail > 4 * FILES)
        (void)setenv("TMPDIR", directory, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_a_million_targets),
        scene_test(test_twenty_thousand_directories),
    };
    prefer_memory();
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
