#include "sys/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WORDS = _LINUX_CAPABILITY_U32S_3 };

static bool has_any(const struct __user_cap_data_struct data[WORDS]) {
    for (int i = 0; i < WORDS; i++) {
        if ((data[i].effective | data[i].permitted | data[i].inheritable) != 0)
            return true;
    }
    return false;
}

/* A capability that cannot be read cannot be had. */
bool privileges_are_left(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[WORDS];
    return syscall(SYS_capget, &header, data) < 0 || has_any(data);
}

/* The bounding set is what could be had by execve(2). Only who has CAP_SETPCAP may make it smaller;
 * for others, no_new_privs says the same. */
int privileges_bound(void) {
    for (unsigned long capability = 0; capability < 64; capability++)
        (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int privileges_drop(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[WORDS] = {{0}};
    if (syscall(SYS_capset, &header, none) < 0)
        return -errno;
    return privileges_are_left() ? -EPERM : 0;
}

int privileges_conceal(void) {
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return -errno;
    return 0;
}
