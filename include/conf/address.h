/* Addresses to listen on, as the operator writes them. */
#pragma once

#include "base/err.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
    ADDRESS_PATH_MAX = sizeof((struct sockaddr_un *)0)->sun_path, /* with its NUL */
    ADDRESS_TEXT_MAX = ADDRESS_PATH_MAX + sizeof "unix:", /* an IPv6 address and a port fit, too */
};

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local; /* unix(7); an abstract name starts with a NUL */
    } socket;
    bool both_families; /* "*": the IPv6 wildcard, which is to take IPv4 too */
    bool is_port; /* nothing but a port was written; it is no part of what address_equal() compares
                   */
};

/* Reads PORT (on 127.0.0.1), HOST:PORT, [V6]:PORT or *:PORT, where HOST is an IPv4 address or
 * "localhost" (127.0.0.1); or unix:PATH, or unix:@NAME for an abstract name. Names of hosts are not
 * looked up. Returns 0, or -EINVAL and fills in `err`. */
int address_parse(const char *text, struct address *address, struct err *err);

/* The length of the socket address, for bind(2). */
socklen_t address_len(const struct address *address);

/* Whether both are the same, port and all. */
bool address_equal(const struct address *a, const struct address *b);

static inline bool address_is_local(const struct address *address) {
    return address->socket.any.sa_family == AF_UNIX;
}

/* The path of the file by which a local socket is reached; NULL where there is none. */
const char *address_path(const struct address *address);

/* In host byte order; 0 is any free one, and that of a local socket. */
uint16_t address_port(const struct address *address);
void address_set_port(struct address *address, uint16_t port);

/* Whether the address is reached from this machine alone (127.0.0.0/8, ::1, unix:), or stands for
 * all of the machine's. */
bool address_is_loopback(const struct address *address);
bool address_is_wildcard(const struct address *address);

/* Whether a socket that listens on `address` gets the connections to `host`, whatever its port. */
bool address_covers(const struct address *address, const struct sockaddr *host);

/* Makes it stand for all of the machine's, as "*" and its port do. */
void address_widen(struct address *address);

/* Writes "127.0.0.1:8080", "[::1]:8080", "unix:/run/x" or "unix:@x" to `text`, NUL-terminated. */
void address_format(const struct address *address, char text[ADDRESS_TEXT_MAX]);
