/* The calendar is computed here: gmtime_r() and timegm() know about time zones, leap second tables
 * and locales, none of which an HTTP date has. Days are counted in years that start on 1 March, so
 * that the leap day is the last one. */
#include "http/date.h"

#include "base/ascii.h"

enum { DAY_S = 86400, ERA_DAYS = 146097, ERA_YEARS = 400 };

static const char day_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char long_day_names[7][10] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                           "Thursday", "Friday", "Saturday"};
static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* A calendar date and time of day, as its parts stand in the text. */
struct calendar {
    int64_t year;
    int64_t month; /* 1 to 12 */
    int64_t day;   /* 1 to 31 */
    int64_t hour;
    int64_t minute;
    int64_t second; /* up to 60: a leap second */
};

static bool is_leap_year(int64_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t days_in_month(int64_t year, int64_t month) {
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap_year(year) ? 1 : 0);
}

/* Days from 1970-01-01; the year is at least 0. */
static int64_t days_of_calendar(const struct calendar *calendar) {
    int64_t year = calendar->month > 2 ? calendar->year : calendar->year - 1;
    int64_t month = calendar->month > 2 ? calendar->month - 3 : calendar->month + 9;
    int64_t era = (year + ERA_YEARS) / ERA_YEARS - 1;
    int64_t year_of_era = year - era * ERA_YEARS;
    int64_t day_of_year = (153 * month + 2) / 5 + calendar->day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * ERA_DAYS + day_of_era - 719468; /* 0000-03-01 to 1970-01-01 */
}

static int64_t seconds_of_calendar(const struct calendar *calendar) {
    return days_of_calendar(calendar) * DAY_S + calendar->hour * 3600 + calendar->minute * 60 +
           calendar->second;
}

static void calendar_of_days(int64_t days, struct calendar *calendar) {
    days += 719468;
    int64_t era = (days + ERA_DAYS) / ERA_DAYS - 1;
    int64_t day_of_era = days - era * ERA_DAYS;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    calendar->day = day_of_year - (153 * month + 2) / 5 + 1;
    calendar->month = month < 10 ? month + 3 : month - 9;
    calendar->year = era * ERA_YEARS + year_of_era + (calendar->month <= 2 ? 1 : 0);
}

static char *put_digits(char *at, int64_t value, int count) {
    for (int i = count - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + count;
}

static char *put_text(char *at, const char *text) {
    while (*text != '\0')
        *at++ = *text++;
    return at;
}

/* Fills in the calendar, and returns the days from 1970-01-01. */
static int64_t calendar_of_seconds(int64_t time_s, struct calendar *calendar) {
    const int64_t first_s = -62167219200; /* 0000-01-01 */
    const int64_t last_s = 253402300799;  /* the end of 9999 */
    time_s = time_s < first_s ? first_s : time_s > last_s ? last_s : time_s;
    int64_t second_of_day = (time_s % DAY_S + DAY_S) % DAY_S;
    int64_t days = (time_s - second_of_day) / DAY_S;
    calendar_of_days(days, calendar);
    calendar->hour = second_of_day / 3600;
    calendar->minute = second_of_day / 60 % 60;
    calendar->second = second_of_day % 60;
    return days;
}

static char *put_time(char *at, const struct calendar *calendar) {
    at = put_digits(at, calendar->hour, 2);
    *at++ = ':';
    at = put_digits(at, calendar->minute, 2);
    *at++ = ':';
    return put_digits(at, calendar->second, 2);
}

void date_format(int64_t time_s, char *text) {
    struct calendar calendar;
    int64_t days = calendar_of_seconds(time_s, &calendar);
    text = put_text(text, day_names[((days + 4) % 7 + 7) % 7]); /* day 0 was a Thursday */
    text = put_text(text, ", ");
    text = put_digits(text, calendar.day, 2);
    *text++ = ' ';
    text = put_text(text, month_names[calendar.month - 1]);
    *text++ = ' ';
    text = put_digits(text, calendar.year, 4);
    *text++ = ' ';
    text = put_time(text, &calendar);
    put_text(text, " GMT");
}

void date_format_stamp(int64_t time_s, char *text) {
    struct calendar calendar;
    (void)calendar_of_seconds(time_s, &calendar);
    text = put_digits(text, calendar.year, 4);
    *text++ = '-';
    text = put_digits(text, calendar.month, 2);
    *text++ = '-';
    text = put_digits(text, calendar.day, 2);
    *text++ = 'T';
    text = put_time(text, &calendar);
    *text = 'Z';
}

/* The takers cut what they read off the front of `text`. */

static bool take_text(struct slice *text, struct slice expected) {
    if (!slice_starts_with(*text, expected))
        return false;
    *text = slice_after(*text, expected.len);
    return true;
}

static bool take_digits(struct slice *text, size_t count, int64_t *value) {
    *value = 0;
    if (text->len < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!ascii_is_digit(text->ptr[i]))
            return false;
        *value = *value * 10 + (text->ptr[i] - '0');
    }
    *text = slice_after(*text, count);
    return true;
}

static bool take_month(struct slice *text, int64_t *month) {
    for (int i = 0; i < 12; i++) {
        if (take_text(text, slice_of_text(month_names[i]))) {
            *month = i + 1;
            return true;
        }
    }
    return false;
}

static bool take_time(struct slice *text, struct calendar *calendar) {
    return take_digits(text, 2, &calendar->hour) && take_text(text, SLICE(":")) &&
           take_digits(text, 2, &calendar->minute) && take_text(text, SLICE(":")) &&
           take_digits(text, 2, &calendar->second);
}

/* "06 Nov 1994 08:49:37 GMT" */
static bool take_fixdate(struct slice *text, struct calendar *calendar) {
    return take_digits(text, 2, &calendar->day) && take_text(text, SLICE(" ")) &&
           take_month(text, &calendar->month) && take_text(text, SLICE(" ")) &&
           take_digits(text, 4, &calendar->year) && take_text(text, SLICE(" ")) &&
           take_time(text, calendar) && take_text(text, SLICE(" GMT"));
}

/* "06-Nov-94 08:49:37 GMT" */
static bool take_rfc850(struct slice *text, int64_t now_s, struct calendar *calendar) {
    bool taken = take_digits(text, 2, &calendar->day) && take_text(text, SLICE("-")) &&
                 take_month(text, &calendar->month) && take_text(text, SLICE("-")) &&
                 take_digits(text, 2, &calendar->year) && take_text(text, SLICE(" ")) &&
                 take_time(text, calendar) && take_text(text, SLICE(" GMT"));
    if (!taken)
        return false;
    /* RFC 9110 §5.6.7: what appears to be more than 50 years in the future is the past. */
    struct calendar limit;
    calendar_of_days(now_s / DAY_S, &limit);
    calendar->year += limit.year - limit.year % 100;
    limit.year += 50;
    if (seconds_of_calendar(calendar) > days_of_calendar(&limit) * DAY_S + now_s % DAY_S)
        calendar->year -= 100;
    return true;
}

/* "Nov  6 08:49:37 1994" */
static bool take_asctime(struct slice *text, struct calendar *calendar) {
    return take_month(text, &calendar->month) && take_text(text, SLICE(" ")) &&
           (take_text(text, SLICE(" ")) ? take_digits(text, 1, &calendar->day)
                                        : take_digits(text, 2, &calendar->day)) &&
           take_text(text, SLICE(" ")) && take_time(text, calendar) &&
           take_text(text, SLICE(" ")) && take_digits(text, 4, &calendar->year);
}

static bool take_any(struct slice *text, int64_t now_s, struct calendar *calendar) {
    for (int i = 0; i < 7; i++) {
        if (take_text(text, slice_of_text(long_day_names[i])))
            return take_text(text, SLICE(", ")) && take_rfc850(text, now_s, calendar);
        if (take_text(text, slice_of_text(day_names[i]))) {
            if (take_text(text, SLICE(", ")))
                return take_fixdate(text, calendar);
            return take_text(text, SLICE(" ")) && take_asctime(text, calendar);
        }
    }
    return false;
}

static bool is_real(const struct calendar *calendar) {
    return calendar->day >= 1 && calendar->day <= days_in_month(calendar->year, calendar->month) &&
           calendar->hour < 24 && calendar->minute < 60 && calendar->second <= 60;
}

bool date_parse(struct slice text, int64_t now_s, int64_t *time_s) {
    struct calendar calendar;
    if (!take_any(&text, now_s, &calendar) || text.len > 0 || !is_real(&calendar))
        return false;
    *time_s = seconds_of_calendar(&calendar);
    return true;
}
