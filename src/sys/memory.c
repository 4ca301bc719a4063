#include "sys/memory.h"

#include "base/number.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* What a small file holds, as far as there is room; nothing where it cannot be read. */
static struct slice read_file(const char *path, char *memory, size_t capacity) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, memory, capacity) : -1;
    if (fd >= 0)
        (void)close(fd);
    return slice_of(memory, len > 0 ? (size_t)len : 0);
}

struct slice memory_cgroup(struct slice text) {
    static const struct slice unified = SLICE_INIT("0::");
    struct slice line;
    while (slice_cut(&text, '\n', &line)) {
        if (slice_starts_with(line, unified))
            return slice_after(line, unified.len);
    }
    return SLICE_NONE;
}

/* What the group at `path` beneath the mount is limited to; without a limit the file says "max". */
static uint64_t limit_of(const char *mount, struct slice path) {
    char name[PATH_MAX];
    char memory[32];
    uint64_t bytes;
    struct slice line;
    int len = snprintf(name, sizeof name, "%s%.*s/memory.max", mount, (int)path.len, path.ptr);
    if (len < 0 || (size_t)len >= sizeof name)
        return UINT64_MAX;
    struct slice text = read_file(name, memory, sizeof memory);
    return slice_cut(&text, '\n', &line) && number_parse(line, UINT64_MAX, &bytes) ? bytes
                                                                                   : UINT64_MAX;
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* The path of what a group is in. */
static struct slice parent_of(struct slice path) {
    do
        path.len--;
    while (path.len > 0 && path.ptr[path.len] != '/');
    return path;
}

uint64_t memory_limit(const char *mount, struct slice group) {
    uint64_t bytes = limit_of(mount, SLICE(""));
    for (; group.len > 0; group = parent_of(group))
        bytes = least(bytes, limit_of(mount, group));
    return bytes;
}

uint64_t memory_usable(void) {
    char memory[PATH_MAX];
    struct sysinfo info;
    struct slice group = memory_cgroup(read_file("/proc/self/cgroup", memory, sizeof memory));
    uint64_t bytes = sysinfo(&info) == 0 ? (uint64_t)info.totalram * info.mem_unit : 0;
    return least(bytes, memory_limit("/sys/fs/cgroup", group));
}
