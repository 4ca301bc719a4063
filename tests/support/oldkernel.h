/* A kernel without openat2(2), for the calling process and those that it starts. */
#pragma once

#include <stdbool.h>

/* From now on, openat2() fails with `errnum`: ENOSYS before Linux 5.6, EPERM in containers whose
 * filters are older. Returns false where no filter can be had (seccomp(2)). */
bool forbid_openat2(int errnum);
