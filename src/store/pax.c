/* A reader that knows no extended headers takes them for files, and makes do with what ustar's
 * fields hold of a long path or a large size: as much as fits. */
#include "store/pax.h"

#include <string.h>

/* A header block; text fields that are full have no NUL. */
struct ustar {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char link[100];
    char magic[6];
    char version[2];
    char user[32];
    char group[32];
    char device_major[8];
    char device_minor[8];
    char prefix[155]; /* with a slash behind it, it stands before the name */
    char unused[12];
};
_Static_assert(sizeof(struct ustar) == PAX_BLOCK_BYTES, "ustar's fields are laid out as in POSIX");

enum { TYPE_FILE = '0', TYPE_DIRECTORY = '5', TYPE_EXTENDED = 'x' };

/* Eleven octal digits: 8 GiB less one, or a second of the year 2242. */
static const uint64_t field_max = 077777777777;

/* All records but the path: two numbers, and a constant. */
enum { RECORDS_MAX = PAX_HEADER_MAX - 2 * PAX_BLOCK_BYTES };

/* Octal, with leading zeros and a NUL behind it. */
static void set_octal(char *field, size_t size, uint64_t value) {
    field[--size] = '\0';
    while (size > 0) {
        field[--size] = (char)('0' + (value & 7));
        value >>= 3;
    }
}

/* The sum of all bytes, with those of the checksum itself as spaces; six digits, NUL, space. */
static void set_checksum(struct ustar *block) {
    const unsigned char *bytes = (const unsigned char *)block;
    uint64_t sum = 0;
    memset(block->checksum, ' ', sizeof block->checksum);
    for (size_t i = 0; i < sizeof *block; i++)
        sum += bytes[i];
    set_octal(block->checksum, sizeof block->checksum - 1, sum);
}

static void set_text(char *field, size_t size, struct slice text) {
    memcpy(field, text.ptr, text.len < size ? text.len : size);
}

static uint64_t at_most(uint64_t value, uint64_t max) {
    return value < max ? value : max;
}

/* A path as ustar's two fields hold it. */
struct split {
    struct slice prefix;
    struct slice name;
};

/* Whether there is a slash at which it can be split; if not, `split` has as much as fits. */
static bool split_path(struct slice path, struct split *split) {
    const struct ustar *fields = NULL;
    *split = (struct split){SLICE(""), path};
    if (path.len <= sizeof fields->name)
        return true;
    for (size_t at = path.len - sizeof fields->name - 1;
         at <= sizeof fields->prefix && at + 1 < path.len; at++) {
        if (path.ptr[at] == '/') {
            *split = (struct split){slice_of(path.ptr, at), slice_after(path, at + 1)};
            return true;
        }
    }
    return false;
}

/* A block of nobody in particular: neither numbers nor names of users mean anything elsewhere. */
static void put_block(struct buf *buf, const struct split *path, char type,
                      const struct pax_member *member) {
    struct ustar block = {.type = type, .magic = "ustar", .version = {'0', '0'}};
    uint64_t mtime = member->mtime_s > 0 ? (uint64_t)member->mtime_s : 0;
    set_text(block.name, sizeof block.name, path->name);
    set_text(block.prefix, sizeof block.prefix, path->prefix);
    set_octal(block.mode, sizeof block.mode, member->mode);
    set_octal(block.uid, sizeof block.uid, 0);
    set_octal(block.gid, sizeof block.gid, 0);
    set_octal(block.size, sizeof block.size, at_most(member->size_bytes, field_max));
    set_octal(block.mtime, sizeof block.mtime, at_most(mtime, field_max));
    set_octal(block.device_major, sizeof block.device_major, 0);
    set_octal(block.device_minor, sizeof block.device_minor, 0);
    set_checksum(&block);
    buf_put(buf, slice_of((const char *)&block, sizeof block));
}

/* Records */

static size_t count_digits(size_t value) {
    size_t count = 1;
    for (; value >= 10; value /= 10)
        count++;
    return count;
}

void pax_write_record(struct buf *buf, struct slice key, struct slice value) {
    const size_t rest = key.len + value.len + 3; /* space, equals sign, newline */
    size_t digits = 1;
    while (count_digits(rest + digits) > digits)
        digits++;
    buf_put_number(buf, rest + digits);
    buf_put_char(buf, ' ');
    buf_put(buf, key);
    buf_put_char(buf, '=');
    buf_put(buf, value);
    buf_put_char(buf, '\n');
}

static bool is_ascii(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] >= 0x80)
            return false;
    }
    return true;
}

/* Bytes of the character at the start of `text`, or 0 where there is none: the rows of table 3-7 of
 * the Unicode standard, which leaves out surrogates and forms that are longer than needed. */
static size_t character_len(struct slice text) {
    static const struct {
        unsigned char first[2];
        unsigned char second[2];
        unsigned char len;
    } rows[] = {
        {{0x00, 0x7f}, {0, 0xff}, 1},    {{0xc2, 0xdf}, {0x80, 0xbf}, 2},
        {{0xe0, 0xe0}, {0xa0, 0xbf}, 3}, {{0xe1, 0xec}, {0x80, 0xbf}, 3},
        {{0xed, 0xed}, {0x80, 0x9f}, 3}, {{0xee, 0xef}, {0x80, 0xbf}, 3},
        {{0xf0, 0xf0}, {0x90, 0xbf}, 4}, {{0xf1, 0xf3}, {0x80, 0xbf}, 4},
        {{0xf4, 0xf4}, {0x80, 0x8f}, 4},
    };
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    size_t i = 0;
    while (i < sizeof rows / sizeof rows[0] &&
           (bytes[0] < rows[i].first[0] || bytes[0] > rows[i].first[1]))
        i++;
    if (i == sizeof rows / sizeof rows[0] || text.len < rows[i].len)
        return 0;
    if (rows[i].len > 1 && (bytes[1] < rows[i].second[0] || bytes[1] > rows[i].second[1]))
        return 0;
    for (size_t at = 2; at < rows[i].len; at++) {
        if ((bytes[at] & 0xc0) != 0x80)
            return 0;
    }
    return rows[i].len;
}

static bool is_utf8(struct slice text) {
    size_t len = 0;
    for (; text.len > 0; text = slice_after(text, len)) {
        len = character_len(text);
        if (len == 0)
            return false;
    }
    return true;
}

/* Paths in records are UTF-8, unless said otherwise; it is said first, so that whoever reads
 * record by record knows. */
static void put_path(struct buf *records, struct slice path) {
    if (!is_utf8(path))
        pax_write_record(records, SLICE("hdrcharset"), SLICE("BINARY"));
    pax_write_record(records, SLICE("path"), path);
}

static void put_size(struct buf *records, uint64_t size_bytes) {
    char memory[24];
    struct buf value = BUF_INIT(memory, sizeof memory);
    buf_put_number(&value, size_bytes);
    pax_write_record(records, SLICE("size"), buf_slice(&value));
}

/* Nine digits behind the point, and none where they are all zero. Before the epoch the nanoseconds
 * lead back towards zero: -2 s and 500000000 ns are -1.5. */
static void put_mtime(struct buf *records, int64_t mtime_s, uint32_t mtime_ns) {
    char memory[40];
    struct buf value = BUF_INIT(memory, sizeof memory);
    uint64_t whole = (uint64_t)mtime_s;
    uint32_t left = mtime_ns;
    if (mtime_s < 0) {
        buf_put_char(&value, '-');
        whole = -whole - (left > 0 ? 1 : 0);
        left = left > 0 ? 1000000000 - left : 0;
    }
    buf_put_number(&value, whole);
    if (left > 0)
        buf_put_char(&value, '.');
    for (uint32_t unit = 100000000; left > 0 && unit > 0; unit /= 10)
        buf_put_char(&value, (char)('0' + left / unit % 10));
    pax_write_record(records, SLICE("mtime"), buf_slice(&value));
}

static void put_records(struct buf *records, const struct pax_member *member, bool path_fits) {
    if (!path_fits || !is_ascii(member->path))
        put_path(records, member->path);
    if (member->size_bytes > field_max)
        put_size(records, member->size_bytes);
    if (member->mtime_ns > 0 || member->mtime_s < 0 || (uint64_t)member->mtime_s > field_max)
        put_mtime(records, member->mtime_s, member->mtime_ns);
}

static void put_extended(struct buf *buf, struct slice records, const struct pax_member *member) {
    static const struct split name = {SLICE_INIT(""), SLICE_INIT("PaxHeader")};
    static const char zeros[PAX_BLOCK_BYTES] = {0};
    const struct pax_member extended = {
        .mode = 0644, .size_bytes = records.len, .mtime_s = member->mtime_s};
    put_block(buf, &name, TYPE_EXTENDED, &extended);
    buf_put(buf, records);
    buf_put(buf, slice_of(zeros, (size_t)(pax_padded(records.len) - records.len)));
}

void pax_write_header(struct buf *buf, const struct pax_member *member) {
    char memory[RECORDS_MAX];
    struct buf records = BUF_INIT(memory, sizeof memory);
    struct split split;
    bool path_fits = split_path(member->path, &split);
    put_records(&records, member, path_fits);
    if (records.overflow)
        buf->overflow = true; /* a path above PAX_PATH_MAX */
    if (records.len > 0)
        put_extended(buf, slice_of(memory, records.len), member);
    put_block(buf, &split, member->is_directory ? TYPE_DIRECTORY : TYPE_FILE, member);
}
