/* What the master does next is decided in course.c, what becomes of a worker in generation.c, and
 * who serves in lineage.c; here, what happens is told to them, and what follows is done.
 *
 * Nobody who serves stops before all of those who take over are ready, whether these are workers of
 * this master, or another master with workers of its own. Until then, both accept connections, from
 * the same queues. */
#include "proc/master.h"

#include "base/deadline.h"
#include "base/diag.h"
#include "proc/banner.h"
#include "proc/course.h"
#include "proc/handover.h"
#include "proc/lineage.h"
#include "proc/notify.h"
#include "proc/observer.h"
#include "proc/pidfile.h"
#include "proc/upgrade.h"
#include "sys/clock.h"
#include "sys/loop.h"
#include "sys/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Who stops pronto is told what it waits for, if it is not done sooner. */
enum { NOTICE_MS = 750 };

struct master {
    const struct command_line *line;
    struct loop loop;
    struct source signals;
    struct lineage lineage;
    struct course course;
    struct upgrade upgrade;
    struct notify notify;
    struct observer observer;
    struct source relieved; /* to an older pronto that waits to be relieved; fd -1: none */
    bool relieves;          /* there is, or was, such a one */
    char *pid_file;         /* that was written; owned; NULL: none */
    int64_t notice_at_ms; /* while stopping: when to say what is waited for; INT64_MAX: it is said,
                             or need not be */
    int status;           /* to exit with */
    bool in_child;        /* this is a worker's process, or the observer's */
};

static void happen(struct master *master, enum course_event event);

/* "s" behind another number than one. */
static const char *plural(size_t count) {
    return count == 1 ? "" : "s";
}

/* Failures */

/* A change won't be made. */
static void fail_change(struct master *master, const char *reason) {
    diag_message("cannot %s: %s; what was served is served on",
                 master->course.phase == COURSE_UPGRADING ? "upgrade" : "reload", reason);
    happen(master, COURSE_FAILED);
}

/* The generation that is coming won't be, whether it is the first or another. */
static void fail_coming(struct master *master, const char *reason) {
    if (master->course.phase == COURSE_RELOADING) {
        fail_change(master, reason);
    } else {
        diag_message("%s", reason);
        happen(master, COURSE_FAILED);
    }
}

/* Starting workers */

/* What a child must not inherit. */
static void leave_master(struct master *master, const struct generation *own) {
    master->in_child = true;
    lineage_deinit(&master->lineage, own);
    source_close(&master->upgrade.channel);
    source_close(&master->relieved);
    source_close(&master->signals);
    loop_deinit(&master->loop);
}

static void start_worker(struct master *master, struct generation *generation, size_t index) {
    int channel = -1;
    struct err err = ERR_INIT;
    pid_t pid =
        generation_spawn(generation, index, master->observer.metrics, &master->loop, &channel);
    if (pid == 0) {
        leave_master(master, generation);
        observer_leave(&master->observer);
        master->status = generation_work(generation, index, channel);
    } else if (pid < 0) {
        (void)err_set(&err, 0, "cannot start a worker: %s", strerror((int)-pid));
        if (generation == master->lineage.coming)
            fail_coming(master, err.text);
        else
            diag_message("%s", err.text);
    }
}

static void start_due_workers(struct master *master) {
    struct generation *generation;
    size_t index;
    while (!master->in_child &&
           (generation = lineage_due(&master->lineage, master->loop.now_ms, &index)) != NULL)
        start_worker(master, generation, index);
}

static void start_observer(struct master *master) {
    int channel;
    if (!observer_is_due(&master->observer, master->loop.now_ms) ||
        !observer_fork(&master->observer, master->loop.now_ms, &channel))
        return;
    leave_master(master, NULL);
    master->status = observer_run(&master->observer, channel);
}

/* Changes */

static void say_ready(const struct master *master) {
    const struct generation *serving = master->lineage.serving;
    notify_send(&master->notify, "READY=1\nSTATUS=serving %s with %zu worker%s",
                serving->setup->options.root, serving->workers, plural(serving->workers));
}

/* The process id goes where the options now say. Returns 0, or -errno and a message. */
static int write_pid_file(struct master *master, struct err *err) {
    const char *path = master->lineage.serving->setup->options.pid_file;
    char *copy = path != NULL ? strdup(path) : NULL;
    int result = copy != NULL ? pidfile_write(copy, err) : 0;
    if (result < 0) {
        free(copy);
        return result;
    }
    if (master->pid_file != NULL && (copy == NULL || strcmp(copy, master->pid_file) != 0))
        pidfile_remove(master->pid_file);
    free(master->pid_file);
    master->pid_file = copy;
    return 0;
}

static void begin_reload(struct master *master) {
    struct err err = ERR_INIT;
    struct generation *generation = NULL;
    notify_send(&master->notify, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_now_ms() * 1000);
    struct setup *setup = setup_load(master->line, &err);
    if (setup != NULL)
        generation =
            generation_new(setup, &master->lineage.serving->listeners, master->loop.now_ms, &err);
    if (generation != NULL)
        lineage_add(&master->lineage, generation);
    else
        fail_change(master, err.text);
}

/* All workers of the coming generation are ready. */
static void take_over(struct master *master) {
    const struct generation *before = master->lineage.serving;
    struct err err = ERR_INIT;
    if (before != NULL) {
        banner_print_new(&master->lineage.coming->listeners);
        banner_print_left(&before->listeners, &master->lineage.coming->listeners);
        metrics_next_generation(master->observer.metrics);
    }
    lineage_take_over(&master->lineage, master->loop.now_ms);
    if (before == NULL)
        happen(master, COURSE_READY);
    else if (write_pid_file(master, &err) < 0)
        diag_message("%s", err.text);
}

static void say_reloaded(const struct master *master) {
    const struct generation *serving = master->lineage.serving;
    diag_message("reloaded: serving %s (%zu worker%s)", serving->setup->options.root,
                 serving->workers, plural(serving->workers));
    say_ready(master);
}

static void begin_upgrade(struct master *master) {
    struct err err = ERR_INIT;
    const struct generation *serving = master->lineage.serving;
    if (upgrade_begin(&master->upgrade, master->line->words, &serving->listeners, &master->notify,
                      serving->setup->options.ready_timeout, &master->loop, &err) < 0)
        fail_change(master, err.text);
}

/* What was asked of this master is for the other one to do. */
static void pass_on(struct master *master) {
    if (master->course.reload_wanted)
        (void)kill(master->upgrade.pid, SIGHUP);
    if (master->course.upgrade_wanted)
        (void)kill(master->upgrade.pid, SIGUSR2);
    master->course.reload_wanted = false;
    master->course.upgrade_wanted = false;
}

/* The other binary serves, and is heard by the service manager when this one has said so. */
static void leave(struct master *master) {
    notify_send(&master->notify, "MAINPID=%d", (int)master->upgrade.pid);
    master->notify.address_len = 0;
    lineage_leave(&master->lineage, master->loop.now_ms);
    observer_stop(&master->observer);
    source_close(&master->upgrade.channel);
    pass_on(master);
}

/* The first workers are ready, and who was there before is told. */
static void announce(struct master *master) {
    struct err err = ERR_INIT;
    const struct generation *serving = master->lineage.serving;
    if (write_pid_file(master, &err) < 0) {
        diag_message("%s", err.text);
        master->status = EXIT_FAILURE;
        happen(master, COURSE_TERM);
        return;
    }
    metrics_set_phase(master->observer.metrics, METRICS_SERVING);
    if (master->relieves)
        banner_print_new(&serving->listeners);
    else
        banner_print(serving->setup, &serving->listeners, &master->observer.addresses);
    if (master->relieved.fd >= 0)
        (void)!write(master->relieved.fd, "r", 1);
    else
        say_ready(master);
}

/* The older pronto has left the serving to this one, or is gone. */
static void on_relieved(struct source *source) {
    struct master *master = list_entry(source, struct master, relieved);
    struct err err = ERR_INIT;
    source_close(source);
    if (observer_listen(&master->observer, &err) < 0)
        diag_message("%s", err.text);
    if (master->course.phase != COURSE_STARTING && master->lineage.serving != NULL)
        say_ready(master);
}

/* Who was to take over does not. Another binary may have said that it is the one that serves. */
static void keep_serving(struct master *master) {
    struct err err = ERR_INIT;
    lineage_abandon(&master->lineage, master->loop.now_ms);
    if (write_pid_file(master, &err) < 0)
        diag_message("%s", err.text);
    say_ready(master);
}

/* Stopping */

static void stop(struct master *master) {
    master->notice_at_ms = master->loop.now_ms + NOTICE_MS;
    notify_send(&master->notify, "STOPPING=1");
    metrics_set_phase(master->observer.metrics, METRICS_DRAINING);
    lineage_stop(&master->lineage, master->relieved.fd >= 0, master->loop.now_ms);
    if (isatty(STDERR_FILENO))
        (void)!write(STDERR_FILENO, "\n", 1); /* behind the terminal's ^C */
}

static void stop_at_once(struct master *master) {
    master->notice_at_ms = INT64_MAX;
    lineage_kill(&master->lineage);
}

static void stop_other(const struct master *master) {
    if (master->upgrade.pid > 0)
        (void)kill(master->upgrade.pid, SIGTERM);
}

/* Does what follows from an event. */
static void act(struct master *master, enum course_action action) {
    switch (action) {
    case COURSE_NOTHING:
        break;
    case COURSE_RELOAD:
        begin_reload(master);
        break;
    case COURSE_UPGRADE:
        begin_upgrade(master);
        break;
    case COURSE_ANNOUNCE:
        announce(master);
        break;
    case COURSE_SWITCH:
        say_reloaded(master);
        break;
    case COURSE_KEEP:
        keep_serving(master);
        break;
    case COURSE_LEAVE:
        leave(master);
        break;
    case COURSE_PASS_ON:
        pass_on(master);
        break;
    case COURSE_GIVE_UP:
        master->status = EXIT_FAILURE;
        stop(master);
        break;
    case COURSE_STOP_BOTH:
        stop_other(master);
        stop(master);
        break;
    case COURSE_STOP:
        stop(master);
        break;
    case COURSE_STOP_AT_ONCE:
        stop_other(master);
        stop_at_once(master);
        break;
    }
}

static void happen(struct master *master, enum course_event event) {
    act(master, course_take(&master->course, event));
}

/* Ended processes */

/* Why one ended, as the end of a sentence. */
static void describe_end(int wait_status, struct err *end) {
    if (WIFSIGNALED(wait_status))
        (void)err_set(end, 0, "was killed by signal %d (%s)", WTERMSIG(wait_status),
                      strsignal(WTERMSIG(wait_status)));
    else
        (void)err_set(end, 0, "exited with status %d", WEXITSTATUS(wait_status));
}

static void worker_ended(struct master *master, struct generation *generation, struct slot *slot,
                         int wait_status) {
    struct err end = ERR_INIT;
    struct err what = ERR_INIT;
    int pid = (int)slot->pid;
    describe_end(wait_status, &end);
    metrics_worker_ended(master->observer.metrics, slot->counted,
                         wait_status != 0 || generation->phase != GENERATION_DRAINING);
    switch (generation_lose(generation, slot, master->loop.now_ms)) {
    case GENERATION_REPLACED:
        diag_message("worker %d %s; another takes its place", pid, end.text);
        break;
    case GENERATION_FAILED:
        (void)err_set(&what, 0, "worker %d %s before it was ready", pid, end.text);
        fail_coming(master, what.text);
        break;
    case GENERATION_LEFT:
        if (wait_status == 0 || generation->killed)
            break;
        diag_message("worker %d %s", pid, end.text);
        if (master->course.phase == COURSE_STOPPING)
            master->status = EXIT_FAILURE;
        break;
    }
}

/* The new master is gone. */
static void upgrade_ended(struct master *master, int wait_status) {
    struct err end = ERR_INIT;
    struct err what = ERR_INIT;
    bool late = master->upgrade.late;
    describe_end(wait_status, &end);
    upgrade_end(&master->upgrade);
    if (master->course.phase == COURSE_UPGRADING) {
        (void)err_set(&what, 0, "the new %s %s%s", master->upgrade.program,
                      late ? "was not ready in time, and " : "", end.text);
        fail_change(master, what.text);
    } else if (master->course.phase == COURSE_LEAVING) {
        diag_message("the new %s, which serves, %s", master->upgrade.program, end.text);
    }
}

static void observer_is_gone(struct master *master, pid_t pid, int wait_status) {
    struct err end = ERR_INIT;
    describe_end(wait_status, &end);
    (void)observer_ended(&master->observer, pid, end.text, master->loop.now_ms);
}

static void reap(struct master *master) {
    int wait_status;
    struct slot *slot;
    pid_t pid;
    while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0) {
        struct generation *generation = lineage_find(&master->lineage, pid, &slot);
        if (pid == master->upgrade.pid)
            upgrade_ended(master, wait_status);
        else if (generation != NULL)
            worker_ended(master, generation, slot, wait_status);
        else
            observer_is_gone(master, pid, wait_status);
    }
}

/* Signals */

/* What a signal asks for. The kernel sends SIGHUP when the terminal has been closed, which is no
 * wish to reload. */
static enum course_event event_of(int number, bool kernel) {
    if (number == SIGUSR2)
        return COURSE_USR2;
    return number == SIGHUP && !kernel ? COURSE_HUP : COURSE_TERM;
}

static void on_signal(struct source *source) {
    struct master *master = list_entry(source, struct master, signals);
    bool kernel;
    int number;
    source->ready = 0;
    while ((number = signals_next_from(source->fd, &kernel)) != 0) {
        if (number == SIGCHLD)
            reap(master);
        else if (number == SIGUSR1)
            lineage_reopen_logs(&master->lineage);
        else
            happen(master, event_of(number, kernel));
    }
}

/* Serving */

/* The first generation, beside the sockets that this process was given. */
static int init_first(struct master *master, struct setup *setup, const struct handover *handover,
                      struct err *err) {
    struct listeners given;
    int result = listeners_adopt(&given, HANDOVER_FIRST, handover->sockets, handover->kinds, err);
    if (result < 0) {
        setup_free(setup);
        return result;
    }
    struct generation *first = generation_new(setup, &given, master->loop.now_ms, err);
    if (first != NULL) {
        lineage_add(&master->lineage, first);
        banner_print_left(&given, &first->listeners);
    }
    listeners_deinit(&given);
    return first != NULL ? 0 : -EINVAL;
}

static int init_sources(struct master *master, int channel, struct err *err) {
    static const int numbers[] = {SIGTERM, SIGINT, SIGQUIT, SIGCHLD, SIGHUP, SIGUSR1, SIGUSR2, 0};
    int result = loop_init(&master->loop, err);
    if (result == 0)
        result = signals_open(numbers, err);
    if (result < 0)
        return result;
    source_init(&master->signals, result, on_signal);
    result = loop_add(&master->loop, &master->signals, EPOLLIN);
    if (result == 0 && channel >= 0) {
        (void)fcntl(channel, F_SETFD, FD_CLOEXEC);
        source_init(&master->relieved, channel, on_relieved);
        master->relieves = true;
        result = loop_add(&master->loop, &master->relieved, EPOLLIN);
    }
    return result < 0 ? err_set(err, -result, "cannot wait for signals: %s", strerror(-result)) : 0;
}

static int init(struct master *master, struct setup *setup, struct err *err) {
    const struct handover handover = handover_take();
    int result = init_sources(master, handover.channel, err);
    if (result < 0) {
        setup_free(setup);
        return result;
    }
    notify_init(&master->notify, master->loop.now_ms);
    result = observer_open(&master->observer, setup, err);
    if (result == 0 && !master->relieves) /* else when the other has left */
        result = observer_listen(&master->observer, err);
    if (result < 0) {
        setup_free(setup);
        return result;
    }
    return init_first(master, setup, &handover, err);
}

static void deinit(struct master *master) {
    lineage_deinit(&master->lineage, NULL);
    observer_close(&master->observer);
    if (!master->in_child && master->pid_file != NULL)
        pidfile_remove(master->pid_file);
    free(master->pid_file);
    upgrade_deinit(&master->upgrade);
    source_close(&master->relieved);
    source_close(&master->signals);
    loop_deinit(&master->loop);
}

/* Sees how far those have come who take over, or make room. */
static void watch_progress(struct master *master) {
    const struct lineage *lineage = &master->lineage;
    if (lineage->coming != NULL && generation_is_ready(lineage->coming))
        take_over(master);
    if (master->upgrade.ready && master->course.phase == COURSE_UPGRADING)
        happen(master, COURSE_READY);
    if (lineage->retiring == NULL || !generation_is_retired(lineage->retiring))
        return;
    master->lineage.retiring = NULL;
    if (master->course.phase == COURSE_LEAVING)
        diag_message("upgraded: pid %d serves now", (int)master->upgrade.pid);
    else
        happen(master, COURSE_READY);
}

/* Says, while it stops, what is waited for. */
static void notice(struct master *master) {
    if (master->loop.now_ms < master->notice_at_ms || lineage_is_gone(&master->lineage))
        return;
    master->notice_at_ms = INT64_MAX;
    diag_message(
        "finishing the responses under way, for %lld s at most; a second signal stops at once",
        (long long)(lineage_left_ms(&master->lineage, master->loop.now_ms) + 999) / 1000);
}

/* Ends what has had its time. */
static void watch_deadlines(struct master *master) {
    const struct generation *coming = master->lineage.coming;
    int64_t now_ms = master->loop.now_ms;
    if (coming != NULL && now_ms >= coming->deadline_ms)
        fail_coming(master, "the workers were not ready in time");
    upgrade_watch(&master->upgrade, GENERATION_KILL_GRACE_MS, now_ms);
    lineage_clear(&master->lineage, now_ms);
    if (master->course.phase == COURSE_STOPPING)
        notice(master);
    notify_watchdog(&master->notify, now_ms);
}

/* How long the next turn may sleep. */
static int64_t wait_ms(const struct master *master) {
    int64_t now_ms = master->loop.now_ms;
    int64_t wait_ms = notify_wait_ms(&master->notify, -1, now_ms);
    wait_ms = upgrade_wait_ms(&master->upgrade, wait_ms, now_ms);
    wait_ms = observer_wait_ms(&master->observer, now_ms, wait_ms);
    wait_ms = lineage_wait_ms(&master->lineage, wait_ms, now_ms);
    bool notices = master->course.phase == COURSE_STOPPING && master->notice_at_ms < INT64_MAX;
    return notices ? deadline_sooner_ms(wait_ms, master->notice_at_ms, now_ms) : wait_ms;
}

static bool is_done(const struct master *master) {
    bool ends = master->course.phase == COURSE_STOPPING || master->course.phase == COURSE_LEAVING;
    return ends && lineage_is_gone(&master->lineage) && master->lineage.retiring == NULL;
}

/* Returns in the master when all workers are gone, and in a worker when it is done. */
static void supervise(struct master *master) {
    for (;;) {
        if (lineage_has_room(&master->lineage))
            act(master, course_resume(&master->course));
        start_observer(master);
        start_due_workers(master);
        if (master->in_child || is_done(master))
            return;
        int result = loop_turn(&master->loop, wait_ms(master));
        if (result < 0) {
            diag_message("cannot wait for events: %s", strerror(-result));
            master->status = EXIT_FAILURE;
            return; /* the workers see the end of their channels */
        }
        watch_progress(master);
        watch_deadlines(master);
    }
}

int master_run(const struct command_line *line, struct setup *setup) {
    struct master master = {
        .line = line,
        .loop = LOOP_INIT,
        .signals = {.fd = -1},
        .relieved = {.fd = -1},
        .observer = OBSERVER_INIT,
        .status = EXIT_SUCCESS,
    };
    struct err err = ERR_INIT;
    lineage_init(&master.lineage);
    upgrade_init(&master.upgrade, line->words[0]);
    if (init(&master, setup, &err) < 0) {
        diag_message("%s", err.text);
        master.status = EXIT_FAILURE;
    } else {
        supervise(&master);
    }
    deinit(&master);
    return master.status;
}
