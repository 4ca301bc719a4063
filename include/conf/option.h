/* An option: a row of options.def, and how the text of its value becomes the field of struct
 * options that it stands for, and text again. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "conf/address.h"
#include "conf/destination.h"
#include "conf/label.h"
#include "conf/mounts.h"
#include "conf/names.h"
#include "conf/networks.h"
#include "conf/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    OPTIONS_ADDRESSES_MAX = 16,
    OPTIONS_VALUE_MAX = 256, /* bytes */
    OPTIONS_PATH_MAX = 2048, /* bytes */
    OPTION_ROOM = 160,       /* bytes: what option_text() writes */
};

enum option_kind {
    OPTION_FLAG,
    OPTION_ACTION,
    OPTION_COUNT,
    OPTION_SIZE,
    OPTION_DURATION,
    OPTION_NAMES,
    OPTION_PATH,
    OPTION_TYPES,
    OPTION_VALUE,
    OPTION_TEXT,
    OPTION_WORD,
    OPTION_MOUNTS,
    OPTION_CHOICE,
    OPTION_MODE,
    OPTION_DESTINATION,
    OPTION_ADDRESSES,
    OPTION_NETWORKS,
    OPTION_LABEL,
};

struct option_addresses {
    struct address items[OPTIONS_ADDRESSES_MAX];
    size_t count;
};

/* A SIZE that is left to pronto, as "auto". */
#define OPTION_AUTO UINT64_MAX

#define OPTION_TYPE_FLAG        bool
#define OPTION_TYPE_ACTION      bool
#define OPTION_TYPE_COUNT       uint64_t /* 0: not given */
#define OPTION_TYPE_SIZE        uint64_t /* bytes */
#define OPTION_TYPE_DURATION    int64_t  /* milliseconds */
#define OPTION_TYPE_NAMES       struct names
#define OPTION_TYPE_PATH        struct slice /* "a/b"; SLICE_NONE: not given */
#define OPTION_TYPE_TYPES       struct types
#define OPTION_TYPE_VALUE       struct slice
#define OPTION_TYPE_TEXT        const char * /* NULL: not given */
#define OPTION_TYPE_WORD        const char * /* NULL: not given */
#define OPTION_TYPE_MOUNTS      struct mounts
#define OPTION_TYPE_CHOICE      unsigned
#define OPTION_TYPE_MODE        mode_t
#define OPTION_TYPE_DESTINATION struct destination
#define OPTION_TYPE_ADDRESSES   struct option_addresses
#define OPTION_TYPE_NETWORKS    struct networks
#define OPTION_TYPE_LABEL       const char * /* NULL: not given */

struct option_row {
    enum option_kind kind;
    const char *name;
    char letter;          /* 0: none */
    const char *argument; /* NULL: takes none; "[=NAME]": takes one only behind the sign */
    const char *standard; /* NULL: none */
    uint64_t min;
    uint64_t max;
    const char *help;
    size_t offset; /* of its field in struct options */
    size_t size;   /* of the field */
};

/* Whether it may be given several times, each of which adds to the field. */
bool option_is_repeatable(const struct option_row *row);

/* Whether it is no setting, but says what this one run is to do; so only a command line has it. */
bool option_is_for_once(const struct option_row *row);

/* Whether its value may be the next word. One that has none is "on". */
bool option_takes_word(const struct option_row *row);

/* What stands between its name and its argument where it is shown how it is written. */
const char *option_gap(const struct option_row *row);

/* Sets the field of a row, or adds to it, from a text, which is borrowed for as long as the field
 * is used; a FLAG or ACTION is set by "on" and cleared by "off", and so is a LABEL. `field` is of
 * the row's type, and all zero before the first text. Returns 0, or -EINVAL and a reason that can
 * stand behind the option's name and a colon; the field is then as it was, or of no use. */
int option_set(const struct option_row *row, void *field, const char *text, struct err *err);

/* A text from which option_set() makes the field, or for a repeatable one the item `index` of it;
 * in `room`, which is empty and has OPTION_ROOM bytes, or where the texts are that the field was
 * set from. SLICE_NONE: there is no value, or no such item. */
struct slice option_text(const struct option_row *row, const void *field, size_t index,
                         struct buf *room);

/* The row of that name among `rows`, which end with one without a name; NULL: none. */
const struct option_row *option_find(const struct option_row *rows, struct slice name);

/* The row whose name an unknown one may be a misspelling of, or another program's word for; NULL:
 * none. */
const struct option_row *option_guess(const struct option_row *rows, struct slice name);
