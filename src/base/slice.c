#include "base/slice.h"

#include "base/ascii.h"

bool slice_equal_nocase(struct slice a, struct slice b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
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
