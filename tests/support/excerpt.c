#include "support/excerpt.h"

#include <string.h>

static const char ellipsis[] = "...\n";

/* The bytes of the first line, with its end. */
static size_t line_len(const char *text) {
    size_t len = strcspn(text, "\n");
    return text[len] == '\n' ? len + 1 : len;
}

/* Whether what stands below an ellipsis matches at one of the lines, or at the end. */
static bool matches_somewhere(const char *excerpt, const char *text) {
    for (; !excerpt_matches(excerpt, text); text += line_len(text)) {
        if (*text == '\0')
            return false;
    }
    return true;
}

bool excerpt_matches(const char *excerpt, const char *text) {
    while (*excerpt != '\0') {
        size_t len = line_len(excerpt);
        if (strncmp(excerpt, ellipsis, len) == 0)
            return matches_somewhere(excerpt + len, text);
        if (len != line_len(text) || strncmp(excerpt, text, len) != 0)
            return false;
        excerpt += len;
        text += len;
    }
    return *text == '\0';
}
