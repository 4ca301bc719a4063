/* The file is stat'ed before it is read. If it is written to in between, its validators are older
 * than its content, and whoever revalidates with them gets it anew; the other way round, old
 * content would pass as new. */
#include "store/entry.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/placement.h"
#include "http/etag.h"
#include "http/head.h"
#include "http/sniff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Room for the fields of an entry, and for the validators among them once more: the longest media
 * type, the longest --cache-control twice and all other fields but those of a policy, and these
 * twice. */
enum { HEADS_MAX = 2 * 1024 + 2 * HEAD_POLICY_MAX };

/* How often a file that shrinks under our hands is looked at again. */
enum { READ_TRIES = 4 };

/* RFC 9110 §8.8.2.1: a modification in the future happened now. So the file is newer each time than
 * any date that a client got before, which is safe: it gets the content anew, and a range only by
 * the entity tag, which has the time as it is. */
static int64_t last_modified_s(const struct stat *stat, int64_t now_s) {
    return stat->st_mtim.tv_sec < now_s ? stat->st_mtim.tv_sec : now_s;
}

/* A time that does not fit into 64 bits of nanoseconds wraps; as a tag it serves all the same. */
static int64_t ns_of(struct timespec time) {
    int64_t ns;
    (void)__builtin_mul_overflow((int64_t)time.tv_sec, (int64_t)1000000000, &ns);
    (void)__builtin_add_overflow(ns, (int64_t)time.tv_nsec, &ns);
    return ns;
}

/* What the content of a file gets appended, as what it is said to be. */
static struct slice appendix_of(const struct stat *stat, const struct representation *about,
                                const struct entry_terms *terms) {
    bool is_page = about->content_coding.ptr == NULL && stat->st_size <= ENTRY_PAGE_MAX &&
                   slice_starts_with(about->content_type, SLICE("text/html"));
    return is_page ? terms->appendix : SLICE_NONE;
}

/* What is said about a file; its etag is written to `etag`. */
static struct representation describe(const struct stat *stat, const struct representation *about,
                                      struct slice appendix, int64_t now_s, struct buf *etag) {
    struct representation representation = *about;
    bool is_appended = appendix.len > 0;
    representation.length = (uint64_t)stat->st_size + appendix.len;
    etag_write(etag, ns_of(stat->st_mtim), representation.length, stat->st_ino,
               is_appended ? SLICE("live") : about->content_coding);
    representation.etag = buf_slice(etag);
    representation.last_modified_s =
        is_appended ? REPRESENTATION_UNDATED : last_modified_s(stat, now_s);
    return representation;
}

/* Copies text to an entry. */
static struct slice keep(struct buf *bytes, struct slice text) {
    char *to = buf_claim(bytes, text.len);
    CHECK(to != NULL);
    memcpy(to, text.ptr, text.len);
    return slice_of(to, text.len);
}

/* An entry with room for content, and without it. NULL: no memory. */
static struct entry *make_entry(const struct representation *representation, size_t content_len) {
    char memory[HEADS_MAX];
    struct buf fields = BUF_INIT(memory, sizeof memory);

    head_representation(&fields, representation);
    struct buf validators = BUF_INIT(memory + fields.len, sizeof memory - fields.len);
    head_validators(&validators, representation);
    CHECK(!fields.overflow && !validators.overflow);
    struct slice end = SLICE("\r\n"); /* the empty line */
    size_t bytes_len =
        representation->etag.len + HEAD_OPENING_MAX + fields.len + end.len + content_len;
    struct entry *entry = malloc(sizeof *entry + bytes_len);
    if (entry == NULL)
        return NULL;
    *entry = (struct entry){.references = 1,
                            .fd = -1,
                            .opened_s = INT64_MIN,
                            .representation = *representation,
                            .size_bytes = sizeof *entry + bytes_len};
    struct buf bytes = BUF_INIT(entry->bytes, bytes_len);
    entry->representation.etag = keep(&bytes, representation->etag);
    (void)buf_claim(&bytes, HEAD_OPENING_MAX);
    entry->fields = keep(&bytes, buf_slice(&fields));
    entry->validators = slice_after(entry->fields, fields.len - validators.len);
    CHECK(slice_equal(entry->validators, buf_slice(&validators)));
    (void)keep(&bytes, end);
    return entry;
}

/* Room for the content of an entry that was made with some. */
static char *content_of(struct entry *entry, size_t len) {
    return (char *)entry + entry->size_bytes - len;
}

/* The content is there, `len` bytes of it. */
static void take_content(struct entry *entry, size_t len) {
    entry->content = content_of(entry, len);
    entry->rest = slice_of(entry->fields.ptr, (size_t)(entry->content - entry->fields.ptr) + len);
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

/* The media type of content whose name says nothing. */
static int find_type(const struct docroot_file *file, struct slice *type) {
    char sample[SNIFF_BYTES];
    size_t len = file->stat.st_size < SNIFF_BYTES ? (size_t)file->stat.st_size : SNIFF_BYTES;
    int result = read_content(file->fd, sample, len);
    if (result == 0)
        *type = sniff_type(slice_of(sample, len));
    return result;
}

/* Notes which file the entry is made of. */
static void identify(struct entry *entry, const struct stat *stat) {
    entry->device = stat->st_dev;
    entry->inode = stat->st_ino;
    entry->modified_ns = ns_of(stat->st_mtim);
    entry->changed_ns = ns_of(stat->st_ctim);
    entry->file_bytes = (uint64_t)stat->st_size;
}

/* Reads the file into its entry, and appends what is to stand behind it. Returns 0 or -errno. */
static int fill(struct entry *entry, int fd, struct slice appendix) {
    size_t file_len = (size_t)entry->file_bytes;
    char *content = content_of(entry, file_len + appendix.len);
    int result = read_content(fd, content, file_len);
    if (result < 0)
        return result;
    if (appendix.len > 0)
        memcpy(content + file_len, appendix.ptr, appendix.len);
    take_content(entry, file_len + appendix.len);
    return 0;
}

static int build(const struct docroot_file *file, const struct representation *about,
                 const struct entry_terms *terms, int64_t now_s, struct entry **entry) {
    char etag_memory[ETAG_MAX];
    struct buf etag = BUF_INIT(etag_memory, sizeof etag_memory);
    struct slice appendix = appendix_of(&file->stat, about, terms);
    struct representation representation = describe(&file->stat, about, appendix, now_s, &etag);
    CHECK(!etag.overflow);
    bool in_memory = (uint64_t)file->stat.st_size <= terms->memory_max || appendix.len > 0;
    struct entry *new = make_entry(&representation, in_memory ? (size_t)representation.length : 0);
    if (new == NULL)
        return -ENOMEM;
    identify(new, &file->stat);
    int result = in_memory ? fill(new, file->fd, appendix) : 0;
    if (result < 0) {
        free(new);
        return result;
    }
    if (!in_memory)
        new->fd = file->fd;
    *entry = new;
    return 0;
}

/* The type is found anew with each try, so that it is of content that is no older than the
 * validators. */
static int build_typed(const struct docroot_file *file, const struct representation *about,
                       const struct entry_terms *terms, int64_t now_s, struct entry **entry) {
    struct representation typed = *about;
    int result = 0;
    if (typed.content_type.ptr == NULL)
        result = find_type(file, &typed.content_type);
    return result < 0 ? result : build(file, &typed, terms, now_s, entry);
}

int entry_build(struct docroot_file *file, const struct representation *about,
                const struct entry_terms *terms, int64_t now_s, struct entry **entry) {
    int result = -ENODATA;
    for (int i = 0; i < READ_TRIES && result == -ENODATA; i++) {
        if (i > 0 && fstat(file->fd, &file->stat) < 0)
            result = -errno;
        else
            result = build_typed(file, about, terms, now_s, entry);
    }
    if (result < 0 || (*entry)->fd < 0)
        (void)close(file->fd);
    file->fd = -1;
    return result;
}

struct entry *entry_of_content(struct slice content, const struct representation *about) {
    struct representation representation = *about;
    representation.length = content.len;
    struct entry *entry = make_entry(&representation, content.len);
    if (entry == NULL)
        return NULL;
    memcpy(content_of(entry, content.len), content.ptr, content.len);
    take_content(entry, content.len);
    return entry;
}

struct entry *entry_of_fd(int fd) {
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        (void)close(fd);
        return NULL;
    }
    entry->references = 1;
    entry->fd = fd;
    return entry;
}

struct slice entry_answer(struct entry *entry, const struct head_opening *opening, bool closes) {
    struct slice head = head_opening_text(opening, closes);
    if (entry->rest.ptr == NULL)
        return SLICE_NONE;
    char *start = entry->bytes + (entry->rest.ptr - entry->bytes) - head.len;
    if (entry->opened_s != opening->time_s || entry->opening_closes != closes) {
        if (entry->references > 1)
            return SLICE_NONE;
        memcpy(start, head.ptr, head.len);
        entry->opened_s = opening->time_s;
        entry->opening_closes = closes;
    }
    return slice_of(start, head.len + entry->rest.len);
}

bool entry_is_of(const struct entry *entry, const struct stat *stat) {
    return entry->device == stat->st_dev && entry->inode == stat->st_ino &&
           entry->file_bytes == (uint64_t)stat->st_size &&
           entry->modified_ns == ns_of(stat->st_mtim) && entry->changed_ns == ns_of(stat->st_ctim);
}

HOT void entry_unref(struct entry *entry) {
    CHECK(entry->references > 0);
    if (--entry->references > 0)
        return;
    if (entry->fd >= 0)
        (void)close(entry->fd);
    free(entry);
}
