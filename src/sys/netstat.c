#include "sys/netstat.h"

#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* The line that starts with "TcpExt: ", and is cut off with all before it. */
static bool next_line(struct slice *text, struct slice *line) {
    static const struct slice group = SLICE_INIT("TcpExt: ");
    while (slice_cut(text, '\n', line)) {
        if (slice_starts_with(*line, group)) {
            *line = slice_after(*line, group.len);
            return true;
        }
    }
    return false;
}

bool netstat_find(struct slice text, struct slice name, uint64_t *value) {
    struct slice names;
    struct slice numbers;
    struct slice at;
    struct slice number;
    if (!next_line(&text, &names) || !next_line(&text, &numbers))
        return false;
    while (slice_cut(&names, ' ', &at) && slice_cut(&numbers, ' ', &number)) {
        if (slice_equal(at, name))
            return number_parse(number, UINT64_MAX, value);
    }
    return false;
}

/* Returns how many bytes were read, or -errno. */
static ssize_t read_all(int fd, char *ptr, size_t capacity) {
    size_t sum = 0;
    ssize_t len = 1;
    while (len > 0 && sum < capacity) {
        len = read(fd, ptr + sum, capacity - sum);
        sum += len > 0 ? (size_t)len : 0;
    }
    return len < 0 ? -errno : (ssize_t)sum;
}

int netstat_read(struct netstat *netstat) {
    char memory[16 * 1024];
    int fd = open("/proc/net/netstat", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t len = read_all(fd, memory, sizeof memory);
    (void)close(fd);
    if (len < 0)
        return (int)len;
    struct slice text = slice_of(memory, (size_t)len);
    return netstat_find(text, SLICE("ListenOverflows"), &netstat->listen_overflows) &&
                   netstat_find(text, SLICE("ListenDrops"), &netstat->listen_drops)
               ? 0
               : -ENODATA;
}
