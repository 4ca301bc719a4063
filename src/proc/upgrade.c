#include "proc/upgrade.h"

#include "base/ascii.h"
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

/* The descriptors that the new master is handed: sockets, and behind them the channel. */
struct goods {
    int *fds;    /* owned, as many as there are sockets, and one more */
    char *kinds; /* owned */
    size_t sockets;
};

static int goods_init(struct goods *goods, const struct upgrade_parcel *parcel) {
    size_t site = listeners_count(parcel->listeners);
    goods->sockets = site + listeners_count(parcel->admin);
    goods->fds = malloc((goods->sockets + 1) * sizeof(int));
    goods->kinds = malloc(goods->sockets + 1);
    if (goods->fds == NULL || goods->kinds == NULL)
        return -ENOMEM;
    listeners_describe(parcel->listeners, goods->fds, goods->kinds);
    listeners_describe(parcel->admin, goods->fds + site, goods->kinds + site);
    for (char *kind = goods->kinds + site; *kind != '\0'; kind++)
        *kind = ascii_upper(*kind);
    return 0;
}

static void goods_deinit(struct goods *goods) {
    free(goods->fds);
    free(goods->kinds);
}

/* In the child: puts the descriptors to their places, where they survive execve(2). First they are
 * moved out of each other's way; the copies are closed by it. */
static bool place_descriptors(const struct goods *goods) {
    const int end = HANDOVER_FIRST + (int)goods->sockets + 1;
    bool placed = true;
    for (size_t i = 0; i <= goods->sockets; i++) {
        goods->fds[i] = fcntl(goods->fds[i], F_DUPFD_CLOEXEC, end);
        placed &= goods->fds[i] >= 0;
    }
    for (size_t i = 0; i <= goods->sockets && placed; i++)
        placed = dup2(goods->fds[i], HANDOVER_FIRST + (int)i) >= 0;
    return placed;
}

static bool set_number(const char *name, long long number) {
    char text[32];
    (void)snprintf(text, sizeof text, "%lld", number);
    return setenv(name, text, 1) == 0;
}

/* In the child: says what it was handed. */
static bool set_environment(const struct goods *goods) {
    size_t size = goods->sockets + 32;
    char *text = malloc(size);
    if (text == NULL)
        return false;
    (void)snprintf(text, size, "%d:%s", HANDOVER_FIRST + (int)goods->sockets, goods->kinds);
    bool set = set_number("LISTEN_PID", getpid()) &&
               set_number("LISTEN_FDS", (long long)goods->sockets) &&
               setenv("PRONTO_UPGRADE", text, 1) == 0;
    free(text);
    return set;
}

/* In the child. */
__attribute__((noreturn)) static void
become(const char *program, const struct upgrade_parcel *parcel, const struct goods *goods) {
    sigset_t none;
    (void)sigemptyset(&none);
    notify_export(parcel->notify);
    if (place_descriptors(goods) && set_environment(goods) &&
        sigprocmask(SIG_SETMASK, &none, NULL) == 0)
        (void)execv(program, parcel->words);
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
static int start(struct upgrade *upgrade, const struct upgrade_parcel *parcel,
                 const struct goods *goods, struct loop *loop) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
        return -errno;
    source_init(&upgrade->channel, ends[0], on_channel);
    int result = loop_add(loop, &upgrade->channel, EPOLLIN);
    goods->fds[goods->sockets] = ends[1];
    pid_t pid = result < 0 ? -1 : fork();
    if (pid == 0)
        become(upgrade->program, parcel, goods);
    if (result == 0 && pid < 0)
        result = -errno;
    (void)close(ends[1]);
    if (result < 0)
        source_close(&upgrade->channel);
    else
        upgrade->pid = pid;
    return result;
}

int upgrade_begin(struct upgrade *upgrade, const struct upgrade_parcel *parcel, int64_t timeout_ms,
                  struct loop *loop, struct err *err) {
    struct goods goods;
    if (upgrade->program == NULL)
        return err_set(err, ENOENT, "the path of the binary is not known (is /proc mounted?)");
    int result = goods_init(&goods, parcel);
    if (result == 0)
        result = start(upgrade, parcel, &goods, loop);
    goods_deinit(&goods);
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
