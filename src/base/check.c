#include "base/check.h"

#include "base/diag.h"

#include <stdlib.h>

void check_failed(const char *condition, const char *file, int line) {
    diag_message("bug: %s does not hold (%s:%d)", condition, file, line);
    abort();
}
