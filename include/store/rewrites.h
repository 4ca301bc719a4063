/* Where rules that send a file lead, as far as that can be told before anybody asks. */
#pragma once

#include "http/redirects.h"
#include "http/rules.h"
#include "store/roots.h"

/* Adds a fault for each rewrite that leads to one place, whatever was matched, where there is
 * nothing to be sent now: neither a file nor a directory with an index file. What may not be read
 * is none of these, as others may read it. The faults borrow from the rules. */
void rewrites_judge(const struct redirects *redirects, const struct roots *roots,
                    struct rules_faults *faults);
