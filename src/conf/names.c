#include "conf/names.h"

#include <errno.h>

static bool is_name(struct slice text) {
    return text.len > 0 && slice_find(text, '/') == text.len && !slice_equal(text, SLICE(".")) &&
           !slice_equal(text, SLICE(".."));
}

int names_parse(const char *text, struct names *names, struct err *err) {
    struct slice rest = slice_of_text(text);
    struct slice name;
    names->count = 0;
    while (slice_cut(&rest, ',', &name)) {
        if (!is_name(name))
            return err_set(err, EINVAL,
                           "'%s' is no list of file names (as in index.html,index.htm)", text);
        if (names->count == NAMES_MAX)
            return err_set(err, EINVAL, "'%s' has more than %d names", text, NAMES_MAX);
        names->items[names->count++] = name;
    }
    return 0;
}
