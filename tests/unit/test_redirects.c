#include "http/redirects.h"

#include "support/guard.h"
#include "support/row.h"

#include <stdio.h>
#include <stdlib.h>

/* The rules of a text in guarded memory. */
struct file {
    char *text;
    size_t len;
    struct redirect *items;
    struct redirects redirects;
    struct rules_fault faults_memory[8];
    struct rules_faults faults;
    bool good;
};

static void file_read(struct file *file, struct slice text) {
    *file = (struct file){.text = guard_copy(text), .len = text.len};
    file->items = calloc(RULES_REDIRECTS_MAX, sizeof *file->items);
    assert_non_null(file->items);
    file->redirects = (struct redirects)REDIRECTS_INIT(file->items);
    file->faults = (struct rules_faults)RULES_FAULTS_INIT(file->faults_memory, 8);
    file->good = redirects_parse(slice_of(file->text, text.len), &file->redirects, &file->faults);
}

static void file_discard(struct file *file) {
    guard_free(file->text, file->len);
    free(file->items);
}

/* Takes what a client would send, "/a/?b", apart. */
static struct target target_of(const char *raw, char *memory, size_t size) {
    struct buf path = BUF_INIT(memory, size);
    struct target target;
    assert_int_equal(target_parse(METHOD_GET, slice_of_text(raw), &path, &target), TARGET_PATH);
    return target;
}

/* One line, one fault, or none. */
static const struct {
    const char *text;
    enum rules_mistake mistake;
    const char *part;
} lines[] = {
    {"", RULES_OK, NULL},
    {"# /a /b", RULES_OK, NULL},
    {"/a /b", RULES_OK, NULL},
    {"/a\t \t/b", RULES_OK, NULL},
    {"  /a /b  ", RULES_OK, NULL},
    {"/a /b # why", RULES_OK, NULL},
    {"/a /b 302#why", RULES_BAD_STATUS, "302#why"},
    {"/a /b 301 #why", RULES_OK, NULL},
    {"/a /b 301", RULES_OK, NULL},
    {"/a /b 302!", RULES_OK, NULL},
    {"/a /b 303", RULES_OK, NULL},
    {"/a /b 307", RULES_OK, NULL},
    {"/a /b 308", RULES_OK, NULL},
    {"/a /b 200", RULES_OK, NULL},
    {"/a /b 200!", RULES_OK, NULL},
    {"/a /b 404", RULES_OK, NULL},
    {"/* /index.html 200", RULES_OK, NULL},
    {"/* /a", RULES_OK, NULL},
    {"/a/* https://example.com/:splat", RULES_OK, NULL},
    {"/a https://example.com", RULES_OK, NULL},
    {"/a http://example.com:8080?b", RULES_OK, NULL},
    {"/a HTTPS://[::1]/#b", RULES_OK, NULL},
    {"/a /b?c=d&e=f#g", RULES_OK, NULL},
    {"/a /b/wiki/Help%3AContents", RULES_OK, NULL},
    {"/:a/:b /:b?c=:a#:a", RULES_OK, NULL},
    {"/a https://web.example/web/https://example.com/", RULES_OK, NULL},
    {"/a https://example.com/../b%2Fc", RULES_OK, NULL},
    {"/a/b /a", RULES_OK, NULL},
    {"/a/* /a/index.html 200", RULES_OK, NULL},

    {"a /b", RULES_NO_SLASH, "a"},
    {"/a//b /c", RULES_EMPTY_SEGMENT, "/a//b"},
    {"http://blog.example.com/* https://www.example.com/:splat 301!", RULES_HOST,
     "http://blog.example.com/*"},
    {"/store?id=:id /blog/:id", RULES_QUERY, "/store?id=:id"},
    {"/a", RULES_NO_TARGET, "/a"},
    {"/a #b", RULES_NO_TARGET, "/a"},
    {"/store id=:id /blog/:id 301", RULES_QUERY_CONDITION, "id=:id"},
    {"/a b", RULES_BAD_TARGET, "b"},
    {"/a 301", RULES_BAD_TARGET, "301"},
    {"/a example.com/b", RULES_BAD_TARGET, "example.com/b"},
    {"/a ftp://example.com/", RULES_BAD_TARGET, "ftp://example.com/"},
    {"/a javascript:alert(1)", RULES_BAD_TARGET, "javascript:alert(1)"},
    {"/a \\\\example.com", RULES_BAD_TARGET, "\\\\example.com"},
    {"/a http:/example.com", RULES_BAD_TARGET, "http:/example.com"},
    {"/a https://", RULES_TARGET_HOST, "https://"},
    {"/a https:///b", RULES_TARGET_HOST, "https:///b"},
    {"/a https://:80/", RULES_TARGET_HOST, "https://:80/"},
    {"/a https://u@example.com/", RULES_TARGET_HOST, "https://u@example.com/"},
    {"/a https://example.com\\b", RULES_TARGET_HOST, "https://example.com\\b"},
    {"/a https://ex\xc3\xa9mple.com/", RULES_TARGET_HOST, "https://ex\xc3\xa9mple.com/"},
    {"/:a/* https://:a/:splat", RULES_TARGET_HOST, "https://:a/:splat"},
    {"/:a/* https://:a.example.com/:splat", RULES_TARGET_HOST, "https://:a.example.com/:splat"},
    {"/:a https://example.com:a/", RULES_TARGET_HOST, "https://example.com:a/"},
    {"/a //example.com/b", RULES_TARGET_SLASHES, "//example.com/b"},
    {"/a /\\example.com/b", RULES_TARGET_SLASHES, "/\\example.com/b"},
    {"/a /../b", RULES_TARGET_PATH, "/../b"},
    {"/a /b%", RULES_TARGET_PATH, "/b%"},
    {"/a /b%00", RULES_TARGET_PATH, "/b%00"},
    {"/a /b%2Fc", RULES_NO_NAME, "/b%2Fc"},
    {"/a /b?c=%zz", RULES_BAD_ESCAPE, "/b?c=%zz"},
    {"/a https://example.com/%", RULES_BAD_ESCAPE, "https://example.com/%"},
    {"/a /b/:splat", RULES_UNKNOWN_NAME, ":splat"},
    {"/:a /b/:A", RULES_UNKNOWN_NAME, ":A"},
    {"/:a /b?c=:d", RULES_UNKNOWN_NAME, ":d"},
    {"/a /wiki/Help:Contents", RULES_UNKNOWN_NAME, ":Contents"},
    {"/api/* https://api.example.com/:splat 200", RULES_PROXY, "https://api.example.com/:splat"},
    {"/api/* https://api.example.com/ 404!", RULES_PROXY, "https://api.example.com/"},
    {"/a /b?c 200", RULES_REWRITE_QUERY, "/b?c"},
    {"/a /b#c 404", RULES_REWRITE_QUERY, "/b#c"},
    {"/a /b 299", RULES_BAD_STATUS, "299"},
    {"/a /b 300", RULES_BAD_STATUS, "300"},
    {"/a /b 304", RULES_BAD_STATUS, "304"},
    {"/a /b 0301", RULES_BAD_STATUS, "0301"},
    {"/a /b 30", RULES_BAD_STATUS, "30"},
    {"/a /b 301!!", RULES_BAD_STATUS, "301!!"},
    {"/a /b !", RULES_BAD_STATUS, "!"},
    {"/a /b !301", RULES_BAD_STATUS, "!301"},
    {"/a /b c", RULES_BAD_STATUS, "c"},
    {"/ /anz 302 Country=au,nz", RULES_CONDITION, "Country=au,nz"},
    {"/ /de Language=de", RULES_CONDITION, "Language=de"},
    {"/admin/* /admin/:splat 200! Role=admin", RULES_CONDITION, "Role=admin"},
    {"/a /b 301 302", RULES_EXTRA, "302"},
    {"/a /b 301 c", RULES_EXTRA, "c"},
    {"/a /a", RULES_LOOP, "/a"},
    {"/a /a/ 301", RULES_LOOP, "/a/"},
    {"/a/ /a 302", RULES_LOOP, "/a"},
    {"/a /b/../a?c", RULES_LOOP, "/b/../a?c"},
    {"/a%62 /ab", RULES_LOOP, "/ab"},
    {"/ /", RULES_LOOP, "/"},
    {"/* /a 302!", RULES_LOOP, "/a"},
    {"/a /a 200", RULES_OK, NULL},
    {"/* /a 200!", RULES_OK, NULL},
    {"/* /a 302", RULES_OK, NULL},
};

static void test_lines(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(lines); i++) {
        struct file file;
        file_read(&file, slice_of_text(lines[i].text));
        row_assert_number(lines[i].text, file.good, lines[i].mistake == RULES_OK);
        row_assert_number(lines[i].text, file.faults.count, lines[i].mistake != RULES_OK);
        row_assert_number(lines[i].text, file.faults_memory[0].mistake, lines[i].mistake);
        if (lines[i].part != NULL)
            row_assert_slice(lines[i].text, file.faults_memory[0].part,
                             slice_of_text(lines[i].part));
        file_discard(&file);
    }
}

static void test_a_file(void **state) {
    (void)state;
    struct file file;
    file_read(&file,
              SLICE("\xef\xbb\xbf# moved\r\n/a /b\r\n\r\n/c/:d https://example.com/:d 308!"));
    assert_true(file.good);
    assert_int_equal(file.redirects.count, 2);
    assert_int_equal(file.items[0].line, 2);
    assert_int_equal(file.items[0].status, STATUS_MOVED_PERMANENTLY);
    assert_false(file.items[0].force);
    assert_false(redirect_is_rewrite(&file.items[0]));
    assert_int_equal(file.items[1].line, 4);
    assert_int_equal(file.items[1].status, STATUS_PERMANENT_REDIRECT);
    assert_true(file.items[1].force);
    file_discard(&file);
}

/* All mistakes are told, and no rule is taken. */
static void test_a_file_with_mistakes(void **state) {
    (void)state;
    struct file file;
    file_read(&file, SLICE("/a /b\na /b\n\n/c\n/d /e\n/f /g 1\n"));
    assert_false(file.good);
    assert_int_equal(file.redirects.count, 0);
    assert_int_equal(file.faults.count, 3);
    assert_int_equal(file.faults_memory[0].line, 2);
    assert_int_equal(file.faults_memory[1].line, 4);
    assert_int_equal(file.faults_memory[2].line, 6);
    file_discard(&file);
}

/* As many rules as there may be, and one more; blank lines and comments do not count. */
static void test_the_most_rules(void **state) {
    (void)state;
    for (size_t over = 0; over < 3; over++) {
        char *text = NULL;
        size_t len = 0;
        FILE *stream = open_memstream(&text, &len);
        struct file file;
        assert_non_null(stream);
        for (size_t i = 0; i < RULES_REDIRECTS_MAX + over; i++)
            (void)fprintf(stream, "# %zu\n\n/%zu /x\n", i, i);
        (void)fclose(stream);
        file_read(&file, slice_of(text, len));
        assert_int_equal(file.good, over == 0);
        assert_int_equal(file.redirects.count, over == 0 ? RULES_REDIRECTS_MAX : 0);
        assert_int_equal(file.faults.count, over > 0);
        if (over > 0)
            assert_int_equal(file.faults_memory[0].mistake, RULES_MANY_REDIRECTS);
        file_discard(&file);
        free(text);
    }
}

static void test_which_rule_applies(void **state) {
    (void)state;
    static const char text[] = "/a /1\n"
                               "/a /2\n"
                               "/b/* /3 200\n"
                               "/b/c /4 200!\n"
                               "/b/* /5 404!\n"
                               "/d /6\n"
                               "/* /7 404\n";
    static const struct {
        const char *target;
        bool file_exists;
        unsigned line; /* 0: none */
    } rows[] = {
        {"/a", false, 1},   {"/a/", false, 1},  {"/a?b", false, 1}, {"/a", true, 0},
        {"/b/c", false, 3}, {"/b/c", true, 4},  {"/b/d", true, 5},  {"/b", true, 5},
        {"/b", false, 3},   {"/A", false, 7},   {"/", false, 7},    {"/", true, 0},
        {"/d", false, 6},   {"/%61", false, 1}, {"//a", false, 1},  {"/x/../a", false, 1},
    };
    struct file file;
    file_read(&file, slice_of_text(text));
    assert_true(file.good);
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char memory[64];
        struct target target = target_of(rows[i].target, memory, sizeof memory);
        struct redirect_match match = {.rule = NULL};
        bool found = redirects_find(&file.redirects, &target, rows[i].file_exists, &match);
        row_assert_number(rows[i].target, found, rows[i].line > 0);
        if (found)
            row_assert_number(rows[i].target, match.rule->line, rows[i].line);
    }
    file_discard(&file);
}

/* `want` is the Location; for rewrites, the path, and a slash behind that of a directory. NULL:
 * the rule leads nowhere. */
static const struct written_row {
    const char *name;
    const char *rule;
    const char *target;
    const char *want;
} written_rows[] = {
    {"a path", "/a /b", "/a", "/b"},
    {"the root", "/a /", "/a", "/"},
    {"a slash at the end stays", "/a /b/", "/a", "/b/"},
    {"the request's slash does not matter", "/a /b", "/a/", "/b"},
    {"a fragment", "/page/ /page2/#fragment", "/page", "/page2/#fragment"},
    {"another host", "/a https://example.com", "/a", "https://example.com"},
    {"another host and a path", "/a HTTP://example.com:80/b", "/a", "HTTP://example.com:80/b"},
    {"what is no URI is encoded", "/a /b\"<>\\^`{|}\xc3\xa9[]", "/a",
     "/b%22%3C%3E%5C%5E%60%7B%7C%7D%C3%A9%5B%5D"},
    {"what is encoded is not encoded again", "/a /b%20c%C3%A9", "/a", "/b%20c%C3%A9"},
    {"double slashes within a path", "/a /b//c", "/a", "/b/c"},
    {"double slashes on another host", "/a https://example.com//b//c", "/a",
     "https://example.com//b//c"},

    {"a splat", "/news/* /blog/:splat", "/news/2024/a.html", "/blog/2024/a.html"},
    {"a splat of nothing", "/news/* /blog/:splat", "/news", "/blog/"},
    {"a splat of nothing, with a slash", "/news/* /blog/:splat", "/news/", "/blog/"},
    {"a splat of a directory", "/news/* /blog/:splat", "/news/2024/", "/blog/2024/"},
    {"a splat of a directory before a query", "/news/* /blog/:splat?a#b", "/news/2024/",
     "/blog/2024/?a#b"},
    {"a splat of a directory, in the middle", "/news/* /blog/:splat.html", "/news/2024/",
     "/blog/2024.html"},
    {"a splat of a directory, in the middle of the pattern", "/*/x /:splat", "/a/x/", "/a"},
    {"a placeholder takes no slash", "/:a /b/:a", "/x/", "/b/x"},
    {"placeholders", "/blog/:year/:month/:day /posts/:year-:month-:day", "/blog/2024/01/15",
     "/posts/2024-01-15"},
    {"a placeholder twice", "/:a /:a/:a.html", "/x", "/x/x.html"},
    {"placeholders in a query", "/products/:code/:name /products?code=:code&name=:name",
     "/products/1/b", "/products?code=1&name=b"},
    {"a splat to another host", "/blog/* https://blog.my.domain/:splat", "/blog/a/b",
     "https://blog.my.domain/a/b"},

    {"the query is passed on", "/a /b", "/a?c=d&e", "/b?c=d&e"},
    {"an empty query is passed on", "/a /b", "/a?", "/b?"},
    {"before the fragment", "/a /b#c", "/a?d", "/b?d#c"},
    {"to another host", "/a https://example.com", "/a?b", "https://example.com?b"},
    {"but not beside another one", "/a /b?c", "/a?d", "/b?c"},
    {"nor beside an empty one", "/a /b?", "/a?d", "/b?"},
    {"what is no URI in a query", "/a /b", "/a?\"<\\\xff", "/b?\"<\\%FF"},

    {"what was captured is encoded", "/a/* /b/:splat", "/a/%20%25%22%3f%23%5c%c3%a9/c",
     "/b/%20%25%22%3F%23%5C%C3%A9/c"},
    {"what may stand in a path stays", "/a/* /b/:splat", "/a/%26=;,:@!$'()*+", "/b/&=;,:@!$'()*+"},
    {"in a query, it does not", "/a/* /b?c=:splat", "/a/x&y=z+;,:@/%25",
     "/b?c=x%26y%3Dz%2B%3B%2C%3A%40/%25"},
    {"in a fragment, neither", "/a/* /b#:splat", "/a/x&y%23z", "/b#x%26y%23z"},
    {"no new lines", "/a/* /b/:splat", "/a/%0d%0aSet-Cookie:%20x", "/b/%0D%0ASet-Cookie:%20x"},
    {"no new lines by placeholders", "/:a https://example.com/:a?:a", "/%0d%0a%0d%0ax",
     "https://example.com/%0D%0A%0D%0Ax?%0D%0A%0D%0Ax"},
    {"a colon that was captured starts nothing", "/a/* /b/:splat", "/a/:splat", "/b/:splat"},

    {"no other host: a path that starts with slashes", "/* /:splat", "//evil.example/x",
     "/evil.example/x"},
    {"no other host: a splat that starts with a slash", "/x* /:splat", "/x/evil.example/",
     "/evil.example/"},
    {"no other host: nothing before a slash", "/a/* /:splat/evil.example", "/a", "/evil.example"},
    {"no other host: nothing, twice", "/a/* /:splat/:splat/b", "/a", "/b"},
    {"no other host: a backslash", "/* /:splat", "/%5cevil.example", "/%5Cevil.example"},
    {"no other host: a slash and a backslash", "/x* /:splat", "/x/%5cevil.example",
     "/%5Cevil.example"},
    {"no other host: a backslash of the file", "/a/* /:splat\\b", "/a", "/%5Cb"},
    {"no other host: a tab", "/* /:splat", "/%09/evil.example", "/%09/evil.example"},
    {"no other host: the end of the host", "/* https://example.com/:splat", "/@evil.example",
     "https://example.com/@evil.example"},

    {"a rewrite", "/a /b 200", "/a?c", "b"},
    {"a rewrite to the root", "/* / 200", "/a/b", "/"},
    {"a rewrite to a directory", "/a /b/ 200", "/a", "b/"},
    {"a page for what is not there", "/en/* /en/404.html 404", "/en/a", "en/404.html"},
    {"a rewrite with a splat", "/a/* /b/:splat 200", "/a/c/d", "b/c/d"},
    {"a rewrite with a splat of a directory", "/a/* /b/:splat 200", "/a/c/", "b/c/"},
    {"a rewrite with a splat of nothing", "/a/* /b/:splat 200", "/a", "b/"},
    {"what was captured is decoded", "/a/* /b/:splat 200", "/a/%20%3f%23%25%c3%a9",
     "b/ ?#%\xc3\xa9"},
    {"and only once", "/a/* /b/:splat 200", "/a/%252e%252e", "b/%2e%2e"},
    {"what is in the file is decoded", "/a /b%20c 200", "/a", "b c"},
    {"slashes are merged", "/x* /b/:splat 200", "/x/c", "b/c"},
    {"dots of the file are resolved", "/a /b/../c 200", "/a", "c"},
    {"dots of the file do not lead above the root", "/a/* /:splat/../c 200", "/a", NULL},
    {"dots of the file lead upwards", "/a/* /:splat/../c 200", "/a/b", "c"},
    {"dots of the file and what was captured", "/:a /b/.:a 200", "/x", "b/.x"},
};

static void check_written(const struct written_row *row) {
    struct file file;
    char memory[3][256];
    struct buf raw = BUF_INIT(memory[1], sizeof memory[1]);
    struct buf path = BUF_INIT(memory[2], sizeof memory[2]);
    struct target target = target_of(row->target, memory[0], sizeof memory[0]);
    struct target rewritten;
    struct redirect_match match;
    file_read(&file, slice_of_text(row->rule));
    row_assert(row->name, file.good);
    row_assert(row->name, redirects_find(&file.redirects, &target, false, &match));
    if (!redirect_is_rewrite(match.rule)) {
        redirect_write_location(&raw, &match, target.query);
        row_assert(row->name, !raw.overflow);
        row_assert_slice(row->name, buf_slice(&raw), slice_of_text(row->want));
    } else if (redirect_rewrite(&match, &raw, &path, &rewritten) == TARGET_PATH) {
        if (rewritten.trailing_slash)
            buf_put_char(&path, '/');
        row_assert_slice(row->name, buf_slice(&path),
                         row->want != NULL ? slice_of_text(row->want) : SLICE_NONE);
    } else {
        row_assert(row->name, row->want == NULL);
    }
    file_discard(&file);
}

static void test_what_is_written(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(written_rows); i++)
        check_written(&written_rows[i]);
}

static void test_too_little_room(void **state) {
    (void)state;
    const struct slice texts[] = {SLICE("/a/* /b/:splat?c#d"), SLICE("/a/* /b/:splat 200")};
    for (size_t i = 0; i < ROWS_COUNT(texts); i++) {
        struct file file;
        char memory[64];
        struct target target = target_of("/a/x/y/", memory, sizeof memory);
        struct redirect_match match;
        file_read(&file, texts[i]);
        assert_true(redirects_find(&file.redirects, &target, false, &match));
        for (size_t room = 0; room < sizeof "/b/x/y/" - 1; room++) {
            char *raw_memory = guard_room(room);
            char path_memory[64];
            struct buf raw = BUF_INIT(raw_memory, room);
            struct buf path = BUF_INIT(path_memory, sizeof path_memory);
            struct target rewritten;
            if (i == 0)
                redirect_write_location(&raw, &match, SLICE_NONE);
            else
                assert_int_equal(redirect_rewrite(&match, &raw, &path, &rewritten), TARGET_BAD);
            assert_true(raw.overflow);
            guard_free(raw_memory, room);
        }
        file_discard(&file);
    }
}

static void test_what_leads_to_one_place(void **state) {
    (void)state;
    static const struct {
        const char *line;
        bool constant;
    } rows[] = {
        {"/a /b", true},          {"/a/* /b.html 200", true},
        {"/a/:b /c", true},       {"/a https://host:8080/b%3Ac?d#e", true},
        {"/a/* /:splat", false},  {"/a/:b /c/:b/d 200", false},
        {"/a/:b /c?d=:b", false}, {"/a/:b https://host/c#:b", false},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct file file;
        file_read(&file, slice_of_text(rows[i].line));
        row_assert(rows[i].line, file.good);
        row_assert_number(rows[i].line, redirect_is_constant(&file.redirects.items[0]),
                          rows[i].constant);
        file_discard(&file);
    }
}

/* To what was written without a query, once it is known. */
static void test_a_query_is_added(void **state) {
    (void)state;
    static const struct {
        const char *location;
        struct slice query;
        const char *want;
    } rows[] = {
        {"/a", {NULL, 0}, "/a"},
        {"/a", SLICE_INIT("b=c"), "/a?b=c"},
        {"/a", SLICE_INIT(""), "/a?"},
        {"/a?", SLICE_INIT("b"), "/a?"},
        {"/a?b", SLICE_INIT("c"), "/a?b"},
        {"/a#f", {NULL, 0}, "/a#f"},
        {"/a#f", SLICE_INIT("b"), "/a?b#f"},
        {"/a#f?g", SLICE_INIT("b"), "/a?b#f?g"},
        {"/a?b#f", SLICE_INIT("c"), "/a?b#f"},
        {"https://host", SLICE_INIT("b"), "https://host?b"},
        {"/a", SLICE_INIT("\x80 \r\n?#"), "/a?%80%20%0D%0A?#"},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char memory[64];
        struct buf buf = BUF_INIT(memory, sizeof memory);
        redirect_add_query(&buf, slice_of_text(rows[i].location), rows[i].query);
        row_assert_slice(rows[i].location, buf_slice(&buf), slice_of_text(rows[i].want));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_a_file),
        cmocka_unit_test(test_a_file_with_mistakes),
        cmocka_unit_test(test_the_most_rules),
        cmocka_unit_test(test_which_rule_applies),
        cmocka_unit_test(test_what_is_written),
        cmocka_unit_test(test_too_little_room),
        cmocka_unit_test(test_what_leads_to_one_place),
        cmocka_unit_test(test_a_query_is_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
