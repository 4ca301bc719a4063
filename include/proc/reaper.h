/* Processes of the master's that have ended: why they did is told, and what follows is done. */
#pragma once

#include "proc/transition.h"

/* Takes note of all that have ended. To be called after SIGCHLD. */
void reaper_run(struct master *master);
