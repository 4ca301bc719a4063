/* The authority of a URI without user information, which is what Host carries (RFC 9110 §7.2, RFC
 * 3986 §3.2). */
#pragma once

#include "base/slice.h"

/* Whether `text` is host [":" port]: a name, an IPv4 address or an IP literal in brackets. An empty
 * host is one (RFC 9112 §3.2). */
bool authority_is_valid(struct slice text);
