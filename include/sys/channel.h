/* What two processes on one machine say to each other through a socket pair (unix(7)): single
 * bytes, of which each may bring a descriptor. */
#pragma once

/* Sends a byte, and with it a copy of `passed`, which stays the caller's; -1: none. Never waits.
 * Returns 0 or -errno (sendmsg(2)). */
int channel_send(int fd, char byte, int passed);

enum channel_outcome {
    CHANNEL_BYTE,
    CHANNEL_EMPTY, /* nothing has come */
    CHANNEL_END,   /* the other side is gone */
};

/* Takes the next byte, without waiting. `*passed` is the descriptor that came with it, owned by the
 * caller and closed on execve(2), or -1. */
enum channel_outcome channel_receive(int fd, char *byte, int *passed);
