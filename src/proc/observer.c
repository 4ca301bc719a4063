#include "proc/observer.h"

#include "base/deadline.h"
#include "base/diag.h"
#include "serve/visits.h"
#include "sys/clock.h"
#include "sys/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
    RETRY_MS = 1000,
    ENDING_MS = 100, /* for requests that are on their way when the process is to end */
};

/* The master's side */

/* Opens the metrics, where somebody can ask for them. */
static int open_metrics(struct observer *observer, bool wanted, struct err *err) {
    if (!wanted || observer->metrics != NULL)
        return 0;
    return metrics_open(&observer->metrics, clock_time_s(), err);
}

int observer_open(struct observer *observer, const struct setup *setup, bool wanted,
                  const struct listeners *given, bool waits, struct err *err) {
    const struct options *options = &setup->options;
    *observer = (struct observer)OBSERVER_INIT;
    observer->waits = waits;
    observer->sandbox = setup->sandbox;
    int result = open_metrics(observer, wanted || options->admin.count > 0, err);
    return result == 0 ? listeners_open_admin(&observer->listeners, options, given, err) : result;
}

void observer_go(struct observer *observer) {
    observer->waits = false;
}

int observer_prepare(struct observer *observer, const struct setup *setup, struct err *err) {
    const struct options *options = &setup->options;
    int result = open_metrics(observer, options->admin.count > 0, err);
    observer->coming_sandbox = setup->sandbox;
    return result == 0 ? listeners_open_admin(&observer->coming, options, &observer->listeners, err)
                       : result;
}

void observer_drop(struct observer *observer) {
    listeners_remove_files(&observer->coming, &observer->listeners);
    listeners_deinit(&observer->coming);
}

void observer_commit(struct observer *observer) {
    if (!listeners_equal(&observer->coming, &observer->listeners) ||
        !sandbox_equal(&observer->coming_sandbox, &observer->sandbox))
        helper_end(&observer->helper);
    listeners_remove_files(&observer->listeners, &observer->coming);
    listeners_deinit(&observer->listeners);
    observer->listeners = observer->coming;
    observer->sandbox = observer->coming_sandbox;
    observer->coming = (struct listeners){.count = 0};
}

/* Whether there has to be one, and is not. */
static bool is_missing(const struct observer *observer) {
    return observer->listeners.count > 0 && observer->helper.pid == 0 && !observer->waits;
}

bool observer_is_due(const struct observer *observer, int64_t now_ms) {
    return is_missing(observer) && observer->start_at_ms <= now_ms;
}

int64_t observer_wait_ms(const struct observer *observer, int64_t now_ms, int64_t wait_ms) {
    return is_missing(observer) ? deadline_sooner_ms(wait_ms, observer->start_at_ms, now_ms)
                                : wait_ms;
}

bool observer_fork(struct observer *observer, int64_t now_ms, int *channel) {
    int result = helper_fork(&observer->helper, channel);
    observer->start_at_ms = now_ms + RETRY_MS;
    if (result < 0)
        diag_message("cannot start what answers on --admin: %s", strerror(-result));
    return result > 0;
}

void observer_leave(struct observer *observer) {
    helper_leave(&observer->helper);
    listeners_deinit(&observer->listeners);
    listeners_deinit(&observer->coming);
}

bool observer_ended(struct observer *observer, pid_t pid, const char *how, int64_t now_ms) {
    if (!helper_ended(&observer->helper, pid))
        return false;
    observer->start_at_ms = now_ms + RETRY_MS;
    diag_message("process %d, which answers on --admin, %s; another takes its place", (int)pid,
                 how);
    return true;
}

void observer_leave_to_another(struct observer *observer) {
    helper_end(&observer->helper);
    listeners_deinit(&observer->listeners);
}

void observer_close(struct observer *observer, bool shared) {
    helper_end(&observer->helper);
    if (shared)
        listeners_remove_new_files(&observer->listeners);
    else
        listeners_remove_files(&observer->listeners, NULL);
    observer_drop(observer);
    listeners_deinit(&observer->listeners);
    metrics_close(observer->metrics);
    observer->metrics = NULL;
}

/* The process */

struct process {
    struct loop loop;
    struct visits visits;
    struct helper_end end;
    int64_t ends_at_ms; /* INT64_MAX: it is not to end */
};

static void begin_to_end(struct process *process) {
    process->ends_at_ms = process->loop.now_ms + ENDING_MS;
    visits_stop(&process->visits);
}

static bool is_done(const struct process *process) {
    return process->loop.now_ms >= process->ends_at_ms ||
           (process->ends_at_ms < INT64_MAX && process->visits.count == 0);
}

/* Of files, it reads what the kernel counts (sys/netstat). All of /proc is allowed, since Landlock
 * goes by inodes, and those of /proc/self/net come and go. */
static int raise_walls(const struct sandbox *sandbox, struct err *err) {
    int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0 && errno != ENOENT)
        return err_set(err, errno, "cannot open /proc for --admin: %s", strerror(errno));
    sandbox_close(sandbox, SECCOMP_OBSERVER, &proc, proc >= 0 ? 1 : 0, false);
    if (proc >= 0)
        (void)close(proc);
    return 0;
}

static int init(struct process *process, struct observer *observer, int channel, struct err *err) {
    struct listeners_socket sockets[OPTIONS_ADDRESSES_MAX];
    int doors[OPTIONS_ADDRESSES_MAX];
    size_t count = listeners_count_of(&observer->listeners, 0);
    listeners_hand_over(&observer->listeners, 0, sockets);
    listeners_deinit(&observer->coming); /* the master's, of a reload that is under way */
    for (size_t i = 0; i < count; i++)
        doors[i] = sockets[i].fd;
    int result = sandbox_step_down(&observer->sandbox, err);
    if (result == 0)
        result = loop_init(&process->loop, err);
    if (result < 0)
        return result;
    result = helper_end_await(&process->end, &process->loop, channel);
    if (result == 0)
        result = visits_init(&process->visits, &process->loop, observer->metrics, doors, count);
    return result < 0 ? err_set(err, -result, "cannot answer on --admin: %s", strerror(-result))
                      : 0;
}

static int serve(struct process *process, struct err *err) {
    while (!is_done(process)) {
        int64_t wait_ms = visits_wait_ms(&process->visits);
        if (process->ends_at_ms < INT64_MAX)
            wait_ms = deadline_sooner_ms(wait_ms, process->ends_at_ms, process->loop.now_ms);
        int result = loop_turn(&process->loop, wait_ms);
        if (result < 0)
            return err_set(err, -result, "cannot wait for events on --admin: %s",
                           strerror(-result));
        if (process->end.is_here && process->ends_at_ms == INT64_MAX)
            begin_to_end(process);
        visits_tick(&process->visits);
    }
    return 0;
}

/* The signals that stop pronto are the master's, and stay blocked here: who sends them to all of
 * its processes, as a terminal does, does not end this one before the workers. */
int observer_run(struct observer *observer, int channel) {
    (void)prctl(PR_SET_NAME, "pronto-admin");
    struct process process = {.loop = LOOP_INIT, .end.source.fd = -1, .ends_at_ms = INT64_MAX};
    struct err err = ERR_INIT;
    int result = init(&process, observer, channel, &err);
    if (result == 0)
        result = raise_walls(&observer->sandbox, &err);
    if (result == 0)
        result = serve(&process, &err);
    if (result < 0)
        diag_message("%s", err.text);
    visits_deinit(&process.visits);
    helper_end_close(&process.end);
    loop_deinit(&process.loop);
    return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
