#include "serve/taking.h"

#include "sys/socket.h"

void taking_start(struct taking *taking, int fd) {
    taking->bytes = socket_unacked_bytes(fd);
}

enum taken taking_judge(const struct taking *taking, int fd, uint64_t least) {
    uint64_t unacked = socket_unacked_bytes(fd);
    if (unacked >= taking->bytes)
        return TAKEN_TOO_LITTLE;
    if (unacked == 0)
        return TAKEN_ALL;
    return taking->bytes - unacked >= least ? TAKEN_ENOUGH : TAKEN_TOO_LITTLE;
}

/* It is divided before it is multiplied: the largest that options allow would not fit into 64 bits.
 */
uint64_t taking_least_bytes(uint64_t bytes, int64_t whole_ms, int64_t part_ms) {
    const uint64_t whole = (uint64_t)whole_ms;
    const uint64_t part = (uint64_t)part_ms;
    return bytes / whole * part + bytes % whole * part / whole;
}
