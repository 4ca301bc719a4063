#include "sys/sandbox.h"

#include "base/diag.h"
#include "sys/beneath.h"
#include "sys/landlock.h"
#include "sys/privileges.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int sandbox_plan(struct sandbox *sandbox, const struct options *options, struct err *err) {
    *sandbox = (struct sandbox){.is_off = options->no_sandbox};
    if (options->user == NULL)
        return 0;
    return identity_find(&sandbox->identity, options->user, err);
}

bool sandbox_equal(const struct sandbox *a, const struct sandbox *b) {
    return a->is_off == b->is_off && identity_equal(&a->identity, &b->identity);
}

int sandbox_step_down(const struct sandbox *sandbox, struct err *err) {
    int bounded = sandbox->is_off ? 0 : privileges_bound();
    int result = identity_assume(&sandbox->identity, err);
    if (result < 0 || sandbox->is_off)
        return result;
    result = bounded < 0 ? bounded : privileges_drop();
    if (result < 0)
        return err_set(err, -result, "privileges cannot be given up: %s (--no-sandbox keeps them)",
                       strerror(-result));
    return 0;
}

/* A wall that the kernel lacks is told of by the master (sandbox_report()). */
static void tell(const char *what, int result, bool silent) {
    if (result < 0 && result != -ENOSYS && !silent)
        diag_message("a process could not be confined by %s: %s", what, strerror(-result));
}

void sandbox_close(const struct sandbox *sandbox, enum seccomp_who who, const int *directories,
                   size_t count, bool silent) {
    if (sandbox->is_off)
        return;
    tell("RLIMIT_CORE or PR_SET_DUMPABLE", privileges_conceal(), silent);
    if (landlock_probe() > 0)
        tell("Landlock", landlock_enter(directories, count), silent);
    if (seccomp_probe() == 0) /* the last one: it refuses what makes the others */
        tell("seccomp", seccomp_enter(who), silent);
}

/* Telling */

static void report_paths(const struct sandbox *sandbox, struct sandbox_report *report) {
    (void)sandbox;
    report->stands = true;
    (void)err_set(
        &report->text, 0, "%s",
        beneath_probe() == BENEATH_AT_ONCE
            ? "openat2 keeps each path beneath its root"
            : "each name of a path is opened by itself, as there is no openat2 (Linux has "
              "it from 5.6 on), which would be faster");
}

static void report_user(const struct sandbox *sandbox, struct sandbox_report *report) {
    const struct identity *identity = &sandbox->identity;
    uid_t user = identity->given ? identity->user : geteuid();
    const char *without = sandbox->is_off ? "" : ", without capabilities";
    report->stands = user != 0;
    if (report->stands)
        (void)err_set(&report->text, 0, "workers run as uid %u%s", (unsigned)user, without);
    else
        (void)err_set(&report->text, 0, "workers run as root%s (--user NAME is safer)",
                      sandbox->is_off ? "" : ", though without its capabilities");
}

static void report_files(const struct sandbox *sandbox, struct sandbox_report *report) {
    int version = landlock_probe();
    report->stands = version > 0 && !sandbox->is_off;
    if (report->stands)
        (void)err_set(&report->text, 0,
                      "workers can read what is beneath the roots, and open nothing else (ABI %d)",
                      version);
    else
        (void)err_set(&report->text, 0, "the kernel keeps workers from no file (%s)",
                      sandbox->is_off ? "--no-sandbox"
                                      : "it has Landlock from Linux 5.13 on, if it is enabled");
}

static void report_calls(const struct sandbox *sandbox, struct sandbox_report *report) {
    int result = seccomp_probe();
    report->stands = result == 0 && !sandbox->is_off;
    if (report->stands)
        (void)err_set(&report->text, 0,
                      "workers can make %zu system calls, and neither start programs nor open "
                      "sockets",
                      seccomp_count(SECCOMP_WORKER));
    else
        (void)err_set(&report->text, 0, "workers can make any system call (%s)",
                      sandbox->is_off ? "--no-sandbox" : strerror(-result));
}

void sandbox_report(const struct sandbox *sandbox, enum sandbox_wall wall,
                    struct sandbox_report *report) {
    static const struct {
        const char *name;
        void (*fill)(const struct sandbox *sandbox, struct sandbox_report *report);
    } walls[SANDBOX_WALLS] = {
        [SANDBOX_PATHS] = {"paths", report_paths},
        [SANDBOX_USER] = {"not root", report_user},
        [SANDBOX_FILES] = {"landlock", report_files},
        [SANDBOX_CALLS] = {"seccomp", report_calls},
    };
    *report = (struct sandbox_report){.name = walls[wall].name, .text = ERR_INIT};
    walls[wall].fill(sandbox, report);
}
