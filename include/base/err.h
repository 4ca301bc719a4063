/* Why something could not be set up, as a sentence for the operator. Set-up functions return 0 or a
 * negative errno and fill in a struct err of the caller's; the caller decides whether it is
 * printed. */
#pragma once

struct err {
    char text[640];
};

#define ERR_INIT \
    { "" }

/* Sets the text, cut to its room, and returns -errnum, so that a function can end with `return
 * err_set(...)`. */
__attribute__((format(printf, 3, 4))) int err_set(struct err *err, int errnum, const char *format,
                                                  ...);
