/* Files of rules. Input: 'r' for _redirects or 'h' for _headers, the target of a request, a line
 * end, and the file. */
#include "http/rules.h"

#include "base/ascii.h"
#include "fuzz/fuzz.h"
#include "http/field.h"
#include "http/headers.h"
#include "http/pattern.h"
#include "http/redirects.h"
#include "http/target.h"

#include <stdbool.h>

enum { FAULTS_MAX = 8, CHANGES_MAX = 64, ROOM = 8192 };

/* What a request's target names, in memory of its own. */
struct request {
    struct slice raw;
    char *memory;
    struct target target;
};

static bool request_init(struct request *request, struct slice raw) {
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] <= ' ' || raw.ptr[i] >= 0x7f)
            return false;
    }
    request->raw = fuzz_copy(raw);
    request->memory = malloc(raw.len + 1);
    CHECK(request->memory != NULL);
    struct buf path = BUF_INIT(request->memory, raw.len);
    return target_parse(METHOD_GET, request->raw, &path, &request->target) == TARGET_PATH;
}

static void request_deinit(struct request *request) {
    if (request->memory == NULL)
        return;
    fuzz_free(request->raw);
    free(request->memory);
}

static void check_faults(const struct rules_faults *faults, struct slice text, bool good) {
    CHECK(good == (faults->count == 0));
    for (size_t i = 0; i < faults->count && i < faults->capacity; i++) {
        const struct rules_fault *fault = &faults->items[i];
        char memory[512];
        struct buf buf = BUF_INIT(memory, sizeof memory);
        CHECK(fault->line > 0 || fault->mistake == RULES_TEXT_TOO_LARGE);
        CHECK(i == 0 || fault->line >= faults->items[i - 1].line);
        CHECK(fault->part.ptr == NULL || fuzz_is_within(fault->part, text));
        rules_fault_write(&buf, fault);
        CHECK(!buf.overflow);
        for (size_t j = 0; j < buf.len; j++)
            CHECK(buf.ptr[j] >= ' ' && buf.ptr[j] < 0x7f);
    }
}

/* Another matcher, which tries everything. */

static bool is_name_char(char c) {
    return ascii_is_alpha(c) || ascii_is_digit(c) || c == '_';
}

static bool has_dots(struct slice path) {
    struct slice segment;
    while (slice_cut(&path, '/', &segment)) {
        if (slice_equal(segment, SLICE(".")) || slice_equal(segment, SLICE("..")))
            return true;
    }
    return false;
}

static bool may_match(struct slice text, struct slice path);

static bool splat_may_match(struct slice text, struct slice path) {
    for (size_t len = 0; len <= path.len; len++) {
        if (!has_dots(slice_of(path.ptr, len)) &&
            may_match(slice_after(text, 1), slice_after(path, len)))
            return true;
    }
    return false;
}

static bool may_match(struct slice text, struct slice path) {
    if (text.len == 0)
        return path.len == 0;
    if (path.len == 0 && slice_equal(text, SLICE("/*")))
        return true;
    if (text.ptr[0] == '*')
        return splat_may_match(text, path);
    if (text.len > 1 && text.ptr[0] == ':' && ascii_is_alpha(text.ptr[1])) {
        size_t segment = slice_find(path, '/');
        size_t len = 1;
        while (len < text.len && is_name_char(text.ptr[len]))
            len++;
        return segment > 0 && may_match(slice_after(text, len), slice_after(path, segment));
    }
    bool escaped = text.ptr[0] == '%';
    char c = text.ptr[0];
    if (escaped)
        c = (char)(ascii_hex_value(text.ptr[1]) << 4 | ascii_hex_value(text.ptr[2]));
    return path.len > 0 && path.ptr[0] == c &&
           may_match(slice_after(text, escaped ? 3 : 1), slice_after(path, 1));
}

static void check_match(const struct pattern *pattern, struct slice path) {
    struct pattern_captures captures;
    bool matches = pattern_match(pattern, path, &captures);
    CHECK(matches == may_match(pattern->text, path));
    for (size_t i = 0; matches && i < captures.count; i++) {
        CHECK(pattern_has(pattern, captures.items[i].name));
        CHECK(fuzz_is_within(captures.items[i].value, path));
        CHECK(!has_dots(captures.items[i].value));
    }
}

/* Redirects */

/* It stays on this host, or goes to the one that the file names. */
static void check_location(struct slice location, struct slice to) {
    for (size_t i = 0; i < location.len; i++)
        CHECK(location.ptr[i] > ' ' && location.ptr[i] < 0x7f);
    CHECK(location.len > 0);
    if (to.ptr[0] == '/') {
        CHECK(location.ptr[0] == '/');
        CHECK(location.len == 1 || (location.ptr[1] != '/' && location.ptr[1] != '\\'));
        return;
    }
    size_t len = slice_find(to, '/') + 2;
    while (len < to.len && to.ptr[len] != '/' && to.ptr[len] != '?' && to.ptr[len] != '#')
        len++;
    CHECK(slice_starts_with(location, slice_of(to.ptr, len)));
    CHECK(location.len == len || location.ptr[len] == '/' || location.ptr[len] == '?' ||
          location.ptr[len] == '#');
}

/* Each segment is a name that the file system could have. */
static void check_rewritten(struct slice path) {
    struct slice segment;
    CHECK(slice_find(path, '\0') == path.len);
    CHECK(!has_dots(path));
    while (path.len > 0 && slice_cut(&path, '/', &segment))
        CHECK(segment.len > 0);
}

static void check_redirect(const struct redirect_match *match, struct slice query) {
    char memory[2][ROOM];
    struct buf raw = BUF_INIT(memory[0], ROOM);
    struct buf path = BUF_INIT(memory[1], ROOM);
    struct target target;
    if (!redirect_is_rewrite(match->rule)) {
        redirect_write_location(&raw, match, query);
        check_location(buf_slice(&raw), match->rule->to);
        return;
    }
    enum target_outcome outcome = redirect_rewrite(match, &raw, &path, &target);
    CHECK(outcome == TARGET_PATH || outcome == TARGET_ABOVE || outcome == TARGET_BAD);
    if (outcome == TARGET_PATH)
        check_rewritten(target.path);
}

static void check_redirects(const struct target *target, struct slice text) {
    static struct redirect items[RULES_REDIRECTS_MAX];
    struct redirects redirects = REDIRECTS_INIT(items);
    struct rules_fault faults_memory[FAULTS_MAX];
    struct rules_faults faults = RULES_FAULTS_INIT(faults_memory, FAULTS_MAX);
    check_faults(&faults, text, redirects_parse(text, &redirects, &faults));
    for (size_t i = 0; i < redirects.count; i++) {
        struct redirects one = {&redirects.items[i], 1};
        struct redirect_match match;
        CHECK(fuzz_is_within(redirects.items[i].to, text));
        check_match(&redirects.items[i].from, target->path);
        if (redirects_find(&one, target, false, &match))
            check_redirect(&match, target->query);
        CHECK(!redirects_find(&one, target, true, &match) || redirects.items[i].force);
    }
}

/* Headers */

/* A field line: a token, a colon, a value. */
static void check_line(struct slice line) {
    size_t colon = slice_find(line, ':');
    CHECK(colon > 0 && colon < line.len);
    for (size_t i = 0; i < line.len; i++)
        CHECK(i < colon ? field_is_token_char(line.ptr[i]) : field_is_value_char(line.ptr[i]));
}

static void check_lines(struct slice lines) {
    while (lines.len > 0) {
        size_t end = slice_find(lines, '\r');
        CHECK(end + 1 < lines.len && lines.ptr[end + 1] == '\n');
        check_line(slice_of(lines.ptr, end));
        lines = slice_after(lines, end + 2);
    }
}

static void check_written(struct headers_changes *changes) {
    char memory[2][4 * ROOM];
    struct buf value = BUF_INIT(memory[0], sizeof memory[0]);
    struct buf lines = BUF_INIT(memory[1], sizeof memory[1]);
    enum headers_verdict verdict = headers_take(changes, SLICE("Cache-Control"), &value);
    CHECK(verdict == HEADERS_REPLACED || value.len == 0);
    for (size_t i = 0; i < value.len; i++)
        CHECK(field_is_value_char(value.ptr[i]));
    headers_write(changes, &lines);
    CHECK(!lines.overflow && !value.overflow);
    check_lines(buf_slice(&lines));
    for (size_t i = 0; i < changes->count; i++)
        CHECK(changes->items[i].state != HEADERS_STANDS || changes->items[i].value.ptr == NULL);
}

static void check_headers(const struct target *target, struct slice text) {
    static struct headers_rule rules[RULES_HEADERS_MAX];
    static struct headers_field fields[RULES_FIELDS_MAX];
    struct headers headers = HEADERS_INIT(rules, fields);
    struct rules_fault faults_memory[FAULTS_MAX];
    struct rules_faults faults = RULES_FAULTS_INIT(faults_memory, FAULTS_MAX);
    struct headers_change changes_memory[CHANGES_MAX];
    char values[ROOM];
    struct headers_changes changes = {
        .items = changes_memory, .capacity = CHANGES_MAX, .values = BUF_INIT(values, ROOM)};
    check_faults(&faults, text, headers_parse(text, &headers, &faults));
    for (size_t i = 0; i < headers.rules_count; i++)
        check_match(&headers.rules[i].path, target->path);
    if (headers_apply(&headers, target->path, &changes))
        check_written(&changes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice rest = slice_of((const char *)data, size);
    struct slice raw;
    struct request request = {.memory = NULL};
    if (size == 0 || !slice_cut(&rest, '\n', &raw) || raw.len == 0)
        return 0;
    struct slice text = fuzz_copy(rest);
    if (request_init(&request, slice_after(raw, 1))) {
        if (raw.ptr[0] == 'r')
            check_redirects(&request.target, text);
        else
            check_headers(&request.target, text);
    }
    request_deinit(&request);
    fuzz_free(text);
    return 0;
}
