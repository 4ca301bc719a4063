/* Signals as events (signalfd(2)). */
#pragma once

#include "base/err.h"

#include <stdbool.h>

/* Blocks the signals in the zero-terminated list and returns a non-blocking descriptor, owned by
 * the caller, that becomes readable when one of them is pending; or -errno and a message. */
int signals_open(const int *numbers, struct err *err);

/* Takes a pending signal; its number, or 0 where none is left. */
int signals_next(int fd);

/* The same, and whether it was the kernel that sent it, as it does when a terminal is closed; and
 * not a process. */
int signals_next_from(int fd, bool *kernel);
