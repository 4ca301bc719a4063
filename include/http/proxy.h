/* The PROXY protocol (haproxy.org, proxy-protocol.txt, versions 1 and 2): what a proxy sends at the
 * start of a connection to say whose it is. */
#pragma once

#include "base/ip.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum proxy_outcome {
    PROXY_WHOLE, /* the header is there and `proxy` is filled in */
    PROXY_MORE,  /* so far so good: read more and parse again from the start */
    PROXY_BAD,   /* it is none, or none that can be understood */
};

enum {
    PROXY_V1_MAX = 107, /* bytes, with CRLF (§2.1) */
    PROXY_V2_MAX = 536, /* bytes; what every TCP can send in one segment (§2) */
};

struct proxy {
    size_t len;     /* of the header, bytes */
    bool speaks_of; /* a client: else the connection is the proxy's own (LOCAL, a check of health),
                       or the client's address is not known (UNKNOWN, UNSPEC) */
    struct ip ip;   /* the client's; without one, it came to the proxy by a unix socket */
    uint16_t port;  /* the client's, in host byte order */
};

/* Parses the header at the start of `input`. Nothing is copied or kept between calls; if it returns
 * other than PROXY_MORE for an input, it returns the same for every longer one. What version 2 may
 * carry besides addresses (TLVs) is passed over. */
enum proxy_outcome proxy_parse(struct slice input, struct proxy *proxy);
