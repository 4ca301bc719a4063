#include "http/headers.h"

#include "support/guard.h"
#include "support/row.h"

#include <stdio.h>
#include <stdlib.h>

/* The rules of a text in guarded memory. */
struct file {
    char *text;
    size_t len;
    struct headers headers;
    struct rules_fault faults_memory[8];
    struct rules_faults faults;
    bool good;
};

static void file_read(struct file *file, struct slice text) {
    *file = (struct file){.text = guard_copy(text), .len = text.len};
    file->headers.rules = calloc(RULES_HEADERS_MAX, sizeof *file->headers.rules);
    file->headers.fields = calloc(RULES_FIELDS_MAX, sizeof *file->headers.fields);
    assert_non_null(file->headers.rules);
    assert_non_null(file->headers.fields);
    file->faults = (struct rules_faults)RULES_FAULTS_INIT(file->faults_memory, 8);
    file->good = headers_parse(slice_of(file->text, text.len), &file->headers, &file->faults);
}

static void file_discard(struct file *file) {
    guard_free(file->text, file->len);
    free(file->headers.rules);
    free(file->headers.fields);
}

/* One fault, in the line given, or none. */
static const struct {
    const char *text;
    unsigned line;
    enum rules_mistake mistake;
    const char *part;
} files[] = {
    {"", 0, RULES_OK, NULL},
    {"/a\n", 0, RULES_OK, NULL},
    {"/a\n  X: y\n", 0, RULES_OK, NULL},
    {"/a\n\tX:y", 0, RULES_OK, NULL},
    {"# all\n/*\n  # none\n\n  X: y # z\r\n  ! W\n", 0, RULES_OK, NULL},
    {"/a\n  x-Y_1.2~!#$%&'*+^`|: y\n", 0, RULES_OK, NULL},
    {"/a\n  X: a:b http://c:80 :d\n", 0, RULES_OK, NULL},
    {"/a\n  X: \xc3\xa9\n", 0, RULES_OK, NULL},
    {"/a\n  ! ETag\n  ! Last-Modified\n  !Accept-Ranges\n", 0, RULES_OK, NULL},
    {"/a\n  Content-Type: text/x\n  Cache-Control: no-store\n", 0, RULES_OK, NULL},

    {"/a?b\n  X: y\n", 1, RULES_QUERY, "/a?b"},
    {"/a/*/*\n  X: y\n", 1, RULES_SPLATS, "/a/*/*"},
    {"/a b\n  X: y\n", 1, RULES_BLANK, "/a b"},
    {"https://example.com/*\n  X: y\n", 1, RULES_HOST, "https://example.com/*"},
    {"/a\nX: y\n", 2, RULES_MARGIN, "X: y"},
    {"/a\nX: https://example.com\n", 2, RULES_MARGIN, "X: https://example.com"},
    {"  X: y\n/a\n", 1, RULES_NO_PATH, "X: y"},
    {"/a\n  X y\n", 2, RULES_NO_COLON, "X y"},
    {"/a\n  /b\n", 2, RULES_NO_COLON, "/b"},
    {"/a\n  : y\n", 2, RULES_BAD_NAME, ""},
    {"/a\n  X : y\n", 2, RULES_BAD_NAME, "X "},
    {"/a\n  X Y: y\n", 2, RULES_BAD_NAME, "X Y"},
    {"/a\n  X\xc3\xa9: y\n", 2, RULES_BAD_NAME, "X\xc3\xa9"},
    {"/a\n  !\n", 2, RULES_BAD_NAME, ""},
    {"/a\n  ! X: y\n", 2, RULES_BAD_NAME, "X: y"},
    {"/a\n  ! X Y\n", 2, RULES_BAD_NAME, "X Y"},
    {"/a\n  X:\n", 2, RULES_NO_VALUE, "X"},
    {"/a\n  X: \t\n", 2, RULES_NO_VALUE, "X"},
    {"/a\n  X: y\rSet-Cookie: z\n", 2, RULES_CONTROL, NULL},
    {"/a\n  Connection: close\n", 2, RULES_FRAMING, "Connection"},
    {"/a\n  content-encoding: gzip\n", 2, RULES_FRAMING, "content-encoding"},
    {"/a\n  CONTENT-LENGTH: 1\n", 2, RULES_FRAMING, "CONTENT-LENGTH"},
    {"/a\n  Content-Range: bytes 0-1/2\n", 2, RULES_FRAMING, "Content-Range"},
    {"/a\n  Date: now\n", 2, RULES_FRAMING, "Date"},
    {"/a\n  Keep-Alive: timeout=5\n", 2, RULES_FRAMING, "Keep-Alive"},
    {"/a\n  Server: x\n", 2, RULES_FRAMING, "Server"},
    {"/a\n  ! server\n", 2, RULES_FRAMING, "server"},
    {"/a\n  TE: trailers\n", 2, RULES_FRAMING, "TE"},
    {"/a\n  Trailer: X\n", 2, RULES_FRAMING, "Trailer"},
    {"/a\n  Transfer-Encoding: chunked\n", 2, RULES_FRAMING, "Transfer-Encoding"},
    {"/a\n  Upgrade: h2c\n", 2, RULES_FRAMING, "Upgrade"},
    {"/a\n  ! Content-Length\n", 2, RULES_FRAMING, "Content-Length"},
    {"/a\n  ETag: \"x\"\n", 2, RULES_VALIDATOR, "ETag"},
    {"/a\n  Last-Modified: x\n", 2, RULES_VALIDATOR, "Last-Modified"},
    {"/a\n  Accept-Ranges: none\n", 2, RULES_VALIDATOR, "Accept-Ranges"},
    {"/a\n  Location: /b\n", 2, RULES_LOCATION, "Location"},
    {"/a\n  Basic-Auth: me:secret\n", 2, RULES_PASSWORD, "Basic-Auth"},
};

static void test_files(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(files); i++) {
        struct file file;
        file_read(&file, slice_of_text(files[i].text));
        const struct rules_fault *fault = &file.faults_memory[0];
        row_assert_number(files[i].text, file.good, files[i].mistake == RULES_OK);
        row_assert_number(files[i].text, file.faults.count, files[i].mistake != RULES_OK);
        row_assert_number(files[i].text, fault->mistake, files[i].mistake);
        row_assert_number(files[i].text, fault->line, files[i].line);
        row_assert_slice(files[i].text, fault->part,
                         files[i].part != NULL ? slice_of_text(files[i].part) : SLICE_NONE);
        file_discard(&file);
    }
}

/* All mistakes are told, and no rule is taken. Fields of a path that is wrong are read as others.
 */
static void test_a_file_with_mistakes(void **state) {
    (void)state;
    struct file file;
    file_read(&file, SLICE("/a?b\n  X: y\n  Z\n/c\n  W: v\n  Date: u\n"));
    assert_false(file.good);
    assert_int_equal(file.headers.rules_count, 0);
    assert_int_equal(file.headers.fields_count, 0);
    assert_int_equal(file.faults.count, 3);
    assert_int_equal(file.faults_memory[0].line, 1);
    assert_int_equal(file.faults_memory[1].line, 3);
    assert_int_equal(file.faults_memory[2].line, 6);
    file_discard(&file);
}

static char *repeat(const char *first, const char *line, size_t count, size_t *len) {
    char *text = NULL;
    FILE *stream = open_memstream(&text, len);
    assert_non_null(stream);
    (void)fprintf(stream, "%s", first);
    for (size_t i = 0; i < count; i++)
        (void)fprintf(stream, "%s", line);
    (void)fclose(stream);
    return text;
}

static void test_the_most_rules_and_fields(void **state) {
    (void)state;
    static const struct {
        const char *first;
        const char *line;
        size_t count;
        enum rules_mistake mistake;
    } rows[] = {
        {"", "/a\n", RULES_HEADERS_MAX, RULES_OK},
        {"", "/a\n", RULES_HEADERS_MAX + 1, RULES_MANY_HEADERS},
        {"", "/a\n", RULES_HEADERS_MAX + 2, RULES_MANY_HEADERS},
        {"/a\n", " X: y\n", RULES_FIELDS_MAX, RULES_OK},
        {"/a\n", " X: y\n", RULES_FIELDS_MAX + 1, RULES_FIELDS},
        {"/a\n", " X: y\n", RULES_FIELDS_MAX + 2, RULES_FIELDS},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const char *name = row_at(rows[i].line, rows[i].count);
        size_t len;
        char *text = repeat(rows[i].first, rows[i].line, rows[i].count, &len);
        struct file file;
        file_read(&file, slice_of(text, len));
        row_assert_number(name, file.good, rows[i].mistake == RULES_OK);
        row_assert_number(name, file.faults.count, rows[i].mistake != RULES_OK);
        row_assert_number(name, file.faults_memory[0].mistake, rows[i].mistake);
        file_discard(&file);
        free(text);
    }
}

/* What the rules say of a path, and what is written of it. */
struct applied {
    struct headers_change items[32];
    char memory[512];
    struct headers_changes changes;
};

static void apply(const struct file *file, const char *path, struct applied *applied) {
    applied->changes = (struct headers_changes){
        .items = applied->items,
        .capacity = ROWS_COUNT(applied->items),
        .values = BUF_INIT(applied->memory, sizeof applied->memory),
    };
    assert_true(headers_apply(&file->headers, slice_of_text(path), &applied->changes));
}

static const struct {
    const char *name;
    const char *text;
    const char *path;
    const char *want;
} written_rows[] = {
    {"no rule", "/a\n X: y\n", "b", ""},
    {"a rule", "/a\n X: y\n Z: w\n", "a", "X: y\r\nZ: w\r\n"},
    {"a rule without fields", "/a\n", "a", ""},
    {"the file's order", "/*\n B: 1\n/a\n A: 2\n", "a", "B: 1\r\nA: 2\r\n"},
    {"every rule that matches", "/*\n A: 1\n/b\n B: 2\n/:x\n C: 3\n", "a", "A: 1\r\nC: 3\r\n"},
    {"a field of two rules", "/*\n A: 1\n B: 2\n/a\n A: 3\n", "a", "A: 1, 3\r\nB: 2\r\n"},
    {"a field twice in a rule", "/a\n Cache-Control: a\n Cache-Control: b\n", "a",
     "Cache-Control: a, b\r\n"},
    {"names have no case", "/a\n aB: 1\n Ab: 2\n", "a", "aB: 1, 2\r\n"},
    {"cookies", "/*\n Set-Cookie: a=1\n X: y\n/a\n set-cookie: b=2\n", "a",
     "Set-Cookie: a=1\r\nX: y\r\nset-cookie: b=2\r\n"},
    {"removed", "/*\n A: 1\n B: 2\n/a\n ! A\n", "a", "B: 2\r\n"},
    {"removed in another case", "/*\n Aa: 1\n/a\n !aA\n", "a", ""},
    {"not removed elsewhere", "/*\n A: 1\n/b\n ! A\n", "a", "A: 1\r\n"},
    {"removed, and set again", "/*\n A: 1\n/a\n ! A\n A: 2\n", "a", "A: 2\r\n"},
    {"removed by a later rule than it is set by", "/a\n ! A\n/*\n A: 1\n", "a", "A: 1\r\n"},
    {"set, removed, set, removed", "/a\n A: 1\n ! A\n A: 2\n ! A\n", "a", ""},
    {"cookies, removed", "/*\n Set-Cookie: a\n Set-Cookie: b\n/a\n ! set-cookie\n", "a", ""},

    {"a placeholder", "/movies/:title\n X: You see \":title\"\n", "movies/up",
     "X: You see \"up\"\r\n"},
    {"a splat", "/a/*\n Link: </b/:splat>; rel=canonical\n", "a/c/d",
     "Link: </b/c/d>; rel=canonical\r\n"},
    {"a splat of nothing", "/a/*\n X: :splat\n", "a", "X: \r\n"},
    {"what is no placeholder of the path", "/:a\n X: :b :a: https://c:80 d:e :splat\n", "x",
     "X: :b x: https://c:80 d:e :splat\r\n"},
    {"without placeholders in the path", "/a\n X: :a :splat\n", "a", "X: :a :splat\r\n"},
    {"a star in a value", "/*\n Access-Control-Allow-Origin: *\n", "a",
     "Access-Control-Allow-Origin: *\r\n"},
    {"no new lines", "/*\n X: :splat\n", "a\r\nSet-Cookie: b", "X: a%0D%0ASet-Cookie%3A%20b\r\n"},
    {"nothing with a meaning", "/*\n X: :splat\n", "a,b;c=\"d\"(e)%\xff",
     "X: a%2Cb%3Bc%3D%22d%22%28e%29%25%FF\r\n"},
    {"a capture is not looked at again", "/:a/*\n X: :a\n", ":splat/b", "X: %3Asplat\r\n"},
};

static void test_what_is_written(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(written_rows); i++) {
        struct file file;
        struct applied applied;
        char memory[256];
        struct buf buf = BUF_INIT(memory, sizeof memory);
        file_read(&file, slice_of_text(written_rows[i].text));
        row_assert(written_rows[i].name, file.good);
        apply(&file, written_rows[i].path, &applied);
        headers_write(&applied.changes, &buf);
        row_assert_slice(written_rows[i].name, buf_slice(&buf),
                         slice_of_text(written_rows[i].want));
        file_discard(&file);
    }
}

/* What becomes of Cache-Control, and what is left then. */
static void test_what_is_taken(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum headers_verdict verdict;
        const char *value;
        const char *rest;
    } rows[] = {
        {"/a\n X: y\n", HEADERS_UNTOUCHED, "", "X: y\r\n"},
        {"/a\n X: y\n cache-control: b\n", HEADERS_REPLACED, "b", "X: y\r\n"},
        {"/*\n Cache-Control: b\n/a\n Cache-Control: c\n", HEADERS_REPLACED, "b, c", ""},
        {"/a\n ! Cache-Control\n X: y\n", HEADERS_REMOVED, "", "X: y\r\n"},
        {"/*\n Cache-Control: b\n/a\n ! Cache-Control\n", HEADERS_REMOVED, "", ""},
        {"/*\n ! Cache-Control\n/a\n Cache-Control: b\n", HEADERS_REPLACED, "b", ""},
        {"/a\n ! Cache-Control\n ! Cache-Control\n", HEADERS_REMOVED, "", ""},
        {"/b\n ! Cache-Control\n", HEADERS_UNTOUCHED, "", ""},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct file file;
        struct applied applied;
        char memory[2][64];
        struct buf value = BUF_INIT(memory[0], sizeof memory[0]);
        struct buf rest = BUF_INIT(memory[1], sizeof memory[1]);
        file_read(&file, slice_of_text(rows[i].text));
        apply(&file, "a", &applied);
        row_assert_number(rows[i].text, headers_judge(&applied.changes, SLICE("Cache-Control")),
                          rows[i].verdict);
        row_assert_number(rows[i].text,
                          headers_take(&applied.changes, SLICE("Cache-Control"), &value),
                          rows[i].verdict);
        row_assert_slice(rows[i].text, buf_slice(&value), slice_of_text(rows[i].value));
        row_assert_number(rows[i].text, headers_judge(&applied.changes, SLICE("Cache-Control")),
                          HEADERS_UNTOUCHED);
        headers_write(&applied.changes, &rest);
        row_assert_slice(rows[i].text, buf_slice(&rest), slice_of_text(rows[i].rest));
        file_discard(&file);
    }
}

/* Each change says where it is from, also one that was undone. */
static void test_changes_know_their_lines(void **state) {
    (void)state;
    struct file file;
    struct applied applied;
    file_read(&file, SLICE("# x\n/*\n  A: 1\n\n/a\n  ! A\n  B: 2\n"));
    apply(&file, "a", &applied);
    const struct headers_change *changes = applied.items;
    assert_int_equal(applied.changes.count, 3);
    assert_int_equal(changes[0].rule->line, 2);
    assert_int_equal(changes[0].field->line, 3);
    assert_int_equal(changes[0].state, HEADERS_UNDONE);
    assert_int_equal(changes[1].rule->line, 5);
    assert_int_equal(changes[1].field->line, 6);
    assert_null(changes[1].value.ptr);
    assert_int_equal(changes[2].field->line, 7);
    assert_int_equal(changes[2].state, HEADERS_STANDS);
    file_discard(&file);
}

static void test_too_little_room(void **state) {
    (void)state;
    struct file file;
    struct applied applied;
    file_read(&file, SLICE("/*\n  A: 1\n  B: :splat-\n"));
    apply(&file, "xyz", &applied);
    applied.changes.values.capacity = 4;
    assert_true(headers_apply(&file.headers, SLICE("xyz"), &applied.changes));
    applied.changes.values.capacity = 3;
    assert_false(headers_apply(&file.headers, SLICE("xyz"), &applied.changes));
    assert_true(headers_apply(&file.headers, SLICE("xy"), &applied.changes));
    applied.changes.capacity = 1;
    assert_false(headers_apply(&file.headers, SLICE("xy"), &applied.changes));
    applied.changes.capacity = 2;
    assert_true(headers_apply(&file.headers, SLICE("xy"), &applied.changes));
    file_discard(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_a_file_with_mistakes),
        cmocka_unit_test(test_the_most_rules_and_fields),
        cmocka_unit_test(test_what_is_written),
        cmocka_unit_test(test_what_is_taken),
        cmocka_unit_test(test_changes_know_their_lines),
        cmocka_unit_test(test_too_little_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
