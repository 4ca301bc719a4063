#include "conf/address.h"

#include "base/ip.h"
#include "base/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>

_Static_assert(ADDRESS_TEXT_MAX >= INET6_ADDRSTRLEN + sizeof "[]:65535", "each form has room");

/* An abstract name is all bytes within the length; a path ends with a NUL (unix(7)). */
static socklen_t local_len(const struct sockaddr_un *local) {
    const size_t before = offsetof(struct sockaddr_un, sun_path);
    bool abstract = local->sun_path[0] == '\0';
    size_t len = abstract ? 1 + strnlen(local->sun_path + 1, sizeof local->sun_path - 1)
                          : strnlen(local->sun_path, sizeof local->sun_path - 1) + 1;
    return (socklen_t)(before + len);
}

socklen_t address_len(const struct address *address) {
    if (address_is_local(address))
        return local_len(&address->socket.local);
    return address->socket.any.sa_family == AF_INET6 ? sizeof address->socket.v6
                                                     : sizeof address->socket.v4;
}

static bool v4_equal(const struct sockaddr_in *a, const struct sockaddr_in *b) {
    return a->sin_addr.s_addr == b->sin_addr.s_addr && a->sin_port == b->sin_port;
}

static bool v6_equal(const struct sockaddr_in6 *a, const struct sockaddr_in6 *b) {
    return IN6_ARE_ADDR_EQUAL(&a->sin6_addr, &b->sin6_addr) && a->sin6_port == b->sin6_port &&
           a->sin6_scope_id == b->sin6_scope_id;
}

bool address_equal(const struct address *a, const struct address *b) {
    if (a->socket.any.sa_family != b->socket.any.sa_family || a->both_families != b->both_families)
        return false;
    if (address_is_local(a))
        return address_len(a) == address_len(b) &&
               memcmp(&a->socket, &b->socket, address_len(a)) == 0;
    return a->socket.any.sa_family == AF_INET6 ? v6_equal(&a->socket.v6, &b->socket.v6)
                                               : v4_equal(&a->socket.v4, &b->socket.v4);
}

const char *address_path(const struct address *address) {
    bool has_file = address_is_local(address) && address->socket.local.sun_path[0] != '\0';
    return has_file ? address->socket.local.sun_path : NULL;
}

uint16_t address_port(const struct address *address) {
    if (address_is_local(address))
        return 0;
    return ntohs(address->socket.any.sa_family == AF_INET6 ? address->socket.v6.sin6_port
                                                           : address->socket.v4.sin_port);
}

void address_set_port(struct address *address, uint16_t port) {
    if (address->socket.any.sa_family == AF_INET6)
        address->socket.v6.sin6_port = htons(port);
    else
        address->socket.v4.sin_port = htons(port);
}

bool address_is_loopback(const struct address *address) {
    if (address_is_local(address))
        return true;
    struct ip ip = address->socket.any.sa_family == AF_INET6
                       ? ip_of_bytes(&address->socket.v6.sin6_addr, IP_V6_LEN)
                       : ip_of_bytes(&address->socket.v4.sin_addr, IP_V4_LEN);
    return ip_is_loopback(&ip);
}

bool address_is_wildcard(const struct address *address) {
    if (address_is_local(address))
        return false;
    if (address->socket.any.sa_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&address->socket.v6.sin6_addr);
    return address->socket.v4.sin_addr.s_addr == htonl(INADDR_ANY);
}

bool address_covers(const struct address *address, const struct sockaddr *host) {
    bool same_family = host->sa_family == address->socket.any.sa_family;
    if (address_is_local(address))
        return false;
    if (address_is_wildcard(address))
        return same_family || (address->both_families && host->sa_family == AF_INET);
    if (!same_family)
        return false;
    if (host->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)host;
        return IN6_ARE_ADDR_EQUAL(&v6->sin6_addr, &address->socket.v6.sin6_addr);
    }
    const struct sockaddr_in *v4 = (const void *)host;
    return v4->sin_addr.s_addr == address->socket.v4.sin_addr.s_addr;
}

static bool set_v4(struct address *address, const char *host) {
    address->socket.v4.sin_family = AF_INET;
    return inet_pton(AF_INET, host, &address->socket.v4.sin_addr) == 1;
}

static bool set_v6(struct address *address, const char *host) {
    address->socket.v6.sin6_family = AF_INET6;
    return inet_pton(AF_INET6, host, &address->socket.v6.sin6_addr) == 1;
}

static bool set_host(struct address *address, struct slice host) {
    char text[INET6_ADDRSTRLEN];
    *address = (struct address){0};
    if (slice_equal(host, SLICE("*"))) {
        address->both_families = true;
        return set_v6(address, "::");
    }
    if (slice_equal(host, SLICE("localhost")))
        return set_v4(address, "127.0.0.1");
    bool bracketed = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (bracketed)
        host = slice_of(host.ptr + 1, host.len - 2);
    if (host.len >= sizeof text)
        return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    return bracketed ? set_v6(address, text) : set_v4(address, text);
}

void address_widen(struct address *address) {
    uint16_t port = address_port(address);
    (void)set_host(address, SLICE("*"));
    address_set_port(address, port);
}

/* `name` is what stands behind "unix:". */
static int set_local(struct address *address, const char *name, struct err *err) {
    size_t len = strlen(name);
    *address = (struct address){.socket.local.sun_family = AF_UNIX};
    if (len == 0 || strcmp(name, "@") == 0)
        return err_set(err, EINVAL, "'unix:%s' names no socket (as in unix:/run/pronto.sock)",
                       name);
    if (len >= ADDRESS_PATH_MAX)
        return err_set(err, EINVAL,
                       "'unix:%.100s...' is longer than the %d bytes that a socket's "
                       "name may have",
                       name, ADDRESS_PATH_MAX - 1);
    memcpy(address->socket.local.sun_path, name, len);
    if (name[0] == '@')
        address->socket.local.sun_path[0] = '\0';
    return 0;
}

int address_parse(const char *text, struct address *address, struct err *err) {
    if (strncmp(text, "unix:", 5) == 0)
        return set_local(address, text + 5, err);
    const char *colon = strrchr(text, ':');
    struct slice host = colon != NULL ? slice_of(text, (size_t)(colon - text)) : SLICE("127.0.0.1");
    struct slice port_text = slice_of_text(colon != NULL ? colon + 1 : text);
    uint64_t port;

    if (!set_host(address, host))
        return err_set(err, EINVAL,
                       "'%s' is no address to listen on (give PORT, an IPv4 address and a port as "
                       "in 127.0.0.1:8080, [V6]:PORT, localhost:PORT, *:PORT for all, or "
                       "unix:PATH)",
                       text);
    if (!number_parse(port_text, UINT16_MAX, &port))
        return err_set(err, EINVAL, "'%s' has no port from 0 to 65535 (as in 127.0.0.1:8080)",
                       text);
    address_set_port(address, (uint16_t)port);
    address->is_port = colon == NULL;
    return 0;
}

static void format_local(const struct sockaddr_un *local, char text[ADDRESS_TEXT_MAX]) {
    bool abstract = local->sun_path[0] == '\0';
    (void)snprintf(text, ADDRESS_TEXT_MAX, abstract ? "unix:@%.*s" : "unix:%.*s",
                   ADDRESS_PATH_MAX - 1, local->sun_path + (abstract ? 1 : 0));
}

void address_format(const struct address *address, char text[ADDRESS_TEXT_MAX]) {
    if (address_is_local(address)) {
        format_local(&address->socket.local, text);
        return;
    }
    char host[INET6_ADDRSTRLEN] = "?";
    bool is_v6 = address->socket.any.sa_family == AF_INET6;
    const void *ip = is_v6 ? (const void *)&address->socket.v6.sin6_addr
                           : (const void *)&address->socket.v4.sin_addr;
    (void)inet_ntop(address->socket.any.sa_family, ip, host, sizeof host);
    (void)snprintf(text, ADDRESS_TEXT_MAX, is_v6 ? "[%s]:%u" : "%s:%u", host,
                   (unsigned)address_port(address));
}
