/* The file is stat'ed before it is read. If it is written to in between, its validators are older
 * than its content, and whoever revalidates with them gets it anew; the other way round, old
 * content would pass as new. */
#include "store/entry.h"

#include "base/buf.h"
#include "base/check.h"
#include "http/etag.h"
#include "http/head.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Room for the heads of an entry: the longest media type and all fields are about half of it. */
enum { HEADS_MAX = 1024 };

/* How often a file that shrinks under our hands is looked at again. */
enum { READ_TRIES = 4 };

/* RFC 9110 §8.8.2.1: a modification in the future happened now. So the file is newer each time than
 * any date that a client got before, which is safe: it gets the content anew, and a range only by
 * the entity tag, which has the time as it is. */
static int64_t last_modified_s(const struct stat *stat, int64_t now_s) {
    return stat->st_mtim.tv_sec < now_s ? stat->st_mtim.tv_sec : now_s;
}

static void write_heads(struct entry *entry, struct buf *heads, const struct stat *stat,
                        int64_t now_s) {
    struct representation *representation = &entry->representation;
    int64_t mtime_ns;
    /* A time that does not fit into 64 bits of nanoseconds wraps; as a tag it serves all the same.
     */
    (void)__builtin_mul_overflow((int64_t)stat->st_mtim.tv_sec, (int64_t)1000000000, &mtime_ns);
    (void)__builtin_add_overflow(mtime_ns, (int64_t)stat->st_mtim.tv_nsec, &mtime_ns);

    size_t start = heads->len;
    etag_write(heads, mtime_ns, (uint64_t)stat->st_size, stat->st_ino);
    representation->etag = slice_of(heads->ptr + start, heads->len - start);
    representation->last_modified_s = last_modified_s(stat, now_s);
    representation->length = (uint64_t)stat->st_size;
    start = heads->len;
    head_representation(heads, representation);
    entry->fields = slice_of(heads->ptr + start, heads->len - start);
    start = heads->len;
    head_validators(heads, representation);
    entry->validators = slice_of(heads->ptr + start, heads->len - start);
}

/* Reads exactly `len` bytes. Returns 0, -ENODATA where the file has become shorter, or -errno. */
static int read_content(int fd, char *to, size_t len) {
    size_t at = 0;
    while (at < len) {
        ssize_t count = pread(fd, to + at, len - at, (off_t)at);
        if (count == 0)
            return -ENODATA;
        if (count < 0 && errno != EINTR)
            return -errno;
        if (count > 0)
            at += (size_t)count;
    }
    return 0;
}

static int build(const struct docroot_file *file, struct slice content_type, int64_t now_s,
                 struct entry **entry) {
    bool in_memory = file->stat.st_size <= ENTRY_MEMORY_MAX;
    size_t content_len = in_memory ? (size_t)file->stat.st_size : 0;
    struct entry *new = malloc(sizeof *new + HEADS_MAX + content_len);
    if (new == NULL)
        return -ENOMEM;
    *new = (struct entry){.references = 1, .fd = in_memory ? -1 : file->fd};
    new->representation.content_type = content_type;
    struct buf heads = BUF_INIT(new->bytes, HEADS_MAX);
    write_heads(new, &heads, &file->stat, now_s);
    CHECK(!heads.overflow);
    if (in_memory) {
        char *content = new->bytes + HEADS_MAX;
        int result = read_content(file->fd, content, content_len);
        if (result < 0) {
            free(new);
            return result;
        }
        new->content = content;
    }
    *entry = new;
    return 0;
}

int entry_build(struct docroot_file *file, struct slice content_type, int64_t now_s,
                struct entry **entry) {
    int result = -ENODATA;
    for (int i = 0; i < READ_TRIES && result == -ENODATA; i++) {
        if (i > 0 && fstat(file->fd, &file->stat) < 0)
            result = -errno;
        else
            result = build(file, content_type, now_s, entry);
    }
    if (result < 0 || (*entry)->fd < 0)
        (void)close(file->fd);
    file->fd = -1;
    return result;
}

void entry_unref(struct entry *entry) {
    CHECK(entry->references > 0);
    if (--entry->references > 0)
        return;
    if (entry->fd >= 0)
        (void)close(entry->fd);
    free(entry);
}
