/* --admin while the server is reloaded and upgraded: its addresses are those that the configuration
 * says, and who asks there is answered all the time. */
#include "support/client.h"
#include "support/samples.h"
#include "support/scene.h"
#include "support/shell.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { AWAIT_MS = 15000, CHANGES = 4, ANSWERS = 20 };

/* The configuration says that --admin is there; NULL: nowhere. */
static void configure(const struct scene *scene, const char *one, const char *other) {
    char text[1024] = "workers = 1\n";
    size_t len = strlen(text);
    if (one != NULL)
        len += (size_t)snprintf(text + len, sizeof text - len, "admin = %s\n", one);
    if (other != NULL)
        (void)snprintf(text + len, sizeof text - len, "admin = %s\n", other);
    tree_text(&scene->tree, "pronto.conf", text);
}

static void serve(struct scene *scene, const char *one) {
    configure(scene, one, NULL);
    tree_text(&scene->tree, "a.txt", "some text");
    scene_serve(scene, "--config", tree_path(&scene->tree, "pronto.conf"), NULL);
}

static void reload(const struct scene *scene, size_t count) {
    assert_int_equal(kill(scene->server.process.pid, SIGHUP), 0);
    server_await_times(&scene->server, "pronto: reloaded", count);
}

static const char *address_of(char text[32], uint16_t port) {
    (void)snprintf(text, 32, "127.0.0.1:%u", (unsigned)port);
    return text;
}

/* In the tree, where the shell finds it; static. */
static const char *local_address(const struct scene *scene) {
    static char text[512];
    (void)snprintf(text, sizeof text, "unix:%s", tree_path(&scene->tree, "admin"));
    return text;
}

static void expect_health_at_socket(const struct scene *scene) {
    shell_tell(scene);
    shell_run("[ \"$(curl -sS --fail --max-time 20 --unix-socket \"$TREE/admin\" "
              "http://localhost/healthz)\" = ok ]");
}

static double requests_told_at(uint16_t port) {
    struct samples samples = SAMPLES_INIT;
    struct response response;
    client_get_once(port, "/metrics", &response);
    response_assert_status(&response, 200);
    samples_read(&samples, response.body);
    double sum = samples_sum(&samples, "pronto_requests_total");
    response_deinit(&response);
    samples_deinit(&samples);
    return sum;
}

static void await_requests_told_at(uint16_t port, double count) {
    int64_t deadline = note_now_ms() + AWAIT_MS;
    while (requests_told_at(port) < count) {
        assert_true(note_now_ms() < deadline);
        note_pause_ms(2);
    }
}

static void expect_refused(uint16_t port) {
    struct client client = CLIENT_INIT;
    assert_false(client_try_open(&client, port));
}

/* From one address to another, to none, and back: what was counted goes on. */
static void test_a_reload_follows(void **state) {
    struct scene *scene = *state;
    char one[32];
    char other[32];
    pid_t processes[SERVER_WORKERS_MAX];
    uint16_t ports[] = {server_free_port(), server_free_port()};
    serve(scene, address_of(one, ports[0]));
    client_expect_once(scene->server.port, "/a.txt", 200);
    await_requests_told_at(ports[0], 1);
    configure(scene, address_of(other, ports[1]), NULL);
    reload(scene, 1);
    expect_refused(ports[0]);
    client_expect_once(scene->server.port, "/a.txt", 200);
    await_requests_told_at(ports[1], 2);
    server_await_text(&scene->server, "pronto: no longer telling the status on http://127.0.0.1");
    configure(scene, NULL, NULL);
    reload(scene, 2);
    expect_refused(ports[1]);
    assert_int_equal(server_await_workers(&scene->server, processes, 1), 1);
    configure(scene, one, other);
    reload(scene, 3);
    client_expect_once(scene->server.port, "/a.txt", 200);
    await_requests_told_at(ports[0], 3);
    await_requests_told_at(ports[1], 3);
    assert_int_equal(server_times(&scene->server, "pronto: status on "), 4);
}

/* Where there was no --admin at the start. */
static void test_a_reload_begins_with_it(void **state) {
    struct scene *scene = *state;
    char one[32];
    uint16_t port = server_free_port();
    serve(scene, NULL);
    configure(scene, address_of(one, port), NULL);
    reload(scene, 1);
    client_expect_once(scene->server.port, "/a.txt", 200);
    await_requests_told_at(port, 1);
    client_expect_once(port, "/healthz", 200);
}

static void test_an_address_that_is_taken(void **state) {
    struct scene *scene = *state;
    char one[32];
    char taken[32];
    uint16_t port = server_free_port();
    serve(scene, address_of(one, port));
    configure(scene, address_of(taken, scene->server.port), local_address(scene));
    assert_int_equal(kill(scene->server.process.pid, SIGHUP), 0);
    server_await_text(&scene->server, "pronto: cannot reload: cannot listen on 127.0.0.1:");
    client_expect_once(port, "/healthz", 200);
    client_expect_once(scene->server.port, "/a.txt", 200);
    assert_int_equal(access(tree_path(&scene->tree, "admin"), F_OK), -1);
    configure(scene, one, local_address(scene));
    reload(scene, 1);
    client_expect_once(port, "/healthz", 200);
    expect_health_at_socket(scene);
}

/* It stays at an upgrade, and goes at a reload that does not ask for it, and at the end. */
static void test_a_local_socket(void **state) {
    struct scene *scene = *state;
    serve(scene, local_address(scene));
    expect_health_at_socket(scene);
    assert_int_equal(kill(scene->server.process.pid, SIGUSR2), 0);
    server_follow(&scene->server, 1);
    expect_health_at_socket(scene);
    configure(scene, NULL, NULL);
    reload(scene, 1);
    assert_int_equal(access(tree_path(&scene->tree, "admin"), F_OK), -1);
    configure(scene, local_address(scene), NULL);
    reload(scene, 2);
    expect_health_at_socket(scene);
    server_stop(&scene->server);
    assert_int_equal(access(tree_path(&scene->tree, "admin"), F_OK), -1);
}

/* One who asks all the time, and what came of it. */
struct asker {
    _Atomic uint64_t answered;
    _Atomic uint64_t lost;
    atomic_bool stop;
    uint16_t port;
};

static void ask(void *context) {
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    struct asker *asker = context;
    while (!atomic_load(&asker->stop)) {
        struct client client = CLIENT_INIT;
        struct response response;
        bool answered = false;
        if (client_try_open(&client, asker->port)) {
            client_send_text(&client, request);
            while (client_receive(&client, CLIENT_TIMEOUT_MS) && !client.ended)
                continue;
            answered = client_take(&client, false, &response);
        }
        atomic_fetch_add(answered ? &asker->answered : &asker->lost, 1);
        if (answered)
            response_deinit(&response);
        client_close(&client);
    }
}

static void await_answers(const struct asker *asker) {
    uint64_t wanted = atomic_load(&asker->answered) + ANSWERS;
    int64_t deadline = note_now_ms() + AWAIT_MS;
    while (atomic_load(&asker->answered) < wanted) {
        assert_true(note_now_ms() < deadline);
        note_pause_ms(1);
    }
}

/* Upgrades, and reloads that have another process take the place. */
static void test_nobody_is_refused(void **state) {
    struct scene *scene = *state;
    struct process process = PROCESS_INIT;
    char one[32];
    struct asker *asker =
        mmap(NULL, sizeof *asker, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(asker != MAP_FAILED);
    asker->port = server_free_port();
    serve(scene, address_of(one, asker->port));
    process_fork(&process, ask, asker);
    for (size_t i = 1; i <= CHANGES; i++) {
        await_answers(asker);
        configure(scene, one, i % 2 == 1 ? local_address(scene) : NULL);
        reload(scene, i);
        await_answers(asker);
        assert_int_equal(kill(scene->server.process.pid, SIGUSR2), 0);
        server_follow(&scene->server, i);
    }
    await_answers(asker);
    atomic_store(&asker->stop, true);
    assert_true(process_wait(&process, AWAIT_MS));
    assert_int_equal(process_exit_code(&process), 0);
    assert_int_equal(atomic_load(&asker->lost), 0);
    process_deinit(&process);
    (void)munmap(asker, sizeof *asker);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_a_reload_follows),         scene_test(test_a_reload_begins_with_it),
        scene_test(test_an_address_that_is_taken), scene_test(test_a_local_socket),
        scene_test(test_nobody_is_refused),
    };
    return cmocka_run_group_tests_name("admin_changes", tests, NULL, NULL);
}
