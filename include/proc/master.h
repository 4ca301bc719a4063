/* The master: owns the listening sockets, starts the workers, replaces those that die, and lets
 * others take over: new workers with another configuration, or another binary. It reads no request.
 */
#pragma once

#include "proc/setup.h"

/* Serves until it is told to stop (SIGTERM, SIGINT, SIGQUIT; a second one stops at once), or until
 * another binary serves (SIGUSR2); SIGHUP has it read its configuration anew, from the words in
 * `line`, which are borrowed. Takes `setup` over. Returns an exit status in the master; in the
 * workers, which it forks, it returns theirs. */
int master_run(const struct command_line *line, struct setup *setup);
