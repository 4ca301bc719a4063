/* What the operator asked for, on the command line and in a configuration file. The options are the
 * rows of options.def. */
#pragma once

#include "base/err.h"
#include "conf/option.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* The words of --listing, in their order. */
enum option_listing { LISTING_ON, LISTING_OFF };

/* The words of --log-format, in their order. */
enum option_log_format { LOG_FORMAT_AUTO, LOG_FORMAT_COMBINED, LOG_FORMAT_JSON, LOG_FORMAT_SHORT };

/* The words of --symlinks, in their order. */
enum option_symlinks { SYMLINKS_INSIDE, SYMLINKS_NONE };

struct options {
#define OPTION(kind, field, name, letter, argument, standard, min, max, help) \
    OPTION_TYPE_##kind field;
#include "conf/options.def"
#undef OPTION
    const char *root; /* the one operand; "." where there is none */
    char *file;       /* the text of the configuration file; owned; NULL: none */
};

#define OPTIONS_INIT \
    { .file = NULL }

/* The rows in the order of the table, ended by one without a name; static. */
const struct option_row *options_rows(void);

/* Fills in `options` with the defaults, what the configuration file says that the command line
 * names with --config, and what the command line says; argv[0] is passed over. An option on the
 * command line stands for all that the file says of it; so does --lan for addresses in the file
 * that it excludes, and --listen for lan. With --lan, a port alone has become that of all
 * interfaces. Texts are borrowed from `argv`. May be called again, for other options, when the file
 * has changed. Returns 0; or -errno and a message that says which word or line is wrong and what
 * would be right, and leaves `options` alone. */
int options_load(struct options *options, int argc, char *const argv[], struct err *err);

/* Idempotent. */
void options_deinit(struct options *options);

/* Prints the text of --help, at most 80 columns wide. */
void options_print_help(FILE *stream);

/* Prints a configuration file from which the same options are loaded: all of them with their help,
 * and those that have their defaults as comments. */
void options_print(const struct options *options, FILE *stream);
