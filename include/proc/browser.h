/* A browser for the operator, opened by xdg-open(1), which knows the one that is preferred. */
#pragma once

#include "proc/urls.h"

#include <stdbool.h>
#include <sys/types.h>

struct browser {
    pid_t pid; /* of xdg-open; 0: it is not running */
    char url[URL_TEXT_MAX];
};

/* Opens the first URL that leads here from this machine, and tells where there is none. What it
 * starts is in a session of its own: it goes on when pronto stops, and no Ctrl-C reaches it. */
void browser_open(struct browser *browser, const struct urls *urls);

/* Whether that process was xdg-open; where it could not open anything, that is told. */
bool browser_ended(struct browser *browser, pid_t pid, int wait_status);
