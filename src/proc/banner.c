#include "proc/banner.h"

#include "base/diag.h"
#include "conf/version.h"

#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Fills in an interface's address, with a port; false where it is none that others could use. */
static bool outside_address(const struct ifaddrs *interface, uint16_t port, bool v6_too,
                            struct address *address) {
    *address = (struct address){0};
    if (interface->ifa_addr == NULL || (interface->ifa_flags & IFF_UP) == 0)
        return false;
    if (interface->ifa_addr->sa_family == AF_INET) {
        address->socket.v4 = *(const struct sockaddr_in *)(const void *)interface->ifa_addr;
    } else if (interface->ifa_addr->sa_family == AF_INET6 && v6_too) {
        address->socket.v6 = *(const struct sockaddr_in6 *)(const void *)interface->ifa_addr;
        if (IN6_IS_ADDR_LINKLOCAL(
                &address->socket.v6.sin6_addr)) /* needs a zone, which URLs lack */
            return false;
    } else {
        return false;
    }
    address_set_port(address, port);
    return !address_is_loopback(address);
}

/* Prints the URLs of the interfaces that a wildcard stands for, each behind the label. */
static void print_outside(const struct address *wildcard, const char *label) {
    struct ifaddrs *interfaces = NULL;
    if (getifaddrs(&interfaces) < 0)
        return;
    bool v6_too = wildcard->socket.any.sa_family == AF_INET6;
    for (const struct ifaddrs *at = interfaces; at != NULL; at = at->ifa_next) {
        struct address address;
        char text[ADDRESS_TEXT_MAX];
        if (!outside_address(at, address_port(wildcard), v6_too, &address))
            continue;
        address_format(&address, text);
        fprintf(stderr, "%s http://%s/\n", label, text);
    }
    freeifaddrs(interfaces);
}

static void print_urls(const struct address *address) {
    char text[ADDRESS_TEXT_MAX];
    bool wildcard = address_is_wildcard(address);
    address_format(address, text);
    if (address_is_local(address)) {
        fprintf(stderr, "  Local    %s\n", text);
    } else if (wildcard || address_is_loopback(address)) {
        bool v6_only = address->socket.any.sa_family == AF_INET6 && !address->both_families;
        fprintf(stderr, "  Local    http://%s:%u/\n", v6_only ? "[::1]" : "localhost",
                (unsigned)address_port(address));
    } else {
        fprintf(stderr, "  Network  http://%s/\n", text);
    }
    if (wildcard)
        print_outside(address, "  Network ");
}

static void print_mount(struct slice path, const char *directory) {
    char *real = realpath(directory, NULL);
    fprintf(stderr, "  Mount    /%.*s is %s\n", (int)path.len, path.ptr,
            real != NULL ? real : directory);
    free(real);
}

static void print_terminal(const struct options *options, const struct listeners *listeners,
                           const struct option_addresses *admin) {
    char *root = realpath(options->root, NULL);
    fprintf(stderr, "pronto %s  serving %s  (%zu worker%s)\n", VERSION,
            root != NULL ? root : options->root, listeners->workers,
            listeners->workers == 1 ? "" : "s");
    free(root);
    for (size_t i = 0; i < options->mount.count; i++)
        print_mount(options->mount.items[i].path, options->mount.items[i].directory);
    for (size_t i = 0; i < listeners->count; i++)
        print_urls(&listeners->items[i].address);
    for (size_t i = 0; i < admin->count; i++) {
        char text[ADDRESS_TEXT_MAX];
        address_format(&admin->items[i], text);
        fprintf(stderr, "  Status   http://%s/\n", text);
    }
    if (options->live)
        fputs("  Live     pages load again when files change\n", stderr);
    fputs("  Ctrl-C stops\n", stderr);
}

/* A local socket has no URL. */
static void print_line(const char *what, const struct address *address) {
    char text[ADDRESS_TEXT_MAX];
    bool is_local = address_is_local(address);
    address_format(address, text);
    diag_message("%s %s%s%s", what, is_local ? "" : "http://", text, is_local ? "" : "/");
}

static void print_lines(const struct options *options, const struct listeners *listeners,
                        const struct option_addresses *admin) {
    for (size_t i = 0; i < admin->count; i++)
        print_line("status on", &admin->items[i]);
    for (size_t i = 0; i < listeners->count; i++) {
        print_line("listening on", &listeners->items[i].address);
        if (options->lan)
            print_outside(&listeners->items[i].address, "pronto: others can use");
    }
    if (options->live)
        diag_message("live: pages load again when files change");
}

void banner_print_new(const struct listeners *listeners) {
    for (size_t i = 0; i < listeners->count; i++) {
        if (listeners->items[i].is_new)
            print_line("listening on", &listeners->items[i].address);
    }
}

void banner_print_left(const struct listeners *before, const struct listeners *listeners) {
    for (size_t i = 0; i < before->count; i++) {
        if (!listeners_have(listeners, &before->items[i], 0))
            print_line("no longer listening on", &before->items[i].address);
    }
}

void banner_print(const struct options *options, const struct listeners *listeners,
                  const struct option_addresses *admin) {
    if (options->quiet)
        return;
    if (listeners->taken_port != 0)
        diag_message("port %u is taken, using %u instead (--listen asks for a certain one)",
                     (unsigned)listeners->taken_port,
                     (unsigned)address_port(&listeners->items[0].address));
    if (isatty(STDERR_FILENO))
        print_terminal(options, listeners, admin);
    else
        print_lines(options, listeners, admin);
}
