#include "base/slice.h"

#include "base/ascii.h"

bool slice_same_nocase(const char *a, const char *b, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (a[i] != b[i] && ascii_lower(a[i]) != ascii_lower(b[i]))
            return false;
    }
    return true;
}

struct slice slice_trim(struct slice slice) {
    while (slice.len > 0 && ascii_is_blank(slice.ptr[0]))
        slice = slice_after(slice, 1);
    while (slice.len > 0 && ascii_is_blank(slice.ptr[slice.len - 1]))
        slice.len--;
    return slice;
}

bool slice_cut(struct slice *rest, char separator, struct slice *element) {
    if (rest->ptr == NULL)
        return false;
    size_t end = slice_find(*rest, separator);
    *element = slice_of(rest->ptr, end);
    *rest = end < rest->len ? slice_after(*rest, end + 1) : SLICE_NONE;
    return true;
}
