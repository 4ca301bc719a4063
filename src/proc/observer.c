#include "proc/observer.h"

#include "base/deadline.h"
#include "base/diag.h"
#include "serve/visits.h"
#include "sys/clock.h"
#include "sys/loop.h"
#include "sys/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RETRY_MS = 1000 };

/* The master's side */

int observer_listen(struct observer *observer, struct err *err) {
    for (size_t i = observer->socket_count; i < observer->addresses.count; i++) {
        int fd = socket_listen(&observer->addresses.items[i], SOCKET_FIRST, err);
        if (fd < 0)
            return fd;
        observer->sockets[observer->socket_count++] = fd;
    }
    return 0;
}

int observer_open(struct observer *observer, const struct setup *setup, struct err *err) {
    *observer = (struct observer)OBSERVER_INIT;
    observer->addresses = setup->options.admin;
    observer->sandbox = setup->sandbox;
    return setup->options.admin.count > 0 ? metrics_open(&observer->metrics, clock_time_s(), err)
                                          : 0;
}

bool observer_is_due(const struct observer *observer, int64_t now_ms) {
    return observer->socket_count > 0 && observer->pid == 0 && observer->start_at_ms <= now_ms;
}

int64_t observer_wait_ms(const struct observer *observer, int64_t now_ms, int64_t wait_ms) {
    if (observer->socket_count == 0 || observer->pid != 0)
        return wait_ms;
    return deadline_sooner_ms(wait_ms, observer->start_at_ms, now_ms);
}

bool observer_fork(struct observer *observer, int64_t now_ms, int *channel) {
    int ends[2];
    observer->start_at_ms = now_ms + RETRY_MS;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0) {
        diag_message("cannot start what answers on --admin: %s", strerror(errno));
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        *channel = ends[1];
        return true;
    }
    if (pid < 0) {
        diag_message("cannot start what answers on --admin: %s", strerror(errno));
        (void)close(ends[0]);
    }
    (void)close(ends[1]);
    observer->channel = pid < 0 ? -1 : ends[0];
    observer->pid = pid < 0 ? 0 : pid;
    return false;
}

static void close_channel(struct observer *observer) {
    if (observer->channel >= 0)
        (void)close(observer->channel);
    observer->channel = -1;
}

static void close_sockets(struct observer *observer) {
    for (size_t i = 0; i < observer->socket_count; i++)
        (void)close(observer->sockets[i]);
    observer->socket_count = 0;
}

void observer_leave(struct observer *observer) {
    close_channel(observer);
    close_sockets(observer);
    observer->pid = 0;
}

bool observer_ended(struct observer *observer, pid_t pid, const char *how, int64_t now_ms) {
    if (observer->pid == 0 || observer->pid != pid)
        return false;
    close_channel(observer);
    observer->pid = 0;
    observer->start_at_ms = now_ms + RETRY_MS;
    diag_message("process %d, which answers on --admin, %s; another takes its place", (int)pid,
                 how);
    return true;
}

/* It sees the end of its channel, and ends at once; one that does not has nothing to lose. SIGCHLD
 * is blocked, as the master takes it from its loop. */
static void end_process(struct observer *observer) {
    const struct timespec patience = {.tv_sec = 1};
    sigset_t set;
    close_channel(observer);
    if (observer->pid == 0)
        return;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    while (waitpid(observer->pid, NULL, WNOHANG) == 0) {
        if (sigtimedwait(&set, NULL, &patience) < 0 && errno == EAGAIN)
            (void)kill(observer->pid, SIGKILL);
    }
    observer->pid = 0;
}

void observer_stop(struct observer *observer) {
    end_process(observer);
    close_sockets(observer);
}

void observer_close(struct observer *observer) {
    observer_stop(observer);
    metrics_close(observer->metrics);
    observer->metrics = NULL;
}

/* The process */

struct process {
    struct loop loop;
    struct visits visits;
    struct source channel;
    bool done;
};

/* Nothing is ever written to it: what there is to read is its end. */
static void on_channel(struct source *source) {
    list_entry(source, struct process, channel)->done = true;
}

/* Of files, it reads what the kernel counts (sys/netstat). All of /proc is allowed, since Landlock
 * goes by inodes, and those of /proc/self/net come and go. */
static void raise_walls(const struct sandbox *sandbox) {
    int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    sandbox_close(sandbox, SECCOMP_OBSERVER, &proc, proc >= 0 ? 1 : 0, false);
    if (proc >= 0)
        (void)close(proc);
}

static int init(struct process *process, const struct observer *observer, int channel,
                struct err *err) {
    int result = sandbox_step_down(&observer->sandbox, err);
    if (result == 0)
        result = loop_init(&process->loop, err);
    if (result < 0)
        return result;
    source_init(&process->channel, channel, on_channel);
    result = loop_add(&process->loop, &process->channel, EPOLLIN | EPOLLRDHUP);
    if (result == 0)
        result = visits_init(&process->visits, &process->loop, observer->metrics, observer->sockets,
                             observer->socket_count);
    return result < 0 ? err_set(err, -result, "cannot answer on --admin: %s", strerror(-result))
                      : 0;
}

static int serve(struct process *process, struct err *err) {
    while (!process->done) {
        int result = loop_turn(&process->loop, visits_wait_ms(&process->visits));
        if (result < 0)
            return err_set(err, -result, "cannot wait for events on --admin: %s",
                           strerror(-result));
        visits_tick(&process->visits);
    }
    return 0;
}

/* The signals that stop pronto are the master's, and stay blocked here: who sends them to all of
 * its processes, as a terminal does, does not end this one before the workers. */
int observer_run(struct observer *observer, int channel) {
    (void)prctl(PR_SET_NAME, "pronto-admin");
    struct process process = {.loop = LOOP_INIT};
    struct err err = ERR_INIT;
    int result = init(&process, observer, channel, &err);
    if (result == 0) {
        raise_walls(&observer->sandbox);
        result = serve(&process, &err);
    }
    if (result < 0)
        diag_message("%s", err.text);
    visits_deinit(&process.visits);
    loop_deinit(&process.loop);
    (void)close(channel);
    return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
