/* What a process may reach, whatever its user may (landlock(7)): files beneath some directories,
 * for reading, and nothing else. */
#pragma once

#include <stddef.h>

/* Which version the kernel has, and lets this process use: 0: none, 1 (Linux 5.13): files; 4 (6.7):
 * no TCP sockets are bound or connected, too; 5 (6.10): nor devices controlled; 6 (6.12): nor
 * signals sent, nor abstract local sockets connected to, outside. */
int landlock_probe(void);

/* Confines the calling process for good, which has taken on no_new_privs (prctl(2)) before: of what
 * can be opened from now on, only what is beneath `directories`, descriptors that are borrowed for
 * the call, and only for reading. Returns 0 or -errno, -ENOSYS where there is no Landlock. */
int landlock_enter(const int *directories, size_t count);
