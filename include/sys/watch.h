/* Notices of changes in directories (inotify(7)). */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

enum watch_change {
    WATCH_CONTENT, /* what a name stands for was written to */
    WATCH_NAME,    /* a name appeared, vanished, stands for something else, or its attributes
                      changed; without a name: the directory's own attributes */
    WATCH_GONE,    /* the directory was moved or removed, or is no longer watched */
    WATCH_LOST,    /* notices were lost: anything may have changed */
};

struct watch_event {
    enum watch_change change;
    int descriptor;    /* as watch_add() returned it; -1 with WATCH_LOST */
    bool is_directory; /* what has the name is a directory */
    struct slice name; /* in the directory; without a NUL. Valid until the next watch_next(). */
};

enum { WATCH_BUFFER_BYTES = 16 * 1024 };

struct watch {
    int fd; /* -1: none */
    size_t at;
    size_t len; /* of what has been read and not been looked at, from `at` on */
    char buffer[WATCH_BUFFER_BYTES] __attribute__((aligned(8)));
};

/* Returns 0, or -errno: -EMFILE where the user has as many as are allowed (inotify(7):
 * max_user_instances). */
int watch_open(struct watch *watch);

/* Idempotent. */
void watch_close(struct watch *watch);

/* Watches the directory that an open descriptor (O_PATH will do) refers to. What happens in it from
 * now on is reported. Returns a descriptor, the same one for the same directory, or -errno: -ENOSPC
 * where the user has as many as are allowed (max_user_watches), -EREMOTE on a file system that
 * others change, too, of which nothing is reported. */
int watch_add(struct watch *watch, int directory_fd);

/* Events that have come already are still reported. */
void watch_remove(struct watch *watch, int descriptor);

/* Takes the next event; false where there is none. Does not wait. */
bool watch_next(struct watch *watch, struct watch_event *event);
