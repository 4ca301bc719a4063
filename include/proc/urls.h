/* The URLs by which what is served can be reached. */
#pragma once

#include "conf/address.h"
#include "proc/listeners.h"

#include <stddef.h>

enum url_kind {
    URL_LOCAL,   /* from this machine */
    URL_NETWORK, /* from others, too */
    URL_SOCKET,  /* a local socket, of which there is but the address, as --listen has it */
};

enum { URL_TEXT_MAX = ADDRESS_TEXT_MAX + sizeof "http:///", URLS_MAX = 64 };

struct url {
    enum url_kind kind;
    char text[URL_TEXT_MAX];
};

struct urls {
    struct url items[URLS_MAX];
    size_t count;
};

/* Writes the URL of an address, or the address of a local socket, which has none. */
void url_format(const struct address *address, char text[URL_TEXT_MAX]);

/* Finds those of the listeners, in their order; where one listens on all interfaces, the local one,
 * and then the others (sys/outside.h). */
void urls_find(struct urls *urls, const struct listeners *listeners);

/* The first one of that kind, or NULL. */
const char *urls_first(const struct urls *urls, enum url_kind kind);
