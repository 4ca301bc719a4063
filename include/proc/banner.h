/* What the operator is told of where pronto listens. */
#pragma once

#include "proc/listeners.h"
#include "proc/setup.h"
#include "proc/urls.h"

/* At start, on stderr: at a terminal what is served and the URLs to open, with --lan one of them as
 * a QR code; else a line per address, and with --lan per URL that others can use; the addresses of
 * --admin; and which walls stand around workers, or a line for each that does not. `urls` are those
 * of the listeners. Nothing with --quiet. */
void banner_print(const struct setup *setup, const struct listeners *listeners,
                  const struct urls *urls, const struct listeners *admin);

/* What an address is for. */
enum banner_use { BANNER_SITE, BANNER_STATUS };

/* When others take over: a line per address that was not there before; and a line per address of
 * `before` that is no longer there. */
void banner_print_new(enum banner_use use, const struct listeners *listeners);
void banner_print_left(enum banner_use use, const struct listeners *before,
                       const struct listeners *listeners);
