#include "session.h"

#include "support/client.h"
#include "support/note.h"
#include "support/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LARGE_BYTES = 200 * 1000,
    PROBES = 5, /* until the server is well again */
    PAUSE_MS = 2,
};

/* The place */

/* Times, which listings and archives tell, are the same in every place. */
static void age(const struct session *session, const char *name) {
    static const struct timespec times[2] = {{.tv_sec = 1700000000}, {.tv_sec = 1700000000}};
    assert_int_equal(utimensat(AT_FDCWD, tree_path(&session->tree, name), times, 0), 0);
}

static void map_plan(struct session *session) {
    int fd = open(tree_path(&session->tree, "plan"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, sizeof *session->plan), 0);
    void *memory = mmap(NULL, sizeof *session->plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    assert_true(memory != MAP_FAILED);
    session->plan = memory;
}

void session_make(struct session *session) {
    static const char *const aged[] = {"root/dir/a.txt", "root/dir/b", "root/dir/sub/large",
                                       "root/dir/sub", "root/dir"};
    const struct tree *tree = &session->tree;
    *session = (struct session){.tree = TREE_INIT, .server = SERVER_INIT};
    tree_make(&session->tree);
    tree_text(tree, "root/small.txt", "small\n");
    tree_file(tree, "root/large.bin", 1, LARGE_BYTES);
    tree_text(tree, "root/page.html", "<p>plain</p>");
    tree_text(tree, "root/page.html.gz", "not really packed");
    tree_text(tree, "root/untyped", "a text, going by its content\n");
    tree_text(tree, "root/_headers", "/small.txt\n  X-Rule: holds\n");
    tree_link(tree, "root/linked.txt", "small.txt");
    tree_text(tree, "root/dir/a.txt", "a\n");
    tree_text(tree, "root/dir/b", "b\n");
    tree_file(tree, "root/dir/sub/large", 2, LARGE_BYTES);
    for (size_t i = 0; i < sizeof aged / sizeof aged[0]; i++)
        age(session, aged[i]);
    map_plan(session);
}

static void forget_answers(struct session *session) {
    for (size_t i = 0; i < session->answer_count; i++)
        free(session->answers[i].body);
    session->answer_count = 0;
}

void session_remove(struct session *session) {
    forget_answers(session);
    if (session->plan != NULL)
        (void)munmap(session->plan, sizeof *session->plan);
    session->plan = NULL;
    tree_remove(&session->tree);
}

/* The server */

static bool has_ended(struct session *session) {
    return process_wait(&session->server.process, 0);
}

/* Waits until the server has said one of the two (`other` may be NULL), or has ended, which returns
 * false. */
static bool await(struct session *session, const char *text, const char *other) {
    int64_t deadline_ms = note_now_ms() + CLIENT_TIMEOUT_MS;
    while (!server_says(&session->server, text) &&
           (other == NULL || !server_says(&session->server, other))) {
        if (has_ended(session))
            return false;
        if (note_now_ms() > deadline_ms)
            fail_msg("the server hangs before it says \"%s\"", text);
        note_pause_ms(PAUSE_MS);
    }
    return true;
}

/* Returns false where it ends at once. Its timeouts are so long that whoever is not answered is
 * seen to hang. */
static bool start(struct session *session) {
    const struct tree *tree = &session->tree;
    char local[320];
    char mount[320];
    (void)snprintf(local, sizeof local, "unix:%s", tree_path(tree, "socket"));
    (void)snprintf(mount, sizeof mount, "/mounted=%s", tree_path(tree, "root/dir"));
    const char *const words[] = {server_binary(),
                                 "--listen",
                                 "127.0.0.1:0",
                                 "--listen",
                                 local,
                                 "--admin",
                                 "127.0.0.1:0",
                                 "--workers",
                                 "1",
                                 "--mount",
                                 mount,
                                 "--access-log",
                                 tree_path(tree, "log"),
                                 "--pid-file",
                                 tree_path(tree, "pid"),
                                 "--head-timeout",
                                 "60s",
                                 "--idle-timeout",
                                 "60s",
                                 "--send-timeout",
                                 "60s",
                                 tree_path(tree, "root"),
                                 NULL};
    assert_int_equal(setenv(FAULT_PLAN_VARIABLE, tree_path(tree, "plan"), 1), 0);
    process_start(&session->server.process, NULL, words);
    if (!await(session, "pronto: listening on unix:", NULL) && !has_ended(session))
        return false;
    session->server.port = server_port(&session->server, "http://127.0.0.1:");
    return session->server.port != 0;
}

/* Asking */

struct question {
    const char *method;
    const char *target;
    const char *fields;
};

static const struct question questions[] = {
    {"GET", "/small.txt", ""},
    {"GET", "/small.txt", ""},
    {"HEAD", "/small.txt", ""},
    {"GET", "/absent", ""},
    {"GET", "/small.txt", "Range: bytes=1-3\r\n"},
    {"GET", "/small.txt", "Range: bytes=0-0, 2-3\r\n"},
    {"GET", "/large.bin", ""},
    {"GET", "/large.bin", "Range: bytes=100000-\r\n"},
    {"GET", "/page.html", ""},
    {"GET", "/page.html", "Accept-Encoding: gzip\r\n"},
    {"GET", "/untyped", ""},
    {"GET", "/linked.txt", ""},
    {"GET", "/dir", ""},
    {"GET", "/dir/", ""},
    {"GET", "/dir/", "Accept: application/json\r\n"},
    {"GET", "/dir/?archive=tar", ""},
    {"GET", "/mounted/a.txt", ""},
    {"GET", "/small.txt", "Connection: close\r\n"},
};

enum { QUESTIONS = sizeof questions / sizeof questions[0] };

/* Takes the next answer; false where none comes as a whole. */
static bool take(struct client *client, bool to_head, struct response *response) {
    while (!client_take(client, to_head, response)) {
        if (client->ended || client->error != 0)
            return false;
        if (!client_receive(client, CLIENT_TIMEOUT_MS))
            fail_msg("the server does not answer");
    }
    return true;
}

static void note_answer(struct session *session, const struct question *question,
                        struct response *response, bool came) {
    assert_true(session->answer_count < SESSION_ANSWERS_MAX);
    struct session_answer *answer = &session->answers[session->answer_count++];
    *answer = (struct session_answer){.target = question->target};
    if (!came)
        return;
    answer->status = response->status;
    answer->is_encoded = response_count_field(response, "Content-Encoding") > 0;
    answer->body = response->body;
    answer->body_len = response->body_len;
    response->body = NULL;
    response_deinit(response);
}

/* Asks at a port, on a connection of its own where the last one has ended. */
static void ask_at(struct session *session, uint16_t port, struct client *client,
                   const struct question *question) {
    struct response response = RESPONSE_INIT;
    bool came = false;
    if (client->fd >= 0 && (client->ended || client->error != 0))
        client_close(client);
    if (client->fd >= 0 || client_try_open(client, port)) {
        client_send_request(client, question->method, question->target, question->fields);
        came = take(client, strcmp(question->method, "HEAD") == 0, &response);
    }
    if (!came || response_closes(&response))
        client->ended = true;
    note_answer(session, question, &response, came);
}

static void ask(struct session *session, struct client *client, const struct question *question) {
    ask_at(session, session->server.port, client, question);
}

/* How the server does. Numbers differ from run to run. */
static void ask_how_it_does(struct session *session) {
    static const struct question health = {"GET", "/healthz", ""};
    static const struct question numbers = {"HEAD", "/metrics", ""};
    struct client client = CLIENT_INIT;
    uint16_t port = server_admin_port(&session->server);
    if (port == 0)
        return;
    ask_at(session, port, &client, &health);
    ask_at(session, port, &client, &numbers);
    client_close(&client);
}

/* The first questions at once. */
static void ask_pipelined(struct session *session, size_t count) {
    struct client client = CLIENT_INIT;
    bool connected = client_try_open(&client, session->server.port);
    for (size_t i = 0; i < count && connected; i++)
        client_send_request(&client, questions[i].method, questions[i].target, questions[i].fields);
    for (size_t i = 0; i < count; i++) {
        struct response response = RESPONSE_INIT;
        connected = connected && take(&client, strcmp(questions[i].method, "HEAD") == 0, &response);
        note_answer(session, &questions[i], &response, connected);
    }
    client_close(&client);
}

static void ask_all(struct session *session) {
    static const struct question changing = {"GET", "/changing.txt", ""};
    struct client client = CLIENT_INIT;
    for (size_t i = 0; i < QUESTIONS; i++)
        ask(session, &client, &questions[i]);
    ask(session, &client, &changing);
    tree_text(&session->tree, "root/changing.txt", "the second state\n");
    ask(session, &client, &changing);
    client_close(&client);
    ask_pipelined(session, 7);
    ask_how_it_does(session);
}

/* How it ends */

static size_t count_fds(const struct session *session) {
    pid_t children[SERVER_WORKERS_MAX];
    pid_t master = session->server.process.pid;
    size_t count = process_children(master, children, SERVER_WORKERS_MAX);
    size_t sum = process_count_fds(master);
    for (size_t i = 0; i < count; i++)
        sum += process_count_fds(children[i]);
    return sum;
}

/* Lines of stderr that explain what went wrong: not what is always said, or who ended. */
static bool has_explanation(char *text) {
    static const char *const usual[] = {"listening on ", "status on ",
                                        "reloaded: ", "another takes its place"};
    char *rest = text;
    for (const char *line; (line = strsep(&rest, "\n")) != NULL;) {
        bool explains = strncmp(line, "pronto: ", 8) == 0;
        for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
            explains = explains && strstr(line, usual[i]) == NULL;
        if (explains)
            return true;
    }
    return false;
}

/* Fails unless what ended had a reason that it told. */
static void assert_explained(const struct session *session) {
    char *text = process_text(session->server.process.err_fd);
    if (strstr(text, "was killed by") != NULL)
        fail_msg("a process has crashed");
    bool failed = process_exit_code(&session->server.process) != 0 ||
                  strstr(text, "exited with status") != NULL;
    if (failed && !has_explanation(text))
        fail_msg("something has ended without saying why");
    free(text);
}

/* Lines of the access log are whole. */
static void assert_log_whole(const struct session *session) {
    char line[4096];
    FILE *file = fopen(tree_path(&session->tree, "log"), "re");
    if (file == NULL)
        return;
    while (fgets(line, sizeof line, file) != NULL) {
        size_t len = strlen(line);
        if (strncmp(line, "127.0.0.1 - - [", 15) != 0 || strcmp(line + len - 2, "\"\n") != 0)
            fail_msg("a torn line in the log: %s", line);
    }
    (void)fclose(file);
}

static void assert_ended(struct session *session) {
    if (!process_wait(&session->server.process, CLIENT_TIMEOUT_MS))
        fail_msg("the server does not stop");
    int code = process_exit_code(&session->server.process);
    if (code < 0 || code > 2) /* 2: the options cannot be read */
        fail_msg("the server has ended with %d", code);
    server_assert_unreported(&session->server);
    assert_explained(session);
    assert_log_whole(session);
}

/* Whether somebody who is told of that error may take a file for absent. */
static bool denies(int error) {
    static const int errors[] = {ENOENT, ENOTDIR, ELOOP, EXDEV, ENXIO, EACCES, EPERM};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (error == errors[i])
            return true;
    }
    return false;
}

/* Whatever has failed once, and is past, is of no consequence any more; but what was said to be
 * absent is taken for that until it changes. */
static void assert_well(struct session *session) {
    static const struct question probe = {"GET", "/small.txt", ""};
    struct client client = CLIENT_INIT;
    bool well = false;
    for (int i = 0; i < PROBES && !well && !has_ended(session); i++) {
        ask(session, &client, &probe);
        int status = session->answers[--session->answer_count].status;
        well = status == 200 || (status > 0 && status < 500 && denies(session->plan->error));
        free(session->answers[session->answer_count].body);
    }
    client_close(&client);
    if (!well && !has_ended(session))
        fail_msg("the server has not recovered");
}

/* Waits until the server has no more than that many descriptors open. */
static void assert_fds(struct session *session, size_t max) {
    int64_t deadline_ms = note_now_ms() + CLIENT_TIMEOUT_MS;
    while ((session->fds = count_fds(session)) > max) {
        if (note_now_ms() > deadline_ms)
            fail_msg("%zu descriptors are open, instead of %zu", session->fds, max);
        note_pause_ms(PAUSE_MS);
    }
}

/* The whole */

static void reset(struct session *session) {
    (void)unlink(tree_path(&session->tree, "log"));
    tree_text(&session->tree, "root/changing.txt", "the first state\n");
    forget_answers(session);
    atomic_store(&session->plan->fired, 0);
    atomic_store(&session->plan->processes, 0);
    memset(session->plan->counts, 0, sizeof session->plan->counts);
}

/* Returns whether the server lives. */
static bool live(struct session *session, size_t max_fds) {
    if (!start(session))
        return false;
    ask_all(session);
    (void)kill(session->server.process.pid, SIGUSR1);
    (void)kill(session->server.process.pid, SIGHUP);
    if (!await(session, "reloaded: ", "cannot reload"))
        return false;
    ask_all(session);
    assert_well(session);
    if (has_ended(session))
        return false;
    assert_fds(session, max_fds);
    return true;
}

static void run(struct session *session, size_t max_fds) {
    reset(session);
    if (live(session, max_fds))
        (void)kill(session->server.process.pid, SIGTERM);
    assert_ended(session);
    process_deinit(&session->server.process);
}

void session_learn(struct session *session) {
    session->plan->call = CALL_NONE;
    run(session, SIZE_MAX);
    assert_int_equal(process_exit_code(&session->server.process), 0);
    assert_true(session->answer_count > QUESTIONS);
    for (size_t i = 0; i < session->answer_count; i++)
        assert_in_range(session->answers[i].status, 200, 404);
}

static bool same_body(const struct session_answer *one, const struct session_answer *other) {
    return one->is_encoded == other->is_encoded && one->body_len == other->body_len &&
           (one->body_len == 0 || memcmp(one->body, other->body, one->body_len) == 0);
}

/* Whether it is right, or was at another time, or without its encoded sibling. */
static bool is_right(const struct session_answer *got, const struct session *right) {
    for (size_t i = 0; i < right->answer_count; i++) {
        const struct session_answer *want = &right->answers[i];
        if (strcmp(got->target, want->target) == 0 && got->status == want->status &&
            same_body(got, want))
            return true;
    }
    return false;
}

/* What a directory shows may lack a file that is said to be absent; or something, if it says so. */
static bool may_be_short(const struct session_answer *got, int error) {
    bool says_cut = got->body != NULL && strstr(got->body, "\"cut\"") != NULL;
    return strncmp(got->target, "/dir/", 5) == 0 && got->status == 200 &&
           (denies(error) || (error == ENOMEM && says_cut));
}

/* An answer that did not come as a whole says that something is wrong, and so does an error. */
static void assert_answer(const struct session *session, size_t index,
                          const struct session *right) {
    const struct session_answer *got = &session->answers[index];
    int error = session->plan->error;
    if (got->status == 0 || got->status >= 500 || is_right(got, right) || may_be_short(got, error))
        return;
    if ((got->status == 403 || got->status == 404) && denies(error))
        return;
    fail_msg("answer %zu (%s) is wrong: %d (instead of %d)\n%.1000s", index, got->target,
             got->status, right->answers[index].status, got->body != NULL ? got->body : "");
}

bool session_try(struct session *session, const struct session *right) {
    run(session, right->fds);
    for (size_t i = 0; i < session->answer_count; i++)
        assert_answer(session, i, right);
    return atomic_load(&session->plan->fired) > 0;
}
