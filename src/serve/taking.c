#include "serve/taking.h"

#include "sys/socket.h"

enum { LEFT_BYTES = 16 * 1024 }; /* to the kernel, where the client is near */

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

bool taking_is_over(const struct taking *taking, int fd, bool near) {
    return (near && taking->bytes <= LEFT_BYTES) || socket_unacked_bytes(fd) == 0;
}
