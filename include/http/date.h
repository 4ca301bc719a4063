/* Dates in HTTP (RFC 9110 §5.6.7), and in what people and programs read (RFC 3339). */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum { DATE_LEN = 29 }; /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* Writes seconds since the epoch as an IMF-fixdate, DATE_LEN bytes without NUL. Times outside the
 * years 0 to 9999 are written as the nearest that fits. */
void date_format(int64_t time_s, char *text);

enum { DATE_STAMP_LEN = 20 }; /* "1994-11-06T08:49:37Z" */

/* The same as a time stamp of RFC 3339, DATE_STAMP_LEN bytes without NUL. */
void date_format_stamp(int64_t time_s, char *text);

/* Reads any of the three forms: IMF-fixdate, RFC 850 (two-digit years are taken as at most 50 years
 * after `now_s`) and asctime. Returns false for anything else. The day name must be one, but need
 * not be the right one. */
bool date_parse(struct slice text, int64_t now_s, int64_t *time_s);
