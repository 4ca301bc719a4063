/* What the operator is told of where pronto listens. */
#pragma once

#include "conf/options.h"
#include "proc/listeners.h"

/* At start, on stderr: at a terminal what is served and the URLs to open, else a line per address;
 * and the addresses of --admin. Nothing with --quiet. */
void banner_print(const struct options *options, const struct listeners *listeners,
                  const struct listeners *admin);

/* What an address is for. */
enum banner_use { BANNER_SITE, BANNER_STATUS };

/* When others take over: a line per address that was not there before; and a line per address of
 * `before` that is no longer there. */
void banner_print_new(enum banner_use use, const struct listeners *listeners);
void banner_print_left(enum banner_use use, const struct listeners *before,
                       const struct listeners *listeners);
