/* Programs that a test starts: what they write, how they end, and that none outlives the test.
 *
 * The test becomes the reaper of its descendants (prctl(2), PR_SET_CHILD_SUBREAPER), so that a
 * worker whose master died is still found and ended; and what it starts is killed by the kernel
 * when the test itself dies. Processes are always ended by their id. */
#pragma once

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct process {
    pid_t pid;  /* -1: not started, or waited for */
    int out_fd; /* memory files with all that it wrote to stdout and stderr; -1: none */
    int err_fd;
    int status; /* of waitpid(2), once it has been waited for */
};

#define PROCESS_INIT \
    { -1, -1, -1, 0 }

struct process_options {
    bool unprivileged;     /* if the test is root, run as an ordinary user without capabilities */
    size_t max_fds;        /* RLIMIT_NOFILE; 0: as the test */
    const char *directory; /* to run in; NULL: as the test */
};

/* Starts argv[0], looked up in $PATH, with `argv`; `options` may be NULL. stdin is /dev/null. */
void process_start(struct process *process, const struct process_options *options,
                   const char *const argv[]);

/* Forks off a helper of the test that calls run(context) and ends. */
void process_fork(struct process *process, void (*run)(void *context), void *context);

/* Waits until it ended, `timeout_ms` at most; false: it still runs. */
bool process_wait(struct process *process, int timeout_ms);

/* The exit code of a process that was waited for, or minus the signal that killed it. */
int process_exit_code(const struct process *process);

/* What was written to one of the memory files so far, NUL-terminated; the caller frees it. */
char *process_text(int fd);

/* Runs a program to its end, 60 s at most. Returns its stdout, which the caller frees, and its exit
 * code; if that is not 0, stderr is shown. */
char *process_run(const char *const argv[], int *exit_code);

/* Ends it with SIGKILL, waits for it, and closes the memory files. Idempotent. */
void process_deinit(struct process *process);

/* Ends all descendants of the test. */
void process_kill_all(void);

/* The children of `pid` that are not zombies; at most `max`. Returns how many there are. */
size_t process_children(pid_t pid, pid_t *children, size_t max);

/* The children of `pid` that have ended, and that it has not waited for. */
size_t process_count_zombies(pid_t pid);

/* Whether the process exists and is no zombie. */
bool process_is_alive(pid_t pid);

/* Open fds of the process; 0 when it is gone. */
size_t process_count_fds(pid_t pid);

/* The value in bytes of a line such as "Private_Dirty" of /proc/PID/smaps_rollup. */
size_t process_memory(pid_t pid, const char *line);

/* The CPUs that the test may run on, and the first of them alone. */
void process_cpus(cpu_set_t *all, cpu_set_t *first);
