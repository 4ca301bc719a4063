#include "serve/spell.h"

#include "support/guard.h"
#include "support/row.h"

#include <stdlib.h>
#include <time.h>

/* Writes into memory that ends at a guard page. */
#define ASSERT_SPELT(call, value, text)                               \
    do {                                                              \
        char *room = guard_room(SPELL_TEXT_MAX);                      \
        struct buf buf = BUF_INIT(room, SPELL_TEXT_MAX);              \
        call(&buf, value);                                            \
        row_assert(text, !buf.overflow);                              \
        row_assert_slice(text, buf_slice(&buf), slice_of_text(text)); \
        guard_free(room, SPELL_TEXT_MAX);                             \
    } while (0)

static void test_durations(void **state) {
    (void)state;
    static const struct {
        uint64_t us;
        const char *text;
    } rows[] = {
        {0, "0.00 ms"},       {4, "0.00 ms"},       {5, "0.01 ms"},
        {49, "0.05 ms"},      {50, "0.1 ms"},       {149, "0.1 ms"},
        {150, "0.2 ms"},      {12345, "12.3 ms"},   {99949, "99.9 ms"},
        {99950, "100 ms"},    {999499, "999 ms"},   {999500, "1.0 s"},
        {41000000, "41.0 s"}, {123456789, "123 s"}, {INT64_MAX, "9223372036855 s"},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        ASSERT_SPELT(spell_duration, rows[i].us, rows[i].text);
}

static void test_what_went_on(void **state) {
    (void)state;
    static const struct {
        uint64_t s;
        const char *text;
    } rows[] = {
        {0, "0 s"},
        {1, "1 s"},
        {59, "59 s"},
        {60, "1 min 0 s"},
        {200, "3 min 20 s"},
        {3599, "59 min 59 s"},
        {3600, "1 h 0 min"},
        {7530, "2 h 5 min"},
        {86399, "23 h 59 min"},
        {86400, "1 d 0 h"},
        {1000000, "11 d 13 h"},
        {INT64_MAX, "106751991167300 d 15 h"},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        ASSERT_SPELT(spell_elapsed, rows[i].s, rows[i].text);
}

static void test_times_of_day_are_local(void **state) {
    (void)state;
    (void)setenv("TZ", "UTC0", 1);
    tzset();
    ASSERT_SPELT(spell_clock, 784111777, "08:49:37");
    (void)setenv("TZ", "EST5", 1);
    tzset();
    ASSERT_SPELT(spell_clock, 784111777, "03:49:37");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_what_went_on),
        cmocka_unit_test(test_times_of_day_are_local),
    };
    return cmocka_run_group_tests_name("spell", tests, NULL, NULL);
}
