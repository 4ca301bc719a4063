#include "http/pattern.h"

#include "support/guard.h"
#include "support/row.h"

static void test_parse(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum rules_mistake mistake;
    } rows[] = {
        {"/", RULES_OK},
        {"/a", RULES_OK},
        {"/a/", RULES_OK},
        {"/a/b.html", RULES_OK},
        {"/*", RULES_OK},
        {"/a/*", RULES_OK},
        {"/a*", RULES_OK},
        {"/*.js", RULES_OK},
        {"/a/*/b", RULES_OK},
        {"/a/*/:b/c", RULES_OK},
        {"/:a", RULES_OK},
        {"/:a/:b/*", RULES_OK},
        {"/:a_1/:a_2", RULES_OK},
        {"/:1", RULES_OK},
        {"/:", RULES_OK},
        {"/12:30", RULES_OK},
        {"/a:", RULES_OK},
        {"/a%3Ab", RULES_OK},
        {"/%2A%2a", RULES_OK},
        {"/c%C3%A9line", RULES_OK},
        {"/c\xc3\xa9line", RULES_OK},
        {"/...", RULES_OK},
        {"/.a/..b", RULES_OK},
        {"/.*", RULES_OK},
        {"", RULES_NO_SLASH},
        {"a", RULES_NO_SLASH},
        {"a/b", RULES_NO_SLASH},
        {"*", RULES_NO_SLASH},
        {"example.com/a", RULES_NO_SLASH},
        {"http://example.com/a", RULES_HOST},
        {"https://:project.pages.dev/*", RULES_HOST},
        {"HTTP://example.com", RULES_HOST},
        {"/a b", RULES_BLANK},
        {"/a\tb", RULES_BLANK},
        {"/a?b", RULES_QUERY},
        {"/a?", RULES_QUERY},
        {"/a#b", RULES_FRAGMENT},
        {"/#", RULES_FRAGMENT},
        {"/%", RULES_BAD_ESCAPE},
        {"/%4", RULES_BAD_ESCAPE},
        {"/%4/1", RULES_BAD_ESCAPE},
        {"/%zz", RULES_BAD_ESCAPE},
        {"/a%2Fb", RULES_NO_NAME},
        {"/a%00", RULES_NO_NAME},
        {"//", RULES_EMPTY_SEGMENT},
        {"//a", RULES_EMPTY_SEGMENT},
        {"/a//b", RULES_EMPTY_SEGMENT},
        {"/a//", RULES_EMPTY_SEGMENT},
        {"/.", RULES_DOT_SEGMENT},
        {"/./", RULES_DOT_SEGMENT},
        {"/a/../b", RULES_DOT_SEGMENT},
        {"/%2e%2E/b", RULES_DOT_SEGMENT},
        {"/a/%2e.", RULES_DOT_SEGMENT},
        {"/**", RULES_SPLATS},
        {"/*/*", RULES_SPLATS},
        {"/a*/b*", RULES_SPLATS},
        {"/a:b", RULES_PART_OF_SEGMENT},
        {"/:a-:b", RULES_PART_OF_SEGMENT},
        {"/:a.html", RULES_PART_OF_SEGMENT},
        {"/:a*", RULES_PART_OF_SEGMENT},
        {"/*:a", RULES_PART_OF_SEGMENT},
        {"/:splat", RULES_SPLAT_NAME},
        {"/*/:splat", RULES_SPLAT_NAME},
        {"/:a/:a", RULES_SAME_NAME},
        {"/:a/b/:a/", RULES_SAME_NAME},
        {"/:a/:ab/:A/:a_", RULES_OK},
        {"/:a/:b/:c/:d/:e/:f/:g/:h/:i/:j/:k/:l/:m/:n/:o/*", RULES_OK},
        {"/:a/:b/:c/:d/:e/:f/:g/:h/:i/:j/:k/:l/:m/:n/:o/:p", RULES_PLACEHOLDERS},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const struct slice raw = slice_of_text(rows[i].text);
        char *text = guard_copy(raw);
        struct pattern pattern;
        row_assert_number(rows[i].text, pattern_parse(slice_of(text, raw.len), &pattern),
                          rows[i].mistake);
        guard_free(text, raw.len);
    }
}

/* "name=value" for each capture, with a space between them. */
static void write_captures(struct buf *buf, const struct pattern_captures *captures) {
    for (size_t i = 0; i < captures->count; i++) {
        if (i > 0)
            buf_put_char(buf, ' ');
        buf_put(buf, captures->items[i].name);
        buf_put_char(buf, '=');
        buf_put(buf, captures->items[i].value);
    }
}

/* `captures` is NULL where it does not match. */
static const struct match_row {
    const char *pattern;
    struct slice path;
    const char *captures;
} match_rows[] = {
    {"/", SLICE_INIT(""), ""},
    {"/", SLICE_INIT("a"), NULL},
    {"/a", SLICE_INIT("a"), ""},
    {"/a", SLICE_INIT(""), NULL},
    {"/a", SLICE_INIT("ab"), NULL},
    {"/a", SLICE_INIT("a/b"), NULL},
    {"/a", SLICE_INIT("A"), NULL},
    {"/ab", SLICE_INIT("a"), NULL},
    {"/a/", SLICE_INIT("a"), ""},
    {"/a/b/", SLICE_INIT("a/b"), ""},
    {"/a%20b", SLICE_INIT("a b"), ""},
    {"/%61", SLICE_INIT("a"), ""},
    {"/%2541", SLICE_INIT("%41"), ""},
    {"/%2541", SLICE_INIT("A"), NULL},
    {"/c%C3%A9", SLICE_INIT("c\xc3\xa9"), ""},
    {"/c\xc3\xa9", SLICE_INIT("c\xc3\xa9"), ""},
    {"/a+b", SLICE_INIT("a+b"), ""},
    {"/a%3F", SLICE_INIT("a?"), ""},
    {"/%2A", SLICE_INIT("*"), ""},
    {"/%2A", SLICE_INIT("a"), NULL},
    {"/%3Aa", SLICE_INIT(":a"), ""},
    {"/%3Aa", SLICE_INIT("b"), NULL},
    {"/:1", SLICE_INIT(":1"), ""},
    {"/12:30", SLICE_INIT("12:30"), ""},

    {"/:a", SLICE_INIT("x"), "a=x"},
    {"/:a", SLICE_INIT(""), NULL},
    {"/:a", SLICE_INIT("x/y"), NULL},
    {"/:a/b", SLICE_INIT("x/b"), "a=x"},
    {"/:a/b", SLICE_INIT("b"), NULL},
    {"/a/:b", SLICE_INIT("a"), NULL},
    {"/:year/:month/:slug", SLICE_INIT("2024/01/a b"), "year=2024 month=01 slug=a b"},
    {"/:a/:b", SLICE_INIT("x"), NULL},
    {"/:a", SLICE_INIT("*"), "a=*"},

    {"/*", SLICE_INIT(""), "splat="},
    {"/*", SLICE_INIT("a/b"), "splat=a/b"},
    {"/a/*", SLICE_INIT("a/b/c"), "splat=b/c"},
    {"/a/*", SLICE_INIT("a"), "splat="},
    {"/a/*", SLICE_INIT("ab"), NULL},
    {"/a/*", SLICE_INIT("ab/c"), NULL},
    {"/a/*", SLICE_INIT("b"), NULL},
    {"/a/*", SLICE_INIT(""), NULL},
    {"/a/*/", SLICE_INIT("a/b"), "splat=b"},
    {"/a*", SLICE_INIT("a"), "splat="},
    {"/a*", SLICE_INIT("ab/c"), "splat=b/c"},
    {"/a*", SLICE_INIT("a/b"), "splat=/b"},
    {"/a*", SLICE_INIT("b"), NULL},
    {"/:a/*", SLICE_INIT("x"), "a=x splat="},
    {"/:a/*", SLICE_INIT("x/y/z"), "a=x splat=y/z"},
    {"/:a/*", SLICE_INIT(""), NULL},

    {"/*.js", SLICE_INIT("a.js"), "splat=a"},
    {"/*.js", SLICE_INIT("a/b.js"), "splat=a/b"},
    {"/*.js", SLICE_INIT(".js"), "splat="},
    {"/*.js", SLICE_INIT("a.js.js"), "splat=a.js"},
    {"/*.js", SLICE_INIT("a.jsx"), NULL},
    {"/*.js", SLICE_INIT("js"), NULL},
    {"/*.js", SLICE_INIT(""), NULL},
    {"/*%2Ejs", SLICE_INIT("a.js"), "splat=a"},
    {"/a/*.js", SLICE_INIT("a/.js"), "splat="},
    {"/a/*.js", SLICE_INIT("a.js"), NULL},
    {"/a*a", SLICE_INIT("a"), NULL},
    {"/a*a", SLICE_INIT("aa"), "splat="},
    {"/a*a", SLICE_INIT("aaa"), "splat=a"},
    {"/a/*/b", SLICE_INIT("a/x/b"), "splat=x"},
    {"/a/*/b", SLICE_INIT("a/x/y/b"), "splat=x/y"},
    {"/a/*/b", SLICE_INIT("a/b/b"), "splat=b"},
    {"/a/*/b", SLICE_INIT("a/b"), NULL},
    {"/a/*/b", SLICE_INIT("a/x/c"), NULL},
    {"/*/b", SLICE_INIT("b"), NULL},
    {"/*/b", SLICE_INIT("a/b"), "splat=a"},
    {"/*/:b", SLICE_INIT("x/y/z"), "b=z splat=x/y"},
    {"/:a/*/:b/c", SLICE_INIT("x/y/z/c"), "a=x b=z splat=y"},
    {"/:a/*/:b/c", SLICE_INIT("x/z/c"), NULL},
    {"/*-x/:b", SLICE_INIT("1/2-x/y"), "b=y splat=1/2"},

    /* What is left of a segment must not lead upwards. */
    {"/x*", SLICE_INIT("x../y"), NULL},
    {"/x*", SLICE_INIT("x./y"), NULL},
    {"/x*", SLICE_INIT("x.."), NULL},
    {"/x*", SLICE_INIT("x..."), "splat=..."},
    {"/*.js", SLICE_INIT("a/...js"), NULL},
    {"/*.js", SLICE_INIT("a/....js"), "splat=a/..."},
    {"/*.js", SLICE_INIT("..js"), NULL},
};

static void test_match(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(match_rows); i++) {
        const struct match_row *row = &match_rows[i];
        const struct slice raw = slice_of_text(row->pattern);
        const char *name = row_at(row->pattern, i);
        char *text = guard_copy(raw);
        char *path = guard_copy(row->path);
        char memory[256];
        struct buf buf = BUF_INIT(memory, sizeof memory);
        struct pattern pattern;
        struct pattern_captures captures;
        row_assert_number(name, pattern_parse(slice_of(text, raw.len), &pattern), RULES_OK);
        bool matches = pattern_match(&pattern, slice_of(path, row->path.len), &captures);
        row_assert_number(name, matches, row->captures != NULL);
        if (matches) {
            write_captures(&buf, &captures);
            row_assert_slice(name, buf_slice(&buf), slice_of_text(row->captures));
        }
        guard_free(text, raw.len);
        guard_free(path, row->path.len);
    }
}

static void test_as_many_captures_as_there_may_be(void **state) {
    (void)state;
    struct pattern pattern;
    struct pattern_captures captures;
    const struct slice text = SLICE("/:a/:b/:c/:d/:e/:f/:g/:h/:i/:j/:k/:l/:m/:n/:o/*");
    struct slice value;
    assert_int_equal(pattern_parse(text, &pattern), RULES_OK);
    assert_true(
        pattern_match(&pattern, SLICE("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"), &captures));
    assert_int_equal(captures.count, PATTERN_CAPTURES_MAX);
    assert_true(pattern_value(&captures, SLICE("o"), &value));
    assert_true(slice_equal(value, SLICE("15")));
    assert_true(pattern_value(&captures, SLICE("splat"), &value));
    assert_true(slice_equal(value, SLICE("16/17")));
    assert_false(pattern_value(&captures, SLICE("p"), &value));
}

static void test_what_a_pattern_is(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool literal;
        bool open;
        bool has_a;
        bool has_splat;
    } rows[] = {
        {"/", true, false, false, false},       {"/a/b", true, false, false, false},
        {"/%2A", true, false, false, false},    {"/:a", false, false, true, false},
        {"/b/:a/c", false, false, true, false}, {"/:ab", false, false, false, false},
        {"/*", false, true, false, true},       {"/:a/*", false, true, true, true},
        {"/*/:a", false, false, true, true},    {"/*.a", false, false, false, true},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const char *name = rows[i].text;
        struct pattern pattern;
        row_assert_number(name, pattern_parse(slice_of_text(name), &pattern), RULES_OK);
        row_assert_number(name, pattern_is_literal(&pattern), rows[i].literal);
        row_assert_number(name, pattern_is_open(&pattern), rows[i].open);
        row_assert_number(name, pattern_has(&pattern, SLICE("a")), rows[i].has_a);
        row_assert_number(name, pattern_has(&pattern, SLICE("splat")), rows[i].has_splat);
    }
}

/* A template as its literal text, with its names in angle brackets. */
static void test_templates(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *want;
    } rows[] = {
        {"", ""},
        {"a", "a"},
        {":a", "<a>"},
        {"/:a", "/<a>"},
        {":a-:b", "<a>-<b>"},
        {":a:b", "<a><b>"},
        {":a_1.html", "<a_1>.html"},
        {"a:", "a:"},
        {"::a", ":<a>"},
        {"a:1", "a:1"},
        {"https://h:80/:splat?x=:y#:z", "https://h:80/<splat>?x=<y>#<z>"},
        {":a%20", "<a>%20"},
        {"\xc3\xa9:\xc3\xa9", "\xc3\xa9:\xc3\xa9"},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char memory[64];
        struct buf buf = BUF_INIT(memory, sizeof memory);
        const struct slice raw = slice_of_text(rows[i].text);
        char *text = guard_copy(raw);
        struct slice rest = slice_of(text, raw.len);
        struct slice literal;
        struct slice name;
        while (pattern_template_next(&rest, &literal, &name)) {
            buf_put(&buf, literal);
            if (name.ptr == NULL)
                continue;
            buf_put_char(&buf, '<');
            buf_put(&buf, name);
            buf_put_char(&buf, '>');
        }
        row_assert_slice(rows[i].text, buf_slice(&buf), slice_of_text(rows[i].want));
        guard_free(text, raw.len);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_as_many_captures_as_there_may_be),
        cmocka_unit_test(test_what_a_pattern_is),
        cmocka_unit_test(test_templates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
