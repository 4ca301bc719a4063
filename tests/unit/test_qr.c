/* QR codes: read back by a real decoder, zbarimg; and what a decoder forgives. */
#include "base/qr.h"

#include "support/note.h"
#include "support/picture.h"
#include "support/row.h"
#include "support/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { URLS = 50, LONGEST = 213 };

static struct tree tree;

static int setup(void **state) {
    (void)state;
    tree_make(&tree);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    tree_remove(&tree);
    return 0;
}

static void draw(const struct qr *qr, const char *path) {
    static struct picture picture;
    picture.rows = picture.columns = qr->size + 2 * QR_QUIET;
    for (int row = 0; row < picture.rows; row++) {
        for (int column = 0; column < picture.columns; column++)
            picture.dark[row][column] = qr_is_dark(qr, row - QR_QUIET, column - QR_QUIET);
    }
    picture_write(&picture, path);
}

static char *decode(const struct qr *qr) {
    const char *path = tree_path(&tree, "code.pgm");
    draw(qr, path);
    return picture_decode(&path, 1);
}

static char any_of(const char *characters) {
    return characters[(size_t)random() % strlen(characters)];
}

/* A URL of any length up to the longest: a host, a port, and a path with escapes and a query. */
static void make_url(char *url) {
    static const char characters[] = "abcdefghijklmnopqrstuvwxyz0123456789-._~/?=&+:@ABCXYZ%";
    size_t max = 30 + (size_t)random() % (LONGEST - 30 + 1);
    size_t len = (size_t)sprintf(url, "http://%ld.%ld.%ld.%ld:%ld/", random() % 256, random() % 256,
                                 random() % 256, random() % 256, random() % 65536);
    while (len < max)
        url[len++] = any_of(characters);
    url[len] = '\0';
}

static void test_random_urls_are_read(void **state) {
    static char urls[URLS][LONGEST + 1];
    static char paths[URLS][512];
    const char *pointers[URLS];
    static struct qr qr;
    unsigned seed = (unsigned)note_now_ms();
    (void)state;
    note_say("the seed of the URLs is %u", seed);
    srandom(seed);
    for (int i = 0; i < URLS; i++) {
        make_url(urls[i]);
        (void)snprintf(paths[i], sizeof paths[i], "%s/%02d.pgm", tree.path, i);
        assert_true(qr_make(&qr, slice_of_text(urls[i])));
        draw(&qr, paths[i]);
        pointers[i] = paths[i];
    }
    char *text = picture_decode(pointers, URLS);
    struct slice rest = slice_of_text(text);
    for (int i = 0; i < URLS; i++) {
        struct slice line;
        assert_true(slice_cut(&rest, '\n', &line));
        row_assert_slice(urls[i], line, slice_of_text(urls[i]));
    }
    free(text);
}

/* The longest text of each version, and one byte more. */
static void test_every_version(void **state) {
    static const struct {
        const char *name;
        size_t longest;
    } rows[] = {
        {"1", 14},  {"2", 26},  {"3", 42},  {"4", 62},  {"5", 84},
        {"6", 106}, {"7", 122}, {"8", 152}, {"9", 180}, {"10", 213},
    };
    static struct qr qr;
    char text[LONGEST + 2];
    (void)state;
    memset(text, 'q', sizeof text);
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const struct slice longest = slice_of(text, rows[i].longest);
        row_assert(rows[i].name, qr_make(&qr, longest));
        row_assert_number(rows[i].name, qr.size, 21 + 4 * i);
        char *decoded = decode(&qr);
        row_assert_slice(rows[i].name, slice_of(decoded, strlen(decoded) - 1), longest);
        free(decoded);
        bool is_last = i + 1 == ROWS_COUNT(rows);
        row_assert_number(rows[i].name, qr_make(&qr, slice_of(text, rows[i].longest + 1)),
                          !is_last);
    }
}

/* Four of the 26 codewords of version 1 may be wrong at level M (ISO/IEC 18004:2015, table 9), and
 * these are the first four: two above each other in each of the last two pairs of columns. */
static void test_damage_is_corrected(void **state) {
    static struct qr qr;
    (void)state;
    assert_true(qr_make(&qr, SLICE("http://a.test/")));
    for (int row = qr.size - 8; row < qr.size; row++) {
        for (int column = qr.size - 4; column < qr.size; column++)
            qr.dark[row][column] = !qr.dark[row][column];
    }
    char *decoded = decode(&qr);
    assert_string_equal(decoded, "http://a.test/\n");
    free(decoded);
}

static void test_the_quiet_zone_is_light(void **state) {
    static struct qr qr;
    (void)state;
    assert_true(qr_make(&qr, SLICE("x")));
    assert_int_equal(qr.size, 21);
    for (int i = -QR_QUIET; i < qr.size + QR_QUIET; i++) {
        assert_false(qr_is_dark(&qr, -1, i));
        assert_false(qr_is_dark(&qr, i, -1));
        assert_false(qr_is_dark(&qr, qr.size, i));
        assert_false(qr_is_dark(&qr, i, qr.size));
    }
    assert_true(qr_is_dark(&qr, 0, 0));
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_random_urls_are_read),
        test(test_every_version),
        test(test_damage_is_corrected),
        test(test_the_quiet_zone_is_light),
    };
    return cmocka_run_group_tests_name("qr", tests, NULL, NULL);
}
