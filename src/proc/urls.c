#include "proc/urls.h"

#include "sys/outside.h"

#include <arpa/inet.h>
#include <stdio.h>

void url_format(const struct address *address, char text[URL_TEXT_MAX]) {
    char host[ADDRESS_TEXT_MAX];
    bool is_local = address_is_local(address);
    address_format(address, host);
    (void)snprintf(text, URL_TEXT_MAX, "%s%s%s", is_local ? "" : "http://", host,
                   is_local ? "" : "/");
}

/* A URL that is to be filled in; NULL: there are too many. */
static struct url *add(struct urls *urls, enum url_kind kind) {
    if (urls->count == URLS_MAX)
        return NULL;
    urls->items[urls->count].kind = kind;
    return &urls->items[urls->count++];
}

static void add_address(struct urls *urls, enum url_kind kind, const struct address *address) {
    struct url *url = add(urls, kind);
    if (url != NULL)
        url_format(address, url->text);
}

static void add_outside(struct urls *urls, const struct address *wildcard) {
    struct address addresses[URLS_MAX];
    bool v6_too = wildcard->socket.any.sa_family == AF_INET6;
    size_t count = outside_find(v6_too, addresses, URLS_MAX);
    for (size_t i = 0; i < count; i++) {
        address_set_port(&addresses[i], address_port(wildcard));
        add_address(urls, URL_NETWORK, &addresses[i]);
    }
}

/* Whether "localhost" leads to the address: that is 127.0.0.1 everywhere. */
static bool is_localhost(const struct address *address) {
    if (address_is_wildcard(address))
        return address->socket.any.sa_family == AF_INET || address->both_families;
    return address->socket.any.sa_family == AF_INET &&
           address->socket.v4.sin_addr.s_addr == htonl(INADDR_LOOPBACK);
}

static void add_localhost(struct urls *urls, uint16_t port) {
    struct url *url = add(urls, URL_LOCAL);
    if (url != NULL)
        (void)snprintf(url->text, sizeof url->text, "http://localhost:%u/", (unsigned)port);
}

static void add_local(struct urls *urls, const struct address *address) {
    struct address own = *address;
    if (address_is_wildcard(address) && address->socket.any.sa_family == AF_INET6)
        own.socket.v6.sin6_addr = in6addr_loopback;
    if (is_localhost(address))
        add_localhost(urls, address_port(address));
    else
        add_address(urls, URL_LOCAL, &own);
}

void urls_find(struct urls *urls, const struct listeners *listeners) {
    urls->count = 0;
    for (size_t i = 0; i < listeners->count; i++) {
        const struct address *address = &listeners->items[i].address;
        if (address_is_local(address))
            add_address(urls, URL_SOCKET, address);
        else if (address_is_wildcard(address) || address_is_loopback(address))
            add_local(urls, address);
        else
            add_address(urls, URL_NETWORK, address);
        if (address_is_wildcard(address))
            add_outside(urls, address);
    }
}

const char *urls_first(const struct urls *urls, enum url_kind kind) {
    for (size_t i = 0; i < urls->count; i++) {
        if (urls->items[i].kind == kind)
            return urls->items[i].text;
    }
    return NULL;
}
