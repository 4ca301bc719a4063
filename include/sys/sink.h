/* Where lines are written to that nobody must wait for: a file, a pipe, a terminal, a receiver of
 * datagrams. */
#pragma once

#include "base/err.h"
#include "base/slice.h"
#include "conf/address.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum sink_kind {
    SINK_FILE,     /* takes everything, or is full */
    SINK_STREAM,   /* takes what its reader lets it: a pipe, a device */
    SINK_TERMINAL, /* the same, and somebody is looking */
    SINK_SOCKET,   /* the same as a SINK_STREAM */
    SINK_DATAGRAM, /* each line is a message of its own, without its line end */
};

/* A pipe takes lines of up to this many bytes as a whole or not at all, so that those of several
 * processes do not mix (PIPE_BUF, pipe(7)). */
enum { SINK_STREAM_LINE_MAX = PIPE_BUF };

struct sink {
    int fd; /* owned; -1: none */
    enum sink_kind kind;
    bool may_wait; /* the descriptor is shared with others, and must not be made non-blocking */
};

#define SINK_INIT \
    { .fd = -1 }

/* Opens a file to append to, made with mode 0640 where there is none, or a FIFO, which needs no
 * reader. Returns a descriptor, owned by the caller, or -errno (open(2)). */
int sink_open_file(const char *path);

/* Opens what stands behind the standard output, without a change to what others have of it. Returns
 * a descriptor, owned by the caller, or -errno. */
int sink_open_stdout(void);

/* Opens a socket to a receiver of datagrams (udp(7)). Returns a descriptor, owned by the caller, or
 * -errno. */
int sink_open_datagrams(const struct address *receiver);

/* Makes a sink of a descriptor that one of the above has returned, also in another process; owns it
 * from then on. */
struct sink sink_of_fd(int fd);

/* Writes lines, each with its line end, as far as that goes without waiting; `*written` is how many
 * bytes it took, which may end within a line. Of a file that is full and a reader that is slow, the
 * rest is the caller's to keep or drop. Returns 0: all of it; -EAGAIN: try later; or another -errno
 * (write(2), sendmsg(2)). */
int sink_write(const struct sink *sink, struct slice lines, size_t *written);

/* Idempotent. */
void sink_deinit(struct sink *sink);
