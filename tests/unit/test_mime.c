#include "http/mime.h"

#include "base/ascii.h"
#include "support/guard.h"
#include "support/row.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum kind { KIND_TEXT, KIND_DATA };

static const struct {
    const char *extension;
    const char *type;
    enum kind kind;
} table[] = {
#define MIME(extension, type, kind) {extension, type, KIND_##kind},
#include "http/mime.def"
#undef MIME
};

/* A name that is out of its place would not be found by bisection. */
static void test_table_is_sorted(void **state) {
    (void)state;
    assert_true(ROWS_COUNT(table) >= 600);
    for (size_t i = 1; i < ROWS_COUNT(table); i++)
        row_assert(table[i].extension, strcmp(table[i - 1].extension, table[i].extension) < 0);
}

/* RFC 9110 §8.3.1: type "/" subtype, both tokens; the parameter is not part of the row. */
static void test_rfc9110_8_3_1_table_is_well_formed(void **state) {
    (void)state;
    const char *types[] = {"application/", "audio/", "chemical/", "font/", "image/",
                           "message/",     "model/", "text/",     "video/"};
    for (size_t i = 0; i < ROWS_COUNT(table); i++) {
        const char *name = table[i].extension;
        bool known = false;
        for (size_t j = 0; j < ROWS_COUNT(types); j++)
            known = known || strncmp(table[i].type, types[j], strlen(types[j])) == 0;
        row_assert(name, known);
        const char *slash = strchr(table[i].type, '/');
        row_assert(name, slash[1] != '\0' && strchr(slash + 1, '/') == NULL);
        for (const char *c = table[i].type; *c != '\0'; c++)
            row_assert(name, c == slash || (ascii_is_token(*c) && !isupper((unsigned char)*c)));
        for (const char *c = name; *c != '\0'; c++)
            row_assert(name, islower((unsigned char)*c) || isdigit((unsigned char)*c) ||
                                 strchr("+-_", *c) != NULL);
        row_assert(name, name[0] != '\0');
    }
}

/* JSON, and whatever says itself how it is encoded, must not be overruled. */
static void test_rfc9110_8_3_2_charset_is_for_text(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(table); i++)
        row_assert_number(table[i].extension, table[i].kind == KIND_TEXT,
                          strncmp(table[i].type, "text/", 5) == 0);
}

/* `expected` is NULL where the name says nothing. */
static void assert_type(const char *row, const char *name, const char *expected) {
    char *copy = guard_copy(slice_of_text(name));
    row_assert_slice(row, mime_of_name(slice_of(copy, strlen(name))),
                     expected != NULL ? slice_of_text(expected) : SLICE_NONE);
    guard_free(copy, strlen(name));
}

static void test_every_row_is_found(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(table); i++) {
        char name[64];
        char type[128];
        (void)snprintf(type, sizeof type, "%s%s", table[i].type,
                       table[i].kind == KIND_TEXT ? "; charset=utf-8" : "");
        (void)snprintf(name, sizeof name, "file.%s", table[i].extension);
        assert_type(table[i].extension, name, type);
        for (char *c = name; *c != '\0'; c++)
            *c = (char)toupper((unsigned char)*c);
        assert_type(table[i].extension, name, type);
    }
}

static void test_names(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *type;
    } rows[] = {
        {"index.html", "text/html; charset=utf-8"},
        {"index.HtMl", "text/html; charset=utf-8"},
        {"a.tar.gz", "application/gzip"},
        {"archive.tar", "application/x-tar"},
        {"style.css", "text/css; charset=utf-8"},
        {"app.js", "text/javascript; charset=utf-8"},
        {"app.mjs", "text/javascript; charset=utf-8"},
        {"app.wasm", "application/wasm"},
        {"data.json", "application/json"},
        {"photo.jpeg", "image/jpeg"},
        {"photo.JPG", "image/jpeg"},
        {"picture.svg", "image/svg+xml"},
        {"font.woff2", "font/woff2"},
        {"photo.avif", "image/avif"},
        {"photo.HEIC", "image/heic"},
        {"photo.jxl", "image/jxl"},
        {"sound.flac", "audio/flac"},
        {"model.glb", "model/gltf-binary"},
        {"model.gltf", "model/gltf+json"},
        {"model.usdz", "model/vnd.usdz+zip"},
        {"book.epub", "application/epub+zip"},
        {"app.webmanifest", "application/manifest+json"},
        {"app.js.map", "application/json"},
        {"feed.rss", "application/rss+xml"},
        {"feed.atom", "application/atom+xml"},
        {"page.xhtml", "application/xhtml+xml"},
        {"data.xml", "application/xml"},
        {"data.jsonld", "application/ld+json"},
        {"lines.ndjson", "application/x-ndjson"},
        {"data.parquet", "application/vnd.apache.parquet"},
        {"film.vtt", "text/vtt; charset=utf-8"},
        {"main.rs", "text/plain; charset=utf-8"},
        {"main.c++", "text/x-c; charset=utf-8"},
        {"settings.toml", "text/plain; charset=utf-8"},
        {"notes.txt", "text/plain; charset=utf-8"},
        {"favicon.ico", "image/vnd.microsoft.icon"},
        {"film.mp4", "video/mp4"},
        {"name with spaces.txt", "text/plain; charset=utf-8"},
        {"..html", "text/html; charset=utf-8"},
        {".html", "text/html; charset=utf-8"},
        {"a.c", "text/x-c; charset=utf-8"},
        {"a.3g2", "video/3gpp2"},      /* the first row */
        {"a.zst", "application/zstd"}, /* the last */
        {"README", NULL},
        {"html", NULL},
        {"", NULL},
        {".", NULL},
        {"..", NULL},
        {"file.", NULL},
        {"file.html.", NULL},
        {".profile", NULL},
        {"file.html~", NULL},
        {"file.htm1", NULL},
        {"file.ht", NULL},
        {"file.htmlx", NULL},
        {"file. html", NULL},
        {"file.!", NULL}, /* sorts before all rows */
        {"file.zzz", NULL},
        {"file.\xc3\xa9", NULL}, /* sorts behind them */
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        assert_type(rows[i].name, rows[i].name, rows[i].type);
    row_assert_slice("NUL in the name", mime_of_name(SLICE("a.html\0.png")), SLICE("image/png"));
    row_assert_slice("NUL in the extension", mime_of_name(SLICE("a.html\0")), SLICE_NONE);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_sorted),
        cmocka_unit_test(test_rfc9110_8_3_1_table_is_well_formed),
        cmocka_unit_test(test_rfc9110_8_3_2_charset_is_for_text),
        cmocka_unit_test(test_every_row_is_found),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("mime", tests, NULL, NULL);
}
