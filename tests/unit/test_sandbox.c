/* What the walls are together, in the process that raises them. What workers are kept from is in
 * tests/system/test_walls. */
#include "sys/sandbox.h"

#include "support/confined.h"
#include "support/note.h"
#include "support/tree.h"

#include "base/diag.h"
#include "base/instrumented.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static int plan(struct sandbox *sandbox, const char *user, bool off, struct err *err) {
    struct options options = OPTIONS_INIT;
    options.user = user;
    options.no_sandbox = off;
    return sandbox_plan(sandbox, &options, err);
}

static void test_plan(void **state) {
    (void)state;
    struct sandbox sandbox;
    struct err err = ERR_INIT;
    assert_int_equal(plan(&sandbox, NULL, false, &err), 0);
    assert_false(sandbox.identity.given);
    assert_false(sandbox.is_off);
    assert_int_equal(plan(&sandbox, "1000:1001", true, &err), 0);
    assert_true(sandbox.identity.given);
    assert_int_equal(sandbox.identity.group, 1001);
    assert_true(sandbox.is_off);
    assert_int_equal(plan(&sandbox, "no-such-user", false, &err), -ENOENT);
    note_assert_contains(err.text, "no-such-user");
}

static const struct {
    const char *name;
    const char *user;
    bool off;
    enum sandbox_wall wall;
    bool stands;
    const char *text;
} reports[] = {
    {"paths", NULL, false, SANDBOX_PATHS, true, "openat2 keeps"},
    {"paths without the sandbox", NULL, true, SANDBOX_PATHS, true, "openat2 keeps"},
    {"user", "7:7", false, SANDBOX_USER, true, "uid 7, without capabilities"},
    {"user without the sandbox", "7:7", true, SANDBOX_USER, true, "uid 7"},
    {"root", "root", false, SANDBOX_USER, false, "as root, though without its capabilities"},
    {"root without the sandbox", "root", true, SANDBOX_USER, false, "as root (--user NAME"},
    {"files", NULL, false, SANDBOX_FILES, true, "can read what is beneath the roots"},
    {"files without the sandbox", NULL, true, SANDBOX_FILES, false, "(--no-sandbox)"},
    {"calls", NULL, false, SANDBOX_CALLS, true, "neither start programs nor open sockets"},
    {"calls without the sandbox", NULL, true, SANDBOX_CALLS, false, "(--no-sandbox)"},
};

static void test_report(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(reports); i++) {
        struct sandbox sandbox;
        struct sandbox_report report;
        struct err err = ERR_INIT;
        assert_int_equal(plan(&sandbox, reports[i].user, reports[i].off, &err), 0);
        sandbox_report(&sandbox, reports[i].wall, &report);
        row_assert_number(reports[i].name, report.stands, reports[i].stands);
        row_assert(reports[i].name, strstr(report.text.text, reports[i].text) != NULL);
    }
}

/* What was refused is refused with EPERM, and no more; in a sanitized build it is told and counted,
 * which must not disturb either. 0: all is as it should be. */
static int close_and_try(void *context) {
    const struct sandbox sandbox = {.is_off = false};
    struct err err = ERR_INIT;
    int directory = open(context, O_PATH | O_CLOEXEC);
    if (sandbox_step_down(&sandbox, &err) != 0)
        return 1;
    sandbox_close(&sandbox, SECCOMP_WORKER, &directory, 1, false);
    for (int i = 0; i < 3; i++) {
        errno = 0;
        if (socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) != -1 || errno != EPERM)
            return 2;
    }
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED || errno != EPERM)
        return 3;
    if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES)
        return 4;
    return openat(directory, "file", O_RDONLY | O_CLOEXEC) >= 0 ? 0 : 5;
}

static void run_close_and_try(void *context) {
    _exit(close_and_try(context));
}

static void test_close(void **state) {
    (void)state;
    struct tree tree = TREE_INIT;
    struct process process = PROCESS_INIT;
    tree_make(&tree);
    tree_text(&tree, "file", "text");
    process_fork(&process, run_close_and_try, tree.path);
    assert_true(process_wait(&process, 60000));
    assert_int_equal(process_exit_code(&process), 0);
    char *text = process_text(process.err_fd);
    if (INSTRUMENTED_SANITIZED)
        note_assert_contains(text, "syscall.def does not allow (3 so far)");
    else
        assert_string_equal(text, "");
    free(text);
    process_deinit(&process);
    tree_remove(&tree);
}

/* A message goes to a pipe by another call than to a file. */
static int tell_through_pipe(void *context) {
    static const enum seccomp_who all[] = {SECCOMP_WORKER, SECCOMP_OBSERVER, SECCOMP_ANNOUNCER};
    const struct sandbox sandbox = {.is_off = false};
    struct err err = ERR_INIT;
    char text[64] = "";
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0 || dup2(ends[1], STDERR_FILENO) < 0 ||
        sandbox_step_down(&sandbox, &err) != 0)
        return 1;
    sandbox_close(&sandbox, all[*(const size_t *)context], NULL, 0, false);
    diag_message("confined");
    return read(ends[0], text, sizeof text - 1) > 0 && strcmp(text, "pronto: confined\n") == 0 ? 0
                                                                                               : 2;
}

static void test_messages_reach_a_pipe(void **state) {
    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(confined_result(tell_through_pipe, &i), 0);
}

/* Without the sandbox, nothing is closed. */
static int try_without(void *context) {
    const struct sandbox sandbox = {.is_off = true};
    struct err err = ERR_INIT;
    (void)context;
    if (sandbox_step_down(&sandbox, &err) != 0)
        return 1;
    sandbox_close(&sandbox, SECCOMP_WORKER, NULL, 0, false);
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 ? 0 : 2;
}

static void test_without(void **state) {
    (void)state;
    assert_int_equal(confined_result(try_without, NULL), 0);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan),    cmocka_unit_test(test_report),
        cmocka_unit_test(test_close),   cmocka_unit_test(test_messages_reach_a_pipe),
        cmocka_unit_test(test_without),
    };
    return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
