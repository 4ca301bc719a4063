/* Request targets. Input: a method, a space, and the target. */
#include "http/target.h"

#include "fuzz/fuzz.h"
#include "http/request.h"

/* Each segment is a name that the file system could have, and none of those that mean another
 * directory. */
static void check_path(struct slice path) {
    struct slice rest = path;
    struct slice segment;
    CHECK(slice_find(path, '\0') == path.len);
    if (path.len == 0)
        return;
    while (slice_cut(&rest, '/', &segment)) {
        CHECK(segment.len > 0);
        CHECK(!slice_equal(segment, SLICE(".")));
        CHECK(!slice_equal(segment, SLICE("..")));
    }
}

/* Fails unless `written`, sent by a client that follows the redirect, names the directory that it
 * was written for. */
static void check_names(struct slice written, const struct target *meant) {
    struct slice copy = fuzz_copy(written);
    char *memory = malloc(copy.len);
    struct buf path = BUF_INIT(memory, copy.len);
    struct target target;
    CHECK(memory != NULL);
    CHECK(target_parse(METHOD_GET, copy, &path, &target) == TARGET_PATH);
    CHECK(slice_equal(target.path, meant->path));
    CHECK((target.query.ptr == NULL) == (meant->query.ptr == NULL));
    CHECK(slice_equal(target.query, meant->query));
    CHECK(target.trailing_slash);
    free(memory);
    fuzz_free(copy);
}

static void check_directory(const struct target *target) {
    size_t capacity = 3 * target->path.len + target->query.len + 3;
    char *memory = malloc(capacity);
    struct buf buf = BUF_INIT(memory, capacity);
    CHECK(memory != NULL);
    target_write_directory(&buf, target);
    CHECK(!buf.overflow);
    CHECK(buf.len > 0 && buf.ptr[0] == '/');
    /* "//host" and, to a browser, "/\host" are on another host. */
    CHECK(buf.len == 1 || (buf.ptr[1] != '/' && buf.ptr[1] != '\\'));
    for (size_t i = 0; i < buf.len; i++)
        CHECK(buf.ptr[i] > ' ' && buf.ptr[i] < 0x7f);
    check_names(buf_slice(&buf), target);
    free(memory);
}

static void check_parsed(enum method method, enum target_outcome outcome, struct slice raw,
                         const struct target *target) {
    switch (outcome) {
    case TARGET_PATH:
        check_path(target->path);
        check_directory(target);
        break;
    case TARGET_ABSENT:
        check_path(target->path);
        break;
    case TARGET_ASTERISK:
        CHECK(method == METHOD_OPTIONS);
        break;
    case TARGET_AUTHORITY:
        CHECK(method == METHOD_CONNECT);
        break;
    case TARGET_ABOVE:
    case TARGET_BAD:
        return;
    }
    CHECK(target->path.len <= raw.len);
    CHECK(target->query.ptr == NULL || fuzz_is_within(target->query, raw));
    CHECK(target->authority.ptr == NULL || fuzz_is_within(target->authority, raw));
    CHECK(target->path.len > 0 || target->trailing_slash);
}

/* What the request parser takes for a target. */
static bool is_taken(struct slice raw) {
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] <= ' ' || raw.ptr[i] >= 0x7f)
            return false;
    }
    return raw.len > 0 && raw.len <= REQUEST_TARGET_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice rest = slice_of((const char *)data, size);
    struct slice name;
    (void)slice_cut(&rest, ' ', &name);
    if (!is_taken(rest))
        return 0;
    struct slice raw = fuzz_copy(rest);
    char *memory = malloc(raw.len);
    struct buf path = BUF_INIT(memory, raw.len);
    struct target target;
    CHECK(memory != NULL);
    enum method method = method_parse(name);
    enum target_outcome outcome = target_parse(method, raw, &path, &target);
    CHECK(!path.overflow);
    check_parsed(method, outcome, raw, &target);
    free(memory);
    fuzz_free(raw);
    return 0;
}
