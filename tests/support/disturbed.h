/* A kernel that disturbs one connection: it moves a few bytes at a time, says "not now", reports
 * edges late, resets, and runs out of memory, as the test says in the variables here.
 *
 * For one test program, which includes this itself, and memory.h and still.h: that makes the linker
 * put the functions in place. */
#pragma once

#include "serve/outq.h"
#include "support/feint.h"
#include "support/memory.h"
#include "support/row.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>

/* The server's end of the one connection that is disturbed, as epoll knows it. */
static int disturbed_fd = -1;
static struct epoll_event registration; /* data.ptr NULL: not registered */
static struct feint input;
static struct feint output;
static bool reset_told;
static bool no_edges;       /* a client that takes nothing more */
static size_t additions;    /* to epoll */
static size_t sends;        /* calls of sendmsg() and sendfile() */
static int add_error;       /* errno of the next ones; 0: none */
static int shutdown_error;  /* the same */
static bool swallows_files; /* sendfile() takes everything, and sends nothing */
static bool acknowledges;   /* the client has everything as soon as it is sent */

ssize_t __wrap_recv(int fd, void *ptr, size_t len, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_send(int fd, const void *ptr, size_t len, int flags);
ssize_t __wrap_sendfile(int fd, int file_fd, off_t *offset, size_t len);
int __wrap_shutdown(int fd, int how);
int __wrap_ioctl(int fd, unsigned long request, void *value);
int __wrap_close(int fd);
int __wrap_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event);
int __wrap_epoll_wait(int epoll_fd, struct epoll_event *events, int max, int timeout_ms);
ssize_t __real_recv(int fd, void *ptr, size_t len, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __real_sendfile(int fd, int file_fd, off_t *offset, size_t len);
int __real_shutdown(int fd, int how);
int __real_ioctl(int fd, unsigned long request, void *value);
int __real_close(int fd);
int __real_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event);
int __real_epoll_wait(int epoll_fd, struct epoll_event *events, int max, int timeout_ms);

static inline int deny(int error) {
    errno = error;
    return -1;
}

ssize_t __wrap_recv(int fd, void *ptr, size_t len, int flags) {
    if (fd != disturbed_fd)
        return __real_recv(fd, ptr, len, flags);
    ssize_t allowed = feint_allow(&input, len);
    return allowed < 0 ? -1 : feint_passed(&input, __real_recv(fd, ptr, (size_t)allowed, flags));
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags) {
    struct iovec parts[OUTQ_SEGMENTS];
    struct msghdr cut = {.msg_iov = parts};
    if (fd != disturbed_fd)
        return __real_sendmsg(fd, message, flags);
    sends++;
    ssize_t allowed = feint_allow(&output, feint_total(message->msg_iov, message->msg_iovlen));
    if (allowed < 0)
        return -1;
    cut.msg_iovlen = feint_cut(message->msg_iov, message->msg_iovlen, (size_t)allowed, parts);
    return feint_passed(&output, __real_sendmsg(fd, &cut, flags));
}

/* The same for one piece. */
ssize_t __wrap_send(int fd, const void *ptr, size_t len, int flags) {
    struct iovec part = {.iov_base = (void *)(uintptr_t)ptr, .iov_len = len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    return __wrap_sendmsg(fd, &message, flags);
}

ssize_t __wrap_sendfile(int fd, int file_fd, off_t *offset, size_t len) {
    if (fd != disturbed_fd)
        return __real_sendfile(fd, file_fd, offset, len);
    sends++;
    ssize_t allowed = feint_allow(&output, len);
    if (allowed < 0)
        return -1;
    return feint_passed(
        &output, swallows_files ? allowed : __real_sendfile(fd, file_fd, offset, (size_t)allowed));
}

int __wrap_shutdown(int fd, int how) {
    if (fd == disturbed_fd && shutdown_error != 0)
        return deny(shutdown_error);
    return __real_shutdown(fd, how);
}

int __wrap_ioctl(int fd, unsigned long request, void *value) {
    if (!acknowledges)
        return __real_ioctl(fd, request, value);
    *(int *)value = 0;
    return 0;
}

int __wrap_close(int fd) {
    if (fd == disturbed_fd) {
        disturbed_fd = -1;
        registration.data.ptr = NULL;
    }
    return __real_close(fd);
}

int __wrap_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event) {
    if (operation == EPOLL_CTL_DEL)
        return __real_epoll_ctl(epoll_fd, operation, fd, event);
    additions++;
    if (add_error != 0)
        return deny(add_error);
    assert_int_equal(operation, EPOLL_CTL_ADD);
    if (fd == disturbed_fd)
        registration = *event;
    return __real_epoll_ctl(epoll_fd, operation, fd, event);
}

/* What epoll would report now because of the disturbances. */
static inline uint32_t edges(void) {
    uint32_t events = 0;
    if (feint_take_edge(&input))
        events |= EPOLLIN;
    if (!no_edges && feint_take_edge(&output))
        events |= EPOLLOUT;
    if (!reset_told && input.error != 0 && input.passed >= input.error_after) {
        events |= EPOLLERR | EPOLLHUP;
        reset_told = true;
    }
    return events;
}

/* The kernel knows nothing of the disturbances, and says that what is paused is ready. */
static inline uint32_t paused(void) {
    return (input.is_paused ? EPOLLIN : 0u) | (output.is_paused ? EPOLLOUT : 0u);
}

int __wrap_epoll_wait(int epoll_fd, struct epoll_event *events, int max, int timeout_ms) {
    int count = __real_epoll_wait(epoll_fd, events, max - 1, timeout_ms);
    if (registration.data.ptr == NULL)
        return count;
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == registration.data.ptr)
            events[i].events &= ~paused();
    }
    struct epoll_event event = {.events = edges(), .data = registration.data};
    if (event.events != 0)
        events[count++] = event;
    return count;
}

/* Everything as usual. */
static inline void undisturbed(void) {
    disturbed_fd = -1;
    registration.data.ptr = NULL;
    input = (struct feint){.step = 0};
    output = (struct feint){.step = 0};
    reset_told = false;
    no_edges = false;
    additions = 0;
    sends = 0;
    add_error = 0;
    shutdown_error = 0;
    swallows_files = false;
    acknowledges = false;
    allocations_until_failure = -1;
}
