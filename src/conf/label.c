#include "conf/label.h"

#include "base/ascii.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool is_label(const char *text) {
    size_t len = strlen(text);
    if (len == 0 || len > LABEL_MAX || text[0] == '-' || text[len - 1] == '-')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!ascii_is_alpha(text[i]) && !ascii_is_digit(text[i]) && text[i] != '-')
            return false;
    }
    return true;
}

int label_parse(const char *text, const char **label, struct err *err) {
    if (!is_label(text))
        return err_set(err, EINVAL,
                       "'%.100s' cannot be a name of a host (write up to %d letters, digits and "
                       "hyphens, as in %s)",
                       text, LABEL_MAX, LABEL_STANDARD);
    *label = strcmp(text, "on") == 0 ? LABEL_STANDARD : strcmp(text, "off") == 0 ? NULL : text;
    return 0;
}
