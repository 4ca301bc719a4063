#include "sys/terminal.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>

static bool is_dumb(void) {
    const char *term = getenv("TERM");
    return term != NULL && strcmp(term, "dumb") == 0;
}

bool terminal_takes_colours(void) {
    const char *no_color = getenv("NO_COLOR");
    return (no_color == NULL || no_color[0] == '\0') && !is_dumb();
}

/* The first of those that is set and not empty decides (setlocale(3)); NULL: none is. */
static const char *locale_of_characters(void) {
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0')
            return value;
    }
    return NULL;
}

bool terminal_takes_utf8(void) {
    const char *locale = locale_of_characters();
    const char *set = locale != NULL ? strchr(locale, '.') : NULL;
    if (is_dumb())
        return false;
    return set == NULL || strncasecmp(set, ".utf-8", 6) == 0 || strncasecmp(set, ".utf8", 5) == 0;
}

unsigned terminal_columns(int fd) {
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
