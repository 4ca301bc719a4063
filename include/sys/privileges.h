/* What root may do and others may not, given up (capabilities(7)); and what a process can be made
 * to tell of itself. */
#pragma once

#include <stdbool.h>

/* Whether the calling process has any capability, or could get one. */
bool privileges_are_left(void);

/* From now on, nothing that is run gets more rights (no_new_privs, prctl(2)), nor capabilities that
 * the process itself has not, as far as it may say so: only root may, so before it is another user.
 * Returns 0 or -errno. */
int privileges_bound(void);

/* Gives up all capabilities; for root, too, who is then a user who owns many files. Returns 0 or
 * -errno. */
int privileges_drop(void);

/* From now on, others of the same user cannot look into the process (ptrace(2)), nor is its memory
 * written to a core file when it crashes. Returns 0 or -errno. */
int privileges_conceal(void);
