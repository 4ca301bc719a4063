/* What pronto is given by who started it: sockets that listen (sd_listen_fds(3)); and, where that
 * was an older pronto which it is to relieve, the channel to it. It is told in the environment:
 *
 *   LISTEN_PID       the process that this is meant for
 *   LISTEN_FDS       how many sockets there are, from descriptor 3 on
 *   PRONTO_UPGRADE   CHANNEL:KINDS: a descriptor, and what each of the sockets is, a letter for
 *                    each (listeners_describe()), and a capital for those of --admin, which come
 *                    last; only among prontos */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { HANDOVER_FIRST = 3 };

struct handover {
    size_t sockets;    /* from HANDOVER_FIRST on */
    size_t admin;      /* how many of them, the last ones, are for --admin */
    const char *kinds; /* NULL: all of them are given ones; borrowed from the environment */
    int channel;       /* -1: there is none; it takes a byte when this process serves, and ends when
                          the other one has left the serving to it */
};

/* The values of the variables, NULL where they are not set. */
struct handover_words {
    const char *pid;
    const char *sockets;
    const char *upgrade;
};

/* What they say to the process `pid`; what is meant for another one, or is not well-formed, says
 * nothing. Pure. */
struct handover handover_parse(const struct handover_words *words, pid_t pid);

/* The same for this process, and takes the variables out of the environment: they say nothing to a
 * child. LISTEN_FDNAMES, which pronto does not need, goes with them. */
struct handover handover_take(void);
