#include "store/docroot.h"

#include "base/buf.h"
#include "http/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void docroot_deinit(struct docroot *docroot) {
    if (docroot->root.fd >= 0)
        (void)close(docroot->root.fd);
    free(docroot->name);
    *docroot = (struct docroot)DOCROOT_INIT;
}

/* Cuts the file's name off `real` and keeps it as the one that is served. */
static int keep_only(struct docroot *docroot, char *real) {
    char *slash = strrchr(real, '/');
    docroot->name = strdup(slash + 1);
    if (docroot->name == NULL)
        return -ENOMEM;
    docroot->only = slice_of_text(docroot->name);
    slash[slash == real ? 1 : 0] = '\0';
    return 0;
}

/* Opens the directory that holds the file at `real`, where it is a file; else the directory at
 * `real` itself. */
static int open_directory(struct docroot *docroot, char *real) {
    struct stat stat;
    int result = 0;
    if (lstat(real, &stat) < 0)
        return -errno;
    if (S_ISREG(stat.st_mode))
        result = keep_only(docroot, real);
    else if (!S_ISDIR(stat.st_mode))
        result = -ENOTSUP;
    if (result < 0)
        return result;
    docroot->root.fd = open(real, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return docroot->root.fd < 0 ? -errno : 0;
}

static int open_root(struct docroot *docroot, const char *root) {
    char *real = realpath(root, NULL); /* a root may be a link to anywhere */
    if (real == NULL)
        return -errno;
    int result = open_directory(docroot, real);
    free(real);
    return result;
}

static bool is_same(const struct docroot *one, const struct docroot *other) {
    struct stat stats[2];
    return fstat(one->root.fd, &stats[0]) == 0 && fstat(other->root.fd, &stats[1]) == 0 &&
           stats[0].st_dev == stats[1].st_dev && stats[0].st_ino == stats[1].st_ino &&
           (one->only.ptr == NULL) == (other->only.ptr == NULL) &&
           (one->only.ptr == NULL || slice_equal(one->only, other->only));
}

enum docroot_presence docroot_look(const struct docroot *docroot, const char *root) {
    struct docroot there = DOCROOT_INIT;
    enum docroot_presence presence = DOCROOT_GONE;
    if (open_root(&there, root) == 0)
        presence = is_same(docroot, &there) ? DOCROOT_PRESENT : DOCROOT_REPLACED;
    docroot_deinit(&there);
    return presence;
}

int docroot_try(const struct docroot *docroot) {
    bool linked;
    int fd = beneath_open(&docroot->root, docroot->only.ptr != NULL ? docroot->name : "", &linked);
    if (fd < 0)
        return fd;
    (void)close(fd);
    return 0;
}

static const char *advice(const char *root, int errnum) {
    switch (errnum) {
    case ENOENT:
        if (strspn(root, ":0123456789") == strlen(root))
            return " (to listen on a port: --listen PORT)";
        return " (give the path of a directory or a file)";
    case EACCES:
        return " (the user that runs pronto must be allowed to read it)";
    case ENOTSUP:
        return " (it is neither a directory nor a regular file)";
    default:
        return "";
    }
}

int docroot_open(struct docroot *docroot, const char *root, const struct names *index, bool hidden,
                 enum beneath_links links, struct err *err) {
    *docroot = (struct docroot)DOCROOT_INIT;
    docroot->root.links = links;
    docroot->root.way = beneath_probe();
    docroot->index = index;
    docroot->hidden = hidden;
    int result = open_root(docroot, root);
    if (result == 0)
        result = docroot_try(docroot); /* now, rather than at the first request */
    if (result < 0) {
        (void)err_set(err, -result, "cannot serve %.400s: %s%s", root, strerror(-result),
                      advice(root, -result));
        docroot_deinit(docroot);
    }
    return result;
}

/* Whether a segment starts with a dot. The one exception is what RFC 8615 puts at the top of every
 * site. */
static bool has_hidden_segment(struct slice path) {
    struct slice rest = path;
    struct slice segment;
    bool first = true;
    while (slice_cut(&rest, '/', &segment)) {
        bool well_known = first && slice_equal(segment, SLICE(".well-known"));
        if (segment.len > 0 && segment.ptr[0] == '.' && !well_known)
            return true;
        first = false;
    }
    return false;
}

static enum docroot_outcome outcome_of(int errnum) {
    switch (errnum) {
    case EACCES:
    case EPERM:
        return DOCROOT_FORBIDDEN;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN: /* a rename raced with every try */
        return DOCROOT_EXHAUSTED;
    case EIO:
    case ESTALE:
    case EOVERFLOW:
        return DOCROOT_FAULT;
    default: /* ENOENT and ENOTDIR; ELOOP and EXDEV for links; ENXIO for a socket; ENAMETOOLONG */
        return DOCROOT_ABSENT;
    }
}

/* Opens what file->path names: DOCROOT_FILE for a regular file, DOCROOT_DIRECTORY (with nothing
 * left open) for a directory. */
static enum docroot_outcome open_path(const struct docroot *docroot, struct docroot_file *file) {
    bool linked;
    file->fd = beneath_open(&docroot->root, file->path, &linked);
    file->linked |= linked;
    if (file->fd < 0)
        return outcome_of(-file->fd);
    enum docroot_outcome outcome = DOCROOT_ABSENT;
    if (fstat(file->fd, &file->stat) < 0)
        outcome = DOCROOT_FAULT;
    else if (S_ISREG(file->stat.st_mode))
        outcome = DOCROOT_FILE;
    else if (S_ISDIR(file->stat.st_mode) && file->stat.st_nlink > 0) /* a removed root is open */
        outcome = DOCROOT_DIRECTORY;
    if (outcome != DOCROOT_FILE) {
        (void)close(file->fd);
        file->fd = -1;
    }
    return outcome;
}

enum docroot_outcome docroot_open_file(const struct docroot *docroot, struct docroot_file *file) {
    file->linked = false;
    enum docroot_outcome outcome = open_path(docroot, file);
    return outcome == DOCROOT_DIRECTORY ? DOCROOT_ABSENT : outcome;
}

struct slice docroot_path_behind(struct slice path, struct slice prefix) {
    if (path.ptr == NULL || !slice_starts_with(path, prefix))
        return SLICE_NONE;
    if (prefix.len == 0 || path.len == prefix.len)
        return slice_after(path, prefix.len);
    return path.ptr[prefix.len] == '/' ? slice_after(path, prefix.len + 1) : SLICE_NONE;
}

struct slice docroot_mount_point(const struct docroot *docroot, const struct docroot *mount) {
    return docroot_path_behind(mount->prefix, docroot->prefix);
}

struct slice docroot_mount_name(const struct docroot *docroot, const struct docroot *mount,
                                struct slice directory) {
    struct slice name = docroot_path_behind(docroot_mount_point(docroot, mount), directory);
    return name.len > 0 && slice_find(name, '/') == name.len ? name : SLICE_NONE;
}

/* Whether something is mounted over the path, or a directory on its way. */
static bool is_covered(const struct docroot *docroot, struct slice path) {
    for (const struct docroot *at = docroot->mounts; at != NULL; at = at->next_mount) {
        if (docroot_path_behind(path, docroot_mount_point(docroot, at)).ptr != NULL)
            return true;
    }
    return false;
}

/* Rules are read at the root of the site, and are files like others where that is mounted. */
static bool has_rules_at(const struct docroot *docroot, struct slice path) {
    struct slice first;
    return docroot->prefix.len == 0 && slice_cut(&path, '/', &first) && rules_are_at(first);
}

/* Whether what is beneath the root by that path is something else to clients. */
static bool is_overlaid(const struct docroot *docroot, struct slice path) {
    return has_rules_at(docroot, path) || is_covered(docroot, path);
}

bool docroot_hides(const struct docroot *docroot, struct slice path) {
    if (docroot->only.ptr != NULL)
        return !slice_equal(path, docroot->only);
    return (!docroot->hidden && has_hidden_segment(path)) || is_overlaid(docroot, path);
}

/* Whether the path can name anything, whatever files there are. */
static bool is_served(const struct docroot *docroot, struct slice path, bool as_directory) {
    if (docroot->only.ptr != NULL)
        return path.len == 0 || (!as_directory && slice_equal(path, docroot->only));
    return path.len < PATH_MAX && !docroot_hides(docroot, path);
}

/* Whether the path, which is no directory's, names more than itself. A name that starts with a dot
 * does not: "/.well-known" must not lead to ".well-known.html", which is hidden. */
static bool is_clean(const struct docroot *docroot, struct slice path) {
    return docroot->clean_urls && path.len > 0 && docroot_name_of(path).ptr[0] != '.';
}

size_t docroot_candidate(const struct docroot *docroot, struct slice path, bool as_directory,
                         size_t index, char text[PATH_MAX]) {
    struct buf buf = BUF_INIT(text, PATH_MAX);
    bool clean = !as_directory && is_clean(docroot, path);
    size_t before = as_directory ? 0 : clean ? 2 : 1; /* tried before any index file */
    text[0] = '\0';
    if (!is_served(docroot, path, as_directory))
        return 0;
    if (docroot->only.ptr != NULL) {
        if (index == 0)
            buf_put(&buf, docroot->only);
    } else if (index < before) {
        buf_put(&buf, path);
        if (index == 1)
            buf_put(&buf, SLICE(".html"));
    } else if ((as_directory || clean) && index - before < docroot->index->count) {
        buf_put(&buf, path);
        if (path.len > 0)
            buf_put_char(&buf, '/');
        buf_put(&buf, docroot->index->items[index - before]);
    }
    size_t len = buf.len;
    buf_put_char(&buf, '\0');
    return buf.overflow ? 0 : len;
}

/* The directory at `path` itself, which has no index file. */
static enum docroot_outcome find_directory(const struct docroot *docroot, struct slice path,
                                           struct docroot_file *file) {
    struct buf buf = BUF_INIT(file->path, sizeof file->path);
    buf_put(&buf, path);
    buf_put_char(&buf, '\0');
    enum docroot_outcome outcome = open_path(docroot, file);
    if (outcome != DOCROOT_FILE)
        return outcome;
    (void)close(file->fd); /* "file.txt/" */
    file->fd = -1;
    return DOCROOT_ABSENT;
}

/* It may have another name than was asked for. */
static enum docroot_outcome open_candidate(const struct docroot *docroot,
                                           struct docroot_file *file) {
    bool overlaid =
        docroot->only.ptr == NULL && is_overlaid(docroot, slice_of(file->path, file->path_len));
    return overlaid ? DOCROOT_ABSENT : open_path(docroot, file);
}

enum docroot_outcome docroot_find(const struct docroot *docroot, struct slice path,
                                  bool as_directory, struct docroot_file *file) {
    bool whole = docroot->only.ptr == NULL;
    bool may_have_index = as_directory; /* the path may be a directory's */
    file->fd = -1;
    file->linked = false;
    if (!is_served(docroot, path, as_directory))
        return DOCROOT_ABSENT;
    if (docroot->only.ptr == NULL && path.len == 0 && !as_directory)
        return DOCROOT_NEEDS_SLASH; /* its prefix alone */
    for (size_t i = 0; i < 2 || may_have_index; i++) {
        file->path_len = docroot_candidate(docroot, path, as_directory, i, file->path);
        if (file->path_len == 0)
            break;
        enum docroot_outcome outcome = open_candidate(docroot, file);
        if (outcome != DOCROOT_ABSENT && outcome != DOCROOT_DIRECTORY)
            return outcome;
        if (i == 0 && !as_directory)
            may_have_index = outcome == DOCROOT_DIRECTORY;
    }
    if (whole && as_directory)
        return find_directory(docroot, path, file);
    return whole && may_have_index ? DOCROOT_NEEDS_SLASH : DOCROOT_ABSENT;
}

static const char *reason_of(const struct docroot *docroot, struct slice path,
                             enum docroot_outcome outcome) {
    switch (outcome) {
    case DOCROOT_DIRECTORY:
    case DOCROOT_NEEDS_SLASH:
        return "it is a directory";
    case DOCROOT_FORBIDDEN:
        return "the user that runs pronto must be allowed to read it";
    case DOCROOT_EXHAUSTED:
        return "there are no descriptors or memory left";
    case DOCROOT_FILE:
    case DOCROOT_ABSENT:
        return docroot->only.ptr == NULL && docroot_hides(docroot, path)
                   ? "a name that starts with a dot is not served (see --hidden)"
                   : "there is no such file beneath the root";
    case DOCROOT_FAULT:
        break;
    }
    return "it cannot be read";
}

int docroot_require_file(const struct docroot *docroot, struct slice path, struct err *err) {
    struct docroot_file file;
    enum docroot_outcome outcome = docroot_find(docroot, path, false, &file);
    if (outcome == DOCROOT_FILE) {
        (void)close(file.fd);
        return 0;
    }
    return err_set(err, ENOENT, "cannot serve %.*s: %s", (int)path.len, path.ptr,
                   reason_of(docroot, path, outcome));
}

enum docroot_outcome docroot_open_directory(const struct docroot *docroot, struct slice path,
                                            int *fd) {
    char text[PATH_MAX];
    struct buf buf = BUF_INIT(text, sizeof text);
    struct stat stat;
    bool linked;
    if (docroot->only.ptr != NULL || !is_served(docroot, path, true))
        return DOCROOT_ABSENT;
    buf_put(&buf, path);
    buf_put_char(&buf, '\0');
    *fd = beneath_open(&docroot->root, text, &linked);
    if (*fd < 0)
        return outcome_of(-*fd);
    enum docroot_outcome outcome = DOCROOT_DIRECTORY;
    if (fstat(*fd, &stat) < 0)
        outcome = DOCROOT_FAULT;
    else if (!S_ISDIR(stat.st_mode))
        outcome = DOCROOT_ABSENT;
    if (outcome != DOCROOT_DIRECTORY)
        (void)close(*fd);
    return outcome;
}

static bool has_mount(const struct docroot *docroot, struct slice directory, struct slice name) {
    for (const struct docroot *at = docroot->mounts; at != NULL; at = at->next_mount) {
        if (slice_equal(docroot_mount_name(docroot, at, directory), name))
            return true;
    }
    return false;
}

bool docroot_shows(const struct docroot *docroot, struct slice directory, struct slice name) {
    size_t before = directory.len > 0 ? directory.len + 1 : 0; /* with its slash */
    bool well_known = before == 0 && slice_equal(name, SLICE(".well-known"));
    bool dotted = name.len > 0 && name.ptr[0] == '.';
    bool rules = before == 0 && has_rules_at(docroot, name);
    return before + name.len < PATH_MAX && !rules && (docroot->hidden || !dotted || well_known) &&
           !has_mount(docroot, directory, name);
}

struct slice docroot_name_of(struct slice path) {
    const char *slash = memrchr(path.ptr, '/', path.len);
    return slash != NULL ? slice_after(path, (size_t)(slash + 1 - path.ptr)) : path;
}

int docroot_stat(const struct docroot *docroot, const char *path, struct stat *stat) {
    return fstatat(docroot->root.fd, path, stat, 0) < 0 ? -errno : 0;
}
