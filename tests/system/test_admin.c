/* --admin: what the server says of itself is what clients saw of it, and it goes on saying so
 * whatever happens. */
#include "support/client.h"
#include "support/json.h"
#include "support/samples.h"
#include "support/scene.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LARGE = 32 << 20, AWAIT_MS = 15000 };

static void serve(struct scene *scene, const char *workers) {
    tree_text(&scene->tree, "a.txt", "some text");
    tree_file(&scene->tree, "large.bin", 1, LARGE);
    scene_serve(scene, "--admin", "127.0.0.1:0", "--workers", workers, NULL);
}

static void scrape(const struct scene *scene, const char *target, struct samples *samples) {
    struct response response;
    client_get_once(server_admin_port(&scene->server), target, &response);
    response_assert_status(&response, 200);
    response_assert_field(&response, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    samples_read(samples, response.body);
    response_deinit(&response);
}

/* Scrapes until the sum over a metric is at least `value`: a worker counts an answer when it has
 * given it, which is later than the client has it. */
static void await_sum(const struct scene *scene, const char *name, double value,
                      struct samples *samples) {
    int64_t deadline = note_now_ms() + AWAIT_MS;
    do {
        scrape(scene, "/metrics", samples);
        if (samples_sum(samples, name) >= value)
            return;
        note_pause_ms(2);
    } while (note_now_ms() < deadline);
    fail_msg("%s is %g, expected %g", name, samples_sum(samples, name), value);
}

static void assert_sample(const struct samples *samples, const char *name, const char *labels,
                          double value) {
    if (samples_value(samples, name, labels) != value)
        fail_msg("%s{%s} is %g, expected %g", name, labels, samples_value(samples, name, labels),
                 value);
}

static void assert_closed(const struct samples *samples, const char *reason, double value) {
    char labels[64];
    (void)snprintf(labels, sizeof labels, "reason=\"%s\"", reason);
    assert_sample(samples, "pronto_connections_closed_total", labels, value);
}

/* The process that answers on --admin, and the workers; returns how many of these there are. */
static size_t find_processes(const struct scene *scene, pid_t *observer,
                             pid_t workers[SERVER_WORKERS_MAX]) {
    size_t all = server_workers(&scene->server, workers);
    size_t count = 0;
    *observer = 0;
    for (size_t i = 0; i < all; i++) {
        char path[64];
        char name[32] = "";
        (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)workers[i]);
        FILE *file = fopen(path, "r");
        if (file != NULL && fgets(name, sizeof name, file) == NULL)
            name[0] = '\0';
        if (file != NULL)
            (void)fclose(file);
        if (strcmp(name, "pronto-admin\n") == 0)
            *observer = workers[i];
        else
            workers[count++] = workers[i];
    }
    return count;
}

/* What one connection asks, and how it is answered. */
static const struct {
    const char *method;
    const char *target;
    const char *fields;
    int status;
    int times;
} asked[] = {
    {"GET", "/a.txt", "", 200, 7},
    {"HEAD", "/a.txt", "", 200, 2},
    {"GET", "/none", "", 404, 3},
    {"GET", "/a.txt", "If-None-Match: *\r\n", 304, 4},
    {"GET", "/a.txt", "Range: bytes=0-3\r\n", 206, 5},
    {"POST", "/a.txt", "Content-Length: 0\r\n", 405, 1},
};

enum { ASKED = 7 + 2 + 3 + 4 + 5 + 1 };

/* Asks all that on a connection of its own, closes it, and returns the bytes that came. */
static size_t ask_all(uint16_t port) {
    struct client client;
    size_t bytes = 0;
    client_open(&client, port);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        for (int j = 0; j < asked[i].times; j++) {
            struct response response;
            client_request(&client, asked[i].method, asked[i].target, asked[i].fields, &response);
            response_assert_status(&response, asked[i].status);
            bytes += strlen(response.head) + response.body_len;
            response_deinit(&response);
        }
    }
    client_close(&client);
    return bytes;
}

static void test_counts_are_what_clients_saw(void **state) {
    enum { CLIENTS = 6 };
    struct scene *scene = *state;
    struct samples samples = SAMPLES_INIT;
    size_t bytes = 0;
    serve(scene, "3");
    for (int i = 0; i < CLIENTS; i++)
        bytes += ask_all(scene->server.port);
    await_sum(scene, "pronto_connections_closed_total", CLIENTS, &samples);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        char labels[64];
        (void)snprintf(labels, sizeof labels, "method=\"%s\",code=\"%d\"", asked[i].method,
                       asked[i].status);
        assert_sample(&samples, "pronto_requests_total", labels, CLIENTS * asked[i].times);
    }
    assert_sample(&samples, "pronto_response_bytes_total", "", (double)bytes);
    assert_sample(&samples, "pronto_connections_accepted_total", "", CLIENTS);
    assert_closed(&samples, "peer_closed", CLIENTS);
    assert_sample(&samples, "pronto_connections", "", 0);
    assert_sample(&samples, "pronto_request_duration_seconds_count", "", CLIENTS * ASKED);
    assert_true(samples_sum(&samples, "pronto_request_duration_seconds_sum") > 0);
    assert_true(samples_sum(&samples, "pronto_cache_hits_total") > 0);
    assert_sample(&samples, "pronto_workers", "", 3);
    samples_deinit(&samples);
}

/* What ends an answer that is made while it is sent may be no bytes at all, which depends on its
 * size. Its time is over then, and not with the next answer of the worker. */
static void test_archives_of_all_sizes_are_timed(void **state) {
    enum { FILES = 12 };
    struct scene *scene = *state;
    struct samples samples = SAMPLES_INIT;
    serve(scene, "1");
    for (int i = 1; i <= FILES; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "folder/%d.txt", i);
        tree_text(&scene->tree, name, "some text");
        client_expect_once(scene->server.port, "/folder/?archive=tar", 200);
        await_sum(scene, "pronto_request_duration_seconds_count", i, &samples);
    }
    samples_deinit(&samples);
}

static void test_the_sum_of_workers_is_the_whole(void **state) {
    enum { CLIENTS = 12 };
    struct scene *scene = *state;
    struct samples all = SAMPLES_INIT;
    struct samples each = SAMPLES_INIT;
    serve(scene, "2");
    for (int i = 0; i < CLIENTS; i++)
        (void)ask_all(scene->server.port);
    await_sum(scene, "pronto_connections_closed_total", CLIENTS, &all);
    scrape(scene, "/metrics?per=worker", &each);
    static const char *const names[] = {"pronto_requests_total", "pronto_response_bytes_total",
                                        "pronto_connections_accepted_total",
                                        "pronto_request_duration_seconds_count"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_true(samples_sum(&all, names[i]) > 0);
        assert_true(samples_sum(&each, names[i]) == samples_sum(&all, names[i]));
    }
    assert_true(samples_have(&each, "pronto_connections_accepted_total", "worker=\"1\""));
    assert_false(samples_have(&each, "pronto_connections_accepted_total", "worker=\"2\""));
    samples_deinit(&all);
    samples_deinit(&each);
}

static void test_why_connections_were_closed(void **state) {
    struct scene *scene = *state;
    struct samples samples = SAMPLES_INIT;
    struct client client;
    tree_text(&scene->tree, "a.txt", "some text");
    scene_serve(scene, "--admin", "127.0.0.1:0", "--workers", "1", "--idle-timeout", "200ms",
                "--head-timeout", "300ms", NULL);
    static const char *const inputs[] = {
        "GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", /* answered */
        "GET /a.txt HTTP/1.1\nHost: x\r\n\r\n",                        /* refused */
        "GET /a.txt HTTP/1.1\r\n",                                     /* head timeout */
        "GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n",                      /* idle timeout */
    };
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        client_open(&client, scene->server.port);
        client_send_text(&client, inputs[i]);
        client_receive_all(&client);
        client_close(&client);
    }
    await_sum(scene, "pronto_connections_closed_total", 4, &samples);
    assert_closed(&samples, "answered", 1);
    assert_closed(&samples, "refused", 1);
    assert_closed(&samples, "head_timeout", 1);
    assert_closed(&samples, "idle_timeout", 1);
    assert_sample(&samples, "pronto_requests_refused_total", "reason=\"timeout\"", 1);
    assert_sample(&samples, "pronto_requests_refused_total", "reason=\"bad_request_line\"", 1);
    assert_sample(&samples, "pronto_requests_total", "method=\"GET\",code=\"408\"", 1);
    samples_deinit(&samples);
}

/* A new worker goes on with what the killed one had counted, whose connections are gone. */
static void test_counts_survive_a_killed_worker(void **state) {
    enum { CLIENTS = 4 };
    struct scene *scene = *state;
    struct samples samples = SAMPLES_INIT;
    struct client client;
    pid_t workers[SERVER_WORKERS_MAX];
    pid_t observer;
    serve(scene, "1");
    for (int i = 0; i < CLIENTS; i++)
        (void)ask_all(scene->server.port);
    client_open(&client, scene->server.port);
    client_expect(&client, "/a.txt", 200);
    await_sum(scene, "pronto_requests_total", CLIENTS * ASKED + 1, &samples);
    assert_sample(&samples, "pronto_connections", "", 1);
    assert_int_equal(find_processes(scene, &observer, workers), 1);
    assert_int_equal(kill(workers[0], SIGKILL), 0);
    await_sum(scene, "pronto_worker_starts_total", 2, &samples);
    assert_sample(&samples, "pronto_worker_deaths_total", "", 1);
    assert_closed(&samples, "worker_died", 1);
    assert_sample(&samples, "pronto_connections", "", 0);
    client_close(&client);
    (void)ask_all(scene->server.port);
    await_sum(scene, "pronto_requests_total", (CLIENTS + 1) * ASKED + 1, &samples);
    assert_true(samples_sum(&samples, "pronto_requests_total") == (CLIENTS + 1) * ASKED + 1);
    assert_sample(&samples, "pronto_connections_accepted_total", "", CLIENTS + 2);
    samples_deinit(&samples);
}

static void test_counters_survive_a_reload(void **state) {
    enum { CLIENTS = 4 };
    struct scene *scene = *state;
    struct samples samples = SAMPLES_INIT;
    serve(scene, "2");
    for (int i = 0; i < CLIENTS; i++)
        (void)ask_all(scene->server.port);
    await_sum(scene, "pronto_requests_total", CLIENTS * ASKED, &samples);
    assert_sample(&samples, "pronto_generation", "", 1);
    assert_int_equal(kill(scene->server.process.pid, SIGHUP), 0);
    server_await_text(&scene->server, "pronto: reloaded");
    for (int i = 0; i < CLIENTS; i++)
        (void)ask_all(scene->server.port);
    await_sum(scene, "pronto_requests_total", 2 * CLIENTS * ASKED, &samples);
    assert_sample(&samples, "pronto_generation", "", 2);
    assert_sample(&samples, "pronto_worker_deaths_total", "", 0);
    assert_sample(&samples, "pronto_worker_starts_total", "", 4);
    samples_deinit(&samples);
}

/* The new master answers where the old one did; who comes sooner waits for it. */
static void test_an_upgrade_answers_on(void **state) {
    struct scene *scene = *state;
    struct samples samples = SAMPLES_INIT;
    uint16_t port = server_free_port();
    char admin[32];
    (void)snprintf(admin, sizeof admin, "127.0.0.1:%u", (unsigned)port);
    tree_text(&scene->tree, "a.txt", "a");
    scene_serve(scene, "--admin", admin, "--workers", "2", NULL);
    client_expect_once(port, "/healthz", 200);
    assert_int_equal(kill(scene->server.process.pid, SIGUSR2), 0);
    server_follow(&scene->server, 1);
    client_expect_once(scene->server.port, "/a.txt", 200);
    await_sum(scene, "pronto_requests_total", 1, &samples);
    client_expect_once(port, "/healthz", 200);
    samples_deinit(&samples);
}

/* What answers on --admin may die: the workers do not notice, and what was counted is still there.
 */
static void test_another_takes_its_place(void **state) {
    struct scene *scene = *state;
    struct samples samples = SAMPLES_INIT;
    struct client client;
    pid_t workers[SERVER_WORKERS_MAX];
    pid_t observer;
    serve(scene, "1");
    client_open(&client, scene->server.port);
    client_expect(&client, "/a.txt", 200);
    assert_int_equal(find_processes(scene, &observer, workers), 1);
    assert_true(observer > 0);
    assert_int_equal(kill(observer, SIGTERM),
                     0); /* of no effect: who stops all processes means the master */
    await_sum(scene, "pronto_requests_total", 1, &samples);
    assert_true(process_is_alive(observer));
    assert_int_equal(kill(observer, SIGKILL), 0);
    server_await_text(&scene->server, "which answers on --admin, was killed by signal 9");
    client_expect(&client, "/a.txt", 200);
    await_sum(scene, "pronto_requests_total", 2, &samples);
    assert_sample(&samples, "pronto_worker_starts_total", "", 1);
    client_close(&client);
    samples_deinit(&samples);
}

static void expect_health(const struct scene *scene, int status, const char *text) {
    struct response response;
    client_get_once(server_admin_port(&scene->server), "/healthz", &response);
    response_assert_status(&response, status);
    response_assert_text(&response, text);
    response_deinit(&response);
}

/* While a download takes its time, whoever asks is told that the server is going; the download is
 * finished. */
static void test_health_while_draining(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    struct samples samples = SAMPLES_INIT;
    serve(scene, "2");
    expect_health(scene, 200, "ok\n");
    client_open_narrow(&client, scene->server.port, 65536);
    client_send_request(&client, "GET", "/large.bin", "");
    assert_true(client_receive(&client, CLIENT_TIMEOUT_MS));
    assert_int_equal(kill(scene->server.process.pid, SIGTERM), 0);
    server_await_text(&scene->server, "finishing the responses under way");
    for (int i = 0; i < 20; i++)
        expect_health(scene, 503, "draining\n");
    scrape(scene, "/metrics", &samples);
    assert_sample(&samples, "pronto_draining", "", 1);
    assert_sample(&samples, "pronto_connections", "", 1);
    client_read(&client, false, &response);
    response_assert_content(&response, 1, LARGE);
    response_deinit(&response);
    client_close(&client);
    assert_true(process_wait(&scene->server.process, AWAIT_MS));
    assert_int_equal(process_exit_code(&scene->server.process), 0);
    samples_deinit(&samples);
}

/* Asks until it is killed. */
static void ask_for_ever(void *context) {
    const struct scene *scene = context;
    for (;;)
        (void)ask_all(scene->server.port);
}

/* Each scrape is well-formed and has no less than the one before. */
static void test_scrapes_under_load(void **state) {
    enum { CLIENTS = 3, SCRAPES = 60 };
    struct scene *scene = *state;
    struct samples samples = SAMPLES_INIT;
    struct process clients[CLIENTS];
    double before = 0;
    serve(scene, "2");
    for (int i = 0; i < CLIENTS; i++)
        process_fork(&clients[i], ask_for_ever, scene);
    for (int i = 0; i < SCRAPES; i++) {
        scrape(scene, i % 2 == 0 ? "/metrics" : "/metrics?per=worker", &samples);
        double sum = samples_sum(&samples, "pronto_requests_total");
        assert_true(sum >= before);
        before = sum;
    }
    await_sum(scene, "pronto_requests_total", before + 1, &samples);
    for (int i = 0; i < CLIENTS; i++)
        process_deinit(&clients[i]);
    samples_deinit(&samples);
}

/* Where `text` starts in the bytes from `at` on; NULL: nowhere. */
static const char *find(const struct client *client, const char *at, const char *text) {
    const char *end = client->data + client->start + client->len;
    return at != NULL ? memmem(at, (size_t)(end - at), text, strlen(text)) : NULL;
}

/* The data of the next event that was received and is of that type, NUL-terminated; it is cut off.
 */
static char *take_event(struct client *client, const char *type) {
    for (;;) {
        const char *start = client->len > 0 ? client->data + client->start : NULL;
        const char *at = find(client, start, type);
        const char *end = find(client, at, "\n\n");
        if (end != NULL) {
            char *copy = strndup(at + strlen(type), (size_t)(end - at) - strlen(type));
            client->len -= (size_t)(end + 2 - start);
            client->start += (size_t)(end + 2 - start);
            return copy;
        }
        if (!client_receive(client, CLIENT_TIMEOUT_MS) || client->ended)
            fail_msg("no event of the type %s", type);
    }
}

static void test_events(void **state) {
    struct scene *scene = *state;
    struct client client;
    serve(scene, "2");
    (void)ask_all(scene->server.port);
    client_open(&client, server_admin_port(&scene->server));
    client_send_request(&client, "GET", "/events", "");
    char *past = take_event(&client, "event: past\ndata: ");
    assert_true(json_is_valid(past));
    free(past);
    double answered = 0;
    for (int i = 0; i < 4 || answered < 2 * ASKED; i++) {
        char *now = take_event(&client, "event: now\ndata: ");
        assert_true(json_number(now, "totals.answered") >= answered);
        answered = json_number(now, "totals.answered");
        assert_int_equal(json_count(now, "each"), 2);
        assert_int_equal(json_number(now, "workers"), 2);
        free(now);
        if (i == 1)
            (void)ask_all(scene->server.port);
        assert_in_range(i, 0, 20);
    }
    client_close(&client);
}

/* Who stops pronto does not wait for one that does not end. */
static void test_one_that_hangs_does_not_hold_up_the_end(void **state) {
    struct scene *scene = *state;
    pid_t workers[SERVER_WORKERS_MAX];
    pid_t observer;
    serve(scene, "1");
    assert_int_equal(find_processes(scene, &observer, workers), 1);
    assert_int_equal(kill(observer, SIGSTOP), 0);
    assert_int_equal(kill(scene->server.process.pid, SIGTERM), 0);
    assert_true(process_wait(&scene->server.process, AWAIT_MS));
    assert_int_equal(process_exit_code(&scene->server.process), 0);
    assert_false(process_is_alive(observer));
}

static void test_curl_shows_the_page(void **state) {
    struct scene *scene = *state;
    char url[64];
    int exit_code;
    serve(scene, "1");
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", server_admin_port(&scene->server));
    const char *const argv[] = {"curl", "-sS", "--fail", "--max-time", "20", url, NULL};
    char *page = process_run(argv, &exit_code);
    assert_int_equal(exit_code, 0);
    note_assert_contains(page, "<title>pronto – status</title>");
    note_assert_contains(page, "data-phase=\"serving\"");
    free(page);
}

static void test_without_it_there_are_workers_only(void **state) {
    struct scene *scene = *state;
    pid_t workers[SERVER_WORKERS_MAX];
    scene_serve(scene, "--workers", "2", NULL);
    assert_int_equal(server_workers(&scene->server, workers), 2);
    assert_int_equal(server_admin_port(&scene->server), 0);
}

static void test_an_address_that_is_taken(void **state) {
    struct scene *scene = *state;
    struct process second = PROCESS_INIT;
    char taken[32];
    serve(scene, "1");
    (void)snprintf(taken, sizeof taken, "127.0.0.1:%u", server_admin_port(&scene->server));
    const char *const argv[] = {server_binary(), "--listen", "127.0.0.1:0", "--admin", taken, NULL};
    process_start(&second, NULL, argv);
    assert_true(process_wait(&second, AWAIT_MS));
    assert_int_equal(process_exit_code(&second), 1);
    char *text = process_text(second.err_fd);
    note_assert_contains(text, "pronto: cannot listen on 127.0.0.1:");
    note_assert_lacks(text, "listening on");
    free(text);
    process_deinit(&second);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_counts_are_what_clients_saw),
        scene_test(test_archives_of_all_sizes_are_timed),
        scene_test(test_the_sum_of_workers_is_the_whole),
        scene_test(test_why_connections_were_closed),
        scene_test(test_counts_survive_a_killed_worker),
        scene_test(test_counters_survive_a_reload),
        scene_test(test_an_upgrade_answers_on),
        scene_test(test_another_takes_its_place),
        scene_test(test_health_while_draining),
        scene_test(test_scrapes_under_load),
        scene_test(test_events),
        scene_test(test_one_that_hangs_does_not_hold_up_the_end),
        scene_test(test_curl_shows_the_page),
        scene_test(test_without_it_there_are_workers_only),
        scene_test(test_an_address_that_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
