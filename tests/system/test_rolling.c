/* haproxy in front of three servers, which are restarted one behind the other: it learns from
 * /healthz that one drains, and no client notices. */
#include "support/load.h"
#include "support/scene.h"
#include "support/shell.h"

#include <stdio.h>

enum { SERVERS = 3, ANSWERS = 60 };

struct backend {
    struct server server;
    uint16_t port;
    uint16_t admin_port;
    unsigned starts; /* each writes an access log of its own */
};

struct farm {
    struct scene *scene;
    struct backend backends[SERVERS];
    struct process proxy;
    uint16_t front_port;
};

static const char *log_of(const struct farm *farm, size_t index) {
    char name[32];
    (void)snprintf(name, sizeof name, "log-%zu-%u", index, farm->backends[index].starts);
    return tree_path(&farm->scene->tree, name);
}

/* On the ports that it had before; at first on free ones. */
static void start_backend(struct farm *farm, size_t index) {
    struct backend *backend = &farm->backends[index];
    char listen[32];
    char admin[32];
    char log[4096];
    backend->starts++;
    (void)snprintf(listen, sizeof listen, "127.0.0.1:%u", (unsigned)backend->port);
    (void)snprintf(admin, sizeof admin, "127.0.0.1:%u", (unsigned)backend->admin_port);
    (void)snprintf(log, sizeof log, "%s", log_of(farm, index));
    const char *const words[] = {"--listen",
                                 listen,
                                 "--admin",
                                 admin,
                                 "--workers=2",
                                 "--trust=127.0.0.1",
                                 "--proxy-protocol",
                                 "--access-log",
                                 log,
                                 tree_path(&farm->scene->tree, "site"),
                                 NULL};
    backend->server = (struct server)SERVER_INIT;
    server_start(&backend->server, NULL, 1, words);
    backend->port = backend->server.port;
    backend->admin_port = server_admin_port(&backend->server);
}

/* Waits until it has logged that: the log is flushed once a second. */
static void await_in_log(const struct farm *farm, size_t index, const char *text) {
    char script[8192];
    (void)snprintf(script, sizeof script,
                   "for try in $(seq 400); do grep -qF '%s' '%s' && exit; sleep 0.05; done; exit 1",
                   text, log_of(farm, index));
    shell_run(script);
}

static void configure_proxy(const struct farm *farm) {
    char config[4096];
    int len = snprintf(config, sizeof config,
                       "defaults\n mode http\n timeout connect 5s\n timeout client 60s\n"
                       " timeout server 60s\n timeout check 10s\n option redispatch\n"
                       " retry-on conn-failure empty-response\n"
                       "frontend site\n bind 127.0.0.1:%u\n default_backend prontos\n"
                       "backend prontos\n balance roundrobin\n option httpchk GET /healthz\n"
                       " default-server check inter 50ms fall 1 rise 1 send-proxy-v2\n",
                       (unsigned)farm->front_port);
    for (size_t i = 0; i < SERVERS; i++)
        len += snprintf(config + len, sizeof config - (size_t)len,
                        " server s%zu 127.0.0.1:%u port %u\n", i, (unsigned)farm->backends[i].port,
                        (unsigned)farm->backends[i].admin_port);
    tree_text(&farm->scene->tree, "haproxy.cfg", config);
}

/* Waits until it has found a server that is well. */
static void start_proxy(struct farm *farm) {
    char path[4096];
    char script[256];
    farm->front_port = server_free_port();
    configure_proxy(farm);
    (void)snprintf(path, sizeof path, "%s", tree_path(&farm->scene->tree, "haproxy.cfg"));
    const char *const argv[] = {"haproxy", "-db", "-f", path, NULL};
    process_start(&farm->proxy, NULL, argv);
    (void)snprintf(script, sizeof script,
                   "for try in $(seq 400); do curl -sfo /dev/null "
                   "http://127.0.0.1:%u/load.bin && exit; sleep 0.05; done; exit 1",
                   (unsigned)farm->front_port);
    shell_run(script);
}

/* From an address that nobody else has. */
static void ask_from(const struct farm *farm, const char *address) {
    char script[256];
    (void)snprintf(script, sizeof script,
                   "curl -sSf --interface %s -o /dev/null http://127.0.0.1:%u/load.bin", address,
                   (unsigned)farm->front_port);
    shell_run(script);
}

static void open_farm(struct farm *farm, struct scene *scene) {
    *farm = (struct farm){.scene = scene, .proxy = PROCESS_INIT};
    tree_file(&scene->tree, "site/load.bin", 7, LOAD_FILE_SIZE);
    for (size_t i = 0; i < SERVERS; i++)
        start_backend(farm, i);
    start_proxy(farm);
}

static void close_farm(struct farm *farm) {
    process_deinit(&farm->proxy);
    for (size_t i = 0; i < SERVERS; i++)
        server_stop(&farm->backends[i].server);
}

static void test_a_rolling_restart_loses_nothing(void **state) {
    struct farm farm;
    struct load load;
    open_farm(&farm, *state);
    load_start(&load, farm.front_port);
    load_await(&load, ANSWERS);
    for (size_t i = 0; i < SERVERS; i++) {
        server_stop(&farm.backends[i].server);
        start_backend(&farm, i);
        await_in_log(&farm, i, "\"GET /load.bin HTTP/1.1\" 200");
        load_await(&load, ANSWERS);
    }
    struct load_counts counts = load_stop(&load);
    if (counts.lost > 0)
        fail_msg("%llu requests were lost, %llu answered; the last one: %s",
                 (unsigned long long)counts.lost, (unsigned long long)counts.answered,
                 counts.reason);
    close_farm(&farm);
}

static void test_addresses_are_those_of_clients(void **state) {
    struct farm farm;
    open_farm(&farm, *state);
    for (size_t i = 0; i < 2 * SERVERS; i++) /* each has its turn */
        ask_from(&farm, "127.0.0.77");
    for (size_t i = 0; i < SERVERS; i++)
        await_in_log(&farm, i, "127.0.0.77 - - [");
    close_farm(&farm);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        scene_test(test_a_rolling_restart_loses_nothing),
        scene_test(test_addresses_are_those_of_clients),
    };
    return cmocka_run_group_tests_name("rolling", tests, NULL, NULL);
}
