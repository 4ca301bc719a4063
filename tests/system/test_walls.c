/* A worker that somebody has got hold of: pronto-rogue (tests/rogue), which stands beside the
 * binary under test, tries what it is told to. Without the sandbox, most of that succeeds, which
 * shows that it is the sandbox that it fails for. */
#include "support/client.h"
#include "support/oldkernel.h"
#include "support/rogue.h"
#include "support/row.h"
#include "support/scene.h"
#include "support/status.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KILLED = ROGUE_KILLED, NOBODY = 65534 };

static void start(struct scene *scene, const char *more, const char *even_more) {
    const char *words[12] = {"--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--workers", "1"};
    size_t count = 6;
    if (more != NULL)
        words[count++] = more;
    if (even_more != NULL)
        words[count++] = even_more;
    words[count] = tree_path(&scene->tree, "root");
    rogue_start(&scene->server, words);
}

static void make_files(const struct scene *scene) {
    tree_text(&scene->tree, "root/file", "inside");
    tree_text(&scene->tree, "outside", "outside");
}

/* What the argument is: nothing, or in the tree, or anywhere. */
enum place { NOTHING, TREE, ANYWHERE };

static const struct row {
    const char *name;
    enum place place;
    const char *argument;
    int worker;   /* errno under walls */
    int free;     /* and without the sandbox; -1: not tried */
    bool release; /* sanitizers have to be allowed that */
} rows[] = {
    {"read", TREE, "root/file", 0, 0, false}, /* else nothing below says anything */
    {"openat2-read", TREE, "root/file", 0, 0, false},
    {"read", TREE, "outside", EACCES, 0, false},
    {"read", ANYWHERE, "/etc/passwd", EACCES, 0, false},
    {"read", ANYWHERE, "/", EACCES, 0, false},
    {"read", ANYWHERE, "/proc/self/environ", EACCES, 0, true},
    {"openat2-read", TREE, "outside", EACCES, 0, false},
    {"openat2-read", ANYWHERE, "/dev/null", EACCES, 0, false},
    {"write", TREE, "root/file", EPERM, 0, false},
    {"openat2-write", TREE, "root/file", EACCES, 0, false},
    {"openat2-write", TREE, "outside", EACCES, 0, false},
    {"openat2-write", ANYWHERE, "/dev/null", EACCES, 0, false},
    {"create", TREE, "root/new", EPERM, 0, false},
    {"openat2-create", TREE, "root/newer", EACCES, 0, false},
    {"openat2-create", TREE, "newest", EACCES, 0, false},
    {"truncate", TREE, "outside", EPERM, 0, false},
    {"mkdir", TREE, "root/directory", EPERM, 0, false},
    {"chmod", TREE, "root/file", EPERM, 0, false},
    {"symlink", TREE, "root/link", EPERM, 0, false},
    {"unlink", TREE, "outside", EPERM, 0, false},
    {"chdir", ANYWHERE, "/", EPERM, 0, false},
    {"socket", NOTHING, "", EPERM, 0, false},
    {"socket-udp", NOTHING, "", EPERM, 0, false},
    {"socket-local", NOTHING, "", EPERM, 0, false},
    {"filter-clients", NOTHING, "", EPERM, 0, false},
    {"run-memory", NOTHING, "", EPERM, 0, false},
    {"fork", NOTHING, "", EPERM, 0, true},
    {"signal", NOTHING, "", EPERM, 0, false},
    {"signal-thread", NOTHING, "", EPERM, 0, false},
    {"root", NOTHING, "", EPERM, -1, false},
    {"be-dumpable", NOTHING, "", EPERM, 0, true},
    {"exec", ANYWHERE, "/bin/true", KILLED, -1, false},
    {"ptrace", NOTHING, "", KILLED, -1, true},
    {"mount", TREE, "root", KILLED, -1, false},
    {"bpf", NOTHING, "", KILLED, -1, false},
    {"unshare", NOTHING, "", KILLED, -1, false},
    {"stop-listening", NOTHING, "", EPERM, 0, false}, /* the last: it succeeds for good */
};

static const char *argument_of(const struct scene *scene, const struct row *row) {
    return row->place == TREE ? tree_path(&scene->tree, row->argument) : row->argument;
}

static const char *label_of(const struct row *row) {
    static char label[128];
    (void)snprintf(label, sizeof label, "%s %s", row->name, row->argument);
    return label;
}

/* A worker that was killed is replaced, for the next row. */
static void check_row(struct scene *scene, const struct row *row, size_t *killed) {
    int result = rogue_try(scene->server.port, row->name, argument_of(scene, row));
    row_assert_number(label_of(row), result, row->worker);
    if (result == KILLED)
        server_await_times(&scene->server, "was killed by signal 31", ++*killed);
}

static void test_worker(void **state) {
    struct scene *scene = *state;
    size_t killed = 0;
    make_files(scene);
    start(scene, NULL, NULL);
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        if (!rows[i].release || !server_is_sanitized())
            check_row(scene, &rows[i], &killed);
    }
    client_expect_once(scene->server.port, "/file", 200);
}

/* Without the sandbox, all of that is possible to the user of the tests. */
static void test_without_sandbox(void **state) {
    struct scene *scene = *state;
    make_files(scene);
    start(scene, "--no-sandbox", NULL);
    server_await_text(&scene->server, "(--no-sandbox)");
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        if (rows[i].free < 0)
            continue;
        int result = rogue_try(scene->server.port, rows[i].name, argument_of(scene, &rows[i]));
        row_assert_number(label_of(&rows[i]), result, rows[i].free);
    }
}

/* What answers on --admin opens no file but of /proc, and not that of others. */
static void test_observer(void **state) {
    struct scene *scene = *state;
    char other[64];
    make_files(scene);
    start(scene, NULL, NULL);
    uint16_t port = server_admin_port(&scene->server);
    (void)snprintf(other, sizeof other, "/proc/%d/environ", (int)scene->server.process.pid);
    assert_int_equal(rogue_try(port, "read", "/proc/net/netstat"), 0);
    assert_int_equal(rogue_try(port, "read", other), EACCES);
    assert_int_equal(rogue_try(port, "read", "/etc/passwd"), EACCES);
    assert_int_equal(rogue_try(port, "read", tree_path(&scene->tree, "root/file")), EACCES);
    assert_int_equal(rogue_try(port, "openat2-read", "/etc/passwd"), EPERM);
    assert_int_equal(rogue_try(port, "socket", ""), EPERM);
    assert_int_equal(rogue_try(port, "create", tree_path(&scene->tree, "new")), EPERM);
    assert_int_equal(rogue_try(port, "filter-clients", ""), EPERM);
    assert_int_equal(rogue_try(port, "stop-listening", ""), EPERM);
    assert_int_equal(rogue_try(port, "exec", "/bin/true"), KILLED);
    server_await_text(&scene->server, "which answers on --admin, was killed by signal 31");
}

/* /proc/PID/mem of a process that can be looked into is its user's. */
static bool is_concealed(pid_t pid) {
    char path[64];
    struct stat stat_of_file;
    (void)snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    assert_int_equal(stat(path, &stat_of_file), 0);
    return stat_of_file.st_uid == 0;
}

static void test_privileges(void **state) {
    struct scene *scene = *state;
    static const struct status wanted[] = {
        {"CapInh", "0000000000000000"},
        {"CapPrm", "0000000000000000"},
        {"CapEff", "0000000000000000"},
        {"CapAmb", "0000000000000000"},
        {"NoNewPrivs", "1"},
        {"Seccomp", "2"},
    };
    static const struct status of_root[] = {{"CapBnd", "0000000000000000"}};
    make_files(scene);
    start(scene, NULL, NULL);
    status_expect(&scene->server, 2, wanted, ROWS_COUNT(wanted));
    if (geteuid() != 0)
        return;
    status_expect(&scene->server, 2, of_root, ROWS_COUNT(of_root));
    assert_true(server_says(&scene->server, "workers run as root"));
    /* It is root's by name only: who owns a file still decides. */
    tree_text(&scene->tree, "root/private", "private");
    tree_mode(&scene->tree, "root/private", 0600);
    client_expect_once(scene->server.port, "/private", 200);
    assert_int_equal(chown(tree_path(&scene->tree, "root/private"), NOBODY, NOBODY), 0);
    tree_mode(&scene->tree, "root/private", 0600);
    note_pause_ms(10);
    client_expect_once(scene->server.port, "/private", 403);
}

static void test_user(void **state) {
    struct scene *scene = *state;
    static const struct status wanted[] = {
        {"Uid", "65534\t65534\t65534\t65534"},
        {"Gid", "65534\t65534\t65534\t65534"},
        {"Groups", " "},
        {"CapPrm", "0000000000000000"},
        {"CapBnd", "0000000000000000"},
        {"Seccomp", "2"},
    };
    pid_t pids[SERVER_WORKERS_MAX];
    if (geteuid() != 0) {
        note_cannot_test("--user, which takes root");
        return;
    }
    make_files(scene);
    tree_text(&scene->tree, "root/private", "private");
    tree_mode(&scene->tree, "root/private", 0600);
    start(scene, "--user", "65534:65534");
    status_expect(&scene->server, 2, wanted, ROWS_COUNT(wanted));
    assert_int_equal(server_workers(&scene->server, pids), 2);
    assert_true(is_concealed(pids[0]));
    assert_false(server_says(&scene->server, "workers run as root"));
    client_expect_once(scene->server.port, "/file", 200);
    client_expect_once(scene->server.port, "/private", 403);
    assert_int_equal(rogue_try(scene->server.port, "root", ""), EPERM);
    assert_int_equal(kill(scene->server.process.pid, SIGHUP), 0);
    server_await_text(&scene->server, "reloaded");
    client_expect_once(scene->server.port, "/file", 200);
}

/* Those who were there before end in their own time. */
static void await_no_other_user(const struct scene *scene, const struct status *wanted) {
    int64_t deadline = note_now_ms() + 15000;
    size_t others = 1;
    while (others > 0 && note_now_ms() < deadline) {
        pid_t pids[SERVER_WORKERS_MAX];
        size_t count = server_workers(&scene->server, pids);
        others = count == 2 ? 0 : 1;
        for (size_t i = 0; i < count; i++)
            others += !status_holds(pids[i], wanted);
        note_pause_ms(5);
    }
    assert_int_equal(others, 0);
}

/* A reload that names another user is for what answers on --admin, too. */
static void test_user_changed(void **state) {
    struct scene *scene = *state;
    static const struct status before[] = {{"Uid", "65534\t65534\t65534\t65534"}};
    static const struct status after[] = {{"Uid", "65533\t65533\t65533\t65533"}};
    if (geteuid() != 0) {
        note_cannot_test("--user, which takes root");
        return;
    }
    make_files(scene);
    tree_text(&scene->tree, "conf", "user = 65534:65534\n");
    start(scene, "--config", tree_path(&scene->tree, "conf"));
    status_expect(&scene->server, 2, before, 1);
    tree_text(&scene->tree, "conf", "user = 65533:65533\n");
    assert_int_equal(kill(scene->server.process.pid, SIGHUP), 0);
    server_await_text(&scene->server, "reloaded");
    await_no_other_user(scene, &after[0]);
}

static void run_to_failure(const char *const words[], const char *message) {
    struct process process = PROCESS_INIT;
    process_start(&process, NULL, words);
    assert_true(process_wait(&process, 15000));
    char *text = process_text(process.err_fd);
    assert_int_equal(process_exit_code(&process), 1);
    note_assert_contains(text, message);
    free(text);
    process_deinit(&process);
}

static void test_user_that_is_none(void **state) {
    struct scene *scene = *state;
    make_files(scene);
    const char *const nobody[] = {server_binary(), "--listen",       "127.0.0.1:0", "--user",
                                  "no-such-user",  scene->tree.path, NULL};
    run_to_failure(nobody, "--user: user 'no-such-user' is not in /etc/passwd");
    const char *const group[] = {server_binary(),      "--listen",       "127.0.0.1:0", "--user",
                                 "root:no-such-group", scene->tree.path, NULL};
    run_to_failure(group, "--user: group 'no-such-group' is not in /etc/group");
    if (geteuid() != 0)
        return;
    tree_mode(&scene->tree, "root", 0700);
    const char *const root[] = {server_binary(),
                                "--listen",
                                "127.0.0.1:0",
                                "--user",
                                "65534:65534",
                                tree_path(&scene->tree, "root"),
                                NULL};
    run_to_failure(root, "(--user) cannot read the root: Permission denied");
}

/* Only root can become another. */
static void test_user_of_an_ordinary_user(void **state) {
    struct scene *scene = *state;
    struct process process = PROCESS_INIT;
    const struct process_options options = {.unprivileged = true};
    make_files(scene);
    const char *const words[] = {server_binary(),
                                 "--listen",
                                 "127.0.0.1:0",
                                 "--user",
                                 "root",
                                 tree_path(&scene->tree, "root"),
                                 NULL};
    process_start(&process, &options, words);
    assert_true(process_wait(&process, 15000));
    char *text = process_text(process.err_fd);
    assert_int_equal(process_exit_code(&process), 1);
    note_assert_contains(text, "(only root can)");
    free(text);
    process_deinit(&process);
}

static void test_check(void **state) {
    struct scene *scene = *state;
    int exit_code;
    const char *const words[] = {server_binary(), "--check", scene->tree.path, NULL};
    const char *const off[] = {server_binary(), "--check", "--no-sandbox", scene->tree.path, NULL};
    char *text = process_run(words, &exit_code);
    assert_int_equal(exit_code, 0);
    note_assert_contains(text, "\n  paths     openat2 keeps");
    note_assert_contains(text, "\n  not root  ");
    note_assert_contains(text, "\n  landlock  workers can read");
    note_assert_contains(text, "\n  seccomp   workers can make");
    free(text);
    text = process_run(off, &exit_code);
    note_assert_contains(text, "\n  landlock  missing: ");
    note_assert_contains(text, "\n  seccomp   missing: ");
    free(text);
}

/* Without openat2(2), what is served is the same. */

struct old {
    struct scene *scene;
    char address[32];
};

static void serve_without_openat2(void *context) {
    const struct old *old = context;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (forbid_openat2(ENOSYS))
        (void)execl(server_binary(), "pronto", "--listen", old->address, "--workers", "1",
                    tree_path(&old->scene->tree, "root"), (char *)NULL);
    _exit(127);
}

static void test_without_openat2(void **state) {
    struct process process = PROCESS_INIT;
    struct old old = {.scene = *state};
    struct client client;
    uint16_t port = server_free_port();
    int64_t deadline = note_now_ms() + 15000;
    make_files(old.scene);
    tree_text(&old.scene->tree, "root/a/b/file", "deep");
    tree_link(&old.scene->tree, "root/in", "a/b");
    tree_link(&old.scene->tree, "root/out", "../outside");
    assert_int_equal(mkfifo(tree_path(&old.scene->tree, "root/fifo"), 0644), 0);
    (void)snprintf(old.address, sizeof old.address, "127.0.0.1:%u", (unsigned)port);
    process_fork(&process, serve_without_openat2, &old);
    while (!client_try_open(&client, port)) {
        if (note_now_ms() > deadline)
            fail_msg("nobody serves without openat2");
        note_pause_ms(10);
    }
    client_expect(&client, "/file", 200);
    client_expect(&client, "/a/b/file", 200);
    client_expect(&client, "/in/file", 200);
    client_expect(&client, "/a/", 200);
    client_expect(&client, "/a/?archive=tar", 200);
    client_expect(&client, "/out", 404);
    client_expect(&client, "/fifo", 404);
    client_close(&client);
    assert_int_equal(kill(process.pid, SIGTERM), 0);
    assert_true(process_wait(&process, 15000));
    assert_int_equal(process_exit_code(&process), 0);
    process_deinit(&process);
}

/* Somebody exchanges a directory for a link that leads out, as fast as it goes. */

enum { RACE_REQUESTS = 3000 };

static void exchange_forever(void *context) {
    const struct tree *tree = context;
    char names[2][PATH_MAX];
    (void)snprintf(names[0], PATH_MAX, "%s", tree_path(tree, "root/directory"));
    (void)snprintf(names[1], PATH_MAX, "%s", tree_path(tree, "root/link"));
    while (renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) == 0)
        continue;
}

static void race(struct scene *scene, const char *target, const char *cache_size) {
    struct process process = PROCESS_INIT;
    struct client client;
    tree_text(&scene->tree, "away/file", "outside");
    tree_text(&scene->tree, "root/directory/file", "inside");
    tree_link(&scene->tree, "root/link", target);
    const char *const words[] = {"--listen",
                                 "127.0.0.1:0",
                                 "--workers",
                                 "1",
                                 "--cache-size",
                                 cache_size,
                                 tree_path(&scene->tree, "root"),
                                 NULL};
    server_start(&scene->server, NULL, 1, words);
    process_fork(&process, exchange_forever, &scene->tree);
    client_open(&client, scene->server.port);
    for (int i = 0; i < RACE_REQUESTS; i++) {
        struct response response;
        client_get(&client, "/directory/file", &response);
        if (response.status == 200)
            row_assert_slice(target, slice_of(response.body, response.body_len), SLICE("inside"));
        else
            row_assert_number(target, response.status, 404);
        response_deinit(&response);
    }
    client_close(&client);
    process_deinit(&process);
}

static void test_race_with_a_link_out(void **state) {
    race(*state, "../away", "0");
}

static void test_race_with_an_absolute_link(void **state) {
    const struct scene *scene = *state;
    race(*state, tree_path(&scene->tree, "away"), "0");
}

static void test_race_with_a_cache(void **state) {
    race(*state, "../away", "64M");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(test_worker),
        scene_test(test_without_sandbox),
        scene_test(test_observer),
        scene_test(test_privileges),
        scene_test(test_user),
        scene_test(test_user_changed),
        scene_test(test_user_that_is_none),
        scene_test(test_user_of_an_ordinary_user),
        scene_test(test_check),
        scene_test(test_without_openat2),
        scene_test(test_race_with_a_link_out),
        scene_test(test_race_with_an_absolute_link),
        scene_test(test_race_with_a_cache),
    };
    return cmocka_run_group_tests_name("walls", tests, NULL, NULL);
}
