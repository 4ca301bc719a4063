/* X-Forwarded-For: a list of addresses, to which each proxy on a request's way appends the one from
 * which it got it. No RFC has it (RFC 7239 has its successor), so it is read as it is found. */
#pragma once

#include "base/ip.h"
#include "base/slice.h"

#include <stdbool.h>

/* Takes the next element off the list. Quotes mean nothing here: one that a client sends must not
 * swallow what a proxy appends. Returns false at the end. */
bool forwarded_next(struct slice *rest, struct slice *element);

/* Reads an address as proxies write it: 192.0.2.1, 192.0.2.1:4711, 2001:db8::1, [2001:db8::1] or
 * [2001:db8::1]:4711. Returns false for anything else, such as "unknown". */
bool forwarded_parse(struct slice element, struct ip *ip);
