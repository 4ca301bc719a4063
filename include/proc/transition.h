/* What the master does when something has happened: course.h says what follows from what, and here
 * that is done.
 *
 * Nobody who serves stops before all of those who take over are ready, whether these are workers of
 * this master, or another master with workers of its own. Until then, both accept connections, from
 * the same queues. */
#pragma once

#include "proc/announcer.h"
#include "proc/browser.h"
#include "proc/console.h"
#include "proc/course.h"
#include "proc/lineage.h"
#include "proc/notify.h"
#include "proc/observer.h"
#include "proc/rootwatch.h"
#include "proc/setup.h"
#include "proc/upgrade.h"
#include "sys/loop.h"

#include <stdbool.h>
#include <stdint.h>

/* All that the master has to do with. */
struct master {
    const struct command_line *line; /* borrowed */
    struct loop loop;
    struct source signals;
    struct lineage lineage;
    struct course course;
    struct upgrade upgrade;
    struct notify notify;
    struct rootwatch rootwatch;
    struct observer observer;
    struct announcer announcer;
    struct console console;
    struct browser browser;
    struct source relieved; /* to an older pronto that waits to be relieved; fd -1: none */
    bool relieves;          /* there is, or was, such a one */
    char *pid_file;         /* that was written; owned; NULL: none */
    int64_t notice_at_ms; /* while stopping: when to say what is waited for; INT64_MAX: it is said,
                             or need not be */
    int status;           /* to exit with */
    bool in_child;        /* this is a worker's process, or a helper's */
};

/* Goes on in its course. */
void transition_happen(struct master *master, enum course_event event);

/* Begins what was asked for meanwhile, if that can be. */
void transition_resume(struct master *master);

/* All workers of the generation that is coming are ready. */
void transition_take_over(struct master *master);

/* The older pronto has left the serving to this one, or is gone. */
void transition_relieved(struct master *master);

/* The change that is under way won't be made. */
void transition_fail_change(struct master *master, const char *reason);

/* The generation that is coming won't be, whether it is the first or another. */
void transition_fail_coming(struct master *master, const char *reason);
