/* The directory that is served, and what the paths beneath it name. */
#pragma once

#include "base/err.h"
#include "base/slice.h"
#include "conf/names.h"
#include "sys/beneath.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

enum docroot_outcome {
    DOCROOT_FILE,        /* found, and open */
    DOCROOT_DIRECTORY,   /* a directory without an index file */
    DOCROOT_NEEDS_SLASH, /* a directory, asked for without its trailing slash */
    DOCROOT_ABSENT,
    DOCROOT_FORBIDDEN, /* there, but not readable */
    DOCROOT_EXHAUSTED, /* no descriptors or memory left just now */
    DOCROOT_FAULT,     /* the file system failed */
};

struct docroot {
    struct beneath root; /* owned */
    struct slice only; /* the one file that is served; SLICE_NONE: the whole directory. Points into
                          `name`. */
    char *name;        /* of the one file; owned */
    const struct names *index; /* the files that stand for their directory, in the order in which
                                  they are tried; borrowed */
    bool hidden;               /* names that start with a dot are served, too */
    bool clean_urls;           /* "about" names about.html, too; off until somebody sets it */
    struct slice prefix; /* of the request paths that name what is in it, decoded: "a/b"; empty
                            where all do; borrowed */
    const struct docroot *mounts; /* the first of those that are mounted in it, or NULL; borrowed */
    const struct docroot *next_mount; /* the next one in the same; the same */
};

#define DOCROOT_INIT        \
    {                       \
        .root = {.fd = -1 } \
    }

struct docroot_file {
    int fd; /* owned by the caller, once returned */
    struct stat stat;
    bool linked; /* a symbolic link was followed, or could have been */
    size_t path_len;
    char path[PATH_MAX]; /* beneath the root, NUL-terminated */
};

/* Opens `root`, a directory or a regular file. `index` is borrowed as long as the docroot is in
 * use. Returns 0, or -errno and a message. */
int docroot_open(struct docroot *docroot, const char *root, const struct names *index, bool hidden,
                 enum beneath_links links, struct err *err);

/* What there is where a docroot was opened; the higher, the worse. */
enum docroot_presence {
    DOCROOT_PRESENT,  /* the same */
    DOCROOT_REPLACED, /* another directory, or file in another directory */
    DOCROOT_GONE,     /* nothing that could be served, or that can be looked at */
};

/* Looks at the path `root`, with which the docroot was opened. */
enum docroot_presence docroot_look(const struct docroot *docroot, const char *root);
/* Whether this process can read it: 0 or -errno. */
int docroot_try(const struct docroot *docroot);

/* Idempotent. */
void docroot_deinit(struct docroot *docroot);

/* Whether nothing beneath the root is served under this path, whatever there is: because of a name
 * that starts with a dot, because it is a file of rules (http/rules), because one file is all that
 * is served, or because something is mounted over it. */
bool docroot_hides(const struct docroot *docroot, struct slice path);

/* Writes the path of the file that is tried as number `index` (from 0 on) when `path` is looked up:
 * the path itself, with clean URLs the same with ".html" behind it, or that of an index file.
 * Returns its length, 0 where there are no more. Nothing else is looked at, but for the directory
 * itself in the end. */
size_t docroot_candidate(const struct docroot *docroot, struct slice path, bool as_directory,
                         size_t index, char text[PATH_MAX]);

/* Looks up a decoded path without slashes at its ends ("" is the root); `as_directory` where the
 * target ended in a slash. With DOCROOT_FILE, fills in `file`, which is a regular file; `linked` is
 * filled in always. Never blocks on what it finds. */
enum docroot_outcome docroot_find(const struct docroot *docroot, struct slice path,
                                  bool as_directory, struct docroot_file *file);

/* Whether docroot_find() finds a file at a path that the operator named: 0, or -errno and a message
 * that says why not. */
int docroot_require_file(const struct docroot *docroot, struct slice path, struct err *err);

/* Opens the file file->path: DOCROOT_FILE, or why not. */
enum docroot_outcome docroot_open_file(const struct docroot *docroot, struct docroot_file *file);

/* Opens the directory at `path`, decoded as for docroot_find(), for reading what is in it:
 * DOCROOT_DIRECTORY, and a descriptor that is the caller's, or why not. */
enum docroot_outcome docroot_open_directory(const struct docroot *docroot, struct slice path,
                                            int *fd);

/* Whether what is called `name` in the directory at `directory` can be served, going by its path.
 */
bool docroot_shows(const struct docroot *docroot, struct slice directory, struct slice name);

/* What is left of a path behind a prefix, by whole segments, and the slash between them: "c" of
 * "a/b/c" behind "a/b", and "" of "a/b". Everything is behind "". SLICE_NONE: the path leads
 * elsewhere. */
struct slice docroot_path_behind(struct slice path, struct slice prefix);

/* Where in the docroot one of its mounts is: a path beneath the root. */
struct slice docroot_mount_point(const struct docroot *docroot, const struct docroot *mount);

/* The name by which a mount is in the directory at `directory` itself; SLICE_NONE: it is not. */
struct slice docroot_mount_name(const struct docroot *docroot, const struct docroot *mount,
                                struct slice directory);

/* The last part of a path: the name by which a media type goes. */
struct slice docroot_name_of(struct slice path);

/* Does what stat(2) does for a path beneath the root, links and all: 0 or -errno. */
int docroot_stat(const struct docroot *docroot, const char *path, struct stat *stat);
