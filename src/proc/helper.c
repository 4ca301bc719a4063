#include "proc/helper.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* SIGCHLD is blocked, as the master takes it from its loop. */
void helper_end(struct helper *helper) {
    const struct timespec patience = {.tv_sec = 1};
    sigset_t set;
    helper_dismiss(helper);
    if (helper->pid == 0)
        return;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    while (waitpid(helper->pid, NULL, WNOHANG) == 0) {
        if (sigtimedwait(&set, NULL, &patience) < 0 && errno == EAGAIN)
            (void)kill(helper->pid, SIGKILL);
    }
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
