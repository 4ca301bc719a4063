/* The walls around a process that speaks to strangers: whoever gets hold of it can read what is
 * served anyhow, and little else. Each is enough by itself for most of that. They are raised in the
 * order of the functions here, when everything is open that is not served. */
#pragma once

#include "base/err.h"
#include "conf/options.h"
#include "sys/identity.h"
#include "sys/seccomp.h"

#include <stdbool.h>
#include <stddef.h>

enum sandbox_wall {
    SANDBOX_PATHS, /* nothing outside the roots is found (sys/beneath) */
    SANDBOX_USER,  /* not root */
    SANDBOX_FILES, /* Landlock */
    SANDBOX_CALLS, /* seccomp */
    SANDBOX_WALLS,
};

/* What the options say of it. */
struct sandbox {
    struct identity identity;
    bool is_off; /* --no-sandbox: there is only what --user asks for */
};

/* Finds the user that the options name. Returns 0, or -errno and a message. */
int sandbox_plan(struct sandbox *sandbox, const struct options *options, struct err *err);

/* Whether a process that was confined to one would be confined alike to the other. */
bool sandbox_equal(const struct sandbox *a, const struct sandbox *b);

/* Makes the calling process that user, and has it give up all privileges. Returns 0, or -errno and
 * a message. */
int sandbox_step_down(const struct sandbox *sandbox, struct err *err);

/* The other walls: of files, only those beneath `directories` can be opened from now on, and only
 * read; and only the system calls can be made that `who` makes. The descriptors are borrowed for
 * the call. What cannot be raised, though the kernel has it, is told: `silent` where another
 * process does. */
void sandbox_close(const struct sandbox *sandbox, enum seccomp_who who, const int *directories,
                   size_t count, bool silent);

/* Whether a wall stands around workers, going by what the kernel has; and a text that says what it
 * keeps them from or, where it does not stand, what that means and would help. `name` is a word for
 * it. */
struct sandbox_report {
    const char *name;
    bool stands;
    struct err text;
};

void sandbox_report(const struct sandbox *sandbox, enum sandbox_wall wall,
                    struct sandbox_report *report);
