#include "http/escape.h"

#include "http/target.h"
#include "support/guard.h"
#include "support/nasty_names.h"
#include "support/row.h"

typedef void escaper(struct buf *buf, struct slice text);

/* Escapes from and into memory that ends at a guard page, into as much room as is promised to do.
 */
static struct buf escape_text(escaper *escape, size_t growth, struct slice text) {
    char *copy = guard_copy(text);
    size_t room = growth * text.len;
    struct buf buf = BUF_INIT(guard_room(room), room);
    escape(&buf, slice_of(copy, text.len));
    guard_free(copy, text.len);
    return buf;
}

struct row {
    const char *name;
    const char *text;
    const char *escaped;
};

static void check(escaper *escape, size_t growth, const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct buf buf = escape_text(escape, growth, slice_of_text(rows[i].text));
        row_assert(rows[i].name, !buf.overflow);
        row_assert_slice(rows[i].name, buf_slice(&buf), slice_of_text(rows[i].escaped));
        guard_free(buf.ptr, buf.capacity);
    }
}

#define BAD "\xef\xbf\xbd"

static void test_html(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"nothing", "", ""},
        {"plain", "a file.txt", "a file.txt"},
        {"all that means something", "<a b=\"c\" d='e'>&",
         "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;"},
        {"a reference", "&lt;", "&amp;lt;"},
        {"control characters", "\x01\n\t\x1b\x1f\x7f", "␁␊␉␛␟␡"},
        {"C1", "a\xc2\x80\xc2\x9f\xc2\xa0", "a" BAD BAD "\xc2\xa0"},
        {"two, three, four bytes", "é日📞", "é日📞"},
        {"the first and the last of each length",
         "\x7e\xc2\xa0\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
         "\x7e\xc2\xa0\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
        {"around the surrogates", "\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"},
        {"surrogates", "\xed\xa0\x80", BAD BAD BAD},
        {"a continuation alone", "a\x80<", "a" BAD "&lt;"},
        {"cut off", "\xe2\x82", BAD BAD},
        {"cut off by what means something", "\xf0\x9f\x93<", BAD BAD BAD "&lt;"},
        {"overlong", "\xc0\xbc\xe0\x80\xbc\xf0\x80\x80\xbc", BAD BAD BAD BAD BAD BAD BAD BAD BAD},
        {"too large", "\xf4\x90\x80\x80", BAD BAD BAD BAD},
        {"no lead", "\xff\xfe\xf8", BAD BAD BAD},
    };
    check(escape_html, ESCAPE_HTML_MAX, rows, ROWS_COUNT(rows));
}

static void test_rfc8259_7_json(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"nothing", "", ""},
        {"plain", "a/b <c> 'd' &", "a/b <c> 'd' &"},
        {"quote and backslash", "\"a\\b\"", "\\\"a\\\\b\\\""},
        {"control characters", "\x01\n\t\x1f\x7f", "\\u0001\\u000a\\u0009\\u001f\x7f"},
        {"beyond ASCII", "é日📞", "é日📞"},
        {"no UTF-8", "a\xff\xc3", "a" BAD BAD},
    };
    check(escape_json, ESCAPE_JSON_MAX, rows, ROWS_COUNT(rows));
}

static void test_line(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"nothing", "", ""},
        {"plain", "a file.txt", "a file.txt"},
        {"backslash", "a\\x0ab", "a\\\\x0ab"},
        {"line feed", "a\nb", "a\\x0ab"},
        {"a terminal's sequence", "\x1b[31m\x07\x7f", "\\x1b[31m\\x07\\x7f"},
        {"C1",
         "\xc2\x9b"
         "31m",
         "\\xc2\\x9b31m"},
        {"an override",
         "\xe2\x80\xae"
         "gpj.exe",
         "\\xe2\\x80\\xaegpj.exe"},
        {"an isolate", "\xe2\x81\xa6", "\\xe2\\x81\\xa6"},
        {"marks", "\xe2\x80\x8e\xd8\x9c", "\\xe2\\x80\\x8e\\xd8\\x9c"},
        {"separators", "\xe2\x80\xa8\xe2\x80\xa9", "\\xe2\\x80\\xa8\\xe2\\x80\\xa9"},
        {"beyond ASCII", "é日📞", "é日📞"},
        {"no UTF-8", "caf\xe9.txt", "caf\\xe9.txt"},
    };
    check(escape_line, ESCAPE_LINE_MAX, rows, ROWS_COUNT(rows));
}

static void test_rfc3986_4_2_references(void **state) {
    (void)state;
    static const struct {
        const char *name;
        bool directory;
        const char *reference;
    } rows[] = {
        {"a.txt", false, "./a.txt"},
        {"dir", true, "./dir/"},
        {"javascript:alert(1)", false, "./javascript:alert(1)"},
        {"a b?c#d%e", false, "./a%20b%3Fc%23d%25e"},
        {"\\", false, "./%5C"},
        {"%2e%2e", true, "./%252e%252e/"},
        {"\xff\n\"<", false, "./%FF%0A%22%3C"},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char room[128];
        struct buf buf = BUF_INIT(room, sizeof room);
        escape_reference(&buf, slice_of_text(rows[i].name), rows[i].directory);
        row_assert_slice(rows[i].name, buf_slice(&buf), slice_of_text(rows[i].reference));
    }
}

/* As a server reads it, behind the directory's own path. */
static void test_references_name_their_file(void **state) {
    (void)state;
    for (size_t i = 0; i < NASTY_COUNT; i++) {
        char room[4 + 3 * 255 + 3];
        char path_room[sizeof room];
        struct buf buf = BUF_INIT(room, sizeof room);
        struct buf path = BUF_INIT(path_room, sizeof path_room);
        struct target target;
        buf_put(&buf, SLICE("/d/"));
        escape_reference(&buf, slice_of_text(nasty_names[i]), i % 2 == 0);
        row_assert(nasty_names[i], !buf.overflow);
        row_assert_number(nasty_names[i], target_parse(METHOD_GET, buf_slice(&buf), &path, &target),
                          TARGET_PATH);
        row_assert_slice(nasty_names[i], slice_after(target.path, 2),
                         slice_of_text(nasty_names[i]));
        row_assert_number(nasty_names[i], target.trailing_slash, i % 2 == 0);
    }
}

/* Whatever a name is, what is written is without control characters, and fits into the room
 * promised. */
static void test_nasty_names_fit(void **state) {
    (void)state;
    static const struct {
        escaper *escape;
        size_t growth;
    } escapers[] = {{escape_html, ESCAPE_HTML_MAX},
                    {escape_json, ESCAPE_JSON_MAX},
                    {escape_line, ESCAPE_LINE_MAX}};
    for (size_t i = 0; i < NASTY_COUNT * ROWS_COUNT(escapers); i++) {
        const char *name = nasty_names[i / ROWS_COUNT(escapers)];
        size_t which = i % ROWS_COUNT(escapers);
        struct buf buf =
            escape_text(escapers[which].escape, escapers[which].growth, slice_of_text(name));
        row_assert(name, !buf.overflow);
        for (size_t at = 0; at < buf.len; at++)
            row_assert(row_at(name, at), (unsigned char)buf.ptr[at] >= ' ');
        guard_free(buf.ptr, buf.capacity);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_html),
        cmocka_unit_test(test_rfc8259_7_json),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_rfc3986_4_2_references),
        cmocka_unit_test(test_references_name_their_file),
        cmocka_unit_test(test_nasty_names_fit),
    };
    return cmocka_run_group_tests_name("escape", tests, NULL, NULL);
}
