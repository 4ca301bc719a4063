/* Patterns of paths, as rules write them. A placeholder, ':' and a name (a letter, then letters,
 * digits and '_'), stands for one whole segment; a splat, '*', once and anywhere, for as many
 * characters as possible, slashes and none at all among them. All else stands for itself,
 * percent-decoded. What they match can be put into a template, ":year/:splat". */
#pragma once

#include "base/slice.h"
#include "http/rules.h"

#include <stdbool.h>
#include <stddef.h>

struct pattern {
    struct slice text; /* as written, without slashes at its ends; borrowed */
    size_t plain_len;  /* of the start that every path it matches has, byte for byte */
};

enum { PATTERN_CAPTURES_MAX = RULES_PLACEHOLDERS_MAX + 1 };

/* What the placeholders and the splat, named "splat", of a pattern matched. Names are of the
 * pattern's text, values of the path. */
struct pattern_captures {
    struct {
        struct slice name;
        struct slice value;
    } items[PATTERN_CAPTURES_MAX];
    size_t count;
};

/* Reads "/a/:b"; a slash at its end makes no difference. `pattern` borrows from `text`. Returns
 * RULES_OK, or what is wrong. */
enum rules_mistake pattern_parse(struct slice text, struct pattern *pattern);

/* Whether it matches a path that is decoded and normalised, as in struct target. A splat that is
 * the last segment matches without the slash before it, too: a pattern of "/a/" and a splat matches
 * "a". A splat never matches a segment "." or "..", which could be left over where it shares a
 * segment with other text. On success `captures` borrows from both. */
bool pattern_match(const struct pattern *pattern, struct slice path,
                   struct pattern_captures *captures);

/* Whether it has a placeholder of that name, or a splat for "splat". */
bool pattern_has(const struct pattern *pattern, struct slice name);

/* Whether it stands for one path only. */
bool pattern_is_literal(const struct pattern *pattern);

/* Whether what the splat matches ends where the path does. */
bool pattern_is_open(const struct pattern *pattern);

/* Sets `value` to what the placeholder, or the splat, matched; false where none has that name. */
bool pattern_value(const struct pattern_captures *captures, struct slice name, struct slice *value);

/* Takes text up to the next placeholder off a template, and the placeholder with it; `name` is
 * SLICE_NONE behind the last one. Returns false at the end. */
bool pattern_template_next(struct slice *rest, struct slice *literal, struct slice *name);
