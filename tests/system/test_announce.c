/* --announce, in network namespaces of the test's own: pronto is on the near host, and on the far
 * one are those who look for it, avahi and dig. */
#include "support/client.h"
#include "support/network.h"
#include "support/row.h"
#include "support/scene.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 20000, MDNS_PORT = 5353, PACKET_MAX = 2048 };

/* $1 is the namespace of the far host. What is not known to be elsewhere is on the link, so that
 * answers could reach anybody there. */
static const char near_network[] = "set -e\n"
                                   "ip link set lo up\n"
                                   "ip link add near0 type veth peer name far0 netns \"$1\"\n"
                                   "ip address add 192.0.2.1/24 dev near0\n"
                                   "ip address add 2001:db8::1/64 dev near0 nodad\n"
                                   "ip link set near0 up\n"
                                   "ip route add default dev near0\n";
static const char far_network[] = "set -e\n"
                                  "ip link set lo up\n"
                                  "ip address add 192.0.2.2/24 dev far0\n"
                                  "ip address add 2001:db8::2/64 dev far0 nodad\n"
                                  "ip link set far0 up\n"
                                  "ip route add default dev far0\n";

/* avahi keeps its files in a certain directory of /run, which is the test's own. */
static const char bus_file[] = "/run/bus.conf";
static const char bus_text[] =
    "<busconfig><type>system</type><listen>unix:path=/run/bus</listen><auth>EXTERNAL</auth>"
    "<policy context='default'><allow user='*'/><allow own='*'/><allow send_destination='*'/>"
    "<allow receive_sender='*'/></policy></busconfig>";
static const char avahi_file[] = "/run/avahi.conf";
static const char avahi_text[] = "[server]\nhost-name=far\n";

/* Why nothing can be tested here; empty: it can. */
static char obstacle[512];

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Once for all tests. */
static int make_network(void **state) {
    (void)state;
    if (!network_make() || !network_run(NETWORK_NEAR, near_network) ||
        !network_run(NETWORK_FAR, far_network))
        (void)snprintf(obstacle, sizeof obstacle, "%s", network_complaint());
    else if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
             mount("run", "/run", "tmpfs", 0, NULL) != 0)
        (void)snprintf(obstacle, sizeof obstacle, "no /run of its own: %s", strerror(errno));
    return 0;
}

static bool has_network(void) {
    if (obstacle[0] != '\0')
        note_cannot_test("announcing: %s", obstacle);
    return obstacle[0] == '\0';
}

/* The near host */

static void serve(struct scene *scene, const char *option) {
    const char *const words[] = {"--listen", "*:0", "-w1", option, scene->tree.path, NULL};
    tree_text(&scene->tree, "a.txt", "some text");
    server_start(&scene->server, NULL, 1, words);
}

/* Waits until pronto says that it has that name, for the `count`th time. */
static void await_name(const struct server *server, const char *name, size_t count) {
    char text[128];
    (void)snprintf(text, sizeof text, "announced as http://%s.local:%u/", name,
                   (unsigned)server->port);
    server_await_times(server, text, count);
}

/* The far host */

struct far {
    struct process bus;
    struct process avahi;
};

static void start_far(struct process *process, const char *const argv[]) {
    *process = (struct process)PROCESS_INIT;
    network_enter(NETWORK_FAR);
    process_start(process, NULL, argv);
    network_enter(NETWORK_NEAR);
}

/* What a program there writes to stdout; the caller frees it. */
static char *run_far(const char *const argv[]) {
    int code;
    network_enter(NETWORK_FAR);
    char *text = process_run(argv, &code);
    network_enter(NETWORK_NEAR);
    return text;
}

static void await_output(const struct process *process, bool errors, const char *needle) {
    int64_t end_ms = note_now_ms() + WAIT_MS;
    for (;;) {
        char *text = process_text(errors ? process->err_fd : process->out_fd);
        bool found = strstr(text, needle) != NULL;
        if (!found && note_now_ms() >= end_ms) {
            char *other = process_text(errors ? process->out_fd : process->err_fd);
            fail_msg("'%s' is not in:\n%s\nbeside:\n%s", needle, text, other);
        }
        free(text);
        if (found)
            return;
        note_pause_ms(20);
    }
}

static void await_file(const char *path) {
    int64_t end_ms = note_now_ms() + WAIT_MS;
    while (access(path, F_OK) != 0 && note_now_ms() < end_ms)
        note_pause_ms(5);
}

static void open_far(struct far *far) {
    static const char *const bus[] = {"dbus-daemon", "--config-file=/run/bus.conf", "--nofork",
                                      NULL};
    static const char *const avahi[] = {
        "/usr/sbin/avahi-daemon", "--no-drop-root",         "--no-chroot",
        "--no-rlimits",           "--file=/run/avahi.conf", NULL};
    write_text(bus_file, bus_text);
    write_text(avahi_file, avahi_text);
    (void)unlink("/run/bus");
    (void)unlink("/run/avahi-daemon/pid");
    assert_int_equal(setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/run/bus", 1), 0);
    start_far(&far->bus, bus);
    await_file("/run/bus");
    start_far(&far->avahi, avahi);
    await_output(&far->avahi, true, "Server startup complete");
}

static void close_far(struct far *far) {
    process_deinit(&far->avahi);
    process_deinit(&far->bus);
}

static void expect_resolved(const char *name, const char *address) {
    const char *const argv[] = {"avahi-resolve", "-4", "-n", name, NULL};
    char expected[128];
    char *text = run_far(argv);
    (void)snprintf(expected, sizeof expected, "%s\t%s\n", name, address);
    note_assert_contains(text, expected);
    free(text);
}

/* A line of avahi-browse -p for a service that was resolved. */
static void expect_browsed(const char *text, const char *name, const char *address, uint16_t port) {
    char expected[256];
    (void)snprintf(expected, sizeof expected,
                   "=;far0;IPv4;%s;Web Site;local;%s.local;%s;%u;\"path=/\"\n", name, name, address,
                   (unsigned)port);
    note_assert_contains(text, expected);
}

static char *browse(void) {
    static const char *const argv[] = {"avahi-browse", "-rtp", "_http._tcp", NULL};
    return run_far(argv);
}

/* Sockets of the test's own */

/* A socket on the far host that asks by itself, from a port of its own. */
static int open_asker(const char *address) {
    struct sockaddr_in from = {.sin_family = AF_INET};
    network_enter(NETWORK_FAR);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ip_mreqn by = {.imr_ifindex = (int)if_nametoindex("far0")};
    network_enter(NETWORK_NEAR);
    assert_int_equal(inet_pton(AF_INET, address, &from.sin_addr), 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof by), 0);
    return fd;
}

/* Sees all packets of UDP that come to the far host, each with its head of IPv4. */
static int open_witness(void) {
    network_enter(NETWORK_FAR);
    int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);
    network_enter(NETWORK_NEAR);
    assert_true(fd >= 0);
    return fd;
}

/* Asks all for the address of pronto.local. */
static void ask(int fd, uint8_t number) {
    const char query[] = {
        0,   (char)number, 0,   0,   0, 1,   0,   0,   0,   0,   0, 0, 6, 'p', 'r',
        'o', 'n',          't', 'o', 5, 'l', 'o', 'c', 'a', 'l', 0, 0, 1, 0,   1};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(MDNS_PORT)};
    assert_int_equal(inet_pton(AF_INET, "224.0.0.251", &to.sin_addr), 1);
    assert_int_equal(sendto(fd, query, sizeof query, 0, (struct sockaddr *)&to, sizeof to),
                     sizeof query);
}

/* Waits for a packet that the witness sees, from the port of multicast DNS to another one, and
 * returns the number of the query that it answers. */
static unsigned await_answer(int witness) {
    unsigned char packet[PACKET_MAX];
    int64_t end_ms = note_now_ms() + WAIT_MS;
    while (note_now_ms() < end_ms) {
        struct pollfd wait = {.fd = witness, .events = POLLIN};
        if (poll(&wait, 1, 100) <= 0)
            continue;
        ssize_t len = recv(witness, packet, sizeof packet, 0);
        const unsigned char *udp = packet + (packet[0] & 0x0f) * 4;
        const unsigned char *message = udp + 8;
        if (len < message - packet + 12 || (udp[0] << 8 | udp[1]) != MDNS_PORT ||
            (udp[2] << 8 | udp[3]) == MDNS_PORT)
            continue;
        assert_int_equal(packet[8], 255);          /* the hop limit (RFC 6762 §11) */
        assert_int_equal(message[2] & 0x80, 0x80); /* a response */
        return (unsigned)(message[0] << 8 | message[1]);
    }
    fail_msg("there was no answer");
    return 0;
}

/* Tests */

static void test_avahi_finds_it_and_sees_it_go(void **state) {
    static const char *const watch[] = {"stdbuf", "-oL", "avahi-browse", "-p", "_http._tcp", NULL};
    struct scene *scene = *state;
    struct process watcher;
    struct client client;
    struct far far;
    if (!has_network())
        return;
    open_far(&far);
    start_far(&watcher, watch);
    serve(scene, "--announce");
    await_name(&scene->server, "pronto", 1);
    await_output(&watcher, false, "+;far0;IPv4;pronto;Web Site;local\n");
    char *text = browse();
    expect_browsed(text, "pronto", "192.0.2.1", scene->server.port);
    free(text);
    expect_resolved("pronto.local", "192.0.2.1");
    network_enter(NETWORK_FAR);
    client_open_at(&client, "192.0.2.1", scene->server.port);
    client_expect(&client, "/a.txt", 200);
    client_close(&client);
    network_enter(NETWORK_NEAR);
    server_stop(&scene->server);
    await_output(&watcher, false, "-;far0;IPv4;pronto;Web Site;local\n");
    process_deinit(&watcher);
    close_far(&far);
}

static void test_names_that_are_taken(void **state) {
    struct scene *scene = *state;
    struct server beside = SERVER_INIT;
    struct server elsewhere = SERVER_INIT;
    const char *const words[] = {"--listen",       "*:0", "-w1", "-q", "--announce",
                                 scene->tree.path, NULL};
    struct far far;
    if (!has_network())
        return;
    open_far(&far);
    serve(scene, "--announce");
    await_name(&scene->server, "pronto", 1);
    const char *const loud[] = {"--listen", "*:0", "-w1", "--announce", scene->tree.path, NULL};
    server_start(&beside, NULL, 1, loud);
    await_name(&beside, "pronto-2", 1);
    network_enter(NETWORK_FAR);
    server_start(&elsewhere, NULL, 0, words);
    network_enter(NETWORK_NEAR);
    server_await_text(&elsewhere, "announced as http://pronto-3.local:");
    server_await_text(&elsewhere, ", as pronto.local is another's here\n");
    expect_resolved("pronto.local", "192.0.2.1");
    expect_resolved("pronto-2.local", "192.0.2.1");
    expect_resolved("pronto-3.local", "192.0.2.2");
    char *text = browse();
    expect_browsed(text, "pronto", "192.0.2.1", scene->server.port);
    expect_browsed(text, "pronto-2", "192.0.2.1", beside.port);
    free(text);
    assert_int_equal(server_times(&scene->server, "announced as"), 1);
    server_stop(&elsewhere);
    server_stop(&beside);
    close_far(&far);
}

/* Both start at once; the one or the other has the name, and both keep what they have. */
static void test_two_that_want_a_name(void **state) {
    struct scene *scene = *state;
    struct server other = SERVER_INIT;
    const char *const words[] = {"--listen", "*:0", "-w1", "--announce", scene->tree.path, NULL};
    if (!has_network())
        return;
    serve(scene, "--announce");
    network_enter(NETWORK_FAR);
    server_start(&other, NULL, 1, words);
    network_enter(NETWORK_NEAR);
    server_await_text(&scene->server, "announced as");
    server_await_text(&other, "announced as");
    size_t first = server_times(&scene->server, "announced as http://pronto.local:") +
                   server_times(&other, "announced as http://pronto.local:");
    size_t second = server_times(&scene->server, "announced as http://pronto-2.local:") +
                    server_times(&other, "announced as http://pronto-2.local:");
    assert_int_equal(first, 1);
    assert_int_equal(second, 1);
    server_stop(&other);
}

static void expect_dug(const char *type, const char *name, const char *expected) {
    const char *const argv[] = {"dig",    "@192.0.2.1", "-p", "5353", "+tries=3", "+time=5",
                                "+short", "-t",         type, name,   NULL};
    char *text = run_far(argv);
    note_assert_contains(text, expected);
    free(text);
}

/* dig takes no answer that comes from another address than it has asked, and none comes from a
 * group's; so what it asks all is seen to be answered, and what it asks the host, it shows. */
static void test_dig_is_answered(void **state) {
    static const char *const all[] = {
        "dig", "@224.0.0.251",     "-p", "5353", "+tries=1", "+time=1", "-t",
        "PTR", "_http._tcp.local", NULL};
    struct scene *scene = *state;
    struct process dig;
    char srv[64];
    if (!has_network())
        return;
    int witness = open_witness();
    serve(scene, "--announce=photos");
    await_name(&scene->server, "photos", 1);
    start_far(&dig, all);
    (void)await_answer(witness);
    process_deinit(&dig);
    (void)close(witness);
    (void)snprintf(srv, sizeof srv, "0 0 %u photos.local.\n", (unsigned)scene->server.port);
    expect_dug("A", "photos.local", "192.0.2.1\n");
    expect_dug("AAAA", "photos.local", "2001:db8::1\n");
    expect_dug("A", "PHOTOS.Local", "192.0.2.1\n");
    expect_dug("PTR", "_http._tcp.local", "photos._http._tcp.local.\n");
    expect_dug("PTR", "_services._dns-sd._udp.local", "_http._tcp.local.\n");
    expect_dug("SRV", "photos._http._tcp.local", srv);
    expect_dug("TXT", "photos._http._tcp.local", "\"path=/\"\n");
}

/* An answer could reach who asks from elsewhere; what comes is that to the query after it. */
static void test_rfc6762_11_who_is_not_on_the_link_is_not_answered(void **state) {
    struct scene *scene = *state;
    if (!has_network())
        return;
    assert_true(network_run(NETWORK_FAR, "ip address add 198.51.100.2/24 dev far0"));
    serve(scene, "--announce");
    await_name(&scene->server, "pronto", 1);
    int witness = open_witness();
    int stranger = open_asker("198.51.100.2");
    int neighbour = open_asker("192.0.2.2");
    ask(stranger, 7);
    ask(neighbour, 8);
    assert_int_equal(await_answer(witness), 8);
    ask(neighbour, 9);
    assert_int_equal(await_answer(witness), 9);
    (void)close(stranger);
    (void)close(neighbour);
    (void)close(witness);
    assert_true(network_run(NETWORK_FAR, "ip address del 198.51.100.2/24 dev far0"));
}

static void test_it_follows_the_interfaces(void **state) {
    struct scene *scene = *state;
    if (!has_network())
        return;
    assert_true(network_run(NETWORK_NEAR, "ip link set near0 down"));
    serve(scene, "--announce");
    server_await_text(&scene->server, "there is no network to announce on");
    assert_true(network_run(NETWORK_NEAR, "ip link set near0 up\n"
                                          "ip route add default dev near0"));
    await_name(&scene->server, "pronto", 1);
    expect_dug("A", "pronto.local", "192.0.2.1\n");
    assert_true(network_run(NETWORK_NEAR, "ip address add 192.0.2.77/24 dev near0"));
    int64_t end_ms = note_now_ms() + WAIT_MS;
    bool found = false;
    while (!found && note_now_ms() < end_ms) {
        static const char *const argv[] = {"dig",      "@192.0.2.1", "-p",           "5353",
                                           "+tries=2", "+time=1",    "pronto.local", NULL};
        char *text = run_far(argv);
        found = strstr(text, "192.0.2.77") != NULL;
        free(text);
    }
    assert_true(found);
    assert_true(network_run(NETWORK_NEAR, "ip address del 192.0.2.77/24 dev near0"));
}

static void test_a_reload_and_an_upgrade_keep_or_change_the_name(void **state) {
    struct scene *scene = *state;
    const char *conf = tree_path(&scene->tree, "conf");
    const char *const words[] = {"--listen",       "*:0", "-w1", "--config", conf,
                                 scene->tree.path, NULL};
    if (!has_network())
        return;
    tree_text(&scene->tree, "conf", "announce = one\n");
    server_start(&scene->server, NULL, 1, words);
    await_name(&scene->server, "one", 1);
    tree_text(&scene->tree, "conf", "announce = two\n");
    assert_int_equal(kill(scene->server.process.pid, SIGHUP), 0);
    await_name(&scene->server, "two", 1);
    /* Nothing that is announced changes, so it goes on, and is not told again. */
    assert_int_equal(kill(scene->server.process.pid, SIGHUP), 0);
    server_await_times(&scene->server, "reloaded", 2);
    expect_dug("A", "two.local", "192.0.2.1\n");
    assert_int_equal(kill(scene->server.process.pid, SIGUSR2), 0);
    server_follow(&scene->server, 1);
    await_name(&scene->server, "two", 2);
    tree_text(&scene->tree, "conf", "announce = off\n");
    assert_int_equal(kill(scene->server.process.pid, SIGHUP), 0);
    server_await_text(&scene->server, "reloaded");
    assert_int_equal(server_times(&scene->server, "-2.local"), 0);
}

static pid_t find_announcer(const struct server *server) {
    pid_t children[SERVER_WORKERS_MAX];
    size_t count = server_workers(server, children);
    for (size_t i = 0; i < count; i++) {
        char path[64];
        char name[32] = "";
        (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)children[i]);
        FILE *file = fopen(path, "re");
        if (file == NULL)
            continue;
        (void)!fgets(name, sizeof name, file);
        (void)fclose(file);
        if (strcmp(name, "pronto-announce\n") == 0)
            return children[i];
    }
    fail_msg("there is no announcer");
    return 0;
}

/* What reads what strangers send is confined, and finds the interfaces nevertheless: it has told
 * its name. */
static void test_it_is_confined(void **state) {
    struct scene *scene = *state;
    static const char *const fields[] = {
        "Uid:\t65534\t65534\t65534\t65534\n",
        "CapEff:\t0000000000000000\n",
        "NoNewPrivs:\t1\n",
        "Seccomp:\t2\n",
    };
    const char *const words[] = {
        "--listen", "*:0", "-w1", "--announce", "--user", "65534:65534", scene->tree.path, NULL};
    char status[4096];
    if (!has_network())
        return;
    server_start(&scene->server, NULL, 1, words);
    await_name(&scene->server, "pronto", 1);
    (void)snprintf(status, sizeof status, "/proc/%d/status", (int)find_announcer(&scene->server));
    FILE *file = fopen(status, "re");
    assert_non_null(file);
    status[fread(status, 1, sizeof status - 1, file)] = '\0';
    (void)fclose(file);
    for (size_t i = 0; i < ROWS_COUNT(fields); i++)
        note_assert_contains(status, fields[i]);
}

static void test_one_that_is_killed_is_replaced(void **state) {
    struct scene *scene = *state;
    if (!has_network())
        return;
    serve(scene, "--announce");
    await_name(&scene->server, "pronto", 1);
    assert_int_equal(kill(find_announcer(&scene->server), SIGKILL), 0);
    server_await_text(&scene->server, "another takes its place");
    await_name(&scene->server, "pronto", 2);
}

static void test_what_nobody_can_reach_is_not_announced(void **state) {
    struct scene *scene = *state;
    const char *const words[] = {"--listen",   "127.0.0.1:0",    "-w1",
                                 "--announce", scene->tree.path, NULL};
    server_start(&scene->server, NULL, 1, words);
    server_await_text(&scene->server,
                      "nothing is announced, as nobody else can reach what this listens on; --lan");
    pid_t workers[SERVER_WORKERS_MAX];
    assert_int_equal(server_await_workers(&scene->server, workers, 1), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_avahi_finds_it_and_sees_it_go),
        scene_test(test_names_that_are_taken),
        scene_test(test_two_that_want_a_name),
        scene_test(test_dig_is_answered),
        scene_test(test_rfc6762_11_who_is_not_on_the_link_is_not_answered),
        scene_test(test_it_follows_the_interfaces),
        scene_test(test_a_reload_and_an_upgrade_keep_or_change_the_name),
        scene_test(test_it_is_confined),
        scene_test(test_one_that_is_killed_is_replaced),
        scene_test(test_what_nobody_can_reach_is_not_announced),
    };
    return cmocka_run_group_tests_name("announce", tests, make_network, NULL);
}
