/* A terminal of 120 columns: a program runs at it, what it writes is gathered, and keys are typed.
 */
#pragma once

#include "support/process.h"

#include <stddef.h>

struct pty {
    struct process process;
    int master;
    char *text; /* all that was written so far, NUL-terminated; owned */
    size_t len;
    bool ended; /* nobody has the terminal open any more */
};

#define PTY_INIT \
    { .process = PROCESS_INIT, .master = -1 }

/* Starts a program at a new terminal, which controls it. `settings` are what changes in its
 * environment, in pairs of a name and a value (NULL: not set), ended by NULL. Returns false, and
 * says so, where this machine gives out no terminals. */
bool pty_start(struct pty *pty, const char *const settings[], const char *const argv[]);

/* Gathers what it has written; a terminal that nobody reads takes but a few kilobytes. */
void pty_gather(struct pty *pty);

/* Waits until it has written `needle` behind the first `from` bytes, and returns where that is in
 * `text`; fails the test, and shows the text, where it does not. */
size_t pty_await(struct pty *pty, size_t from, const char *needle);

void pty_type(struct pty *pty, const char *keys);

/* Waits until the program has ended, and all it wrote is gathered. Returns its exit code. */
int pty_finish(struct pty *pty);

/* Ends it, and frees the text. Idempotent. */
void pty_deinit(struct pty *pty);
