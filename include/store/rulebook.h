/* The files of rules at the root of what is served, `_redirects` and `_headers`: what they say of a
 * path. They are read when the root is opened, and again when they change; as long as there is a
 * mistake in one of them, what it said before goes on to hold. */
#pragma once

#include "http/headers.h"
#include "http/redirects.h"
#include "http/representation.h"
#include "store/docroot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct rulebook_text {
    char *bytes;      /* owned, with the rules that hold; NULL: none do */
    bool is_read;     /* the file has been read, whatever came of it: then */
    struct stat stat; /* these were its attributes, */
    uint64_t digest;  /* and that its content */
    bool is_denied;   /* it could not be opened, which has been told */
    bool is_faulty;   /* it had mistakes when it was read last, which have been told */
};

/* All zero, but for `docroot`: nothing has been read. */
struct rulebook {
    const struct docroot *docroot; /* borrowed */
    bool silent;                   /* mistakes are not told: another process does */
    struct rulebook_text texts[RULES_FILES];
    struct redirects redirects;
    struct headers headers;
};

/* What is said of one path; immutable, and reference counted: an answer may outlive what was found.
 */
struct ruling {
    unsigned references;
    const struct redirect *redirect; /* NULL: none; until the rules are read anew */
    struct slice location;           /* SLICE_NONE: nowhere else */
    struct head_policy policy;
    bool replaces_cors; /* what is said of other origins is in policy.lines, or nothing is */
    size_t size_bytes;
    char bytes[]; /* what the slices point into */
};

/* Reads those files that are not as they were when they were read last. Mistakes are told on
 * stderr, and counted in `mistakes`, once for each content. Returns whether there are other rules
 * now. */
bool rulebook_read(struct rulebook *rulebook, size_t *mistakes);

/* Tells of what is wrong in one of the files, line by line, on stderr. */
void rulebook_tell(enum rules_file file, const struct rules_faults *faults);

/* Forgets all rules. Idempotent. */
void rulebook_deinit(struct rulebook *rulebook);

/* Puts together what is said of a path by `_headers`, and by the redirect that matched, or none;
 * `standard` is what holds where nothing is said. Returns it with one reference; or NULL
 * with `ruling_exists` false, where nothing is said, and with true, where there is no memory. */
struct ruling *rulebook_rule(const struct rulebook *rulebook, struct slice path,
                             const struct redirect_match *match, const struct head_policy *standard,
                             bool *ruling_exists);

/* NULL is allowed in both. */
struct ruling *ruling_ref(struct ruling *ruling);
void ruling_unref(struct ruling *ruling);
