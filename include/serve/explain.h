/* What a GET would find, told to the operator: by the code that serves, without a client. */
#pragma once

#include "base/err.h"
#include "conf/options.h"
#include "store/roots.h"

#include <stdio.h>

/* Prints what a GET for options->explain, a URL or a path, finds: the file, the lines of rules that
 * have a say in it, and the head of the answer. Returns 0, or -errno and a message: -EINVAL where
 * that is nothing that can be asked for. */
int explain_print(const struct options *options, const struct roots *roots, FILE *stream,
                  struct err *err);
