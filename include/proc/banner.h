/* What the operator is told of where pronto listens. */
#pragma once

#include "proc/listeners.h"
#include "proc/setup.h"

/* At start, on stderr: at a terminal what is served and the URLs to open, else a line per address;
 * and the addresses of --admin, as they are bound; and which walls stand around workers, or a line
 * for each that does not. Nothing with --quiet. */
void banner_print(const struct setup *setup, const struct listeners *listeners,
                  const struct option_addresses *admin);

/* When others take over: a line per address that was not there before; and a line per address of
 * `before` that is no longer there. */
void banner_print_new(const struct listeners *listeners);
void banner_print_left(const struct listeners *before, const struct listeners *listeners);
