/* Holds the children of a process before their first step (ptrace(2)), so that a test decides what
 * becomes of them. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct tracer {
    pid_t pid;         /* whose children are held */
    pid_t children[8]; /* that are held, or gone */
    int count;
};

/* From now on, children of `pid` are held. Returns false, and says so, where that is not allowed.
 */
bool tracer_attach(struct tracer *tracer, pid_t pid);

/* Waits for the next child, and holds it. Fails the test where there is none. */
pid_t tracer_await_child(struct tracer *tracer);

/* Lets a child go; or kills it. */
void tracer_release(struct tracer *tracer, pid_t child);
void tracer_kill(struct tracer *tracer, pid_t child);

/* Lets go of all that are held, and of the process. */
void tracer_detach(struct tracer *tracer);
