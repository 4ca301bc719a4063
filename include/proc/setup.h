/* What pronto serves, and how: made from the command line, at start and at every reload anew. */
#pragma once

#include "base/err.h"
#include "conf/options.h"
#include "store/roots.h"
#include "sys/sandbox.h"

#include <stddef.h>
#include <stdint.h>

/* The words that pronto was started with; borrowed. Relative paths in them are relative to the
 * directory it was started in, which it never leaves. */
struct command_line {
    int count;
    char *const *words;
};

struct setup {
    struct options options; /* some texts are borrowed from the command line */
    struct roots roots;     /* borrow from the options, so a setup stays where it is */
    struct sandbox sandbox; /* as setup_open() found it */
};

/* Reads the options into a new setup, which setup_free() ends. Returns NULL and a message where one
 * of them is wrong. */
struct setup *setup_read(const struct command_line *line, struct err *err);

/* Opens what the options name, and looks for mistakes in its files of rules, which are told line by
 * line. Returns 0, or -errno and a message. */
int setup_open(struct setup *setup, struct err *err);

/* Tells, line by line, of rules that are no mistakes, but lead to files that are not there. The
 * setup is open. */
void setup_warn(const struct setup *setup);

/* Both. */
struct setup *setup_load(const struct command_line *line, struct err *err);

/* Bytes of the cache of each worker where the operator leaves it to pronto: a 32nd of the memory
 * for all of them, but for each not less than 16 MiB, nor more than 256. */
uint64_t setup_cache_size(uint64_t memory_bytes, size_t workers);

/* NULL is nothing to be freed. */
void setup_free(struct setup *setup);
