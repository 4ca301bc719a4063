/* The master waits, and has happen what comes: transition.c does what follows, and reaper.c sees to
 * those who have ended. What becomes of a worker is decided in generation.c, and who serves in
 * lineage.c. */
#include "proc/master.h"

#include "base/deadline.h"
#include "base/diag.h"
#include "proc/banner.h"
#include "proc/handover.h"
#include "proc/pidfile.h"
#include "proc/reaper.h"
#include "proc/transition.h"
#include "sys/clock.h"
#include "sys/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Starting workers */

/* What a child must not inherit. */
static void leave_master(struct master *master, const struct generation *own) {
    master->in_child = true;
    lineage_deinit(&master->lineage, own);
    announcer_leave(&master->announcer);
    source_close(&master->upgrade.channel);
    source_close(&master->relieved);
    source_close(&master->signals);
    console_close(&master->console);
    loop_deinit(&master->loop);
}

static void start_worker(struct master *master, struct generation *generation, size_t index) {
    int channel = -1;
    struct err err = ERR_INIT;
    const struct options *options = &generation->setup->options;
    bool counted = options->admin.count > 0 || console_is_wanted(options); /* else nobody asks */
    pid_t pid = generation_spawn(generation, index, counted ? master->observer.metrics : NULL,
                                 &master->loop, &channel);
    if (pid == 0) {
        leave_master(master, generation);
        observer_leave(&master->observer);
        master->status = generation_work(generation, index, channel);
    } else if (pid < 0) {
        (void)err_set(&err, 0, "cannot start a worker: %s", strerror((int)-pid));
        if (generation == master->lineage.coming)
            transition_fail_coming(master, err.text);
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
    int channel = -1;
    if (master->in_child || !observer_is_due(&master->observer, master->loop.now_ms) ||
        !observer_fork(&master->observer, master->loop.now_ms, &channel))
        return;
    leave_master(master, NULL);
    master->status = observer_run(&master->observer, channel);
}

static void start_announcer(struct master *master) {
    int channel = -1;
    if (master->in_child || !announcer_is_due(&master->announcer, master->loop.now_ms) ||
        !announcer_fork(&master->announcer, master->loop.now_ms, &channel))
        return;
    leave_master(master, NULL);
    observer_leave(&master->observer);
    master->status = announcer_run(&master->announcer, channel);
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
            reaper_run(master);
        else if (number == SIGUSR1)
            lineage_reopen_logs(&master->lineage);
        else
            transition_happen(master, event_of(number, kernel));
    }
}

static void on_relieved(struct source *source) {
    transition_relieved(list_entry(source, struct master, relieved));
}

/* Serving */

/* What this process was given. */
struct given {
    struct listeners site;
    struct listeners admin;
};

static int adopt(struct given *given, const struct handover *handover, struct err *err) {
    size_t site = handover->sockets - handover->admin;
    const char *kinds = handover->kinds;
    *given = (struct given){.site = {.count = 0}};
    int result = listeners_adopt(&given->site, HANDOVER_FIRST, site, kinds, err);
    if (result < 0 || handover->admin == 0)
        return result;
    return listeners_adopt(&given->admin, HANDOVER_FIRST + (int)site, handover->admin, kinds + site,
                           err);
}

/* The observer, and the first generation, which takes the setup over. */
static int init_first(struct master *master, struct setup *setup, const struct given *given,
                      struct err *err) {
    struct observer *observer = &master->observer;
    int result = observer_open(observer, setup, console_is_wanted(&setup->options), &given->admin,
                               master->relieves, err);
    if (result < 0) {
        setup_free(setup);
        return result;
    }
    banner_print_left(BANNER_STATUS, &given->admin, &observer->listeners);
    struct generation *first = generation_new(setup, &given->site, master->loop.now_ms, err);
    if (first == NULL)
        return -EINVAL;
    lineage_add(&master->lineage, first);
    banner_print_left(BANNER_SITE, &given->site, &first->listeners);
    return 0;
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
    struct given given = {.site = {.count = 0}};
    result = rootwatch_init(&master->rootwatch, master->loop.now_ms, err);
    if (result == 0)
        result = adopt(&given, &handover, err);
    if (result == 0)
        result = init_first(master, setup, &given, err);
    else
        setup_free(setup);
    listeners_deinit(&given.site);
    listeners_deinit(&given.admin);
    return result;
}

static void deinit(struct master *master) {
    lineage_deinit(&master->lineage, NULL);
    console_close(&master->console);
    observer_close(&master->observer, master->relieved.fd >= 0);
    announcer_close(&master->announcer);
    if (!master->in_child && master->pid_file != NULL)
        pidfile_remove(master->pid_file);
    free(master->pid_file);
    rootwatch_deinit(&master->rootwatch);
    upgrade_deinit(&master->upgrade);
    source_close(&master->relieved);
    source_close(&master->signals);
    loop_deinit(&master->loop);
}

/* Sees how far those have come who take over, or make room. */
static void watch_progress(struct master *master) {
    const struct lineage *lineage = &master->lineage;
    if (lineage->serving != NULL && lineage->serving->phase == GENERATION_SERVING)
        generation_spare_failing(lineage->serving);
    if (lineage->coming != NULL && generation_is_ready(lineage->coming))
        transition_take_over(master);
    if (master->upgrade.ready && master->course.phase == COURSE_UPGRADING)
        transition_happen(master, COURSE_READY);
    if (lineage->retiring == NULL || !generation_is_retired(lineage->retiring))
        return;
    master->lineage.retiring = NULL;
    if (master->course.phase == COURSE_LEAVING)
        diag_message("upgraded: pid %d serves now", (int)master->upgrade.pid);
    else
        transition_happen(master, COURSE_READY);
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
        transition_fail_coming(master, "the workers were not ready in time");
    if (master->course.phase == COURSE_SERVING &&
        rootwatch_look(&master->rootwatch, master->lineage.serving->setup, now_ms))
        transition_happen(master, COURSE_HUP);
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
    wait_ms = announcer_wait_ms(&master->announcer, now_ms, wait_ms);
    wait_ms = lineage_wait_ms(&master->lineage, wait_ms, now_ms);
    wait_ms = console_wait_ms(&master->console, wait_ms, now_ms);
    if (master->course.phase == COURSE_SERVING)
        wait_ms = rootwatch_wait_ms(&master->rootwatch, wait_ms, now_ms);
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
        transition_resume(master);
        start_observer(master);
        start_announcer(master);
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
        console_tick(&master->console, master->loop.now_ms);
    }
}

int master_run(const struct command_line *line, struct setup *setup) {
    struct master master = {
        .line = line,
        .loop = LOOP_INIT,
        .signals = {.fd = -1},
        .relieved = {.fd = -1},
        .rootwatch = ROOTWATCH_INIT,
        .observer = OBSERVER_INIT,
        .announcer = ANNOUNCER_INIT,
        .console = CONSOLE_INIT,
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
        if (!master.in_child && master.course.phase == COURSE_STOPPING)
            console_conclude(&master.console, clock_now_ms());
    }
    deinit(&master);
    return master.status;
}
