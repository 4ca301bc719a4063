/* The access log of the real server: a line for every request, wherever it goes, and whatever
 * happens to that. */
#include "support/client.h"
#include "support/scene.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGE = 32 << 20, AWAIT_MS = 15000 };

static struct tree logs; /* where the log is; not what is served */

static int setup(void **state) {
    int result = scene_setup(state);
    const struct scene *scene = *state;
    tree_make(&logs);
    tree_text(&scene->tree, "a.txt", "some text");
    tree_file(&scene->tree, "large.bin", 1, LARGE);
    return result;
}

static int teardown(void **state) {
    tree_remove(&logs);
    return scene_teardown(state);
}

static const char *log_path(const char *name) {
    return tree_path(&logs, name);
}

/* What a file holds; "" where there is none. The caller frees it. */
static char *read_log(const char *name) {
    int fd = open(log_path(name), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return strdup("");
    char *text = process_text(fd);
    (void)close(fd);
    return text;
}

static size_t count_of(const char *text, const char *piece) {
    size_t count = 0;
    for (; (text = strstr(text, piece)) != NULL; text += strlen(piece))
        count++;
    return count;
}

/* The file, once it has `count` lines, or more. The caller frees it. */
static char *await_lines(const char *name, size_t count) {
    int64_t deadline = note_now_ms() + AWAIT_MS;
    for (;;) {
        char *text = read_log(name);
        if (count_of(text, "\n") >= count)
            return text;
        if (note_now_ms() > deadline)
            fail_msg("%s has not got %zu lines:\n%s", name, count, text);
        free(text);
        note_pause_ms(5);
    }
}

/* Fails unless the file gets one line, and no other, that contains these pieces. */
static void expect_line(const char *name, const char *piece, const char *other_piece) {
    char *text = await_lines(name, 1);
    note_assert_contains(text, piece);
    note_assert_contains(text, other_piece);
    assert_int_equal(count_of(text, "\n"), 1);
    free(text);
    assert_int_equal(truncate(log_path(name), 0), 0);
}

static void send_once(const struct scene *scene, const char *bytes) {
    struct client client;
    client_open(&client, scene->server.port);
    client_send_text(&client, bytes);
    client_half_close(&client);
    client_receive_all(&client);
    client_close(&client);
}

#define HOST "Host: a\r\n"

static void test_a_line_for_each_kind_of_answer(void **state) {
    static const struct {
        const char *request;
        const char *pieces[2];
    } rows[] = {
        {"GET /a.txt HTTP/1.1\r\n" HOST "User-Agent: u\r\nReferer: r\r\n\r\n",
         {"\"method\":\"GET\",\"target\":\"/a.txt\",\"protocol\":\"HTTP/1.1\",\"status\":200,"
          "\"bytes\":9,",
          ",\"referer\":\"r\",\"user_agent\":\"u\"}"}},
        {"HEAD /a.txt HTTP/1.1\r\n" HOST "\r\n", {"\"HEAD\"", "\"status\":200,\"bytes\":0,"}},
        {"GET /a.txt HTTP/1.1\r\n" HOST "Range: bytes=2-5\r\n\r\n",
         {"\"GET\"", "\"status\":206,\"bytes\":4,"}},
        {"GET /a.txt HTTP/1.1\r\n" HOST "If-None-Match: *\r\n\r\n",
         {"\"GET\"", "\"status\":304,\"bytes\":0,"}},
        {"GET /none?q HTTP/1.1\r\n" HOST "\r\n", {"\"/none?q\"", "\"status\":404,"}},
        {"GET /a\x1b[2J.txt HTTP/1.1\r\n" HOST "\r\n", {"/a\\u001b[2J.txt", "\"status\":400,"}},
        {"POST /a.txt HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab",
         {"\"POST\"", "\"status\":405,"}},
    };
    struct scene *scene = *state;
    enum { COUNT = sizeof rows / sizeof rows[0] };
    scene_serve(scene, "--workers", "1", "--access-log", log_path("log"), "--log-format", "json",
                NULL);
    for (size_t i = 0; i < COUNT; i++)
        send_once(scene, rows[i].request);
    char *text = await_lines("log", COUNT);
    char *rest = text;
    for (size_t i = 0; i < COUNT; i++) {
        const char *line = strsep(&rest, "\n");
        note_assert_contains(line, rows[i].pieces[0]);
        note_assert_contains(line, rows[i].pieces[1]);
    }
    assert_string_equal(rest, "");
    free(text);
}

static void test_an_aborted_download(void **state) {
    struct scene *scene = *state;
    struct client client;
    unsigned long long bytes;
    scene_serve(scene, "--access-log", log_path("log"), "--log-format", "json", NULL);
    client_open_narrow(&client, scene->server.port, 65536);
    client_send_request(&client, "GET", "/large.bin", "");
    assert_true(client_receive(&client, CLIENT_TIMEOUT_MS));
    client_close(&client);
    char *text = await_lines("log", 1);
    note_assert_contains(text, ",\"aborted\":true}\n");
    const char *at = strstr(text, "\"bytes\":");
    assert_int_equal(sscanf(at, "\"bytes\":%llu", &bytes), 1);
    assert_in_range(bytes, 1, LARGE - 1);
    free(text);
}

static void test_stdout(void **state) {
    struct scene *scene = *state;
    struct stat stat;
    scene_serve(scene, "--access-log", "-", NULL);
    client_expect_once(scene->server.port, "/a.txt", 200);
    for (int i = 0; i < 3000 && fstat(scene->server.process.out_fd, &stat) == 0; i++) {
        if (stat.st_size > 0)
            break;
        note_pause_ms(5);
    }
    char *text = process_text(scene->server.process.out_fd);
    note_assert_contains(text, "] \"GET /a.txt HTTP/1.1\" 200 9 \"-\" \"-\"\n");
    free(text);
}

/* Asked for nothing, and not at a terminal. */
static void test_off(void **state) {
    struct scene *scene = *state;
    char complaint[SERVER_COMPLAINT_MAX];
    scene_serve(scene, NULL);
    client_expect_once(scene->server.port, "/a.txt", 200);
    int fd = fcntl(scene->server.process.out_fd, F_DUPFD_CLOEXEC, 0);
    server_end(&scene->server, complaint);
    assert_string_equal(complaint, "");
    char *text = process_text(fd);
    assert_string_equal(text, "");
    free(text);
    (void)close(fd);
}

/* A terminal */

struct terminal {
    int master;
    const char *root;
};

/* In the child: becomes a server whose standard output is a terminal. */
static void serve_at_terminal(void *context) {
    const struct terminal *terminal = context;
    int fd = open(ptsname(terminal->master), O_RDWR | O_NOCTTY);
    if (fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0)
        (void)execl(server_binary(), server_binary(), "--listen", "127.0.0.1:0", terminal->root,
                    (char *)NULL);
}

static void test_a_terminal(void **state) {
    struct scene *scene = *state;
    struct terminal terminal = {posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), scene->tree.path};
    char text[256];
    if (terminal.master < 0 || grantpt(terminal.master) < 0 || unlockpt(terminal.master) < 0) {
        note_cannot_test("terminals, of which this machine gives out none");
        return;
    }
    (void)unsetenv("NO_COLOR");
    (void)setenv("TERM", "xterm", 1);
    process_fork(&scene->server.process, serve_at_terminal, &terminal);
    server_await_text(&scene->server, "listening on http://127.0.0.1:");
    scene->server.port = server_port(&scene->server, "http://");
    client_expect_once(scene->server.port, "/a.txt", 200);
    ssize_t len = read(terminal.master, text, sizeof text - 1);
    assert_true(len > 0);
    text[len] = '\0';
    note_assert_contains(text, "  \x1b[32m200\x1b[0m  GET /a.txt  ");
    note_assert_contains(text, "  127.0.0.1\r\n");
    server_stop(&scene->server);
    (void)close(terminal.master);
}

/* Rotation */

enum { REQUESTS = 4000, CONNECTIONS = 8, ROTATIONS = 3 };

/* What the test and the one who asks both see. */
struct load {
    uint16_t port;
    _Atomic int asked; /* requests so far */
};

/* In a process of its own: asks for a.txt?0, a.txt?1 and so on, over several connections. */
static void ask_on(void *context) {
    struct load *load = context;
    struct client clients[CONNECTIONS];
    char agent[800] = "User-Agent: ";
    memset(agent + 12, 'u', 700);
    strcpy(agent + 712, "\r\n");
    for (int i = 0; i < CONNECTIONS; i++)
        client_open(&clients[i], load->port);
    for (int i = 0; i < REQUESTS; i++) {
        struct response response;
        char target[32];
        (void)snprintf(target, sizeof target, "/a.txt?%d", i);
        client_request(&clients[i % CONNECTIONS], "GET", target, agent, &response);
        response_assert_status(&response, 200);
        response_deinit(&response);
        load->asked++;
    }
    for (int i = 0; i < CONNECTIONS; i++)
        client_close(&clients[i]);
}

/* Whether the process has that file open. */
static bool has_open(pid_t pid, const char *path) {
    char name[64];
    bool found = false;
    (void)snprintf(name, sizeof name, "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(name);
    for (const struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        char target[512];
        ssize_t len = readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1);
        target[len > 0 ? len : 0] = '\0';
        found |= strcmp(target, path) == 0;
    }
    if (directory != NULL)
        (void)closedir(directory);
    return found;
}

/* Waits until neither the master nor a worker has the file open. */
static void await_release(const struct scene *scene, const char *path) {
    pid_t workers[SERVER_WORKERS_MAX];
    size_t count = server_workers(&scene->server, workers);
    int64_t deadline = note_now_ms() + AWAIT_MS;
    bool held = true;
    while (held) {
        held = has_open(scene->server.process.pid, path);
        for (size_t i = 0; i < count; i++)
            held |= has_open(workers[i], path);
        if (held && note_now_ms() > deadline)
            fail_msg("%s is not let go", path);
        note_pause_ms(1);
    }
}

/* As logrotate does it. */
static void rotate(const struct scene *scene, const char *to) {
    char old[512];
    (void)snprintf(old, sizeof old, "%s", log_path(to));
    assert_int_equal(rename(log_path("log"), old), 0);
    assert_int_equal(kill(scene->server.process.pid, SIGUSR1), 0);
    await_release(scene, old);
}

/* Counts the lines of a file, of which each must be whole, by the number of the request. */
static void count_requests(const char *name, unsigned char counts[REQUESTS]) {
    char *text = read_log(name);
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL && rest != NULL;) {
        unsigned number;
        int agent_start = 0;
        int agent_end = 0;
        int fields = sscanf(line,
                            "127.0.0.1 - - [%*[^]]] \"GET /a.txt?%u HTTP/1.1\" 200 9 \"-\" "
                            "\"%n%*[u]%n\"",
                            &number, &agent_start, &agent_end);
        if (fields != 1 || agent_end - agent_start != 700 || strcmp(line + agent_end, "\"") != 0 ||
            number >= REQUESTS)
            fail_msg("no line: %s", line);
        counts[number]++;
    }
    free(text);
}

static off_t size_of(const char *name) {
    struct stat stat_of;
    assert_int_equal(stat(log_path(name), &stat_of), 0);
    return stat_of.st_size;
}

static void test_rotation_under_load(void **state) {
    static const char *const names[ROTATIONS] = {"log.1", "log.2", "log.3"};
    struct scene *scene = *state;
    struct process process = PROCESS_INIT;
    struct load *load =
        mmap(NULL, sizeof *load, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned char counts[REQUESTS] = {0};
    off_t sizes[ROTATIONS];
    struct stat stat_of;
    scene_serve(scene, "--workers", "2", "--access-log", log_path("log"), NULL);
    assert_true(load != MAP_FAILED);
    load->port = scene->server.port;
    process_fork(&process, ask_on, load);
    for (int i = 0; i < ROTATIONS; i++) {
        while (load->asked < REQUESTS / (ROTATIONS + 1) * (i + 1) && !process_wait(&process, 1))
            continue;
        rotate(scene, names[i]);
        sizes[i] = size_of(names[i]);
    }
    assert_true(process_wait(&process, 60000));
    assert_int_equal(process_exit_code(&process), 0);
    process_deinit(&process);
    (void)munmap(load, sizeof *load);
    server_stop(&scene->server);
    for (int i = 0; i < ROTATIONS; i++) {
        assert_int_equal(size_of(names[i]), sizes[i]);
        count_requests(names[i], counts);
    }
    count_requests("log", counts);
    for (int i = 0; i < REQUESTS; i++)
        assert_int_equal(counts[i], 1);
    assert_int_equal(stat(log_path("log"), &stat_of), 0);
    assert_int_equal(stat_of.st_mode & 07137, 0); /* 0640 at most */
}

/* Who replaces a worker writes where the others do. */
static void test_a_worker_that_comes_later(void **state) {
    struct scene *scene = *state;
    pid_t workers[SERVER_WORKERS_MAX];
    scene_serve(scene, "--workers", "1", "--access-log", log_path("log"), NULL);
    rotate(scene, "log.1");
    assert_int_equal(server_workers(&scene->server, workers), 1);
    assert_int_equal(kill(workers[0], SIGKILL), 0);
    server_await_text(&scene->server, "another takes its place");
    client_expect_once(scene->server.port, "/a.txt", 200);
    expect_line("log", "/a.txt", " 200 9 ");
    assert_int_equal(size_of("log.1"), 0);
}

/* A worker that drains is told, too. */
static void test_rotation_while_stopping(void **state) {
    struct scene *scene = *state;
    struct client client;
    struct response response;
    scene_serve(scene, "--workers", "1", "--drain-timeout", "1m", "--access-log", log_path("log"),
                NULL);
    client_open_narrow(&client, scene->server.port, 65536);
    client_send_request(&client, "GET", "/large.bin", "");
    assert_true(client_receive(&client, CLIENT_TIMEOUT_MS));
    assert_int_equal(kill(scene->server.process.pid, SIGTERM), 0);
    server_await_text(&scene->server, "finishing the responses under way");
    rotate(scene, "log.1");
    client_read(&client, false, &response);
    response_assert_content(&response, 1, LARGE);
    response_deinit(&response);
    client_close(&client);
    assert_true(process_wait(&scene->server.process, AWAIT_MS));
    assert_int_equal(process_exit_code(&scene->server.process), 0);
    expect_line("log", "/large.bin", " 200 33554432 ");
    assert_int_equal(size_of("log.1"), 0);
}

static void test_a_log_that_cannot_be_opened_anew(void **state) {
    struct scene *scene = *state;
    char moved[512];
    tree_directory(&logs, "here");
    (void)snprintf(moved, sizeof moved, "%s", log_path("there"));
    scene_serve(scene, "--access-log", log_path("here/log"), NULL);
    assert_int_equal(rename(log_path("here"), moved), 0);
    assert_int_equal(kill(scene->server.process.pid, SIGUSR1), 0);
    server_await_text(&scene->server, "/here/log: No such file or directory (its directory must be "
                                      "there); the one that is open is written to as before");
    client_expect_once(scene->server.port, "/a.txt", 200);
    expect_line("there/log", "/a.txt", " 200 9 ");
}

/* Whoever is signalled: all of pronto's processes live on. */
static void test_usr1_without_a_file(void **state) {
    struct scene *scene = *state;
    pid_t workers[SERVER_WORKERS_MAX];
    scene_serve(scene, "--workers", "2", NULL);
    size_t count = server_workers(&scene->server, workers);
    assert_int_equal(count, 2);
    assert_int_equal(kill(scene->server.process.pid, SIGUSR1), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(kill(workers[i], SIGUSR1), 0);
    client_expect_once(scene->server.port, "/a.txt", 200);
    assert_true(process_is_alive(workers[0]) && process_is_alive(workers[1]));
    assert_false(server_says(&scene->server, "another takes its place"));
}

static void test_a_log_that_cannot_be_opened(void **state) {
    struct scene *scene = *state;
    struct process process = PROCESS_INIT;
    const char *const argv[] = {server_binary(), "--listen",       "127.0.0.1:0", "--access-log",
                                "/none/log",     scene->tree.path, NULL};
    process_start(&process, NULL, argv);
    assert_true(process_wait(&process, AWAIT_MS));
    char *text = process_text(process.err_fd);
    assert_string_equal(text, "pronto: cannot open the access log /none/log: No such file or "
                              "directory (its directory must be there)\n");
    assert_int_equal(process_exit_code(&process), 1);
    free(text);
    process_deinit(&process);
}

/* Where nobody takes the lines */

enum { BATCHES = 100, BATCH = 50 };

/* Asks BATCHES * BATCH times, pipelined; all must be answered. */
static void ask_many(const struct scene *scene) {
    static char requests[BATCH * 64];
    struct client client;
    size_t len = 0;
    for (int i = 0; i < BATCH; i++)
        len += (size_t)snprintf(requests + len, sizeof requests - len,
                                "GET /a.txt HTTP/1.1\r\n" HOST "\r\n");
    client_open(&client, scene->server.port);
    for (int i = 0; i < BATCHES; i++) {
        client_send(&client, requests, len);
        for (int j = 0; j < BATCH; j++) {
            struct response response;
            client_read(&client, false, &response);
            response_assert_status(&response, 200);
            response_deinit(&response);
        }
    }
    client_close(&client);
}

static void test_a_full_disk(void **state) {
    struct scene *scene = *state;
    scene_serve(scene, "--workers", "1", "--access-log", "/dev/full", NULL);
    ask_many(scene);
    server_await_text(&scene->server, "the access log cannot be written, and lines are lost: No "
                                      "space left on device");
}

static void test_a_fifo_that_nobody_reads(void **state) {
    struct scene *scene = *state;
    char line[256];
    assert_int_equal(mkfifo(log_path("fifo"), 0666), 0);
    scene_serve(scene, "--workers", "1", "--access-log", log_path("fifo"), NULL);
    ask_many(scene);
    server_await_text(&scene->server, "lines are lost: who reads it does not keep up");
    int fd = open(log_path("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    int64_t deadline = note_now_ms() + AWAIT_MS;
    assert_true(fd >= 0);
    assert_true(read(fd, line, sizeof line) > 100);
    assert_memory_equal(line, "127.0.0.1 - - [", 15);
    while (!server_says(&scene->server, "the access log is written again; ")) {
        assert_true(note_now_ms() < deadline);
        while (read(fd, line, sizeof line) > 0)
            continue;
        note_pause_ms(2);
    }
    (void)close(fd);
}

/* Syslog */

static int bind_receiver(uint16_t *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port)};
    struct timeval patience = {.tv_sec = 15};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* Receives a message about a request for a.txt?N, and returns N. */
static unsigned receive_number(int fd) {
    char text[4096];
    unsigned number;
    ssize_t len = recv(fd, text, sizeof text - 1, 0);
    assert_true(len > 0);
    text[len] = '\0';
    assert_int_equal(strncmp(text, "<134>1 2", 8), 0);
    note_assert_contains(text, " 200 9 \"-\" \"-\"");
    assert_null(strchr(text, '\n'));
    const char *at = strstr(text, " pronto ");
    assert_non_null(at);
    if (sscanf(at, " pronto %*u access - 127.0.0.1 - - [%*[^]]] \"GET /a.txt?%u HTTP/1.1\"",
               &number) != 1)
        fail_msg("no message: %s", text);
    return number;
}

static void ask_by_number(struct client *client, unsigned number) {
    char target[32];
    (void)snprintf(target, sizeof target, "/a.txt?%u", number);
    client_expect(client, target, 200);
}

static void test_syslog(void **state) {
    enum { MESSAGES = 1000, PER_ROUND = 20 };
    struct scene *scene = *state;
    struct client client;
    unsigned char counts[MESSAGES + 1] = {0};
    char destination[64];
    uint16_t port = 0;
    int fd = bind_receiver(&port);
    (void)snprintf(destination, sizeof destination, "syslog:127.0.0.1:%u", (unsigned)port);
    scene_serve(scene, "--access-log", destination, NULL);
    client_open(&client, scene->server.port);
    for (unsigned i = 0; i < MESSAGES; i += PER_ROUND) {
        for (unsigned j = 0; j < PER_ROUND; j++)
            ask_by_number(&client, i + j);
        for (unsigned j = 0; j < PER_ROUND; j++)
            counts[receive_number(fd) % MESSAGES]++;
    }
    for (unsigned i = 0; i < MESSAGES; i++)
        assert_int_equal(counts[i], 1);
    (void)close(fd);
    for (unsigned i = 0; i < 100; i++) /* with nobody to tell */
        ask_by_number(&client, i);
    fd = bind_receiver(&port);
    ask_by_number(&client, MESSAGES);
    unsigned number;
    do /* the last answer before came before its message, which may have found the new receiver */
        number = receive_number(fd);
    while (number == 99);
    assert_int_equal(number, MESSAGES);
    (void)close(fd);
    client_close(&client);
}

#define log_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        log_test(test_a_line_for_each_kind_of_answer),
        log_test(test_an_aborted_download),
        log_test(test_stdout),
        log_test(test_off),
        log_test(test_a_terminal),
        log_test(test_rotation_under_load),
        log_test(test_a_worker_that_comes_later),
        log_test(test_rotation_while_stopping),
        log_test(test_a_log_that_cannot_be_opened_anew),
        log_test(test_usr1_without_a_file),
        log_test(test_a_log_that_cannot_be_opened),
        log_test(test_a_full_disk),
        log_test(test_a_fifo_that_nobody_reads),
        log_test(test_syslog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
