/* The filter compares the number of the call with those of the rows by halves, from the lowest
 * number to the highest; what is no row's is refused. Calls that are allowed FREELY are decided
 * without a look at their arguments; so the kernel (from 5.11 on) finds out once that they always
 * will be, and does not run the filter for them. That makes an order in which frequent calls come
 * first unnecessary.
 *
 * Only the lower half of an argument is looked at. All that are looked at are ints for the kernel,
 * or flags that are there. */
#include "sys/seccomp.h"

#include "base/check.h"
#include "base/diag.h"
#include "base/instrumented.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#if defined __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined __riscv && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#endif

#ifdef ARCHITECTURE

enum rule_kind { RULE_NONE, RULE_FREELY, RULE_WITHOUT, RULE_ONE_OF, RULE_OWN, RULE_FATAL };

enum { VALUES_MAX = 4, RULES_MAX = 3 };

struct rule {
    enum rule_kind kind;
    unsigned argument;
    size_t count;
    uint32_t values[VALUES_MAX];
};

struct row {
    uint32_t number;
    unsigned who;
    struct rule rules[RULES_MAX]; /* all of them hold, up to the first that is none */
};

#define WORKER    SECCOMP_WORKER
#define OBSERVER  SECCOMP_OBSERVER
#define ANNOUNCER SECCOMP_ANNOUNCER
#define ALL       (WORKER | OBSERVER | ANNOUNCER)

#define FREELY \
    { .kind = RULE_FREELY }
#define WITHOUT(n, bits)                                                     \
    {                                                                        \
        .kind = RULE_WITHOUT, .argument = (n), .values = {(uint32_t)(bits) } \
    }
#define ONE_OF(n, ...)                                                             \
    {                                                                              \
        .kind = RULE_ONE_OF, .argument = (n),                                      \
        .count = sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), .values = { \
            __VA_ARGS__                                                            \
        }                                                                          \
    }
#define OWN(n) \
    { .kind = RULE_OWN, .argument = (n) }
#define FATAL \
    { .kind = RULE_FATAL }

/* What open(2) is asked for by those who do more than read; O_TMPFILE has the bit of O_DIRECTORY,
 * too.
 */
enum { WRITING = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY) };

static const struct row rows[] = {
#define SYSCALL(name, who, ...) {__NR_##name, who, {__VA_ARGS__}},
#include "sys/syscall.def"
#undef SYSCALL
};

enum { ROWS = sizeof rows / sizeof rows[0] };

static const uint32_t allowed = SECCOMP_RET_ALLOW;
static const uint32_t killed = SECCOMP_RET_KILL_PROCESS;
/* In builds that are tested, what is refused is told: a call that is missing in the table would
 * otherwise be seen only by what does not work. */
static const uint32_t refused =
    INSTRUMENTED_SANITIZED ? SECCOMP_RET_TRAP : SECCOMP_RET_ERRNO | EPERM;

/* Writing the filter */

struct program {
    struct sock_filter *code;
    size_t len;
    pid_t self;
};

static void put(struct program *program, struct sock_filter instruction) {
    CHECK(program->len < SECCOMP_PROGRAM_MAX);
    program->code[program->len++] = instruction;
}

static void put_load(struct program *program, size_t offset) {
    put(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void put_return(struct program *program, uint32_t action) {
    put(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* `condition` is BPF_JEQ and so on; jumps over so many instructions, if it holds and if not. */
static void put_jump(struct program *program, unsigned condition, uint32_t value, size_t if_true,
                     size_t if_false) {
    put(program, (struct sock_filter)BPF_JUMP((uint16_t)(BPF_JMP | BPF_K | condition), value,
                                              (uint8_t)if_true, (uint8_t)if_false));
}

static void put_load_argument(struct program *program, unsigned argument) {
    size_t lower_half = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 4;
    put_load(program, offsetof(struct seccomp_data, args) + 8 * argument + lower_half);
}

/* Where the argument is one of these, what follows decides. */
static void put_one_of(struct program *program, unsigned argument, const uint32_t *values,
                       size_t count) {
    put_load_argument(program, argument);
    for (size_t i = 0; i < count; i++)
        put_jump(program, BPF_JEQ, values[i], count - i, 0);
    put_return(program, refused);
}

static void put_without(struct program *program, unsigned argument, uint32_t bits) {
    put_load_argument(program, argument);
    put_jump(program, BPF_JSET, bits, 0, 1);
    put_return(program, refused);
}

/* A rule that is about an argument refuses the call, or leaves it to what follows. */
static void put_rule(struct program *program, const struct rule *rule) {
    const uint32_t self = (uint32_t)program->self;
    switch (rule->kind) {
    case RULE_NONE:
    case RULE_FREELY:
        break;
    case RULE_WITHOUT:
        put_without(program, rule->argument, rule->values[0]);
        break;
    case RULE_ONE_OF:
        put_one_of(program, rule->argument, rule->values, rule->count);
        break;
    case RULE_OWN:
        put_one_of(program, rule->argument, &self, 1);
        break;
    case RULE_FATAL:
        put_return(program, killed);
        break;
    }
}

static bool is_fatal(const struct row *row) {
    return row->rules[0].kind == RULE_FATAL;
}

/* What is decided when the number is the row's. */
static void put_rules(struct program *program, const struct row *row) {
    for (size_t i = 0; i < RULES_MAX && row->rules[i].kind != RULE_NONE; i++)
        put_rule(program, &row->rules[i]);
    if (!is_fatal(row))
        put_return(program, allowed);
}

/* Decides among rows in the order of their numbers. A jump that depends on something reaches 255
 * instructions only, one that does not any. */
static void put_rows(struct program *program, const struct row *const *sorted, size_t count) {
    size_t half = count / 2;
    if (count == 1) {
        put_jump(program, BPF_JEQ, sorted[0]->number, 1, 0);
        put_return(program, refused);
        put_rules(program, sorted[0]);
        return;
    }
    put_jump(program, BPF_JGE, sorted[half]->number, 0, 1);
    size_t jump = program->len;
    put(program, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
    put_rows(program, sorted, half);
    program->code[jump].k = (uint32_t)(program->len - jump - 1);
    put_rows(program, sorted + half, count - half);
}

static int compare_rows(const void *left, const void *right) {
    const struct row *const *first = left;
    const struct row *const *second = right;
    return (*first)->number < (*second)->number ? -1 : (*first)->number > (*second)->number;
}

static size_t sort_rows(enum seccomp_who who, const struct row *sorted[ROWS]) {
    size_t count = 0;
    for (size_t i = 0; i < ROWS; i++) {
        if ((rows[i].who & who) != 0)
            sorted[count++] = &rows[i];
    }
    qsort(sorted, count, sizeof(const struct row *), compare_rows);
    return count;
}

size_t seccomp_build(enum seccomp_who who, pid_t self,
                     struct sock_filter code[SECCOMP_PROGRAM_MAX]) {
    const struct row *sorted[ROWS];
    struct program program = {.code = code, .self = self};
    size_t count = sort_rows(who, sorted);
    put_load(&program, offsetof(struct seccomp_data, arch));
    put_jump(&program, BPF_JEQ, ARCHITECTURE, 1, 0);
    put_return(&program, killed); /* the numbers of another architecture are other calls */
    put_load(&program, offsetof(struct seccomp_data, nr));
    put_rows(&program, sorted, count);
    return program.len;
}

size_t seccomp_count(enum seccomp_who who) {
    size_t count = 0;
    for (size_t i = 0; i < ROWS; i++)
        count += (rows[i].who & who) != 0 && !is_fatal(&rows[i]);
    return count;
}

#else /* of a processor that the filter does not know */

size_t seccomp_build(enum seccomp_who who, pid_t self,
                     struct sock_filter code[SECCOMP_PROGRAM_MAX]) {
    (void)who;
    (void)self;
    (void)code;
    return 0;
}

size_t seccomp_count(enum seccomp_who who) {
    (void)who;
    return 0;
}

#endif

/* Telling */

/* The register in which the result of a call is. */
static void set_result(ucontext_t *context, int result) {
#if defined __x86_64__
    context->uc_mcontext.gregs[REG_RAX] = result;
#elif defined __aarch64__
    context->uc_mcontext.regs[0] = (unsigned long long)result;
#elif defined __riscv
    context->uc_mcontext.__gregs[REG_A0] = (unsigned long)result;
#endif
}

/* Stands for what the filter does elsewhere by itself, and says so; it runs in the call that was
 * refused, not at any time. */
static void on_refusal(int number, siginfo_t *info, void *context) {
    static volatile sig_atomic_t count;
    (void)number;
    count++;
    diag_message("system call %d is refused, which syscall.def does not allow (%d so far)",
                 info->si_syscall, (int)count);
    set_result(context, -EPERM);
}

static void tell_refusals(void) {
    struct sigaction action = {.sa_sigaction = on_refusal, .sa_flags = SA_SIGINFO | SA_NODEFER};
    (void)sigaction(SIGSYS, &action, NULL);
}

/* Entering */

int seccomp_probe(void) {
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    if (seccomp_count(SECCOMP_WORKER) == 0)
        return -ENOSYS;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0 ? -errno : 0;
}

/* SECCOMP_FILTER_FLAG_SPEC_ALLOW: the filter runs nobody else's code, so the processor need not be
 * slowed down (kernels before 5.16 would); before 4.17, there is no such flag. */
static int install(const struct sock_fprog *program) {
    long result =
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, program);
    if (result < 0 && errno == EINVAL)
        result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program);
    return result < 0 ? -errno : 0;
}

int seccomp_enter(enum seccomp_who who) {
    struct sock_filter code[SECCOMP_PROGRAM_MAX];
    struct sock_fprog program = {.filter = code};
    program.len = (unsigned short)seccomp_build(who, getpid(), code);
    if (program.len == 0)
        return -ENOSYS;
    if (INSTRUMENTED_SANITIZED)
        tell_refusals();
    return install(&program);
}
