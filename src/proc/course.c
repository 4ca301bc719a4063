#include "proc/course.h"

enum wish { WISH_NONE, WISH_RELOAD, WISH_UPGRADE };

struct move {
    enum course_phase next;
    enum course_action action;
    enum wish wish; /* to be remembered */
};

#define STAY(phase) \
    { phase, COURSE_NOTHING, WISH_NONE }
#define WANT(phase, wish) \
    { phase, COURSE_NOTHING, wish }

/* A generation, or a binary, can't become ready or fail where none is awaited. */
static const struct move moves[COURSE_PHASES][COURSE_EVENTS] =
    {
        [COURSE_STARTING] =
            {
                [COURSE_HUP] = WANT(COURSE_STARTING, WISH_RELOAD),
                [COURSE_USR2] = WANT(COURSE_STARTING, WISH_UPGRADE),
                [COURSE_TERM] = {COURSE_STOPPING, COURSE_STOP, WISH_NONE},
                [COURSE_READY] = {COURSE_SERVING, COURSE_ANNOUNCE, WISH_NONE},
                [COURSE_FAILED] = {COURSE_STOPPING, COURSE_GIVE_UP, WISH_NONE},
            },
        [COURSE_SERVING] =
            {
                [COURSE_HUP] = WANT(COURSE_SERVING, WISH_RELOAD),
                [COURSE_USR2] = WANT(COURSE_SERVING, WISH_UPGRADE),
                [COURSE_TERM] = {COURSE_STOPPING, COURSE_STOP, WISH_NONE},
                [COURSE_READY] = STAY(COURSE_SERVING),
                [COURSE_FAILED] = STAY(COURSE_SERVING),
            },
        [COURSE_RELOADING] =
            {
                [COURSE_HUP] = WANT(COURSE_RELOADING, WISH_RELOAD),
                [COURSE_USR2] = WANT(COURSE_RELOADING, WISH_UPGRADE),
                [COURSE_TERM] = {COURSE_STOPPING, COURSE_STOP, WISH_NONE},
                [COURSE_READY] = {COURSE_SERVING, COURSE_SWITCH, WISH_NONE},
                [COURSE_FAILED] = {COURSE_SERVING, COURSE_KEEP, WISH_NONE},
            },
        [COURSE_UPGRADING] =
            {
                [COURSE_HUP] = WANT(COURSE_UPGRADING, WISH_RELOAD),
                [COURSE_USR2] = WANT(COURSE_UPGRADING, WISH_UPGRADE),
                [COURSE_TERM] = {COURSE_STOPPING, COURSE_STOP_BOTH, WISH_NONE},
                [COURSE_READY] = {COURSE_LEAVING, COURSE_LEAVE, WISH_NONE},
                [COURSE_FAILED] = {COURSE_SERVING, COURSE_KEEP, WISH_NONE},
            },
        [COURSE_LEAVING] =
            {
                [COURSE_HUP] = {COURSE_LEAVING, COURSE_PASS_ON, WISH_RELOAD},
                [COURSE_USR2] = {COURSE_LEAVING, COURSE_PASS_ON, WISH_UPGRADE},
                [COURSE_TERM] = {COURSE_STOPPING, COURSE_STOP_BOTH, WISH_NONE},
                [COURSE_READY] = STAY(COURSE_LEAVING),
                [COURSE_FAILED] = STAY(COURSE_LEAVING),
            },
        [COURSE_STOPPING] =
            {
                [COURSE_HUP] = STAY(COURSE_STOPPING),
                [COURSE_USR2] = STAY(COURSE_STOPPING),
                [COURSE_TERM] = {COURSE_STOPPING, COURSE_STOP_AT_ONCE, WISH_NONE},
                [COURSE_READY] = STAY(COURSE_STOPPING),
                [COURSE_FAILED] = STAY(COURSE_STOPPING),
            },
};

enum course_action course_take(struct course *course, enum course_event event) {
    const struct move *move = &moves[course->phase][event];
    course->phase = move->next;
    course->reload_wanted |= move->wish == WISH_RELOAD;
    course->upgrade_wanted |= move->wish == WISH_UPGRADE;
    return move->action;
}

bool course_is_serving(const struct course *course) {
    return course->phase == COURSE_SERVING || course->phase == COURSE_RELOADING ||
           course->phase == COURSE_UPGRADING;
}

/* A reload first: what comes of it is passed on to the other binary. */
enum course_action course_resume(struct course *course) {
    if (course->phase != COURSE_SERVING)
        return COURSE_NOTHING;
    if (course->reload_wanted) {
        course->phase = COURSE_RELOADING;
        course->reload_wanted = false;
        return COURSE_RELOAD;
    }
    if (course->upgrade_wanted) {
        course->phase = COURSE_UPGRADING;
        course->upgrade_wanted = false;
        return COURSE_UPGRADE;
    }
    return COURSE_NOTHING;
}
