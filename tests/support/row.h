/* Assertions for tests that walk a table: a failure says which row it was. With them comes cmocka,
 * which wants these headers before it. */
#pragma once

#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ROWS_COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* In each of them, `row` is the name of the row, as a C string. */
#define row_assert(row, condition) row_check(row, condition, #condition, __FILE__, __LINE__)

#define row_assert_number(row, got, want) \
    row_check_number(row, #got, (intmax_t)(got), (intmax_t)(want), __FILE__, __LINE__)

/* NULL, which is no value, equals NULL only. */
#define row_assert_slice(row, got, want) row_check_slice(row, #got, got, want, __FILE__, __LINE__)

/* The name of a row and a place in what it tests: "row, at 17". The
 * memory is static, and good until the next call. */
const char *row_at(const char *row, size_t position);

void row_check(const char *row, bool holds, const char *condition, const char *file, int line);
void row_check_number(const char *row, const char *what, intmax_t got, intmax_t want,
                      const char *file, int line);
void row_check_slice(const char *row, const char *what, struct slice got, struct slice want,
                     const char *file, int line);
