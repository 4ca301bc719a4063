/* How a client takes what is sent to it. A socket has room again only after a good part of its
 * buffer has been taken, which a slow client needs a while for; so what counts is what the client
 * has acknowledged. */
#pragma once

#include <stdbool.h>
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

/* Whether the client of the socket has taken all, or will have, and is not worth asking the kernel:
 * a few bytes, by who is `near`, on this machine, and reads to the end. Of others it is asked, as
 * nobody bounds for how many, and for how long, the kernel would see to what they have not. */
bool taking_is_over(const struct taking *taking, int fd, bool near);

/* Bytes that are to be taken in that time, at so many per second. What options allow for both is
 * far from 64 bits. */
static inline uint64_t taking_least_bytes(uint64_t rate, int64_t waited_ms) {
    return rate * (uint64_t)waited_ms / 1000;
}
