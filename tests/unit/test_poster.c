#include "proc/poster.h"

#include "support/guard.h"
#include "support/note.h"
#include "support/picture.h"

#include <stdlib.h>
#include <string.h>

/* Reads the lines back, and fails unless they show the code and its quiet zone. */
static void expect_code(const struct qr *qr, const char *text, bool coloured) {
    static struct picture picture;
    picture_of_blocks(&picture, text, !coloured);
    assert_int_equal(picture.columns, qr->size + 2 * QR_QUIET);
    assert_int_equal(picture.rows, qr->size + 2 * QR_QUIET + 1);
    for (int row = 0; row < picture.rows; row++) {
        for (int column = 0; column < picture.columns; column++)
            assert_int_equal(picture.dark[row][column],
                             qr_is_dark(qr, row - QR_QUIET, column - QR_QUIET));
    }
}

/* Each line sets its colours, and resets them. */
static void expect_colours(const char *text, bool coloured) {
    const char *before = coloured ? "  \x1b[38;5;16;48;5;231m    " : "  \u2588\u2588\u2588\u2588";
    const char *behind = coloured ? "    \x1b[0m" : "\u2588\u2588\u2588\u2588";
    struct slice rest = slice_of_text(text);
    struct slice line;
    while (slice_cut(&rest, '\n', &line) && line.len > 0) {
        assert_memory_equal(line.ptr, before, strlen(before));
        assert_memory_equal(line.ptr + line.len - strlen(behind), behind, strlen(behind));
    }
}

static void show(struct slice text, bool coloured) {
    static struct qr qr;
    char *room = guard_room(POSTER_BYTES_MAX);
    struct buf buf = BUF_INIT(room, POSTER_BYTES_MAX);
    assert_true(qr_make(&qr, text));
    poster_put(&buf, &qr, coloured);
    assert_false(buf.overflow);
    assert_int_equal(poster_columns(&qr), 2 + qr.size + 8);
    char *lines = strndup(buf.ptr, buf.len);
    expect_code(&qr, lines, coloured);
    expect_colours(lines, coloured);
    free(lines);
    guard_free(room, POSTER_BYTES_MAX);
}

static void test_modules_are_halves_of_characters(void **state) {
    char longest[213];
    (void)state;
    memset(longest, 'x', sizeof longest);
    for (int coloured = 0; coloured < 2; coloured++) {
        show(SLICE("http://192.168.178.21:8080/"), coloured != 0);
        show(slice_of(longest, sizeof longest), coloured != 0);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modules_are_halves_of_characters),
    };
    return cmocka_run_group_tests_name("poster", tests, NULL, NULL);
}
