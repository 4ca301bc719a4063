#include "conf/mounts.h"

#include "base/ascii.h"
#include "base/check.h"

#include <errno.h>
#include <stdbool.h>

/* Whether requests, once their paths are normalised, can name it. */
static bool is_normal(struct slice path) {
    struct slice rest = path;
    struct slice segment;
    while (slice_cut(&rest, '/', &segment)) {
        if (segment.len == 0 || slice_equal(segment, SLICE(".")) ||
            slice_equal(segment, SLICE("..")))
            return false;
    }
    return true;
}

static bool has_escape(struct slice path) {
    for (size_t i = 0; i + 2 < path.len; i++) {
        if (path.ptr[i] == '%' && ascii_hex_value(path.ptr[i + 1]) >= 0 &&
            ascii_hex_value(path.ptr[i + 2]) >= 0)
            return true;
    }
    return false;
}

static bool is_there(const struct mounts *mounts, struct slice path) {
    for (size_t i = 0; i < mounts->count; i++) {
        if (slice_equal(mounts->items[i].path, path))
            return true;
    }
    return false;
}

/* What is wrong with a path; NULL: nothing. */
static const char *complaint_about(const struct mounts *mounts, struct slice path) {
    if (path.len == 0)
        return "'/' is the root, which is named without an option";
    if (path.len > MOUNTS_PATH_MAX)
        return "the path is longer than 255 bytes";
    if (!is_normal(path))
        return "the path has an empty segment, '.' or '..'";
    if (has_escape(path))
        return "the path is to be written without escapes";
    return is_there(mounts, path) ? "the path is there twice" : NULL;
}

int mounts_add(struct mounts *mounts, const char *text, struct err *err) {
    _Static_assert(MOUNTS_PATH_MAX == 255, "a message says it");
    struct slice rest = slice_of_text(text);
    struct slice path = SLICE_NONE;
    (void)slice_cut(&rest, '=', &path);
    if (path.len == 0 || path.ptr[0] != '/' || rest.len == 0)
        return err_set(err, EINVAL, "'%s' is not /PATH=DIR (as in /docs=/srv/docs)", text);
    path = slice_after(path, 1);
    if (path.len > 0 && path.ptr[path.len - 1] == '/')
        path.len--;
    const char *complaint = complaint_about(mounts, path);
    if (complaint != NULL)
        return err_set(err, EINVAL, "'%s': %s", text, complaint);
    CHECK(mounts->count < MOUNTS_MAX);
    mounts->items[mounts->count].path = path;
    mounts->items[mounts->count++].directory = rest.ptr;
    return 0;
}
