#include "sys/terminal.h"

#include "support/note.h"
#include "support/row.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* NULL: not set. */
static void set(const char *name, const char *value) {
    if (value != NULL)
        (void)setenv(name, value, 1);
    else
        (void)unsetenv(name);
}

static void test_colours(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *no_color;
        const char *term;
        bool takes;
    } rows[] = {
        {"a terminal", NULL, "xterm-256color", true},
        {"unknown", NULL, NULL, true},
        {"a dumb one", NULL, "dumb", false},
        {"NO_COLOR", "1", "xterm", false},
        {"NO_COLOR, whatever it says", "no", "xterm", false},
        {"NO_COLOR is empty", "", "xterm", true},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        set("NO_COLOR", rows[i].no_color);
        set("TERM", rows[i].term);
        row_assert_number(rows[i].name, terminal_takes_colours(), rows[i].takes);
    }
}

static void test_utf8(void **state) {
    (void)state;
    set("TERM", "xterm");
    static const struct {
        const char *name;
        const char *lc_all;
        const char *lc_ctype;
        const char *lang;
        bool takes;
    } rows[] = {
        {"nothing is set", NULL, NULL, NULL, true},
        {"UTF-8", NULL, NULL, "it_IT.UTF-8", true},
        {"utf8", NULL, NULL, "C.utf8", true},
        {"with a modifier", NULL, NULL, "ca_ES.utf8@valencia", true},
        {"Latin-1", NULL, NULL, "it_IT.ISO-8859-1", false},
        {"none is named", NULL, NULL, "C", true},
        {"LC_CTYPE comes before LANG", NULL, "it_IT.ISO-8859-1", "it_IT.UTF-8", false},
        {"LC_ALL comes before both", "C.UTF-8", "it_IT.KOI8-R", "it_IT.KOI8-R", true},
        {"what is empty is not set", "", "", "it_IT.EUC-JP", false},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        set("LC_ALL", rows[i].lc_all);
        set("LC_CTYPE", rows[i].lc_ctype);
        set("LANG", rows[i].lang);
        row_assert_number(rows[i].name, terminal_takes_utf8(), rows[i].takes);
    }
}

static void test_dumb_ones_take_neither(void **state) {
    (void)state;
    set("TERM", "dumb");
    set("LC_ALL", "C.UTF-8");
    assert_false(terminal_takes_utf8());
    set("TERM", "xterm");
    assert_true(terminal_takes_utf8());
}

static void test_columns(void **state) {
    const struct winsize size = {.ws_col = 123, .ws_row = 40};
    (void)state;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0) {
        note_cannot_test("terminals, of which this machine gives out none");
        return;
    }
    assert_int_equal(terminal_columns(master), 0);
    assert_int_equal(ioctl(master, TIOCSWINSZ, &size), 0);
    assert_int_equal(terminal_columns(master), 123);
    (void)close(master);
    assert_int_equal(terminal_columns(master), 0);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_colours),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_dumb_ones_take_neither),
        cmocka_unit_test(test_columns),
    };
    return cmocka_run_group_tests_name("terminal", tests, NULL, NULL);
}
