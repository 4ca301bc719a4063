/* A rule is judged when it is read, so that what is written from it later needs no second look. Of
 * a target's literal text, all that is not of a URI is percent-encoded when it is written, and so
 * is what was captured, each for the part of the URI that it goes to. */
#include "http/redirects.h"

#include "base/ascii.h"
#include "base/number.h"
#include "http/authority.h"
#include "http/method.h"
#include "http/uri.h"

/* The first one is the default. */
static const enum status statuses[] = {
    STATUS_MOVED_PERMANENTLY,  STATUS_FOUND, STATUS_SEE_OTHER, STATUS_TEMPORARY_REDIRECT,
    STATUS_PERMANENT_REDIRECT, STATUS_OK,    STATUS_NOT_FOUND,
};

bool redirect_is_rewrite(const struct redirect *rule) {
    return rule->status == STATUS_OK || rule->status == STATUS_NOT_FOUND;
}

bool redirect_is_constant(const struct redirect *rule) {
    struct slice rest = rule->to;
    struct slice literal;
    struct slice name = SLICE_NONE;
    (void)pattern_template_next(&rest, &literal, &name);
    return name.ptr == NULL;
}

/* Targets of rules */

/* The parts of "origin/path?query#fragment"; query and fragment without the character before them,
 * SLICE_NONE where they are not there. */
struct parts {
    struct slice origin; /* "https://host"; empty for a path on this host */
    struct slice path;
    struct slice query;
    struct slice fragment;
};

/* Bytes of "http://" or "https://" at the start, or 0. */
static size_t scheme_len(struct slice text) {
    static const struct slice schemes[] = {SLICE_INIT("http://"), SLICE_INIT("https://")};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t len = schemes[i].len;
        if (text.len >= len && slice_equal_nocase(slice_of(text.ptr, len), schemes[i]))
            return len;
    }
    return 0;
}

static size_t origin_len(struct slice text) {
    size_t len = scheme_len(text);
    while (len > 0 && len < text.len && text.ptr[len] != '/' && text.ptr[len] != '?' &&
           text.ptr[len] != '#')
        len++;
    return len;
}

static struct parts split(struct slice to) {
    struct parts parts = {.origin = slice_of(to.ptr, origin_len(to))};
    struct slice fragment = slice_after(to, parts.origin.len);
    struct slice query = SLICE_NONE;
    (void)slice_cut(&fragment, '#', &query);
    (void)slice_cut(&query, '?', &parts.path);
    parts.query = query;
    parts.fragment = fragment;
    return parts;
}

/* Reading */

/* Takes the next word off a line; false at its end, which a word that starts with '#' is, too. */
static bool next_word(struct slice *rest, struct slice *word) {
    size_t len = 0;
    *rest = slice_trim(*rest);
    if (rest->len == 0 || rest->ptr[0] == '#')
        return false;
    while (len < rest->len && !ascii_is_blank(rest->ptr[len]))
        len++;
    *word = slice_of(rest->ptr, len);
    *rest = slice_after(*rest, len);
    return true;
}

static bool is_condition(struct slice word) {
    return slice_find(word, '=') < word.len;
}

static enum rules_mistake judge_escapes(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '%' && uri_escaped_byte(slice_after(text, i)) < 0)
            return RULES_BAD_ESCAPE;
    }
    return RULES_OK;
}

/* Each placeholder has to be one of the pattern's; `part` is set to one that is not. */
static enum rules_mistake judge_names(const struct redirect *rule, struct slice *part) {
    struct slice rest = slice_after(rule->to, origin_len(rule->to));
    struct slice literal;
    struct slice name;
    while (pattern_template_next(&rest, &literal, &name)) {
        if (name.ptr == NULL || pattern_has(&rule->from, name))
            continue;
        *part = slice_of(name.ptr - 1, name.len + 1);
        return RULES_UNKNOWN_NAME;
    }
    return RULES_OK;
}

/* Whether whoever follows the rule to `path` comes to the rule again. Only where that is certain: a
 * rule with a placeholder may lead to a file, and so does not apply there. */
static bool is_loop(const struct redirect *rule, struct slice path) {
    struct pattern_captures captures;
    bool certain = redirect_is_constant(rule) && (rule->force || pattern_is_literal(&rule->from));
    return certain && !redirect_is_rewrite(rule) && pattern_match(&rule->from, path, &captures);
}

/* As if somebody had asked for it, its placeholders taken for names. */
static enum rules_mistake judge_path(const struct redirect *rule, const struct parts *parts) {
    char memory[RULES_LINE_MAX];
    struct buf path = BUF_INIT(memory, sizeof memory);
    struct target target;
    switch (target_parse(METHOD_GET, parts->path, &path, &target)) {
    case TARGET_PATH:
        return is_loop(rule, target.path) ? RULES_LOOP : RULES_OK;
    case TARGET_ABSENT:
        return RULES_NO_NAME;
    case TARGET_ASTERISK:
    case TARGET_AUTHORITY:
    case TARGET_ABOVE:
    case TARGET_BAD:
        break;
    }
    return RULES_TARGET_PATH;
}

static enum rules_mistake judge_origin(const struct redirect *rule, struct slice origin) {
    struct slice authority = slice_after(origin, scheme_len(origin));
    if (authority.len == 0 || authority.ptr[0] == ':' || !authority_is_valid(authority))
        return RULES_TARGET_HOST;
    return redirect_is_rewrite(rule) ? RULES_PROXY : RULES_OK;
}

/* Whether it is a target at all, whatever stands behind it. */
static enum rules_mistake judge_form(struct slice to) {
    if (scheme_len(to) > 0)
        return RULES_OK;
    if (to.ptr[0] != '/')
        return is_condition(to) ? RULES_QUERY_CONDITION : RULES_BAD_TARGET;
    if (to.len > 1 && (to.ptr[1] == '/' || to.ptr[1] == '\\'))
        return RULES_TARGET_SLASHES;
    return RULES_OK;
}

static enum rules_mistake judge_target(const struct redirect *rule) {
    const struct parts parts = split(rule->to);
    if (parts.origin.len > 0)
        return judge_origin(rule, parts.origin);
    if (redirect_is_rewrite(rule) && (parts.query.ptr != NULL || parts.fragment.ptr != NULL))
        return RULES_REWRITE_QUERY;
    return judge_path(rule, &parts);
}

/* Reads "301" or "301!". */
static enum rules_mistake parse_status(struct slice word, struct redirect *rule) {
    struct slice digits = word;
    uint64_t code = 0;
    if (word.ptr[word.len - 1] == '!')
        digits.len--;
    if (digits.len == 3)
        (void)number_parse(digits, 999, &code);
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (code == status_code(statuses[i])) {
            rule->status = statuses[i];
            rule->force = digits.len < word.len;
            return RULES_OK;
        }
    }
    return is_condition(word) ? RULES_CONDITION : RULES_BAD_STATUS;
}

/* Reads what may stand behind the target. */
static enum rules_mistake parse_rest(struct slice line, struct redirect *rule, struct slice *part) {
    enum rules_mistake mistake = RULES_OK;
    if (next_word(&line, part))
        mistake = parse_status(*part, rule);
    if (mistake == RULES_OK && next_word(&line, part))
        mistake = is_condition(*part) ? RULES_CONDITION : RULES_EXTRA;
    return mistake;
}

/* Reads "FROM TO STATUS"; `part` is set to what a mistake is about. */
static enum rules_mistake parse_rule(struct slice line, struct redirect *rule, struct slice *part) {
    (void)next_word(&line, part);
    enum rules_mistake mistake = pattern_parse(*part, &rule->from);
    if (mistake != RULES_OK)
        return mistake;
    if (!next_word(&line, &rule->to))
        return RULES_NO_TARGET;
    *part = rule->to;
    mistake = judge_form(rule->to);
    if (mistake == RULES_OK)
        mistake = parse_rest(line, rule, part);
    if (mistake != RULES_OK)
        return mistake;
    *part = rule->to;
    mistake = judge_target(rule);
    if (mistake == RULES_OK)
        mistake = judge_escapes(rule->to);
    return mistake == RULES_OK ? judge_names(rule, part) : mistake;
}

bool redirects_parse(struct slice text, struct redirects *redirects, struct rules_faults *faults) {
    const size_t faults_before = faults->count;
    struct rules_reader reader;
    struct slice line;
    redirects->count = 0;
    rules_start(&reader, text, faults);
    while (rules_next(&reader, &line)) {
        struct redirect rule = {.status = statuses[0], .line = reader.line};
        struct slice part = SLICE_NONE;
        enum rules_mistake mistake = parse_rule(line, &rule, &part);
        if (mistake == RULES_OK && redirects->count == RULES_REDIRECTS_MAX)
            mistake = RULES_MANY_REDIRECTS;
        if (mistake == RULES_OK)
            redirects->items[redirects->count++] = rule;
        else
            rules_fault_add(faults, reader.line, mistake, part);
        if (mistake == RULES_MANY_REDIRECTS)
            break; /* once is enough */
    }
    if (faults->count > faults_before)
        redirects->count = 0;
    return faults->count == faults_before;
}

/* Finding */

bool redirects_find(const struct redirects *redirects, const struct target *target,
                    bool file_exists, struct redirect_match *match) {
    for (size_t i = 0; i < redirects->count; i++) {
        const struct redirect *rule = &redirects->items[i];
        if ((file_exists && !rule->force) ||
            !pattern_match(&rule->from, target->path, &match->captures))
            continue;
        match->rule = rule;
        match->trailing_slash = target->trailing_slash;
        return true;
    }
    return false;
}

/* Writing */

/* What stays of a target's literal text: whatever has a meaning in a URI, and escapes. */
static bool is_literal_char(char c) {
    return uri_is_plain_char(c) || c == ':' || c == '@' || c == '/' || c == '?' || c == '%';
}

/* What stays of a capture in a query or a fragment, where sub-delims have meanings. */
static bool is_value_char(char c) {
    return uri_is_unreserved_char(c) || c == '/';
}

static bool is_visible_char(char c) {
    return c > ' ' && c < 0x7f;
}

/* Of repeated slashes in what was written since `start`, leaves one: "/:splat" with "/host" is no
 * reference to another host. */
static void merge_slashes(struct buf *buf, size_t start) {
    size_t len = start;
    for (size_t i = start; i < buf->len; i++) {
        if (buf->ptr[i] != '/' || len == start || buf->ptr[len - 1] != '/')
            buf->ptr[len++] = buf->ptr[i];
    }
    buf->len = len;
}

/* A splat that both ends the pattern and the target takes the path's slash at the end with it. */
static bool takes_slash(const struct redirect_match *match, struct slice name, struct slice value) {
    return match->trailing_slash && value.len > 0 && slice_equal(name, SLICE("splat")) &&
           pattern_is_open(&match->rule->from);
}

static void write_path(struct buf *buf, const struct redirect_match *match, struct slice path) {
    struct slice literal;
    struct slice name;
    while (pattern_template_next(&path, &literal, &name)) {
        struct slice value = SLICE_NONE;
        uri_write_encoded(buf, literal, is_literal_char);
        if (name.ptr == NULL || !pattern_value(&match->captures, name, &value))
            continue;
        target_write_encoded(buf, value);
        if (path.len == 0 && takes_slash(match, name, value))
            buf_put_char(buf, '/');
    }
}

static void write_part(struct buf *buf, const struct redirect_match *match, struct slice part) {
    struct slice literal;
    struct slice name;
    while (pattern_template_next(&part, &literal, &name)) {
        struct slice value = SLICE_NONE;
        uri_write_encoded(buf, literal, is_literal_char);
        if (name.ptr != NULL && pattern_value(&match->captures, name, &value))
            uri_write_encoded(buf, value, is_value_char);
    }
}

void redirect_add_query(struct buf *buf, struct slice location, struct slice query) {
    struct slice fragment = location;
    struct slice rest;
    (void)slice_cut(&fragment, '#', &rest);
    buf_put(buf, rest);
    if (query.ptr != NULL && slice_find(rest, '?') == rest.len) {
        buf_put_char(buf, '?');
        uri_write_encoded(buf, query, is_visible_char);
    }
    if (fragment.ptr != NULL) {
        buf_put_char(buf, '#');
        buf_put(buf, fragment);
    }
}

void redirect_write_location(struct buf *buf, const struct redirect_match *match,
                             struct slice query) {
    const struct parts parts = split(match->rule->to);
    buf_put(buf, parts.origin);
    const size_t start = buf->len;
    write_path(buf, match, parts.path);
    if (parts.origin.len == 0)
        merge_slashes(buf, start);
    if (parts.query.ptr != NULL || query.ptr != NULL)
        buf_put_char(buf, '?');
    if (parts.query.ptr != NULL)
        write_part(buf, match, parts.query);
    else
        uri_write_encoded(buf, query, is_visible_char);
    if (parts.fragment.ptr != NULL) {
        buf_put_char(buf, '#');
        write_part(buf, match, parts.fragment);
    }
}

enum target_outcome redirect_rewrite(const struct redirect_match *match, struct buf *raw,
                                     struct buf *path, struct target *target) {
    write_path(raw, match, match->rule->to);
    if (raw->overflow)
        return TARGET_BAD;
    return target_parse(METHOD_GET, buf_slice(raw), path, target);
}
