/* The layout: of every member its header, its content, and zeros up to the next block; two blocks
 * of zeros in the end. Only where headers start is kept. Their bytes are made twice, to find out
 * how long they are and what to say about the archive, and to be sent: they depend on the snapshot
 * alone, so both are the same. */
#include "store/archive.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/list.h"
#include "store/pax.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Names, directories and members that are looked at in one call. */
enum { PLAN_STEPS = 64 };

enum phase { SURVEYING, LAYING_OUT, PLANNED, FAILED };

struct archive {
    struct stream stream;
    const struct docroot *docroot;
    struct snapshot snapshot;
    struct survey survey;
    struct slice path; /* of the directory, beneath the root */
    struct slice name; /* what it is called in the archive */
    enum phase phase;
    enum survey_outcome problem;
    uint64_t members_end; /* where the last two blocks begin */
    uint64_t hashes[2];   /* of what has been laid out */
    uint32_t member;      /* the next one to lay out; then, the one that `at` is in */
    int fd;               /* its file, or -1 */
    uint64_t at;          /* the next byte to produce */
    uint64_t end;         /* behind the last one */
    char bytes[];         /* what the slices point into */
};

/* Public, as the tag has to be the same for all; who can choose what is in the directory can also
 * choose what is sent. */
static const struct hash_key keys[2] = {
    {{0x70726f6e746f2074, 0x6172206f6e652000}},
    {{0x70726f6e746f2074, 0x61722074776f2000}},
};

/* Headers */

static void put_path(const struct archive *archive, uint32_t member, struct buf *buf) {
    buf_put(buf, archive->name);
    if (member != 0)
        buf_put_char(buf, '/');
    snapshot_put_path(&archive->snapshot, member, buf);
    if (archive->snapshot.members[member].is_directory)
        buf_put_char(buf, '/');
}

static void put_header(const struct archive *archive, uint32_t member, struct buf *buf) {
    char memory[PAX_PATH_MAX];
    struct buf path = BUF_INIT(memory, sizeof memory);
    const struct snapshot_member *of = &archive->snapshot.members[member];
    put_path(archive, member, &path);
    const struct pax_member facts = {
        .path = buf_slice(&path),
        .is_directory = of->is_directory,
        .mode = of->mode,
        .size_bytes = snapshot_size(&archive->snapshot, member),
        .mtime_s = of->mtime_s,
        .mtime_ns = of->mtime_ns,
    };
    pax_write_header(buf, &facts);
    CHECK(!path.overflow && !buf->overflow);
}

/* Planning */

/* The hashes so far are hashed with the header, and so it matters what came before. The device is
 * not: its number may change with a restart of the machine. */
static void take_in(struct archive *archive, const struct snapshot_member *member,
                    struct slice header) {
    struct {
        uint64_t hashes[2];
        uint64_t inode;
        char header[PAX_HEADER_MAX];
    } all = {{archive->hashes[0], archive->hashes[1]}, member->inode, {0}};
    memcpy(all.header, header.ptr, header.len);
    size_t len = sizeof all - sizeof all.header + header.len;
    for (size_t i = 0; i < 2; i++)
        archive->hashes[i] = hash_bytes(&keys[i], slice_of((const char *)&all, len));
}

static enum survey_outcome lay_out_member(struct archive *archive) {
    char memory[PAX_HEADER_MAX];
    struct buf header = BUF_INIT(memory, sizeof memory);
    struct snapshot_member *member = &archive->snapshot.members[archive->member];
    uint64_t size = snapshot_size(&archive->snapshot, archive->member);
    put_header(archive, archive->member, &header);
    take_in(archive, member, buf_slice(&header));
    member->offset = archive->members_end;
    /* Neither sum is above 2^64, as each part is less than 2^63. */
    archive->members_end += header.len;
    archive->members_end += size < INT64_MAX ? pax_padded(size) : size;
    if (archive->members_end > INT64_MAX - PAX_END_BYTES)
        return SURVEY_TOO_LARGE;
    archive->member = snapshot_next(&archive->snapshot, archive->member);
    return archive->member < archive->snapshot.count ? SURVEY_MORE : SURVEY_DONE;
}

/* One step: SURVEY_MORE, SURVEY_DONE where all is planned, or why it can't be. */
static enum survey_outcome plan_step(struct archive *archive) {
    if (archive->phase == LAYING_OUT)
        return lay_out_member(archive);
    enum survey_outcome outcome = survey_step(&archive->survey);
    if (outcome != SURVEY_DONE)
        return outcome;
    snapshot_trim(&archive->snapshot);
    archive->phase = LAYING_OUT;
    return SURVEY_MORE;
}

static enum stream_outcome end_plan(struct archive *archive, enum survey_outcome outcome) {
    survey_deinit(&archive->survey);
    archive->problem = outcome;
    archive->phase = outcome == SURVEY_DONE ? PLANNED : FAILED;
    if (outcome != SURVEY_DONE)
        return STREAM_FAULT;
    archive_seek(archive, 0, archive_length(archive));
    return STREAM_END;
}

enum stream_outcome archive_plan(struct archive *archive) {
    enum survey_outcome outcome = SURVEY_MORE;
    CHECK(archive->phase == SURVEYING || archive->phase == LAYING_OUT);
    for (int i = 0; i < PLAN_STEPS && outcome == SURVEY_MORE; i++)
        outcome = plan_step(archive);
    return outcome == SURVEY_MORE ? STREAM_PAUSE : end_plan(archive, outcome);
}

enum survey_outcome archive_problem(const struct archive *archive) {
    return archive->problem;
}

uint64_t archive_left_out(const struct archive *archive) {
    return archive->survey.left_out;
}

size_t archive_memory_bytes(const struct archive *archive) {
    return sizeof *archive + archive->path.len + archive->name.len +
           snapshot_bytes(&archive->snapshot);
}

/* What is planned */

uint64_t archive_length(const struct archive *archive) {
    CHECK(archive->phase == PLANNED);
    return archive->members_end + PAX_END_BYTES;
}

void archive_etag(const struct archive *archive, struct buf *buf) {
    CHECK(archive->phase == PLANNED);
    buf_put_char(buf, '"');
    buf_put_hex(buf, archive->hashes[0]);
    buf_put_char(buf, '-');
    buf_put_hex(buf, archive->hashes[1]);
    buf_put_char(buf, '"');
}

/* Production */

static void close_file(struct archive *archive) {
    if (archive->fd >= 0)
        (void)close(archive->fd);
    archive->fd = -1;
}

void archive_seek(struct archive *archive, uint64_t first, uint64_t len) {
    CHECK(first <= archive_length(archive) && len <= archive_length(archive) - first);
    close_file(archive);
    archive->at = first;
    archive->end = first + len;
    archive->member = first < archive->members_end ? snapshot_find(&archive->snapshot, first)
                                                   : archive->snapshot.count;
}

static uint64_t offset_of(const struct archive *archive, uint32_t member) {
    return member < archive->snapshot.count ? archive->snapshot.members[member].offset
                                            : archive->members_end;
}

/* What the next byte is part of. */
struct part {
    enum { HEADER, CONTENT, ZEROS } kind;
    uint64_t first; /* offsets in the archive; `end` is that of the part, or of what is wanted */
    uint64_t end;
};

static struct part find_part(const struct archive *archive) {
    if (archive->member == archive->snapshot.count)
        return (struct part){ZEROS, archive->members_end, archive->members_end + PAX_END_BYTES};
    uint64_t size = snapshot_size(&archive->snapshot, archive->member);
    uint64_t next = offset_of(archive, snapshot_next(&archive->snapshot, archive->member));
    uint64_t content = next - pax_padded(size);
    if (archive->at < content)
        return (struct part){HEADER, offset_of(archive, archive->member), content};
    if (archive->at < content + size)
        return (struct part){CONTENT, content, content + size};
    return (struct part){ZEROS, content + size, next};
}

static struct part find_wanted_part(const struct archive *archive) {
    struct part part = find_part(archive);
    part.end = part.end < archive->end ? part.end : archive->end;
    return part;
}

static void move_on(struct archive *archive, uint64_t count) {
    archive->at += count;
    if (archive->member == archive->snapshot.count)
        return;
    uint32_t next = snapshot_next(&archive->snapshot, archive->member);
    if (archive->at < offset_of(archive, next))
        return;
    close_file(archive);
    archive->member = next;
}

/* Opens the file whose turn it is, unless it is open. Returns false where it isn't what it was. */
static bool open_file(struct archive *archive) {
    struct docroot_file file;
    if (archive->fd >= 0)
        return true;
    file.path_len = survey_path(archive->path, &archive->snapshot, archive->member, file.path);
    if (docroot_open_file(archive->docroot, &file) != DOCROOT_FILE)
        return false;
    archive->fd = file.fd;
    if (snapshot_is_of(&archive->snapshot, archive->member, &file.stat))
        return true;
    close_file(archive);
    return false;
}

/* The header comes after the look at its file, even of an empty one. */
static enum stream_outcome produce_header(struct archive *archive, const struct part *part,
                                          struct buf *piece) {
    char memory[PAX_HEADER_MAX];
    struct buf header = BUF_INIT(memory, sizeof memory);
    if (!archive->snapshot.members[archive->member].is_directory && !open_file(archive))
        return STREAM_FAULT;
    put_header(archive, archive->member, &header);
    size_t from = (size_t)(archive->at - part->first);
    size_t room = piece->capacity - piece->len;
    size_t count = (size_t)(part->end - archive->at);
    count = count < room ? count : room;
    buf_put(piece, slice_of(header.ptr + from, count));
    move_on(archive, count);
    return STREAM_BYTES;
}

static bool read_content(int fd, char *to, size_t len, uint64_t offset) {
    while (len > 0) {
        ssize_t count = pread(fd, to, len, (off_t)offset);
        if (count == 0 || (count < 0 && errno != EINTR))
            return false;
        if (count < 0)
            continue;
        to += count;
        len -= (size_t)count;
        offset += (uint64_t)count;
    }
    return true;
}

/* What fits into a piece is read: a tree of small files would need a call to send each header, and
 * one for each content. STREAM_FILE: it does not fit, and nothing was done. */
static enum stream_outcome produce_content(struct archive *archive, const struct part *part,
                                           struct buf *piece) {
    uint64_t count = part->end - archive->at;
    if (count > piece->capacity - piece->len)
        return STREAM_FILE;
    if (!open_file(archive) || !read_content(archive->fd, piece->ptr + piece->len, (size_t)count,
                                             archive->at - part->first))
        return STREAM_FAULT;
    (void)buf_claim(piece, (size_t)count);
    move_on(archive, count);
    return STREAM_BYTES;
}

static enum stream_outcome produce_zeros(struct archive *archive, const struct part *part,
                                         struct buf *piece) {
    size_t room = piece->capacity - piece->len;
    size_t count = (size_t)(part->end - archive->at);
    count = count < room ? count : room;
    memset(buf_claim(piece, count), 0, count);
    move_on(archive, count);
    return STREAM_BYTES;
}

static enum stream_outcome produce_part(struct archive *archive, struct buf *piece) {
    struct part part = find_wanted_part(archive);
    switch (part.kind) {
    case HEADER:
        return produce_header(archive, &part, piece);
    case CONTENT:
        return produce_content(archive, &part, piece);
    case ZEROS:
        break;
    }
    return produce_zeros(archive, &part, piece);
}

/* Hands the file over to who sends it. */
static enum stream_outcome produce_file(struct archive *archive, struct stretch *stretch) {
    struct part part = find_wanted_part(archive);
    if (!open_file(archive))
        return STREAM_FAULT;
    *stretch = (struct stretch){archive->fd, archive->at - part.first, part.end - archive->at};
    archive->fd = -1;
    move_on(archive, stretch->len);
    return STREAM_FILE;
}

/* Fills a piece as far as it can be done without handing over a file. What was put together before
 * a fault is sent first, and the next call comes upon it again. */
static enum stream_outcome next(struct stream *stream, struct buf *bytes, struct stretch *stretch) {
    struct archive *archive = (struct archive *)stream;
    struct buf piece = BUF_INIT(bytes->ptr + bytes->len, STREAM_PIECE_BYTES);
    enum stream_outcome outcome = STREAM_BYTES;
    CHECK(archive->phase == PLANNED && bytes->capacity - bytes->len >= piece.capacity);
    while (archive->at < archive->end && piece.len < piece.capacity && outcome == STREAM_BYTES)
        outcome = produce_part(archive, &piece);
    if (piece.len > 0) {
        (void)buf_claim(bytes, piece.len);
        return STREAM_BYTES;
    }
    if (archive->at == archive->end)
        return STREAM_END;
    return outcome == STREAM_FILE ? produce_file(archive, stretch) : STREAM_FAULT;
}

/* Life */

static void free_archive(struct stream *stream) {
    struct archive *archive = (struct archive *)stream;
    close_file(archive);
    survey_deinit(&archive->survey);
    snapshot_deinit(&archive->snapshot);
    free(archive);
}

static enum stream_outcome prepare(struct stream *stream) {
    return archive_plan(archive_of(stream));
}

int archive_open(const struct docroot *docroot, struct slice path, struct slice root_name,
                 struct archive **archive) {
    static const struct stream_type type = {.prepare = prepare, .next = next, .free = free_archive};
    struct slice name = path.len > 0 ? docroot_name_of(path) : root_name;
    struct archive *new = malloc(sizeof *new + path.len + name.len);
    if (new == NULL)
        return -ENOMEM;
    *new = (struct archive){.stream = {&type}, .docroot = docroot, .fd = -1};
    struct buf bytes = BUF_INIT(new->bytes, path.len + name.len);
    buf_put(&bytes, path);
    buf_put(&bytes, name);
    new->path = slice_of(new->bytes, path.len);
    new->name = slice_of(new->bytes + path.len, name.len);
    survey_init(&new->survey, docroot, new->path, new->name, &new->snapshot);
    *archive = new;
    return 0;
}

struct stream *archive_stream(struct archive *archive) {
    return &archive->stream;
}

struct archive *archive_of(struct stream *stream) {
    return list_entry(stream, struct archive, stream);
}
