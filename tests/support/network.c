#include "support/network.h"

#include "support/note.h"
#include "support/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SCRIPT_TIMEOUT_MS = 20000 };

static int namespaces[NETWORK_HOSTS] = {-1, -1};
static char complaint[256];

const char *network_complaint(void) {
    return complaint;
}

static bool write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        (void)close(fd);
    return written;
}

static bool make_namespace(void) {
    char users[64];
    char groups[64];
    (void)snprintf(users, sizeof users, "0 %u 1", (unsigned)geteuid());
    (void)snprintf(groups, sizeof groups, "0 %u 1", (unsigned)getegid());
    if (unshare(CLONE_NEWNET) == 0)
        return true;
    return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 &&
           write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/uid_map", users) &&
           write_file("/proc/self/gid_map", groups);
}

static int open_namespace(void) {
    return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

bool network_make(void) {
    bool made = make_namespace();
    namespaces[NETWORK_NEAR] = made ? open_namespace() : -1;
    made = made && unshare(CLONE_NEWNET) == 0;
    namespaces[NETWORK_FAR] = made ? open_namespace() : -1;
    made = made && namespaces[NETWORK_NEAR] >= 0 && namespaces[NETWORK_FAR] >= 0 &&
           setns(namespaces[NETWORK_NEAR], CLONE_NEWNET) == 0;
    if (!made)
        (void)snprintf(complaint, sizeof complaint, "no network namespace: %s", strerror(errno));
    return made;
}

void network_enter(enum network_host host) {
    assert_int_equal(setns(namespaces[host], CLONE_NEWNET), 0);
}

bool network_run(enum network_host host, const char *script) {
    char far_path[64];
    char whole[4096];
    const char *const argv[] = {"sh", "-c", whole, "sh", far_path, NULL};
    struct process process = PROCESS_INIT;
    (void)snprintf(far_path, sizeof far_path, "/proc/%d/fd/%d", (int)getpid(),
                   namespaces[NETWORK_FAR]);
    (void)snprintf(whole, sizeof whole, "PATH=$PATH:/usr/sbin:/sbin\n%s", script);
    network_enter(host);
    process_start(&process, NULL, argv);
    network_enter(NETWORK_NEAR);
    bool succeeded = process_wait(&process, SCRIPT_TIMEOUT_MS) && process_exit_code(&process) == 0;
    char *text = process_text(process.err_fd);
    if (!succeeded)
        (void)snprintf(complaint, sizeof complaint, "%s", text);
    free(text);
    process_deinit(&process);
    return succeeded;
}
