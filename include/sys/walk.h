/* Opening what lies beneath a directory one name at a time, for kernels, and containers, without
 * openat2(2): no call is given a path that could lead elsewhere. */
#pragma once

#include <stdbool.h>

/* Opens `path` beneath `root_fd` with `flags` (open(2)); "" is the directory itself. Symbolic links
 * are read and walked like the rest, unless `follows` is false. Returns a descriptor, owned by the
 * caller, or -errno, as openat2(2) does with RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS: -EXDEV where
 * the path, or a link on it, is absolute or leads out; -ELOOP where there is a link that is not to
 * be followed, too many of them, or one of procfs, which may be magic. */
int walk_open(int root_fd, const char *path, int flags, bool follows);
