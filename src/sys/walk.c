/* Every name is looked up in a directory that is open, with O_NOFOLLOW, and is never "..": so
 * whatever is renamed or linked meanwhile, each step goes down by one. Where a link says "..", the
 * way that led here is walked anew from the root, without its last name. The kernel would go to the
 * directory's parent, which by then may be outside. */
#include "sys/walk.h"

#include "base/slice.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Links and ".." on the way; the kernel allows 40 links (path_resolution(7)). */
enum { DETOURS_MAX = 40 };

struct walk {
    int root_fd;
    int fd; /* the directory that is reached; owned, unless it is the root's */
    int flags;
    bool follows;
    unsigned detours;
    size_t done;         /* bytes of `path` that lead there: no link among them, and "a/b/" */
    char path[PATH_MAX]; /* all that is walked, NUL-terminated */
};

static void enter(struct walk *walk, int fd) {
    if (walk->fd != walk->root_fd)
        (void)close(walk->fd);
    walk->fd = fd;
}

/* Puts `text` in the place of `len` bytes at `start` of the path. Returns 0 or -ENAMETOOLONG. */
static int replace(struct walk *walk, size_t start, size_t len, struct slice text) {
    size_t rest = strlen(walk->path + start + len) + 1;
    if (start + text.len + rest > sizeof walk->path)
        return -ENAMETOOLONG;
    memmove(walk->path + start + text.len, walk->path + start + len, rest);
    if (text.len > 0)
        memcpy(walk->path + start, text.ptr, text.len);
    return 0;
}

/* Starts anew, without the last name of what is done and the ".." of `len` bytes behind it. */
static int climb(struct walk *walk, size_t len) {
    size_t start = walk->done;
    if (walk->done == 0)
        return -EXDEV;
    if (walk->detours++ == DETOURS_MAX)
        return -ELOOP;
    do
        start--;
    while (start > 0 && walk->path[start - 1] != '/');
    int result = replace(walk, start, walk->done + len - start, SLICE(""));
    enter(walk, walk->root_fd);
    walk->done = 0;
    return result;
}

static bool is_on_procfs(int fd) {
    struct statfs statfs;
    return fstatfs(fd, &statfs) < 0 || (unsigned long)statfs.f_type == PROC_SUPER_MAGIC;
}

/* Puts what the link `name` says in its place. Returns 0, or -errno; `errnum` where it is no link.
 */
static int follow(struct walk *walk, const char *name, size_t len, int errnum) {
    char target[PATH_MAX];
    ssize_t target_len = readlinkat(walk->fd, name, target, sizeof target);
    if (target_len < 0)
        return errno == EINVAL ? -errnum : -errno;
    if (!walk->follows || is_on_procfs(walk->fd) || walk->detours++ == DETOURS_MAX)
        return -ELOOP;
    if (target[0] == '/')
        return -EXDEV;
    return replace(walk, walk->done, len, slice_of(target, (size_t)target_len));
}

/* Opens what is no link. With O_PATH, O_NOFOLLOW alone would open a link itself (open(2)). */
static int open_name(int directory_fd, const char *name, int flags) {
    struct stat stat;
    int fd = openat(directory_fd, name, flags | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || (flags & O_PATH) == 0 || (flags & O_DIRECTORY) != 0 ||
        (fstat(fd, &stat) == 0 && !S_ISLNK(stat.st_mode)))
        return fd;
    (void)close(fd);
    errno = ELOOP;
    return -1;
}

/* Opens a name in the directory that is reached: the last one as it was asked for, and another to
 * be the next directory. Returns true, and the result in `*fd`, when the walk is over. */
static bool step(struct walk *walk, size_t len, bool is_last, int *fd) {
    char name[NAME_MAX + 1];
    int flags = is_last ? walk->flags : O_PATH | O_DIRECTORY;
    if (len > NAME_MAX) {
        *fd = -ENAMETOOLONG;
        return true;
    }
    memcpy(name, walk->path + walk->done, len);
    name[len] = '\0';
    *fd = open_name(walk->fd, name, flags);
    if (*fd < 0) {
        int errnum = errno;
        *fd = errnum == ELOOP || errnum == ENOTDIR ? follow(walk, name, len, errnum) : -errnum;
        return *fd < 0;
    }
    if (is_last)
        return true;
    enter(walk, *fd);
    walk->done += len + 1;
    return false;
}

/* Takes the next name; the same. */
static bool advance(struct walk *walk, int *fd) {
    const char *name = walk->path + walk->done;
    size_t len = strcspn(name, "/");
    bool is_last = name[len] == '\0';
    size_t len_with_slash = is_last ? len : len + 1;
    struct slice slice = slice_of(name, len);
    if (len == 0 && is_last) {
        *fd = openat(walk->fd, ".", walk->flags | O_CLOEXEC);
        *fd = *fd < 0 ? -errno : *fd;
        return true;
    }
    if (len > 0 && !slice_equal(slice, SLICE(".")) && !slice_equal(slice, SLICE("..")))
        return step(walk, len, is_last, fd);
    *fd = len == 2 ? climb(walk, len_with_slash)
                   : replace(walk, walk->done, len_with_slash, SLICE(""));
    return *fd < 0;
}

int walk_open(int root_fd, const char *path, int flags, bool follows) {
    struct walk walk = {.root_fd = root_fd, .fd = root_fd, .flags = flags, .follows = follows};
    int fd = path[0] == '/' ? -EXDEV : replace(&walk, 0, 0, slice_of_text(path));
    while (fd >= 0 && !advance(&walk, &fd))
        continue;
    enter(&walk, root_fd);
    return fd;
}
