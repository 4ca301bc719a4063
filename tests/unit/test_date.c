#include "http/date.h"

#include "support/guard.h"
#include "support/row.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 86400 };

static const int64_t FIRST_S = -62167219200; /* 0000-01-01 00:00:00 */
static const int64_t LAST_S = 253402300799;  /* 9999-12-31 23:59:59 */
static const int64_t NOW_S = 1790000000;     /* 2026-09-21 14:13:20 */

static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                   "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static bool parse(const char *text, int64_t now_s, int64_t *time_s) {
    const size_t len = strlen(text);
    char *copy = guard_copy(slice_of(text, len));
    bool parsed = date_parse(slice_of(copy, len), now_s, time_s);
    guard_free(copy, len);
    return parsed;
}

static void assert_formatted(const char *row, int64_t time_s, const char *expected) {
    char *room = guard_room(DATE_LEN);
    date_format(time_s, room);
    row_assert_slice(row, slice_of(room, DATE_LEN), slice_of_text(expected));
    guard_free(room, DATE_LEN);
}

/* The C library's calendar as the judge, in the three forms of RFC 9110 §5.6.7. */
static void assert_like_libc(int64_t time_s) {
    char fixdate[64];
    char rfc850[64];
    char asctime[64];
    const time_t time = (time_t)time_s;
    struct tm tm;
    int64_t parsed_s;
    if (gmtime_r(&time, &tm) == NULL || timegm(&tm) != time)
        fail_msg("the C library cannot do %jd", (intmax_t)time_s);
    const char *day = days[tm.tm_wday];
    const char *month = months[tm.tm_mon];
    const int year = tm.tm_year + 1900;

    (void)snprintf(fixdate, sizeof fixdate, "%.3s, %02d %s %04d %02d:%02d:%02d GMT", day,
                   tm.tm_mday, month, year, tm.tm_hour, tm.tm_min, tm.tm_sec);
    char formatted[DATE_LEN];
    date_format(time_s, formatted);
    row_assert_slice(fixdate, slice_of(formatted, DATE_LEN), slice_of_text(fixdate));
    row_assert(fixdate, date_parse(slice_of_text(fixdate), NOW_S, &parsed_s));
    row_assert_number(fixdate, parsed_s, time_s);

    (void)snprintf(asctime, sizeof asctime, "%.3s %s %2d %02d:%02d:%02d %04d", day, month,
                   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, year);
    row_assert(asctime, date_parse(slice_of_text(asctime), NOW_S, &parsed_s));
    row_assert_number(asctime, parsed_s, time_s);

    if (year < 1977 || year > 2075)
        return; /* two digits would be read as another century */
    (void)snprintf(rfc850, sizeof rfc850, "%s, %02d-%s-%02d %02d:%02d:%02d GMT", day, tm.tm_mday,
                   month, year % 100, tm.tm_hour, tm.tm_min, tm.tm_sec);
    row_assert(rfc850, date_parse(slice_of_text(rfc850), NOW_S, &parsed_s));
    row_assert_number(rfc850, parsed_s, time_s);
}

static void test_rfc9110_5_6_7_round_trip(void **state) {
    (void)state;
    /* Every day of three centuries, at a time of day that wanders. */
    for (int64_t day = -25567; day < 84006; day++)
        assert_like_libc(day * DAY_S + (day * 7919 % DAY_S + DAY_S) % DAY_S);
    /* And all of what four digits can say, in steps that meet all days of the year. */
    for (int64_t time_s = FIRST_S; time_s <= LAST_S; time_s += 37 * DAY_S + 3607)
        assert_like_libc(time_s);
    assert_like_libc(LAST_S);
    for (int64_t second = 0; second < DAY_S; second += 7)
        assert_like_libc(1709164800 + second); /* 2024-02-29 */
}

static void test_format(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t time_s;
    } rows[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
        {"Thu, 29 Feb 2024 00:00:00 GMT", 1709164800},
        {"Tue, 29 Feb 2000 23:59:59 GMT", 951868799},
        {"Wed, 01 Mar 2000 00:00:00 GMT", 951868800},
        {"Thu, 31 Dec 2026 23:59:59 GMT", 1798761599},
        {"Tue, 19 Jan 2038 03:14:08 GMT", 2147483648},
        {"Mon, 01 Mar 2100 00:00:00 GMT", 4107542400},
        {"Sat, 01 Jan 0000 00:00:00 GMT", -62167219200},
        {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++)
        assert_formatted(rows[i].text, rows[i].time_s, rows[i].text);
}

/* A file may carry any mtime; what four digits can't say becomes the nearest that they can. */
static void test_format_of_extremes(void **state) {
    (void)state;
    assert_formatted("before 0", FIRST_S - 1, "Sat, 01 Jan 0000 00:00:00 GMT");
    assert_formatted("the least", INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT");
    assert_formatted("behind 9999", LAST_S + 1, "Fri, 31 Dec 9999 23:59:59 GMT");
    assert_formatted("the most", INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT");
}

static void test_rfc3339_stamps(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t time_s;
    } rows[] = {
        {"1994-11-06T08:49:37Z", 784111777}, {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59Z", -1},        {"2024-02-29T00:00:00Z", 1709164800},
        {"2000-02-29T23:59:59Z", 951868799}, {"0000-01-01T00:00:00Z", INT64_MIN},
        {"9999-12-31T23:59:59Z", INT64_MAX},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        char *room = guard_room(DATE_STAMP_LEN);
        date_format_stamp(rows[i].time_s, room);
        row_assert_slice(rows[i].text, slice_of(room, DATE_STAMP_LEN), slice_of_text(rows[i].text));
        guard_free(room, DATE_STAMP_LEN);
    }
}

static void test_rfc9110_5_6_7_valid(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t time_s;
    } rows[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {"Sun Nov 06 08:49:37 1994", 784111777},      /* date3 takes two digits too */
        {"Mon, 06 Nov 1994 08:49:37 GMT", 784111777}, /* the wrong day of the week */
        {"Saturday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Wed Nov 16 08:49:37 1994", 784975777},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Sat, 01 Jan 0000 00:00:00 GMT", -62167219200},
        {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
        {"Thu, 29 Feb 2024 00:00:00 GMT", 1709164800},
        {"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
        {"Thursday, 29-Feb-24 00:00:00 GMT", 1709164800},
        {"Thu Feb 29 00:00:00 2024", 1709164800},
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800}, /* a leap second */
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        int64_t time_s = -12345;
        row_assert(rows[i].text, parse(rows[i].text, NOW_S, &time_s));
        row_assert_number(rows[i].text, time_s, rows[i].time_s);
    }
}

static void test_invalid(void **state) {
    (void)state;
    static const char *const rows[] = {
        "",
        " ",
        "0",
        "Sun",
        "Sun,",
        "Sunday",
        "Sunday,",
        "tomorrow",
        "784111777",
        "1994-11-06T08:49:37Z",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 01994 08:49:37 GMT",
        "Sun, 06 Nov -994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 ",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 gmt",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT; length=5",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06  Nov 1994 08:49:37 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun 06 Nov 1994 08:49:37 GMT",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "SUN, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 NOV 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Nov 1994 08-49-37 GMT",
        "Sun, 06 Nov 1994 08:49:3x GMT",
        "Sun, 06 Nov 1994 08:49:37.5 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Son, 06 Nov 1994 08:49:37 GMT",
        "06 Nov 1994 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 6-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37",
        "Sunday, 06-Nov-94 08:49:37 EST",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "sunday, 06-Nov-94 08:49:37 GMT",
        "Sundae, 06-Nov-94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov   6 08:49:37 1994",
        "Sun Nov  16 08:49:37 1994",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun Nov  6 08:49:37 1994\n",
        "Sunday Nov  6 08:49:37 1994",
        "Sun, Nov  6 08:49:37 1994",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 32 Dec 1994 08:49:37 GMT",
        "Sun, 99 Dec 1994 08:49:37 GMT",
        "Sun, 30 Feb 2024 08:49:37 GMT",
        "Sun, 29 Feb 2023 08:49:37 GMT",
        "Sun, 29 Feb 2100 08:49:37 GMT",
        "Sun, 29 Feb 1900 08:49:37 GMT",
        "Sunday, 29-Feb-23 08:49:37 GMT",
        "Sun Feb 29 08:49:37 2023",
        "Sun Feb  0 08:49:37 2023",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 31 Apr 2024 00:00:00 GMT",
        "Sun, 31 Jun 2024 00:00:00 GMT",
        "Sun, 31 Sep 2024 00:00:00 GMT",
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        int64_t time_s;
        row_assert(rows[i], !parse(rows[i], NOW_S, &time_s));
    }
}

/* Each prefix of a date, and each date with a byte more, is none. */
static void test_prefixes_are_none(void **state) {
    (void)state;
    static const char *const rows[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                       "Sunday, 06-Nov-94 08:49:37 GMT",
                                       "Sun Nov  6 08:49:37 1994"};
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        int64_t time_s;
        for (size_t len = 0; len < strlen(rows[i]); len++) {
            char *copy = guard_copy(slice_of(rows[i], len));
            row_assert(row_at(rows[i], len), !date_parse(slice_of(copy, len), NOW_S, &time_s));
            guard_free(copy, len);
        }
        row_assert(rows[i], !date_parse(slice_of(rows[i], strlen(rows[i]) + 1), NOW_S, &time_s));
    }
}

static void test_rfc9110_5_6_7_two_digit_years(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *now;
        const char *text;
        const char *meaning;
    } rows[] = {
        {"this year", "Mon, 21 Sep 2026 12:00:00 GMT", "Monday, 21-Sep-26 12:00:00 GMT",
         "Mon, 21 Sep 2026 12:00:00 GMT"},
        {"the first of the century", "Mon, 21 Sep 2026 12:00:00 GMT",
         "Monday, 03-Jan-00 00:00:00 GMT", "Mon, 03 Jan 2000 00:00:00 GMT"},
        {"some years ahead", "Mon, 21 Sep 2026 12:00:00 GMT", "Monday, 01-Jan-50 00:00:00 GMT",
         "Sat, 01 Jan 2050 00:00:00 GMT"},
        {"not quite 50 years ahead", "Mon, 21 Sep 2026 12:00:00 GMT",
         "Monday, 21-Sep-76 11:59:59 GMT", "Mon, 21 Sep 2076 11:59:59 GMT"},
        {"50 years ahead", "Mon, 21 Sep 2026 12:00:00 GMT", "Monday, 21-Sep-76 12:00:00 GMT",
         "Mon, 21 Sep 2076 12:00:00 GMT"},
        {"a second more than 50 years ahead", "Mon, 21 Sep 2026 12:00:00 GMT",
         "Monday, 21-Sep-76 12:00:01 GMT", "Tue, 21 Sep 1976 12:00:01 GMT"},
        {"a month more than 50 years ahead", "Mon, 21 Sep 2026 12:00:00 GMT",
         "Monday, 21-Oct-76 12:00:00 GMT", "Thu, 21 Oct 1976 12:00:00 GMT"},
        {"51 years ahead", "Mon, 21 Sep 2026 12:00:00 GMT", "Monday, 21-Sep-77 12:00:00 GMT",
         "Wed, 21 Sep 1977 12:00:00 GMT"},
        {"the last of the century", "Mon, 21 Sep 2026 12:00:00 GMT",
         "Monday, 31-Dec-99 23:59:59 GMT", "Fri, 31 Dec 1999 23:59:59 GMT"},
        {"the turn of a century", "Fri, 31 Dec 1999 23:59:59 GMT", "Monday, 01-Jan-49 00:00:00 GMT",
         "Sat, 01 Jan 1949 00:00:00 GMT"},
        {"29 February, today", "Thu, 29 Feb 2024 00:00:00 GMT", "Friday, 28-Feb-74 00:00:00 GMT",
         "Wed, 28 Feb 2074 00:00:00 GMT"},
        {"at the epoch", "Thu, 01 Jan 1970 00:00:00 GMT", "Monday, 01-Jan-70 00:00:00 GMT",
         "Thu, 01 Jan 1970 00:00:00 GMT"},
    };
    for (size_t i = 0; i < ROWS_COUNT(rows); i++) {
        int64_t now_s;
        int64_t meaning_s;
        int64_t time_s;
        row_assert(rows[i].name, parse(rows[i].now, 0, &now_s));
        row_assert(rows[i].name, parse(rows[i].meaning, 0, &meaning_s));
        row_assert(rows[i].name, parse(rows[i].text, now_s, &time_s));
        row_assert_number(rows[i].name, time_s, meaning_s);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc9110_5_6_7_round_trip),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_format_of_extremes),
        cmocka_unit_test(test_rfc3339_stamps),
        cmocka_unit_test(test_rfc9110_5_6_7_valid),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_prefixes_are_none),
        cmocka_unit_test(test_rfc9110_5_6_7_two_digit_years),
    };
    return cmocka_run_group_tests_name("date", tests, NULL, NULL);
}
