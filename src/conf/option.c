#include "conf/option.h"

#include "conf/quantity.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Numbers with units */

/* `unit` is what the bounds are in; `examples` are what should have been written. */
static int set_quantity(const struct option_row *row, enum quantity_kind kind, const char *unit,
                        const char *examples, const char *text, uint64_t *value, struct err *err) {
    uint64_t quantity;
    if (!quantity_parse(text, kind, &quantity))
        return err_set(err, EINVAL, "'%s' is not %s", text, examples);
    if (quantity < row->min || quantity > row->max)
        return err_set(err, EINVAL, "'%s' is out of range (%" PRIu64 " to %" PRIu64 "%s)", text,
                       row->min, row->max, unit);
    *value = quantity;
    return 0;
}

static int set_count(const struct option_row *row, void *field, const char *text, struct err *err) {
    return set_quantity(row, QUANTITY_COUNT, "", "a whole number", text, field, err);
}

/* A row whose default this is takes the word. */
static const char auto_word[] = "auto";

static bool is_auto(const struct option_row *row, const char *text) {
    return row->standard != NULL && strcmp(row->standard, auto_word) == 0 &&
           strcmp(text, auto_word) == 0;
}

static int set_size(const struct option_row *row, void *field, const char *text, struct err *err) {
    if (is_auto(row, text)) {
        *(uint64_t *)field = OPTION_AUTO;
        return 0;
    }
    return set_quantity(row, QUANTITY_SIZE, " bytes", "a size (as in 512, 16K, 1M, 2G)", text,
                        field, err);
}

static int set_duration(const struct option_row *row, void *field, const char *text,
                        struct err *err) {
    uint64_t quantity = 0;
    int result = set_quantity(row, QUANTITY_DURATION, " ms", "a time (as in 500ms, 10s, 5m, 1h)",
                              text, &quantity, err);
    if (result == 0)
        *(int64_t *)field = (int64_t)quantity;
    return result;
}

static struct slice quantity_text(uint64_t value, enum quantity_kind kind, struct buf *room) {
    quantity_put(room, value, kind);
    return buf_slice(room);
}

static struct slice count_text(const struct option_row *row, const void *field, size_t index,
                               struct buf *room) {
    uint64_t value = *(const uint64_t *)field;
    (void)row;
    return index > 0 || value == 0 ? SLICE_NONE : quantity_text(value, QUANTITY_COUNT, room);
}

static struct slice size_text(const struct option_row *row, const void *field, size_t index,
                              struct buf *room) {
    uint64_t value = *(const uint64_t *)field;
    (void)row;
    if (index == 0 && value == OPTION_AUTO)
        return slice_of_text(auto_word);
    return index > 0 ? SLICE_NONE : quantity_text(value, QUANTITY_SIZE, room);
}

static struct slice duration_text(const struct option_row *row, const void *field, size_t index,
                                  struct buf *room) {
    int64_t value = *(const int64_t *)field;
    (void)row;
    return index > 0 ? SLICE_NONE : quantity_text((uint64_t)value, QUANTITY_DURATION, room);
}

/* One of several words */

/* The place of `text` among the words, which bars divide; -1: it is none of them. */
static int place_among(const char *words, const char *text) {
    struct slice rest = slice_of_text(words);
    struct slice word;
    for (int place = 0; slice_cut(&rest, '|', &word); place++) {
        if (slice_equal(word, slice_of_text(text)))
            return place;
    }
    return -1;
}

static int set_choice(const struct option_row *row, void *field, const char *text,
                      struct err *err) {
    int place = place_among(row->argument, text);
    if (place < 0)
        return err_set(err, EINVAL, "'%s' is not one of %s", text, row->argument);
    *(unsigned *)field = (unsigned)place;
    return 0;
}

static struct slice choice_text(const struct option_row *row, const void *field, size_t index,
                                struct buf *room) {
    struct slice rest = slice_of_text(row->argument);
    struct slice word = SLICE_NONE;
    (void)room;
    for (unsigned place = 0; place <= *(const unsigned *)field; place++)
        (void)slice_cut(&rest, '|', &word);
    return index > 0 ? SLICE_NONE : word;
}

static int set_flag(const struct option_row *row, void *field, const char *text, struct err *err) {
    int place = place_among("off|on", text);
    (void)row;
    if (place < 0)
        return err_set(err, EINVAL, "'%s' is neither on nor off", text);
    *(bool *)field = place == 1;
    return 0;
}

static struct slice flag_text(const struct option_row *row, const void *field, size_t index,
                              struct buf *room) {
    (void)row;
    (void)room;
    return index > 0 ? SLICE_NONE : *(const bool *)field ? SLICE("on") : SLICE("off");
}

/* Texts that are kept as they are */

static int set_names(const struct option_row *row, void *field, const char *text, struct err *err) {
    (void)row;
    return names_parse(text, field, err);
}

static struct slice names_text(const struct option_row *row, const void *field, size_t index,
                               struct buf *room) {
    const struct names *names = field;
    (void)row;
    (void)room;
    if (index > 0 || names->count == 0)
        return SLICE_NONE;
    struct slice first = names->items[0]; /* all lie in the text that was parsed */
    struct slice last = names->items[names->count - 1];
    return slice_of(first.ptr, (size_t)(last.ptr + last.len - first.ptr));
}

/* A path is taken with or without a slash before it: it is always beneath the root. */
static int set_path(const struct option_row *row, void *field, const char *text, struct err *err) {
    struct slice rest = slice_of_text(text);
    struct slice segment;
    (void)row;
    if (slice_starts_with(rest, SLICE("/")))
        rest = slice_after(rest, 1);
    *(struct slice *)field = rest;
    bool valid = rest.len <= OPTIONS_PATH_MAX;
    while (slice_cut(&rest, '/', &segment))
        valid &= segment.len > 0 && !slice_equal(segment, SLICE(".")) &&
                 !slice_equal(segment, SLICE(".."));
    if (!valid)
        return err_set(err, EINVAL, "'%s' is no path beneath the root (as in app/index.html)",
                       text);
    return 0;
}

/* RFC 9110 §5.5, without what is obsolete. */
static int set_value(const struct option_row *row, void *field, const char *text, struct err *err) {
    struct slice new = slice_of_text(text);
    bool valid =
        new.len > 0 && new.len <= OPTIONS_VALUE_MAX &&text[0] != ' ' && text[new.len - 1] != ' ';
    (void)row;
    for (size_t i = 0; i < new.len; i++)
        valid &= text[i] >= ' ' && text[i] <= '~';
    if (!valid)
        return err_set(err, EINVAL,
                       "'%s' cannot stand in a field (write up to %d printable ASCII characters)",
                       text, OPTIONS_VALUE_MAX);
    *(struct slice *)field = new;
    return 0;
}

static struct slice slice_text(const struct option_row *row, const void *field, size_t index,
                               struct buf *room) {
    (void)row;
    (void)room;
    return index > 0 ? SLICE_NONE : *(const struct slice *)field;
}

static int set_text(const struct option_row *row, void *field, const char *text, struct err *err) {
    if (strlen(text) < row->min)
        return err_set(err, EINVAL, "'%s' is empty", text);
    *(const char **)field = text;
    return 0;
}

static struct slice text_text(const struct option_row *row, const void *field, size_t index,
                              struct buf *room) {
    const char *text = *(const char *const *)field;
    (void)row;
    (void)room;
    return index > 0 || text == NULL ? SLICE_NONE : slice_of_text(text);
}

static int set_label(const struct option_row *row, void *field, const char *text, struct err *err) {
    (void)row;
    return label_parse(text, field, err);
}

/* In octal. */
static int set_mode(const struct option_row *row, void *field, const char *text, struct err *err) {
    size_t len = strlen(text);
    mode_t value = 0;
    (void)row;
    if (len == 0 || len > 4 || strspn(text, "01234567") != len)
        return err_set(err, EINVAL, "'%s' is no mode (three octal digits, as in 660)", text);
    for (size_t i = 0; i < len; i++)
        value = value * 8 + (mode_t)(text[i] - '0');
    if (value > 0777)
        return err_set(err, EINVAL, "'%s' is out of range (0 to 777)", text);
    *(mode_t *)field = value;
    return 0;
}

static struct slice mode_text(const struct option_row *row, const void *field, size_t index,
                              struct buf *room) {
    mode_t mode = *(const mode_t *)field;
    (void)row;
    if (index > 0)
        return SLICE_NONE;
    for (int shift = 6; shift >= 0; shift -= 3)
        buf_put_char(room, (char)('0' + (mode >> shift & 7)));
    return buf_slice(room);
}

static int set_destination(const struct option_row *row, void *field, const char *text,
                           struct err *err) {
    (void)row;
    return destination_parse(text, field, err);
}

static struct slice destination_text(const struct option_row *row, const void *field, size_t index,
                                     struct buf *room) {
    const struct destination *destination = field;
    (void)row;
    return index > 0 ? SLICE_NONE : destination_put(destination, room);
}

/* What may be given several times */

static int check_room(size_t count, size_t max, struct err *err) {
    return count < max ? 0 : err_set(err, EINVAL, "there may be %zu at most", max);
}

static int add_type(const struct option_row *row, void *field, const char *text, struct err *err) {
    struct types *types = field;
    (void)row;
    int result = check_room(types->count, TYPES_MAX, err);
    return result < 0 ? result : types_add(types, text, err);
}

static struct slice type_text(const struct option_row *row, const void *field, size_t index,
                              struct buf *room) {
    const struct types *types = field;
    (void)row;
    (void)room;
    if (index >= types->count)
        return SLICE_NONE;
    const char *start = types->items[index].extension.ptr;
    struct slice type = types->items[index].type; /* lies behind it, and the sign between */
    return slice_of(start, (size_t)(type.ptr + type.len - start));
}

static int add_mount(const struct option_row *row, void *field, const char *text, struct err *err) {
    struct mounts *mounts = field;
    (void)row;
    int result = check_room(mounts->count, MOUNTS_MAX, err);
    return result < 0 ? result : mounts_add(mounts, text, err);
}

static struct slice mount_text(const struct option_row *row, const void *field, size_t index,
                               struct buf *room) {
    const struct mounts *mounts = field;
    (void)row;
    (void)room;
    if (index >= mounts->count)
        return SLICE_NONE;
    return slice_of_text(mounts->items[index].path.ptr - 1); /* from its slash on */
}

static int add_address(const struct option_row *row, void *field, const char *text,
                       struct err *err) {
    struct option_addresses *addresses = field;
    (void)row;
    int result = check_room(addresses->count, OPTIONS_ADDRESSES_MAX, err);
    if (result == 0)
        result = address_parse(text, &addresses->items[addresses->count], err);
    if (result == 0)
        addresses->count++;
    return result;
}

static struct slice address_text(const struct option_row *row, const void *field, size_t index,
                                 struct buf *room) {
    const struct option_addresses *addresses = field;
    (void)row;
    if (index >= addresses->count)
        return SLICE_NONE;
    char text[ADDRESS_TEXT_MAX];
    _Static_assert(OPTION_ROOM >= (int)ADDRESS_TEXT_MAX, "an address has room");
    address_format(&addresses->items[index], text);
    if (!addresses->items[index].both_families) {
        buf_put(room, slice_of_text(text));
        return buf_slice(room);
    }
    buf_put(room, SLICE("*:"));
    buf_put_number(room, address_port(&addresses->items[index]));
    return buf_slice(room);
}

static int add_network(const struct option_row *row, void *field, const char *text,
                       struct err *err) {
    struct networks *networks = field;
    (void)row;
    int result = check_room(networks->count, NETWORKS_MAX, err);
    return result < 0 ? result : networks_add(networks, text, err);
}

static struct slice network_text(const struct option_row *row, const void *field, size_t index,
                                 struct buf *room) {
    const struct networks *networks = field;
    (void)row;
    if (index >= networks->count)
        return SLICE_NONE;
    char text[NETWORKS_TEXT_MAX];
    _Static_assert(OPTION_ROOM >= (int)NETWORKS_TEXT_MAX, "a network has room");
    network_format(&networks->items[index], text);
    buf_put(room, slice_of_text(text));
    return buf_slice(room);
}

/* All kinds */

static const struct {
    int (*set)(const struct option_row *row, void *field, const char *text, struct err *err);
    struct slice (*text)(const struct option_row *row, const void *field, size_t index,
                         struct buf *room);
    bool repeatable;
    bool once;
} kinds[] = {
    [OPTION_FLAG] = {set_flag, flag_text, .repeatable = false},
    [OPTION_ACTION] = {set_flag, flag_text, .once = true},
    [OPTION_COUNT] = {set_count, count_text, .repeatable = false},
    [OPTION_SIZE] = {set_size, size_text, .repeatable = false},
    [OPTION_DURATION] = {set_duration, duration_text, .repeatable = false},
    [OPTION_NAMES] = {set_names, names_text, .repeatable = false},
    [OPTION_PATH] = {set_path, slice_text, .repeatable = false},
    [OPTION_TYPES] = {add_type, type_text, .repeatable = true},
    [OPTION_VALUE] = {set_value, slice_text, .repeatable = false},
    [OPTION_TEXT] = {set_text, text_text, .repeatable = false},
    [OPTION_WORD] = {set_text, text_text, .once = true},
    [OPTION_MOUNTS] = {add_mount, mount_text, .repeatable = true},
    [OPTION_CHOICE] = {set_choice, choice_text, .repeatable = false},
    [OPTION_MODE] = {set_mode, mode_text, .repeatable = false},
    [OPTION_DESTINATION] = {set_destination, destination_text, .repeatable = false},
    [OPTION_ADDRESSES] = {add_address, address_text, .repeatable = true},
    [OPTION_NETWORKS] = {add_network, network_text, .repeatable = true},
    [OPTION_LABEL] = {set_label, text_text, .repeatable = false},
};

bool option_is_repeatable(const struct option_row *row) {
    return kinds[row->kind].repeatable;
}

bool option_is_for_once(const struct option_row *row) {
    return kinds[row->kind].once;
}

bool option_takes_word(const struct option_row *row) {
    return row->argument != NULL && row->argument[0] != '[';
}

const char *option_gap(const struct option_row *row) {
    return option_takes_word(row) ? " " : "";
}

int option_set(const struct option_row *row, void *field, const char *text, struct err *err) {
    return kinds[row->kind].set(row, field, text, err);
}

struct slice option_text(const struct option_row *row, const void *field, size_t index,
                         struct buf *room) {
    return kinds[row->kind].text(row, field, index, room);
}

/* Names */

const struct option_row *option_find(const struct option_row *rows, struct slice name) {
    for (const struct option_row *row = rows; row->name != NULL; row++) {
        if (slice_equal(name, slice_of_text(row->name)))
            return row;
    }
    return NULL;
}

/* How many letters must be changed, added or left out to make `b` of `a` (Levenshtein). */
static size_t distance(struct slice a, struct slice b) {
    size_t costs[32]; /* of making the first j letters of b */
    if (b.len >= sizeof costs / sizeof costs[0])
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        costs[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = costs[0];
        costs[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t changed = diagonal + (a.ptr[i - 1] == b.ptr[j - 1] ? 0 : 1);
            size_t left_out = (costs[j] < costs[j - 1] ? costs[j] : costs[j - 1]) + 1;
            diagonal = costs[j];
            costs[j] = changed < left_out ? changed : left_out;
        }
    }
    return costs[b.len];
}

/* What other servers call --listen. */
static bool is_listen_elsewhere(struct slice name) {
    static const struct slice names[] = {SLICE_INIT("port"), SLICE_INIT("host"),
                                         SLICE_INIT("bind"), SLICE_INIT("address"),
                                         SLICE_INIT("p"),    SLICE_INIT("b")};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (slice_equal(name, names[i]))
            return true;
    }
    return false;
}

const struct option_row *option_guess(const struct option_row *rows, struct slice name) {
    const struct option_row *best = NULL;
    size_t least = 3; /* more is another word */
    if (is_listen_elsewhere(name))
        return option_find(rows, SLICE("listen"));
    for (const struct option_row *row = rows; row->name != NULL; row++) {
        size_t changes = distance(name, slice_of_text(row->name));
        if (name.len > 1 && changes < least) {
            least = changes;
            best = row;
        }
    }
    return best;
}
