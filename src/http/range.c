#include "http/range.h"

#include "base/ascii.h"
#include "http/field.h"

/* A range as it was asked for. */
struct spec {
    bool has_first; /* false: the last `last` bytes */
    bool has_last;
    uint64_t first;
    uint64_t last;
};

/* Takes 1*DIGIT off the front; what does not fit is as good as the largest number, as no file is
 * that long. */
static bool take_number(struct slice *text, uint64_t *value) {
    size_t len = 0;
    *value = 0;
    while (len < text->len && ascii_is_digit(text->ptr[len])) {
        if (__builtin_mul_overflow(*value, (uint64_t)10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(text->ptr[len] - '0'), value))
            *value = UINT64_MAX;
        len++;
    }
    *text = slice_after(*text, len);
    return len > 0;
}

/* "first-last", "first-" or "-suffix"; false for anything else, and for a last byte before the
 * first (§14.1.1). */
static bool parse_spec(struct slice text, struct spec *spec) {
    spec->has_first = take_number(&text, &spec->first);
    if (text.len == 0 || text.ptr[0] != '-')
        return false;
    text = slice_after(text, 1);
    spec->has_last = take_number(&text, &spec->last);
    if (text.len > 0 || !(spec->has_first || spec->has_last))
        return false;
    return !(spec->has_first && spec->has_last && spec->last < spec->first);
}

/* What the spec selects of `length` bytes; false where that is nothing (§14.1.2). */
static bool resolve(const struct spec *spec, uint64_t length, struct range *range) {
    if (!spec->has_first) {
        range->len = spec->last < length ? spec->last : length;
        range->first = length - range->len;
        return range->len > 0;
    }
    if (spec->first >= length)
        return false;
    uint64_t left = length - spec->first;
    range->first = spec->first;
    range->len =
        spec->has_last && spec->last - spec->first < left ? spec->last - spec->first + 1 : left;
    return true;
}

/* Whether two ranges overlap, or one starts where the other ends. */
static bool touches(const struct range *a, const struct range *b) {
    return a->first <= b->first + b->len && b->first <= a->first + a->len;
}

/* Adds a range, which takes up those that it touches, at the place of the first of them. They don't
 * touch each other, so what it has become touches no more of them than it did. */
static void add(struct range_set *set, struct range range) {
    size_t place = set->count;
    for (size_t i = set->count; i-- > 0;) {
        struct range *other = &set->items[i];
        if (!touches(other, &range))
            continue;
        uint64_t first = other->first < range.first ? other->first : range.first;
        uint64_t other_end = other->first + other->len;
        uint64_t end = range.first + range.len > other_end ? range.first + range.len : other_end;
        range = (struct range){first, end - first};
        place = i;
        set->count--;
        memmove(other, other + 1, (set->count - i) * sizeof *other);
    }
    memmove(&set->items[place + 1], &set->items[place], (set->count - place) * sizeof range);
    set->items[place] = range;
    set->count++;
}

enum range_outcome range_parse(struct slice value, uint64_t length, struct range_set *set) {
    const struct slice unit = SLICE("bytes=");
    struct slice element;
    size_t count = 0;
    bool empty_suffix = false;
    set->count = 0;
    if (value.len < unit.len || !slice_equal_nocase(slice_of(value.ptr, unit.len), unit))
        return RANGE_IGNORED;
    struct slice rest = slice_after(value, unit.len);
    while (field_list_next(&rest, &element)) {
        struct spec spec;
        struct range range;
        if (count++ == RANGE_MAX || !parse_spec(element, &spec))
            return RANGE_IGNORED;
        if (resolve(&spec, length, &range))
            add(set, range);
        else if (!spec.has_first && spec.last > 0)
            empty_suffix = true; /* §14.1.2: satisfiable, but the file has no byte to send */
    }
    if (count == 0 || empty_suffix)
        return RANGE_IGNORED;
    return set->count > 0 ? RANGE_SATISFIABLE : RANGE_UNSATISFIABLE;
}
