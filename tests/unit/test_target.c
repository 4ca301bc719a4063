#include "http/target.h"

#include "support/guard.h"
#include "support/row.h"

#include <string.h>

/* Parses from guarded memory into a room of just the size that the header asks for. */
struct parsed {
    enum target_outcome outcome;
    struct target target;
    char *raw;
    char *path;
    size_t len;
};

static struct parsed parse(enum method method, struct slice raw) {
    struct parsed parsed = {.raw = guard_copy(raw), .path = guard_room(raw.len), .len = raw.len};
    struct buf path = BUF_INIT(parsed.path, raw.len);
    parsed.outcome = target_parse(method, slice_of(parsed.raw, raw.len), &path, &parsed.target);
    return parsed;
}

static void discard(struct parsed *parsed) {
    guard_free(parsed->raw, parsed->len);
    guard_free(parsed->path, parsed->len);
}

/* Rows without a path: it is not looked at. */
static const struct {
    const char *name;
    struct slice raw;
    enum target_outcome outcome;
    const char *path;
    bool trailing_slash;
    struct slice query;
} rows[] = {
    {"rfc9112-3.2.1 the root", SLICE_INIT("/"), TARGET_PATH, "", true, {NULL, 0}},
    {"a file", SLICE_INIT("/a"), TARGET_PATH, "a", false, {NULL, 0}},
    {"a directory", SLICE_INIT("/a/"), TARGET_PATH, "a", true, {NULL, 0}},
    {"a file in a directory", SLICE_INIT("/a/b.html"), TARGET_PATH, "a/b.html", false, {NULL, 0}},
    {"deep down", SLICE_INIT("/a/b/c/d/e/"), TARGET_PATH, "a/b/c/d/e", true, {NULL, 0}},
    {"rfc3986-3.3 all that may stand in a segment",
     SLICE_INIT("/azAZ09-._~!$&'()*+,;=:@"),
     TARGET_PATH,
     "azAZ09-._~!$&'()*+,;=:@",
     false,
     {NULL, 0}},
    {"what should be encoded, and is not",
     SLICE_INIT("/\"<>[\\]^`{|}"),
     TARGET_PATH,
     "\"<>[\\]^`{|}",
     false,
     {NULL, 0}},
    {"a plus is no space", SLICE_INIT("/a+b"), TARGET_PATH, "a+b", false, {NULL, 0}},
    {"a star in a path", SLICE_INIT("/*"), TARGET_PATH, "*", false, {NULL, 0}},
    {"a backslash is no slash", SLICE_INIT("/..\\a"), TARGET_PATH, "..\\a", false, {NULL, 0}},

    {"rfc3986-3.4 a query", SLICE_INIT("/a?b=c"), TARGET_PATH, "a", false, SLICE_INIT("b=c")},
    {"an empty query", SLICE_INIT("/a?"), TARGET_PATH, "a", false, SLICE_INIT("")},
    {"a query of the root", SLICE_INIT("/?a"), TARGET_PATH, "", true, SLICE_INIT("a")},
    {"rfc3986-3.4 a question mark in a query", SLICE_INIT("/a?b?c"), TARGET_PATH, "a", false,
     SLICE_INIT("b?c")},
    {"a query is not looked into", SLICE_INIT("/a?/../%zz%00%2f//."), TARGET_PATH, "a", false,
     SLICE_INIT("/../%zz%00%2f//.")},
    {"an encoded question mark", SLICE_INIT("/a%3Fb"), TARGET_PATH, "a?b", false, {NULL, 0}},
    {"an encoded question mark and a query", SLICE_INIT("/a%3fb?c"), TARGET_PATH, "a?b", false,
     SLICE_INIT("c")},

    {"two slashes at the start", SLICE_INIT("//a"), TARGET_PATH, "a", false, {NULL, 0}},
    {"an authority at the start",
     SLICE_INIT("//example.com/a"),
     TARGET_PATH,
     "example.com/a",
     false,
     {NULL, 0}},
    {"many slashes", SLICE_INIT("////a///b//"), TARGET_PATH, "a/b", true, {NULL, 0}},
    {"nothing but slashes", SLICE_INIT("///"), TARGET_PATH, "", true, {NULL, 0}},

    {"rfc3986-5.2.4 a dot", SLICE_INIT("/./a"), TARGET_PATH, "a", false, {NULL, 0}},
    {"rfc3986-5.2.4 a dot in the middle",
     SLICE_INIT("/a/./b"),
     TARGET_PATH,
     "a/b",
     false,
     {NULL, 0}},
    {"rfc3986-5.2.4 a dot at the end", SLICE_INIT("/a/."), TARGET_PATH, "a", true, {NULL, 0}},
    {"a dot and a slash at the end", SLICE_INIT("/a/./"), TARGET_PATH, "a", true, {NULL, 0}},
    {"only a dot", SLICE_INIT("/."), TARGET_PATH, "", true, {NULL, 0}},
    {"rfc3986-5.2.4 two dots", SLICE_INIT("/a/../b"), TARGET_PATH, "b", false, {NULL, 0}},
    {"rfc3986-5.2.4 two dots at the end", SLICE_INIT("/a/b/.."), TARGET_PATH, "a", true, {NULL, 0}},
    {"two dots and a slash at the end", SLICE_INIT("/a/b/../"), TARGET_PATH, "a", true, {NULL, 0}},
    {"two dots back to the root", SLICE_INIT("/a/.."), TARGET_PATH, "", true, {NULL, 0}},
    {"two dots, and down again", SLICE_INIT("/a/../a/../a"), TARGET_PATH, "a", false, {NULL, 0}},
    {"rfc3986-5.2.4 example", SLICE_INIT("/a/b/c/./../../g"), TARGET_PATH, "a/g", false, {NULL, 0}},
    {"two dots behind an empty segment",
     SLICE_INIT("/a//../b"),
     TARGET_PATH,
     "b",
     false,
     {NULL, 0}},
    {"two dots behind a dot", SLICE_INIT("/a/./../b"), TARGET_PATH, "b", false, {NULL, 0}},
    {"three dots are a name", SLICE_INIT("/a/.../b"), TARGET_PATH, "a/.../b", false, {NULL, 0}},
    {"names that begin with dots", SLICE_INIT("/.a/..b"), TARGET_PATH, ".a/..b", false, {NULL, 0}},
    {"names that end with dots", SLICE_INIT("/a./b.."), TARGET_PATH, "a./b..", false, {NULL, 0}},
    {"above the root", SLICE_INIT("/.."), TARGET_ABOVE, NULL, false, {NULL, 0}},
    {"above the root and down again", SLICE_INIT("/../a"), TARGET_ABOVE, NULL, false, {NULL, 0}},
    {"above the root from below", SLICE_INIT("/a/../../b"), TARGET_ABOVE, NULL, false, {NULL, 0}},
    {"above the root from far below",
     SLICE_INIT("/a/b/../../../etc/passwd"),
     TARGET_ABOVE,
     NULL,
     false,
     {NULL, 0}},
    {"above the root behind a dot", SLICE_INIT("/./../a"), TARGET_ABOVE, NULL, false, {NULL, 0}},
    {"above the root behind slashes", SLICE_INIT("///../a"), TARGET_ABOVE, NULL, false, {NULL, 0}},
    {"above the root, then a query", SLICE_INIT("/..?a"), TARGET_ABOVE, NULL, false, {NULL, 0}},

    {"rfc3986-2.1 an escape", SLICE_INIT("/a%20b"), TARGET_PATH, "a b", false, {NULL, 0}},
    {"rfc3986-2.1 escapes of either case",
     SLICE_INIT("/%c3%A9%C3%a9"),
     TARGET_PATH,
     "\xc3\xa9\xc3\xa9",
     false,
     {NULL, 0}},
    {"rfc3986-2.3 an unreserved character", SLICE_INIT("/%61"), TARGET_PATH, "a", false, {NULL, 0}},
    {"an escape at the end of a segment",
     SLICE_INIT("/a%41/b"),
     TARGET_PATH,
     "aA/b",
     false,
     {NULL, 0}},
    {"control characters",
     SLICE_INIT("/%01%0d%0a%7f"),
     TARGET_PATH,
     "\x01\r\n\x7f",
     false,
     {NULL, 0}},
    {"bytes that are no UTF-8", SLICE_INIT("/%ff%80"), TARGET_PATH, "\xff\x80", false, {NULL, 0}},
    {"rfc3986-2.4 decoded once", SLICE_INIT("/%2561"), TARGET_PATH, "%61", false, {NULL, 0}},
    {"rfc3986-2.4 dots encoded twice are a name",
     SLICE_INIT("/%252e%252e/a"),
     TARGET_PATH,
     "%2e%2e/a",
     false,
     {NULL, 0}},
    {"a slash encoded twice is no slash",
     SLICE_INIT("/a%252fb"),
     TARGET_PATH,
     "a%2fb",
     false,
     {NULL, 0}},
    {"NUL encoded twice", SLICE_INIT("/a%2500"), TARGET_PATH, "a%00", false, {NULL, 0}},
    {"an encoded dot", SLICE_INIT("/%2e/a"), TARGET_PATH, "a", false, {NULL, 0}},
    {"an encoded dot at the end", SLICE_INIT("/a/%2E"), TARGET_PATH, "a", true, {NULL, 0}},
    {"two encoded dots", SLICE_INIT("/a/%2e%2E/b"), TARGET_PATH, "b", false, {NULL, 0}},
    {"one of two dots encoded", SLICE_INIT("/a/.%2e/b"), TARGET_PATH, "b", false, {NULL, 0}},
    {"the other of two dots encoded", SLICE_INIT("/a/%2e./b/"), TARGET_PATH, "b", true, {NULL, 0}},
    {"above the root, encoded",
     SLICE_INIT("/%2e%2e/etc/passwd"),
     TARGET_ABOVE,
     NULL,
     false,
     {NULL, 0}},
    {"above the root, half encoded",
     SLICE_INIT("/a/.%2e/%2e./b"),
     TARGET_ABOVE,
     NULL,
     false,
     {NULL, 0}},
    {"an encoded hash sign", SLICE_INIT("/a%23b"), TARGET_PATH, "a#b", false, {NULL, 0}},
    {"an encoded backslash", SLICE_INIT("/..%5ca"), TARGET_PATH, "..\\a", false, {NULL, 0}},

    {"an encoded slash", SLICE_INIT("/a%2fb"), TARGET_ABSENT, NULL, false, {NULL, 0}},
    {"an encoded slash, upper case", SLICE_INIT("/a%2Fb"), TARGET_ABSENT, NULL, false, {NULL, 0}},
    {"an encoded slash at the start", SLICE_INIT("/%2fa"), TARGET_ABSENT, NULL, false, {NULL, 0}},
    {"an encoded slash at the end", SLICE_INIT("/a%2f"), TARGET_ABSENT, NULL, false, {NULL, 0}},
    {"only an encoded slash", SLICE_INIT("/%2f"), TARGET_ABSENT, NULL, false, {NULL, 0}},
    {"dots before an encoded slash", SLICE_INIT("/..%2fa"), TARGET_ABSENT, NULL, false, {NULL, 0}},
    {"dots between encoded slashes",
     SLICE_INIT("/a%2f..%2f..%2fb"),
     TARGET_ABSENT,
     NULL,
     false,
     {NULL, 0}},
    {"an encoded slash and a bad escape",
     SLICE_INIT("/a%2f/%zz"),
     TARGET_BAD,
     NULL,
     false,
     {NULL, 0}},
    {"an encoded slash, then above the root",
     SLICE_INIT("/a%2fb/../.."),
     TARGET_ABOVE,
     NULL,
     false,
     {NULL, 0}},

    {"NUL", SLICE_INIT("/a%00b"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"NUL at the end", SLICE_INIT("/a%00"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"NUL behind a suffix", SLICE_INIT("/a.html%00.png"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"rfc3986-2.1 no digits", SLICE_INIT("/%zz"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"a bad first digit", SLICE_INIT("/%g0"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"a bad second digit", SLICE_INIT("/%0g"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"an escape cut short", SLICE_INIT("/a%2"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"only a percent sign", SLICE_INIT("/%"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"two percent signs", SLICE_INIT("/%%20"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"an escape across a slash", SLICE_INIT("/%2/0"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"an escape across a query", SLICE_INIT("/%2?0"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"the escape of two dots cut short", SLICE_INIT("/a/.%2"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"%u", SLICE_INIT("/%u002e"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"a digit with a sign", SLICE_INIT("/%+1"), TARGET_BAD, NULL, false, {NULL, 0}},

    {"rfc9112-3.2 empty", SLICE_INIT(""), TARGET_BAD, NULL, false, {NULL, 0}},
    {"rfc9112-3.2.1 no slash at the start", SLICE_INIT("a/b"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"a query only", SLICE_INIT("?a"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"dots only", SLICE_INIT(".."), TARGET_BAD, NULL, false, {NULL, 0}},
    {"rfc9112-3.2.1 a fragment", SLICE_INIT("/a#b"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"an empty fragment", SLICE_INIT("/a#"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"a fragment behind a query", SLICE_INIT("/a?b#c"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"only a fragment", SLICE_INIT("#"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"rfc9112-3.2.4 an asterisk with GET", SLICE_INIT("*"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"an asterisk and more", SLICE_INIT("*/a"), TARGET_BAD, NULL, false, {NULL, 0}},
    {"rfc9112-3.2.3 an authority with GET",
     SLICE_INIT("example.com:80"),
     TARGET_BAD,
     NULL,
     false,
     {NULL, 0}},
    {"a backslash for the slash", SLICE_INIT("\\a"), TARGET_BAD, NULL, false, {NULL, 0}},
};

static void test_origin_form(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const char *name = rows[i].name;
        struct parsed parsed = parse(METHOD_GET, rows[i].raw);
        row_assert_number(name, parsed.outcome, rows[i].outcome);
        if (rows[i].outcome == TARGET_PATH) {
            row_assert_slice(name, parsed.target.path, slice_of_text(rows[i].path));
            row_assert_number(name, parsed.target.trailing_slash, rows[i].trailing_slash);
            row_assert_slice(name, parsed.target.query, rows[i].query);
            row_assert_slice(name, parsed.target.authority, SLICE_NONE);
        }
        discard(&parsed);
    }
}

/* An escape for each byte, as the whole name and within one. */
static void test_rfc3986_2_1_every_escape(void **state) {
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        const char *name = row_at("byte", (size_t)byte);
        const char *digits = byte % 2 == 0 ? "0123456789abcdef" : "0123456789ABCDEF";
        const char raw[] = {'/', 'a', '%', digits[byte >> 4], digits[byte & 15], 'b'};
        const char decoded[] = {'a', (char)byte, 'b'};
        struct parsed parsed = parse(METHOD_GET, slice_of(raw, sizeof raw));
        row_assert_number(name, parsed.outcome,
                          byte == 0     ? TARGET_BAD
                          : byte == '/' ? TARGET_ABSENT
                                        : TARGET_PATH);
        if (parsed.outcome == TARGET_PATH)
            row_assert_slice(name, parsed.target.path, slice_of(decoded, sizeof decoded));
        discard(&parsed);
    }
}

static void test_rfc9112_3_2_2_absolute_form(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice raw;
        enum target_outcome outcome;
        struct slice authority;
        struct slice path;
        struct slice query;
    } forms[] = {
        {"a path",
         SLICE_INIT("http://example.com/a/b"),
         TARGET_PATH,
         SLICE_INIT("example.com"),
         SLICE_INIT("a/b"),
         {NULL, 0}},
        {"a port",
         SLICE_INIT("http://example.com:8080/a"),
         TARGET_PATH,
         SLICE_INIT("example.com:8080"),
         SLICE_INIT("a"),
         {NULL, 0}},
        {"an IPv6 address",
         SLICE_INIT("http://[::1]:80/"),
         TARGET_PATH,
         SLICE_INIT("[::1]:80"),
         SLICE_INIT(""),
         {NULL, 0}},
        {"no path",
         SLICE_INIT("http://example.com"),
         TARGET_PATH,
         SLICE_INIT("example.com"),
         SLICE_INIT(""),
         {NULL, 0}},
        {"no path but a query", SLICE_INIT("http://example.com?a"), TARGET_PATH,
         SLICE_INIT("example.com"), SLICE_INIT(""), SLICE_INIT("a")},
        {"a path and a query", SLICE_INIT("http://example.com/a?b/c"), TARGET_PATH,
         SLICE_INIT("example.com"), SLICE_INIT("a"), SLICE_INIT("b/c")},
        {"a slash in the query only", SLICE_INIT("http://example.com?b/c"), TARGET_PATH,
         SLICE_INIT("example.com"), SLICE_INIT(""), SLICE_INIT("b/c")},
        {"rfc3986-3.1 a scheme of any case",
         SLICE_INIT("hTTp://example.com/a"),
         TARGET_PATH,
         SLICE_INIT("example.com"),
         SLICE_INIT("a"),
         {NULL, 0}},
        {"two slashes behind the authority",
         SLICE_INIT("http://example.com//a"),
         TARGET_PATH,
         SLICE_INIT("example.com"),
         SLICE_INIT("a"),
         {NULL, 0}},
        {"dots",
         SLICE_INIT("http://example.com/a/%2e%2e/b"),
         TARGET_PATH,
         SLICE_INIT("example.com"),
         SLICE_INIT("b"),
         {NULL, 0}},
        {"above the root", SLICE_INIT("http://example.com/.."), TARGET_ABOVE, .path = {NULL, 0}},
        {"an encoded slash", SLICE_INIT("http://example.com/a%2fb"), TARGET_ABSENT,
         .path = {NULL, 0}},
        {"a bad escape", SLICE_INIT("http://example.com/%"), TARGET_BAD, .path = {NULL, 0}},
        {"rfc9110-4.2.1 no host", SLICE_INIT("http:///a"), TARGET_BAD, .path = {NULL, 0}},
        {"nothing behind the scheme", SLICE_INIT("http://"), TARGET_BAD, .path = {NULL, 0}},
        {"rfc9110-4.2.1 an empty host and a port", SLICE_INIT("http://:80/a"), TARGET_BAD,
         .path = {NULL, 0}},
        {"rfc9110-4.2.4 user information", SLICE_INIT("http://u@example.com/a"), TARGET_BAD,
         .path = {NULL, 0}},
        {"a bad port", SLICE_INIT("http://example.com:x/"), TARGET_BAD, .path = {NULL, 0}},
        {"a backslash in the authority", SLICE_INIT("http://example.com\\a/"), TARGET_BAD,
         .path = {NULL, 0}},
        {"a fragment", SLICE_INIT("http://example.com#a"), TARGET_BAD, .path = {NULL, 0}},
        {"another scheme", SLICE_INIT("ftp://example.com/"), TARGET_BAD, .path = {NULL, 0}},
        {"https, which this is not", SLICE_INIT("https://example.com/"), TARGET_BAD,
         .path = {NULL, 0}},
        {"one slash", SLICE_INIT("http:/example.com/"), TARGET_BAD, .path = {NULL, 0}},
        {"only the scheme", SLICE_INIT("http:"), TARGET_BAD, .path = {NULL, 0}},
    };
    for (size_t i = 0; i < ROWS_COUNT(forms); i++) {
        const char *name = forms[i].name;
        struct parsed parsed = parse(METHOD_GET, forms[i].raw);
        row_assert_number(name, parsed.outcome, forms[i].outcome);
        if (forms[i].outcome == TARGET_PATH) {
            row_assert_slice(name, parsed.target.authority, forms[i].authority);
            row_assert_slice(name, parsed.target.path, forms[i].path);
            row_assert_slice(name, parsed.target.query, forms[i].query);
        }
        discard(&parsed);
    }
}

static void test_rfc9112_3_2_forms_by_method(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum method method;
        struct slice raw;
        enum target_outcome outcome;
    } forms[] = {
        {"rfc9112-3.2.4 OPTIONS *", METHOD_OPTIONS, SLICE_INIT("*"), TARGET_ASTERISK},
        {"OPTIONS **", METHOD_OPTIONS, SLICE_INIT("**"), TARGET_BAD},
        {"OPTIONS *?", METHOD_OPTIONS, SLICE_INIT("*?a"), TARGET_BAD},
        {"OPTIONS of a path", METHOD_OPTIONS, SLICE_INIT("/a"), TARGET_PATH},
        {"OPTIONS of the root", METHOD_OPTIONS, SLICE_INIT("/"), TARGET_PATH},
        {"rfc9112-3.2.4 OPTIONS of an absolute form without a path", METHOD_OPTIONS,
         SLICE_INIT("http://example.com:8001"), TARGET_ASTERISK},
        {"rfc9112-3.2.4 OPTIONS of an absolute form without a path but with a query",
         METHOD_OPTIONS, SLICE_INIT("http://example.com?a"), TARGET_PATH},
        {"OPTIONS of an absolute form", METHOD_OPTIONS, SLICE_INIT("http://example.com/"),
         TARGET_PATH},
        {"HEAD *", METHOD_HEAD, SLICE_INIT("*"), TARGET_BAD},
        {"POST *", METHOD_POST, SLICE_INIT("*"), TARGET_BAD},
        {"HEAD of a path", METHOD_HEAD, SLICE_INIT("/a"), TARGET_PATH},
        {"POST of a path", METHOD_POST, SLICE_INIT("/a"), TARGET_PATH},
        {"an unknown method of a path", METHOD_UNKNOWN, SLICE_INIT("/a"), TARGET_PATH},
        {"rfc9112-3.2.3 CONNECT", METHOD_CONNECT, SLICE_INIT("example.com:443"), TARGET_AUTHORITY},
        {"CONNECT of an IPv6 address", METHOD_CONNECT, SLICE_INIT("[::1]:443"), TARGET_AUTHORITY},
        {"HEAD of an authority", METHOD_HEAD, SLICE_INIT("example.com:443"), TARGET_BAD},
    };
    for (size_t i = 0; i < ROWS_COUNT(forms); i++) {
        struct parsed parsed = parse(forms[i].method, forms[i].raw);
        row_assert_number(forms[i].name, parsed.outcome, forms[i].outcome);
        discard(&parsed);
    }
}

static void test_write_directory(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct slice path;
        struct slice query;
        struct slice text;
    } directories[] = {
        {"the root", SLICE_INIT(""), {NULL, 0}, SLICE_INIT("/")},
        {"the root and a query", SLICE_INIT(""), SLICE_INIT("q"), SLICE_INIT("/?q")},
        {"one", SLICE_INIT("a"), {NULL, 0}, SLICE_INIT("/a/")},
        {"two", SLICE_INIT("a/b"), {NULL, 0}, SLICE_INIT("/a/b/")},
        {"a query", SLICE_INIT("a b"), SLICE_INIT("q"), SLICE_INIT("/a%20b/?q")},
        {"an empty query", SLICE_INIT("a"), SLICE_INIT(""), SLICE_INIT("/a/?")},
        {"a query is kept as it is", SLICE_INIT("a"), SLICE_INIT("b?c%2f//d"),
         SLICE_INIT("/a/?b?c%2f//d")},
        {"delimiters in a name", SLICE_INIT("a?b#c%d"), {NULL, 0}, SLICE_INIT("/a%3Fb%23c%25d/")},
        {"a scheme in a name", SLICE_INIT("http:"), {NULL, 0}, SLICE_INIT("/http:/")},
        {"line ends in a name", SLICE_INIT("a\r\nb"), {NULL, 0}, SLICE_INIT("/a%0D%0Ab/")},
        {"a backslash first, which browsers take for a slash",
         SLICE_INIT("\\example.com"),
         {NULL, 0},
         SLICE_INIT("/%5Cexample.com/")},
        {"bytes beyond ASCII", SLICE_INIT("\xc3\xa9"), {NULL, 0}, SLICE_INIT("/%C3%A9/")},
    };
    for (size_t i = 0; i < ROWS_COUNT(directories); i++) {
        char *room = guard_room(directories[i].text.len);
        struct buf buf = BUF_INIT(room, directories[i].text.len);
        const struct target target = {.path = directories[i].path, .query = directories[i].query};
        target_write_directory(&buf, &target);
        row_assert_slice(directories[i].name, buf_slice(&buf), directories[i].text);
        row_assert(directories[i].name, !buf.overflow);
        guard_free(room, directories[i].text.len);
    }
}

/* RFC 3986 §3.3: pchar and the slash stay. */
static void test_rfc3986_2_1_every_byte_written(void **state) {
    (void)state;
    const char *stay = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                       "-._~!$&'()*+,;=:@/";
    for (int byte = 0; byte < 256; byte++) {
        char memory[3];
        char text = (char)byte;
        const char escape[] = {'%', "0123456789ABCDEF"[byte / 16], "0123456789ABCDEF"[byte % 16]};
        struct buf buf = BUF_INIT(memory, sizeof memory);
        target_write_encoded(&buf, slice_of(&text, 1));
        bool stays = byte > 0 && byte < 128 && strchr(stay, byte) != NULL;
        row_assert_slice(row_at("byte", (size_t)byte), buf_slice(&buf),
                         stays ? slice_of(&text, 1) : slice_of(escape, sizeof escape));
    }
}

/* What a path must be, whatever it was made of. */
static void assert_normal(const char *row, struct slice path) {
    struct slice rest = path;
    struct slice segment;
    if (path.len == 0)
        return;
    row_assert_number(row, slice_find(path, '\0'), path.len);
    while (slice_cut(&rest, '/', &segment)) {
        row_assert(row, segment.len > 0);
        row_assert(row, !slice_equal(segment, SLICE(".")));
        row_assert(row, !slice_equal(segment, SLICE("..")));
    }
}

/* The directory written stays on this host, and reads as what it was made of. */
static void assert_directory(const char *row, const struct target *target) {
    char memory[64];
    char path_memory[64];
    struct buf written = BUF_INIT(memory, sizeof memory);
    struct buf path = BUF_INIT(path_memory, sizeof path_memory);
    struct target again;
    target_write_directory(&written, target);
    row_assert(row, !written.overflow);
    const struct slice text = buf_slice(&written);
    row_assert(row, text.ptr[0] == '/' && (text.len == 1 || text.ptr[1] != '/'));
    row_assert_number(row, target_parse(METHOD_GET, text, &path, &again), TARGET_PATH);
    row_assert_slice(row, again.path, target->path);
    row_assert_slice(row, again.query, target->query);
    row_assert(row, again.trailing_slash);
}

/* All texts of up to six of the characters that matter. */
static void test_all_short_targets(void **state) {
    (void)state;
    static const char alphabet[] = "/.%2eF?\\a";
    enum { LETTERS = sizeof alphabet - 1, MOST = 6 };
    char *room = guard_room(MOST + 1);
    char *path_room = guard_room(MOST + 1);
    char name[MOST + 2] = "/";
    for (size_t len = 0; len <= MOST; len++) {
        size_t count = 1;
        for (size_t i = 0; i < len; i++)
            count *= LETTERS;
        for (size_t number = 0; number < count; number++) {
            size_t left = number;
            for (size_t i = 0; i < len; i++, left /= LETTERS)
                name[1 + i] = alphabet[left % LETTERS];
            name[1 + len] = '\0';
            struct slice raw = slice_of(room + MOST - len, len + 1);
            memcpy(room + MOST - len, name, len + 1);
            struct buf path = BUF_INIT(path_room + MOST - len, len + 1);
            struct target target;
            enum target_outcome outcome = target_parse(METHOD_GET, raw, &path, &target);
            row_assert(name, outcome == TARGET_PATH || outcome == TARGET_ABSENT ||
                                 outcome == TARGET_ABOVE || outcome == TARGET_BAD);
            if (outcome == TARGET_PATH) {
                assert_normal(name, target.path);
                assert_directory(name, &target);
            }
        }
    }
    guard_free(room, MOST + 1);
    guard_free(path_room, MOST + 1);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_origin_form),
        cmocka_unit_test(test_rfc3986_2_1_every_escape),
        cmocka_unit_test(test_rfc9112_3_2_2_absolute_form),
        cmocka_unit_test(test_rfc9112_3_2_forms_by_method),
        cmocka_unit_test(test_write_directory),
        cmocka_unit_test(test_rfc3986_2_1_every_byte_written),
        cmocka_unit_test(test_all_short_targets),
    };
    return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
