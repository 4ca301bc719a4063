#include "proc/course.h"

#include "support/row.h"

/* What was asked for, in this order, as the letters of the events and of what can be resumed:
 * H and U are signals, T ends it, R and F are what comes of those who are to serve, and "." is a
 * moment at rest, in which what was asked for is begun. Behind the colon is what is done. */
static const struct {
    const char *name;
    const char *events;
    const char *actions;
} rows[] = {
    {"start", "R", "announce"},
    {"start fails", "F", "give up"},
    {"stop while starting", "T", "stop"},
    {"second stop while starting", "TT", "stop, at once"},
    {"nothing is asked for", "R.", "announce"},
    {"reload", "RH.R", "announce, reload, switch"},
    {"reload fails", "RH.F", "announce, reload, keep"},
    {"nothing is left of a reload", "RH.R..", "announce, reload, switch"},
    {"reload while starting", "HR.R", "announce, reload, switch"},
    {"reload during a reload: one more", "RH.HHHR.R..", "announce, reload, switch, reload, switch"},
    {"reload during one that fails", "RH.HF.R", "announce, reload, keep, reload, switch"},
    {"not while it is under way", "RH.H.R", "announce, reload, switch"},
    {"stop during a reload", "RH.TR.", "announce, reload, stop"},
    {"second stop then", "RH.TFT", "announce, reload, stop, at once"},
    {"upgrade", "RU.R", "announce, upgrade, leave"},
    {"upgrade while starting", "UR.R", "announce, upgrade, leave"},
    {"upgrade fails", "RU.F.", "announce, upgrade, keep"},
    {"upgrade during one that fails", "RU.UF.R", "announce, upgrade, keep, upgrade, leave"},
    {"reload during an upgrade that fails", "RU.HF.R", "announce, upgrade, keep, reload, switch"},
    {"upgrade during a reload", "RH.UR.R", "announce, reload, switch, upgrade, leave"},
    {"upgrade during one that fails", "RH.UF.R", "announce, reload, keep, upgrade, leave"},
    {"both: the reload first", "RUH.R.R", "announce, reload, switch, upgrade, leave"},
    {"reload after the upgrade", "RU.RH", "announce, upgrade, leave, pass on"},
    {"upgrade after the upgrade", "RU.RU", "announce, upgrade, leave, pass on"},
    {"nothing is begun after the upgrade", "RU.HR.", "announce, upgrade, leave"},
    {"stop during an upgrade", "RU.TF.", "announce, upgrade, stop both"},
    {"second stop then", "RU.TT", "announce, upgrade, stop both, at once"},
    {"stop after the upgrade", "RU.RT", "announce, upgrade, leave, stop both"},
    {"nothing is begun when it stops", "RHUT.HU.", "announce, stop"},
};

static const char *const names[] = {
    [COURSE_NOTHING] = "",
    [COURSE_RELOAD] = "reload",
    [COURSE_UPGRADE] = "upgrade",
    [COURSE_ANNOUNCE] = "announce",
    [COURSE_SWITCH] = "switch",
    [COURSE_KEEP] = "keep",
    [COURSE_LEAVE] = "leave",
    [COURSE_PASS_ON] = "pass on",
    [COURSE_STOP] = "stop",
    [COURSE_STOP_BOTH] = "stop both",
    [COURSE_STOP_AT_ONCE] = "at once",
    [COURSE_GIVE_UP] = "give up",
};

static enum course_action step(struct course *course, char letter) {
    switch (letter) {
    case 'H':
        return course_take(course, COURSE_HUP);
    case 'U':
        return course_take(course, COURSE_USR2);
    case 'T':
        return course_take(course, COURSE_TERM);
    case 'R':
        return course_take(course, COURSE_READY);
    case 'F':
        return course_take(course, COURSE_FAILED);
    default:
        return course_resume(course);
    }
}

static void test_courses(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct course course = {0};
        char actions[256] = "";
        for (const char *letter = rows[i].events; *letter != '\0'; letter++) {
            const char *name = names[step(&course, *letter)];
            if (name[0] != '\0' && actions[0] != '\0')
                strcat(actions, ", ");
            strcat(actions, name);
        }
        row_assert_slice(rows[i].name, slice_of_text(actions), slice_of_text(rows[i].actions));
    }
}

/* Wherever it is: what was asked for is kept, or done, or it is on its way out. */
static void test_nothing_is_forgotten(void **state) {
    (void)state;
    for (int phase = 0; phase < COURSE_PHASES; phase++) {
        struct course course = {.phase = (enum course_phase)phase};
        (void)course_take(&course, COURSE_HUP);
        (void)course_take(&course, COURSE_USR2);
        assert_int_equal(course.phase, phase);
        assert_int_equal(course.reload_wanted && course.upgrade_wanted, phase != COURSE_STOPPING);
        (void)course_take(&course, COURSE_TERM);
        assert_int_equal(course.phase, COURSE_STOPPING);
    }
}

/* Neither before the first workers are ready nor when it has begun to end. */
static void test_serving(void **state) {
    (void)state;
    static const bool serving[COURSE_PHASES] = {
        [COURSE_SERVING] = true, [COURSE_RELOADING] = true, [COURSE_UPGRADING] = true};
    for (int phase = 0; phase < COURSE_PHASES; phase++) {
        const struct course course = {.phase = (enum course_phase)phase};
        assert_int_equal(course_is_serving(&course), serving[phase]);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_courses),
        cmocka_unit_test(test_nothing_is_forgotten),
        cmocka_unit_test(test_serving),
    };
    return cmocka_run_group_tests_name("course", tests, NULL, NULL);
}
