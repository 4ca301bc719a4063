/* The first label of a name of hosts (RFC 952, RFC 1123 §2.1), as the operator writes it. */
#pragma once

#include "base/err.h"

/* What "on" stands for. */
#define LABEL_STANDARD "pronto"

/* In bytes: a label has 63 at most (RFC 1035 §2.3.4), and one that is taken gets a number. */
enum { LABEL_MAX = 56 };

/* Reads letters, digits and hyphens, with no hyphen at either end; "on" is LABEL_STANDARD, and
 * "off" NULL. What is returned is borrowed from the text. Returns 0, or -EINVAL and a message. */
int label_parse(const char *text, const char **label, struct err *err);
