/* The rules of a file `_redirects`: what is answered to paths at which there is no file (or, by
 * force, also where there is one). docs/rules.md is the reference. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"
#include "http/pattern.h"
#include "http/rules.h"
#include "http/status.h"
#include "http/target.h"

#include <stdbool.h>
#include <stddef.h>

struct redirect {
    struct pattern from;
    struct slice to; /* as written: "/a/:splat?b" or "https://host/a" */
    enum status status;
    bool force;    /* also where there is a file */
    unsigned line; /* in the file, from 1 */
};

/* All text is borrowed from what redirects_parse() was given. */
struct redirects {
    struct redirect *items; /* the caller's, RULES_REDIRECTS_MAX of them */
    size_t count;
};

#define REDIRECTS_INIT(memory) \
    { .items = (memory) }

/* The rule that applies to a path, until the path or the rules are gone. */
struct redirect_match {
    const struct redirect *rule;
    struct pattern_captures captures;
    bool trailing_slash; /* of the path */
};

/* Reads a file. True where nothing is wrong in it; else there are faults, and no rules. */
bool redirects_parse(struct slice text, struct redirects *redirects, struct rules_faults *faults);

/* Finds the first rule that matches `path`, decoded and normalised as in struct target; where there
 * is a file (or what else is served at that path), the first one with force. */
bool redirects_find(const struct redirects *redirects, const struct target *target,
                    bool file_exists, struct redirect_match *match);

/* Whether the answer is the file at the rule's target, with status 200 or 404, instead of a
 * Location. */
bool redirect_is_rewrite(const struct redirect *rule);

/* Whether it leads to one place, whatever was matched. */
bool redirect_is_constant(const struct redirect *rule);

/* Writes the value of Location: in printable ASCII, and starting with one slash that no slash or
 * backslash follows, or with http:// or https:// and the host as it is in the file. What was
 * captured is percent-encoded anew. `query`, the request's or SLICE_NONE, is passed on unless the
 * rule has a query of its own. */
void redirect_write_location(struct buf *buf, const struct redirect_match *match,
                             struct slice query);

/* Writes such a value that was written without a query, with the request's, which goes before a
 * fragment, unless there is one already. */
void redirect_add_query(struct buf *buf, struct slice location, struct slice query);

/* What is to be served by a rewrite, as if it had been asked for: writes the target, in
 * origin-form, to `raw`, and takes it apart as target_parse() does. So what was captured is decoded
 * once more, normalised, and cannot lead above the root. `path` must have the capacity of `raw`.
 * Returns TARGET_PATH, or else another outcome, and then it names nothing: what was captured leads
 * above the root (TARGET_ABOVE), or `raw` is too small (TARGET_BAD). */
enum target_outcome redirect_rewrite(const struct redirect_match *match, struct buf *raw,
                                     struct buf *path, struct target *target);
