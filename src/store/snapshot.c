#include "store/snapshot.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

_Static_assert(sizeof(struct snapshot_member) == 48, "there may be very many");
_Static_assert(SNAPSHOT_MEMBERS_MAX < 1 << 23, "they are numbered in 23 bits");

enum {
    MEMBERS_FIRST = 32, /* room that is made at first, and then at most at once */
    MEMBERS_MORE = 4096,
    NAMES_FIRST = 1024,
    NAMES_MORE = 64 * 1024,
};

void snapshot_deinit(struct snapshot *snapshot) {
    free(snapshot->members);
    free(snapshot->names);
    *snapshot = (struct snapshot)SNAPSHOT_INIT;
}

/* Memory */

/* Twice as much, but not too much more: what is not used is as good as lost meanwhile. */
static uint32_t larger(uint32_t room, uint32_t first, uint32_t more) {
    if (room == 0)
        return first;
    return room + (room < more ? room : more);
}

static bool resize_members(struct snapshot *snapshot, uint32_t room) {
    struct snapshot_member *members = realloc(snapshot->members, room * sizeof *snapshot->members);
    if (members == NULL)
        return false;
    snapshot->members = members;
    snapshot->members_room = room;
    return true;
}

static bool resize_names(struct snapshot *snapshot, uint32_t room) {
    char *names = realloc(snapshot->names, room);
    if (names == NULL)
        return false;
    snapshot->names = names;
    snapshot->names_room = room;
    return true;
}

static enum snapshot_outcome make_room(struct snapshot *snapshot, size_t name_len) {
    size_t bytes =
        (snapshot->count + 1) * sizeof *snapshot->members + snapshot->names_len + 1 + name_len;
    if (snapshot->count == SNAPSHOT_MEMBERS_MAX)
        return SNAPSHOT_FULL;
    if (bytes > SNAPSHOT_BYTES_MAX)
        return SNAPSHOT_LARGE;
    if (snapshot->count == snapshot->members_room &&
        !resize_members(snapshot, larger(snapshot->members_room, MEMBERS_FIRST, MEMBERS_MORE)))
        return SNAPSHOT_EXHAUSTED;
    if (1 + name_len > snapshot->names_room - snapshot->names_len &&
        !resize_names(snapshot, larger(snapshot->names_room, NAMES_FIRST, NAMES_MORE)))
        return SNAPSHOT_EXHAUSTED;
    return SNAPSHOT_ADDED;
}

/* Where it fails, there is more memory than needed, which does no harm. */
void snapshot_trim(struct snapshot *snapshot) {
    if (snapshot->count == 0)
        return;
    (void)resize_members(snapshot, snapshot->count);
    (void)resize_names(snapshot, snapshot->names_len);
}

/* Names */

struct slice snapshot_name(const struct snapshot *snapshot, uint32_t member) {
    const char *name = snapshot->names + snapshot->members[member].name;
    return slice_of(name + 1, (unsigned char)name[0]);
}

static void add_name(struct snapshot *snapshot, struct slice name) {
    snapshot->names[snapshot->names_len] = (char)name.len;
    memcpy(snapshot->names + snapshot->names_len + 1, name.ptr, name.len);
    snapshot->names_len += 1 + (uint32_t)name.len;
}

/* The survey bounds the depth, so recursion will do. */
void snapshot_put_path(const struct snapshot *snapshot, uint32_t member, struct buf *buf) {
    uint32_t parent = snapshot->members[member].parent;
    if (member == 0)
        return;
    snapshot_put_path(snapshot, parent, buf);
    if (parent != 0)
        buf_put_char(buf, '/');
    buf_put(buf, snapshot_name(snapshot, member));
}

unsigned snapshot_depth(const struct snapshot *snapshot, uint32_t member) {
    unsigned depth = 0;
    for (; member != 0; member = snapshot->members[member].parent)
        depth++;
    return depth;
}

/* Sorting
 *
 * A heap among siblings, the last name on top: it sorts in place, and each step is short. */

static bool stands_before(const struct snapshot *snapshot, uint32_t a, uint32_t b) {
    struct slice name_a = snapshot_name(snapshot, a);
    struct slice name_b = snapshot_name(snapshot, b);
    int order = memcmp(name_a.ptr, name_b.ptr, name_a.len < name_b.len ? name_a.len : name_b.len);
    return order != 0 ? order < 0 : name_a.len < name_b.len;
}

static void swap(struct snapshot *snapshot, uint32_t a, uint32_t b) {
    struct snapshot_member member = snapshot->members[a];
    snapshot->members[a] = snapshot->members[b];
    snapshot->members[b] = member;
}

/* Moves the last one up to its place in a heap that starts at `first`. */
static void sift_up(struct snapshot *snapshot, uint32_t first, uint32_t count) {
    for (uint32_t at = count - 1; at > 0;) {
        uint32_t above = (at - 1) / 2;
        if (!stands_before(snapshot, first + above, first + at))
            return;
        swap(snapshot, first + above, first + at);
        at = above;
    }
}

/* Moves the first one down to its place. */
static void sift_down(struct snapshot *snapshot, uint32_t first, uint32_t count) {
    for (uint32_t at = 0, below = 1; below < count; below = 2 * at + 1) {
        if (below + 1 < count && stands_before(snapshot, first + below, first + below + 1))
            below++;
        if (!stands_before(snapshot, first + at, first + below))
            return;
        swap(snapshot, first + at, first + below);
        at = below;
    }
}

void snapshot_sort(struct snapshot *snapshot, uint32_t directory, uint32_t left) {
    uint32_t first = snapshot->members[directory].children.first;
    CHECK(left > 0 && left <= snapshot->members[directory].children.count);
    swap(snapshot, first, first + left - 1);
    sift_down(snapshot, first, left - 1);
}

/* Adding */

/* Major and minor numbers have 12 and 20 bits in Linux, however many there are in a dev_t. */
static uint32_t device_of(const struct stat *stat) {
    return (uint32_t)major(stat->st_dev) << 20 | (uint32_t)minor(stat->st_dev);
}

void snapshot_update(struct snapshot *snapshot, uint32_t member, const struct stat *stat) {
    struct snapshot_member *of = &snapshot->members[member];
    of->inode = stat->st_ino;
    of->mtime_s = stat->st_mtim.tv_sec;
    of->mtime_ns = (uint32_t)stat->st_mtim.tv_nsec & 0x3fffffff;
    of->mode = stat->st_mode & 0777;
    of->device = device_of(stat);
}

enum snapshot_outcome snapshot_add(struct snapshot *snapshot, uint32_t parent, struct slice name,
                                   const struct stat *stat) {
    enum snapshot_outcome outcome = make_room(snapshot, name.len);
    uint32_t member = snapshot->count;
    CHECK(name.len > 0 && name.len <= UINT8_MAX && (member == 0 || parent < member));
    if (outcome != SNAPSHOT_ADDED)
        return outcome;
    snapshot->members[member] = (struct snapshot_member){
        .is_directory = S_ISDIR(stat->st_mode),
        .parent = parent & 0x7fffff,
        .name = snapshot->names_len,
    };
    if (!S_ISDIR(stat->st_mode))
        snapshot->members[member].size_bytes = (uint64_t)stat->st_size;
    add_name(snapshot, name);
    snapshot_update(snapshot, member, stat);
    snapshot->count++;
    if (member == 0)
        return SNAPSHOT_ADDED;
    struct snapshot_member *above = &snapshot->members[parent];
    if (above->children.count++ == 0)
        above->children.first = member;
    CHECK(above->children.first + above->children.count == snapshot->count);
    sift_up(snapshot, above->children.first, above->children.count);
    return SNAPSHOT_ADDED;
}

/* Order */

uint32_t snapshot_next(const struct snapshot *snapshot, uint32_t member) {
    const struct snapshot_member *members = snapshot->members;
    if (members[member].is_directory && members[member].children.count > 0)
        return members[member].children.first;
    for (; member != 0; member = members[member].parent) {
        const struct snapshot_member *parent = &members[members[member].parent];
        if (member + 1 < parent->children.first + parent->children.count)
            return member + 1;
    }
    return snapshot->count;
}

/* The last child that starts at `offset` or before it; the first one does. */
static uint32_t find_child(const struct snapshot *snapshot, const struct snapshot_member *directory,
                           uint64_t offset) {
    uint32_t low = directory->children.first;
    uint32_t high = low + directory->children.count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (snapshot->members[middle].offset <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint32_t snapshot_find(const struct snapshot *snapshot, uint64_t offset) {
    uint32_t member = 0;
    for (;;) {
        const struct snapshot_member *of = &snapshot->members[member];
        if (!of->is_directory || of->children.count == 0 ||
            offset < snapshot->members[of->children.first].offset)
            return member;
        member = find_child(snapshot, of, offset);
    }
}

bool snapshot_is_same(const struct snapshot *snapshot, uint32_t member, const struct stat *stat) {
    const struct snapshot_member *of = &snapshot->members[member];
    return of->inode == stat->st_ino && of->device == device_of(stat) &&
           of->is_directory == S_ISDIR(stat->st_mode);
}

bool snapshot_is_of(const struct snapshot *snapshot, uint32_t member, const struct stat *stat) {
    const struct snapshot_member *of = &snapshot->members[member];
    return snapshot_is_same(snapshot, member, stat) && of->mtime_s == stat->st_mtim.tv_sec &&
           of->mtime_ns == (uint64_t)stat->st_mtim.tv_nsec &&
           (of->is_directory || of->size_bytes == (uint64_t)stat->st_size);
}
