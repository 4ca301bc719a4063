/* Stands before system and library calls in a server whose calls are to fail, one in a run: the one
 * that the plan says. The linker puts the functions in place (--wrap), so calls of libraries among
 * themselves are not affected, and sanitizers work as ever.
 *
 * EAGAIN is a promise: something will happen when it is no longer so. When it is injected, whoever
 * waits for an edge is given one. */
#include "plan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { FDS = 1024 };

static struct fault_plan *plan; /* NULL: none fails */
static unsigned process;        /* number of this one */

/* How descriptors are registered with epoll; of another use by now, perhaps. */
static struct {
    int epoll_fd;
    struct epoll_event event;
} registered[FDS];

int __real_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event);
int __real_open(const char *path, int flags, long mode);
void *__real_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset);
pid_t __real_fork(void);
long __real_syscall(long number, long a, long b, long c, long d, long e, long f);

__attribute__((constructor)) static void find_plan(void) {
    const char *path = getenv(FAULT_PLAN_VARIABLE);
    int fd = path != NULL ? __real_open(path, O_RDWR | O_CLOEXEC, 0) : -1;
    if (fd < 0)
        return;
    void *memory = __real_mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (memory == MAP_FAILED)
        abort();
    plan = memory;
    process = atomic_fetch_add(&plan->processes, 1);
}

static void give_edge(int fd) {
    if (fd < 0 || fd >= FDS || registered[fd].epoll_fd <= 0)
        return;
    (void)__real_epoll_ctl(registered[fd].epoll_fd, EPOLL_CTL_MOD, fd, &registered[fd].event);
}

/* Counts a call, and returns its number; 0: in this process, none is counted. */
static unsigned count(enum fault_call call) {
    return process < FAULT_PROCESSES ? atomic_fetch_add(&plan->counts[process][call], 1) + 1 : 0;
}

static bool is_planned(enum fault_call call, unsigned position) {
    if (call != plan->call)
        return false;
    return plan->lasts ? process >= plan->process
                       : process == plan->process && position == plan->position;
}

/* Counts a call, and says whether it is to fail: then errno is set. `fd` is the descriptor whose
 * readiness EAGAIN is about; -1: none. */
static bool fails(enum fault_call call, int fd) {
    if (plan == NULL || !is_planned(call, count(call)))
        return false;
    atomic_fetch_add(&plan->fired, 1);
    if (plan->error == EAGAIN)
        give_edge(fd);
    errno = plan->error;
    return true;
}

/* A function that fails with `failure`. Optional arguments are passed as if they were there. */
#define WRAP(type, name, failure, fd, parameters, arguments)                 \
    type __real_##name parameters;                                           \
    type __wrap_##name parameters;                                           \
    type __wrap_##name parameters {                                          \
        return fails(CALL_##name, fd) ? (failure) : __real_##name arguments; \
    }

WRAP(int, accept4, -1, fd, (int fd, struct sockaddr *at, socklen_t *len, int flags),
     (fd, at, len, flags))
WRAP(int, bind, -1, -1, (int fd, const struct sockaddr *at, socklen_t len), (fd, at, len))
WRAP(void *, calloc, NULL, -1, (size_t count, size_t size), (count, size))
WRAP(int, connect, -1, -1, (int fd, const struct sockaddr *at, socklen_t len), (fd, at, len))
WRAP(int, epoll_create1, -1, -1, (int flags), (flags))
WRAP(int, epoll_wait, -1, -1, (int fd, struct epoll_event *events, int max, int timeout_ms),
     (fd, events, max, timeout_ms))
WRAP(int, faccessat, -1, -1, (int fd, const char *path, int mode, int flags),
     (fd, path, mode, flags))
WRAP(int, fcntl, -1, -1, (int fd, int command, long argument), (fd, command, argument))
WRAP(DIR *, fdopendir, NULL, -1, (int fd), (fd))
WRAP(int, fstat, -1, -1, (int fd, struct stat *stat), (fd, stat))
WRAP(int, fstatat, -1, -1, (int fd, const char *path, struct stat *stat, int flags),
     (fd, path, stat, flags))
WRAP(int, fstatfs, -1, -1, (int fd, struct statfs *statfs), (fd, statfs))
WRAP(int, gethostname, -1, -1, (char *name, size_t len), (name, len))
WRAP(int, getifaddrs, -1, -1, (struct ifaddrs * *interfaces), (interfaces))
WRAP(ssize_t, getrandom, -1, -1, (void *ptr, size_t len, unsigned flags), (ptr, len, flags))
WRAP(int, getrlimit, -1, -1, (__rlimit_resource_t what, struct rlimit *limit), (what, limit))
WRAP(int, getsockname, -1, -1, (int fd, struct sockaddr *at, socklen_t *len), (fd, at, len))
WRAP(int, getsockopt, -1, -1, (int fd, int level, int name, void *value, socklen_t *len),
     (fd, level, name, value, len))
WRAP(int, inotify_add_watch, -1, -1, (int fd, const char *path, uint32_t mask), (fd, path, mask))
WRAP(int, inotify_init1, -1, -1, (int flags), (flags))
WRAP(int, inotify_rm_watch, -1, -1, (int fd, int watch), (fd, watch))
WRAP(int, ioctl, -1, -1, (int fd, unsigned long request, void *argument), (fd, request, argument))
WRAP(int, kill, -1, -1, (pid_t pid, int number), (pid, number))
WRAP(int, listen, -1, -1, (int fd, int backlog), (fd, backlog))
WRAP(int, lstat, -1, -1, (const char *path, struct stat *stat), (path, stat))
WRAP(void *, malloc, NULL, -1, (size_t size), (size))
WRAP(void *, mmap, MAP_FAILED, -1,
     (void *at, size_t len, int protection, int flags, int fd, off_t offset),
     (at, len, protection, flags, fd, offset))
WRAP(int, open, -1, -1, (const char *path, int flags, long mode), (path, flags, mode))
WRAP(int, openat, -1, -1, (int fd, const char *path, int flags, long mode), (fd, path, flags, mode))
WRAP(ssize_t, pread, -1, -1, (int fd, void *ptr, size_t len, off_t offset), (fd, ptr, len, offset))
WRAP(int, prctl, -1, -1, (int option, long a, long b, long c, long d), (option, a, b, c, d))
WRAP(struct dirent *, readdir, NULL, -1, (DIR * names), (names))
WRAP(ssize_t, readlink, -1, -1, (const char *path, char *text, size_t len), (path, text, len))
WRAP(void *, realloc, NULL, -1, (void *ptr, size_t size), (ptr, size))
WRAP(void *, reallocarray, NULL, -1, (void *ptr, size_t count, size_t size), (ptr, count, size))
WRAP(char *, realpath, NULL, -1, (const char *path, char *text), (path, text))
WRAP(ssize_t, recv, -1, fd, (int fd, void *ptr, size_t len, int flags), (fd, ptr, len, flags))
WRAP(ssize_t, recvmsg, -1, fd, (int fd, struct msghdr *message, int flags), (fd, message, flags))
WRAP(int, rename, -1, -1, (const char *from, const char *to), (from, to))
WRAP(int, sched_getaffinity, -1, -1, (pid_t pid, size_t size, cpu_set_t *set), (pid, size, set))
WRAP(int, sched_setaffinity, -1, -1, (pid_t pid, size_t size, const cpu_set_t *set),
     (pid, size, set))
WRAP(ssize_t, send, -1, fd, (int fd, const void *ptr, size_t len, int flags), (fd, ptr, len, flags))
WRAP(ssize_t, sendfile, -1, fd, (int fd, int file_fd, off_t *offset, size_t len),
     (fd, file_fd, offset, len))
WRAP(ssize_t, sendmsg, -1, fd, (int fd, const struct msghdr *message, int flags),
     (fd, message, flags))
WRAP(int, setrlimit, -1, -1, (__rlimit_resource_t what, const struct rlimit *limit), (what, limit))
WRAP(int, setsockopt, -1, -1, (int fd, int level, int name, const void *value, socklen_t len),
     (fd, level, name, value, len))
WRAP(int, shutdown, -1, -1, (int fd, int how), (fd, how))
WRAP(int, signalfd, -1, -1, (int fd, const sigset_t *set, int flags), (fd, set, flags))
WRAP(int, sigprocmask, -1, -1, (int how, const sigset_t *set, sigset_t *before), (how, set, before))
WRAP(int, socket, -1, -1, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(int, socketpair, -1, -1, (int domain, int type, int protocol, int ends[2]),
     (domain, type, protocol, ends))
WRAP(char *, strdup, NULL, -1, (const char *text), (text))
WRAP(char *, strndup, NULL, -1, (const char *text, size_t len), (text, len))
WRAP(int, unlink, -1, -1, (const char *path), (path))
WRAP(pid_t, waitpid, -1, -1, (pid_t pid, int *status, int options), (pid, status, options))

ssize_t __real_write(int fd, const void *ptr, size_t len);
ssize_t __wrap_write(int fd, const void *ptr, size_t len);
ssize_t __real_read(int fd, void *ptr, size_t len);
ssize_t __wrap_read(int fd, void *ptr, size_t len);
int __wrap_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event);
pid_t __wrap_fork(void);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);

/* Only what is on a disk has EIO. */
ssize_t __wrap_read(int fd, void *ptr, size_t len) {
    struct stat stat;
    bool on_disk = __real_fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode);
    bool possible = plan == NULL || plan->error != EIO || on_disk;
    return possible && fails(CALL_read, fd) ? -1 : __real_read(fd, ptr, len);
}

/* A message that is not told is lost, and the test waits for some of them. */
ssize_t __wrap_write(int fd, const void *ptr, size_t len) {
    return fd != STDERR_FILENO && fails(CALL_write, fd) ? -1 : __real_write(fd, ptr, len);
}

int __wrap_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event) {
    if (fails(CALL_epoll_ctl, -1))
        return -1;
    int result = __real_epoll_ctl(epoll_fd, operation, fd, event);
    if (result == 0 && operation == EPOLL_CTL_ADD && fd < FDS) {
        registered[fd].epoll_fd = epoll_fd;
        registered[fd].event = *event;
    }
    return result;
}

pid_t __wrap_fork(void) {
    if (fails(CALL_fork, -1))
        return -1;
    pid_t pid = __real_fork();
    if (pid == 0 && plan != NULL)
        process = atomic_fetch_add(&plan->processes, 1);
    return pid;
}

/* Only openat2(2) is known by its number. */
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f) {
    if (number == SYS_openat2 && fails(CALL_openat2, -1))
        return -1;
    return __real_syscall(number, a, b, c, d, e, f);
}
