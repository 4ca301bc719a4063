#include "store/view.h"

#include "http/negotiate.h"

/* In the order in which they are preferred where a client likes them equally well. */
static const struct slice types[VIEW_FORMATS] = {
    [VIEW_HTML] = SLICE_INIT("text/html"),
    [VIEW_JSON] = SLICE_INIT("application/json"),
    [VIEW_TEXT] = SLICE_INIT("text/plain"),
};

/* JSON is UTF-8 without being told so (RFC 8259 §11). */
static const struct slice content_types[VIEW_FORMATS] = {
    [VIEW_HTML] = SLICE_INIT("text/html; charset=utf-8"),
    [VIEW_JSON] = SLICE_INIT("application/json"),
    [VIEW_TEXT] = SLICE_INIT("text/plain; charset=utf-8"),
};

static const struct slice format_words[VIEW_FORMATS] = {
    [VIEW_HTML] = SLICE_INIT("html"),
    [VIEW_JSON] = SLICE_INIT("json"),
    [VIEW_TEXT] = SLICE_INIT("text"),
};

static const struct slice sort_words[VIEW_SORTS] = {
    [VIEW_BY_NAME] = SLICE_INIT("name"),
    [VIEW_BY_SIZE] = SLICE_INIT("size"),
    [VIEW_BY_TIME] = SLICE_INIT("time"),
};

static const struct slice order_words[] = {SLICE_INIT("asc"), SLICE_INIT("desc")};
static const struct slice archive_words[] = {SLICE_INIT("tar")};

enum { KEY_FORMAT, KEY_SORT, KEY_ORDER, KEY_ARCHIVE, KEYS };

static const struct {
    struct slice key;
    const struct slice *words;
    size_t count;
} keys[KEYS] = {
    [KEY_FORMAT] = {SLICE_INIT("format"), format_words, VIEW_FORMATS},
    [KEY_SORT] = {SLICE_INIT("sort"), sort_words, VIEW_SORTS},
    [KEY_ORDER] = {SLICE_INIT("order"), order_words, 2},
    [KEY_ARCHIVE] = {SLICE_INIT("archive"), archive_words, 1},
};

/* The index of a word that may stand behind the key, or `count`. */
static size_t find_word(const struct slice *words, size_t count, struct slice word) {
    size_t i = 0;
    while (i < count && !slice_equal(words[i], word))
        i++;
    return i;
}

/* "sort=size": puts the index of the word to that of the key. */
static void read_pair(struct slice pair, size_t values[KEYS]) {
    struct slice value = pair;
    struct slice key;
    (void)slice_cut(&value, '=', &key);
    for (size_t i = 0; i < KEYS; i++) {
        size_t word = find_word(keys[i].words, keys[i].count, value);
        if (slice_equal(key, keys[i].key) && word < keys[i].count)
            values[i] = word;
    }
}

struct view view_parse(struct slice query) {
    size_t values[KEYS] = {[KEY_FORMAT] = VIEW_FORMATS, [KEY_ARCHIVE] = keys[KEY_ARCHIVE].count};
    struct slice pair;
    while (slice_cut(&query, '&', &pair))
        read_pair(pair, values);
    return (struct view){
        .format = (enum view_format)values[KEY_FORMAT],
        .sort = (enum view_sort)values[KEY_SORT],
        .descending = values[KEY_ORDER] == 1,
        .as_tar = values[KEY_ARCHIVE] == 0,
    };
}

enum view_format view_choose_format(const struct view *view, const struct request *request) {
    if (view->format != VIEW_FORMATS)
        return view->format;
    return (enum view_format)negotiate_type(request, types, VIEW_FORMATS);
}

struct slice view_content_type(enum view_format format) {
    return content_types[format];
}

struct slice view_format_word(enum view_format format) {
    return format_words[format];
}

struct slice view_sort_word(enum view_sort sort) {
    return sort_words[sort];
}
