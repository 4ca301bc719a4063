#include "conf/options.h"

#include "base/check.h"
#include "conf/commandline.h"
#include "conf/configfile.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct option_row rows[] = {
#define OPTION(kind, field, name, letter, argument, standard, min, max, help) \
    {OPTION_##kind,                                                           \
     name,                                                                    \
     letter,                                                                  \
     argument,                                                                \
     standard,                                                                \
     min,                                                                     \
     max,                                                                     \
     help,                                                                    \
     offsetof(struct options, field),                                         \
     sizeof(OPTION_TYPE_##kind)},
#include "conf/options.def"
#undef OPTION
    {.name = NULL},
};

enum { ROWS_COUNT = sizeof rows / sizeof rows[0] - 1 };

/* The operand, which a file writes like an option. */
static const struct option_row root_row[] = {
    {OPTION_TEXT, "root", 0, "DIR", ".", 1, 0, "serve this directory or single file",
     offsetof(struct options, root), sizeof(const char *)},
    {.name = NULL},
};

const struct option_row *options_rows(void) {
    return rows;
}

static void *field_of(struct options *options, const struct option_row *row) {
    return (char *)options + row->offset;
}

static void set_default(struct options *options, const struct option_row *row) {
    struct err err = ERR_INIT;
    memset(field_of(options, row), 0, row->size);
    CHECK(row->standard == NULL ||
          option_set(row, field_of(options, row), row->standard, &err) == 0);
}

static void set_defaults(struct options *options) {
    *options = (struct options)OPTIONS_INIT;
    set_default(options, root_row);
    for (const struct option_row *row = rows; row->name != NULL; row++)
        set_default(options, row);
}

/* Which rows have been given; root_row stands behind the others. */
struct given {
    size_t lines[ROWS_COUNT + 1]; /* of a file, or 1 on the command line; 0: not given */
};

static size_t *line_of(struct given *given, const struct option_row *row) {
    return &given->lines[row == root_row ? ROWS_COUNT : row - rows];
}

/* All interfaces, and addresses */

/* Whether --lan leaves it what it is: it says which port, or is all interfaces itself. */
static bool fits_lan(const struct address *address) {
    return address->is_port || address_is_wildcard(address);
}

/* Keeps those that fit --lan. */
static void drop_others(struct option_addresses *addresses) {
    size_t count = 0;
    for (size_t i = 0; i < addresses->count; i++) {
        if (fits_lan(&addresses->items[i]))
            addresses->items[count++] = addresses->items[i];
    }
    addresses->count = count;
}

/* The first that does not fit; NULL: all do. */
static const struct address *find_other(const struct option_addresses *addresses) {
    for (size_t i = 0; i < addresses->count; i++) {
        if (!fits_lan(&addresses->items[i]))
            return &addresses->items[i];
    }
    return NULL;
}

static int check_lan(const struct options *options, struct err *err) {
    const struct address *other = options->lan ? find_other(&options->listen) : NULL;
    char text[ADDRESS_TEXT_MAX];
    if (other == NULL)
        return 0;
    address_format(other, text);
    return err_set(err, EINVAL,
                   "--lan and --listen %s exclude each other (with --lan, --listen PORT is that "
                   "port of all interfaces)",
                   text);
}

static void widen_ports(struct option_addresses *addresses) {
    for (size_t i = 0; i < addresses->count; i++) {
        if (addresses->items[i].is_port)
            address_widen(&addresses->items[i]);
    }
}

/* The command line */

static int set_root(struct options *options, const char *word, struct given *given,
                    struct err *err) {
    if (*line_of(given, root_row) != 0)
        return err_set(err, EINVAL, "one root at a time: '%s' or '%s'", options->root, word);
    if (word[0] == '\0')
        return err_set(err, EINVAL, "the root's name is empty (leave it out for this directory)");
    *line_of(given, root_row) = 1;
    options->root = word;
    return 0;
}

static int set_from_words(struct options *options, const struct commandline_item *item,
                          struct given *given, struct err *err) {
    struct err reason = ERR_INIT;
    if (item->row == NULL)
        return set_root(options, item->text, given, err);
    *line_of(given, item->row) = 1;
    if (option_set(item->row, field_of(options, item->row), item->text, &reason) < 0)
        return err_set(err, EINVAL, "--%s: %s", item->row->name, reason.text);
    return 0;
}

static int load_words(struct options *options, int argc, char *const argv[], struct given *given,
                      struct err *err) {
    struct commandline line = COMMANDLINE_INIT(rows, argc, argv);
    struct commandline_item item = {.row = NULL};
    int result;
    set_defaults(options);
    while ((result = commandline_next(&line, &item, err)) > 0) {
        result = set_from_words(options, &item, given, err);
        if (result < 0)
            return result;
    }
    return result < 0 ? result : check_lan(options, err);
}

/* The configuration file */

/* The row that an item of a file sets, or NULL and what is wrong. */
static const struct option_row *find_setting(const struct configfile_item *item, struct err *err) {
    const struct option_row *row = option_find(rows, item->name);
    const struct option_row *guess = option_guess(rows, item->name);
    int len = (int)item->name.len;
    if (row == NULL)
        row = option_find(root_row, item->name);
    if (row != NULL && !option_is_for_once(row))
        return row;
    if (row != NULL)
        (void)err_set(err, EINVAL, "%s is for the command line alone", row->name);
    else if (guess != NULL)
        (void)err_set(err, EINVAL, "unknown option '%.*s' (did you mean %s?)", len, item->name.ptr,
                      guess->name);
    else
        (void)err_set(err, EINVAL, "unknown option '%.*s' (pronto --help lists them)", len,
                      item->name.ptr);
    return NULL;
}

static int set_from_file(struct options *options, const struct configfile_item *item,
                         struct given *given, struct err *err) {
    const struct option_row *row = find_setting(item, err);
    struct err reason = ERR_INIT;
    if (row == NULL)
        return -EINVAL;
    size_t *line = line_of(given, row);
    if (*line != 0 && !option_is_repeatable(row))
        return err_set(err, EINVAL, "%s is in line %zu already", row->name, *line);
    *line = item->line;
    if (option_set(row, field_of(options, row), item->value, &reason) < 0)
        return err_set(err, EINVAL, "%s: %s", row->name, reason.text);
    return 0;
}

static int load_items(struct options *options, struct configfile *file, const char *path,
                      struct err *err) {
    struct configfile_item item = {.line = 0};
    struct given given = {{0}};
    struct err reason = ERR_INIT;
    int result;
    while ((result = configfile_next(file, &item, &reason)) > 0) {
        result = set_from_file(options, &item, &given, &reason);
        if (result < 0)
            break;
    }
    if (result < 0)
        return err_set(err, EINVAL, "%s:%zu: %s", path, file->line, reason.text);
    if (check_lan(options, &reason) < 0)
        return err_set(err, EINVAL, "%s: %s", path, reason.text);
    return 0;
}

/* What only both together can be wrong about. */
static int check_all(const struct options *options, struct err *err) {
    if (options->proxy_protocol && options->trust.count == 0)
        return err_set(
            err, EINVAL,
            "--proxy-protocol needs --trust, the addresses of the proxies (as in --trust "
            "127.0.0.1)");
    if (options->send_rate > 0 && options->min_rate >= options->send_rate)
        return err_set(err, EINVAL,
                       "--min-rate must be less than --send-rate, or nobody could take enough");
    if (options->live && options->cache_size == 0)
        return err_set(err, EINVAL,
                       "--live needs a cache: what is not kept is not watched (leave out "
                       "--cache-size 0)");
    return 0;
}

/* What the command line says stands for what the file says. */
static void override(struct options *options, struct options *words, struct given *given) {
    if (words->lan)
        drop_others(&options->listen);
    if (words->listen.count > 0)
        options->lan = false;
    for (const struct option_row *row = rows; row->name != NULL; row++) {
        if (*line_of(given, row) != 0)
            memcpy(field_of(options, row), field_of(words, row), row->size);
    }
    if (*line_of(given, root_row) != 0)
        options->root = words->root;
}

static int load_file(struct options *options, struct options *words, struct given *given,
                     struct err *err) {
    set_defaults(options);
    options->file = configfile_read(words->config, err);
    if (options->file == NULL)
        return -EINVAL;
    struct configfile file = CONFIGFILE_INIT(options->file);
    int result = load_items(options, &file, words->config, err);
    if (result == 0)
        override(options, words, given);
    return result;
}

int options_load(struct options *options, int argc, char *const argv[], struct err *err) {
    struct options words;
    struct options both;
    struct given given = {{0}};
    int result = load_words(&words, argc, argv, &given, err);
    if (result < 0)
        return result;
    both = words;
    if (words.config != NULL)
        result = load_file(&both, &words, &given, err);
    if (result == 0)
        result = check_all(&both, err);
    if (result < 0) {
        options_deinit(&both);
        return result;
    }
    if (both.lan)
        widen_ports(&both.listen);
    *options = both;
    return 0;
}

void options_deinit(struct options *options) {
    free(options->file);
    options->file = NULL;
}

/* Help */

enum { HELP_COLUMN = 26, TEXT_WIDTH = 80 };

/* Words that are printed between a margin and the width of a text. */
struct column {
    FILE *stream;
    const char *margin; /* what a new line starts with */
    size_t start;       /* its width */
    size_t at;
};

/* Prints a word, on a new line where it does not fit on this one. */
static void print_word(struct column *column, struct slice word) {
    if (column->at > column->start && column->at + 1 + word.len > TEXT_WIDTH) {
        fprintf(column->stream, "\n%s", column->margin);
        column->at = column->start;
    }
    const char *space = column->at > column->start ? " " : "";
    column->at += (size_t)fprintf(column->stream, "%s%.*s", space, (int)word.len, word.ptr);
}

static void print_words(struct column *column, const char *text) {
    struct slice rest = slice_of_text(text);
    struct slice word;
    while (slice_cut(&rest, ' ', &word))
        print_word(column, word);
}

static void print_row(FILE *stream, const struct option_row *row) {
    struct column column = {stream, "                          ", HELP_COLUMN, HELP_COLUMN};
    int width = row->letter != 0 ? fprintf(stream, "  -%c, --%s", row->letter, row->name)
                                 : fprintf(stream, "      --%s", row->name);
    if (row->argument != NULL)
        width += fprintf(stream, "%s%s", option_gap(row), row->argument);
    if (width + 2 > HELP_COLUMN)
        width = fprintf(stream, "\n") - 1;
    fprintf(stream, "%*s", HELP_COLUMN - width, "");
    print_words(&column, row->help);
    if (row->standard != NULL) {
        char standard[64];
        int len = snprintf(standard, sizeof standard, "(default: %s)", row->standard);
        print_word(&column, slice_of(standard, (size_t)len));
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
          "Signals: TERM, INT and QUIT stop gracefully, a second one at once. HUP reloads,\n"
          "USR2 upgrades to the binary that is now on disk, USR1 opens the file of\n"
          "--access-log anew.\n",
          stream);
}

/* The options as a configuration file */

/* Whether the field has one value, which is its default. */
static bool has_default(const struct options *options, const struct option_row *row) {
    struct options standard;
    char memory[2][OPTION_ROOM];
    struct buf rooms[2] = {BUF_INIT(memory[0], OPTION_ROOM), BUF_INIT(memory[1], OPTION_ROOM)};
    if (option_is_repeatable(row))
        return false;
    set_defaults(&standard);
    struct slice text = option_text(row, (const char *)options + row->offset, 0, &rooms[0]);
    struct slice other = option_text(row, (char *)&standard + row->offset, 0, &rooms[1]);
    return slice_equal(text, other);
}

/* Prints a line for each value of the row; returns how many. */
static size_t print_values(const struct options *options, const struct option_row *row,
                           FILE *stream) {
    for (size_t count = 0;; count++) {
        char memory[OPTION_ROOM];
        struct buf room = BUF_INIT(memory, sizeof memory);
        struct slice text = option_text(row, (const char *)options + row->offset, count, &room);
        if (text.ptr == NULL)
            return count;
        configfile_put(stream, row->name, text);
    }
}

/* Prints the lines that set a row; where they would change nothing, a comment with its default, or
 * with what can be written. */
static void print_setting(const struct options *options, const struct option_row *row,
                          FILE *stream) {
    struct column comment = {stream, "# ", 2, 2};
    const char *standard = row->standard != NULL    ? row->standard
                           : option_takes_word(row) ? row->argument
                                                    : "off";
    fputs("# ", stream);
    print_words(&comment, row->help);
    fputc('\n', stream);
    if (has_default(options, row) || print_values(options, row, stream) == 0)
        fprintf(stream, "#%s = %s\n", row->name, standard);
    fputc('\n', stream);
}

void options_print(const struct options *options, FILE *stream) {
    print_setting(options, root_row, stream);
    for (const struct option_row *row = rows; row->name != NULL; row++) {
        if (!option_is_for_once(row))
            print_setting(options, row, stream);
    }
}
