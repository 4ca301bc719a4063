#include "proc/rootwatch.h"

#include "base/deadline.h"
#include "base/diag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INTERVAL_MIN_MS = 1000, INTERVAL_MAX_MS = 60000 };

int rootwatch_init(struct rootwatch *watch, int64_t now_ms, struct err *err) {
    *watch = (struct rootwatch){
        .start = getcwd(NULL, 0),
        .look_at_ms = now_ms + INTERVAL_MIN_MS,
        .interval_ms = INTERVAL_MIN_MS,
    };
    /* Without a path of it, relative ones cannot be found again; others can. */
    return watch->start == NULL && errno == ENOMEM ? err_set(err, ENOMEM, "not enough memory") : 0;
}

void rootwatch_deinit(struct rootwatch *watch) {
    free(watch->start);
    watch->start = NULL;
}

static bool is_same(const struct stat *one, const struct stat *other) {
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* The directory it was started in may itself have been replaced: the default root is ".". */
static void follow_start(const struct rootwatch *watch) {
    struct stat here;
    struct stat there;
    if (watch->start == NULL || stat(watch->start, &there) < 0)
        return;
    if (stat(".", &here) < 0 || !is_same(&here, &there))
        (void)!chdir(watch->start); /* if it cannot be entered, the look tells */
}

/* A path as the operator gave it; but "." says nothing. */
static const char *name_of(const struct rootwatch *watch, const char *path) {
    return strcmp(path, ".") == 0 && watch->start != NULL ? watch->start : path;
}

/* The first that is gone; else the first that was replaced. `*path` is its path, if it is either.
 */
static enum docroot_presence look(const struct setup *setup, const char **path) {
    enum docroot_presence worst = DOCROOT_PRESENT;
    for (size_t i = 0; i < setup->roots.count && worst != DOCROOT_GONE; i++) {
        const char *at = roots_path(&setup->options, i);
        enum docroot_presence presence = docroot_look(&setup->roots.items[i], at);
        if (presence <= worst)
            continue;
        worst = presence;
        *path = at;
    }
    return worst;
}

/* Says what has changed since the last look. */
static void tell(struct rootwatch *watch, enum docroot_presence presence, const char *path) {
    if (presence == DOCROOT_GONE && !watch->gone)
        diag_message("%s is gone; once it is there again, it is served again",
                     name_of(watch, path));
    if (presence == DOCROOT_REPLACED)
        diag_message("%s has been replaced", name_of(watch, path));
    watch->gone = presence == DOCROOT_GONE;
}

/* A replacement that cannot be served is tried again, but less and less often. */
static void schedule(struct rootwatch *watch, enum docroot_presence presence, int64_t now_ms) {
    if (presence != DOCROOT_REPLACED)
        watch->interval_ms = INTERVAL_MIN_MS;
    watch->look_at_ms = now_ms + watch->interval_ms;
    if (presence == DOCROOT_REPLACED)
        watch->interval_ms =
            watch->interval_ms < INTERVAL_MAX_MS / 2 ? watch->interval_ms * 2 : INTERVAL_MAX_MS;
}

bool rootwatch_look(struct rootwatch *watch, const struct setup *setup, int64_t now_ms) {
    const char *path = NULL;
    if (now_ms < watch->look_at_ms)
        return false;
    follow_start(watch);
    enum docroot_presence presence = look(setup, &path);
    tell(watch, presence, path);
    schedule(watch, presence, now_ms);
    return presence == DOCROOT_REPLACED;
}

int64_t rootwatch_wait_ms(const struct rootwatch *watch, int64_t wait_ms, int64_t now_ms) {
    return deadline_sooner_ms(wait_ms, watch->look_at_ms, now_ms);
}
