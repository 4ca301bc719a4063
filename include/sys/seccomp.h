/* Which system calls a process may make: the rows of syscall.def, as a filter that the kernel runs
 * at each (seccomp(2)). */
#pragma once

#include <linux/filter.h>
#include <stddef.h>
#include <sys/types.h>

enum seccomp_who {
    SECCOMP_WORKER = 1,    /* serves */
    SECCOMP_OBSERVER = 2,  /* answers on --admin */
    SECCOMP_ANNOUNCER = 4, /* speaks multicast DNS */
};

enum { SECCOMP_PROGRAM_MAX = 1024 }; /* instructions */

/* Writes the filter for a process with the id `self`, and returns how many instructions it has; 0:
 * the processor is not among those that it can be written for. */
size_t seccomp_build(enum seccomp_who who, pid_t self,
                     struct sock_filter code[SECCOMP_PROGRAM_MAX]);

/* How many system calls a process may make. */
size_t seccomp_count(enum seccomp_who who);

/* Whether this kernel, and what this process is confined to already, has filters. */
int seccomp_probe(void);

/* Confines the calling process for good, which has taken on no_new_privs(prctl(2)) before. Returns
 * 0 or -errno, -ENOSYS where there are no filters. */
int seccomp_enter(enum seccomp_who who);
