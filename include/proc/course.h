/* What the master does next: the phases it goes through, what can happen in each, and what follows.
 * Pure. */
#pragma once

#include <stdbool.h>

enum course_phase {
    COURSE_STARTING,  /* the first workers are not all ready */
    COURSE_SERVING,   /* at rest */
    COURSE_RELOADING, /* another generation of workers takes over */
    COURSE_UPGRADING, /* another binary is to take over */
    COURSE_LEAVING,   /* it has */
    COURSE_STOPPING,
    COURSE_PHASES,
};

enum course_event {
    COURSE_HUP,
    COURSE_USR2,
    COURSE_TERM,
    COURSE_READY,  /* who is to serve does */
    COURSE_FAILED, /* who is to serve does not, and won't */
    COURSE_EVENTS,
};

enum course_action {
    COURSE_NOTHING,
    COURSE_RELOAD,       /* begin a reload */
    COURSE_UPGRADE,      /* begin an upgrade */
    COURSE_ANNOUNCE,     /* the first workers serve */
    COURSE_SWITCH,       /* the reload is done */
    COURSE_KEEP,         /* those who were there before serve on */
    COURSE_LEAVE,        /* drain, the other binary serves */
    COURSE_PASS_ON,      /* tell the other binary of what was asked for */
    COURSE_STOP,         /* drain */
    COURSE_STOP_BOTH,    /* the other binary is to stop, too */
    COURSE_STOP_AT_ONCE, /* the workers are not given time */
    COURSE_GIVE_UP,      /* as COURSE_STOP, and that is a failure */
};

/* All zero: at the start. */
struct course {
    enum course_phase phase;
    bool reload_wanted; /* when it is at rest */
    bool upgrade_wanted;
};

/* Goes on to the phase that follows, and returns what is to be done. */
enum course_action course_take(struct course *course, enum course_event event);

/* Whether there is who serves, and it is neither on its way out nor about to leave to another. */
bool course_is_serving(const struct course *course);

/* What was asked for meanwhile, and can be done now: COURSE_RELOAD, COURSE_UPGRADE or
 * COURSE_NOTHING. The first two are under way from then on. */
enum course_action course_resume(struct course *course);
