#include "store/listing.h"

#include "base/check.h"
#include "store/html.h"
#include "store/json.h"
#include "store/roster.h"
#include "store/sheet.h"
#include "store/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum listing_state {
    LISTING_HEAD,
    LISTING_READ,
    LISTING_TOP,
    LISTING_ENTRIES,
    LISTING_FOOT,
    LISTING_END
};

struct listing {
    struct stream stream;
    enum listing_state state;
    const struct docroot *docroot;
    const struct sheet_format *format;
    DIR *dir; /* NULL once it has been read */
    struct roster roster;
    struct slice path;  /* beneath the root */
    struct sheet sheet; /* its path is that of the request, of which the other is the end */
    char text[];
};

static const struct sheet_format *const formats[VIEW_FORMATS] = {
    [VIEW_HTML] = &html_format,
    [VIEW_JSON] = &json_format,
    [VIEW_TEXT] = &text_format,
};

/* Where a symbolic link leads, if that may be served. */
static int stat_link(const struct listing *listing, struct slice name, struct stat *stat) {
    char text[PATH_MAX];
    struct buf path = BUF_INIT(text, sizeof text);
    if (listing->docroot->root.links == BENEATH_LINKS_NONE)
        return -ELOOP;
    buf_put(&path, listing->path);
    if (path.len > 0)
        buf_put_char(&path, '/');
    buf_put(&path, name);
    buf_put_char(&path, '\0');
    CHECK(!path.overflow); /* docroot_shows() */
    return beneath_stat(&listing->docroot->root, text, stat);
}

static void describe(struct roster_entry *entry, const struct stat *stat) {
    entry->directory = S_ISDIR(stat->st_mode);
    entry->size = entry->directory ? 0 : (uint64_t)stat->st_size;
    entry->mtime_s = stat->st_mtim.tv_sec;
    entry->mtime_ns = (uint32_t)stat->st_mtim.tv_nsec;
}

/* The attributes of what a name leads to: 0 or -errno. */
static int stat_name(const struct listing *listing, const char *name, struct stat *stat) {
    if (fstatat(dirfd(listing->dir), name, stat, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    return S_ISLNK(stat->st_mode) ? stat_link(listing, slice_of_text(name), stat) : 0;
}

enum look_outcome {
    LOOK_SERVED,
    LOOK_NOTHING, /* nothing is served by that name, or not any more */
    LOOK_FAULT,   /* it cannot be known */
};

static enum look_outcome outcome_of(int errnum) {
    switch (errnum) {
    case EIO:
    case ESTALE:
    case EOVERFLOW:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return LOOK_FAULT;
    default: /* ENOENT; EACCES in a directory that may only be read; and what ends a link */
        return LOOK_NOTHING;
    }
}

/* Fills in what is served by that name. */
static enum look_outcome look_at(const struct listing *listing, const char *name,
                                 struct roster_entry *entry) {
    struct stat stat;
    entry->name = slice_of_text(name);
    if (slice_equal(entry->name, SLICE(".")) || slice_equal(entry->name, SLICE("..")) ||
        !docroot_shows(listing->docroot, listing->path, entry->name))
        return LOOK_NOTHING;
    int result = stat_name(listing, name, &stat);
    if (result < 0)
        return outcome_of(-result);
    describe(entry, &stat);
    return entry->directory || S_ISREG(stat.st_mode) ? LOOK_SERVED : LOOK_NOTHING;
}

static void count(struct sheet *sheet, const struct roster_entry *entry) {
    sheet->directories += entry->directory ? 1 : 0;
    sheet->files += entry->directory ? 0 : 1;
    if (__builtin_add_overflow(sheet->bytes, entry->size, &sheet->bytes))
        sheet->bytes = UINT64_MAX; /* sparse files may say anything */
}

/* Takes an entry up; false where there is no room for it. */
static bool take_up(struct listing *listing, const struct roster_entry *entry) {
    if (!roster_add(&listing->roster, entry)) {
        listing->sheet.cut = true;
        return false;
    }
    count(&listing->sheet, entry);
    return true;
}

/* What is mounted in the directory, whether or not there is something of that name in it. Whoever
 * mounted a name that starts with a dot can tell others, too. */
static void take_up_mounts(struct listing *listing) {
    const struct docroot *docroot = listing->docroot;
    for (const struct docroot *at = docroot->mounts; at != NULL; at = at->next_mount) {
        struct stat stat;
        struct roster_entry entry = {.name = docroot_mount_name(docroot, at, listing->path)};
        if (entry.name.ptr == NULL || (entry.name.ptr[0] == '.' && !docroot->hidden))
            continue;
        if (beneath_stat(&at->root, at->only.ptr != NULL ? at->name : "", &stat) < 0)
            continue; /* it is not there just now */
        describe(&entry, &stat);
        (void)take_up(listing, &entry);
    }
}

enum read_outcome { READ_MORE, READ_ALL, READ_FAULT };

/* Looks at some entries of the directory. */
static enum read_outcome read_some(struct listing *listing) {
    for (size_t i = 0; i < LISTING_STEP; i++) {
        struct roster_entry entry;
        errno = 0;
        const struct dirent *dirent = readdir(listing->dir);
        if (dirent == NULL)
            return errno == 0 ? READ_ALL : READ_FAULT;
        enum look_outcome outcome = look_at(listing, dirent->d_name, &entry);
        if (outcome == LOOK_FAULT)
            return READ_FAULT;
        if (outcome == LOOK_SERVED && !take_up(listing, &entry))
            return READ_ALL;
    }
    return READ_MORE;
}

static void end_reading(struct listing *listing) {
    if (!roster_close(&listing->roster))
        listing->sheet.cut = true;
    (void)closedir(listing->dir);
    listing->dir = NULL;
}

/* Entries are written until there are this many bytes: it takes less than 0.1 ms, for which others
 * wait. */
enum { ENTRIES_BYTES = STREAM_PIECE_BYTES / 4 };
_Static_assert(ENTRIES_BYTES + SHEET_ENTRY_BYTES <= STREAM_PIECE_BYTES, "a piece holds them");

/* Writes entries until a piece is full; true: there are no more. */
static bool put_entries(struct listing *listing, struct buf *bytes) {
    const size_t start = bytes->len;
    struct roster_entry entry;
    while (bytes->len - start < ENTRIES_BYTES) {
        if (!roster_first(&listing->roster, &entry))
            return true;
        listing->format->entry(bytes, &listing->sheet, &entry);
        listing->sheet.written++;
        roster_drop_first(&listing->roster);
    }
    return false;
}

/* Does what is due in a state that writes, and says which comes next. */
static enum listing_state write_some(struct listing *listing, struct buf *bytes) {
    switch (listing->state) {
    case LISTING_HEAD:
        listing->format->head(bytes, &listing->sheet);
        return LISTING_READ;
    case LISTING_TOP:
        listing->format->top(bytes, &listing->sheet);
        return LISTING_ENTRIES;
    case LISTING_ENTRIES:
        return put_entries(listing, bytes) ? LISTING_FOOT : LISTING_ENTRIES;
    case LISTING_FOOT:
        listing->format->foot(bytes, &listing->sheet);
        return LISTING_END;
    case LISTING_READ:
    case LISTING_END:
        break;
    }
    return listing->state;
}

static enum stream_outcome listing_read(struct listing *listing) {
    enum read_outcome outcome = read_some(listing);
    if (outcome == READ_FAULT)
        return STREAM_FAULT;
    if (outcome == READ_ALL) {
        end_reading(listing);
        listing->state = LISTING_TOP;
    }
    return STREAM_PAUSE;
}

static enum stream_outcome listing_next(struct stream *stream, struct buf *bytes,
                                        struct stretch *stretch) {
    struct listing *listing = (struct listing *)stream;
    const size_t before = bytes->len;
    (void)stretch;
    while (bytes->len == before) {
        if (listing->state == LISTING_READ)
            return listing_read(listing);
        if (listing->state == LISTING_END)
            return STREAM_END;
        listing->state = write_some(listing, bytes);
        CHECK(!bytes->overflow);
    }
    return STREAM_BYTES;
}

static void listing_free(struct stream *stream) {
    struct listing *listing = (struct listing *)stream;
    if (listing->dir != NULL)
        (void)closedir(listing->dir);
    roster_deinit(&listing->roster);
    free(listing);
}

static const struct stream_type listing_type = {.next = listing_next, .free = listing_free};

/* Puts the path of the request together, which ends with that beneath the root. */
static void set_path(struct listing *listing, struct buf *text, struct slice path) {
    buf_put(text, listing->docroot->prefix);
    if (text->len > 0 && path.len > 0)
        buf_put_char(text, '/');
    listing->path = slice_of(text->ptr + text->len, path.len);
    buf_put(text, path);
    listing->sheet.path = buf_slice(text);
}

/* Takes over the descriptor, if it returns a listing; NULL: no memory. */
static struct listing *listing_make(const struct docroot *docroot, struct slice path,
                                    const struct view *view, int fd) {
    size_t room = docroot->prefix.len + 1 + path.len;
    struct listing *listing = calloc(1, sizeof *listing + room);
    if (listing == NULL)
        return NULL;
    struct buf text = BUF_INIT(listing->text, room);
    listing->stream.type = &listing_type;
    listing->docroot = docroot;
    listing->format = formats[view->format];
    listing->sheet.view = *view;
    set_path(listing, &text, path);
    roster_init(&listing->roster, view->sort, view->descending, LISTING_ENTRIES_MAX,
                LISTING_BYTES_MAX);
    listing->dir = fdopendir(fd);
    if (listing->dir == NULL) {
        free(listing);
        return NULL;
    }
    take_up_mounts(listing);
    return listing;
}

enum docroot_outcome listing_open(const struct docroot *docroot, struct slice path,
                                  const struct view *view, struct stream **stream) {
    int fd;
    CHECK(view->format < VIEW_FORMATS);
    enum docroot_outcome outcome = docroot_open_directory(docroot, path, &fd);
    if (outcome != DOCROOT_DIRECTORY)
        return outcome;
    struct listing *listing = listing_make(docroot, path, view, fd);
    if (listing == NULL) {
        (void)close(fd);
        return DOCROOT_EXHAUSTED;
    }
    *stream = &listing->stream;
    return DOCROOT_DIRECTORY;
}
