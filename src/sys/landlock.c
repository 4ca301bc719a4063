/* The numbers are of the kernel's interface, which only grows. linux/landlock.h has them, too, but
 * it may be older than the kernel that pronto runs on, or not there at all. */
#include "sys/landlock.h"

#include "base/instrumented.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CALL_CREATE = 444, CALL_ADD_RULE = 445, CALL_RESTRICT_SELF = 446 }; /* on all processors */

enum { CREATE_VERSION = 1, RULE_PATH_BENEATH = 1 };

enum { READ_FILE = 1 << 2, READ_DIR = 1 << 3 };

struct ruleset {
    uint64_t files;   /* what can be done with them: a bit each, of which 13 are of version 1 */
    uint64_t network; /* the same; from version 4 on */
    uint64_t scopes;  /* from version 6 on */
};

struct path_beneath {
    uint64_t allowed;
    int32_t directory_fd;
} __attribute__((packed));

/* What is denied from a version on, unless it is allowed. */
static const struct version {
    struct ruleset denied;
    size_t size; /* of a ruleset, then */
} versions[] = {
    {{0x1fff, 0, 0}, 8},  /* 5.13: read, write, run, remove and make files */
    {{0x3fff, 0, 0}, 8},  /* 5.19: link and rename between directories */
    {{0x7fff, 0, 0}, 8},  /* 6.2: truncate */
    {{0x7fff, 3, 0}, 16}, /* 6.7: bind and connect TCP sockets */
    {{0xffff, 3, 0}, 16}, /* 6.10: ioctl(2) on devices */
    {{0xffff, 3, 3}, 24}, /* 6.12: abstract local sockets, signals */
};

enum { VERSIONS = sizeof versions / sizeof versions[0] };

int landlock_probe(void) {
    long version = syscall(CALL_CREATE, NULL, 0, CREATE_VERSION);
    return version > 0 ? (int)version : 0;
}

/* Versions that are newer than this know what this asks for. */
static int create(void) {
    int version = landlock_probe();
    if (version == 0)
        return -ENOSYS;
    const struct version *known = &versions[(version < VERSIONS ? version : VERSIONS) - 1];
    long fd = syscall(CALL_CREATE, &known->denied, known->size, 0);
    return fd < 0 ? -errno : (int)fd;
}

static int allow(int ruleset, int directory, uint64_t allowed) {
    const struct path_beneath rule = {.allowed = allowed, .directory_fd = directory};
    return syscall(CALL_ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

/* What a build that watches itself needs: coverage is written somewhere, and LeakSanitizer reads
 * what /proc says of the process. Empty: nothing. */
#if INSTRUMENTED_COVERAGE
static const char instruments[] = "/";
static const uint64_t instruments_allowed = 0x1fff;
#elif INSTRUMENTED_SANITIZED
static const char instruments[] = "/proc";
static const uint64_t instruments_allowed = READ_FILE | READ_DIR;
#else
static const char instruments[] = "";
static const uint64_t instruments_allowed = 0;
#endif

/* By a call of its own: where tests have calls of pronto's fail, those who watch are to see. */
static int allow_instruments(int ruleset) {
    const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    int fd = -1;
    if (instruments[0] != 0)
        fd = (int)syscall(SYS_openat, AT_FDCWD, instruments, flags);
    int result = fd < 0 ? 0 : allow(ruleset, fd, instruments_allowed);
    if (fd >= 0)
        (void)close(fd);
    return result;
}

int landlock_enter(const int *directories, size_t count) {
    int ruleset = create();
    if (ruleset < 0)
        return ruleset;
    int result = allow_instruments(ruleset);
    for (size_t i = 0; i < count && result == 0; i++)
        result = allow(ruleset, directories[i], READ_FILE | READ_DIR);
    if (result == 0 && syscall(CALL_RESTRICT_SELF, ruleset, 0) < 0)
        result = -errno;
    (void)close(ruleset);
    return result;
}
