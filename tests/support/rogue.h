/* A server that somebody has got hold of: pronto-rogue (tests/rogue), which stands beside the
 * binary under test. Its processes try what they are told to. */
#pragma once

#include "support/server.h"

/* What came of it where there is no answer, as the process was killed. */
enum { ROGUE_KILLED = -2 };

/* Starts it with `words`, ended by NULL, and waits until it announced one address. */
void rogue_start(struct server *server, const char *const words[]);

/* Has the process that answers at a port of 127.0.0.1, by TCP or by UDP, try that. Returns the
 * errno of it; 0: it succeeded. By UDP, an answer is waited for; by TCP, also the end of the
 * process, which is ROGUE_KILLED. */
int rogue_try(uint16_t port, const char *name, const char *argument);
int rogue_try_udp(uint16_t port, const char *name, const char *argument);

/* The same by UDP, without an answer. */
void rogue_tell_udp(uint16_t port, const char *name, const char *argument);
