/* A borrowed run of bytes: not owned, not terminated by NUL, valid as long as what it points into.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *ptr; /* NULL: there is no value, as opposed to an empty one */
    size_t len;
};

/* The bytes of a string literal; SLICE_INIT is the form for static initialisers. */
#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})
#define SLICE_INIT(literal) \
    { "" literal, sizeof(literal) - 1 }

#define SLICE_NONE ((struct slice){NULL, 0})

static inline struct slice slice_of(const char *ptr, size_t len) {
    return (struct slice){ptr, len};
}

static inline struct slice slice_of_text(const char *text) {
    return (struct slice){text, strlen(text)};
}

/* What is left of a slice without its first `count` bytes; count <= slice.len. */
static inline struct slice slice_after(struct slice slice, size_t count) {
    return (struct slice){slice.ptr + count, slice.len - count};
}

static inline bool slice_equal(struct slice a, struct slice b) {
    /* Only an empty slice may be without a pointer.
     * NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool slice_starts_with(struct slice slice, struct slice prefix) {
    return slice.len >= prefix.len && slice_equal(slice_of(slice.ptr, prefix.len), prefix);
}

/* Offset of the first `byte`, or slice.len where there is none. */
static inline size_t slice_find(struct slice slice, char byte) {
    const char *at = slice.len > 0 ? memchr(slice.ptr, byte, slice.len) : NULL;
    return at != NULL ? (size_t)(at - slice.ptr) : slice.len;
}

/* Whether the first `len` bytes are the same but for the case of ASCII letters. */
bool slice_same_nocase(const char *a, const char *b, size_t len);

/* Compares without regard to the case of ASCII letters, whatever the locale. */
static inline bool slice_equal_nocase(struct slice a, struct slice b) {
    return a.len == b.len && slice_same_nocase(a.ptr, b.ptr, a.len);
}

/* The slice without leading and trailing SP and HTAB (OWS, RFC 9110 §5.6.3). */
struct slice slice_trim(struct slice slice);

/* Cuts the element before the first `separator` off the front of `rest`, the separator with it, and
 * returns the element. Returns false once `rest` is SLICE_NONE, which the last element leaves
 * behind: "a,b" has two elements, "a," too, and "" one. */
bool slice_cut(struct slice *rest, char separator, struct slice *element);
