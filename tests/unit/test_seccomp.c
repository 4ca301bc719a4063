/* The filter is run by a machine for its instructions (bpf in linux/filter.h), for all system calls
 * that there are, and compared with the table. What the kernel makes of it is in test_sandbox. */
#include "sys/seccomp.h"

#include "support/row.h"

#include "base/instrumented.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __x86_64__
enum { NATIVE = (int)AUDIT_ARCH_X86_64 };
#elif defined __aarch64__
enum { NATIVE = (int)AUDIT_ARCH_AARCH64 };
#else
enum { NATIVE = (int)AUDIT_ARCH_RISCV64 };
#endif

enum { SELF = 4711, NUMBERS = 1024 };

enum verdict { ALLOWED, REFUSED, KILLED, BROKEN };

static struct sock_filter code[SECCOMP_PROGRAM_MAX];
static size_t len;
static bool looked_at_arguments;

static uint32_t load(const struct seccomp_data *data, uint32_t offset) {
    uint32_t value = 0;
    if (offset >= offsetof(struct seccomp_data, args))
        looked_at_arguments = true;
    if (offset + sizeof value <= sizeof *data)
        memcpy(&value, (const char *)data + offset, sizeof value);
    return value;
}

static bool holds(uint16_t operation, uint32_t left, uint32_t right) {
    switch (BPF_OP(operation)) {
    case BPF_JEQ:
        return left == right;
    case BPF_JGE:
        return left >= right;
    default:
        return (left & right) != 0;
    }
}

/* What the program returns; 0, which is no action of its, where it is not well formed. */
static uint32_t run(const struct seccomp_data *data) {
    uint32_t value = 0;
    looked_at_arguments = false;
    for (size_t at = 0; at < len; at++) {
        const struct sock_filter *in = &code[at];
        if (in->code == (BPF_LD | BPF_W | BPF_ABS))
            value = load(data, in->k);
        else if (in->code == (BPF_JMP | BPF_JA))
            at += in->k;
        else if (BPF_CLASS(in->code) == BPF_JMP)
            at += holds(in->code, value, in->k) ? in->jt : in->jf;
        else
            return in->code == (BPF_RET | BPF_K) ? in->k : 0;
    }
    return 0;
}

static enum verdict judge(uint32_t arch, int number, const uint64_t *arguments) {
    struct seccomp_data data = {.nr = number, .arch = arch};
    for (size_t i = 0; i < 6 && arguments != NULL; i++)
        data.args[i] = arguments[i];
    switch (run(&data)) {
    case SECCOMP_RET_ALLOW:
        return ALLOWED;
    case SECCOMP_RET_ERRNO | EPERM:
    case SECCOMP_RET_TRAP:
        return REFUSED;
    case SECCOMP_RET_KILL_PROCESS:
        return KILLED;
    default:
        return BROKEN;
    }
}

static void build(enum seccomp_who who) {
    len = seccomp_build(who, SELF, code);
    assert_in_range(len, 1, SECCOMP_PROGRAM_MAX);
}

enum {
    SERVING = SECCOMP_WORKER | SECCOMP_OBSERVER,
    ALL = SERVING | SECCOMP_ANNOUNCER,
    FOR_READING = INSTRUMENTED_SANITIZED ? ALL : SERVING,
};

static const struct {
    const char *name;
    int number;
    unsigned who; /* that may make it */
    enum verdict otherwise;
    bool freely;
} calls[] = {
    {"epoll_pwait", __NR_epoll_pwait, ALL, REFUSED, true},
    {"accept4", __NR_accept4, SERVING, REFUSED, true},
    {"recvfrom", __NR_recvfrom, ALL, REFUSED, true},
    {"sendto", __NR_sendto, ALL, REFUSED, true},
    {"sendmsg", __NR_sendmsg, ALL, REFUSED, true},
    {"close", __NR_close, ALL, REFUSED, true},
    {"pwritev2", __NR_pwritev2, ALL, REFUSED, true}, /* messages */
    {"getsockopt", __NR_getsockopt, SERVING, REFUSED, true},
    {"sendfile", __NR_sendfile, SECCOMP_WORKER, REFUSED, true},
    {"openat2", __NR_openat2, SECCOMP_WORKER, REFUSED, true},
    {"inotify_rm_watch", __NR_inotify_rm_watch, SECCOMP_WORKER, REFUSED, true},
    {"inotify_add_watch", __NR_inotify_add_watch, SECCOMP_WORKER, REFUSED, true},
    {"openat", __NR_openat, FOR_READING, REFUSED, false},
    {"mmap", __NR_mmap, ALL, REFUSED, false},
    {"socket", __NR_socket, 0, REFUSED, false},
    {"socketpair", __NR_socketpair, 0, REFUSED, false},
    {"connect", __NR_connect, 0, REFUSED, false},
    {"bind", __NR_bind, SECCOMP_ANNOUNCER, REFUSED, true},
    {"getsockname", __NR_getsockname, SECCOMP_ANNOUNCER, REFUSED, true},
    {"listen", __NR_listen, 0, REFUSED, false},
    {"kill", __NR_kill, 0, REFUSED, false},
    {"clone3", 435, 0, REFUSED, false},
    {"unlinkat", __NR_unlinkat, 0, REFUSED, false},
    {"linkat", __NR_linkat, 0, REFUSED, false},
    {"fchmodat", __NR_fchmodat, 0, REFUSED, false},
    {"setresuid", __NR_setresuid, 0, REFUSED, false},
    {"pidfd_getfd", 438, 0, REFUSED, false},
    {"memfd_create", __NR_memfd_create, 0, REFUSED, false},
    {"execve", __NR_execve, 0, KILLED, false},
    {"execveat", __NR_execveat, 0, KILLED, false},
    {"mount", __NR_mount, 0, KILLED, false},
    {"bpf", __NR_bpf, 0, KILLED, false},
    {"init_module", __NR_init_module, 0, KILLED, false},
    {"kexec_load", __NR_kexec_load, 0, KILLED, false},
    {"process_vm_writev", __NR_process_vm_writev, 0, KILLED, false},
    {"unshare", __NR_unshare, 0, KILLED, false},
#if !INSTRUMENTED_SANITIZED
    {"ptrace", __NR_ptrace, 0, KILLED, false},
    {"clone", __NR_clone, 0, REFUSED, false},
#endif
};

static void check_calls(enum seccomp_who who) {
    build(who);
    for (size_t i = 0; i < ROWS_COUNT(calls); i++) {
        enum verdict want = (calls[i].who & who) != 0 ? ALLOWED : calls[i].otherwise;
        row_assert_number(calls[i].name, judge((uint32_t)NATIVE, calls[i].number, NULL), want);
        if (calls[i].freely) /* so the kernel need not run the filter for it */
            row_assert(calls[i].name, !looked_at_arguments);
    }
}

static void test_worker(void **state) {
    (void)state;
    check_calls(SECCOMP_WORKER);
}

static void test_observer(void **state) {
    (void)state;
    check_calls(SECCOMP_OBSERVER);
}

static void test_announcer(void **state) {
    (void)state;
    check_calls(SECCOMP_ANNOUNCER);
}

/* Arguments with which a call is allowed that is allowed at all. */
static const uint64_t *good_arguments(enum seccomp_who who, int number) {
    static const uint64_t own[6] = {SELF};
    static const uint64_t get_flags[6] = {0, F_GETFL};
    static const uint64_t get_settings[6] = {0, TCGETS};
    static const uint64_t udp[6] = {AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0};
    static const uint64_t join[6] = {0, IPPROTO_IP, IP_ADD_MEMBERSHIP};
    static const uint64_t shut[6] = {0, SHUT_WR};
    static const uint64_t set_option[6] = {0, SOL_SOCKET, SO_LINGER};
    switch (number) {
    case __NR_fcntl:
        return get_flags;
    case __NR_ioctl:
        return get_settings;
    case __NR_socket:
        return udp;
    case __NR_shutdown:
        return shut;
    case __NR_setsockopt:
        return who == SECCOMP_ANNOUNCER ? join : set_option;
    default:
        return own;
    }
}

/* Each number has an answer, and as many are allowed as the table says. */
static void test_all_numbers(void **state) {
    (void)state;
    static const enum seccomp_who all[] = {SECCOMP_WORKER, SECCOMP_OBSERVER, SECCOMP_ANNOUNCER};
    for (size_t i = 0; i < ROWS_COUNT(all); i++) {
        size_t allowed = 0;
        build(all[i]);
        for (int number = -1; number < NUMBERS; number++) {
            enum verdict verdict = judge((uint32_t)NATIVE, number, good_arguments(all[i], number));
            row_assert(row_at("number", (size_t)number), verdict != BROKEN);
            allowed += verdict == ALLOWED;
        }
        assert_int_equal(allowed, seccomp_count(all[i]));
    }
    assert_true(seccomp_count(SECCOMP_OBSERVER) < seccomp_count(SECCOMP_WORKER));
    assert_true(seccomp_count(SECCOMP_ANNOUNCER) < seccomp_count(SECCOMP_OBSERVER));
}

struct argued {
    const char *name;
    int number;
    uint64_t arguments[6];
    enum verdict verdict;
};

static const struct argued of_worker[] = {
    {"openat to read", __NR_openat, {0, 0, O_RDONLY | O_NONBLOCK | O_CLOEXEC}, ALLOWED},
    {"openat of a directory", __NR_openat, {0, 0, O_RDONLY | O_DIRECTORY}, ALLOWED},
    {"openat of a place", __NR_openat, {0, 0, O_PATH}, ALLOWED},
    {"openat to write", __NR_openat, {0, 0, O_WRONLY}, REFUSED},
    {"openat to read and write", __NR_openat, {0, 0, O_RDWR}, REFUSED},
    {"openat to make", __NR_openat, {0, 0, O_RDONLY | O_CREAT}, REFUSED},
    {"openat to empty", __NR_openat, {0, 0, O_RDONLY | O_TRUNC}, REFUSED},
    {"openat without a name", __NR_openat, {0, 0, O_TMPFILE | O_RDWR}, REFUSED},
    {"mmap", __NR_mmap, {0, 4096, PROT_READ | PROT_WRITE}, ALLOWED},
    {"mmap to run", __NR_mmap, {0, 4096, PROT_READ | PROT_EXEC}, REFUSED},
    {"mprotect", __NR_mprotect, {0, 4096, PROT_NONE}, ALLOWED},
    {"mprotect to run", __NR_mprotect, {0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC}, REFUSED},
    {"ioctl of a terminal", __NR_ioctl, {0, TCGETS}, ALLOWED},
    {"ioctl of a socket", __NR_ioctl, {0, SIOCOUTQ}, ALLOWED},
    {"ioctl of a terminal's size", __NR_ioctl, {0, TIOCGWINSZ}, ALLOWED},
    {"ioctl that types", __NR_ioctl, {0, TIOCSTI}, REFUSED},
    {"fcntl", __NR_fcntl, {0, F_GETFL}, ALLOWED},
    {"fcntl that copies", __NR_fcntl, {0, F_DUPFD}, REFUSED},
    {"shutdown of the sending side", __NR_shutdown, {0, SHUT_WR}, ALLOWED},
    {"shutdown that ends listening", __NR_shutdown, {0, SHUT_RD}, REFUSED},
    {"shutdown of both sides", __NR_shutdown, {0, SHUT_RDWR}, REFUSED},
    {"setsockopt that resets", __NR_setsockopt, {0, SOL_SOCKET, SO_LINGER}, ALLOWED},
    {"setsockopt that paces", __NR_setsockopt, {0, SOL_SOCKET, SO_MAX_PACING_RATE}, ALLOWED},
    {"setsockopt that filters", __NR_setsockopt, {0, SOL_SOCKET, SO_ATTACH_FILTER}, REFUSED},
    {"setsockopt that steers", __NR_setsockopt, {0, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF}, REFUSED},
    {"tgkill of itself", __NR_tgkill, {SELF, SELF, 6}, ALLOWED},
    {"tgkill of another", __NR_tgkill, {SELF + 1, SELF + 1, 6}, REFUSED},
    {"tgkill of init", __NR_tgkill, {1, 1, 9}, REFUSED},
    {"tgkill of all", __NR_tgkill, {UINT64_MAX, 1, 9}, REFUSED},
};

enum { PLAIN_UDP = SOCK_DGRAM | SOCK_CLOEXEC, PLAIN_RAW = SOCK_RAW | SOCK_CLOEXEC };

static const struct argued of_announcer[] = {
    {"UDP", __NR_socket, {AF_INET, PLAIN_UDP, 0}, ALLOWED},
    {"UDP of IPv6", __NR_socket, {AF_INET6, PLAIN_UDP, 0}, ALLOWED},
    {"routes", __NR_socket, {AF_NETLINK, PLAIN_RAW, NETLINK_ROUTE}, ALLOWED},
    {"TCP", __NR_socket, {AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0}, REFUSED},
    {"TCP of IPv6", __NR_socket, {AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0}, REFUSED},
    {"SCTP", __NR_socket, {AF_INET, SOCK_SEQPACKET | SOCK_CLOEXEC, 0}, REFUSED},
    {"ping", __NR_socket, {AF_INET, PLAIN_UDP, IPPROTO_ICMP}, REFUSED},
    {"raw UDP", __NR_socket, {AF_INET, PLAIN_RAW, IPPROTO_UDP}, REFUSED},
    {"local", __NR_socket, {AF_UNIX, PLAIN_UDP, 0}, REFUSED},
    {"packets", __NR_socket, {AF_PACKET, PLAIN_RAW, 0}, REFUSED},
    {"the kernel's filters", __NR_socket, {AF_NETLINK, PLAIN_RAW, NETLINK_NETFILTER}, REFUSED},
    {"joining", __NR_setsockopt, {0, IPPROTO_IP, IP_ADD_MEMBERSHIP}, ALLOWED},
    {"joining with IPv6", __NR_setsockopt, {0, IPPROTO_IPV6, IPV6_JOIN_GROUP}, ALLOWED},
    {"a filter", __NR_setsockopt, {0, SOL_SOCKET, SO_ATTACH_FILTER}, REFUSED},
    {"options of IP", __NR_setsockopt, {0, IPPROTO_IP, IP_OPTIONS}, REFUSED},
    {"mmap to run", __NR_mmap, {0, 4096, PROT_READ | PROT_EXEC}, REFUSED},
    {"tgkill of another", __NR_tgkill, {SELF + 1, SELF + 1, 6}, REFUSED},
};

static void check_arguments(enum seccomp_who who, const struct argued *cases, size_t count) {
    build(who);
    for (size_t i = 0; i < count; i++)
        row_assert_number(cases[i].name,
                          judge((uint32_t)NATIVE, cases[i].number, cases[i].arguments),
                          cases[i].verdict);
}

static void test_arguments(void **state) {
    (void)state;
    check_arguments(SECCOMP_WORKER, of_worker, ROWS_COUNT(of_worker));
    check_arguments(SECCOMP_ANNOUNCER, of_announcer, ROWS_COUNT(of_announcer));
}

/* Another architecture has other numbers; and x86-64 has a second set of them, x32. */
static void test_other_architectures(void **state) {
    (void)state;
    build(SECCOMP_WORKER);
    assert_int_equal(judge(AUDIT_ARCH_I386, __NR_read, NULL), KILLED);
    assert_int_equal(judge(AUDIT_ARCH_ARM, __NR_read, NULL), KILLED);
    assert_int_equal(judge((uint32_t)NATIVE, 0x40000000 | __NR_read, NULL), REFUSED);
    assert_int_equal(judge((uint32_t)NATIVE, 0x40000000 | __NR_execve, NULL), REFUSED);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worker),    cmocka_unit_test(test_observer),
        cmocka_unit_test(test_announcer), cmocka_unit_test(test_all_numbers),
        cmocka_unit_test(test_arguments), cmocka_unit_test(test_other_architectures),
    };
    return cmocka_run_group_tests_name("seccomp", tests, NULL, NULL);
}
