#include "support/row.h"

#include "base/ascii.h"

#include <stdio.h>

static char message[2048];

/* The message takes the place of the expression in cmocka's own report. */
static void fail_with_message(const char *file, int line) {
    _assert_true(0, message, file, line);
}

const char *row_at(const char *row, size_t position) {
    static char name[256];
    (void)snprintf(name, sizeof name, "%s, at %zu", row, position);
    return name;
}

/* Puts `slice` as it would stand in C source, cut to what fits. */
static void quote(struct slice slice, char *text, size_t size) {
    size_t at = 0;
    if (slice.ptr == NULL) {
        (void)snprintf(text, size, "none");
        return;
    }
    text[at++] = '"';
    for (size_t i = 0; i < slice.len && at + sizeof "\\xff\"" < size; i++) {
        char c = slice.ptr[i];
        bool plain = !ascii_is_control(c) && (unsigned char)c < 0x80 && c != '"' && c != '\\';
        at += (size_t)snprintf(text + at, size - at, plain ? "%c" : "\\x%02x", (unsigned char)c);
    }
    text[at++] = '"';
    text[at] = '\0';
}

void row_check(const char *row, bool holds, const char *condition, const char *file, int line) {
    if (holds)
        return;
    (void)snprintf(message, sizeof message, "%s: not so: %s", row, condition);
    fail_with_message(file, line);
}

void row_check_number(const char *row, const char *what, intmax_t got, intmax_t want,
                      const char *file, int line) {
    if (got == want)
        return;
    (void)snprintf(message, sizeof message, "%s: %s is %jd, not %jd", row, what, got, want);
    fail_with_message(file, line);
}

void row_check_slice(const char *row, const char *what, struct slice got, struct slice want,
                     const char *file, int line) {
    char got_text[512];
    char want_text[512];
    if ((got.ptr == NULL) == (want.ptr == NULL) && slice_equal(got, want))
        return;
    quote(got, got_text, sizeof got_text);
    quote(want, want_text, sizeof want_text);
    (void)snprintf(message, sizeof message, "%s: %s is %s, not %s", row, what, got_text, want_text);
    fail_with_message(file, line);
}
