#include "support/pty.h"

#include "support/note.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { TIMEOUT_MS = 20000, CHUNK = 4096 };

struct start {
    const char *terminal;
    const char *const *settings;
    const char *const *argv;
};

static void set_environment(const char *const settings[]) {
    for (size_t i = 0; settings[i] != NULL; i += 2) {
        if (settings[i + 1] != NULL)
            (void)setenv(settings[i], settings[i + 1], 1);
        else
            (void)unsetenv(settings[i]);
    }
}

/* In the child. The first terminal that a new session opens controls it. */
static void become(void *context) {
    const struct start *start = context;
    (void)setsid();
    int fd = open(start->terminal, O_RDWR);
    for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; standard++) {
        if (dup2(fd, standard) < 0)
            return;
    }
    (void)close(fd);
    set_environment(start->settings);
    (void)execvp(start->argv[0], (char *const *)(uintptr_t)start->argv);
}

bool pty_start(struct pty *pty, const char *const settings[], const char *const argv[]) {
    const struct winsize size = {.ws_row = 50, .ws_col = 120};
    *pty = (struct pty)PTY_INIT;
    pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (pty->master < 0 || grantpt(pty->master) < 0 || unlockpt(pty->master) < 0) {
        note_cannot_test("terminals, of which this machine gives out none");
        return false;
    }
    (void)ioctl(pty->master, TIOCSWINSZ, &size);
    struct start start = {ptsname(pty->master), settings, argv};
    process_fork(&pty->process, become, &start);
    pty->text = calloc(1, 1);
    return true;
}

/* Gathers what there is within `wait_ms`; false: nothing. */
static bool gather(struct pty *pty, int wait_ms) {
    struct pollfd readable = {.fd = pty->master, .events = POLLIN};
    if (pty->ended || poll(&readable, 1, wait_ms) <= 0)
        return false;
    char *text = realloc(pty->text, pty->len + CHUNK + 1);
    assert_non_null(text);
    pty->text = text;
    ssize_t len = read(pty->master, text + pty->len, CHUNK);
    pty->ended = len <= 0; /* EIO (pty(7)) */
    pty->len += len > 0 ? (size_t)len : 0;
    text[pty->len] = '\0';
    return len > 0;
}

void pty_gather(struct pty *pty) {
    while (gather(pty, 0))
        continue;
}

size_t pty_await(struct pty *pty, size_t from, const char *needle) {
    int64_t deadline_ms = note_now_ms() + TIMEOUT_MS;
    const char *at = NULL;
    while (pty->len < from || (at = strstr(pty->text + from, needle)) == NULL) {
        if (!gather(pty, 100) && (pty->ended || note_now_ms() > deadline_ms))
            fail_msg("it does not write \"%s\", but:\n%s", needle, pty->text);
    }
    return (size_t)(at - pty->text);
}

void pty_type(struct pty *pty, const char *keys) {
    size_t len = strlen(keys);
    assert_int_equal(write(pty->master, keys, len), len);
}

int pty_finish(struct pty *pty) {
    int64_t deadline_ms = note_now_ms() + TIMEOUT_MS;
    while (!pty->ended) {
        if (!gather(pty, 100) && note_now_ms() > deadline_ms)
            fail_msg("it does not end; it has written:\n%s", pty->text);
    }
    assert_true(process_wait(&pty->process, TIMEOUT_MS));
    return process_exit_code(&pty->process);
}

void pty_deinit(struct pty *pty) {
    process_deinit(&pty->process);
    if (pty->master >= 0)
        (void)close(pty->master);
    free(pty->text);
    *pty = (struct pty)PTY_INIT;
}
