/* The master: owns the listening sockets, starts the workers, and replaces those that die. It reads
 * no request. */
#pragma once

#include "base/err.h"
#include "conf/options.h"
#include "store/roots.h"

/* Serves until it is told to stop (SIGTERM, SIGINT, SIGQUIT; a second one stops at once). Both
 * arguments are borrowed. Returns an exit status in the master; in the workers, which it forks, it
 * returns theirs. */
int master_run(const struct options *options, const struct roots *roots);
