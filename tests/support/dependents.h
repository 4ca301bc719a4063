/* Those who depend on names in a temporary tree, each on one path beneath a root, and are told of
 * changes. The first root is the tree itself; a test may add others.
 *
 * All of it is in the header: it calls the store floor, which the tests of other floors don't link.
 */
#pragma once

#include "store/directories.h"
#include "support/process.h"
#include "support/row.h"
#include "support/tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPENDENTS_MAX = 128 };

struct dependent {
    struct dependency dependency;
    size_t root;
    const char *path;
    bool told; /* that it changed */
};

static struct dependents {
    struct tree tree;
    struct beneath root;
    struct directories directories;
    size_t fds; /* open before */
    struct dependent items[DEPENDENTS_MAX];
    size_t count;
} dependents = {.root = {.fd = -1}};

static inline void dependents_tell(struct directories *directories, struct dependency *dependency) {
    struct dependent *dependent = dependency->owner;
    row_assert(dependent->path, directories == &dependents.directories);
    row_assert(dependent->path, !dependent->told);
    dependent->told = true;
    directories_leave(directories, dependency);
}

static inline void dependents_make_tree(void) {
    dependents.fds = process_count_fds(getpid());
    tree_make(&dependents.tree);
    dependents.count = 0;
    dependents.root.fd = open(dependents.tree.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(dependents.root.fd >= 0);
}

/* What directories_init() returns, or directories_add_root() for the tree. */
static inline int dependents_watch(size_t max) {
    static const struct hash_key key = {{1, 2}};
    int result = directories_init(&dependents.directories, &key, max, dependents_tell);
    int added = directories_add_root(&dependents.directories, &dependents.root);
    return result < 0 ? result : added;
}

/* Everybody is told in the end, and nothing is left open. */
static inline void dependents_end(void) {
    directories_deinit(&dependents.directories);
    directories_deinit(&dependents.directories); /* idempotent */
    for (size_t i = 0; i < dependents.count; i++)
        row_assert(dependents.items[i].path, dependents.items[i].dependency.directory == NULL);
    (void)close(dependents.root.fd);
    tree_remove(&dependents.tree);
    assert_int_equal(process_count_fds(getpid()), dependents.fds);
}

/* One more, not yet known to anybody. */
static inline struct dependent *dependents_new(const char *path) {
    row_assert(path, dependents.count < DEPENDENTS_MAX);
    struct dependent *dependent = &dependents.items[dependents.count++];
    *dependent = (struct dependent){.path = path};
    dependent->dependency.owner = dependent;
    return dependent;
}

/* Lets it depend on its path, or tries to. */
static inline enum directories_outcome dependents_try(struct dependent *dependent) {
    dependent->told = false;
    enum directories_outcome outcome =
        directories_reach(&dependents.directories, dependent->root, slice_of_text(dependent->path),
                          &dependent->dependency);
    row_assert(dependent->path,
               (outcome == DIRECTORIES_WATCHED) == (dependent->dependency.directory != NULL));
    return outcome;
}

/* The same; whether it is watched. */
static inline bool dependents_reach(struct dependent *dependent) {
    return dependents_try(dependent) == DIRECTORIES_WATCHED;
}

static inline struct dependent *dependents_add(const char *path) {
    struct dependent *dependent = dependents_new(path);
    row_assert(path, dependents_reach(dependent));
    return dependent;
}

/* The same in another root than the first. */
static inline struct dependent *dependents_add_in(size_t root, const char *path) {
    struct dependent *dependent = dependents_new(path);
    dependent->root = root;
    row_assert(path, dependents_reach(dependent));
    return dependent;
}

static inline void dependents_notice(void) {
    directories_notice(&dependents.directories);
}

/* The paths of those that were told, each with a space behind it, and in other roots than the first
 * with the root's number before it: "1:a/b ". */
static inline const char *dependents_told(void) {
    static char text[4096];
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < dependents.count; i++) {
        const struct dependent *dependent = &dependents.items[i];
        if (dependent->told && dependent->root > 0)
            len += (size_t)snprintf(text + len, sizeof text - len, "%zu:", dependent->root);
        if (dependent->told)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s ", dependent->path);
        assert_in_range(len, 0, sizeof text - 1);
    }
    return text;
}

/* How many directories the kernel watches for us (proc(5): fdinfo). */
static inline size_t dependents_count_watches(void) {
    char path[64];
    char line[256];
    size_t count = 0;
    (void)snprintf(path, sizeof path, "/proc/self/fdinfo/%d", dependents.directories.watch.fd);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL)
        count += strncmp(line, "inotify ", strlen("inotify ")) == 0 ? 1 : 0;
    (void)fclose(file);
    return count;
}

static inline void dependents_rename(const char *from, const char *to) {
    row_assert_number(
        from, rename(tree_path(&dependents.tree, from), tree_path(&dependents.tree, to)), 0);
}

static inline void dependents_remove(const char *name) {
    row_assert_number(name, remove(tree_path(&dependents.tree, name)), 0);
}

static inline void dependents_write(const char *name) {
    tree_text(&dependents.tree, name, "written");
}

/* Something that happens to the tree, and who is told of it: as dependents_told() has them. */
struct dependents_change {
    const char *name;
    void (*happens)(void);
    const char *told;
};

/* Has each happen to a tree of its own, which the caller has set up for the first, and takes down
 * after the last: `begin` lets them depend on what they do. */
static inline void dependents_check(const struct dependents_change *changes, size_t count,
                                    CMFixtureFunction setup, CMFixtureFunction teardown,
                                    void (*begin)(void)) {
    void *state = NULL;
    for (size_t i = 0; i < count; i++) {
        const char *row = changes[i].name;
        if (i > 0)
            row_assert_number(row, setup(&state), 0);
        begin();
        dependents_notice();
        row_assert_slice(row, slice_of_text(dependents_told()), SLICE(""));
        changes[i].happens();
        dependents_notice();
        row_assert_slice(row, slice_of_text(dependents_told()), slice_of_text(changes[i].told));
        if (i < count - 1)
            (void)teardown(&state);
    }
}
