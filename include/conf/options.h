/* What the operator asked for. The options are the rows of options.def. */
#pragma once

#include "base/err.h"
#include "conf/address.h"
#include "conf/mounts.h"
#include "conf/names.h"
#include "conf/types.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum { OPTIONS_ADDRESSES_MAX = 16, OPTIONS_VALUE_MAX = 256, OPTIONS_PATH_MAX = 2048 /* bytes */ };

enum option_kind {
    OPTION_FLAG,
    OPTION_COUNT,
    OPTION_SIZE,
    OPTION_DURATION,
    OPTION_NAMES,
    OPTION_PATH,
    OPTION_TYPES,
    OPTION_VALUE,
    OPTION_TEXT,
    OPTION_MOUNTS,
    OPTION_CHOICE,
    OPTION_MODE,
    OPTION_ADDRESSES,
};

struct option_addresses {
    struct address items[OPTIONS_ADDRESSES_MAX];
    size_t count;
};

/* The words of --listing, in their order. */
enum option_listing { LISTING_ON, LISTING_OFF };

/* The words of --symlinks, in their order. */
enum option_symlinks { SYMLINKS_INSIDE, SYMLINKS_NONE };

#define OPTION_TYPE_FLAG      bool
#define OPTION_TYPE_COUNT     uint64_t /* 0: not given */
#define OPTION_TYPE_SIZE      uint64_t /* bytes */
#define OPTION_TYPE_DURATION  int64_t  /* milliseconds */
#define OPTION_TYPE_NAMES     struct names
#define OPTION_TYPE_PATH      struct slice /* "a/b"; SLICE_NONE: not given */
#define OPTION_TYPE_TYPES     struct types
#define OPTION_TYPE_VALUE     struct slice
#define OPTION_TYPE_TEXT      const char * /* NULL: not given */
#define OPTION_TYPE_MOUNTS    struct mounts
#define OPTION_TYPE_CHOICE    unsigned
#define OPTION_TYPE_MODE      mode_t
#define OPTION_TYPE_ADDRESSES struct option_addresses

struct options {
#define OPTION(kind, field, name, letter, argument, standard, min, max, help) \
    OPTION_TYPE_##kind field;
#include "conf/options.def"
#undef OPTION
    const char *root; /* the one operand; "." where there is none */
};

/* A row of the table, for what prints it. */
struct option_row {
    enum option_kind kind;
    const char *name;
    char letter;          /* 0: none */
    const char *argument; /* NULL: takes none */
    const char *standard; /* NULL: none */
    uint64_t min;
    uint64_t max;
    const char *help;
    size_t offset; /* of its field in struct options */
};

/* The rows in the order of the table, ended by one without a name; static. */
const struct option_row *options_rows(void);

/* Fills in `options` with the defaults and then with the words of the command line; argv[0] is
 * passed over. Texts are borrowed from `argv`. Returns 0, or -EINVAL and a message that says which
 * word is wrong and what would be right. */
int options_parse(struct options *options, int argc, char *const argv[], struct err *err);

/* Prints the text of --help, at most 80 columns wide. */
void options_print_help(FILE *stream);
