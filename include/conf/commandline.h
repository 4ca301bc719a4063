/* The words of a command line, as options and operands. */
#pragma once

#include "base/err.h"
#include "conf/option.h"

#include <stdbool.h>

struct commandline {
    const struct option_row *rows; /* borrowed, as the words are; end with one without a name */
    char *const *next;
    int left;
    const char *letters; /* those still to be read of a word such as -qw4; NULL: none */
    bool only_operands;  /* "--" has been read */
};

/* Starts at the first word; argv[0] is passed over. */
#define COMMANDLINE_INIT(table, argc, argv) \
    { .rows = (table), .next = (argv) + 1, .left = (argc)-1 }

struct commandline_item {
    const struct option_row *row; /* NULL: an operand */
    const char *text;             /* its value, borrowed from argv; "on" for a bare flag */
};

/* Reads the next option (--name VALUE, --name=VALUE, -n VALUE, -nVALUE; letters of flags may stand
 * together) or operand. A flag is given as --name, --name=on or --name=off. Returns 1, 0 at the
 * end, or -EINVAL and a message that says which word is wrong. */
int commandline_next(struct commandline *line, struct commandline_item *item, struct err *err);
