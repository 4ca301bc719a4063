#include "http/negotiate.h"

#include "base/ascii.h"
#include "http/field.h"

static const struct {
    struct slice token;
    struct slice alias; /* RFC 9110 §8.4.1.3: x-gzip is gzip */
    struct slice extension;
} rows[] = {
#define CODING(name, token, alias, extension) \
    {SLICE_INIT(token), SLICE_INIT(alias), SLICE_INIT(extension)},
#include "http/coding.def"
#undef CODING
};

enum { WEIGHT_ONE = 1000, WEIGHT_UNSET = UINT16_MAX };

struct slice coding_token(enum coding coding) {
    return rows[coding].token;
}

struct slice coding_extension(enum coding coding) {
    return rows[coding].extension;
}

/* "0", "0.25", "1", "1.000": at most three decimals (RFC 9110 §12.4.2). */
static bool parse_weight(struct slice text, uint16_t *weight) {
    if (text.len == 0 || text.len > 5 || (text.ptr[0] != '0' && text.ptr[0] != '1'))
        return false;
    if (text.len > 1 && text.ptr[1] != '.')
        return false;
    unsigned sum = text.ptr[0] == '1' ? WEIGHT_ONE : 0;
    unsigned place = 100;
    for (size_t i = 2; i < text.len; i++, place /= 10) {
        if (!ascii_is_digit(text.ptr[i]))
            return false;
        sum += place * (unsigned)(text.ptr[i] - '0');
    }
    *weight = (uint16_t)sum;
    return sum <= WEIGHT_ONE;
}

/* Takes "coding;q=0.5" apart. */
static bool parse_element(struct slice element, struct slice *token, uint16_t *weight) {
    struct slice rest = element;
    struct slice parameter;
    *weight = WEIGHT_ONE;
    if (!slice_cut(&rest, ';', token))
        return false;
    *token = slice_trim(*token);
    if (rest.ptr == NULL)
        return true;
    parameter = slice_trim(rest);
    if (parameter.len < 2 || ascii_lower(parameter.ptr[0]) != 'q' || parameter.ptr[1] != '=')
        return false;
    return parse_weight(slice_after(parameter, 2), weight);
}

static enum coding coding_of_token(struct slice token) {
    for (unsigned i = 0; i < CODING_IDENTITY; i++) {
        if (slice_equal_nocase(token, rows[i].token) || slice_equal_nocase(token, rows[i].alias))
            return (enum coding)i;
    }
    return slice_equal_nocase(token, SLICE("identity")) ? CODING_IDENTITY : CODING_COUNT;
}

/* Codings that were not named have the weight of "*"; without it they are not acceptable, but for
 * identity (RFC 9110 §12.5.3), which then comes after all that were asked for. */
static void fill_unnamed(struct codings *codings, uint16_t any_weight) {
    for (unsigned i = 0; i < CODING_COUNT; i++) {
        if (codings->weights[i] != WEIGHT_UNSET)
            continue;
        if (any_weight != WEIGHT_UNSET)
            codings->weights[i] = any_weight;
        else
            codings->weights[i] = i == CODING_IDENTITY ? 1 : 0;
    }
}

void negotiate_codings(const struct request *request, struct codings *codings) {
    struct slice line = SLICE_NONE;
    uint16_t any_weight = WEIGHT_UNSET;
    for (unsigned i = 0; i < CODING_COUNT; i++)
        codings->weights[i] = WEIGHT_UNSET;
    while (request_field_next(request, FIELD_ACCEPT_ENCODING, &line)) {
        struct slice rest = line;
        struct slice element;
        while (field_list_next(&rest, &element)) {
            struct slice token;
            uint16_t weight;
            if (!parse_element(element, &token, &weight))
                continue;
            enum coding coding = coding_of_token(token);
            if (coding != CODING_COUNT)
                codings->weights[coding] = weight;
            else if (slice_equal(token, SLICE("*")))
                any_weight = weight;
        }
    }
    fill_unnamed(codings, any_weight);
}

enum coding negotiate_choose(const struct codings *codings, unsigned available) {
    enum coding best = CODING_COUNT;
    for (unsigned i = 0; i < CODING_COUNT; i++) {
        if ((available & 1u << i) == 0 || codings->weights[i] == 0)
            continue;
        if (best == CODING_COUNT || codings->weights[i] > codings->weights[best])
            best = (enum coding)i;
    }
    return best;
}

/* How closely a range names a type. */
enum closeness {
    CLOSENESS_NONE,
    CLOSENESS_ANY,  /* as any type at all */
    CLOSENESS_HALF, /* text, of any kind */
    CLOSENESS_FULL,
};

/* The weight of a type is that of the range which is closest to it (RFC 9110 §12.5.1). */
struct liking {
    uint16_t weight;
    enum closeness closeness;
};

/* Takes "text/html;level=1;q=0.5" apart. */
static bool parse_range(struct slice element, struct slice *range, uint16_t *weight) {
    struct slice rest = element;
    struct slice parameter;
    *weight = WEIGHT_ONE;
    if (!slice_cut(&rest, ';', range))
        return false;
    *range = slice_trim(*range);
    while (slice_cut(&rest, ';', &parameter)) {
        parameter = slice_trim(parameter);
        bool is_weight =
            parameter.len >= 2 && ascii_lower(parameter.ptr[0]) == 'q' && parameter.ptr[1] == '=';
        if (is_weight && !parse_weight(slice_after(parameter, 2), weight))
            return false;
    }
    return true;
}

static enum closeness closeness_of(struct slice range, struct slice type) {
    size_t half = slice_find(type, '/') + 1;
    if (slice_equal(range, SLICE("*/*")))
        return CLOSENESS_ANY;
    if (slice_equal_nocase(range, type))
        return CLOSENESS_FULL;
    bool any_half = range.len == half + 1 && range.ptr[half] == '*' &&
                    slice_equal_nocase(slice_of(range.ptr, half), slice_of(type.ptr, half));
    return any_half ? CLOSENESS_HALF : CLOSENESS_NONE;
}

/* Where a walk through the Accept field is; SLICE_NONE before it. */
struct accept_walk {
    struct slice line;
    struct slice rest; /* of the line */
};

/* The next range that is well-formed; false at the end. */
static bool next_range(const struct request *request, struct accept_walk *walk, struct slice *range,
                       uint16_t *weight) {
    struct slice element;
    for (;;) {
        while (field_list_next(&walk->rest, &element)) {
            if (parse_range(element, range, weight))
                return true;
        }
        if (!request_field_next(request, FIELD_ACCEPT, &walk->line))
            return false;
        walk->rest = walk->line;
    }
}

static struct liking liking_of(const struct request *request, struct slice type) {
    struct liking liking = {0, CLOSENESS_NONE};
    struct accept_walk walk = {SLICE_NONE, SLICE_NONE};
    struct slice range;
    uint16_t weight;
    while (next_range(request, &walk, &range, &weight)) {
        enum closeness closeness = closeness_of(range, type);
        if (closeness != CLOSENESS_NONE && closeness >= liking.closeness)
            liking = (struct liking){weight, closeness};
    }
    return liking;
}

size_t negotiate_type(const struct request *request, const struct slice *types, size_t count) {
    struct liking best = {0, CLOSENESS_NONE};
    size_t best_index = 0;
    for (size_t i = 0; i < count; i++) {
        struct liking liking = liking_of(request, types[i]);
        if (liking.weight > best.weight || (liking.weight == best.weight && liking.weight > 0 &&
                                            liking.closeness > best.closeness)) {
            best = liking;
            best_index = i;
        }
    }
    return best_index;
}

/* The greatest weight of a range other than any type at all. */
static uint16_t weight_of_named(const struct request *request) {
    struct accept_walk walk = {SLICE_NONE, SLICE_NONE};
    struct slice range;
    uint16_t weight;
    uint16_t greatest = 0;
    while (next_range(request, &walk, &range, &weight)) {
        if (!slice_equal(range, SLICE("*/*")) && weight > greatest)
            greatest = weight;
    }
    return greatest;
}

static bool has_range(const struct request *request) {
    struct accept_walk walk = {SLICE_NONE, SLICE_NONE};
    struct slice range;
    uint16_t weight;
    return next_range(request, &walk, &range, &weight);
}

bool negotiate_asks_for(const struct request *request, struct slice type) {
    struct liking liking = liking_of(request, type);
    switch (liking.closeness) {
    case CLOSENESS_NONE:
        return !has_range(request);
    case CLOSENESS_ANY:
        return liking.weight > weight_of_named(request);
    case CLOSENESS_HALF:
    case CLOSENESS_FULL:
        break;
    }
    return liking.weight > 0;
}
