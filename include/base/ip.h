/* IP addresses, as text and as bytes. */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum { IP_V4_LEN = 4, IP_V6_LEN = 16 /* bytes */ };

struct ip {
    uint8_t bytes[IP_V6_LEN]; /* in network order; behind `len`, zero */
    uint8_t len; /* IP_V4_LEN or IP_V6_LEN; 0: none, as of who comes by a unix socket */
};

/* The address of that many bytes, 0, 4 or 16. An IPv4 address in IPv6 clothes (RFC 4291 §2.5.5.2)
 * is taken out of them: one client has one address. */
struct ip ip_of_bytes(const void *bytes, size_t len);

/* Reads "192.0.2.1" or "2001:db8::1" (RFC 4291 §2.2), which fill the whole of `text`, without a
 * zone. Returns false for anything else. */
bool ip_parse(struct slice text, struct ip *ip);

/* Whether it is reached on its own machine alone (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
bool ip_is_loopback(const struct ip *ip);

/* Whether both are of one family, and their first `bits` bits are the same. */
bool ip_has_prefix(const struct ip *ip, const struct ip *prefix, unsigned bits);
