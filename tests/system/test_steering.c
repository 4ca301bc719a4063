/* Steering, in network namespaces of the test's own: one has the server, with two workers on the
 * first two CPUs, the other the clients. What goes from one to the other through a pair of virtual
 * interfaces is received on the CPU that sends it, so the test chooses that by running there. */
#include "support/client.h"
#include "support/network.h"
#include "support/scene.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CPUS = 2, CONNECTIONS = 24 };

/* "wide" has a queue for each CPU, "narrow" has one. $1 is the namespace of the clients, where the
 * other ends are. */
static const char near_network[] =
    "set -e; PATH=$PATH:/usr/sbin:/sbin\n"
    "ip link set lo up\n"
    "ip link add wide numrxqueues 2 numtxqueues 2 type veth peer name far-wide netns \"$1\"\n"
    "ip link add narrow numrxqueues 1 numtxqueues 1 type veth peer name far-narrow netns \"$1\"\n"
    "ip address add 192.0.2.1/24 dev wide\n"
    "ip address add 198.51.100.1/24 dev narrow\n"
    "ip link set wide up\n";
static const char far_network[] = "set -e; PATH=$PATH:/usr/sbin:/sbin\n"
                                  "ip address add 192.0.2.2/24 dev far-wide\n"
                                  "ip address add 198.51.100.2/24 dev far-narrow\n"
                                  "ip link set far-wide up\n"
                                  "ip link set far-narrow up\n";
static const char narrow_up[] = "PATH=$PATH:/usr/sbin:/sbin; ip link set narrow up";
static const char narrow_down[] = "PATH=$PATH:/usr/sbin:/sbin; ip link set narrow down";

/* Why nothing can be tested here; empty: it can. */
static char obstacle[512];

static cpu_set_t cpu_alone(size_t cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return set;
}

static cpu_set_t cpus_all(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (size_t cpu = 0; cpu < CPUS; cpu++)
        CPU_SET(cpu, &set);
    return set;
}

static void must_run_on(cpu_set_t set) {
    assert_int_equal(sched_setaffinity(0, sizeof set, &set), 0);
}

/* The network */

/* The receive queues that the interface says it has; 0: it says nothing. */
static size_t count_queues(const char *interface) {
    struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
    struct ifreq request = {.ifr_data = (void *)&channels};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    int result = ioctl(fd, SIOCETHTOOL, &request);
    (void)close(fd);
    return result == 0 ? (size_t)channels.rx_count + channels.combined_count : 0;
}

static bool make_interfaces(void) {
    bool made = network_run(NETWORK_NEAR, near_network) && network_run(NETWORK_FAR, far_network);
    if (!made)
        (void)snprintf(obstacle, sizeof obstacle, "no interfaces can be made: %s",
                       network_complaint());
    return made;
}

/* Once for all tests: no test needs another network. */
static int make_network(void **state) {
    (void)state;
    cpu_set_t set = cpus_all();
    if (sched_setaffinity(0, sizeof set, &set) != 0 ||
        sched_getaffinity(0, sizeof set, &set) != 0 || CPU_COUNT(&set) != CPUS)
        (void)snprintf(obstacle, sizeof obstacle, "the test may not use CPU 0 and CPU 1");
    else if (!network_make())
        (void)snprintf(obstacle, sizeof obstacle, "%s", network_complaint());
    else if (make_interfaces() && count_queues("wide") != CPUS)
        (void)snprintf(obstacle, sizeof obstacle, "this kernel's veth has no word about queues");
    return 0;
}

static bool has_network(void) {
    if (obstacle[0] != '\0')
        note_cannot_test("steering: %s", obstacle);
    return obstacle[0] == '\0';
}

/* The server */

static void serve(struct scene *scene, const char *address, const char *workers) {
    const char *const words[] = {"--listen", address, "--workers", workers, scene->tree.path, NULL};
    tree_text(&scene->tree, "a.txt", "some text");
    must_run_on(cpus_all());
    server_start(&scene->server, NULL, 1, words);
}

static void stop(struct scene *scene) {
    server_stop(&scene->server);
    scene->server = (struct server)SERVER_INIT;
}

/* To a loopback address from this machine, to another one from the other. */
static void open_client(struct client *client, const char *host, uint16_t port) {
    network_enter(strncmp(host, "127.", 4) == 0 ? NETWORK_NEAR : NETWORK_FAR);
    client_open_at(client, host, port);
    network_enter(NETWORK_NEAR);
}

/* Opens connections from a CPU, and writes how many of them each worker has. */
static void connect_from(size_t cpu, const struct scene *scene, const char *host,
                         const pid_t workers[CPUS], size_t connections[CPUS]) {
    struct client clients[CONNECTIONS];
    size_t before[CPUS];
    size_t all = server_count_fds(&scene->server);
    must_run_on(cpu_alone(cpu));
    for (size_t i = 0; i < CPUS; i++)
        before[i] = process_count_fds(workers[i]);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        open_client(&clients[i], host, scene->server.port);
        client_expect(&clients[i], "/a.txt", 200);
    }
    for (size_t i = 0; i < CPUS; i++)
        connections[i] = process_count_fds(workers[i]) - before[i];
    for (size_t i = 0; i < CONNECTIONS; i++)
        client_close(&clients[i]);
    must_run_on(cpus_all());
    assert_int_equal(connections[0] + connections[1], CONNECTIONS);
    assert_int_equal(server_await_fds(&scene->server, all), all);
}

static bool is_on(pid_t pid, cpu_set_t expected) {
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(pid, sizeof set, &set), 0);
    return CPU_EQUAL(&set, &expected);
}

/* What a CPU receives goes to its worker; or else to both, but by chance once in 2^23 times. */
static void expect_connections(const char *row, const struct scene *scene, const char *host,
                               const pid_t workers[CPUS], bool steered) {
    for (size_t cpu = 0; cpu < CPUS; cpu++) {
        size_t connections[CPUS];
        connect_from(cpu, scene, host, workers, connections);
        bool expected =
            steered ? connections[cpu] == CONNECTIONS : connections[0] > 0 && connections[1] > 0;
        if (!expected)
            fail_msg("%s: of %d connections from CPU %zu, %zu are worker 0's and %zu worker 1's",
                     row, CONNECTIONS, cpu, connections[0], connections[1]);
    }
}

/* Each worker is on its CPU alone, or else wherever it may. */
static void expect_bound(const char *row, const pid_t workers[CPUS], bool bound) {
    for (size_t cpu = 0; cpu < CPUS; cpu++) {
        if (!is_on(workers[cpu], bound ? cpu_alone(cpu) : cpus_all()))
            fail_msg("%s: worker %zu is %s", row, cpu, bound ? "not on its CPU alone" : "bound");
    }
}

static const struct {
    const char *name;
    const char *listen;
    const char *host;
    bool narrow;  /* whether that interface is up */
    bool bound;   /* the workers */
    bool steered; /* the connections */
} rows[] = {
    {"a queue for each", "192.0.2.1:0", "192.0.2.1", false, true, true},
    {"another interface has one queue", "192.0.2.1:0", "192.0.2.1", true, true, true},
    {"wildcard of IPv4", "0.0.0.0:0", "192.0.2.1", false, true, true},
    {"all", "*:0", "192.0.2.1", false, true, true},
    {"wildcard of IPv4, from this machine", "0.0.0.0:0", "127.0.0.1", false, true, false},
    {"all, from this machine", "*:0", "127.0.0.1", false, true, false},
    {"one queue", "198.51.100.1:0", "198.51.100.1", true, false, false},
    {"wildcard of IPv4, one queue among them", "0.0.0.0:0", "192.0.2.1", true, false, false},
    {"all, one queue among them", "*:0", "192.0.2.1", true, false, false},
    {"loopback", "127.0.0.1:0", "127.0.0.1", false, false, false},
};

static void test_each_address(void **state) {
    struct scene *scene = *state;
    if (!has_network())
        return;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pid_t workers[SERVER_WORKERS_MAX];
        assert_true(network_run(NETWORK_NEAR, rows[i].narrow ? narrow_up : narrow_down));
        serve(scene, rows[i].listen, "2");
        assert_int_equal(server_workers(&scene->server, workers), CPUS);
        expect_bound(rows[i].name, workers, rows[i].bound);
        expect_connections(rows[i].name, scene, rows[i].host, workers, rows[i].steered);
        stop(scene);
    }
}

static pid_t replace(const struct scene *scene, pid_t killed, pid_t other) {
    pid_t workers[SERVER_WORKERS_MAX];
    assert_int_equal(kill(killed, SIGKILL), 0);
    for (int i = 0; i < 5000 && process_is_alive(killed); i++)
        note_pause_ms(1);
    assert_int_equal(server_await_workers(&scene->server, workers, CPUS), CPUS);
    return workers[0] == other ? workers[1] : workers[0];
}

static void test_a_replaced_worker_has_the_same_cpu(void **state) {
    struct scene *scene = *state;
    pid_t workers[SERVER_WORKERS_MAX];
    if (!has_network())
        return;
    serve(scene, "192.0.2.1:0", "2");
    assert_int_equal(server_workers(&scene->server, workers), CPUS);
    size_t fds = server_settled_fds(&scene->server);
    for (size_t i = 0; i < CPUS; i++) {
        struct client client;
        workers[i] = replace(scene, workers[i], workers[1 - i]);
        /* Once it has answered, it opens and closes no more than connections, which are counted. */
        must_run_on(cpu_alone(i));
        open_client(&client, "192.0.2.1", scene->server.port);
        client_expect(&client, "/a.txt", 200);
        client_close(&client);
        assert_int_equal(server_await_fds(&scene->server, fds), fds);
        expect_bound("replaced", workers, true);
        expect_connections("replaced", scene, "192.0.2.1", workers, true);
    }
}

/* A CPU for each there is only where they are as many as the CPUs. */
static void test_another_number_of_workers_is_not_bound(void **state) {
    static const char *const numbers[] = {"1", "3"};
    struct scene *scene = *state;
    if (!has_network())
        return;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        pid_t workers[SERVER_WORKERS_MAX];
        serve(scene, "192.0.2.1:0", numbers[i]);
        size_t count = server_workers(&scene->server, workers);
        assert_int_equal(count, atoi(numbers[i]));
        for (size_t at = 0; at < count; at++)
            assert_true(is_on(workers[at], cpus_all()));
        stop(scene);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_each_address),
        scene_test(test_a_replaced_worker_has_the_same_cpu),
        scene_test(test_another_number_of_workers_is_not_bound),
    };
    return cmocka_run_group_tests_name("steering", tests, make_network, NULL);
}
