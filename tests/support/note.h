/* What a test says to the person who reads its output, and the checks that cmocka has none for. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Prints a TAP comment on stderr, where prove(1) shows it. */
__attribute__((format(printf, 1, 2))) void note_say(const char *format, ...);

/* Says that something can't be tested here, and why. Fails the test where the environment variable
 * CI is set; elsewhere it returns, and the caller goes on without. */
__attribute__((format(printf, 1, 2))) void note_cannot_test(const char *format, ...);

/* Milliseconds of a clock that never goes back, and a pause. */
int64_t note_now_ms(void);
void note_pause_ms(int64_t ms);

/* Fails unless `text` contains `part`, and shows both. */
void note_assert_contains(const char *text, const char *part);
void note_assert_lacks(const char *text, const char *part);
