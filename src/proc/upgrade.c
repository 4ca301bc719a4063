#include "proc/upgrade.h"

#include "base/deadline.h"
#include "base/diag.h"
#include "proc/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* As a shell would exit. */
enum { EXIT_NOT_STARTED = 127 };

void upgrade_init(struct upgrade *upgrade, const char *word) {
    char path[PATH_MAX];
    *upgrade = (struct upgrade)UPGRADE_INIT;
    if (word != NULL && strchr(word, '/') != NULL) {
        upgrade->program = strdup(word);
        return;
    }
    ssize_t len = readlink("/proc/self/exe", path, sizeof path);
    if (len > 0 && len < (ssize_t)sizeof path)
        upgrade->program = strndup(path, (size_t)len);
}

void upgrade_deinit(struct upgrade *upgrade) {
    source_close(&upgrade->channel);
    free(upgrade->program);
    upgrade->program = NULL;
}

void upgrade_end(struct upgrade *upgrade) {
    source_close(&upgrade->channel);
    upgrade->pid = 0;
    upgrade->ready = false;
    upgrade->late = false;
}

/* What the new master is handed: sockets, and behind them the channel. */
struct parcel {
    int *fds;    /* owned, as many as there are sockets, and one more */
    char *kinds; /* owned */
    size_t sockets;
};

static int parcel_init(struct parcel *parcel, const struct listeners *listeners) {
    parcel->sockets = listeners_count(listeners);
    parcel->fds = malloc((parcel->sockets + 1) * sizeof(int));
    parcel->kinds = malloc(parcel->sockets + 1);
    if (parcel->fds == NULL || parcel->kinds == NULL)
        return -ENOMEM;
    listeners_describe(listeners, parcel->fds, parcel->kinds);
    return 0;
}

static void parcel_deinit(struct parcel *parcel) {
    free(parcel->fds);
    free(parcel->kinds);
}

/* In the child: puts the descriptors to their places, where they survive execve(2). First they are
 * moved out of each other's way; the copies are closed by it. */
static bool place_descriptors(const struct parcel *parcel) {
    const int end = HANDOVER_FIRST + (int)parcel->sockets + 1;
    bool placed = true;
    for (size_t i = 0; i <= parcel->sockets; i++) {
        parcel->fds[i] = fcntl(parcel->fds[i], F_DUPFD_CLOEXEC, end);
        placed &= parcel->fds[i] >= 0;
    }
    for (size_t i = 0; i <= parcel->sockets && placed; i++)
        placed = dup2(parcel->fds[i], HANDOVER_FIRST + (int)i) >= 0;
    return placed;
}

static bool set_number(const char *name, long long number) {
    char text[32];
    (void)snprintf(text, sizeof text, "%lld", number);
    return setenv(name, text, 1) == 0;
}

/* In the child: says what it was handed. */
static bool set_environment(const struct parcel *parcel) {
    size_t size = parcel->sockets + 32;
    char *text = malloc(size);
    if (text == NULL)
        return false;
    (void)snprintf(text, size, "%d:%s", HANDOVER_FIRST + (int)parcel->sockets, parcel->kinds);
    bool set = set_number("LISTEN_PID", getpid()) &&
               set_number("LISTEN_FDS", (long long)parcel->sockets) &&
               setenv("PRONTO_UPGRADE", text, 1) == 0;
    free(text);
    return set;
}

/* In the child. */
__attribute__((noreturn)) static void become(const char *program, char *const words[],
                                             const struct parcel *parcel,
                                             const struct notify *notify) {
    sigset_t none;
    (void)sigemptyset(&none);
    notify_export(notify);
    if (place_descriptors(parcel) && set_environment(parcel) &&
        sigprocmask(SIG_SETMASK, &none, NULL) == 0)
        (void)execv(program, words);
    diag_message("cannot start %s: %s", program, strerror(errno));
    _exit(EXIT_NOT_STARTED);
}

static void on_channel(struct source *source) {
    struct upgrade *upgrade = list_entry(source, struct upgrade, channel);
    char byte;
    source->ready = 0;
    if (read(source->fd, &byte, 1) == 1 && !upgrade->late) /* else it has been told to end */
        upgrade->ready = true;
}

/* Forks; in this process, `ends[0]` is the source's then. */
static int start(struct upgrade *upgrade, char *const words[], struct parcel *parcel,
                 const struct notify *notify, struct loop *loop) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
        return -errno;
    source_init(&upgrade->channel, ends[0], on_channel);
    int result = loop_add(loop, &upgrade->channel, EPOLLIN);
    parcel->fds[parcel->sockets] = ends[1];
    pid_t pid = result < 0 ? -1 : fork();
    if (pid == 0)
        become(upgrade->program, words, parcel, notify);
    if (result == 0 && pid < 0)
        result = -errno;
    (void)close(ends[1]);
    if (result < 0)
        source_close(&upgrade->channel);
    else
        upgrade->pid = pid;
    return result;
}

int upgrade_begin(struct upgrade *upgrade, char *const words[], const struct listeners *listeners,
                  const struct notify *notify, int64_t timeout_ms, struct loop *loop,
                  struct err *err) {
    struct parcel parcel;
    if (upgrade->program == NULL)
        return err_set(err, ENOENT, "the path of the binary is not known (is /proc mounted?)");
    int result = parcel_init(&parcel, listeners);
    if (result == 0)
        result = start(upgrade, words, &parcel, notify, loop);
    parcel_deinit(&parcel);
    upgrade->deadline_ms = loop->now_ms + timeout_ms;
    return result < 0
               ? err_set(err, -result, "cannot start %s: %s", upgrade->program, strerror(-result))
               : 0;
}

void upgrade_watch(struct upgrade *upgrade, int64_t grace_ms, int64_t now_ms) {
    if (upgrade->pid == 0 || upgrade->ready || now_ms < upgrade->deadline_ms)
        return;
    (void)kill(upgrade->pid, upgrade->late ? SIGKILL : SIGTERM);
    upgrade->late = true;
    upgrade->deadline_ms = now_ms + grace_ms;
}

int64_t upgrade_wait_ms(const struct upgrade *upgrade, int64_t wait_ms, int64_t now_ms) {
    return upgrade->pid == 0 || upgrade->ready
               ? wait_ms
               : deadline_sooner_ms(wait_ms, upgrade->deadline_ms, now_ms);
}
