/* How a client takes what is sent to it. A socket has room again only after a good part of its
 * buffer has been taken, which a slow client needs a while for; so what counts is what the client
 * has acknowledged. */
#pragma once

#include <stdint.h>

/* What there was to be taken since it was started. */
struct taking {
    uint64_t bytes;
};

enum taken {
    TAKEN_ALL,
    TAKEN_ENOUGH,
    TAKEN_TOO_LITTLE,
};

/* From now on, what the socket has sent and the client not acknowledged is to be taken. */
void taking_start(struct taking *taking, int fd);

/* `bytes` more have been sent. */
static inline void taking_add(struct taking *taking, uint64_t bytes) {
    taking->bytes += bytes;
}

/* What the client of the socket has taken since, of which `least` bytes are enough; nothing at all
 * never is. */
enum taken taking_judge(const struct taking *taking, int fd, uint64_t least);

/* Bytes that are to be taken in `part_ms`, where it is `bytes` in `whole_ms`. */
uint64_t taking_least_bytes(uint64_t bytes, int64_t whole_ms, int64_t part_ms);
