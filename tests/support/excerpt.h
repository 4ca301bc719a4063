/* What a document shows of a text: its lines, of which "..." stands for any number. */
#pragma once

#include <stdbool.h>

/* Whether the text is what the excerpt says. A line ends with a line feed. */
bool excerpt_matches(const char *excerpt, const char *text);
