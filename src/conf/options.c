#include "conf/options.h"

#include "base/check.h"
#include "base/number.h"
#include "base/slice.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct option_row rows[] = {
#define OPTION(kind, field, name, letter, argument, standard, min, max, help) \
    {OPTION_##kind, name,     letter,                                         \
     argument,      standard, min,                                            \
     max,           help,     offsetof(struct options, field)},
#include "conf/options.def"
#undef OPTION
    {.name = NULL},
};

const struct option_row *options_rows(void) {
    return rows;
}

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit size_units[] = {
    {"", 1}, {"K", 1024}, {"M", 1024 * 1024}, {"G", 1024 * 1024 * 1024}, {NULL, 0}};
static const struct unit duration_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}, {NULL, 0}};
static const struct unit count_units[] = {{"", 1}, {NULL, 0}};

/* Reads a number that one of the units follows. */
static bool parse_quantity(const char *text, const struct unit *units, uint64_t *value) {
    size_t digits = strspn(text, "0123456789");
    uint64_t number;
    if (!number_parse(slice_of(text, digits), UINT64_MAX, &number))
        return false;
    for (; units->name != NULL; units++) {
        if (strcmp(text + digits, units->name) == 0)
            return !__builtin_mul_overflow(number, units->factor, value);
    }
    return false;
}

/* Sets a number, or says why it can't be. */
static int set_quantity(const struct option_row *row, const struct unit *units,
                        const char *examples, const char *text, uint64_t *value, struct err *err) {
    uint64_t quantity;
    if (!parse_quantity(text, units, &quantity))
        return err_set(err, EINVAL, "--%s: '%s' is not %s", row->name, text, examples);
    if (quantity < row->min || quantity > row->max)
        return err_set(err, EINVAL, "--%s: '%s' is out of range (%llu to %llu%s)", row->name, text,
                       (unsigned long long)row->min, (unsigned long long)row->max,
                       row->kind == OPTION_DURATION ? " ms"
                       : row->kind == OPTION_SIZE   ? " bytes"
                                                    : "");
    *value = quantity;
    return 0;
}

static int set_choice(const struct option_row *row, const char *text, unsigned *value,
                      struct err *err) {
    struct slice rest = slice_of_text(row->argument);
    struct slice word;
    for (unsigned place = 0; slice_cut(&rest, '|', &word); place++) {
        if (slice_equal(word, slice_of_text(text))) {
            *value = place;
            return 0;
        }
    }
    return err_set(err, EINVAL, "--%s: '%s' is not one of %s", row->name, text, row->argument);
}

static int set_names(const struct option_row *row, const char *text, struct names *names,
                     struct err *err) {
    struct err reason = ERR_INIT;
    if (names_parse(text, names, &reason) < 0)
        return err_set(err, EINVAL, "--%s: %s", row->name, reason.text);
    return 0;
}

/* A path is taken with or without a slash before it: it is always beneath the root. */
static int set_path(const struct option_row *row, const char *text, struct slice *path,
                    struct err *err) {
    struct slice rest = slice_of_text(text);
    struct slice segment;
    if (slice_starts_with(rest, SLICE("/")))
        rest = slice_after(rest, 1);
    *path = rest;
    while (slice_cut(&rest, '/', &segment)) {
        if (path->len > OPTIONS_PATH_MAX || segment.len == 0 || slice_equal(segment, SLICE(".")) ||
            slice_equal(segment, SLICE("..")))
            return err_set(err, EINVAL,
                           "--%s: '%s' is no path beneath the root (as in app/index.html)",
                           row->name, text);
    }
    return 0;
}

static int add_type(const struct option_row *row, const char *text, struct types *types,
                    struct err *err) {
    struct err reason = ERR_INIT;
    if (types->count == TYPES_MAX)
        return err_set(err, EINVAL, "--%s may be given %d times at most", row->name, TYPES_MAX);
    if (types_add(types, text, &reason) < 0)
        return err_set(err, EINVAL, "--%s: %s", row->name, reason.text);
    return 0;
}

/* RFC 9110 §5.5, without what is obsolete. */
static int set_value(const struct option_row *row, const char *text, struct slice *value,
                     struct err *err) {
    struct slice new = slice_of_text(text);
    bool valid =
        new.len > 0 && new.len <= OPTIONS_VALUE_MAX &&text[0] != ' ' && text[new.len - 1] != ' ';
    for (size_t i = 0; i < new.len; i++)
        valid &= text[i] >= ' ' && text[i] <= '~';
    if (!valid)
        return err_set(err, EINVAL,
                       "--%s: '%s' cannot stand in a field (write up to %d printable ASCII "
                       "characters)",
                       row->name, text, OPTIONS_VALUE_MAX);
    *value = new;
    return 0;
}

static int set_mode(const struct option_row *row, const char *text, mode_t *mode, struct err *err) {
    size_t len = strlen(text);
    mode_t value = 0;
    if (len == 0 || len > 4 || strspn(text, "01234567") != len)
        return err_set(err, EINVAL, "--%s: '%s' is no mode (three octal digits, as in 660)",
                       row->name, text);
    for (size_t i = 0; i < len; i++)
        value = value * 8 + (mode_t)(text[i] - '0');
    if (value > 0777)
        return err_set(err, EINVAL, "--%s: '%s' is out of range (0 to 777)", row->name, text);
    *mode = value;
    return 0;
}

static int add_mount(const struct option_row *row, const char *text, struct mounts *mounts,
                     struct err *err) {
    struct err reason = ERR_INIT;
    if (mounts->count == MOUNTS_MAX)
        return err_set(err, EINVAL, "--%s may be given %d times at most", row->name, MOUNTS_MAX);
    if (mounts_add(mounts, text, &reason) < 0)
        return err_set(err, EINVAL, "--%s: %s", row->name, reason.text);
    return 0;
}

static int add_address(const struct option_row *row, const char *text,
                       struct option_addresses *addresses, struct err *err) {
    struct err reason = ERR_INIT;
    if (addresses->count == OPTIONS_ADDRESSES_MAX)
        return err_set(err, EINVAL, "--%s may be given %d times at most", row->name,
                       OPTIONS_ADDRESSES_MAX);
    if (address_parse(text, &addresses->items[addresses->count], &reason) < 0)
        return err_set(err, EINVAL, "--%s: %s", row->name, reason.text);
    addresses->count++;
    return 0;
}

/* Sets the field of a row from its text; `text` is NULL for a FLAG. */
static int set(struct options *options, const struct option_row *row, const char *text,
               struct err *err) {
    void *field = (char *)options + row->offset;
    uint64_t quantity = 0;
    int result;
    CHECK(text != NULL || row->kind == OPTION_FLAG);
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return 0;
    case OPTION_COUNT:
        return set_quantity(row, count_units, "a whole number", text, field, err);
    case OPTION_SIZE:
        return set_quantity(row, size_units, "a size (as in 512, 16K, 1M, 2G)", text, field, err);
    case OPTION_DURATION:
        result = set_quantity(row, duration_units, "a time (as in 500ms, 10s, 5m, 1h)", text,
                              &quantity, err);
        if (result == 0)
            *(int64_t *)field = (int64_t)quantity;
        return result;
    case OPTION_NAMES:
        return set_names(row, text, field, err);
    case OPTION_PATH:
        return set_path(row, text, field, err);
    case OPTION_TYPES:
        return add_type(row, text, field, err);
    case OPTION_TEXT:
        *(const char **)field = text;
        return 0;
    case OPTION_VALUE:
        return set_value(row, text, field, err);
    case OPTION_MOUNTS:
        return add_mount(row, text, field, err);
    case OPTION_CHOICE:
        return set_choice(row, text, field, err);
    case OPTION_MODE:
        return set_mode(row, text, field, err);
    case OPTION_ADDRESSES:
        break;
    }
    return add_address(row, text, field, err);
}

static void set_defaults(struct options *options) {
    struct err err = ERR_INIT;
    *options = (struct options){0};
    for (const struct option_row *row = rows; row->name != NULL; row++)
        CHECK(row->standard == NULL || set(options, row, row->standard, &err) == 0);
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

/* `name` is the word without dashes and value. */
static int unknown(struct slice name, const char *word, struct err *err) {
    const struct option_row *best = NULL;
    size_t least = 3; /* more is another word */
    if (is_listen_elsewhere(name))
        return err_set(err, EINVAL, "unknown option '%s' (did you mean --listen ADDR?)", word);
    for (const struct option_row *row = rows; row->name != NULL; row++) {
        size_t changes = distance(name, slice_of_text(row->name));
        if (name.len > 1 && changes < least) {
            least = changes;
            best = row;
        }
    }
    if (best != NULL)
        return err_set(err, EINVAL, "unknown option '%s' (did you mean --%s?)", word, best->name);
    return err_set(err, EINVAL, "unknown option '%s' (pronto --help lists them)", word);
}

/* The words still to be read. */
struct words {
    int left;
    char *const *next;
};

/* The argument of an option: what stands behind it in the same word, or the next word. */
static int take_argument(const struct option_row *row, const char *attached, struct words *words,
                         const char **argument, struct err *err) {
    if (row->argument == NULL) {
        *argument = NULL;
        if (attached != NULL)
            return err_set(err, EINVAL, "--%s takes no value (got '%s')", row->name, attached);
        return 0;
    }
    *argument = attached;
    if (attached == NULL && words->left > 0) {
        words->left--;
        *argument = *words->next++;
    }
    if (*argument == NULL)
        return err_set(err, EINVAL, "--%s needs a value: --%s %s", row->name, row->name,
                       row->argument);
    return 0;
}

/* "--name", "--name=value" */
static int parse_long(struct options *options, const char *word, struct words *words,
                      struct err *err) {
    const char *equals = strchr(word, '=');
    struct slice name = slice_of_text(word + 2);
    const char *argument;
    if (equals != NULL)
        name.len = (size_t)(equals - word) - 2;
    for (const struct option_row *row = rows; row->name != NULL; row++) {
        if (!slice_equal(name, slice_of_text(row->name)))
            continue;
        int result = take_argument(row, equals != NULL ? equals + 1 : NULL, words, &argument, err);
        return result < 0 ? result : set(options, row, argument, err);
    }
    return unknown(name, word, err);
}

/* "-q", "-w4", "-w 4", "-qw4" */
static int parse_short(struct options *options, const char *word, struct words *words,
                       struct err *err) {
    for (const char *letter = word + 1; *letter != '\0'; letter++) {
        const struct option_row *row = rows;
        const char *argument;
        while (row->name != NULL && row->letter != *letter)
            row++;
        if (row->name == NULL) {
            const char unknown_word[] = {'-', *letter, '\0'};
            return unknown(slice_of(letter, 1), unknown_word, err);
        }
        bool attached = row->argument != NULL && letter[1] != '\0';
        int result = take_argument(row, attached ? letter + 1 : NULL, words, &argument, err);
        if (result == 0)
            result = set(options, row, argument, err);
        if (result < 0 || attached)
            return result;
    }
    return 0;
}

static int parse_operand(struct options *options, const char *word, struct err *err) {
    if (options->root != NULL)
        return err_set(err, EINVAL, "one root at a time: '%s' or '%s'", options->root, word);
    if (word[0] == '\0')
        return err_set(err, EINVAL, "the root's name is empty (leave it out for this directory)");
    options->root = word;
    return 0;
}

int options_parse(struct options *options, int argc, char *const argv[], struct err *err) {
    struct words words = {argc - 1, argv + 1};
    bool only_operands = false;

    set_defaults(options);
    while (words.left > 0) {
        const char *word = *words.next++;
        int result = 0;
        words.left--;
        if (only_operands || word[0] != '-' || word[1] == '\0')
            result = parse_operand(options, word, err);
        else if (strcmp(word, "--") == 0)
            only_operands = true;
        else if (word[1] == '-')
            result = parse_long(options, word, &words, err);
        else
            result = parse_short(options, word, &words, err);
        if (result < 0)
            return result;
    }
    if (options->root == NULL)
        options->root = ".";
    if (options->lan && options->listen.count > 0)
        return err_set(
            err, EINVAL,
            "--lan and --listen exclude each other (--listen *:PORT is --lan on a port)");
    return 0;
}

enum { HELP_COLUMN = 26, HELP_WIDTH = 80 };

/* Prints a word in the column of the help texts, on a new line where it does not fit on this one.
 */
static void print_word(FILE *stream, struct slice word, size_t *column) {
    if (*column > HELP_COLUMN && *column + 1 + word.len > HELP_WIDTH) {
        fprintf(stream, "\n%*s", HELP_COLUMN, "");
        *column = HELP_COLUMN;
    }
    const char *space = *column > HELP_COLUMN ? " " : "";
    *column += (size_t)fprintf(stream, "%s%.*s", space, (int)word.len, word.ptr);
}

static void print_row(FILE *stream, const struct option_row *row) {
    size_t column = HELP_COLUMN;
    struct slice rest = slice_of_text(row->help);
    struct slice word;
    int width = row->letter != 0 ? fprintf(stream, "  -%c, --%s", row->letter, row->name)
                                 : fprintf(stream, "      --%s", row->name);
    if (row->argument != NULL)
        width += fprintf(stream, " %s", row->argument);
    if (width + 2 > HELP_COLUMN)
        width = fprintf(stream, "\n") - 1;
    fprintf(stream, "%*s", HELP_COLUMN - width, "");
    while (slice_cut(&rest, ' ', &word))
        print_word(stream, word, &column);
    if (row->standard != NULL) {
        char standard[64];
        int len = snprintf(standard, sizeof standard, "(default: %s)", row->standard);
        print_word(stream, slice_of(standard, (size_t)len), &column);
    }
    fputc('\n', stream);
}

void options_print_help(FILE *stream) {
    fputs("Usage: pronto [OPTIONS] [ROOT]\n\n"
          "Serves ROOT, a directory or a single file (default: the current directory),\n"
          "over HTTP/1.1.\n\nOptions:\n",
          stream);
    for (const struct option_row *row = rows; row->name != NULL; row++)
        print_row(stream, row);
    fputs("\nSIZE takes K, M or G; T takes ms, s, m or h.\n"
          "Signals: TERM, INT and QUIT stop gracefully, a second one at once; HUP reloads;\n"
          "USR2 upgrades to the binary that is now on disk.\n",
          stream);
}
