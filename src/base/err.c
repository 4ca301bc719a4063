#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

int err_set(struct err *err, int errnum, const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    return -errnum;
}
