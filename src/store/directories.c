#include "store/directories.h"

#include "base/check.h"
#include "http/negotiate.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Directories looked at in the search for one that nobody has asked for in a while. */
enum { REPLACE_TRIES = 64 };

/* A directory of more names is not read to the end. */
enum { NAMES_MAX_READ = 4096 };

/* More events in a row than a queue holds, as inotify(7) limits it by default, twice over: somebody
 * changes files faster than they can be noticed one by one. */
enum { EVENTS_MAX = 32 * 1024 };

struct directory {
    struct directories_root *root; /* that it is, or is beneath */
    struct directory *parent;      /* NULL: it is the root */
    struct slice name;             /* in `bytes` */
    uint64_t id;                   /* never used twice */
    int watch;                     /* descriptor */
    uint64_t last_event;           /* that it was told of */
    bool has_siblings;             /* it may have: a name that ends as that of a sibling does */
    bool has_on_all;               /* it may have: dependents on all names */
    bool reached;                  /* since it was last considered for replacement */
    struct list children;
    struct list sibling;    /* its place among its parent's children */
    struct list place;      /* in directories.all */
    struct list dependents; /* of dependency */
    struct table_link by_name;
    struct table_link by_watch;
    char bytes[];
};

static uint64_t hash_of_name(const struct directories *directories,
                             const struct directory *directory, struct slice name) {
    return hash_bytes(&directories->key, name) ^ directory->id * 0x9e3779b97f4a7c15;
}

/* Cuts the extension of one coding off; false where there is none. */
static bool cut_extension(struct slice *name) {
    for (unsigned i = 0; i < CODING_IDENTITY; i++) {
        struct slice extension = coding_extension((enum coding)i);
        if (name->len > extension.len &&
            slice_equal(slice_after(*name, name->len - extension.len), extension)) {
            name->len -= extension.len;
            return true;
        }
    }
    return false;
}

/* A file and its encoded siblings belong together: what happens to one is of interest to all. A
 * sibling may have siblings, so all of "a", "a.gz" and "a.gz.br" are one. */
static struct slice stem_of(struct slice name) {
    while (cut_extension(&name))
        continue;
    return name;
}

static uint64_t hash_of_stem(const struct directories *directories,
                             const struct directory *directory, struct slice name) {
    return hash_of_name(directories, directory, stem_of(name));
}

/* Directories come and go */

static struct directory *find_child(const struct directories *directories,
                                    const struct directory *parent, struct slice name) {
    struct table_link *link =
        table_find(&directories->by_name, hash_of_name(directories, parent, name));
    for (; link != NULL; link = table_find_next(link)) {
        struct directory *child = list_entry(link, struct directory, by_name);
        if (child->parent == parent && slice_equal(child->name, name))
            return child;
    }
    return NULL;
}

/* A watch descriptor is its own hash. */
static struct directory *find_watched(const struct directories *directories, int descriptor) {
    struct table_link *link = table_find(&directories->by_watch, (uint64_t)descriptor);
    return link != NULL ? list_entry(link, struct directory, by_watch) : NULL;
}

static struct directory *find_watched_next(const struct directory *directory) {
    struct table_link *link = table_find_next(&directory->by_watch);
    return link != NULL ? list_entry(link, struct directory, by_watch) : NULL;
}

static void report_all(struct directories *directories, struct directory *directory) {
    while (!list_is_empty(&directory->dependents))
        directories->changed(
            directories, list_entry(directory->dependents.next, struct dependency, in_directory));
}

/* Forgets a directory that has no children. */
static void forget_one(struct directories *directories, struct directory *directory) {
    report_all(directories, directory);
    table_remove(&directories->by_watch, &directory->by_watch);
    /* The same directory may be reached in two ways, with one watch for both. */
    if (find_watched(directories, directory->watch) == NULL)
        watch_remove(&directories->watch, directory->watch);
    if (directory->parent != NULL) {
        table_remove(&directories->by_name, &directory->by_name);
        directories->count--;
    } else {
        directory->root->top = NULL;
    }
    list_remove(&directory->sibling);
    list_remove(&directory->place);
    free(directory);
}

static void forget(struct directories *directories, struct directory *directory);

/* Forgets what is beneath a directory. Paths are short enough for recursion (PATH_MAX). */
static void forget_children(struct directories *directories, struct directory *directory) {
    list_for_each(link, &directory->children)
        forget(directories, list_entry(link, struct directory, sibling));
}

static void forget(struct directories *directories, struct directory *directory) {
    forget_children(directories, directory);
    forget_one(directories, directory);
}

/* Makes room for one more directory, at the cost of one that has no children and is not `parent`.
 * Returns false where none was found quickly. */
static bool make_room(struct directories *directories, const struct directory *parent) {
    for (int i = 0; i < REPLACE_TRIES && directories->count >= directories->max; i++) {
        if (list_is_empty(&directories->all))
            break;
        struct directory *oldest = list_entry(directories->all.next, struct directory, place);
        if (oldest->reached || oldest == parent || !list_is_empty(&oldest->children)) {
            oldest->reached = false;
            list_remove(&oldest->place);
            list_append(&directories->all, &oldest->place);
        } else {
            forget_one(directories, oldest);
        }
    }
    return directories->count < directories->max;
}

/* Takes up a directory that has a watch; `parent` is NULL for the root itself. NULL: no memory. */
static struct directory *add(struct directories *directories, struct directories_root *root,
                             struct directory *parent, struct slice name, int descriptor) {
    struct directory *directory = malloc(sizeof *directory + name.len);
    if (directory == NULL) {
        if (find_watched(directories, descriptor) == NULL)
            watch_remove(&directories->watch, descriptor);
        return NULL;
    }
    *directory = (struct directory){
        .root = root,
        .parent = parent,
        .name = {directory->bytes, name.len},
        .id = ++directories->last_id,
        .watch = descriptor,
        .reached = true,
    };
    if (name.len > 0)
        memcpy(directory->bytes, name.ptr, name.len);
    list_init(&directory->children);
    list_init(&directory->sibling);
    list_init(&directory->place);
    list_init(&directory->dependents);
    table_insert(&directories->by_watch, &directory->by_watch, (uint64_t)descriptor);
    return directory;
}

static enum directories_outcome outcome_of(int errnum) {
    return errnum == EREMOTE ? DIRECTORIES_REMOTE : DIRECTORIES_BLIND;
}

/* Looks for names that end as those of siblings do. In a directory that is watched already, so that
 * one that appears meanwhile will be noticed. Takes the descriptor over. */
static bool find_siblings(int directory_fd) {
    bool found = false;
    int left = NAMES_MAX_READ;
    DIR *names = fdopendir(directory_fd);
    if (names == NULL) {
        (void)close(directory_fd);
        return true;
    }
    errno = 0;
    for (const struct dirent *entry; !found && left > 0 && (entry = readdir(names)) != NULL;
         left--) {
        struct slice name = slice_of_text(entry->d_name);
        found = cut_extension(&name);
    }
    bool failed = errno != 0;
    (void)closedir(names);
    return found || failed || left == 0;
}

static int watch_root(struct directories *directories, struct directories_root *root) {
    int descriptor = watch_add(&directories->watch, root->beneath->fd);
    root->unwatched = outcome_of(descriptor < 0 ? -descriptor : ENOMEM);
    if (descriptor < 0)
        return descriptor;
    root->top = add(directories, root, NULL, SLICE(""), descriptor);
    if (root->top == NULL)
        return -ENOMEM;
    int fd = beneath_open_directory(root->beneath, "");
    root->top->has_siblings = fd < 0 || find_siblings(fd);
    return 0;
}

/* Watches the directory `name` in `parent`, which the NUL-terminated `path` leads to. Returns 0 or
 * -errno; -ENOENT, -ENOTDIR and -ELOOP: there is none. */
static int add_child(struct directories *directories, struct directory *parent, const char *path,
                     struct slice name, struct directory **child) {
    int fd = beneath_open_directory(parent->root->beneath, path);
    if (fd < 0)
        return fd;
    int descriptor = make_room(directories, parent) ? watch_add(&directories->watch, fd) : -ENOSPC;
    if (descriptor >= 0)
        *child = add(directories, parent->root, parent, name, descriptor);
    if (descriptor < 0 || *child == NULL) {
        (void)close(fd);
        return descriptor < 0 ? descriptor : -ENOMEM;
    }
    (*child)->has_siblings = find_siblings(fd);
    table_insert(&directories->by_name, &(*child)->by_name,
                 hash_of_name(directories, parent, name));
    list_append(&parent->children, &(*child)->sibling);
    list_append(&directories->all, &(*child)->place);
    directories->count++;
    return 0;
}

/* Reaching */

/* Whether the root is watched. Where there were no watches left, there may be some by now. */
static bool has_top(struct directories *directories, struct directories_root *root) {
    if (root->top == NULL && root->unwatched == DIRECTORIES_BLIND && directories->watch.fd >= 0)
        (void)watch_root(directories, root);
    return root->top != NULL;
}

enum directories_outcome directories_reach(struct directories *directories, size_t root,
                                           struct slice path, struct dependency *dependency) {
    char text[PATH_MAX];
    struct slice rest = path;
    struct slice name;
    CHECK(root < directories->root_count);
    if (!has_top(directories, &directories->roots[root]))
        return directories->roots[root].unwatched;
    struct directory *at = directories->roots[root].top;
    if (path.len >= sizeof text)
        return DIRECTORIES_BLIND;
    while (slice_cut(&rest, '/', &name) && rest.ptr != NULL) {
        struct directory *child = find_child(directories, at, name);
        if (child == NULL) {
            size_t len = (size_t)(name.ptr + name.len - path.ptr);
            memcpy(text, path.ptr, len);
            text[len] = '\0';
            int result = add_child(directories, at, text, name, &child);
            if (result == -ENOENT || result == -ENOTDIR || result == -ELOOP)
                break;
            if (result < 0)
                return outcome_of(-result);
        }
        child->reached = true;
        at = child;
    }
    dependency->directory = at;
    dependency->on_all = false;
    list_append(&at->dependents, &dependency->in_directory);
    table_insert(&directories->dependents, &dependency->by_name,
                 hash_of_stem(directories, at, name));
    return DIRECTORIES_WATCHED;
}

void directories_widen(struct dependency *dependency) {
    dependency->on_all = true;
    dependency->directory->has_on_all = true;
}

void directories_leave(struct directories *directories, struct dependency *dependency) {
    if (dependency->directory == NULL)
        return;
    list_remove(&dependency->in_directory);
    table_remove(&directories->dependents, &dependency->by_name);
    dependency->directory = NULL;
}

/* Noticing */

bool directories_may_have_siblings(const struct dependency *dependency) {
    return dependency->directory == NULL || dependency->directory->has_siblings;
}

/* The first dependent on all names, or NULL. */
static struct dependency *find_on_all(struct directory *directory) {
    list_for_each(link, &directory->dependents) {
        struct dependency *dependency = list_entry(link, struct dependency, in_directory);
        if (dependency->on_all)
            return dependency;
    }
    return NULL;
}

/* Looks for each anew: whoever is told of one may take others away, too. */
static void report_on_all(struct directories *directories, struct directory *directory) {
    struct dependency *dependency;
    while (directory->has_on_all && (dependency = find_on_all(directory)) != NULL)
        directories->changed(directories, dependency);
    directory->has_on_all = false;
}

/* Something happened to a name in a directory. */
static void report_name(struct directories *directories, struct directory *directory,
                        const struct watch_event *event) {
    struct table_link *link;
    struct slice name = event->name;
    uint64_t hash = hash_of_stem(directories, directory, event->name);
    directory->has_siblings |= cut_extension(&name);
    while ((link = table_find(&directories->dependents, hash)) != NULL)
        directories->changed(directories, list_entry(link, struct dependency, by_name));
    report_on_all(directories, directory);
    if (event->is_directory) {
        struct directory *child = find_child(directories, directory, event->name);
        if (child != NULL)
            forget(directories, child);
    }
}

/* Something happened to a directory itself. A root that was moved is still the root. */
static void report_directory(struct directories *directories, struct directory *directory) {
    if (directory->parent != NULL) {
        forget(directories, directory);
    } else {
        forget_children(directories, directory);
        report_all(directories, directory);
    }
}

static void forget_everything(struct directories *directories) {
    for (size_t i = 0; i < directories->root_count; i++) {
        if (directories->roots[i].top != NULL)
            forget(directories, directories->roots[i].top);
    }
}

/* Starts anew. What is still queued is of watches that are gone, and as there are none, nothing is
 * added to it: so this ends. The descriptor stays; somebody may be waiting for it. */
static void start_over(struct directories *directories) {
    struct watch_event event;
    forget_everything(directories);
    while (watch_next(&directories->watch, &event))
        continue;
    for (size_t i = 0; i < directories->root_count; i++)
        (void)watch_root(directories, &directories->roots[i]);
}

/* The same directory may be reached in several ways, with one watch for all of them: it is mounted
 * in two places, or two roots lead to it. This finds
 * the next one that has not been told of the event. */
static struct directory *next_concerned(const struct directories *directories, int descriptor) {
    struct directory *directory = find_watched(directories, descriptor);
    while (directory != NULL && directory->last_event == directories->events)
        directory = find_watched_next(directory);
    return directory;
}

static void report(struct directories *directories, const struct watch_event *event) {
    struct directory *directory;
    directories->events++;
    while ((directory = next_concerned(directories, event->descriptor)) != NULL) {
        directory->last_event = directories->events;
        if (event->change == WATCH_GONE || event->name.len == 0)
            report_directory(directories, directory);
        else
            report_name(directories, directory, event);
    }
}

void directories_notice(struct directories *directories) {
    struct watch_event event;
    for (int i = 0; i < EVENTS_MAX && watch_next(&directories->watch, &event); i++) {
        if (event.change == WATCH_LOST) {
            start_over(directories);
            return;
        }
        report(directories, &event);
        if (i == EVENTS_MAX - 1)
            start_over(directories);
    }
}

/* Life */

int directories_init(struct directories *directories, const struct hash_key *key, size_t max,
                     directories_changed *changed) {
    *directories =
        (struct directories){.key = *key, .max = max, .changed = changed, .watch = {.fd = -1}};
    list_init(&directories->all);
    if (table_init(&directories->by_name) < 0 || table_init(&directories->by_watch) < 0 ||
        table_init(&directories->dependents) < 0)
        return -ENOMEM;
    return watch_open(&directories->watch);
}

int directories_add_root(struct directories *directories, const struct beneath *beneath) {
    CHECK(directories->root_count < DIRECTORIES_ROOTS_MAX);
    struct directories_root *root = &directories->roots[directories->root_count++];
    *root = (struct directories_root){.beneath = beneath, .unwatched = DIRECTORIES_BLIND};
    return directories->watch.fd >= 0 ? watch_root(directories, root) : -EBADF;
}

bool directories_is_watched(const struct directories *directories, size_t root) {
    return root < directories->root_count && directories->roots[root].top != NULL;
}

void directories_deinit(struct directories *directories) {
    forget_everything(directories);
    watch_close(&directories->watch);
    table_deinit(&directories->by_name);
    table_deinit(&directories->by_watch);
    table_deinit(&directories->dependents);
}
