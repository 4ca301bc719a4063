/* The master owns a few generations of workers: the one that serves; while it reloads, the one that
 * is coming; and those that drain. What it does next is decided in course.c, and what becomes of a
 * generation in generation.c; here, what happens is told to them, and what follows is done.
 *
 * Nobody who serves stops before all of those who take over are ready, whether these are workers of
 * this master or another master with workers of its own. Until then, both accept connections, from
 * the same queues. */
#include "proc/master.h"

#include "base/deadline.h"
#include "base/diag.h"
#include "proc/banner.h"
#include "proc/course.h"
#include "proc/generation.h"
#include "proc/handover.h"
#include "proc/notify.h"
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

enum {
    /* One that serves, one that is coming, and the others drain: with that many at work, a reload
       waits for one of them to have gone. */
    GENERATIONS_MAX = 6,
    /* Who stops pronto is told what it waits for, if it is not done sooner. */
    NOTICE_MS = 750,
};

struct master {
    const struct command_line *line;
    struct loop loop;
    struct source signals;
    struct list generations;     /* owned */
    struct generation *serving;  /* one of them; NULL: none */
    struct generation *coming;   /* the same */
    struct generation *retiring; /* the same: which is to accept no more, before it is said that a
                                    change is done */
    struct course course;
    struct upgrade upgrade;
    struct notify notify;
    struct source relieved; /* to an older pronto that waits to be relieved; fd -1: none */
    bool relieves;          /* there is, or was, such a one */
    bool has_terminal;
    char *pid_file; /* that was written; owned; NULL: none */
    int64_t
        notice_at_ms; /* while stopping: when to say what is waited for; INT64_MAX: it is said */
    bool killed;      /* while stopping: workers were not given time */
    int status;       /* to exit with */
    bool in_worker;   /* this is a worker's process */
};

static void close_source(struct source *source) {
    if (source->fd < 0)
        return;
    list_remove(&source->place);
    (void)close(source->fd);
    source->fd = -1;
}

static struct generation *generation_at(struct list *place) {
    return list_entry(place, struct generation, place);
}

static void happen(struct master *master, enum course_event event);

/* Generations */

static bool has_room(const struct master *master) {
    size_t count = 0;
    list_for_each(place, &master->generations)
        count++;
    return count < GENERATIONS_MAX;
}

static void drop_generation(struct master *master, struct generation *generation) {
    list_remove(&generation->place);
    if (master->serving == generation)
        master->serving = NULL;
    if (master->coming == generation)
        master->coming = NULL;
    if (master->retiring == generation)
        master->retiring = NULL;
    generation_free(generation);
}

static bool is_everyone_gone(const struct master *master) {
    list_for_each(place, &master->generations) {
        if (!generation_is_gone(generation_at(place)))
            return false;
    }
    return true;
}

/* The coming generation won't be: those of its workers that serve already drain. */
static void abandon_coming(struct master *master) {
    struct generation *coming = master->coming;
    master->coming = NULL;
    if (coming == NULL || master->serving == NULL)
        return;
    const struct listeners *stays = &master->serving->listeners;
    listeners_remove_files(&coming->listeners, stays);
    listeners_settle(stays);
    generation_retire(coming, stays, master->loop.now_ms);
}

/* What to say of a change that failed. */
static const char *attempt(const struct master *master) {
    return master->course.phase == COURSE_UPGRADING ? "upgrade" : "reload";
}

static void fail_change(struct master *master, const char *reason) {
    diag_message("cannot %s: %s; what was served is served on", attempt(master), reason);
    happen(master, COURSE_FAILED);
}

/* A generation that is coming won't be, for a reason that has or has not to do with a worker. */
static void fail_coming(struct master *master, const char *reason) {
    if (master->course.phase == COURSE_RELOADING) {
        fail_change(master, reason);
    } else {
        diag_message("%s", reason);
        happen(master, COURSE_FAILED);
    }
}

/* What a worker must not inherit. */
static void leave_master(struct master *master, const struct generation *own) {
    master->in_worker = true;
    list_for_each(place, &master->generations) {
        if (generation_at(place) != own)
            drop_generation(master, generation_at(place));
    }
    upgrade_close_channel(&master->upgrade);
    close_source(&master->relieved);
    close_source(&master->signals);
    loop_deinit(&master->loop);
}

static void start_worker(struct master *master, struct generation *generation, size_t index) {
    int channel;
    struct err err = ERR_INIT;
    pid_t pid = generation_spawn(generation, index, &master->loop, &channel);
    if (pid == 0) {
        leave_master(master, generation);
        master->status = generation_work(generation, index, channel);
    } else if (pid < 0) {
        (void)err_set(&err, 0, "cannot start a worker: %s", strerror((int)-pid));
        if (generation == master->coming)
            fail_coming(master, err.text);
        else
            diag_message("%s", err.text);
    }
}

static void start_due_workers(struct master *master) {
    list_for_each(place, &master->generations) {
        ssize_t index;
        while (!master->in_worker &&
               (index = generation_due(generation_at(place), master->loop.now_ms)) >= 0)
            start_worker(master, generation_at(place), (size_t)index);
        if (master->in_worker)
            return;
    }
}

/* Changes */

static void say_status(const struct master *master, const char *state) {
    notify_send(&master->notify, "%sSTATUS=serving %s with %zu worker%s", state,
                master->serving->setup->options.root, master->serving->workers,
                master->serving->workers == 1 ? "" : "s");
}

/* The process id goes where the options now say. Returns 0, or -errno and a message. */
static int write_pid_file(struct master *master, struct err *err) {
    const char *path = master->serving->setup->options.pid_file;
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

static void add_generation(struct master *master, struct generation *generation) {
    list_append(&master->generations, &generation->place);
    master->coming = generation;
}

static void begin_reload(struct master *master) {
    struct err err = ERR_INIT;
    struct generation *generation = NULL;
    notify_send(&master->notify, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_now_ms() * 1000);
    struct setup *setup = setup_load(master->line, &err);
    if (setup != NULL)
        generation = generation_new(setup, &master->serving->listeners, master->loop.now_ms, &err);
    if (generation != NULL)
        add_generation(master, generation);
    else
        fail_change(master, err.text);
}

/* All workers of the coming generation are ready: it serves, and the one before retires. */
static void take_over(struct master *master) {
    struct generation *before = master->serving;
    struct err err = ERR_INIT;
    master->serving = master->coming;
    master->coming = NULL;
    master->serving->phase = GENERATION_SERVING;
    listeners_settle(&master->serving->listeners);
    if (before == NULL)
        return;
    banner_print_new(&master->serving->listeners);
    banner_print_left(&before->listeners, &master->serving->listeners);
    listeners_remove_files(&before->listeners, &master->serving->listeners);
    generation_retire(before, &master->serving->listeners, master->loop.now_ms);
    master->retiring = before;
    if (write_pid_file(master, &err) < 0)
        diag_message("%s", err.text);
}

static void begin_upgrade(struct master *master) {
    struct err err = ERR_INIT;
    const struct generation *serving = master->serving;
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

/* The other binary serves. */
static void leave(struct master *master) {
    notify_send(&master->notify, "MAINPID=%d", (int)master->upgrade.pid);
    master->notify.address_len = 0; /* from now on, the other one is heard */
    master->retiring = master->serving;
    generation_retire(master->serving, NULL, master->loop.now_ms);
    upgrade_close_channel(&master->upgrade);
    pass_on(master);
}

/* The first workers are ready, and who was there before is told. */
static void announce(struct master *master) {
    struct err err = ERR_INIT;
    const struct options *options = &master->serving->setup->options;
    if (write_pid_file(master, &err) < 0) {
        diag_message("%s", err.text);
        master->status = EXIT_FAILURE;
        happen(master, COURSE_TERM);
        return;
    }
    if (master->relieves)
        banner_print_new(&master->serving->listeners);
    else
        banner_print(options, &master->serving->listeners);
    if (master->relieved.fd >= 0)
        (void)!write(master->relieved.fd, "r", 1);
    else
        say_status(master, "READY=1\n");
}

/* The older pronto has left the serving to this one, or is gone; only now the service manager hears
 * this one. */
static void on_relieved(struct source *source) {
    struct master *master = list_entry(source, struct master, relieved);
    close_source(source);
    if (master->course.phase != COURSE_STARTING)
        say_status(master, "READY=1\n");
}

/* Stopping */

static void kill_workers(struct master *master) {
    master->killed = true;
    list_for_each(place, &master->generations)
        generation_kill(generation_at(place));
}

static void stop(struct master *master) {
    master->notice_at_ms = master->loop.now_ms + NOTICE_MS;
    master->coming = NULL; /* nobody takes over any more */
    master->retiring = NULL;
    notify_send(&master->notify, "STOPPING=1");
    list_for_each(place, &master->generations) {
        listeners_remove_files(&generation_at(place)->listeners, NULL);
        generation_stop(generation_at(place), master->loop.now_ms);
    }
    if (isatty(STDERR_FILENO))
        (void)!write(STDERR_FILENO, "\n", 1); /* behind the terminal's ^C */
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
        diag_message("reloaded: serving %s (%zu worker%s)", master->serving->setup->options.root,
                     master->serving->workers, master->serving->workers == 1 ? "" : "s");
        say_status(master, "READY=1\n");
        break;
    case COURSE_KEEP:
        abandon_coming(master);
        say_status(master, "READY=1\n");
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
        kill_workers(master);
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

static void reap(struct master *master) {
    int wait_status;
    pid_t pid;
    while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0) {
        if (pid == master->upgrade.pid)
            upgrade_ended(master, wait_status);
        list_for_each(place, &master->generations) {
            struct slot *slot = generation_find(generation_at(place), pid);
            if (slot != NULL)
                worker_ended(master, generation_at(place), slot, wait_status);
        }
    }
}

/* Signals */

/* Whether the terminal that pronto was started from has been closed, which also comes as SIGHUP. */
static bool lost_terminal(const struct master *master) {
    int fd = master->has_terminal ? open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
    if (fd >= 0)
        (void)close(fd);
    return master->has_terminal && fd < 0;
}

static void on_signal(struct source *source) {
    struct master *master = list_entry(source, struct master, signals);
    int number;
    source->ready = 0;
    while ((number = signals_next(source->fd)) != 0) {
        if (number == SIGCHLD)
            reap(master);
        else if (number == SIGUSR2)
            happen(master, COURSE_USR2);
        else if (number == SIGHUP && !lost_terminal(master))
            happen(master, COURSE_HUP);
        else
            happen(master, COURSE_TERM);
    }
}

/* Serving */

/* The sockets that this process was given, and the first generation beside them. */
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
        add_generation(master, first);
        banner_print_left(&given, &first->listeners);
    }
    listeners_deinit(&given);
    return first != NULL ? 0 : -EINVAL;
}

static int init_sources(struct master *master, int channel, struct err *err) {
    static const int numbers[] = {SIGTERM, SIGINT, SIGQUIT, SIGCHLD, SIGHUP, SIGUSR2, 0};
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
    return init_first(master, setup, &handover, err);
}

static void deinit(struct master *master) {
    list_for_each(place, &master->generations)
        drop_generation(master, generation_at(place));
    if (!master->in_worker && master->pid_file != NULL)
        pidfile_remove(master->pid_file);
    free(master->pid_file);
    upgrade_deinit(&master->upgrade);
    close_source(&master->relieved);
    close_source(&master->signals);
    loop_deinit(&master->loop);
}

/* Ends what has had its time. */
static void watch_deadlines(struct master *master) {
    int64_t now_ms = master->loop.now_ms;
    list_for_each(place, &master->generations) {
        struct generation *generation = generation_at(place);
        if (now_ms < generation->deadline_ms || generation->killed)
            continue;
        if (generation->phase == GENERATION_DRAINING)
            generation_kill(generation);
        else if (generation == master->coming)
            fail_coming(master, "the workers were not ready in time");
    }
    upgrade_watch(&master->upgrade, GENERATION_KILL_GRACE_MS, now_ms);
}

/* Says, while it stops, what is waited for. */
static void notice(struct master *master) {
    if (master->killed || master->loop.now_ms < master->notice_at_ms || is_everyone_gone(master))
        return;
    master->notice_at_ms = INT64_MAX;
    int64_t longest_ms = 0;
    list_for_each(place, &master->generations) {
        int64_t left_ms =
            generation_at(place)->deadline_ms - GENERATION_KILL_GRACE_MS - master->loop.now_ms;
        longest_ms = left_ms > longest_ms ? left_ms : longest_ms;
    }
    diag_message("finishing the responses under way, for %lld s at most; a second signal stops at "
                 "once",
                 (long long)(longest_ms + 999) / 1000);
}

/* Sees how far those have come who take over, or make room. */
static void watch_progress(struct master *master) {
    if (master->coming != NULL && generation_is_ready(master->coming)) {
        bool first = master->course.phase == COURSE_STARTING;
        take_over(master);
        if (first)
            happen(master, COURSE_READY);
    }
    if (master->upgrade.ready && master->course.phase == COURSE_UPGRADING)
        happen(master, COURSE_READY);
    if (master->retiring == NULL || !generation_is_retired(master->retiring))
        return;
    master->retiring = NULL;
    if (master->course.phase == COURSE_LEAVING)
        diag_message("upgraded: pid %d serves now", (int)master->upgrade.pid);
    else
        happen(master, COURSE_READY);
}

/* How long the next turn may sleep. */
static int64_t wait_ms(const struct master *master) {
    int64_t now_ms = master->loop.now_ms;
    int64_t wait_ms = notify_wait_ms(&master->notify, -1, now_ms);
    wait_ms = upgrade_wait_ms(&master->upgrade, wait_ms, now_ms);
    list_for_each(place, &master->generations)
        wait_ms = generation_wait_ms(generation_at(place), wait_ms, now_ms);
    if (master->course.phase == COURSE_STOPPING && !master->killed)
        wait_ms = deadline_sooner_ms(wait_ms, master->notice_at_ms, now_ms);
    return wait_ms;
}

static void drop_gone(struct master *master) {
    list_for_each(place, &master->generations) {
        struct generation *generation = generation_at(place);
        if (generation->phase == GENERATION_DRAINING && generation != master->retiring &&
            generation_is_gone(generation))
            drop_generation(master, generation);
    }
}

static bool is_done(const struct master *master) {
    bool ends = master->course.phase == COURSE_STOPPING || master->course.phase == COURSE_LEAVING;
    return ends && is_everyone_gone(master);
}

/* Returns in the master when all workers are gone, and in a worker when it is done. */
static void supervise(struct master *master) {
    for (;;) {
        if (has_room(master))
            act(master, course_resume(&master->course));
        start_due_workers(master);
        if (master->in_worker || is_done(master))
            return;
        int result = loop_turn(&master->loop, wait_ms(master));
        if (result < 0) {
            diag_message("cannot wait for events: %s", strerror(-result));
            master->status = EXIT_FAILURE;
            return; /* the workers see the end of their channels */
        }
        watch_progress(master);
        watch_deadlines(master);
        drop_gone(master);
        if (master->course.phase == COURSE_STOPPING)
            notice(master);
        notify_watchdog(&master->notify, master->loop.now_ms);
    }
}

int master_run(const struct command_line *line, struct setup *setup) {
    struct master master = {
        .line = line,
        .loop = LOOP_INIT,
        .signals = {.fd = -1},
        .relieved = {.fd = -1},
        .status = EXIT_SUCCESS,
        .has_terminal = isatty(STDERR_FILENO) == 1,
    };
    struct err err = ERR_INIT;
    list_init(&master.generations);
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
