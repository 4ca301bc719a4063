/* The command line: what it prints, how it fails, and where it listens. */
#include "support/client.h"
#include "support/scene.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WORDS_MAX = 8, RUN_TIMEOUT_MS = 20000 };

struct run {
    int exit_code;
    char *out;
    char *err;
};

/* Runs the binary to its end. */
static struct run run(const struct process_options *options, const char *const words[]) {
    struct process process = PROCESS_INIT;
    const char *argv[WORDS_MAX + 2] = {server_binary()};
    for (size_t i = 0; i < WORDS_MAX && words[i] != NULL; i++)
        argv[i + 1] = words[i];
    process_start(&process, options, argv);
    if (!process_wait(&process, RUN_TIMEOUT_MS))
        fail_msg("%s %s: does not end", words[0], words[1] != NULL ? words[1] : "");
    struct run run = {process_exit_code(&process), process_text(process.out_fd),
                      process_text(process.err_fd)};
    process_deinit(&process);
    return run;
}

static void run_deinit(struct run *run) {
    free(run->out);
    free(run->err);
}

#define RUN(...) run(NULL, (const char *const[]){__VA_ARGS__, NULL})

/* Fails unless stderr is one line "pronto: ...", with nothing on stdout. */
static void expect_message(const struct run *run, int exit_code) {
    const char *line_end = strchr(run->err, '\n');
    if (run->exit_code != exit_code)
        fail_msg("exit code %d, expected %d:\n%s", run->exit_code, exit_code, run->err);
    if (strncmp(run->err, "pronto: ", 8) != 0 || line_end == NULL || line_end[1] != '\0')
        fail_msg("not one line from pronto:\n%s", run->err);
    assert_string_equal(run->out, "");
}

static void test_help_lists_every_option(void **state) {
    static const char *const names[] = {
        "--listen",
        "--lan",
        "--workers",
        "--index",
        "--clean-urls",
        "--spa",
        "--hidden",
        "--symlinks",
        "--max-head",
        "--max-body",
        "--head-timeout",
        "--idle-timeout",
        "--send-timeout",
        "--drain-timeout",
        "--quiet",
        "--check",
        "--version",
        "--help",
        "-l",
        "-w",
        "-q",
        "-h",
        "ROOT",
    };
    (void)state;
    struct run help = RUN("--help");
    struct run letter = RUN("-h");
    assert_int_equal(help.exit_code, 0);
    assert_string_equal(help.err, "");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        note_assert_contains(help.out, names[i]);
    for (const char *line = help.out; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_in_range(strcspn(line, "\n"), 0, 80);
    assert_string_equal(help.out, letter.out);
    run_deinit(&help);
    run_deinit(&letter);
}

static void test_version(void **state) {
    (void)state;
    struct run version = RUN("--version");
    assert_int_equal(version.exit_code, 0);
    assert_string_equal(version.err, "");
    assert_int_equal(strncmp(version.out, "pronto ", 7), 0);
    assert_true(version.out[7] >= '0' && version.out[7] <= '9');
    assert_ptr_equal(strchr(version.out, '\n') + 1, version.out + strlen(version.out));
    run_deinit(&version);
}

/* Wrong usage, and what its message has to mention: the fault, and what would mend it. */
static const struct {
    const char *words[4];
    const char *mentions[3];
} usages[] = {
    {{"--frobnicate"}, {"--frobnicate", "--help"}},
    {{"--wrokers", "2"}, {"--wrokers", "--workers"}},
    {{"-x"}, {"-x", "--help"}},
    {{"--listing=maybe"}, {"--listing", "maybe", "off"}},
    {{"--workers", "many"}, {"--workers", "many", "number"}},
    {{"--workers", "0"}, {"--workers", "0", "1"}},
    {{"--workers", "-1"}, {"--workers", "-1"}},
    {{"--workers", "99999999999999999999999"}, {"--workers"}},
    {{"--workers=2x"}, {"--workers", "2x"}},
    {{"-w", "x"}, {"--workers", "x"}},
    {{"--workers"}, {"--workers", "N"}},
    {{"--listen"}, {"--listen", "ADDR"}},
    {{"--listen", "nonsense"}, {"nonsense", "127.0.0.1:8080"}},
    {{"--listen", "127.0.0.1:65536"}, {"65536", "65535"}},
    {{"--listen", "127.0.0.1:-1"}, {"127.0.0.1:-1"}},
    {{"--listen", "300.0.0.1:80"}, {"300.0.0.1:80"}},
    {{"--listen", "[::1"}, {"[::1"}},
    {{"--head-timeout", "10"}, {"--head-timeout", "10", "10s"}},
    {{"--head-timeout", "0s"}, {"--head-timeout"}},
    {{"--idle-timeout", "10y"}, {"--idle-timeout", "10y", "10s"}},
    {{"--send-timeout", "-1s"}, {"--send-timeout"}},
    {{"--drain-timeout", "s"}, {"--drain-timeout"}},
    {{"--max-head", "16X"}, {"--max-head", "16X", "16K"}},
    {{"--max-head", "1"}, {"--max-head", "1", "512"}},
    {{"--max-body", "99999999999G"}, {"--max-body"}},
    {{"--symlinks", "some"}, {"--symlinks", "some", "inside"}},
    {{"--index", "a/b.html"}, {"a/b.html", "index.html"}},
    {{"--mime", "text/plain"}, {"--mime", "EXT=TYPE", "log=text/plain"}},
    {{"--mime", "log=text"}, {"--mime", "'text'", "text/plain"}},
    {{"--quiet=yes"}, {"--quiet", "yes"}},
    {{"one", "two"}, {"one", "two"}},
    {{""}, {"root"}},
    {{"--check", "--frobnicate"}, {"--frobnicate", "--help"}},
};

static void test_wrong_usage_exits_with_2_and_says_how_to_mend_it(void **state) {
    struct scene *scene = *state;
    const struct process_options options = {.directory = scene->tree.path};
    for (size_t i = 0; i < sizeof usages / sizeof usages[0]; i++) {
        struct run wrong = run(&options, usages[i].words);
        expect_message(&wrong, 2);
        for (size_t j = 0; j < 3 && usages[i].mentions[j] != NULL; j++)
            note_assert_contains(wrong.err, usages[i].mentions[j]);
        run_deinit(&wrong);
    }
}

static void test_a_root_that_cannot_be_served(void **state) {
    struct scene *scene = *state;
    tree_text(&scene->tree, "closed.txt", "closed");
    tree_directory(&scene->tree, "closed");
    tree_mode(&scene->tree, "closed", 0);
    tree_mode(&scene->tree, "closed.txt", 0);
    const char *const roots[] = {tree_path(&scene->tree, "absent"), "/dev/null",
                                 tree_path(&scene->tree, "closed"),
                                 tree_path(&scene->tree, "closed.txt")};
    const struct process_options options = {.unprivileged = true};
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        struct run wrong =
            run(&options, (const char *const[]){"-l", "127.0.0.1:0", roots[i], NULL});
        expect_message(&wrong, 1);
        note_assert_contains(wrong.err, roots[i]);
        note_assert_contains(wrong.err, " (");
        run_deinit(&wrong);
    }
}

/* Listens on a port of 127.0.0.1 (0: any) and returns the socket, or -1 if it is taken. */
static int occupy(uint16_t port, uint16_t *taken) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof address;
    const int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1) != 0) {
        (void)close(fd);
        return -1;
    }
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *taken = ntohs(address.sin_port);
    return fd;
}

static void test_a_taken_port_that_was_asked_for(void **state) {
    struct scene *scene = *state;
    char address[32];
    uint16_t port;
    int fd = occupy(0, &port);
    assert_true(fd >= 0);
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", port);
    struct run wrong = RUN("--listen", address, scene->tree.path);
    expect_message(&wrong, 1);
    note_assert_contains(wrong.err, address);
    note_assert_contains(wrong.err, "(");
    run_deinit(&wrong);
    (void)close(fd);
}

/* Two servers that both ask for a port must not share it, though their workers' sockets do. */
static void test_a_port_is_not_shared_with_another_server(void **state) {
    struct scene *scene = *state;
    char address[32];
    scene_serve(scene, "--workers", "2", NULL);
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", scene->server.port);
    struct run second = RUN("--listen", address, scene->tree.path);
    expect_message(&second, 1);
    note_assert_contains(second.err, address);
    run_deinit(&second);
}

static void test_an_address_that_is_not_ours(void **state) {
    struct scene *scene = *state;
    struct run wrong = RUN("--listen", "192.0.2.1:0", scene->tree.path); /* RFC 5737 */
    expect_message(&wrong, 1);
    note_assert_contains(wrong.err, "192.0.2.1");
    note_assert_contains(wrong.err, "(");
    run_deinit(&wrong);
}

/* The port below which it takes root; 0: none. */
static unsigned first_free_port(void) {
    unsigned port = 1024;
    FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
    if (file != NULL) {
        assert_int_equal(fscanf(file, "%u", &port), 1);
        (void)fclose(file);
    }
    return port;
}

static void test_a_privileged_port(void **state) {
    struct scene *scene = *state;
    const struct process_options options = {.unprivileged = true};
    if (first_free_port() < 2) {
        note_cannot_test("privileged ports: this system has none");
        return;
    }
    struct run wrong =
        run(&options, (const char *const[]){"-l", "127.0.0.1:1", scene->tree.path, NULL});
    expect_message(&wrong, 1);
    note_assert_contains(wrong.err, "127.0.0.1:1");
    note_assert_contains(wrong.err, "root");
    note_assert_contains(wrong.err, "--listen 8080");
    run_deinit(&wrong);
}

static void test_check_does_not_serve(void **state) {
    struct scene *scene = *state;
    uint16_t port;
    char address[32];
    /* It would fail to listen there. */
    int fd = occupy(0, &port);
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", port);
    struct run good = RUN("--check", "--listen", address, scene->tree.path);
    assert_int_equal(good.exit_code, 0);
    assert_string_equal(good.err, "");
    run_deinit(&good);
    (void)close(fd);
    struct run bad_root = RUN("--check", tree_path(&scene->tree, "absent"));
    expect_message(&bad_root, 1);
    note_assert_contains(bad_root.err, "absent");
    run_deinit(&bad_root);
    struct run bad_option = RUN("--check", "--workers", "x", scene->tree.path);
    expect_message(&bad_option, 2);
    run_deinit(&bad_option);
}

static void test_a_taken_standard_port_moves_on(void **state) {
    struct scene *scene = *state;
    uint16_t taken;
    /* If somebody else has it, all the better. */
    int fd = occupy(8080, &taken);
    const char *const words[] = {scene->tree.path, NULL};
    tree_text(&scene->tree, "a.txt", "some text");
    server_start(&scene->server, NULL, 1, words);
    assert_in_range(scene->server.port, 8081, 8280);
    char *text = process_text(scene->server.process.err_fd);
    char moved[16];
    (void)snprintf(moved, sizeof moved, "%u", scene->server.port);
    note_assert_contains(text, "8080");
    note_assert_contains(text, moved);
    free(text);
    client_expect_once(scene->server.port, "/a.txt", 200);
    if (fd >= 0)
        (void)close(fd);
}

/* Starts the server quietly on a port that was free a moment ago, and connects to it. Returns false
 * where somebody else was faster. */
static bool start_quietly(struct scene *scene, struct client *client) {
    uint16_t port;
    char address[32];
    int fd = occupy(0, &port);
    assert_true(fd >= 0);
    (void)close(fd);
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", port);
    const char *const words[] = {"-q", "--listen", address, scene->tree.path, NULL};
    server_start(&scene->server, NULL, 0, words);
    int64_t deadline = note_now_ms() + RUN_TIMEOUT_MS;
    while (!client_try_open(client, port)) {
        if (process_wait(&scene->server.process, 0))
            return false;
        assert_true(note_now_ms() < deadline);
        note_pause_ms(5);
    }
    return true;
}

static void test_quiet_prints_nothing(void **state) {
    struct scene *scene = *state;
    struct client client = CLIENT_INIT;
    bool started = false;
    tree_text(&scene->tree, "a.txt", "some text");
    for (int i = 0; i < 5 && !started; i++)
        started = start_quietly(scene, &client);
    assert_true(started);
    client_expect(&client, "/a.txt", 200);
    client_close(&client);
    char *err = process_text(scene->server.process.err_fd);
    char *out = process_text(scene->server.process.out_fd);
    assert_string_equal(err, "");
    assert_string_equal(out, "");
    free(err);
    free(out);
}

static void test_the_line_at_start(void **state) {
    struct scene *scene = *state;
    char line[64];
    scene_serve_unprivileged(scene, NULL); /* root would be warned */
    char *text = process_text(scene->server.process.err_fd);
    (void)snprintf(line, sizeof line, "pronto: listening on http://127.0.0.1:%u/\n",
                   scene->server.port);
    assert_string_equal(text, line);
    free(text);
}

static bool has_ipv6(void) {
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    address.sin6_addr = in6addr_loopback;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        (void)close(fd);
    if (!has)
        note_cannot_test("IPv6: ::1 cannot be bound");
    return has;
}

static void expect_v6(uint16_t port, const char *target) {
    struct client client;
    client_open_v6(&client, port);
    client_expect(&client, target, 200);
    client_close(&client);
}

static void test_two_addresses(void **state) {
    struct scene *scene = *state;
    bool v6 = has_ipv6();
    tree_text(&scene->tree, "a.txt", "some text");
    const char *const words[] = {"--listen",       "127.0.0.1:0",
                                 "--listen",       v6 ? "[::1]:0" : "127.0.0.2:0",
                                 scene->tree.path, NULL};
    server_start(&scene->server, NULL, 2, words);
    uint16_t first = server_port(&scene->server, "http://127.0.0.1:");
    uint16_t second = server_port(&scene->server, v6 ? "http://[::1]:" : "http://127.0.0.2:");
    assert_true(first > 0 && second > 0);
    for (int i = 0; i < 10; i++) {
        client_expect_once(first, "/a.txt", 200);
        if (v6)
            expect_v6(second, "/a.txt");
    }
}

static void test_the_forms_of_an_address(void **state) {
    static const char *const forms[] = {"0", "localhost:0", "127.0.0.1:0"};
    struct scene *scene = *state;
    tree_text(&scene->tree, "a.txt", "some text");
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const char *const words[] = {"-l", forms[i], scene->tree.path, NULL};
        server_start(&scene->server, NULL, 1, words);
        assert_int_equal(server_port(&scene->server, "http://127.0.0.1:"), scene->server.port);
        client_expect_once(scene->server.port, "/a.txt", 200);
        server_stop(&scene->server);
    }
}

static void test_all_interfaces(void **state) {
    struct scene *scene = *state;
    bool v6 = has_ipv6();
    tree_text(&scene->tree, "a.txt", "some text");
    const char *const words[] = {"--listen", "*:0", scene->tree.path, NULL};
    server_start(&scene->server, NULL, 1, words);
    uint16_t port4 = server_port(&scene->server, "http://0.0.0.0:");
    uint16_t port6 = server_port(&scene->server, "http://[::]:");
    assert_true(port4 > 0 || port6 > 0);
    client_expect_once(port4 > 0 ? port4 : port6, "/a.txt", 200);
    if (v6)
        expect_v6(port6 > 0 ? port6 : port4, "/a.txt");
}

/* Writes an IPv4 address of this machine that others can reach. */
static bool find_outside(char *text, socklen_t size) {
    struct ifaddrs *interfaces = NULL;
    bool found = false;
    assert_int_equal(getifaddrs(&interfaces), 0);
    for (const struct ifaddrs *at = interfaces; at != NULL && !found; at = at->ifa_next) {
        if (at->ifa_addr == NULL || at->ifa_addr->sa_family != AF_INET ||
            (at->ifa_flags & (IFF_UP | IFF_LOOPBACK)) != IFF_UP)
            continue;
        const struct sockaddr_in *address = (const void *)at->ifa_addr;
        found = inet_ntop(AF_INET, &address->sin_addr, text, size) != NULL;
    }
    freeifaddrs(interfaces);
    return found;
}

/* Starts it with --lan and other words, and fails unless others get in by the URLs that it prints.
 */
static void expect_lan(struct scene *scene, const char *const words[]) {
    char outside[INET_ADDRSTRLEN];
    char url[64];
    struct client client;
    tree_text(&scene->tree, "a.txt", "some text");
    server_start(&scene->server, NULL, 1, words);
    client_expect_once(scene->server.port, "/a.txt", 200);
    if (!find_outside(outside, sizeof outside)) {
        note_cannot_test("--lan's URLs: there is no interface but the loopback");
        return;
    }
    (void)snprintf(url, sizeof url, "http://%s:%u/", outside, scene->server.port);
    server_await_text(&scene->server, url);
    client_open_at(&client, outside, scene->server.port);
    client_expect(&client, "/a.txt", 200);
    client_close(&client);
}

static void test_lan_listens_for_others_and_prints_their_urls(void **state) {
    struct scene *scene = *state;
    const char *const words[] = {"--lan", scene->tree.path, NULL};
    expect_lan(scene, words);
    assert_true(scene->server.port >= 8080);
}

/* It is a port of all interfaces then, and not of 127.0.0.1. */
static void test_lan_on_a_port(void **state) {
    struct scene *scene = *state;
    const char *const words[] = {"--lan", "--listen", "0", scene->tree.path, NULL};
    expect_lan(scene, words);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_help_lists_every_option),
        scene_test(test_version),
        scene_test(test_wrong_usage_exits_with_2_and_says_how_to_mend_it),
        scene_test(test_a_root_that_cannot_be_served),
        scene_test(test_a_taken_port_that_was_asked_for),
        scene_test(test_a_port_is_not_shared_with_another_server),
        scene_test(test_an_address_that_is_not_ours),
        scene_test(test_a_privileged_port),
        scene_test(test_check_does_not_serve),
        scene_test(test_a_taken_standard_port_moves_on),
        scene_test(test_quiet_prints_nothing),
        scene_test(test_the_line_at_start),
        scene_test(test_two_addresses),
        scene_test(test_the_forms_of_an_address),
        scene_test(test_all_interfaces),
        scene_test(test_lan_listens_for_others_and_prints_their_urls),
        scene_test(test_lan_on_a_port),
    };
    return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
