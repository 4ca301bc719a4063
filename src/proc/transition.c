#include "proc/transition.h"

#include "base/buf.h"
#include "base/diag.h"
#include "http/escape.h"
#include "proc/banner.h"
#include "proc/pidfile.h"
#include "sys/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Who stops pronto is told what it waits for, if it is not done sooner. */
enum { NOTICE_MS = 750 };

/* "s" behind another number than one. */
static const char *plural(size_t count) {
    return count == 1 ? "" : "s";
}

/* Failures */

void transition_fail_change(struct master *master, const char *reason) {
    diag_message("cannot %s: %s; what was served is served on",
                 master->course.phase == COURSE_UPGRADING ? "upgrade" : "reload", reason);
    transition_happen(master, COURSE_FAILED);
}

void transition_fail_coming(struct master *master, const char *reason) {
    if (master->course.phase == COURSE_RELOADING) {
        transition_fail_change(master, reason);
    } else {
        diag_message("%s", reason);
        transition_happen(master, COURSE_FAILED);
    }
}

/* Changes */

/* What serves now is what others are to find. */
static void set_announcer(struct master *master) {
    const struct generation *serving = master->lineage.serving;
    announcer_set(&master->announcer, serving->setup, &serving->listeners, master->loop.now_ms);
}

/* The root's name must not tell the service manager anything by a line of its own. */
static void say_ready(const struct master *master) {
    const struct generation *serving = master->lineage.serving;
    char memory[512];
    struct buf root = BUF_INIT(memory, sizeof memory);
    escape_line(&root, slice_of_text(serving->setup->options.root));
    notify_send(&master->notify, "READY=1\nSTATUS=serving %.*s with %zu worker%s", (int)root.len,
                root.ptr, serving->workers, plural(serving->workers));
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
    if (setup != NULL && observer_prepare(&master->observer, setup, &err) < 0) {
        setup_free(setup);
        setup = NULL;
    }
    if (setup != NULL)
        generation =
            generation_new(setup, &master->lineage.serving->listeners, master->loop.now_ms, &err);
    if (generation != NULL)
        lineage_add(&master->lineage, generation);
    else
        transition_fail_change(master, err.text);
}

/* The sockets of --admin are those that the reload asks for. */
static void switch_observer(struct master *master) {
    struct observer *observer = &master->observer;
    banner_print_new(BANNER_STATUS, &observer->coming);
    banner_print_left(BANNER_STATUS, &observer->listeners, &observer->coming);
    observer_commit(observer);
    metrics_set_phase(observer->metrics, METRICS_SERVING);
    metrics_next_generation(observer->metrics);
}

/* All workers of the coming generation are ready. */
void transition_take_over(struct master *master) {
    const struct generation *before = master->lineage.serving;
    struct err err = ERR_INIT;
    if (before != NULL) {
        banner_print_new(BANNER_SITE, &master->lineage.coming->listeners);
        banner_print_left(BANNER_SITE, &before->listeners, &master->lineage.coming->listeners);
        switch_observer(master);
    }
    lineage_take_over(&master->lineage, master->loop.now_ms);
    if (before == NULL)
        transition_happen(master, COURSE_READY);
    else if (write_pid_file(master, &err) < 0)
        diag_message("%s", err.text);
}

static void say_reloaded(struct master *master) {
    const struct generation *serving = master->lineage.serving;
    diag_message("reloaded: serving %s (%zu worker%s)", serving->setup->options.root,
                 serving->workers, plural(serving->workers));
    set_announcer(master);
    say_ready(master);
}

static void begin_upgrade(struct master *master) {
    struct err err = ERR_INIT;
    const struct generation *serving = master->lineage.serving;
    const struct upgrade_parcel parcel = {
        .words = master->line->words,
        .listeners = &serving->listeners,
        .admin = &master->observer.listeners,
        .notify = &master->notify,
    };
    if (upgrade_begin(&master->upgrade, &parcel, serving->setup->options.ready_timeout,
                      &master->loop, &err) < 0)
        transition_fail_change(master, err.text);
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
    observer_leave_to_another(&master->observer);
    announcer_close(&master->announcer);
    source_close(&master->upgrade.channel);
    pass_on(master);
}

/* Tells the operator where it serves. */
static void introduce(struct master *master) {
    const struct generation *serving = master->lineage.serving;
    const struct options *options = &serving->setup->options;
    struct urls urls;
    urls_find(&urls, &serving->listeners);
    banner_print(serving->setup, &serving->listeners, &urls, &master->observer.listeners);
    if (options->open)
        browser_open(&master->browser, &urls);
}

/* The first workers are ready, and who was there before is told. */
static void announce(struct master *master) {
    struct err err = ERR_INIT;
    const struct generation *serving = master->lineage.serving;
    if (write_pid_file(master, &err) < 0) {
        diag_message("%s", err.text);
        master->status = EXIT_FAILURE;
        transition_happen(master, COURSE_TERM);
        return;
    }
    metrics_set_phase(master->observer.metrics, METRICS_SERVING);
    if (console_is_wanted(&serving->setup->options))
        console_open(&master->console, master->observer.metrics, master->loop.now_ms);
    if (master->relieves) {
        banner_print_new(BANNER_STATUS, &master->observer.listeners);
        banner_print_new(BANNER_SITE, &serving->listeners);
    } else {
        introduce(master);
    }
    if (master->relieved.fd >= 0) {
        (void)!write(master->relieved.fd, "r", 1);
        return;
    }
    set_announcer(master);
    say_ready(master);
}

void transition_relieved(struct master *master) {
    source_close(&master->relieved);
    observer_go(&master->observer);
    if (!course_is_serving(&master->course))
        return;
    set_announcer(master);
    say_ready(master);
}

/* Who was to take over does not. Another binary may have said that it is the one that serves. */
static void keep_serving(struct master *master) {
    struct err err = ERR_INIT;
    lineage_abandon(&master->lineage, master->loop.now_ms);
    observer_drop(&master->observer);
    if (write_pid_file(master, &err) < 0)
        diag_message("%s", err.text);
    say_ready(master);
}

/* Stopping */

/* Behind the terminal's ^C. */
static void end_line(void) {
    if (isatty(STDERR_FILENO))
        (void)!write(STDERR_FILENO, "\n", 1);
}

static void stop(struct master *master) {
    master->notice_at_ms = master->loop.now_ms + NOTICE_MS;
    notify_send(&master->notify, "STOPPING=1");
    metrics_set_phase(master->observer.metrics, METRICS_DRAINING);
    announcer_unset(&master->announcer);
    lineage_stop(&master->lineage, master->relieved.fd >= 0, master->loop.now_ms);
    end_line();
}

static void stop_at_once(struct master *master) {
    master->notice_at_ms = INT64_MAX;
    lineage_kill(&master->lineage);
    end_line();
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

void transition_happen(struct master *master, enum course_event event) {
    act(master, course_take(&master->course, event));
}

void transition_resume(struct master *master) {
    if (lineage_has_room(&master->lineage))
        act(master, course_resume(&master->course));
}
