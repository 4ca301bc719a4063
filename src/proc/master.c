/* Every worker has a slot, and a slot has sockets of its own, which the master keeps open:
 * connections that the kernel has accepted for a worker that dies wait there for the one that takes
 * its place.
 *
 * Master and worker hold the ends of a channel. The worker writes one byte when it is ready.
 * Otherwise it only waits for the end of it, which comes when the master is gone, however it went:
 * no worker outlives its master. */
#include "proc/master.h"

#include "base/deadline.h"
#include "base/diag.h"
#include "proc/banner.h"
#include "proc/listeners.h"
#include "proc/observer.h"
#include "proc/worker.h"
#include "serve/accesslog.h"
#include "sys/channel.h"
#include "sys/loop.h"
#include "sys/signals.h"
#include "sys/steering.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    /* A worker that dies sooner than this after its start is not replaced at once, but after a
       delay that doubles. */
    STABLE_MS = 1000,
    DELAY_MIN_MS = 100,
    DELAY_MAX_MS = 5000,
    /* Workers give up draining by themselves; one that has not after this much longer is killed. */
    KILL_GRACE_MS = 1000,
    /* Who stops pronto is told what it waits for, if it is not done sooner. */
    NOTICE_MS = 750,
};

struct slot {
    pid_t pid;                    /* 0: vacant */
    struct metrics_slot *counted; /* where the worker counts; borrowed; NULL: nobody can ask */
    struct source channel;        /* fd -1: vacant */
    bool ready;
    int64_t started_ms;
    int64_t start_at_ms; /* vacant: when the next one starts */
    int64_t delay_ms;    /* of the last start */
};

enum phase { PHASE_STARTING, PHASE_SERVING, PHASE_STOPPING };

struct master {
    const struct options *options;
    const struct roots *roots;
    struct loop loop;
    struct source signals;
    struct listeners listeners;
    int log_fd; /* what accesslog_open() returned: workers may not be able to open it */
    struct observer observer;
    struct slot *slots; /* listeners.workers of them; owned */
    enum phase phase;
    int64_t kill_at_ms; /* while stopping */
    int64_t
        notice_at_ms; /* while stopping: when to say what is waited for; INT64_MAX: it is said */
    bool killed;      /* while stopping: workers were not given time */
    int status;       /* to exit with */
    bool in_child;    /* this is a worker's process, or the observer's */
};

/* The CPUs this process may use. */
static size_t count_cpus(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (size_t)CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN); /* more CPUs than fit into the set */
    return online > 0 ? (size_t)online : 1;
}

static bool is_everyone_ready(const struct master *master) {
    for (size_t i = 0; i < master->listeners.workers; i++) {
        if (!master->slots[i].ready)
            return false;
    }
    return true;
}

static void on_channel(struct source *source) {
    struct slot *slot = list_entry(source, struct slot, channel);
    char byte;
    if (read(source->fd, &byte, 1) == 1)
        slot->ready = true;
}

/* Stopping */

static void signal_workers(const struct master *master, int number) {
    for (size_t i = 0; i < master->listeners.workers; i++) {
        if (master->slots[i].pid != 0)
            (void)kill(master->slots[i].pid, number);
    }
}

static void kill_workers(struct master *master) {
    master->killed = true;
    signal_workers(master, SIGKILL);
}

static void stop(struct master *master) {
    if (master->phase == PHASE_STOPPING) {
        kill_workers(master);
        return;
    }
    master->phase = PHASE_STOPPING;
    metrics_set_phase(master->observer.metrics, METRICS_DRAINING);
    master->kill_at_ms = master->loop.now_ms + master->options->drain_timeout + KILL_GRACE_MS;
    master->notice_at_ms = master->loop.now_ms + NOTICE_MS;
    /* The kernel stops accepting when the workers have closed theirs, too. */
    listeners_deinit(&master->listeners);
    if (isatty(STDERR_FILENO))
        (void)!write(STDERR_FILENO, "\n", 1); /* behind the terminal's ^C */
    signal_workers(master, SIGTERM);
}

/* Starting workers */

/* What a child must not inherit. */
static void leave_master(struct master *master) {
    for (size_t i = 0; i < master->listeners.workers; i++) {
        if (master->slots[i].channel.fd >= 0)
            (void)close(master->slots[i].channel.fd);
        master->slots[i].channel.fd = -1;
    }
    (void)close(master->signals.fd);
    master->signals.fd = -1;
    loop_deinit(&master->loop);
}

static int run_worker(struct master *master, size_t index, int channel) {
    struct metrics_slot *counted = master->slots[index].counted;
    struct worker_config config = {
        .options = master->options,
        .roots = master->roots,
        .socket_count = master->listeners.addresses.count,
        .log_fd = master->log_fd,
        .channel = channel,
        .tally = counted != NULL ? &counted->tally : NULL,
        .slot = index,
    };
    master->log_fd = -1;
    leave_master(master);
    observer_leave(&master->observer);
    if (master->listeners.steered)
        (void)steering_bind(index); /* where that is not allowed, any CPU will do */
    listeners_hand_over(&master->listeners, index, config.sockets);
    int status = worker_run(&config);
    (void)close(channel);
    return status;
}

/* Starts a worker in a vacant slot. Returns 0 or -errno in the master; in the worker it returns 0
 * when that is done. */
static int start_worker(struct master *master, size_t index) {
    struct slot *slot = &master->slots[index];
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    slot->counted = metrics_worker_starts(master->observer.metrics, index);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        master->in_child = true;
        master->status = run_worker(master, index, ends[1]);
        return 0;
    }
    if (pid < 0)
        metrics_worker_ended(master->observer.metrics, slot->counted, false);
    int result = pid < 0 ? -errno : 0;
    (void)close(ends[1]);
    source_init(&slot->channel, ends[0], on_channel);
    if (result == 0)
        result = loop_add(&master->loop, &slot->channel, EPOLLIN);
    if (result < 0) {
        (void)close(ends[0]); /* a worker that was forked sees the end of it */
        slot->channel.fd = -1;
    }
    slot->pid = pid < 0 ? 0 : pid;
    slot->ready = false;
    slot->started_ms = master->loop.now_ms;
    return result;
}

/* Replaces the worker of a slot after `delay_ms`, and says so in time. */
static void schedule_start(struct master *master, struct slot *slot) {
    bool stable = master->loop.now_ms - slot->started_ms >= STABLE_MS;
    if (stable)
        slot->delay_ms = 0;
    else if (slot->delay_ms == 0)
        slot->delay_ms = DELAY_MIN_MS;
    else
        slot->delay_ms = slot->delay_ms * 2 < DELAY_MAX_MS ? slot->delay_ms * 2 : DELAY_MAX_MS;
    slot->start_at_ms = master->loop.now_ms + slot->delay_ms;
}

static void start_due_workers(struct master *master) {
    for (size_t i = 0; i < master->listeners.workers && !master->in_child; i++) {
        struct slot *slot = &master->slots[i];
        if (slot->pid != 0 || slot->start_at_ms > master->loop.now_ms)
            continue;
        int result = start_worker(master, i);
        if (result < 0) {
            diag_message("cannot start a worker: %s", strerror(-result));
            if (master->phase == PHASE_STARTING) {
                master->status = EXIT_FAILURE;
                stop(master);
                return;
            }
            slot->started_ms = master->loop.now_ms;
            schedule_start(master, slot);
        }
    }
}

static void start_observer(struct master *master) {
    int channel;
    if (!observer_fork(&master->observer, master->loop.now_ms, &channel))
        return;
    leave_master(master);
    listeners_deinit(&master->listeners);
    master->in_child = true;
    master->status = observer_run(&master->observer, channel);
}

/* Ended children */

/* Why a worker ended, as the end of a sentence. */
static void describe_end(int wait_status, struct err *end) {
    if (WIFSIGNALED(wait_status))
        (void)err_set(end, 0, "was killed by signal %d (%s)", WTERMSIG(wait_status),
                      strsignal(WTERMSIG(wait_status)));
    else
        (void)err_set(end, 0, "exited with status %d", WEXITSTATUS(wait_status));
}

/* Empties the slot of a worker that has ended. Returns whether it was ever ready. */
static bool vacate(struct slot *slot) {
    if (slot->channel.fd >= 0) {
        on_channel(&slot->channel); /* its byte may not have been read yet */
        list_remove(&slot->channel.place);
        (void)close(slot->channel.fd);
    }
    bool was_ready = slot->ready;
    slot->channel.fd = -1;
    slot->pid = 0;
    slot->ready = false;
    return was_ready;
}

static void worker_ended(struct master *master, struct slot *slot, int wait_status) {
    struct err end = ERR_INIT;
    int pid = (int)slot->pid;
    bool was_ready = vacate(slot);
    describe_end(wait_status, &end);
    metrics_worker_ended(master->observer.metrics, slot->counted,
                         wait_status != 0 || master->phase != PHASE_STOPPING);
    if (master->phase == PHASE_STOPPING) {
        if (wait_status != 0 && !master->killed) {
            diag_message("worker %d %s", pid, end.text);
            master->status = EXIT_FAILURE;
        }
    } else if (master->phase == PHASE_STARTING && !was_ready) {
        diag_message("worker %d %s before it was ready", pid, end.text);
        master->status = EXIT_FAILURE;
        stop(master);
    } else {
        schedule_start(master, slot);
        diag_message("worker %d %s; another takes its place", pid, end.text);
    }
}

static void reap_children(struct master *master) {
    int wait_status;
    pid_t pid;
    while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0) {
        struct err end = ERR_INIT;
        describe_end(wait_status, &end);
        if (observer_ended(&master->observer, pid, end.text, master->loop.now_ms))
            continue;
        for (size_t i = 0; i < master->listeners.workers; i++) {
            if (master->slots[i].pid == pid)
                worker_ended(master, &master->slots[i], wait_status);
        }
    }
}

/* Logs */

/* The file has been renamed, so that another can take its place: opens that, and passes it to all
 * workers, which write to the old one no more. */
static void reopen_log(struct master *master) {
    struct err err = ERR_INIT;
    int fd;
    if (!accesslog_can_rotate(master->options))
        return;
    if (accesslog_open(master->options, &fd, &err) < 0) {
        diag_message("%s; the one that is open is written to as before", err.text);
        return;
    }
    (void)close(master->log_fd);
    master->log_fd = fd;
    for (size_t i = 0; i < master->listeners.workers; i++) {
        const struct slot *slot = &master->slots[i];
        int result = slot->channel.fd >= 0 ? channel_send(slot->channel.fd, WORKER_LOG, fd) : 0;
        if (result < 0)
            diag_message("worker %d cannot be told of the new access log: %s", (int)slot->pid,
                         strerror(-result));
    }
}

static void on_signal(struct source *source) {
    struct master *master = list_entry(source, struct master, signals);
    int number;
    source->ready = 0;
    while ((number = signals_next(source->fd)) != 0) {
        if (number == SIGCHLD)
            reap_children(master);
        else if (number == SIGUSR1)
            reopen_log(master);
        else
            stop(master);
    }
}

/* Serving */

static int init(struct master *master, struct err *err) {
    static const int numbers[] = {SIGTERM, SIGINT, SIGQUIT, SIGCHLD, SIGUSR1, 0};
    size_t workers = master->options->workers > 0 ? (size_t)master->options->workers : count_cpus();
    int result = accesslog_open(master->options, &master->log_fd, err);
    if (result == 0)
        result = listeners_open(&master->listeners, master->options, workers, err);
    if (result == 0)
        result = observer_open(&master->observer, master->options, err);
    if (result < 0)
        return result;
    result = loop_init(&master->loop, err);
    if (result < 0)
        return result;
    result = signals_open(numbers, err);
    if (result < 0)
        return result;
    source_init(&master->signals, result, on_signal);
    master->slots = calloc(workers, sizeof *master->slots);
    if (master->slots == NULL)
        return err_set(err, ENOMEM, "not enough memory");
    for (size_t i = 0; i < workers; i++)
        master->slots[i].channel.fd = -1;
    result = loop_add(&master->loop, &master->signals, EPOLLIN);
    return result < 0 ? err_set(err, -result, "cannot wait for signals: %s", strerror(-result)) : 0;
}

static void deinit(struct master *master) {
    for (size_t i = 0; i < master->listeners.workers && master->slots != NULL; i++) {
        if (master->slots[i].channel.fd >= 0)
            (void)close(master->slots[i].channel.fd);
    }
    free(master->slots);
    if (master->signals.fd >= 0)
        (void)close(master->signals.fd);
    if (master->log_fd >= 0)
        (void)close(master->log_fd);
    loop_deinit(&master->loop);
    listeners_deinit(&master->listeners);
    observer_close(&master->observer);
}

static bool is_everyone_gone(const struct master *master) {
    for (size_t i = 0; i < master->listeners.workers; i++) {
        if (master->slots[i].pid != 0)
            return false;
    }
    return true;
}

static void watch_stopping(struct master *master) {
    if (master->loop.now_ms >= master->kill_at_ms) {
        kill_workers(master);
    } else if (master->loop.now_ms >= master->notice_at_ms && !is_everyone_gone(master)) {
        master->notice_at_ms = INT64_MAX;
        diag_message(
            "finishing the responses under way, for %lld s at most; a second signal stops at once",
            (long long)(master->options->drain_timeout + 999) / 1000);
    }
}

/* How long the next turn may sleep: until those that don't stop are to be killed, or a worker is to
 * be started. */
static int64_t wait_ms(const struct master *master) {
    int64_t now_ms = master->loop.now_ms;
    int64_t wait_ms = observer_wait_ms(&master->observer, now_ms, -1);
    if (master->phase == PHASE_STOPPING && !master->killed) {
        wait_ms = deadline_sooner_ms(wait_ms, master->kill_at_ms, now_ms);
        return deadline_sooner_ms(wait_ms, master->notice_at_ms, now_ms);
    }
    if (master->phase == PHASE_STOPPING)
        return wait_ms;
    for (size_t i = 0; i < master->listeners.workers; i++) {
        const struct slot *slot = &master->slots[i];
        if (slot->pid == 0)
            wait_ms = deadline_sooner_ms(wait_ms, slot->start_at_ms, now_ms);
    }
    return wait_ms;
}

/* Returns in the master when all workers are gone, and in a child when it is done. */
static void supervise(struct master *master) {
    for (;;) {
        if (observer_is_due(&master->observer, master->loop.now_ms))
            start_observer(master);
        if (master->phase != PHASE_STOPPING && !master->in_child)
            start_due_workers(master);
        if (master->in_child)
            return;
        if (master->phase == PHASE_STOPPING && is_everyone_gone(master))
            return;
        int result = loop_turn(&master->loop, wait_ms(master));
        if (result < 0) {
            diag_message("cannot wait for events: %s", strerror(-result));
            master->status = EXIT_FAILURE;
            return; /* the workers see the end of their channels */
        }
        if (master->phase == PHASE_STARTING && is_everyone_ready(master)) {
            master->phase = PHASE_SERVING;
            metrics_set_phase(master->observer.metrics, METRICS_SERVING);
            banner_print(master->options, &master->listeners, &master->observer.addresses);
        }
        if (master->phase == PHASE_STOPPING && !master->killed)
            watch_stopping(master);
    }
}

int master_run(const struct options *options, const struct roots *roots) {
    struct master master = {
        .options = options,
        .roots = roots,
        .loop = LOOP_INIT,
        .signals = {.fd = -1},
        .log_fd = -1,
        .observer = OBSERVER_INIT,
        .status = EXIT_SUCCESS,
    };
    struct err err = ERR_INIT;
    if (init(&master, &err) < 0) {
        diag_message("%s", err.text);
        master.status = EXIT_FAILURE;
    } else {
        supervise(&master);
    }
    deinit(&master);
    return master.status;
}
