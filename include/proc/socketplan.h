/* Which sockets a generation of workers, or the observer, listens on: those that are there already,
 * as far as they are asked for, and new ones. Pure. */
#pragma once

#include "conf/options.h"

#include <stdbool.h>
#include <stddef.h>

/* The standard port, and how many from there on are tried. */
enum { SOCKETPLAN_PORT = 8080, SOCKETPLAN_PORTS = 100 };

enum binding_kind {
    BINDING_EACH,   /* a socket for each worker (SO_REUSEPORT), at least */
    BINDING_SHARED, /* one for all workers */
    BINDING_GIVEN,  /* the same, opened by who started pronto, and not pronto's own */
};

/* An address, and the sockets that listen there, or are to. */
struct socketplan_binding {
    struct address address;
    enum binding_kind kind;
    size_t sockets;
};

/* No binding that is there. */
enum { SOCKETPLAN_NONE = OPTIONS_ADDRESSES_MAX };

struct socketplan_step {
    struct address address; /* as it is bound, where it is there; else as it is asked for */
    enum binding_kind kind;
    size_t from;   /* which of those that are there; SOCKETPLAN_NONE: a new one */
    size_t kept;   /* how many sockets it has: all stay, with whoever is on the way to them */
    size_t opened; /* how many are to be opened */
    bool beside;   /* one that is there and stays open meanwhile covers a part of it */
};

struct socketplan {
    struct socketplan_step steps[OPTIONS_ADDRESSES_MAX];
    size_t count;
    bool standard; /* nobody asked for the address of the first step, a new one: where its port is
                      taken, the next one will do */
};

struct socketplan_wish {
    const struct option_addresses *addresses; /* that are asked for; borrowed */
    size_t workers;
    bool any; /* without an address, all sockets that were given are wanted, and without these (or
                 with `lan`) the standard port; else nothing */
    bool lan;
};

/* Plans for what is asked for, from that and from what is there. Port 0 means the port that it
 * meant before. What no step is from is no longer asked for. */
void socketplan_make(struct socketplan *plan, const struct socketplan_wish *wish,
                     const struct socketplan_binding *there, size_t count);

/* The address of the standard port. */
struct address socketplan_standard(bool lan);
