#include "proc/pidfile.h"

#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int write_text(const char *path, const char *text, size_t len) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    ssize_t written = write(fd, text, len);
    int result = written == (ssize_t)len ? 0 : written < 0 ? -errno : -ENOSPC;
    (void)close(fd);
    return result;
}

int pidfile_write(const char *path, struct err *err) {
    char beside[PATH_MAX];
    char text[32];
    int len = snprintf(text, sizeof text, "%d\n", (int)getpid());
    int beside_len = snprintf(beside, sizeof beside, "%s.%d", path, (int)getpid());
    int result = beside_len < (int)sizeof beside ? 0 : -ENAMETOOLONG;
    if (result == 0)
        result = write_text(beside, text, (size_t)len);
    if (result == 0 && rename(beside, path) < 0)
        result = -errno;
    if (result == 0)
        return 0;
    (void)unlink(beside);
    return err_set(err, -result,
                   "cannot write the process id to %s: %s (pronto must be allowed to write to its "
                   "directory)",
                   path, strerror(-result));
}

void pidfile_remove(const char *path) {
    char text[32];
    uint64_t pid;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t len = read(fd, text, sizeof text);
    (void)close(fd);
    if (len > 1 && text[len - 1] == '\n' &&
        number_parse(slice_of(text, (size_t)len - 1), INT_MAX, &pid) && pid == (uint64_t)getpid())
        (void)unlink(path);
}
