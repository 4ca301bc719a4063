/* What each format writes, as bytes; tests/support/listing.py reads whole listings. */
#include "store/sheet.h"

#include "store/html.h"
#include "store/json.h"
#include "store/stream.h"
#include "store/text.h"
#include "support/guard.h"
#include "support/nasty_names.h"
#include "support/row.h"

#include <limits.h>
#include <string.h>

static const struct sheet_format *const formats[VIEW_FORMATS] = {&html_format, &json_format,
                                                                 &text_format};
static char room[STREAM_PIECE_BYTES + 1];
static struct buf buf;

static void start(void) {
    buf = (struct buf)BUF_INIT(room, STREAM_PIECE_BYTES);
}

static const char *written(void) {
    assert_false(buf.overflow);
    room[buf.len] = '\0';
    return room;
}

static void assert_has(const char *row, const char *text) {
    if (strstr(written(), text) == NULL)
        fail_msg("%s: no %s in %s", row, text, room);
}

static void assert_has_not(const char *row, const char *text) {
    if (strstr(written(), text) != NULL)
        fail_msg("%s: there is %s", row, text);
}

static const struct {
    const char *path;
    const char *title;
    const char *crumbs;
} paths[] = {
    {"", "<title>Index</title>", "<a href=\"./\">Index</a></h1>"},
    {"a", "<title>a/ – Index</title>",
     "<a href=\"./../\">Index</a><span>/</span><a href=\"./\"><bdi>a</bdi></a></h1>"},
    {"a b/<c>/d&", "<title>d&amp;/ – Index</title>",
     "<a href=\"./../../../\">Index</a>"
     "<span>/</span><a href=\"./../../\"><bdi>a b</bdi></a>"
     "<span>/</span><a href=\"./../\"><bdi>&lt;c&gt;</bdi></a>"
     "<span>/</span><a href=\"./\"><bdi>d&amp;</bdi></a></h1>"},
    {"</title><script>", "<title>title&gt;&lt;script&gt;/", "<bdi>&lt;</bdi>"},
    {"1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", "<title>16/ –",
     "./../../../../../../../../../../../../../../../../\">Index</a>"},
    {"0/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", "<title>16/ –",
     "\"./../../../../../../../../../../../../../../../../\">…</a><span>/</span><a "
     "href=\"./../../../../../../../../../../../../../../../\"><bdi>1</bdi>"},
};

static void test_where_we_are(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(paths); i++) {
        struct sheet sheet = {.path = slice_of_text(paths[i].path)};
        start();
        html_format.head(&buf, &sheet);
        assert_has(paths[i].path, paths[i].title);
        assert_has(paths[i].path, paths[i].crumbs);
        html_format.top(&buf, &sheet);
        if (i > 0)
            assert_has(paths[i].path, "<a href=\"./../\">Up</a>");
        else
            assert_has_not(paths[i].path, ">Up</a>");
    }
}

static void test_columns(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct view view;
        const char *columns[3];
    } rows[] = {
        {"by name",
         {VIEW_HTML, VIEW_BY_NAME, false, false},
         {"<th scope=\"col\" aria-sort=\"ascending\"><a "
          "href=\"./?sort=name&amp;order=desc\">Name</a>",
          "<th scope=\"col\"><a href=\"./?sort=size&amp;order=desc\">Size</a>",
          "<th scope=\"col\"><a href=\"./?sort=time&amp;order=desc\">Modified</a>"}},
        {"by size, descending",
         {VIEW_HTML, VIEW_BY_SIZE, true, false},
         {"<th scope=\"col\"><a href=\"./?sort=name&amp;order=asc\">Name</a>",
          "<th scope=\"col\" aria-sort=\"descending\"><a "
          "href=\"./?sort=size&amp;order=asc\">Size</a>",
          "<th scope=\"col\"><a href=\"./?sort=time&amp;order=desc\">Modified</a>"}},
        {"by time",
         {VIEW_HTML, VIEW_BY_TIME, false, false},
         {"<th scope=\"col\"><a href=\"./?sort=name&amp;order=asc\">Name</a>",
          "<th scope=\"col\"><a href=\"./?sort=size&amp;order=desc\">Size</a>",
          "aria-sort=\"ascending\"><a href=\"./?sort=time&amp;order=desc\">Modified</a>"}},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        struct sheet sheet = {.view = rows[i].view, .path = SLICE("a")};
        start();
        html_format.top(&buf, &sheet);
        for (size_t j = 0; j < 3; j++)
            assert_has(rows[i].name, rows[i].columns[j]);
    }
}

static const struct {
    const char *name;
    struct roster_entry entry;
    const char *texts[VIEW_FORMATS];
} entries[] = {
    {"a file",
     {SLICE_INIT("a&b.txt"), 1234, 1795356185, 5, false},
     {"<tr><td><a href=\"./a&amp;b.txt\"><bdi>a&amp;b.txt</bdi></a><td title=\"1234 bytes\">1.2 kB"
      "<td><time datetime=\"2026-11-22T14:03:05Z\">2026-11-22<i>14:03</i></time>\n",
      "\n{\"name\":\"a&b.txt\",\"type\":\"file\",\"size\":1234,\"mtime\":\"2026-11-22T14:03:05Z\","
      "\"href\":\"./a&b.txt\"}",
      "1.2 kB  2026-11-22 14:03  a&b.txt\n"}},
    {"a directory",
     {SLICE_INIT("a b"), 0, 0, 0, true},
     {"<tr class=\"d\"><td><a href=\"./a%20b/\"><bdi>a b</bdi>/</a><td>"
      "<td><time datetime=\"1970-01-01T00:00:00Z\">1970-01-01<i>00:00</i></time>\n",
      "\n{\"name\":\"a b\",\"type\":\"directory\",\"mtime\":\"1970-01-01T00:00:00Z\","
      "\"href\":\"./a%20b/\"}",
      "     -  1970-01-01 00:00  a b/\n"}},
    {"a scheme",
     {SLICE_INIT("javascript:alert('1')"), 0, -1, 0, false},
     {"<a href=\"./javascript:alert(&#39;1&#39;)\"><bdi>javascript:alert(&#39;1&#39;)</bdi>",
      "\"href\":\"./javascript:alert('1')\"", "   0 B  1969-12-31 23:59  javascript:alert('1')\n"}},
    {"no UTF-8",
     {SLICE_INIT("caf\xe9"), 999999, INT64_MAX, 0, false},
     {"<a href=\"./caf%E9\"><bdi>caf\xef\xbf\xbd</bdi></a><td title=\"999999 bytes\">1.0 MB",
      "{\"name\":\"caf\xef\xbf\xbd\",\"type\":\"file\",\"size\":999999,",
      "1.0 MB  9999-12-31 23:59  caf\\xe9\n"}},
};

static void test_entries(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(entries) * VIEW_FORMATS; i++) {
        struct sheet sheet = {.written = 0};
        start();
        formats[i % VIEW_FORMATS]->entry(&buf, &sheet, &entries[i / VIEW_FORMATS].entry);
        assert_has(entries[i / VIEW_FORMATS].name,
                   entries[i / VIEW_FORMATS].texts[i % VIEW_FORMATS]);
    }
}

static void test_separators_of_json(void **state) {
    (void)state;
    struct sheet sheet = {.cut = true};
    start();
    json_format.head(&buf, &sheet);
    json_format.top(&buf, &sheet);
    json_format.foot(&buf, &sheet);
    assert_string_equal(written(), "[\n{\"type\":\"cut\"}\n]\n");
    sheet.cut = false;
    start();
    json_format.head(&buf, &sheet);
    json_format.foot(&buf, &sheet);
    assert_string_equal(written(), "[\n]\n");
    start();
    sheet.written = 1;
    sheet.cut = true;
    json_format.foot(&buf, &sheet);
    assert_string_equal(written(), ",\n{\"type\":\"cut\"}\n]\n");
    start();
    json_format.entry(&buf, &sheet, &entries[0].entry);
    assert_memory_equal(written(), ",\n{", 3);
}

static void test_totals(void **state) {
    (void)state;
    static const struct {
        struct sheet sheet;
        const char *text;
    } rows[] = {
        {{.files = 0}, ">Nothing is here<td title=\"0 bytes\">0 B<"},
        {{.files = 1, .bytes = 5}, ">0 folders, 1 file<td title=\"5 bytes\">5 B<"},
        {{.directories = 1}, ">1 folder, 0 files<"},
        {{.directories = 2, .files = 3, .bytes = 12345},
         ">2 folders, 3 files<td title=\"12345 bytes\">12 kB<"},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        start();
        html_format.foot(&buf, &rows[i].sheet);
        assert_has(rows[i].text, rows[i].text);
    }
}

static void test_cut(void **state) {
    (void)state;
    struct sheet sheet = {.cut = true};
    start();
    html_format.top(&buf, &sheet);
    assert_has("html", "Not all entries are shown");
    start();
    text_format.foot(&buf, &sheet);
    assert_string_equal(written(), "Not all entries are shown.\n");
    sheet.cut = false;
    start();
    html_format.top(&buf, &sheet);
    text_format.foot(&buf, &sheet);
    assert_has_not("html and text", "Not all");
}

/* Whatever the names are, an entry and each other piece fit into the room there is. */
static void test_bounds(void **state) {
    (void)state;
    for (size_t i = 0; i < NASTY_COUNT * VIEW_FORMATS; i++) {
        const char *name = nasty_names[i / VIEW_FORMATS];
        struct roster_entry entry = {slice_of_text(name), UINT64_MAX, INT64_MIN, 0, false};
        struct sheet sheet = {.written = 1};
        char *entry_room = guard_room(SHEET_ENTRY_BYTES);
        struct buf entry_buf = BUF_INIT(entry_room, SHEET_ENTRY_BYTES);
        formats[i % VIEW_FORMATS]->entry(&entry_buf, &sheet, &entry);
        row_assert(name, !entry_buf.overflow);
        guard_free(entry_room, SHEET_ENTRY_BYTES);
    }
}

static void check_pieces(const char *row, struct slice path) {
    struct sheet sheet = {
        path, {VIEW_HTML, VIEW_BY_SIZE, true, false}, UINT64_MAX, UINT64_MAX, UINT64_MAX, 1, true};
    for (size_t i = 0; i < VIEW_FORMATS; i++) {
        start();
        formats[i]->head(&buf, &sheet);
        row_assert(row, !buf.overflow);
        start();
        formats[i]->top(&buf, &sheet);
        row_assert(row, !buf.overflow);
        start();
        formats[i]->foot(&buf, &sheet);
        row_assert(row, !buf.overflow);
    }
}

static void test_longest_paths(void **state) {
    (void)state;
    static const size_t part_lens[] = {1, 2, 60, 63, 64, 127, 254, 255};
    static char path[PATH_MAX - 1];
    for (size_t i = 0; i < ROWS_COUNT(part_lens); i++) {
        for (size_t at = 0; at < sizeof path; at++)
            path[at] = (at + 1) % (part_lens[i] + 1) == 0 ? '/' : '"';
        path[sizeof path - 1] = '"';
        check_pieces(row_at("parts", part_lens[i]), slice_of(path, sizeof path));
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_we_are), cmocka_unit_test(test_columns),
        cmocka_unit_test(test_entries),      cmocka_unit_test(test_separators_of_json),
        cmocka_unit_test(test_totals),       cmocka_unit_test(test_cut),
        cmocka_unit_test(test_bounds),       cmocka_unit_test(test_longest_paths),
    };
    return cmocka_run_group_tests_name("sheet", tests, NULL, NULL);
}
