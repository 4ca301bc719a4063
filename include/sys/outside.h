/* The addresses by which other machines reach this one. */
#pragma once

#include "conf/address.h"

#include <stdbool.h>
#include <stddef.h>

/* Writes the addresses of the interfaces that are up, without ports: that by which this machine
 * goes to the world first, as it is most likely the one that neighbours know; then others of IPv4;
 * then, with `v6_too`, those of IPv6, but for link-local ones, which need a zone, which URLs lack.
 * At most `max`; returns how many. */
size_t outside_find(bool v6_too, struct address *addresses, size_t max);
