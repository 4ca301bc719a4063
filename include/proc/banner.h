/* What the operator is told at start. */
#pragma once

#include "conf/options.h"
#include "proc/listeners.h"

/* Says on stderr where pronto listens: at a terminal what is served and the URLs to open, else a
 * line per address; and the addresses of --admin, as they are bound. Nothing with --quiet. */
void banner_print(const struct options *options, const struct listeners *listeners,
                  const struct option_addresses *admin);
