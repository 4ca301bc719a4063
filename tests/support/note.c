#include "support/note.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

__attribute__((format(printf, 2, 0))) static void say(const char *prefix, const char *format,
                                                      va_list arguments) {
    char text[1024];
    (void)vsnprintf(text, sizeof text, format, arguments);
    (void)fflush(stdout);
    (void)fprintf(stderr, "# %s%s\n", prefix, text);
}

void note_say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say("", format, arguments);
    va_end(arguments);
}

void note_cannot_test(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say("cannot be tested here: ", format, arguments);
    va_end(arguments);
    if (getenv("CI") != NULL)
        fail_msg("in CI everything has to be tested");
}

int64_t note_now_ms(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void note_pause_ms(int64_t ms) {
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&pause, NULL);
}

void note_assert_contains(const char *text, const char *part) {
    if (strstr(text, part) == NULL)
        fail_msg("'%s' is not in:\n%s", part, text);
}

void note_assert_lacks(const char *text, const char *part) {
    if (strstr(text, part) != NULL)
        fail_msg("'%s' is in:\n%s", part, text);
}
