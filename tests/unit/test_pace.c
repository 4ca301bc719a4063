#include "serve/pace.h"

#include "support/row.h"

static struct pace pace;

static int setup(void **state) {
    (void)state;
    pace = (struct pace){0};
    return 0;
}

/* How many of that many lines are shown, all of which come at once. */
static unsigned come(unsigned lines, int64_t now_ms) {
    unsigned shown = 0;
    for (unsigned i = 0; i < lines; i++)
        shown += pace_allows(&pace, now_ms);
    return shown;
}

static void test_what_can_be_read_is_shown(void **state) {
    (void)state;
    for (int second = 5; second < 9; second++)
        assert_int_equal(come(PACE_BURST, second * 1000 + 999), PACE_BURST);
    assert_false(pace_tell(&pace));
}

static void test_more_is_withheld(void **state) {
    (void)state;
    assert_int_equal(come(PACE_BURST, 5000), PACE_BURST);
    assert_false(pace_tell(&pace));
    assert_int_equal(come(1, 5999), 0);
    assert_true(pace_tell(&pace));
    assert_int_equal(come(1000, 5999), 0);
    assert_false(pace_tell(&pace));
}

/* What is shown of ten lines, when so many came in the second before, the last of them `pause_ms`
 * ago, and lines were withheld then. */
static void test_until_it_is_calm(void **state) {
    (void)state;
    static const struct {
        const char *name;
        unsigned before;
        int64_t pause_ms;
        unsigned shown;
    } rows[] = {
        {"many", PACE_CALM + 1, PACE_PAUSE_MS - 1, 0},
        {"few", PACE_CALM, 10, 10},
        {"many, and a pause", PACE_CALM + 1, PACE_PAUSE_MS, 10},
        {"many, a minute ago", 1000, 60000, 10},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        pace = (struct pace){0};
        row_assert_number(rows[i].name, come(PACE_BURST + 1, 5900), PACE_BURST);
        row_assert_number(rows[i].name, come(1, 6000), 0);
        row_assert_number(rows[i].name, come(rows[i].before - 1, 6995), 0);
        row_assert_number(rows[i].name, come(10, 6995 + rows[i].pause_ms), rows[i].shown);
    }
}

/* In each second in which lines are withheld: who sums them up may have fallen asleep. */
static void test_somebody_is_told_once_a_second(void **state) {
    (void)state;
    (void)come(PACE_BURST + 1, 5900);
    for (int second = 6; second < 9; second++) {
        (void)come(1000, second * 1000);
        assert_true(pace_tell(&pace));
        (void)come(1000, second * 1000 + 900);
        assert_false(pace_tell(&pace));
    }
    (void)come(PACE_BURST, 12000);
    assert_false(pace_tell(&pace));
}

#define test(f) cmocka_unit_test_setup(f, setup)

int main(void) {
    static const struct CMUnitTest tests[] = {
        test(test_what_can_be_read_is_shown),
        test(test_more_is_withheld),
        test(test_until_it_is_calm),
        test(test_somebody_is_told_once_a_second),
    };
    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
