#include "support/tree.h"

#include "support/content.h"
#include "support/note.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void require(bool done, const char *what, const char *name) {
    if (!done)
        fail_msg("%s %s: %s", what, name, strerror(errno));
}

void tree_make(struct tree *tree) {
    const char *parent = getenv("TMPDIR");
    int len = snprintf(tree->path, sizeof tree->path, "%s/pronto-test-XXXXXX",
                       parent != NULL && parent[0] == '/' ? parent : "/tmp");
    assert_in_range(len, 1, sizeof tree->path - 1);
    require(mkdtemp(tree->path) != NULL, "mkdtemp", tree->path);
    require(chmod(tree->path, 0755) == 0, "chmod", tree->path);
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *place) {
    (void)stat;
    (void)kind;
    (void)place;
    (void)remove(path);
    return 0;
}

static int allow_one(const char *path, const struct stat *stat, int kind, struct FTW *place) {
    (void)stat;
    (void)place;
    if (kind == FTW_D || kind == FTW_DNR)
        (void)chmod(path, 0700);
    return 0;
}

void tree_remove(struct tree *tree) {
    if (tree->path[0] == '\0')
        return;
    (void)nftw(tree->path, allow_one, 16, FTW_PHYS);
    (void)nftw(tree->path, remove_one, 16, FTW_PHYS | FTW_DEPTH);
    tree->path[0] = '\0';
}

const char *tree_path(const struct tree *tree, const char *name) {
    static char paths[8][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 8];
    int len = snprintf(path, sizeof paths[0], "%s/%s", tree->path, name);
    assert_in_range(len, 1, sizeof paths[0] - 1);
    return path;
}

/* Makes the directories before the last slash of `path`, all of which lie in the tree. */
static void make_parents(const struct tree *tree, const char *path) {
    char parent[PATH_MAX];
    size_t start = strlen(tree->path) + 1;
    (void)snprintf(parent, sizeof parent, "%s", path);
    for (char *at = strchr(parent + start, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        require(mkdir(parent, 0755) == 0 || errno == EEXIST, "mkdir", parent);
        *at = '/';
    }
}

static int open_anew(const struct tree *tree, const char *name) {
    const char *path = tree_path(tree, name);
    make_parents(tree, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    require(fd >= 0 && fchmod(fd, 0644) == 0, "create", path);
    return fd;
}

static void write_all(int fd, const char *ptr, size_t len) {
    while (len > 0) {
        ssize_t written = write(fd, ptr, len);
        require(written > 0, "write", "a file of the test");
        ptr += written;
        len -= (size_t)written;
    }
}

void tree_file(const struct tree *tree, const char *name, uint64_t seed, uint64_t size) {
    static char piece[1 << 18];
    int fd = open_anew(tree, name);
    for (uint64_t offset = 0; offset < size; offset += sizeof piece) {
        size_t count = size - offset < sizeof piece ? size - offset : sizeof piece;
        content_fill(seed, offset, piece, count);
        write_all(fd, piece, count);
    }
    (void)close(fd);
}

void tree_text(const struct tree *tree, const char *name, const char *text) {
    int fd = open_anew(tree, name);
    write_all(fd, text, strlen(text));
    (void)close(fd);
}

void tree_directory(const struct tree *tree, const char *name) {
    const char *path = tree_path(tree, name);
    make_parents(tree, path);
    require(mkdir(path, 0755) == 0 && chmod(path, 0755) == 0, "mkdir", path);
}

void tree_many(const struct tree *tree, const char *name, unsigned count) {
    tree_directory(tree, name);
    int directory = open(tree_path(tree, name), O_DIRECTORY | O_CLOEXEC);
    require(directory >= 0, "open", name);
    for (unsigned i = 0; i < count; i++) {
        char file[32];
        (void)snprintf(file, sizeof file, "file-%06u.txt", i);
        require(mknodat(directory, file, S_IFREG | 0644, 0) == 0, "mknod", file);
    }
    (void)close(directory);
}

void tree_link(const struct tree *tree, const char *name, const char *target) {
    const char *path = tree_path(tree, name);
    make_parents(tree, path);
    require(symlink(target, path) == 0, "symlink", path);
}

void tree_mode(const struct tree *tree, const char *name, unsigned mode) {
    const char *path = tree_path(tree, name);
    require(chmod(path, mode) == 0, "chmod", path);
}
