#include "proc/reaper.h"

#include "base/diag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

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
    switch (generation_lose(generation, slot, &master->loop)) {
    case GENERATION_REPLACED:
        diag_message("worker %d %s; another takes its place", pid, end.text);
        break;
    case GENERATION_FAILED:
        (void)err_set(&what, 0, "worker %d %s before it was ready", pid, end.text);
        transition_fail_coming(master, what.text);
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
        transition_fail_change(master, what.text);
    } else if (master->course.phase == COURSE_LEAVING) {
        diag_message("the new %s, which serves, %s", master->upgrade.program, end.text);
    }
}

static void helper_is_gone(struct master *master, pid_t pid, int wait_status) {
    struct err end = ERR_INIT;
    describe_end(wait_status, &end);
    if (!observer_ended(&master->observer, pid, end.text, master->loop.now_ms))
        (void)announcer_ended(&master->announcer, pid, wait_status, end.text, master->loop.now_ms);
}

void reaper_run(struct master *master) {
    int wait_status;
    struct slot *slot;
    pid_t pid;
    while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0 || (pid < 0 && errno == EINTR)) {
        if (pid < 0)
            continue;
        struct generation *generation = lineage_find(&master->lineage, pid, &slot);
        if (pid == master->upgrade.pid)
            upgrade_ended(master, wait_status);
        else if (generation != NULL)
            worker_ended(master, generation, slot, wait_status);
        else if (!browser_ended(&master->browser, pid, wait_status))
            helper_is_gone(master, pid, wait_status);
    }
}
