#include "proc/handover.h"

#include "support/row.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PID = 4711 };

static const struct {
    const char *name;
    struct handover_words words;
    size_t sockets;
    int channel;
    const char *kinds;
    size_t admin;
} rows[] = {
    {"nothing", {NULL, NULL, NULL}, 0, -1, NULL, 0},
    {"two sockets", {"4711", "2", NULL}, 2, -1, NULL, 0},
    {"none", {"4711", "0", NULL}, 0, -1, NULL, 0},
    {"another process", {"4712", "2", NULL}, 0, -1, NULL, 0},
    {"another process, upgrade", {"4712", "2", "5:ee"}, 0, -1, NULL, 0},
    {"no process", {NULL, "2", NULL}, 0, -1, NULL, 0},
    {"no number", {"4711", NULL, NULL}, 0, -1, NULL, 0},
    {"process is no number", {"4711x", "2", NULL}, 0, -1, NULL, 0},
    {"sockets are no number", {"4711", "-2", NULL}, 0, -1, NULL, 0},
    {"empty", {"", "", ""}, 0, -1, NULL, 0},
    {"more than there are descriptors", {"4711", "2147483645", NULL}, 0, -1, NULL, 0},
    {"upgrade", {"4711", "3", "6:eeg"}, 3, 6, "eeg", 0},
    {"upgrade, no sockets", {"4711", "0", "3:"}, 0, 3, "", 0},
    {"upgrade, one for --admin", {"4711", "3", "6:esE"}, 3, 6, "esE", 1},
    {"upgrade, all for --admin", {"4711", "2", "6:ES"}, 2, 6, "ES", 2},
    {"upgrade, too few kinds", {"4711", "3", "6:ee"}, 3, -1, NULL, 0},
    {"upgrade, too many kinds", {"4711", "3", "6:eeee"}, 3, -1, NULL, 0},
    {"upgrade, no colon", {"4711", "3", "6"}, 3, -1, NULL, 0},
    {"upgrade, no channel", {"4711", "3", ":eee"}, 3, -1, NULL, 0},
    {"upgrade, a standard descriptor", {"4711", "3", "2:eee"}, 3, -1, NULL, 0},
    {"upgrade, channel too large", {"4711", "3", "99999999999:eee"}, 3, -1, NULL, 0},
};

static void test_words(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        const char *row = rows[i].name;
        struct handover handover = handover_parse(&rows[i].words, PID);
        row_assert_number(row, handover.sockets, rows[i].sockets);
        row_assert_number(row, handover.channel, rows[i].channel);
        row_assert_number(row, handover.admin, rows[i].admin);
        row_assert(row, (handover.kinds == NULL) == (rows[i].kinds == NULL));
        row_assert(row, handover.kinds == NULL || strcmp(handover.kinds, rows[i].kinds) == 0);
    }
}

static void test_what_is_taken_is_gone(void **state) {
    (void)state;
    static const char *const names[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
                                        "PRONTO_UPGRADE"};
    char pid[32];
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    const char *const values[] = {pid, "2", "a:b", "7:es"};
    for (size_t i = 0; i < ROWS_COUNT(names); i++)
        assert_int_equal(setenv(names[i], values[i], 1), 0);
    struct handover handover = handover_take();
    assert_int_equal(handover.sockets, 2);
    assert_int_equal(handover.channel, 7);
    assert_string_equal(handover.kinds, "es");
    for (size_t i = 0; i < ROWS_COUNT(names); i++)
        assert_null(getenv(names[i]));
    handover = handover_take();
    assert_int_equal(handover.sockets, 0);
    assert_int_equal(handover.channel, -1);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_what_is_taken_is_gone),
    };
    return cmocka_run_group_tests_name("handover", tests, NULL, NULL);
}
