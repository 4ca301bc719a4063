#include "http/mime.h"

#include "base/ascii.h"

struct row {
    struct slice extension;
    struct slice type;
};

#define CHARSET_TEXT "; charset=utf-8"
#define CHARSET_DATA ""

/* Sorted by extension. */
static const struct row rows[] = {
#define MIME(extension, type, kind) {SLICE_INIT(extension), SLICE_INIT(type CHARSET_##kind)},
#include "http/mime.def"
#undef MIME
};

/* The order of two extensions; `a` in any case, `b` in lower case. */
static int compare(struct slice a, struct slice b) {
    size_t len = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < len; i++) {
        int difference = (unsigned char)ascii_lower(a.ptr[i]) - (unsigned char)b.ptr[i];
        if (difference != 0)
            return difference;
    }
    return (a.len > b.len) - (a.len < b.len);
}

struct slice mime_of_name(struct slice name) {
    size_t low = 0;
    size_t high = sizeof rows / sizeof rows[0];
    const char *dot = name.len > 0 ? memrchr(name.ptr, '.', name.len) : NULL;
    if (dot != NULL) {
        struct slice extension = slice_of(dot + 1, (size_t)(name.ptr + name.len - dot - 1));
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            int order = compare(extension, rows[middle].extension);
            if (order == 0)
                return rows[middle].type;
            if (order < 0)
                high = middle;
            else
                low = middle + 1;
        }
    }
    return SLICE_NONE;
}
