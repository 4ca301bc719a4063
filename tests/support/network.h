/* Two hosts on a network of the test's own: network namespaces, of which the test is in the near
 * one, where the server is to be, unless it says otherwise. What it starts is where it is. */
#pragma once

#include <stdbool.h>

enum network_host { NETWORK_NEAR, NETWORK_FAR, NETWORK_HOSTS };

/* Makes both, without interfaces; whoever may not gets them in a user namespace, as root there.
 * Returns false where that cannot be had, which network_complaint() explains. Once for a test
 * program. */
bool network_make(void);

/* Why the last call here failed; static. */
const char *network_complaint(void);

/* Goes to a host. */
void network_enter(enum network_host host);

/* Runs a script with sh on a host, where $1 is the namespace of the far one, and sbin is looked
 * through. Returns whether it succeeded. The test is at the near one then. */
bool network_run(enum network_host host, const char *script);
