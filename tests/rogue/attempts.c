#include "rogue/attempts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int result_of(long result) {
    return result < 0 ? errno : 0;
}

/* The same for what returns a descriptor. */
static int close_result(long fd) {
    int errnum = result_of(fd);
    if (fd >= 0)
        (void)close((int)fd);
    return errnum;
}

static int try_read(const char *path) {
    return close_result(open(path, O_RDONLY | O_CLOEXEC));
}

static int try_openat2(const char *path, uint64_t flags) {
    struct open_how how = {.flags = flags | O_CLOEXEC, .mode = (flags & O_CREAT) != 0 ? 0644 : 0};
    return close_result(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how));
}

static int try_openat2_read(const char *path) {
    return try_openat2(path, O_RDONLY);
}

static int try_openat2_write(const char *path) {
    return try_openat2(path, O_WRONLY);
}

static int try_openat2_create(const char *path) {
    return try_openat2(path, O_WRONLY | O_CREAT | O_EXCL);
}

static int try_write(const char *path) {
    return close_result(open(path, O_WRONLY | O_CLOEXEC));
}

static int try_create(const char *path) {
    return close_result(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
}

static int try_truncate(const char *path) {
    return result_of(truncate(path, 0));
}

static int try_unlink(const char *path) {
    return result_of(unlink(path));
}

static int try_mkdir(const char *path) {
    return result_of(mkdir(path, 0755));
}

static int try_chmod(const char *path) {
    return result_of(chmod(path, 0777));
}

static int try_symlink(const char *path) {
    return result_of(symlink("/", path));
}

static int try_chdir(const char *path) {
    return result_of(chdir(path));
}

static int try_socket(const char *path) {
    (void)path;
    return close_result(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int try_socket_udp(const char *path) {
    (void)path;
    return close_result(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int try_socket_local(const char *path) {
    (void)path;
    return close_result(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

/* The first socket that listens, which the master and the next worker have as well; or -1. */
static int find_listening(void) {
    for (int fd = 0; fd < 256; fd++) {
        int listens = 0;
        socklen_t len = sizeof listens;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens != 0)
            return fd;
    }
    return -1;
}

/* A filter that drops nothing: what counts is whether one can be put there. */
static int try_filter_clients(const char *path) {
    struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
    const struct sock_fprog program = {.len = 1, .filter = &all};
    (void)path;
    return result_of(
        setsockopt(find_listening(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
}

static int try_stop_listening(const char *path) {
    (void)path;
    return result_of(shutdown(find_listening(), SHUT_RD));
}

/* Another protocol than that of routes: what the kernel says of devices. */
static int try_socket_netlink(const char *path) {
    (void)path;
    return close_result(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT));
}

/* To the loopback's port of discard; nobody need be there. */
static int try_connect_udp(const char *path) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    (void)path;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int result = result_of(connect(fd, (const struct sockaddr *)&to, sizeof to));
    (void)close(fd);
    return result;
}

static int try_broadcast(const char *path) {
    const int on = 1;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    (void)path;
    int result = result_of(setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on));
    (void)close(fd);
    return result;
}

static int try_fork(const char *path) {
    (void)path;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    if (pid > 0)
        (void)waitpid(pid, NULL, 0);
    return result_of(pid);
}

static int try_exec(const char *path) {
    char *const words[] = {"true", NULL};
    return result_of(execv(path, words));
}

static int try_signal(const char *path) {
    (void)path;
    return result_of(kill(getppid(), 0));
}

static int try_signal_thread(const char *path) {
    (void)path;
    return result_of(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int try_ptrace(const char *path) {
    (void)path;
    return result_of(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL));
}

static int try_mount(const char *path) {
    return result_of(mount("none", path, "tmpfs", 0, NULL));
}

static int try_bpf(const char *path) {
    (void)path;
    return result_of(syscall(SYS_bpf, 0, NULL, 0));
}

static int try_unshare(const char *path) {
    (void)path;
    return result_of(syscall(SYS_unshare, 0x10000000)); /* CLONE_NEWUSER */
}

static int try_root(const char *path) {
    (void)path;
    return result_of(setresuid(0, 0, 0));
}

static int try_run_memory(const char *path) {
    (void)path;
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? errno : 0;
}

static int try_be_dumpable(const char *path) {
    (void)path;
    return result_of(syscall(SYS_prctl, 4, 1, 0, 0, 0)); /* PR_SET_DUMPABLE */
}

static const struct {
    const char *name;
    int (*run)(const char *argument);
} attempts[] = {
    {"read", try_read},
    {"write", try_write},
    {"create", try_create},
    {"openat2-read", try_openat2_read},
    {"openat2-write", try_openat2_write},
    {"openat2-create", try_openat2_create},
    {"truncate", try_truncate},
    {"unlink", try_unlink},
    {"mkdir", try_mkdir},
    {"chmod", try_chmod},
    {"symlink", try_symlink},
    {"chdir", try_chdir},
    {"socket", try_socket},
    {"socket-udp", try_socket_udp},
    {"socket-local", try_socket_local},
    {"filter-clients", try_filter_clients},
    {"stop-listening", try_stop_listening},
    {"socket-netlink", try_socket_netlink},
    {"connect-udp", try_connect_udp},
    {"broadcast", try_broadcast},
    {"fork", try_fork},
    {"exec", try_exec},
    {"signal", try_signal},
    {"signal-thread", try_signal_thread},
    {"ptrace", try_ptrace},
    {"mount", try_mount},
    {"bpf", try_bpf},
    {"unshare", try_unshare},
    {"root", try_root},
    {"run-memory", try_run_memory},
    {"be-dumpable", try_be_dumpable},
};

int attempt(const char *name, const char *argument) {
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        if (strcmp(attempts[i].name, name) == 0)
            return attempts[i].run(argument);
    }
    return -1;
}
