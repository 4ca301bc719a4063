#include "sys/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Room for one descriptor (cmsg(3)). */
union control {
    struct cmsghdr header; /* aligns the bytes */
    char bytes[CMSG_SPACE(sizeof(int))];
};

int channel_send(int fd, char byte, int passed) {
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    union control control;
    memset(&control, 0, sizeof control);
    if (passed >= 0) {
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof passed);
        memcpy(CMSG_DATA(&control.header), &passed, sizeof passed);
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
    }
    ssize_t sent;
    do
        sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

/* The descriptor that a message brought, or -1. */
static int passed_with(struct msghdr *message) {
    int passed = -1;
    const struct cmsghdr *header = CMSG_FIRSTHDR(message);
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof passed))
        memcpy(&passed, CMSG_DATA(header), sizeof passed);
    return passed;
}

/* The kernel writes to `byte`. NOLINTNEXTLINE(readability-non-const-parameter) */
enum channel_outcome channel_receive(int fd, char *byte, int *passed) {
    struct iovec part = {.iov_base = byte, .iov_len = 1};
    union control control;
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t len;
    do
        len = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (len < 0 && errno == EINTR);
    *passed = -1;
    if (len < 0 && errno == EAGAIN)
        return CHANNEL_EMPTY;
    if (len <= 0)
        return CHANNEL_END;
    *passed = passed_with(&message);
    return CHANNEL_BYTE;
}
