#include "support/tracer.h"

#include "support/note.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

enum { TIMEOUT_MS = 15000 };

bool tracer_attach(struct tracer *tracer, pid_t pid) {
    *tracer = (struct tracer){.pid = pid};
    if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE) == 0)
        return true;
    note_cannot_test("what becomes of workers that are held: ptrace: %s", strerror(errno));
    return false;
}

/* Goes on after a stop of the traced process, with the signal that it stopped for. */
static void resume(pid_t pid, int status) {
    bool is_event = status >> 16 != 0;
    (void)ptrace(PTRACE_CONT, pid, NULL, is_event ? 0 : WSTOPSIG(status));
}

/* Waits until a process has stopped; false: it is gone. */
static bool await_stop(pid_t pid, int *status) {
    int64_t deadline = note_now_ms() + TIMEOUT_MS;
    pid_t stopped;
    while ((stopped = waitpid(pid, status, WNOHANG | __WALL)) == 0) {
        if (note_now_ms() > deadline)
            fail_msg("process %d does not fork", (int)pid);
        note_pause_ms(1);
    }
    return stopped == pid && WIFSTOPPED(*status);
}

pid_t tracer_await_child(struct tracer *tracer) {
    int status;
    unsigned long child = 0;
    while (child == 0) {
        if (!await_stop(tracer->pid, &status))
            fail_msg("process %d ended", (int)tracer->pid);
        int event = status >> 16;
        if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_CLONE)
            assert_int_equal(ptrace(PTRACE_GETEVENTMSG, tracer->pid, NULL, &child), 0);
        resume(tracer->pid, status);
    }
    assert_true(await_stop((pid_t)child, &status));
    assert_in_range(tracer->count, 0, 7);
    tracer->children[tracer->count++] = (pid_t)child;
    return (pid_t)child;
}

static void forget(struct tracer *tracer, pid_t child) {
    for (int i = 0; i < tracer->count; i++) {
        if (tracer->children[i] == child)
            tracer->children[i] = 0;
    }
}

void tracer_release(struct tracer *tracer, pid_t child) {
    (void)ptrace(PTRACE_DETACH, child, NULL, 0);
    forget(tracer, child);
}

/* The end of a child is told to its parent when its tracer has seen it. */
static void await_end(pid_t child) {
    int status = 0;
    pid_t ended;
    do
        ended = waitpid(child, &status, __WALL);
    while (ended == child && WIFSTOPPED(status));
}

void tracer_kill(struct tracer *tracer, pid_t child) {
    assert_int_equal(kill(child, SIGKILL), 0);
    await_end(child);
    forget(tracer, child);
}

/* A process can be let go of only while it stands still. */
void tracer_detach(struct tracer *tracer) {
    int status = 0;
    for (int i = 0; i < tracer->count; i++) {
        pid_t child = tracer->children[i];
        if (child != 0 && ptrace(PTRACE_DETACH, child, NULL, 0) != 0)
            await_end(child);
    }
    if (ptrace(PTRACE_INTERRUPT, tracer->pid, NULL, NULL) != 0 || !await_stop(tracer->pid, &status))
        fail_msg("process %d cannot be let go", (int)tracer->pid);
    bool is_signal = status >> 16 == 0;
    (void)ptrace(PTRACE_DETACH, tracer->pid, NULL, is_signal ? WSTOPSIG(status) : 0);
}
