#include "proc/helper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000 }; /* of the master's */

int helper_fork(struct helper *helper, int *channel) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
        return -errno;
    pid_t pid = fork();
    int result = pid < 0 ? -errno : 0;
    if (pid == 0) {
        (void)close(ends[0]);
        *channel = ends[1];
        return 1;
    }
    (void)close(ends[1]);
    if (pid < 0)
        (void)close(ends[0]);
    else
        *helper = (struct helper){pid, ends[0]};
    return result;
}

void helper_dismiss(struct helper *helper) {
    if (helper->channel >= 0)
        (void)close(helper->channel);
    helper->channel = -1;
}

/* Waits until a child has ended, but no longer than that (pidfd_open(2)). To wait for SIGCHLD would
 * take it from the loop, which is told by it of the end of others, too. */
static bool await_end(pid_t pid, int patience_ms) {
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd end = {.fd = fd, .events = POLLIN};
    if (fd < 0)
        return false;
    bool ended = poll(&end, 1, patience_ms) == 1;
    (void)close(fd);
    return ended;
}

void helper_end(struct helper *helper) {
    helper_dismiss(helper);
    if (helper->pid == 0)
        return;
    if (!await_end(helper->pid, PATIENCE_MS))
        (void)kill(helper->pid, SIGKILL);
    (void)waitpid(helper->pid, NULL, 0);
    helper->pid = 0;
}

bool helper_ended(struct helper *helper, pid_t pid) {
    if (helper->pid == 0 || helper->pid != pid)
        return false;
    helper_leave(helper);
    return true;
}

void helper_leave(struct helper *helper) {
    helper_dismiss(helper);
    helper->pid = 0;
}

/* What there is to read is the end. */
static void on_channel(struct source *source) {
    list_entry(source, struct helper_end, source)->is_here = true;
}

int helper_end_await(struct helper_end *end, struct loop *loop, int channel) {
    end->is_here = false;
    source_init(&end->source, channel, on_channel);
    return loop_add(loop, &end->source, EPOLLIN | EPOLLRDHUP);
}

void helper_end_close(struct helper_end *end) {
    source_close(&end->source);
}
