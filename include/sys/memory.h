/* How much memory there is to be used. */
#pragma once

#include "base/slice.h"

#include <stdint.h>

/* The path of a process's control group in the text of its /proc/PID/cgroup, where it is in the
 * unified hierarchy (cgroups(7)); SLICE_NONE where it is in none. */
struct slice memory_cgroup(struct slice text);

/* Bytes: the least that a control group, and all that it is in, are limited to (memory.max), as far
 * as the hierarchy is seen in the directory `mount`; UINT64_MAX: no limit. */
uint64_t memory_limit(const char *mount, struct slice group);

/* Bytes: what the machine has, or what this process's control group leaves of it. 0: unknown. */
uint64_t memory_usable(void);
