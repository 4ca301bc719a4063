#include "support/shell.h"

#include <stdio.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 300000 };

void shell_tell(const struct scene *scene) {
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", scene->server.port);
    assert_int_equal(setenv("URL", url, 1), 0);
    assert_int_equal(setenv("TREE", scene->tree.path, 1), 0);
}

char *shell_read(const char *script) {
    const char *const argv[] = {"sh", "-euc", script, NULL};
    struct process process = PROCESS_INIT;
    process_start(&process, NULL, argv);
    if (!process_wait(&process, TIMEOUT_MS))
        fail_msg("it does not end: %s", script);
    char *out = process_text(process.out_fd);
    char *err = process_text(process.err_fd);
    if (process_exit_code(&process) != 0)
        fail_msg("exit code %d: %s\n%s%s", process_exit_code(&process), script, err, out);
    free(err);
    process_deinit(&process);
    return out;
}

void shell_run(const char *script) {
    free(shell_read(script));
}
