/* Directories are read one after the other, in the order in which they were found, and only one is
 * open at a time, by its path beneath the root: neither the depth nor the width of a tree costs
 * descriptors, and a directory that has been replaced by a link leads nowhere.
 *
 * Links to files are members as the files they lead to, since that is what is served under their
 * names; links to directories are left out, or a tree could contain itself, and be without end. So
 * an archive has no links, and unpacking it cannot write anywhere but beneath its own directory.
 *
 * What may not be read would not be served either, and is left out, too: one private file must not
 * keep everybody from all others. It is found out here, as it would be too late when the archive
 * is under way. */
#include "store/survey.h"

#include "base/buf.h"
#include "base/check.h"
#include "sys/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void survey_init(struct survey *survey, const struct docroot *docroot, struct slice path,
                 struct slice name, struct snapshot *snapshot) {
    *survey = (struct survey){
        .docroot = docroot, .snapshot = snapshot, .path = path, .name = name, .names = NULL};
}

static void close_names(struct survey *survey) {
    if (survey->names != NULL)
        (void)closedir(survey->names);
    survey->names = NULL;
}

void survey_deinit(struct survey *survey) {
    close_names(survey);
}

/* Paths */

static void put_path(struct buf *buf, struct slice path, const struct snapshot *snapshot,
                     uint32_t member) {
    buf_put(buf, path);
    if (path.len > 0 && member != 0)
        buf_put_char(buf, '/');
    snapshot_put_path(snapshot, member, buf);
}

size_t survey_path(struct slice path, const struct snapshot *snapshot, uint32_t member,
                   char text[PATH_MAX]) {
    struct buf buf = BUF_INIT(text, PATH_MAX);
    put_path(&buf, path, snapshot, member);
    CHECK(!buf.overflow && buf.len < PATH_MAX); /* else it is no member */
    text[buf.len] = '\0';
    return buf.len;
}

/* The path of a name in the directory that is being read; its length, 0: too long. */
static size_t path_of_name(const struct survey *survey, struct slice name, char text[PATH_MAX]) {
    struct buf buf = BUF_INIT(text, PATH_MAX);
    put_path(&buf, survey->path, survey->snapshot, survey->directory);
    if (buf.len > 0)
        buf_put_char(&buf, '/');
    buf_put(&buf, name);
    size_t len = buf.overflow || buf.len == PATH_MAX ? 0 : buf.len;
    text[len] = '\0';
    return len;
}

static bool is_too_long(const struct survey *survey, struct slice name) {
    return name.len > NAME_MAX || survey->path_len + 1 + name.len + 1 > PATH_MAX;
}

/* Opening */

static bool is_exhaustion(int errnum) {
    return errnum == EMFILE || errnum == ENFILE || errnum == ENOMEM || errnum == EAGAIN;
}

static bool is_fault(int errnum) {
    return errnum == EIO || errnum == ESTALE || errnum == EOVERFLOW;
}

/* Why the directory that is archived cannot be opened. */
static enum survey_outcome outcome_at_start(int errnum) {
    if (errnum == EACCES || errnum == EPERM)
        return SURVEY_FORBIDDEN;
    if (is_exhaustion(errnum))
        return SURVEY_EXHAUSTED;
    return is_fault(errnum) ? SURVEY_FAULT : SURVEY_ABSENT;
}

/* Why one cannot be opened that could be a moment ago. */
static enum survey_outcome outcome_later(int errnum) {
    if (is_exhaustion(errnum))
        return SURVEY_EXHAUSTED;
    return is_fault(errnum) ? SURVEY_FAULT : SURVEY_CHANGED;
}

/* A descriptor, or -errno. */
static int open_directory(const struct docroot *docroot, const char *path, struct stat *stat) {
    bool linked;
    int fd = beneath_open(&docroot->root, path, &linked);
    if (fd < 0)
        return fd;
    int result = fstat(fd, stat) < 0 ? -errno : 0;
    if (result == 0 && !S_ISDIR(stat->st_mode))
        result = -ENOTDIR;
    if (result == 0)
        return fd;
    (void)close(fd);
    return result;
}

static enum survey_outcome outcome_of_adding(enum snapshot_outcome outcome) {
    static const enum survey_outcome outcomes[] = {
        [SNAPSHOT_ADDED] = SURVEY_MORE,
        [SNAPSHOT_FULL] = SURVEY_TOO_MANY,
        [SNAPSHOT_LARGE] = SURVEY_TOO_LARGE,
        [SNAPSHOT_EXHAUSTED] = SURVEY_EXHAUSTED,
    };
    return outcomes[outcome];
}

/* Whether it can be the first name in an archive: no path from there leads upwards. */
static bool is_name(struct slice name) {
    return !slice_equal(name, SLICE(".")) && !slice_equal(name, SLICE("..")) &&
           slice_find(name, '\0') == name.len;
}

static enum survey_outcome start(struct survey *survey) {
    char path[PATH_MAX];
    struct stat stat;
    struct buf buf = BUF_INIT(path, sizeof path);
    if (docroot_hides(survey->docroot, survey->path) || !is_name(survey->name))
        return SURVEY_ABSENT;
    buf_put(&buf, survey->path);
    buf_put_char(&buf, '\0');
    int fd = buf.overflow ? -ENAMETOOLONG : open_directory(survey->docroot, path, &stat);
    if (fd < 0)
        return outcome_at_start(-fd);
    (void)close(fd);
    survey->phase = SURVEY_OPEN;
    return outcome_of_adding(snapshot_add(survey->snapshot, 0, survey->name, &stat));
}

/* Opens the directory that is to be read. What is known of it is brought up to date: whatever is
 * added to it from now on changes its time once more. */
static enum survey_outcome open_names(struct survey *survey) {
    char path[PATH_MAX];
    struct stat stat;
    survey->path_len = survey_path(survey->path, survey->snapshot, survey->directory, path);
    int fd = open_directory(survey->docroot, path, &stat);
    if (fd < 0)
        return outcome_later(-fd);
    bool same = snapshot_is_same(survey->snapshot, survey->directory, &stat);
    survey->names = same ? fdopendir(fd) : NULL;
    if (survey->names == NULL) {
        (void)close(fd);
        return same ? SURVEY_EXHAUSTED : SURVEY_CHANGED;
    }
    snapshot_update(survey->snapshot, survey->directory, &stat);
    survey->depth = snapshot_depth(survey->snapshot, survey->directory);
    survey->phase = SURVEY_READ;
    return SURVEY_MORE;
}

static enum survey_outcome open_next(struct survey *survey) {
    if (survey->directory == survey->snapshot->count)
        return SURVEY_DONE;
    if (survey->snapshot->members[survey->directory].is_directory)
        return open_names(survey);
    survey->directory++;
    return SURVEY_MORE;
}

/* Reading */

static enum survey_outcome leave_out(struct survey *survey) {
    survey->left_out++;
    return SURVEY_MORE;
}

static enum survey_outcome add(struct survey *survey, struct slice name, const struct stat *stat) {
    if (is_too_long(survey, name) || survey->depth == SURVEY_DEPTH_MAX)
        return SURVEY_TOO_DEEP;
    return outcome_of_adding(snapshot_add(survey->snapshot, survey->directory, name, stat));
}

/* A link: what would be served for it, which is looked at by opening it. */
static enum survey_outcome consider_link(struct survey *survey, struct slice name) {
    struct docroot_file file;
    file.path_len = path_of_name(survey, name, file.path);
    if (file.path_len == 0)
        return SURVEY_TOO_DEEP;
    switch (docroot_open_file(survey->docroot, &file)) {
    case DOCROOT_FILE:
        (void)close(file.fd);
        return add(survey, name, &file.stat);
    case DOCROOT_FORBIDDEN:
        return leave_out(survey);
    case DOCROOT_EXHAUSTED:
        return SURVEY_EXHAUSTED;
    case DOCROOT_FAULT:
        return SURVEY_FAULT;
    case DOCROOT_ABSENT:
    case DOCROOT_DIRECTORY:
    case DOCROOT_NEEDS_SLASH:
        break;
    }
    return SURVEY_MORE;
}

static enum survey_outcome consider(struct survey *survey, const char *text) {
    struct slice name = slice_of_text(text);
    struct stat stat;
    int fd = dirfd(survey->names);
    if (fstatat(fd, text, &stat, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == EACCES)
            return leave_out(survey); /* a directory that may be read, but not searched */
        return errno == ENOENT ? SURVEY_MORE : SURVEY_FAULT;
    }
    if (S_ISLNK(stat.st_mode))
        return consider_link(survey, name);
    if (!S_ISREG(stat.st_mode) && !S_ISDIR(stat.st_mode))
        return SURVEY_MORE;
    if (faccessat(fd, text, S_ISDIR(stat.st_mode) ? R_OK | X_OK : R_OK,
                  AT_EACCESS | AT_SYMLINK_NOFOLLOW) < 0)
        return errno == EACCES || errno == EPERM ? leave_out(survey)
               : errno == ENOENT                 ? SURVEY_MORE
                                                 : SURVEY_FAULT;
    return add(survey, name, &stat);
}

/* What is hidden starts with a dot, or is a file of rules (http/rules). */
static bool is_served(const struct survey *survey, const char *text) {
    char path[PATH_MAX];
    if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        return false;
    if (text[0] != '.' && text[0] != '_' && survey->docroot->mounts == NULL)
        return true;
    size_t len = path_of_name(survey, slice_of_text(text), path);
    return len == 0 || !docroot_hides(survey->docroot, slice_of(path, len));
}

static enum survey_outcome read_name(struct survey *survey) {
    errno = 0;
    const struct dirent *entry = readdir(survey->names);
    if (entry != NULL)
        return is_served(survey, entry->d_name) ? consider(survey, entry->d_name) : SURVEY_MORE;
    if (errno != 0)
        return SURVEY_FAULT;
    close_names(survey);
    survey->unsorted = survey->snapshot->members[survey->directory].children.count;
    survey->phase = SURVEY_SORT;
    return SURVEY_MORE;
}

static enum survey_outcome sort_next(struct survey *survey) {
    if (survey->unsorted > 0) {
        snapshot_sort(survey->snapshot, survey->directory, survey->unsorted--);
    } else {
        survey->directory++;
        survey->phase = SURVEY_OPEN;
    }
    return SURVEY_MORE;
}

enum survey_outcome survey_step(struct survey *survey) {
    static enum survey_outcome (*const steps[])(struct survey *) = {
        [SURVEY_START] = start,
        [SURVEY_OPEN] = open_next,
        [SURVEY_READ] = read_name,
        [SURVEY_SORT] = sort_next,
    };
    return steps[survey->phase](survey);
}
